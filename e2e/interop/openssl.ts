/**
 * The openssl command as a participant. Mails go in and come out whole: it has S/MIME of its own.
 */
import { createPrivateKey } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writePem, writePkcs12 } from '@siegel/engine'
import { entityOfMail, objectMail, takeApart } from './mail.ts'
import type { Material, Person } from './material.ts'
import { Unable, packageVersion, runProgram } from './participant.ts'
import type { Participant } from './participant.ts'
import type { Encryption, KeyFile, KeyKind, Row, Signing } from './rows.ts'

/** The first complaint: library and reason of the error queue, or the command's own line. */
function words(output: string): string {
  const lines = output.split('\n').map((line) => line.trim())
  const queued = lines.find((line) => /^[0-9A-F]+:error:/.test(line))?.split(':')
  if (queued !== undefined) {
    const [, , , library = '', , reason = '', , , ...more] = queued
    const extra = more.join(':').replace(/^,|:$/g, '').replace('Global default library context, ', '')
    return `${library}: ${reason}${extra === '' ? '' : ` (${extra})`}`
  }
  const plain = lines.find(
    (line) => line !== '' && !/^(?:Using configuration|cms: Use -help|pkcs12: Use -help)/.test(line),
  )
  return (plain ?? 'failed').replaceAll(/\S*\/si-\S+/g, 'FILE')
}

const MESSAGE = ['-from', 'x@interop.example', '-to', 'reader@interop.example', '-subject', 'interop']
const LEGACY = ['-provider', 'legacy', '-provider', 'default']

class OpenSsl implements Participant {
  readonly name = 'OpenSSL'
  readonly version = packageVersion('openssl')
  private readonly material: Material

  constructor(material: Material) {
    this.material = material
  }

  close(): void {
    // Every process ended with its answer.
  }

  private run(args: readonly string[]): Buffer {
    return runProgram('openssl', args, words, { cwd: this.material.folder })
  }

  make({ what }: Row): Buffer {
    const { material } = this
    const person = material.person(what.key)
    switch (what.kind) {
      case 'signing':
        return this.sign(what, material.file(material.entity.toString().replaceAll('\r\n', '\n')))
      case 'encryption':
        return this.encrypt(what)
      case 'key-file':
        return this.makeKeyFile(what)
      case 'compressed':
        return this.run(['cms', '-compress', '-binary', '-in', material.file(material.entity), ...MESSAGE])
      case 'certificates-only':
        return objectMail(
          person.email,
          'certs-only',
          this.run(['crl2pkcs7', '-nocrl', '-certfile', person.certificateFile, '-outform', 'DER']),
        )
      case 'request':
        return this.run(['req', '-new', '-key', person.keyFile, '-subj', '/CN=requester', '-outform', 'DER'])
      case 'revocation-list': {
        const out = material.file('')
        this.run(['ca', '-gencrl', '-config', this.authority(person, 'R'), '-out', out])
        return this.run(['crl', '-in', out, '-outform', 'DER'])
      }
      case 'ocsp':
        return this.makeOcsp(person)
    }
  }

  read({ what }: Row, made: Buffer): void {
    const { material } = this
    const person = material.person(what.key)
    switch (what.kind) {
      case 'signing':
        if (!this.verify(made).includes(material.token)) throw new Unable('other content came out')
        return
      case 'encryption':
        this.decrypt(what, made)
        return
      case 'key-file': {
        const legacy = what.protection === 'rc2-40' ? ['-legacy'] : []
        const file = material.file(made)
        const shown = this.run([
          'pkcs12',
          '-in',
          file,
          '-passin',
          `pass:${material.password}`,
          '-nodes',
          ...legacy,
        ])
        if (!createPrivateKey(shown).equals(person.key)) throw new Unable('another key came out')
        return
      }
      case 'compressed':
        this.run(['cms', '-uncompress', '-in', material.file(made)])
        return
      case 'certificates-only': {
        const shown = this.run([
          'pkcs7',
          '-inform',
          'DER',
          '-print_certs',
          '-in',
          material.file(takeApart(made).object),
        ])
        if (!shown.includes(writePem('CERTIFICATE', person.certificate.raw).trim()))
          throw new Unable('the certificate is not there')
        return
      }
      case 'request':
        this.run(['req', '-inform', 'DER', '-in', material.file(made), '-verify', '-noout'])
        return
      case 'revocation-list': {
        const authorities = material.file(
          Buffer.concat([readFileSync(material.intermediateFile), readFileSync(material.rootFile)]),
        )
        const shown = this.run([
          'crl',
          '-inform',
          'DER',
          '-in',
          material.file(made),
          '-CAfile',
          authorities,
          '-noout',
          '-text',
        ])
        if (!shown.includes(person.certificate.serialHex.toUpperCase()))
          throw new Unable('the certificate is not revoked')
        return
      }
      case 'ocsp':
        this.readOcsp(person, made)
    }
  }

  private sign(what: Signing, input: string): Buffer {
    const { material } = this
    if (what.counterSigned) throw new Unable('no option for it')
    const person = material.person(what.key)
    const args = ['cms', '-sign', '-in', input, '-certfile', material.intermediateFile, '-from', person.email]
    args.push('-to', 'reader@interop.example', '-subject', 'interop')
    if (what.digest !== null) args.push('-md', what.digest)
    args.push('-signer', person.certificateFile, '-inkey', person.keyFile)
    if (what.pss !== null)
      args.push(
        ...['-keyopt', 'rsa_padding_mode:pss', '-keyopt', `rsa_pss_saltlen:${what.pss.salt}`],
        ...['-keyopt', `rsa_mgf1_md:${what.pss.mgf1}`],
      )
    if (what.second !== null) {
      const second = material.person(what.second)
      args.push('-signer', second.certificateFile, '-inkey', second.keyFile)
    }
    if (!what.attributes) args.push('-noattr')
    if (what.signer === 'subject-key-id') args.push('-keyid')
    if (what.form === 'opaque') args.push('-nodetach')
    if (!what.indefinite) return this.run(args)
    return objectMail(
      person.email,
      'signed-data',
      this.run([...args, '-binary', '-stream', '-outform', 'DER']),
    )
  }

  private verify(mail: Buffer): Buffer {
    const { material } = this
    return this.run([
      'cms',
      '-verify',
      '-in',
      material.file(mail),
      '-CAfile',
      material.rootFile,
      '-purpose',
      'smimesign',
    ])
  }

  private encrypt(what: Encryption): Buffer {
    const { material } = this
    const person = material.person(what.key)
    const { transport } = what
    if (what.cekHkdf) throw new Unable('no option for it')
    const input = what.tripleWrapped ? this.run(this.plainSigning(person, material.entity)) : material.entity
    const [, name = '', mode = ''] = /^aes(\d+)-(.*)$/.exec(what.cipher) ?? []
    const legacy: Readonly<Record<string, string>> = { 'des-ede3-cbc': '-des3', 'rc2-128-cbc': '-rc2' }
    const cipher = name === '' ? (legacy[what.cipher] ?? `-${what.cipher}`) : `-aes-${name}-${mode}`
    const args = ['cms', '-encrypt', '-binary', '-in', material.file(input), ...MESSAGE, cipher]
    if (what.cipher === 'rc2-128-cbc') args.push(...LEGACY)
    if (what.recipient === 'subject-key-id') args.push('-keyid')
    if (what.indefinite) args.push('-stream', '-outform', 'DER')
    args.push('-recip', person.certificateFile)
    if (transport.scheme === 'oaep') {
      args.push('-keyopt', 'rsa_padding_mode:oaep', '-keyopt', `rsa_oaep_md:${transport.hash}`)
      args.push('-keyopt', `rsa_mgf1_md:${transport.mgf1}`)
      if (transport.label !== null)
        args.push('-keyopt', `rsa_oaep_label:${Buffer.from(transport.label).toString('hex')}`)
    }
    if (transport.scheme === 'ecdh') {
      if (transport.kdf === 'hkdf') args.push('-keyopt', 'ecdh_kdf_type:hkdf')
      args.push('-keyopt', `ecdh_kdf_md:${transport.hash}`, `-aes${transport.wrap}-wrap`)
    }
    const mail = this.run(args)
    if (what.indefinite) return objectMail(person.email, 'enveloped-data', mail)
    return what.tripleWrapped ? this.run(this.plainSigning(person, entityOfMail(mail), MESSAGE)) : mail
  }

  private plainSigning(person: Person, entity: Buffer, message: readonly string[] = []): string[] {
    const input = this.material.file(entity.toString('latin1').replaceAll('\r\n', '\n'))
    const own = ['-signer', person.certificateFile, '-inkey', person.keyFile, '-from', person.email]
    return [
      'cms',
      '-sign',
      '-in',
      input,
      '-certfile',
      this.material.intermediateFile,
      ...message.slice(2),
      ...own,
    ]
  }

  private decrypt(what: Encryption, made: Buffer): void {
    const { material } = this
    const person = material.person(what.key)
    const mail = what.tripleWrapped ? this.verify(made) : made
    const legacy = what.cipher === 'rc2-128-cbc' ? LEGACY : []
    const keys = ['-recip', person.certificateFile, '-inkey', person.keyFile]
    const plain = this.run(['cms', '-decrypt', '-binary', '-in', material.file(mail), ...keys, ...legacy])
    const content = what.tripleWrapped ? this.verify(plain) : plain
    if (!content.equals(material.entity)) throw new Unable('another plaintext came out')
  }

  private makeKeyFile(what: KeyFile): Buffer {
    const { material } = this
    const person = material.person(what.key)
    const protections: Readonly<Record<KeyFile['protection'], readonly string[]>> = {
      pbes2: [],
      pbmac1: ['-pbmac1_pbkdf2'],
      'triple-des': ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'sha1'],
      'rc2-40': ['-legacy'],
    }
    const own = [
      '-inkey',
      person.keyFile,
      '-in',
      person.certificateFile,
      '-passout',
      `pass:${material.password}`,
    ]
    return this.run(['pkcs12', '-export', ...own, '-name', 'own', ...protections[what.protection]])
  }

  /** A configuration with an index in which the certificate is revoked (R) or not (V). */
  private authority(person: Person, state: 'R' | 'V'): string {
    const { material } = this
    const folder = material.newFolder(`authority-${state}-${material.file('').split('/').at(-1) ?? ''}`)
    const stamp = (at: number) => `${new Date(at).toISOString().replaceAll(/[-:T]/g, '').slice(2, 14)}Z`
    const { certificate } = person
    const revoked = state === 'R' ? stamp(Date.now() - 120_000) : ''
    const serial = certificate.serialHex.toUpperCase()
    const index = join(folder, 'index')
    writeFileSync(
      index,
      `${state}\t${stamp(certificate.notAfter)}\t${revoked}\t${serial}\tunknown\t/O=Interop/CN=${person.name}\n`,
    )
    writeFileSync(join(folder, 'number'), '01\n')
    return material.file(
      [
        ...['[ca]', 'default_ca=it', '[it]', `database=${index}`, `crlnumber=${join(folder, 'number')}`],
        ...[`certificate=${material.intermediateFile}`, `private_key=${material.intermediateKeyFile}`],
        ...[
          'default_md=sha256',
          'default_crl_days=1',
          'crl_extensions=x',
          '[x]',
          'authorityKeyIdentifier=keyid',
          '',
        ],
      ].join('\n'),
    )
  }

  private makeOcsp(person: Person): Buffer {
    const { material } = this
    const index = /^database=(.*)$/m.exec(readFileSync(this.authority(person, 'V'), 'utf8'))?.[1] ?? ''
    const [request, response] = [material.file(''), material.file('')]
    const issuer = ['-issuer', material.intermediateFile, '-cert', person.certificateFile]
    this.run(['ocsp', ...issuer, '-no_nonce', '-reqout', request])
    const signer = ['-rsigner', material.intermediateFile, '-rkey', material.intermediateKeyFile]
    this.run([
      'ocsp',
      '-index',
      index,
      '-CA',
      material.intermediateFile,
      ...signer,
      '-reqin',
      request,
      '-respout',
      response,
      '-ndays',
      '1',
    ])
    return readFileSync(response)
  }

  private readOcsp(person: Person, made: Buffer): void {
    const { material } = this
    const issuer = ['-issuer', material.intermediateFile, '-cert', person.certificateFile]
    const shown = this.run([
      'ocsp',
      '-respin',
      material.file(made),
      ...issuer,
      '-CAfile',
      material.rootFile,
      '-no_nonce',
    ])
    if (!shown.includes(': good')) throw new Unable('the certificate is not good')
  }
}

/** A key file by a foreign hand for those who take keys only so; by the engine where OpenSSL does not know the kind of key. */
export function foreignKeyFile(material: Material, kind: KeyKind): string {
  const person = material.person(kind)
  const out = material.file('', 'p12')
  const own = [
    '-inkey',
    person.keyFile,
    '-in',
    person.certificateFile,
    '-passout',
    `pass:${material.password}`,
  ]
  try {
    runProgram('openssl', ['pkcs12', '-export', ...own, '-name', person.name, '-out', out], words)
  } catch (error) {
    if (!(error instanceof Unable)) throw error
    const { password } = material
    const { key, certificate, name } = person
    const bytes = writePkcs12({
      key,
      certificates: [certificate],
      password,
      friendlyName: name,
      iterations: 10_000,
    })
    writeFileSync(out, bytes)
  }
  return out
}

/** The openssl command. */
export function openSsl(material: Material): Participant {
  return new OpenSsl(material)
}
