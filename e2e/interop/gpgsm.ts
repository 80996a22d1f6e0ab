/**
 * GnuPG's gpgsm as a participant, in a home of its own. It reads and writes bare CMS objects; private keys are put into its agent's
 * folder as the agent keeps them, so that no row depends on its reading of PKCS#12.
 */
import { createHash } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { clearSignedMail, entityOfMail, objectMail, takeApart } from './mail.ts'
import type { Material, Person } from './material.ts'
import { Unable, packageVersion, runProgram } from './participant.ts'
import type { Participant } from './participant.ts'
import { KEY_KINDS } from './rows.ts'
import type { Encryption, KeyKind, Row, Signing } from './rows.ts'

/** The last complaint, without what differs from run to run. */
function words(output: string): string {
  const lines = output
    .split('\n')
    .filter((line) => /^(?:gpgsm|gpg-agent|gpg-protect-tool): /.test(line))
    .map((line) => line.replace(/^gpgsm: /, '').replaceAll(/\S*\/si-\S+/g, 'FILE'))
    .filter(
      (line) =>
        !/^(?:Signature made|certificate is good|Note: |total number|\s*(?:imported|unchanged))/.test(line),
    )
  return (
    lines.find((line) => /fail|error|can't|invalid|unsupported|unknown/i.test(line)) ??
    lines.at(-1) ??
    'failed without a word'
  )
}

/** Keys of elliptic curves have keyAgreement (RFC 5480 3), which it takes for encryption only when told to. */
const CONFIGURATION = [
  ...['disable-crl-checks', 'disable-dirmngr', 'batch', 'no-tty'],
  ...['compatibility-flags allow-ka-to-encr', ''],
].join('\n')

const CURVES: Readonly<Partial<Record<KeyKind, string>>> = {
  p256: 'NIST P-256',
  p384: 'NIST P-384',
  p521: 'NIST P-521',
  brainpool256: 'brainpoolP256r1',
  brainpool384: 'brainpoolP384r1',
  brainpool512: 'brainpoolP512r1',
}

/** The agent's S-expression of a private key; null for kinds that it has no form for. */
function secretExpression(person: Person, kind: KeyKind): string | null {
  const { key } = person
  if (kind === 'rsa') {
    const jwk = key.export({ format: 'jwk' })
    const hex = (text: unknown) => `#00${Buffer.from(String(text), 'base64url').toString('hex')}#`
    // Its u is the inverse of p modulo q: the two primes change places.
    const { n, e, d, p, q, qi } = jwk
    return `(rsa (n ${hex(n)})(e ${hex(e)})(d ${hex(d)})(p ${hex(q)})(q ${hex(p)})(u ${hex(qi)}))`
  }
  const curve = CURVES[kind]
  if (curve === undefined) return null
  const sec1 = key.export({ type: 'sec1', format: 'der' })
  // RFC 5915 3: SEQUENCE, INTEGER 1, OCTET STRING with the scalar
  const start = (sec1[1] === 0x81 ? 3 : 2) + 3
  const length = sec1[start + 1] ?? 0
  const scalar = sec1.subarray(start + 2, start + 2 + length)
  const point = person.certificate.spki.subarray(-(2 * length + 1))
  return `(ecc (curve "${curve}")(q #${point.toString('hex')}#)(d #${scalar.toString('hex')}#))`
}

class GnuPg implements Participant {
  readonly name = 'GnuPG'
  readonly version = packageVersion('gpgsm')
  private readonly material: Material
  private readonly home: string
  private homes = 0

  constructor(material: Material) {
    this.material = material
    this.home = material.newFolder('g')
    writeFileSync(join(this.home, 'gpgsm.conf'), CONFIGURATION)
    writeFileSync(join(this.home, 'gpg-agent.conf'), 'allow-loopback-pinentry\n')
    const root = createHash('sha1').update(material.root.raw).digest('hex').toUpperCase()
    writeFileSync(join(this.home, 'trustlist.txt'), `${root} S relax\n`)
    this.run(['--import', material.rootFile, material.intermediateFile])
    for (const kind of KEY_KINDS) this.takeIn(kind)
  }

  close(): void {
    runProgram('gpgconf', ['--homedir', this.home, '--kill', 'all'], (output) => output)
  }

  private run(args: readonly string[]): Buffer {
    return runProgram('gpgsm', ['--homedir', this.home, ...args], words)
  }

  /** Certificate and private key of one kind; a kind that it does not know shows in the rows that need it. */
  private takeIn(kind: KeyKind): void {
    const person = this.material.person(kind)
    const expression = secretExpression(person, kind)
    try {
      this.run(['--import', person.certificateFile])
      const shown = this.run(['--with-keygrip', '--with-colons', '--list-keys', person.email]).toString()
      const grip = /^grp:+([0-9A-F]{40}):/m.exec(shown)?.[1]
      if (grip === undefined || expression === null) return
      const folder = join(this.home, 'private-keys-v1.d')
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      writeFileSync(join(folder, `${grip}.key`), `Key: (private-key ${expression})\n`, { mode: 0o600 })
    } catch (error) {
      if (!(error instanceof Unable)) throw error
    }
  }

  make({ what }: Row): Buffer {
    const { material } = this
    const { email } = material.person(what.key)
    switch (what.kind) {
      case 'signing':
        return this.sign(what)
      case 'encryption':
        return this.encrypt(what)
      case 'certificates-only':
      case 'key-file': {
        if (what.kind === 'key-file' && what.protection !== 'triple-des') throw new Unable('no option for it')
        if (what.kind === 'certificates-only') throw new Unable('no option for it')
        const secret = [
          '--pinentry-mode',
          'loopback',
          '--passphrase-fd',
          '0',
          '--export-secret-key-p12',
          email,
        ]
        return runProgram('gpgsm', ['--homedir', this.home, ...secret], words, {
          input: Buffer.from(`${material.password}\n`),
        })
      }
      case 'request':
        return this.makeRequest(what.key)
      case 'revocation-list':
      case 'ocsp':
      case 'compressed':
        throw new Unable('no option for it')
    }
  }

  read({ what }: Row, made: Buffer): void {
    const { material } = this
    switch (what.kind) {
      case 'signing':
        if (!this.verify(made, what.second === null ? 1 : 2).includes(material.token))
          throw new Unable('other content came out')
        return
      case 'encryption':
        this.decrypt(what, made)
        return
      case 'certificates-only':
        this.importInto(takeApart(made).object, [])
        return
      case 'key-file':
        this.importInto(
          made,
          ['--pinentry-mode', 'loopback', '--passphrase-fd', '0'],
          `${material.password}\n`,
        )
        return
      case 'compressed':
        this.run(['--decrypt', material.file(takeApart(made).object)])
        return
      case 'request':
      case 'revocation-list':
      case 'ocsp':
        throw new Unable('no option for it')
    }
  }

  /** Imports into an empty home, so that what is there already does not count. */
  private importInto(bytes: Buffer, args: readonly string[], input = ''): void {
    const { material } = this
    const home = material.newFolder(`h${(this.homes++).toString()}`)
    writeFileSync(join(home, 'gpgsm.conf'), CONFIGURATION)
    writeFileSync(join(home, 'gpg-agent.conf'), 'allow-loopback-pinentry\n')
    try {
      runProgram('gpgsm', ['--homedir', home, ...args, '--import', material.file(bytes)], words, {
        input: Buffer.from(input),
      })
      const list = input === '' ? '--list-keys' : '--list-secret-keys'
      const shown = runProgram('gpgsm', ['--homedir', home, '--with-colons', list], words).toString()
      if (!/^cr[ts]:/m.test(shown)) throw new Unable('nothing was imported')
    } finally {
      runProgram('gpgconf', ['--homedir', home, '--kill', 'all'], (output) => output)
    }
  }

  private sign(what: Signing): Buffer {
    if (what.pss !== null || !what.attributes || what.signer === 'subject-key-id' || what.counterSigned)
      throw new Unable('no option for it')
    const { material } = this
    const { email } = material.person(what.key)
    const second = what.second === null ? [] : ['-u', material.person(what.second).email]
    const digest = what.digest === null ? [] : ['--digest-algo', what.digest.toUpperCase()]
    const verb = what.form === 'opaque' ? '--sign' : '--detach-sign'
    const out = this.run(['-u', email, ...second, ...digest, verb, material.file(material.entity)])
    return what.form === 'opaque'
      ? objectMail(email, 'signed-data', out)
      : clearSignedMail(email, material.entity, out)
  }

  private clearSign(email: string, entity: Buffer): Buffer {
    return clearSignedMail(
      email,
      entity,
      this.run(['-u', email, '--detach-sign', this.material.file(entity)]),
    )
  }

  /** What was signed, once the signatures are found good. */
  private verify(mail: Buffer, signers: number): Buffer {
    const { material } = this
    const { object, entity } = takeApart(mail)
    const out = `${material.file('')}.out`
    const signature = material.file(object)
    const files =
      entity === null
        ? ['--output', out, '--verify', signature]
        : ['--verify', signature, material.file(entity)]
    const status = this.run(['--status-fd', '1', ...files]).toString()
    const good = status.match(/^\[GNUPG:\] TRUST_FULLY/gm)?.length ?? 0
    if (good !== signers) throw new Unable(`${good.toString()} good signatures`)
    return entity ?? readFileSync(out)
  }

  private encrypt(what: Encryption): Buffer {
    const { material } = this
    const { email, key } = material.person(what.key)
    const { transport } = what
    const names: Readonly<Record<string, string>> = {
      'aes128-cbc': 'AES128',
      'aes192-cbc': 'AES192',
      'aes256-cbc': 'AES256',
      'des-ede3-cbc': '3DES',
    }
    const encrypt = (cipher: string, bytes: Buffer) =>
      this.run(['--cipher-algo', cipher, '-r', email, '--encrypt', material.file(bytes)])
    const cipher = names[what.cipher]
    if (cipher === undefined) {
      // It has an option for the cipher and says itself what it thinks of the name.
      const [, bits = '', mode = ''] = /^aes(\d+)-(.*)$/.exec(what.cipher) ?? []
      encrypt(bits === '' ? what.cipher : `AES${bits}.${mode.toUpperCase()}`, material.entity)
      throw new Unable('no option for it')
    }
    const optional = transport.scheme === 'oaep' || what.recipient === 'subject-key-id' || what.cekHkdf
    if (optional) throw new Unable('no option for it')
    if (!what.tripleWrapped) {
      const object = encrypt(cipher, material.entity)
      if (transport.scheme === 'ecdh' && !this.chooses(transport, key)) throw new Unable('no option for it')
      return objectMail(email, 'enveloped-data', object)
    }
    const inner = entityOfMail(this.clearSign(email, material.entity))
    return this.clearSign(email, entityOfMail(objectMail(email, 'enveloped-data', encrypt(cipher, inner))))
  }

  /** It chooses hash and key wrap of ECDH by the size of the curve, and there is no option for another. */
  private chooses(transport: Extract<Encryption['transport'], { scheme: 'ecdh' }>, key: KeyObject): boolean {
    const bits = /(\d+)(?:r1|v1)$/.exec(key.asymmetricKeyDetails?.namedCurve ?? '')?.[1] ?? '0'
    const [hash, wrap] =
      Number(bits) >= 512 ? ['sha512', 256] : Number(bits) === 384 ? ['sha384', 256] : ['sha256', 128]
    return transport.kdf === 'x963' && (bits === '0' || (transport.hash === hash && transport.wrap === wrap))
  }

  private decrypt(what: Encryption, made: Buffer): void {
    const { material } = this
    const inner = what.tripleWrapped ? this.verify(made, 1) : made
    const plain = this.run(['--decrypt', material.file(takeApart(inner).object)])
    const content = what.tripleWrapped ? this.verify(plain, 1) : plain
    if (!content.equals(material.entity)) throw new Unable('another plaintext came out')
  }

  private makeRequest(kind: KeyKind): Buffer {
    const shown = this.run([
      '--with-keygrip',
      '--with-colons',
      '--list-keys',
      this.material.person(kind).email,
    ]).toString()
    const grip = /^grp:+([0-9A-F]{40}):/m.exec(shown)?.[1] ?? ''
    const wanted = [
      '%no-protection',
      'Key-Type: RSA',
      `Key-Grip: ${grip}`,
      'Name-DN: CN=requester',
      'Hash-Algo: SHA256',
      '',
    ]
    return this.run(['--gen-key', this.material.file(wanted.join('\n'))])
  }
}

/** GnuPG's gpgsm. */
export function gnuPg(material: Material): Participant {
  return new GnuPg(material)
}
