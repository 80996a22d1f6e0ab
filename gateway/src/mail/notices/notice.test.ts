/**
 * Notices as a whole: when one is wanted, and that what is written is a well-formed report whose facts are true. The engine's
 * scanner is the judge of the form.
 */
import assert from 'node:assert/strict'
import { isAscii } from 'node:buffer'
import test from 'node:test'
import { decodeBody, headerValue, isCanonical, scanMessage, type MimeNode } from '@siegel/engine'
import fc from 'fast-check'
import type { Notify } from '../envelope.ts'
import { isMailId, newMailId } from '../id.ts'
import { noticeWanted, writeNotice, type NoticeInput, type NoticeKind } from './notice.ts'
import { inputAbout, mailFrom, originalOf, recipient, tenant, told } from './testing/mails.ts'

/** The bytes of a notice, its tree and the decoded bodies of its parts. */
function read(input: NoticeInput) {
  const { mail, chunks } = writeNotice(input)
  const bytes = Buffer.concat(chunks)
  const root = scanMessage(bytes)
  const field = (name: string, node: MimeNode = root) => {
    const found = node.headers.find(({ lower }) => lower === name)
    return found === undefined ? null : headerValue(bytes, found)
  }
  const parts = root.parts.map((node) => ({
    type: field('content-type', node) ?? '',
    encoding: field('content-transfer-encoding', node) ?? '',
    raw: bytes.subarray(node.bodyStart, node.end).toString('utf8'),
    text: Buffer.from(decodeBody(bytes, node)).toString('utf8'),
  }))
  const [human, status, returned] = parts
  assert.ok(human !== undefined && status !== undefined)
  return { mail, bytes, root, field, parts, human, status, returned }
}

/** Checks what outbound relies on against the bytes. */
function assertFactsTrue(input: NoticeInput): void {
  const { mail, bytes, root } = read(input)
  const lines = bytes.toString('latin1').split('\r\n')
  assert.deepEqual(mail.body, {
    size: bytes.length,
    headerSize: root.bodyStart,
    eightBit: !isAscii(bytes.subarray(root.bodyStart)),
    eightBitHeader: !isAscii(bytes.subarray(0, root.bodyStart)),
    bareLineEnds: false,
    nul: false,
    longestLine: Math.max(...lines.map((line) => line.length)),
  })
  assert.ok(isCanonical(bytes) && !bytes.includes(0))
  assert.ok(mail.body.longestLine <= 998)
  assert.equal(mail.envelope.body, mail.body.eightBit ? '8BITMIME' : '7BIT')
  if (mail.body.eightBitHeader) assert.ok(mail.envelope.smtpUtf8)
}

test('noticeWanted follows NOTIFY, and its default wants failures and delays', () => {
  const table: [readonly Notify[] | null, NoticeKind[]][] = [
    [null, ['failed', 'delayed']],
    [['NEVER'], []],
    [['FAILURE'], ['failed']],
    [['DELAY'], ['delayed']],
    [['SUCCESS'], ['relayed']],
    [
      ['SUCCESS', 'FAILURE', 'DELAY'],
      ['failed', 'delayed', 'relayed'],
    ],
  ]
  for (const [notify, wanted] of table)
    for (const kind of ['failed', 'delayed', 'relayed'] as const)
      assert.equal(
        noticeWanted(mailFrom('alice@contoso.example'), { ...recipient, notify }, kind),
        wanted.includes(kind),
        `${String(notify)} ${kind}`,
      )
})

test('no notice for the null sender, for an own notice, or for a sender that is no mailbox', () => {
  const asked = { ...recipient, notify: ['FAILURE'] as const }
  assert.equal(noticeWanted(mailFrom(''), asked, 'failed'), false)
  assert.equal(noticeWanted(mailFrom('postmaster'), asked, 'failed'), false)
  assert.equal(
    noticeWanted({ ...mailFrom('alice@contoso.example'), direction: 'notice' }, asked, 'failed'),
    false,
  )
})

test('a notice is an own mail with the null sender to the sender of the mail it is about', () => {
  const input = inputAbout()
  const { mail, field } = read(input)
  assert.equal(mail.direction, 'notice')
  assert.equal(mail.envelope.sender, '')
  assert.deepEqual(
    mail.envelope.recipients.map(({ address }) => address),
    ['alice@contoso.example'],
  )
  assert.equal(mail.receivedField, '')
  assert.equal(mail.via, 'local')
  assert.equal(mail.id, input.id)
  assert.ok(isMailId(mail.id))
  assert.equal(mail.messageId, `<${input.id}@${tenant.fqdn}>`)
  assert.equal(field('message-id'), mail.messageId)
  assert.equal(field('from'), `"Mail Delivery System" <postmaster@${tenant.fqdn}>`)
  assert.equal(field('to'), '<alice@contoso.example>')
  assert.equal(field('auto-submitted'), 'auto-replied')
  assert.equal(field('x-auto-response-suppress'), 'All')
  assert.equal(field('in-reply-to'), '<original@contoso.example>')
  assert.match(field('content-type') ?? '', /^multipart\/report; report-type=delivery-status; boundary="/)
  assert.equal(field('date'), 'Tue, 24 Nov 2026 06:00:00 +0000')
})

test('a notice has three parts in order, and its facts are true', () => {
  const input = inputAbout()
  assert.deepEqual(
    read(input).parts.map(({ type }) => type),
    ['text/plain; charset=utf-8', 'message/delivery-status', 'message/rfc822'],
  )
  assertFactsTrue(input)
})

test('without the original there are two parts', () => {
  const input = { ...inputAbout(), original: null }
  assert.equal(read(input).parts.length, 2)
  assertFactsTrue(input)
})

test('the text is German and English and names recipient, cause and the reply', () => {
  const { human } = read(inputAbout())
  assert.match(human.text, /konnte nicht zugestellt werden/)
  assert.match(human.text, /could not be delivered/)
  assert.match(human.text, / {2}bob@partner\.example\r\n/)
  assert.match(human.text, /The address does not exist there\. \(5\.1\.1, recipient-refused\)/)
  assert.match(
    human.text,
    /Reply of mx\.partner\.example:\r\n {6}550 5\.1\.1 no such user\r\n {6}5\.1\.1 see the rules/,
  )
})

test('the subject is of the gravest kind that occurs', () => {
  const delayed = told({ kind: 'delayed', status: '4.4.1' })
  assert.match(read({ ...inputAbout(), recipients: [delayed] }).field('subject') ?? '', /Delivery delayed$/)
  assert.match(
    read({ ...inputAbout(), recipients: [delayed, told({})] }).field('subject') ?? '',
    /Undeliverable$/,
  )
})

test('UTF-8 addresses make an international notice that asks for SMTPUTF8', () => {
  const input = inputAbout({
    sender: 'jürgen@contoso.example',
    smtpUtf8: true,
    recipients: [
      told({ recipient: { address: 'bäcker@partner.example', notify: null, originalRecipient: null } }),
    ],
  })
  const { mail, status, field } = read(input)
  assert.equal(mail.envelope.smtpUtf8, true)
  assert.equal(field('to'), '<jürgen@contoso.example>')
  assert.equal(status.type, 'message/global-delivery-status')
  assert.match(status.raw, /^Final-Recipient: utf-8; bäcker@partner\.example\r$/m)
  assertFactsTrue(input)
})

test('an 8-bit body is returned with 8BITMIME and without SMTPUTF8', () => {
  const input = { ...inputAbout(), original: originalOf('Subject: x\r\n', 'Grüße\r\n') }
  const { mail, returned, field } = read(input)
  assert.equal(mail.envelope.body, '8BITMIME')
  assert.equal(mail.envelope.smtpUtf8, false)
  assert.equal(field('content-transfer-encoding'), '8bit')
  assert.equal(returned?.encoding, '8bit')
  assertFactsTrue(input)
})

test('a boundary that stands in the returned mail is not used', () => {
  const id = newMailId(0)
  const input = { ...inputAbout(), id, original: originalOf('Subject: x\r\n', `--=_${id}--\r\n`) }
  const { parts } = read(input)
  assert.equal(parts.length, 3)
  assert.match(parts[2]?.raw ?? '', new RegExp(`--=_${id}--\r\n`))
})

test('property: whatever peers and senders write, the form stays whole and the facts true', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.constantFrom('a\r\nTo: <evil@x.example>', '\r\n\r\n--', 'x'.repeat(1200), '\u2028\u0085\u0000', ' '),
  )
  fc.assert(
    fc.property(
      hostile,
      hostile,
      hostile,
      hostile,
      fc.uint8Array({ maxLength: 300 }),
      (text, host, code, xtext, body) => {
        const input = inputAbout({
          envelopeId: xtext,
          messageId: text,
          recipients: [
            told({
              reply: { code: 550, enhanced: null, text },
              remoteHost: host,
              status: host,
              reason: { code, arguments: {} },
              recipient: { address: host, notify: null, originalRecipient: `rfc822;${xtext}` },
            }),
          ],
          original: originalOf(`Subject: ${text}\r\n`, Buffer.from(body)),
        })
        const { status, field, root } = read(input)
        assert.equal(field('to'), '<alice@contoso.example>')
        assert.ok(root.parts.length === 3)
        const groups = status.raw.trimEnd().split('\r\n\r\n')
        assert.equal(groups.length, 2)
        for (const line of status.raw.trimEnd().split('\r\n'))
          assert.match(line, /^(?:[A-Z][A-Za-z]*(?:-[A-Za-z]+)*: |[ \t]+\S|$)/)
        assert.equal(status.raw.match(/^Final-Recipient: /gm)?.length, 1)
        assertFactsTrue(input)
      },
    ),
    { numRuns: 150 },
  )
})
