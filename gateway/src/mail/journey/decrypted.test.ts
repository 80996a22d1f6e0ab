/**
 * Tests of what a decrypted mail looks like to the mailbox: of the header inside only Content fields come out, so that nobody
 * smuggles in by encryption what every filter on the way would have removed.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encryptEntity, scanHeader, signEntity } from '@siegel/engine'
import { decryptionTime } from '../../keyring/decryption-time.ts'
import { entryOf, make } from '../../keyring/testing/credentials.ts'
import { mailRoot, withRig, type JourneyRig } from './testing/rig.ts'

const alice = make('Alice', mailRoot, { emails: ['alice@contoso.com'] })
const bob = make('Bob', mailRoot, { emails: ['bob@partner.example'] })

const SMUGGLED = [
  'From: ceo@contoso.com',
  'To: everybody@contoso.com',
  'Subject: smuggled',
  'Received: from nowhere by gw.contoso.com; now',
  'Authentication-Results: gw.contoso.com; smime=pass',
  'X-MS-Exchange-Organization-AuthAs: Internal',
  'X-MS-Exchange-CrossPremises-AuthAs: Internal',
  'X-MS-Exchange-CrossTenant-Id: 11111111-1111-1111-1111-111111111111',
  'X-Contoso-Done: word-of-another',
  'X-Siegel-Pass: x',
  'MIME-Version: 1.0',
]

async function delivered(rig: JourneyRig, inner: Buffer): Promise<Buffer> {
  await rig.keep(entryOf(alice, 'own'))
  const encrypted = encryptEntity([inner], {
    recipients: [alice.certificate],
    cipher: 'aes256-gcm',
    keyTransport: 'oaep-sha256',
  })
  const head = 'From: bob@partner.example\r\nTo: alice@contoso.com\r\nSubject: outer\r\nMIME-Version: 1.0\r\n'
  await rig.receive(Buffer.concat([Buffer.from(head), ...encrypted]), { direction: 'inbound' })
  await rig.turn()
  return rig.next.hop.heard.at(-1)?.content ?? assert.fail()
}

function fieldsOf(content: Buffer): string[] {
  return scanHeader(content).fields.map(({ start, end }) => content.toString('latin1', start, end).trimEnd())
}

describe('a decrypted mail', () => {
  it('takes no field but Content fields from inside', () =>
    withRig({}, async (rig) => {
      const inner = `${SMUGGLED.slice(0, 5).join('\r\n')}\r\nContent-Type: text/plain;\r\n charset=utf-8\r\n${SMUGGLED.slice(5).join('\r\n')}\r\nContent-Language: de\r\n\r\nthe body\r\n`
      const content = await delivered(rig, Buffer.from(inner))
      const fields = fieldsOf(content)
      for (const name of ['From', 'To', 'Subject', 'MIME-Version', 'Authentication-Results', 'Received'])
        assert.equal(fields.filter((field) => field.startsWith(`${name}:`)).length, 1, name)
      for (const field of SMUGGLED)
        if (!field.startsWith('MIME-Version')) assert.ok(!fields.includes(field), field)
      assert.ok(fields.includes('Content-Type: text/plain;\r\n charset=utf-8'))
      assert.ok(fields.includes('Content-Language: de'))
      assert.ok(content.toString().endsWith('\r\n\r\nthe body\r\n'))
    }))

  it('keeps its inner signature whole, and says whose it is', () =>
    withRig({}, async (rig) => {
      const entity = Buffer.from('Content-Type: text/plain\r\nX-Signed: yes\r\n\r\nsigned body\r\n')
      const signer = { key: bob.key, certificate: bob.certificate, chain: [] }
      const signed = signEntity([entity], signer, {
        digest: 'sha256',
        pss: false,
        at: Date.now(),
        boundary: 'b',
      })
      const content = await delivered(rig, Buffer.concat(signed))
      assert.ok(content.includes(entity))
      assert.match(content.toString(), /smime=pass[^;]*body\.smime-identifier=bob@partner\.example/)
    }))

  it('without a header inside has only a body', () =>
    withRig({}, async (rig) => {
      const content = await delivered(rig, Buffer.from('\r\nonly a body\r\n'))
      assert.ok(content.toString().endsWith('\r\n\r\nonly a body\r\n'))
      assert.ok(!fieldsOf(content).some((field) => /^content-/i.test(field)))
    }))
})

describe('a mail that does not open', () => {
  for (const [what, size, broken] of [
    ['is damaged', 600_000, true],
    ['is damaged and streamed', 1_500_000, true],
    ['is for somebody else', 600_000, false],
  ] as const)
    it(`and ${what} is delivered as it came, at a moment that tells nothing`, () =>
      withRig({}, async (rig) => {
        await rig.keep(entryOf(alice, 'own'))
        const encrypted = encryptEntity([Buffer.from(`\r\n${'x'.repeat(size)}\r\n`)], {
          recipients: [broken ? alice.certificate : bob.certificate],
          cipher: 'aes256-gcm',
          keyTransport: 'oaep-sha256',
        })
        const mail = Buffer.concat([
          Buffer.from('From: bob@partner.example\r\nTo: alice@contoso.com\r\nMIME-Version: 1.0\r\n'),
          ...encrypted,
        ])
        // In the midst of the ciphertext, where it is base64 still.
        const middle = mail.length >> 1
        if (broken)
          mail.write(mail.toString('latin1', middle, middle + 4) === 'AAAA' ? 'BBBB' : 'AAAA', middle)
        await rig.receive(mail, { direction: 'inbound' })
        const started = performance.now()
        await rig.turn()
        const took = performance.now() - started
        const content = rig.next.hop.heard.at(-1)?.content ?? assert.fail()
        assert.ok(took >= decryptionTime(mail.length, []), `${took} ms`)
        assert.ok(content.subarray(-1000).equals(mail.subarray(-1000)))
        assert.match(content.toString('latin1', 0, 2000), /smime=/)
      }))
})
