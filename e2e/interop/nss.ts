/**
 * NSS, the library of Thunderbird, as a participant: its commands cmsutil, certutil, crlutil and pk12util on a database of the
 * run. Keys and certificates come in as key files that OpenSSL wrote, so that no row depends on ours.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { clearSignedMail, entityOfMail, objectMail, takeApart } from './mail.ts'
import type { Material } from './material.ts'
import { foreignKeyFile } from './openssl.ts'
import { Unable, packageVersion, runProgram } from './participant.ts'
import type { Participant } from './participant.ts'
import { KEY_KINDS } from './rows.ts'
import type { Encryption, KeyKind, Row, Signing } from './rows.ts'

/** The last complaint. */
function words(output: string): string {
  const lines = output
    .split('\n')
    .map((line) => line.trim().replaceAll(/\S*\/si-\S+/g, 'FILE'))
    .filter((line) => line !== '')
  const told = lines.filter((line) => /error|fail|problem|SEC_|invalid|unable|unrecogni|not /i.test(line))
  return (told.at(-1) ?? lines.at(-1) ?? 'failed').replace(/^(?:cmsutil|certutil|pk12util|crlutil): /, '')
}

class Nss implements Participant {
  readonly name = 'NSS'
  readonly version = packageVersion('libnss3-tools')
  private readonly material: Material
  private readonly database: string
  /** Why a key could not be taken in. */
  private readonly refused = new Map<KeyKind, string>()
  private databases = 0

  constructor(material: Material) {
    this.material = material
    this.database = this.newDatabase()
    for (const kind of KEY_KINDS) {
      try {
        this.takeIn(kind)
      } catch (error) {
        if (!(error instanceof Unable)) throw error
        this.refused.set(kind, error.message)
      }
    }
  }

  close(): void {
    // Every process ended with its answer.
  }

  private newDatabase(): string {
    const { material } = this
    const database = `sql:${material.newFolder(`nss${(this.databases++).toString()}`)}`
    runProgram('certutil', ['-N', '--empty-password', '-d', database], words)
    const add = (name: string, trust: string, file: string) =>
      runProgram('certutil', ['-A', '-d', database, '-n', name, '-t', trust, '-a', '-i', file], words)
    add('root', 'C,C,C', material.rootFile)
    add('intermediate', ',,', material.intermediateFile)
    return database
  }

  private takeIn(kind: KeyKind): void {
    const { material, database } = this
    const file = foreignKeyFile(material, kind)
    runProgram('pk12util', ['-i', file, '-d', database, '-W', material.password, '-K', ''], words)
  }

  private mustHave(kind: KeyKind): void {
    const why = this.refused.get(kind)
    if (why !== undefined) throw new Unable(why)
  }

  make({ what }: Row): Buffer {
    const { material, database } = this
    const person = material.person(what.key)
    switch (what.kind) {
      case 'signing':
        return this.sign(what)
      case 'encryption':
        return this.encrypt(what)
      case 'certificates-only':
        return objectMail(person.email, 'certs-only', this.cms(['-O', '-r', person.email]))
      case 'key-file': {
        if (what.protection === 'pbmac1') throw new Unable('no option for it')
        this.mustHave(what.key)
        const ciphers = {
          pbes2: ['AES-256-CBC', 'AES-256-CBC', 'SHA-256'],
          'triple-des': ['DES-EDE3-CBC', 'DES-EDE3-CBC', 'SHA-1'],
          'rc2-40': ['DES-EDE3-CBC', 'RC2-CBC-40', 'SHA-1'],
        } as const
        const out = material.file('')
        const [key, certificate, mac] = ciphers[what.protection]
        const how = ['-c', key, '-C', certificate, '-M', mac]
        runProgram(
          'pk12util',
          ['-o', out, '-n', person.name, '-d', database, '-W', material.password, '-K', '', ...how],
          words,
        )
        return readFileSync(out)
      }
      case 'request': {
        this.mustHave(what.key)
        const out = material.file('')
        // The nickname of a certificate stands for its key.
        const key = ['-k', person.name, '-s', 'CN=requester', '-o', out, '-f', material.file('\n')]
        runProgram('certutil', ['-R', '-d', database, ...key, '-z', material.file(randomBytes(256))], words)
        return readFileSync(out)
      }
      case 'revocation-list':
        return this.makeRevocationList(person.certificate.serialHex)
      case 'ocsp':
      case 'compressed':
        throw new Unable('no option for it')
    }
  }

  read({ what }: Row, made: Buffer): void {
    const { material } = this
    const person = material.person(what.key)
    switch (what.kind) {
      case 'signing':
        if (!this.verify(made, what.second === null ? 1 : 2).includes(material.token))
          throw new Unable('other content came out')
        return
      case 'encryption':
        this.decrypt(what, made)
        return
      case 'certificates-only':
      case 'compressed':
        this.cms(['-D', '-i', material.file(takeApart(made).object)])
        return
      case 'key-file': {
        const database = this.newDatabase()
        runProgram(
          'pk12util',
          ['-i', material.file(made), '-d', database, '-W', material.password, '-K', ''],
          words,
        )
        const shown = runProgram('certutil', ['-K', '-d', database], words)
        if (!shown.includes('<')) throw new Unable('nothing was imported')
        return
      }
      case 'request': {
        const out = material.file('')
        const signer = ['-c', 'intermediate', '-i', material.file(made), '-o', out, '-m', '7']
        runProgram('certutil', ['-C', '-d', this.authority(), ...signer], words)
        return
      }
      case 'revocation-list': {
        const database = this.newDatabase()
        runProgram('crlutil', ['-I', '-d', database, '-i', material.file(made)], words)
        const shown = runProgram('crlutil', ['-L', '-d', database, '-n', 'intermediate'], words)
        const serial = person.certificate.serialHex.toLowerCase().replaceAll(/(..)(?=.)/g, '$1:')
        if (!shown.toString().toLowerCase().includes(serial))
          throw new Unable('the certificate is not revoked')
        return
      }
      case 'ocsp':
        throw new Unable('no option for it')
    }
  }

  /** A database that has the intermediate authority's key. */
  private authority(): string {
    const { material } = this
    const database = this.newDatabase()
    const out = material.file('', 'p12')
    const own = ['-inkey', material.intermediateKeyFile, '-in', material.intermediateFile]
    const how = ['-passout', `pass:${material.password}`, '-name', 'intermediate']
    runProgram('openssl', ['pkcs12', '-export', ...own, ...how, '-out', out], words)
    runProgram('pk12util', ['-i', out, '-d', database, '-W', material.password, '-K', ''], words)
    return database
  }

  private makeRevocationList(serial: string): Buffer {
    const { material } = this
    const stamp = (at: number) => `${new Date(at).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}Z`
    const script = [
      `update=${stamp(Date.now() - 60_000)}`,
      `nextupdate=${stamp(Date.now() + 86_400_000)}`,
      `addcert ${BigInt(`0x${serial}`).toString()} ${stamp(Date.now() - 120_000)}`,
      '',
    ]
    const out = material.file('')
    const database = this.authority()
    runProgram(
      'crlutil',
      [
        '-G',
        '-d',
        database,
        '-n',
        'intermediate',
        '-Z',
        'SHA256',
        '-c',
        material.file(script.join('\n')),
        '-o',
        out,
      ],
      words,
    )
    return readFileSync(out)
  }

  private cms(args: readonly string[]): Buffer {
    const out = this.material.file('')
    runProgram('cmsutil', [...args, '-d', this.database, '-o', out], words)
    return readFileSync(out)
  }

  private sign(what: Signing): Buffer {
    const { material } = this
    const special = what.pss !== null || !what.attributes || what.signer === 'subject-key-id'
    if (special || what.second !== null || what.counterSigned) throw new Unable('no option for it')
    this.mustHave(what.key)
    const { name, email } = material.person(what.key)
    const digest = what.digest === null ? [] : ['-H', what.digest.toUpperCase()]
    const detached = what.form === 'detached' ? ['-T'] : []
    const object = this.cms([
      '-S',
      '-N',
      name,
      '-G',
      '-i',
      material.file(material.entity),
      ...digest,
      ...detached,
    ])
    return what.form === 'opaque'
      ? objectMail(email, 'signed-data', object)
      : clearSignedMail(email, material.entity, object)
  }

  private clearSign(kind: KeyKind, entity: Buffer): Buffer {
    const { name, email } = this.material.person(kind)
    return clearSignedMail(
      email,
      entity,
      this.cms(['-S', '-N', name, '-G', '-T', '-i', this.material.file(entity)]),
    )
  }

  /** What was signed, once the signatures are found good. */
  private verify(mail: Buffer, signers: number): Buffer {
    const { material } = this
    const { object, entity } = takeApart(mail)
    const detached = entity === null ? [] : ['-c', material.file(entity)]
    const shown = this.cms(['-D', '-h', '1', '-i', material.file(object), ...detached]).toString('latin1')
    const good = shown.match(/\.status=GoodSignature/g)?.length ?? 0
    if (good !== signers) throw new Unable(/\.status=(\w+)/.exec(shown)?.[1] ?? 'no signature seen')
    return entity ?? Buffer.from(shown, 'latin1')
  }

  private encrypt(what: Encryption): Buffer {
    const { material } = this
    const { email } = material.person(what.key)
    // cmsutil has no option for the cipher: it takes what the recipient's capabilities say, and there are none.
    const encrypt = (bytes: Buffer) =>
      objectMail(email, 'enveloped-data', this.cms(['-E', '-r', email, '-i', material.file(bytes)]))
    if (what.tripleWrapped) {
      const inner = entityOfMail(this.clearSign(what.key, material.entity))
      return this.clearSign(what.key, entityOfMail(encrypt(inner)))
    }
    const mail = encrypt(material.entity)
    if (what.recipient === 'subject-key-id' || what.cekHkdf) throw new Unable('no option for it')
    return mail
  }

  private decrypt(what: Encryption, made: Buffer): void {
    const { material } = this
    this.mustHave(what.key)
    const outer = what.tripleWrapped ? this.verify(made, 1) : made
    const plain = this.cms(['-D', '-i', material.file(takeApart(outer).object)])
    const content = what.tripleWrapped ? this.verify(plain, 1) : plain
    if (!content.equals(material.entity)) throw new Unable('another plaintext came out')
  }
}

/** NSS by its commands. */
export function nss(material: Material): Participant {
  return new Nss(material)
}
