/** The fields of the status part, as RFC 3464 and RFC 6533 want them. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { statusPart } from './status-part.ts'
import type { NoticeInput } from './input.ts'
import { inputAbout, NOW, recipient, told } from './testing/mails.ts'

function lines(input: NoticeInput): string[] {
  return Buffer.concat(statusPart(input).content).toString().replaceAll('\r\n ', ' ').split('\r\n')
}

function fieldsWith(originalRecipient: string): string[] {
  const input = inputAbout({ recipients: [told({ recipient: { ...recipient, originalRecipient } })] })
  return lines(input).filter((line) => line.startsWith('Original-Recipient'))
}

test('the fields stand in order, the xtext of ENVID decoded', () => {
  assert.deepEqual(lines(inputAbout({ envelopeId: 'QQ+2B314 '.trim() })), [
    'Reporting-MTA: dns; gateway.contoso.example',
    'Original-Envelope-Id: QQ+314',
    'Arrival-Date: Tue, 24 Nov 2026 05:59:00 +0000',
    '',
    'Final-Recipient: rfc822; bob@partner.example',
    'Action: failed',
    'Status: 5.1.1',
    'Remote-MTA: dns; mx.partner.example',
    'Diagnostic-Code: smtp; 550 5.1.1 no such user 5.1.1 see the rules',
    'Last-Attempt-Date: Tue, 24 Nov 2026 05:59:30 +0000',
    '',
  ])
})

test('an ENVID that hides a line break is left out', () => {
  assert.ok(!lines(inputAbout({ envelopeId: 'a+0D+0Ab' })).some((line) => line.startsWith('Original-Env')))
})

test('ORCPT is decoded by its type, and left out when it hides a control character', () => {
  assert.deepEqual(fieldsWith('rfc822;bob+2Bx@partner.example'), [
    'Original-Recipient: rfc822; bob+x@partner.example',
  ])
  assert.deepEqual(fieldsWith('utf-8;b\\x{E4}cker@partner.example'), [
    'Original-Recipient: utf-8; b\\x{E4}cker@partner.example',
  ])
  assert.deepEqual(fieldsWith('rfc822;bob+0D+0ATo:x'), [])
  assert.deepEqual(fieldsWith('nothing'), [])
})

test('a UTF-8 ORCPT makes the part international', () => {
  const input = inputAbout({
    recipients: [told({ recipient: { ...recipient, originalRecipient: 'utf-8;bäcker@partner.example' } })],
  })
  const part = statusPart(input)
  assert.equal(part.encoding, '8bit')
  assert.match(Buffer.concat(part.fields).toString(), /message\/global-delivery-status/)
  assert.ok(lines(input).includes('Original-Recipient: utf-8; bäcker@partner.example'))
})

test('a delayed recipient is told until when, others are not', () => {
  const delayed = lines(inputAbout({ recipients: [told({ kind: 'delayed', status: '4.4.1' })] }))
  assert.ok(delayed.includes('Action: delayed'))
  assert.ok(delayed.includes('Will-Retry-Until: Tue, 24 Nov 2026 07:00:00 +0000'))
  const relayed = lines(inputAbout({ recipients: [told({ kind: 'relayed', status: '2.0.0' })] }))
  assert.ok(relayed.includes('Action: relayed') && relayed.includes('Status: 2.0.0'))
  assert.ok(!relayed.some((line) => line.startsWith('Will-Retry-Until')))
})

test('a status that does not fit the kind becomes the general one', () => {
  const statusWith = (kind: 'failed' | 'delayed' | 'relayed', status: string) =>
    lines(inputAbout({ recipients: [told({ kind, status })] })).find((line) => line.startsWith('Status'))
  assert.equal(statusWith('failed', '2.0.0'), 'Status: 5.0.0')
  assert.equal(statusWith('failed', '4.4.7'), 'Status: 4.4.7')
  assert.equal(statusWith('delayed', '5.7.1'), 'Status: 4.0.0')
  assert.equal(statusWith('relayed', '5.7.1'), 'Status: 2.0.0')
  assert.equal(statusWith('failed', '5.1.1\r\nX: y'), 'Status: 5.0.0')
})

test('without a reply the diagnostic is our own code; a host that is no name is not told', () => {
  const own = lines(
    inputAbout({
      recipients: [
        told({
          reply: null,
          remoteHost: 'no name\r\n',
          reason: { code: 'starttls-not-offered', arguments: {} },
        }),
      ],
    }),
  )
  assert.ok(own.includes('Diagnostic-Code: x-siegel; starttls-not-offered'))
  assert.ok(!own.some((line) => line.startsWith('Remote-MTA')))
})

test('a hostile reply ends no line, begins no field and stays in US-ASCII', () => {
  const text = `no\r\nAction: delivered\u2028\u0007ü ${'x'.repeat(1300)}`
  const part = statusPart(inputAbout({ recipients: [told({ reply: { code: 550, enhanced: null, text } })] }))
  const raw = Buffer.concat(part.content).toString('latin1')
  assert.ok(!/[^\r\n -~]/.test(raw))
  assert.equal(raw.match(/^Action:/gm)?.length, 1)
  assert.ok(Math.max(...raw.split('\r\n').map((line) => line.length)) <= 998)
})

test('every recipient has a group of its own', () => {
  const input = inputAbout({
    recipients: [told({}), told({ lastAttemptAt: null }), told({ kind: 'delayed' })],
  })
  assert.equal(lines(input).filter((line) => line === '').length, 4)
  assert.equal(NOW, input.now)
})
