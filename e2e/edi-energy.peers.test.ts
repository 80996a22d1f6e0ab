/**
 * The profile `edi-energy` with strangers as partners: OpenSSL issues all keys and certificates, signed with RSASSA-PSS; the gateway's
 * own policy protects a mail with them, which OpenSSL and BouncyCastle open and verify; and what they sign and encrypt by the same
 * rules is opened, verified and read back to the parameter. Last, the command says so of an installation that holds these keys.
 */
import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { decryptMessage, parseCertificate, readPem, type Certificate } from '@siegel/engine'
import {
  OWN_ADDRESS,
  PARTNER_ADDRESS,
  selfTest,
  type TestKey,
  type TestMaterial,
} from '../gateway/src/cli/profile-selftest.ts'
import { layerOf, signatureOf } from '../gateway/src/cli/profile-wire.ts'
import { Installation } from '../gateway/src/cli/testing/installation.ts'
import { EDI_ENERGY } from '../gateway/src/mail/policy/edi-energy.ts'
import { startDriver, type Driver } from './interop/bouncycastle.ts'
import { entityOfMail, objectMail, takeApart } from './interop/mail.ts'
import { runProgram } from './interop/participant.ts'

const PSS = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:32']
const CA = 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n'
const SIGNATURE = 'rsa-pss sha256 mgf1-sha256 salt 32'
const TRANSPORT = 'oaep sha256 mgf1-sha256 label 0'
const ENTITY = Buffer.from('Content-Type: text/plain\r\n\r\nUNB from the partner\r\n')

let folder: string
let peer: Driver
let material: TestMaterial
const path = (name: string): string => join(folder, name)

function openssl(...args: readonly string[]): Buffer {
  return runProgram('openssl', args, (output) => output, { cwd: folder })
}

/** A key and a certificate by OpenSSL, signed with RSASSA-PSS unless told otherwise. */
function issue(name: string, subject: string, by: string | null, extensions: string, how = PSS): void {
  openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:3072', '-out', `${name}.key`)
  openssl('req', '-new', '-key', `${name}.key`, '-subj', `/CN=${subject}`, '-out', `${name}.csr`)
  writeFileSync(path(`${name}.ext`), extensions)
  const issuer = by === null ? ['-signkey', `${name}.key`] : ['-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-CAcreateserial'] // prettier-ignore
  const out = ['-sha256', ...how, '-days', '30', '-extfile', `${name}.ext`, '-out', `${name}.pem`]
  openssl('x509', '-req', '-in', `${name}.csr`, ...issuer, ...out)
}

function certificate(name: string): Certificate {
  const [block] = readPem(readFileSync(path(`${name}.pem`)))
  return parseCertificate(block?.bytes ?? assert.fail())
}

function keyOf(name: string): TestKey {
  const key = createPrivateKey(readFileSync(path(`${name}.key`)))
  return { key, certificate: certificate(name), chain: [certificate('sub')] }
}

const person = (email: string): string =>
  `subjectAltName=email:${email}\nkeyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=emailProtection\n`

function write(name: string, bytes: Buffer): string {
  writeFileSync(path(name), bytes)
  return name
}

const pkcs8 = ({ key }: TestKey): Buffer => key.export({ type: 'pkcs8', format: 'der' })

/** Opens what a partner sent to us, and looks at each parameter. */
function read(mail: Buffer): void {
  const { own } = material
  const keys = [{ key: own.key, certificate: own.certificate }]
  const result = decryptMessage(mail, keys, { anchors: [material.root], at: Date.now(), revocation: 'none' })
  assert.deepEqual([result.status, result.verified?.signers[0]?.status], ['decrypted', 'valid'])
  assert.ok(result.entity?.includes('UNB from the partner'))
  assert.deepEqual(layerOf(mail), { cipher: 'aes256-cbc', authenticated: false, keys: [TRANSPORT] })
  assert.deepEqual(signatureOf(result.entity ?? assert.fail()).signer, {
    digest: 'sha256',
    signature: SIGNATURE,
  })
}

describe('edi-energy with strangers', () => {
  let sent: Buffer
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'siegel-edi-'))
    issue('root', 'root', null, CA)
    issue('sub', 'sub', 'root', CA)
    issue('own', 'own', 'sub', person(OWN_ADDRESS))
    issue('partner', 'partner', 'sub', person(PARTNER_ADDRESS))
    issue('old', 'old', 'sub', person(PARTNER_ADDRESS), [])
    material = {
      root: certificate('root'),
      own: keyOf('own'),
      partner: [keyOf('partner')],
      refused: [{ why: 'RSA v1.5 in the chain', key: keyOf('old') }],
    }
    const { checks, mail } = await selfTest('edi-energy', material, Date.now())
    assert.deepEqual(checks.filter(({ ok }) => !ok), []) // prettier-ignore
    sent = mail ?? assert.fail()
    peer = startDriver({
      newFolder: (name) => {
        mkdirSync(path(name))
        return path(name)
      },
    })
  })
  after(async () => {
    await peer.close()
    rmSync(folder, { recursive: true })
  })

  it('OpenSSL opens and verifies what the gateway protects, and prints the same parameters', () => {
    const mail = write('sent.eml', sent)
    const printed = openssl('cms', '-cmsout', '-print', '-noout', '-in', mail).toString()
    assert.match(printed, /keyEncryptionAlgorithm:\s+algorithm: rsaesOaep/)
    assert.match(printed, /contentEncryptionAlgorithm:\s+algorithm: aes-256-cbc/)
    const inner = openssl('cms', '-decrypt', '-in', mail, '-recip', 'partner.pem', '-inkey', 'partner.key')
    const signed = write('inner.eml', inner)
    const content = openssl('cms', '-verify', '-in', signed, '-CAfile', 'root.pem', '-purpose', 'smimesign')
    assert.ok(content.includes('VU5BOisuPyAn'))
    const shown = openssl('cms', '-cmsout', '-print', '-noout', '-in', signed).toString()
    assert.match(shown, /signatureAlgorithm:\s+algorithm: rsassaPss/)
  })

  it('BouncyCastle opens and verifies what the gateway protects', async () => {
    const partner = material.partner[0] ?? assert.fail()
    const words = { key: pkcs8(partner), certificate: partner.certificate.raw }
    const inner = await peer.ask('decrypt', { ...words, scheme: 'oaep', object: takeApart(sent).object })
    const mail = Buffer.concat([Buffer.from(`From: ${OWN_ADDRESS}\r\nMIME-Version: 1.0\r\n`), inner])
    assert.ok(
      (await peer.ask('verify', { mail, root: material.root.raw, signers: 1 })).includes('VU5BOisuPyAn'),
    )
  })

  it('what OpenSSL signs and encrypts by the rules is read', () => {
    const signed = openssl(
      ...['cms', '-sign', '-in', write('entity', ENTITY), '-signer', 'partner.pem', '-inkey', 'partner.key'],
      ...['-certfile', 'sub.pem', '-md', 'sha256', '-keyopt', 'rsa_padding_mode:pss'],
      ...['-keyopt', 'rsa_pss_saltlen:32', '-keyopt', 'rsa_mgf1_md:sha256'],
    )
    const from = ['-from', PARTNER_ADDRESS, '-to', OWN_ADDRESS, '-subject', 'x']
    const mail = openssl(
      ...[
        'cms',
        '-encrypt',
        '-binary',
        '-in',
        write('signed', entityOfMail(signed)),
        ...from,
        '-aes-256-cbc',
      ],
      ...['-recip', 'own.pem', '-keyopt', 'rsa_padding_mode:oaep', '-keyopt', 'rsa_oaep_md:sha256'],
      ...['-keyopt', 'rsa_mgf1_md:sha256'],
    )
    read(mail)
  })

  it('what BouncyCastle signs and encrypts by the rules is read', async () => {
    const partner = material.partner[0] ?? assert.fail()
    const signed = await peer.ask('sign', {
      key: pkcs8(partner),
      certificate: partner.certificate.raw,
      intermediate: certificate('sub').raw,
      algorithm: 'SHA256withRSAandMGF1',
      digest: 'SHA-256',
      mgf1: 'SHA-256',
      salt: 32,
      form: 'detached',
      from: PARTNER_ADDRESS,
      entity: ENTITY,
    })
    const object = await peer.ask('encrypt', {
      certificate: material.own.certificate.raw,
      cipher: '2.16.840.1.101.3.4.1.42',
      bits: 256,
      scheme: 'oaep',
      hash: 'SHA-256',
      mgf1: 'SHA-256',
      entity: entityOfMail(signed),
    })
    read(objectMail(PARTNER_ADDRESS, 'enveloped-data', object))
  })

  it('siegel profile check says so of an installation with these keys, and not of one with another', async () => {
    const text = (name: string) => readFileSync(path(name), 'utf8')
    const tenant = {
      kind: 'Tenant',
      name: 'contoso',
      spec: {
        acceptedDomains: ['selftest.invalid'],
        fqdn: 'smime.selftest.invalid',
        preset: 'as-documented',
        microsoftTenantId: '11111111-2222-3333-4444-555555555555',
        processedHeader: { name: 'X-Done', outbound: ['abcdefghijklmnopqrstuvwxyz234567'], inbound: ['bbcdefghijklmnopqrstuvwxyz234567'] },
        route: '[contoso.mail.protection.outlook.com]:25',
        ediEnergyEdition: EDI_ENERGY.edition,
      },
    } // prettier-ignore
    const partner = { kind: 'PartnerCertificate', tenant: 'contoso', name: 'partner' }
    const objects = [
      tenant,
      { kind: 'MailAnchor', tenant: 'contoso', name: 'root', spec: { certificate: text('root.pem') } },
      { kind: 'MailAnchor', tenant: 'contoso', name: 'sub', spec: { certificate: text('sub.pem') } },
      { kind: 'Credential', tenant: 'contoso', name: 'own', spec: { certificate: text('own.pem'), chain: text('sub.pem'), key: text('own.key') } },
    ] // prettier-ignore
    const run = async (spec: object): Promise<{ code: number; out: string }> => {
      const installation = await Installation.make([...objects, { ...partner, spec }])
      try {
        return await installation.run('profile', 'check', 'edi-energy', '--partner', PARTNER_ADDRESS, '--language', 'en') // prettier-ignore
      } finally {
        await installation.remove()
      }
    }
    const good = await run({ certificate: text('partner.pem') })
    assert.deepEqual([good.code, good.out.includes('BAD')], [0, false], good.out)
    const bad = await run({ certificate: text('old.pem') })
    assert.equal(bad.code, 1)
    assert.match(bad.out, /^BAD {2}certificate of a partner: .*RSASSA-PSS in the chain$/m)
  })
})
