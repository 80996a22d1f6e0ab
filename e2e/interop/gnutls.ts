/**
 * GnuTLS as a participant: certtool signs and verifies PKCS #7, reads and writes key files, requests and revocation lists; ocsptool
 * reads answers. It has no encrypted mail.
 */
import { readFileSync } from 'node:fs'
import { createPrivateKey } from 'node:crypto'
import { writePem } from '@siegel/engine'
import { clearSignedMail, objectMail, takeApart } from './mail.ts'
import type { Material } from './material.ts'
import { Unable, packageVersion, runProgram } from './participant.ts'
import type { Participant } from './participant.ts'
import type { KeyFile, Row, Signing } from './rows.ts'

/** The last line that tells something. */
function words(output: string): string {
  const lines = output
    .split('\n')
    .map((line) => line.trim().replaceAll(/\S*\/si-\S+/g, 'FILE'))
    .filter((line) => line !== '' && !/^(?:Generating|Setting|Loaded|-----|eSigners|Signers:|\|<)/.test(line))
  const told = lines.filter((line) => /error|fail|unsupported|unknown|invalid|not /i.test(line))
  return told.at(-1) ?? lines.at(-1) ?? 'failed without a word'
}

class GnuTls implements Participant {
  readonly name = 'GnuTLS'
  readonly version = packageVersion('gnutls-bin')
  private readonly material: Material
  private readonly authorities: string

  constructor(material: Material) {
    this.material = material
    const files = [material.rootFile, material.intermediateFile]
    this.authorities = material.file(Buffer.concat(files.map((file) => readFileSync(file))), 'pem')
  }

  close(): void {
    // Every process ended with its answer.
  }

  private run(args: readonly string[]): Buffer {
    return runProgram('certtool', args, words)
  }

  make({ what }: Row): Buffer {
    const { material } = this
    const person = material.person(what.key)
    const own = ['--load-privkey', person.keyFile, '--load-certificate', person.certificateFile]
    switch (what.kind) {
      case 'signing':
        return this.sign(what)
      case 'encryption':
      case 'compressed':
      case 'ocsp':
        throw new Unable('no option for it')
      case 'certificates-only':
        return objectMail(
          person.email,
          'certs-only',
          this.run(['--p7-generate', '--load-certificate', person.certificateFile, '--outder']),
        )
      case 'key-file': {
        const ciphers: Readonly<Record<KeyFile['protection'], string | null>> = {
          pbes2: 'aes-256',
          pbmac1: null,
          'triple-des': '3des-pkcs12',
          'rc2-40': null,
        }
        const cipher = ciphers[what.protection]
        if (cipher === null) throw new Unable('no option for it')
        const how = [
          '--pkcs-cipher',
          cipher,
          '--password',
          material.password,
          '--p12-name',
          'own',
          '--outder',
        ]
        const hash = what.protection === 'pbes2' ? 'SHA256' : 'SHA1'
        return this.run(['--to-p12', ...own, ...how, '--hash', hash])
      }
      case 'request': {
        const template = material.file('cn = "requester"\n')
        return this.run([
          '--generate-request',
          '--load-privkey',
          person.keyFile,
          '--template',
          template,
          '--outder',
        ])
      }
      case 'revocation-list': {
        const template = material.file('crl_next_update = 1\ncrl_number = 1\n')
        const ca = [
          '--load-ca-privkey',
          material.intermediateKeyFile,
          '--load-ca-certificate',
          material.intermediateFile,
        ]
        const revoked = ['--load-certificate', person.certificateFile, '--template', template]
        return this.run(['--generate-crl', ...ca, ...revoked, '--outder'])
      }
    }
  }

  read({ what }: Row, made: Buffer): void {
    const { material } = this
    const person = material.person(what.key)
    switch (what.kind) {
      case 'signing':
        this.verify(made)
        return
      case 'encryption': {
        const outer = takeApart(made)
        const object = what.tripleWrapped ? takeApart(outer.entity ?? made).object : outer.object
        this.run(['--p7-info', '--inder', '--infile', material.file(object)])
        return
      }
      case 'compressed':
        this.run(['--p7-info', '--inder', '--infile', material.file(takeApart(made).object)])
        return
      case 'certificates-only': {
        const shown = this.run(['--p7-info', '--inder', '--infile', material.file(takeApart(made).object)])
        if (!shown.includes(writePem('CERTIFICATE', person.certificate.raw).trim()))
          throw new Unable('the certificate is not there')
        return
      }
      case 'key-file': {
        const file = ['--inder', '--infile', material.file(made), '--password', material.password]
        const shown = this.run(['--p12-info', ...file]).toString()
        const pem = /-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*-----END [A-Z ]*PRIVATE KEY-----/.exec(shown)?.[0]
        if (pem === undefined) throw new Unable('the key is not there')
        const passphrase = material.password
        if (!createPrivateKey({ key: pem, passphrase }).equals(person.key))
          throw new Unable('another key came out')
        return
      }
      case 'request': {
        const shown = this.run(['--crq-info', '--inder', '--infile', material.file(made)]).toString()
        if (!shown.includes('Self signature: verified')) throw new Unable('Self signature not verified')
        return
      }
      case 'revocation-list': {
        const file = ['--inder', '--infile', material.file(made)]
        // --inder speaks of the authority's file too.
        this.run(['--verify-crl', '--load-ca-certificate', material.file(material.intermediate.raw), ...file])
        const shown = this.run(['--crl-info', ...file])
        if (!shown.includes(person.certificate.serialHex.toLowerCase()))
          throw new Unable('the certificate is not revoked')
        return
      }
      case 'ocsp': {
        const file = ['--load-response', material.file(made), '--load-signer', material.intermediateFile]
        runProgram('ocsptool', ['--verify-response', ...file], words)
        const shown = runProgram('ocsptool', ['--response-info', '--infile', material.file(made)], words)
        if (!shown.includes('Certificate Status: good')) throw new Unable('the certificate is not good')
      }
    }
  }

  private sign(what: Signing): Buffer {
    const { material } = this
    const special =
      what.signer === 'subject-key-id' || what.second !== null || what.indefinite || what.counterSigned
    // It chooses salt and MGF1 of RSASSA-PSS by the hash; signed attributes it writes only with a time.
    const otherPss = what.pss !== null && what.pss.mgf1 !== what.digest
    if (special || otherPss) throw new Unable('no option for it')
    const person = material.person(what.key)
    const own = ['--load-privkey', person.keyFile, '--load-certificate', person.certificateFile]
    const args = [
      what.form === 'opaque' ? '--p7-sign' : '--p7-detached-sign',
      ...own,
      '--p7-include-cert',
      '--outder',
    ]
    if (what.digest !== null) args.push('--hash', what.digest.toUpperCase())
    if (what.pss !== null) args.push('--sign-params', 'RSA-PSS')
    if (what.attributes) args.push('--p7-time')
    const object = this.run([...args, '--infile', material.file(material.entity)])
    return what.form === 'opaque'
      ? objectMail(person.email, 'signed-data', object)
      : clearSignedMail(person.email, material.entity, object)
  }

  private verify(mail: Buffer): void {
    const { material } = this
    const { object, entity } = takeApart(mail)
    const detached = entity === null ? ['--p7-show-data'] : ['--load-data', material.file(entity)]
    const input = ['--inder', '--infile', material.file(object), '--load-ca-certificate', this.authorities]
    const shown = this.run(['--p7-verify', ...input, ...detached])
    if (entity === null && !shown.includes(material.token)) throw new Unable('other content came out')
  }
}

/** GnuTLS by its commands. */
export function gnuTls(material: Material): Participant {
  return new GnuTls(material)
}
