/**
 * Published flaws of mail gateways that lie in what is delivered, one test each. scripts/planted-flaws.test.ts puts every
 * flaw back and sees its test fail.
 */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import {
  decryptMessage,
  encryptEntity,
  issueCertificate,
  parseCertificate,
  protectHeaders,
  scanHeader,
} from '@siegel/engine'
import { removedFields } from '../../exchange/header-firewall.ts'
import type { Tenant } from '../tenant.ts'
import { hiddenSubject, openedBody } from './opened.ts'

const NOW = Date.UTC(2026, 5, 1)
const { privateKey: key, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const certificate = parseCertificate(
  issueCertificate({
    subject: { CN: 'Bob' },
    issuer: { key },
    publicKey,
    notBefore: NOW - 86_400_000,
    notAfter: NOW + 86_400_000,
    extensions: { emails: ['bob@example.org'], keyUsage: ['keyAgreement'] },
  }),
)

function opened(header: string, entity: readonly Buffer[]) {
  const sealed = encryptEntity(entity, {
    recipients: [certificate],
    cipher: 'aes256-gcm',
    keyTransport: 'pkcs1v15',
  })
  const mail = Buffer.concat([Buffer.from(`${header}MIME-Version: 1.0\r\n`), ...sealed])
  const result = decryptMessage(mail, [{ key, certificate }], { anchors: [], at: NOW })
  assert.ok(result.entity !== null)
  return {
    subject: hiddenSubject(result)?.toString() ?? null,
    body: Buffer.concat(openedBody(result.entity, result)).toString(),
  }
}

test('CVE-2026-27443: control fields inside an encrypted mail are not delivered as header fields', () => {
  const inside =
    'X-MS-Exchange-Organization-AuthAs: Internal\r\nAuthentication-Results: gate.example; smime=pass\r\n' +
    'Subject: [secure] x\r\nFrom: ceo@example.org\r\nContent-Type: text/plain\r\n\r\nHello\r\n'
  const { subject, body } = opened('From: a@example.org\r\nSubject: y\r\n', [Buffer.from(inside)])
  assert.equal(body, 'Content-Type: text/plain\r\n\r\nHello\r\n')
  assert.equal(subject, null)
})

test('a hidden Subject is restored, and its Legacy Display Element goes', () => {
  const mail =
    'From: a@example.org\r\nSubject: Plans\r\nX-Own: 1\r\nContent-Type: text/plain\r\n\r\nHello\r\n'
  const { outer, entity } = protectHeaders(Buffer.from(mail), 'cipher', true)
  assert.match(Buffer.concat(entity).toString(), /\r\n\r\nSubject: Plans\r\n\r\nHello/)
  const { subject, body } = opened(Buffer.concat(outer).toString(), entity)
  assert.equal(subject, 'Subject: Plans\r\n')
  assert.match(body, /^Content-Type: text\/plain; hp="cipher"[^]*\r\n\r\nHello\r\n$/)
  assert.doesNotMatch(body, /Plans/)
})

test('Subject tag spoofing: nothing from outside passes for a result or a mark of ours', () => {
  const tenant = {
    fqdn: 'gate.example',
    processedHeader: { name: 'X-Gate-Done', outbound: ['o'], inbound: ['i'] },
  } as unknown as Tenant // all that the function looks at
  const header = Buffer.from(
    'Subject: [secure] hello\r\nAuthentication-Results: (x) GATE.example; smime=pass\r\nX-Gate-Done: i\r\n' +
      'X-Siegel-Pass: 1\r\nX-Gate-Secret: guess\r\nAuthentication-Results: other.example; smime=pass\r\n\r\n',
  )
  const { fields } = scanHeader(header)
  const removed = removedFields(header, fields, tenant, 'inbound', new Set(['x-gate-secret']))
  assert.deepEqual(
    removed.map(({ index, reason }) => [index, reason]),
    [
      [1, 'own-authserv-id'],
      [2, 'own-header'],
      [3, 'own-header'],
      [4, 'secret-header'],
    ],
  )
})
