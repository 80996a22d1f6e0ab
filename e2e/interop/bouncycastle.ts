/**
 * BouncyCastle as a participant: compiles Peer.java once per run, starts it once, and translates rows into its requests.
 */
import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { entityOfMail, objectMail, plainMail, takeApart } from './mail.ts'
import type { Material } from './material.ts'
import { Unable, inShort, packageVersion } from './participant.ts'
import type { Participant } from './participant.ts'
import { plainSigning } from './rows.ts'
import type { Encryption, Hash, KeyKind, Row, Signing } from './rows.ts'

const JARS = ['bcprov', 'bcutil', 'bcpkix', 'bcmail', 'javax.mail', 'javax.activation']
/** Debian's jars that the driver needs. */
export const CLASS_PATH = JARS.map((name) => `/usr/share/java/${name}.jar`).join(':')

type Words = Readonly<Record<string, Buffer | string | number | true | undefined>>

/** The running driver. */
export interface Driver {
  ask(verb: string, words: Words): Promise<Buffer>
  close(): Promise<void>
}

/** Compiles the driver and starts it. */
export function startDriver(material: Pick<Material, 'newFolder'>): Driver {
  const classes = material.newFolder('classes')
  const source = join(import.meta.dirname, 'Peer.java')
  const compiled = spawnSync('javac', ['-nowarn', '-d', classes, '-cp', CLASS_PATH, source], {
    encoding: 'utf8',
  })
  if (compiled.status !== 0) throw new Error(`javac: ${compiled.error?.message ?? compiled.stderr}`)
  const child = spawn(
    'java',
    ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', `${classes}:${CLASS_PATH}`, 'Peer'],
    { stdio: ['pipe', 'pipe', 'ignore'] },
  )
  const waiting: ((line: string | null) => void)[] = []
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(line))
  const ended = new Promise<void>((resolve) =>
    child.on('close', () => {
      for (const each of waiting.splice(0)) each(null)
      resolve()
    }),
  )
  return {
    async ask(verb, words) {
      const parts = Object.entries(words)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => {
          const bytes = Buffer.isBuffer(value) ? value : Buffer.from(value === true ? '' : String(value))
          return `${name}=${bytes.toString('base64')}`
        })
      const line = await new Promise<string | null>((resolve) => {
        waiting.push(resolve)
        child.stdin.write(`${[verb, ...parts].join(' ')}\n`)
      })
      if (line === null) throw new Error('the driver of BouncyCastle ended')
      const answer = Buffer.from(line.slice(3), 'base64')
      if (line.startsWith('ok ')) return answer
      throw new Unable(inShort(answer.toString().split('\n')[0] ?? ''))
    },
    async close() {
      child.stdin.end()
      await ended
    },
  }
}

const dashed = (hash: Hash): string => hash.replace('sha', 'SHA-')
const CIPHERS: Readonly<Record<string, readonly [string, number]>> = {
  'aes128-cbc': ['2.16.840.1.101.3.4.1.2', 128],
  'aes192-cbc': ['2.16.840.1.101.3.4.1.22', 192],
  'aes256-cbc': ['2.16.840.1.101.3.4.1.42', 256],
  'aes128-gcm': ['2.16.840.1.101.3.4.1.6', 128],
  'aes192-gcm': ['2.16.840.1.101.3.4.1.26', 192],
  'aes256-gcm': ['2.16.840.1.101.3.4.1.46', 256],
  'aes128-ccm': ['2.16.840.1.101.3.4.1.7', 128],
  'aes192-ccm': ['2.16.840.1.101.3.4.1.27', 192],
  'aes256-ccm': ['2.16.840.1.101.3.4.1.47', 256],
  'chacha20-poly1305': ['1.2.840.113549.1.9.16.3.18', 256],
  'des-ede3-cbc': ['1.2.840.113549.3.7', 192],
  'rc2-128-cbc': ['1.2.840.113549.3.2', 128],
}
/** dhSinglePass-stdDH with the X9.63 KDF (RFC 5753 7.1.4) and with HKDF (RFC 8418 2.2). */
const AGREEMENTS: Readonly<Record<string, string>> = {
  'x963 sha1': '1.3.133.16.840.63.0.2',
  'x963 sha256': '1.3.132.1.11.1',
  'x963 sha384': '1.3.132.1.11.2',
  'x963 sha512': '1.3.132.1.11.3',
  'hkdf sha256': '1.2.840.113549.1.9.16.3.19',
  'hkdf sha384': '1.2.840.113549.1.9.16.3.20',
  'hkdf sha512': '1.2.840.113549.1.9.16.3.21',
}
const WRAPS = {
  128: '2.16.840.1.101.3.4.1.5',
  192: '2.16.840.1.101.3.4.1.25',
  256: '2.16.840.1.101.3.4.1.45',
}

function curveOf(kind: KeyKind): string {
  const curve = /^p(\d+)$/.exec(kind)?.[1]
  if (curve !== undefined) return `P-${curve}`
  return kind.startsWith('x') ? kind.toUpperCase() : `brainpoolP${kind.slice(-3)}r1`
}

const isAead = (cipher: string): boolean => /gcm|ccm|poly/.test(cipher)

class BouncyCastle implements Participant {
  readonly name = 'BouncyCastle'
  readonly version = packageVersion('libbcmail-java')
  private readonly material: Material
  private readonly driver: Driver

  constructor(material: Material) {
    this.material = material
    this.driver = startDriver(material)
  }

  async make({ what }: Row): Promise<Buffer> {
    const { driver, material } = this
    const { email } = material.person(what.key)
    switch (what.kind) {
      case 'signing':
        return await this.sign(what)
      case 'encryption':
        return await this.encrypt(what)
      case 'compressed':
        return objectMail(email, 'compressed-data', await driver.ask('compress', { entity: material.entity }))
      case 'certificates-only':
        return objectMail(
          email,
          'certs-only',
          await driver.ask('certificates-write', this.certificates(what.key)),
        )
      case 'key-file':
        return await driver.ask('pkcs12-write', {
          ...this.keys(what.key),
          password: material.password,
          protection: what.protection,
        })
      case 'request':
        return await driver.ask('request-write', {
          ...this.keys(what.key),
          algorithm: algorithmOf(what.key, what.key === 'ed25519' ? null : 'sha256'),
        })
      case 'revocation-list':
        return await driver.ask('crl-write', this.authority(what.key))
      case 'ocsp':
        return await driver.ask('ocsp-write', this.authority(what.key))
    }
  }

  async read({ what }: Row, made: Buffer): Promise<void> {
    const { driver, material } = this
    const words = { ...this.keys(what.key), password: material.password }
    switch (what.kind) {
      case 'signing': {
        const content = await driver.ask('verify', {
          mail: made,
          root: material.root.raw,
          signers: what.second === null ? 1 : 2,
        })
        if (!content.includes(material.token)) throw new Unable('other content came out')
        return
      }
      case 'encryption': {
        await this.decrypt(what, made)
        return
      }
      case 'compressed':
        await driver.ask('decompress', { object: takeApart(made).object })
        return
      case 'certificates-only':
        await driver.ask('certificates-read', { ...words, object: takeApart(made).object })
        return
      case 'key-file':
        await driver.ask('pkcs12-read', { ...words, object: made })
        return
      case 'request':
        await driver.ask('request-read', { ...words, object: made })
        return
      case 'revocation-list':
        await driver.ask('crl-read', { ...words, object: made })
        return
      case 'ocsp':
        await driver.ask('ocsp-read', { ...words, object: made })
    }
  }

  close(): Promise<void> {
    return this.driver.close()
  }

  private certificates(kind: KeyKind, suffix = ''): Words {
    return {
      [`certificate${suffix}`]: this.material.person(kind).certificate.raw,
      intermediate: this.material.intermediate.raw,
    }
  }

  private keys(kind: KeyKind, suffix = ''): Words {
    const { key } = this.material.person(kind)
    return {
      ...this.certificates(kind, suffix),
      [`key${suffix}`]: key.export({ type: 'pkcs8', format: 'der' }),
    }
  }

  /** What the intermediate authority says of a certificate. */
  private authority(kind: KeyKind): Words {
    const key = this.material.intermediateKey.export({ type: 'pkcs8', format: 'der' })
    return { ...this.certificates(kind), key, algorithm: 'SHA256withRSA' }
  }

  private async sign(what: Signing): Promise<Buffer> {
    const { email } = this.material.person(what.key)
    const made = await this.driver.ask('sign', {
      ...this.keys(what.key),
      ...(what.second === null ? {} : this.keys(what.second, '2')),
      ...(what.counterSigned ? this.keys('p256', '2') : {}),
      ...(what.counterSigned ? { counter: true } : {}),
      algorithm: algorithmOf(what.key, what.digest, what.pss !== null),
      ...(what.pss === null
        ? {}
        : { digest: dashed(what.digest ?? 'sha256'), mgf1: dashed(what.pss.mgf1), salt: what.pss.salt }),
      algorithm2: algorithmOf(what.second ?? 'p256', 'sha256'),
      form: what.indefinite ? 'stream' : what.form,
      direct: what.attributes ? undefined : true,
      keyId: what.signer === 'subject-key-id' ? true : undefined,
      from: email,
      entity: this.material.entity,
    })
    return what.indefinite || what.counterSigned ? objectMail(email, 'signed-data', made) : made
  }

  private async encrypt(what: Encryption): Promise<Buffer> {
    const { email } = this.material.person(what.key)
    const { transport } = what
    const [cipher, bits] = CIPHERS[what.cipher] ?? ['', 0]
    const wrapped = what.tripleWrapped
      ? entityOfMail(await this.sign(plainSigning(what.key)))
      : this.material.entity
    const object = await this.driver.ask('encrypt', {
      ...this.certificates(what.key),
      cipher,
      bits,
      scheme: transport.scheme,
      aead: isAead(what.cipher) ? true : undefined,
      stream: what.indefinite ? true : undefined,
      keyId: what.recipient === 'subject-key-id' ? true : undefined,
      cekHkdf: what.cekHkdf ? true : undefined,
      ...(transport.scheme === 'oaep'
        ? {
            hash: dashed(transport.hash),
            mgf1: dashed(transport.mgf1),
            label: transport.label ?? undefined,
          }
        : {}),
      ...(transport.scheme === 'ecdh'
        ? {
            agreement: AGREEMENTS[`${transport.kdf} ${transport.hash}`],
            wrap: WRAPS[transport.wrap],
            curve: curveOf(what.key),
          }
        : {}),
      entity: wrapped,
    })
    const mail = objectMail(email, isAead(what.cipher) ? 'authEnveloped-data' : 'enveloped-data', object)
    if (!what.tripleWrapped) return mail
    return await this.driver.ask('sign', {
      ...this.keys(what.key),
      algorithm: algorithmOf(what.key, 'sha256'),
      form: 'detached',
      from: email,
      entity: entityOfMail(mail),
    })
  }

  private async decrypt(what: Encryption, made: Buffer): Promise<void> {
    const { email } = this.material.person(what.key)
    const outer = takeApart(made)
    const object = what.tripleWrapped ? takeApart(outer.entity ?? made).object : outer.object
    const plain = await this.driver.ask('decrypt', {
      ...this.keys(what.key),
      scheme: what.transport.scheme,
      aead: isAead(what.cipher) ? true : undefined,
      object,
    })
    if (!what.tripleWrapped) {
      if (!plain.equals(this.material.entity)) throw new Unable('another plaintext came out')
      return
    }
    for (const mail of [made, plainMail(email, plain)])
      await this.driver.ask('verify', { mail, root: this.material.root.raw, signers: 1 })
  }
}

/** The name of a signature algorithm in the Java Cryptography Architecture. */
function algorithmOf(kind: KeyKind, digest: Hash | null, pss = false): string {
  if (digest === null) return kind === 'ed25519' ? 'Ed25519' : kind === 'ed448' ? 'Ed448' : kind.toUpperCase()
  const name = `${digest.toUpperCase()}with`
  if (kind === 'rsa') return pss ? `${name}RSAandMGF1` : `${name}RSA`
  return `${name}ECDSA`
}

/** Starts BouncyCastle. */
export function bouncyCastle(material: Material): Participant {
  return new BouncyCastle(material)
}
