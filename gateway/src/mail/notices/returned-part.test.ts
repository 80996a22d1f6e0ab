/** What comes back of a mail, and what must not. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { MAX_RETURNED, returnedPart } from './returned-part.ts'
import { inputAbout, originalOf, type InputChange } from './testing/mails.ts'

function returned(change: InputChange) {
  const part = returnedPart(inputAbout(change))
  assert.ok(part !== null)
  const fields = Buffer.concat(part.fields).toString()
  return {
    ...part,
    type: /^Content-Type: (.*)\r\n/.exec(fields)?.[1],
    text: Buffer.concat(part.content).toString(),
  }
}

const SECRETS =
  'X-Contoso-Gate: out:hush\r\nSubject: a\r\nx-contoso-done: done\r\nX-Siegel-Pass: v=1\r\n' +
  'X-MS-Exchange-Organization-AuthAs: Internal\r\nX-MS-Exchange-CrossPremises-AuthAs: Internal\r\n'

test('a sender inside gets the whole mail, byte for byte', () => {
  const { type, text } = returned({ original: originalOf('A: 1\r\nB:\r\n  2\r\n', 'body\r\n.\r\nend') })
  assert.equal(type, 'message/rfc822')
  assert.equal(text, 'A: 1\r\nB:\r\n  2\r\n\r\nbody\r\n.\r\nend')
})

test('with RET=HDRS, a large mail, or none at hand, only the header comes back', () => {
  const header = 'Subject: a\r\n'
  const large = originalOf(header, Buffer.alloc(MAX_RETURNED, 'text of a line, it is long enough\r\n'))
  for (const change of [
    { returnContent: 'HDRS', original: originalOf(header, 'body') },
    { original: large },
    { original: { ...large, full: null } },
  ] satisfies InputChange[]) {
    const { type, text } = returned(change)
    assert.equal(type, 'text/rfc822-headers')
    assert.equal(text, header)
  }
})

test('a mail of exactly the limit comes back whole', () => {
  const header = Buffer.from('Subject: a\r\n')
  const body = Buffer.alloc(MAX_RETURNED - header.length - 2, 'a\r\n')
  body.write('..', body.length - 2)
  assert.equal(returned({ original: originalOf(header, body) }).type, 'message/rfc822')
})

test('a sender outside gets the header only, without the inside of the organisation', () => {
  for (const change of [
    { sender: 'mallory@world.example', direction: 'inbound' },
    { sender: 'mallory@world.example' },
    // An inside address on a mail from outside proves nothing.
    { direction: 'inbound' },
  ] satisfies InputChange[]) {
    const { type, text } = returned({ ...change, original: originalOf(SECRETS, 'secret body') })
    assert.equal(type, 'text/rfc822-headers')
    assert.equal(text, 'Subject: a\r\n')
  }
})

test('our secret, processed and own fields never come back, whole mail or not', () => {
  const { type, text } = returned({ original: originalOf(SECRETS, 'body') })
  assert.equal(type, 'message/rfc822')
  assert.doesNotMatch(text, /hush|done|Siegel/i)
  assert.match(text, /^Subject: a\r\nX-MS-Exchange-Organization-AuthAs: Internal\r\n/)
})

test('fields that attribution removed do not come back', () => {
  const { text } = returned({
    attribution: {
      tenantId: 't',
      direction: 'outbound',
      factors: [],
      removedFields: [{ index: 1, name: 'X-Old-Gate', reason: 'secret' }],
      earlierPasses: 0,
    },
    original: originalOf('A: 1\r\nX-Old-Gate: hush\r\nB: 2\r\n', 'body'),
  })
  assert.equal(text, 'A: 1\r\nB: 2\r\n\r\nbody')
})

test('what 7bit and 8bit cannot carry reduces the return to the header', () => {
  for (const body of ['bare\nline', 'nul\0', 'x'.repeat(999)])
    assert.equal(returned({ original: originalOf('Subject: a\r\n', body) }).type, 'text/rfc822-headers')
  assert.equal(returned({ original: originalOf('Subject: a\r\n', 'x'.repeat(998)) }).type, 'message/rfc822')
})

test('a header in raw 8 bits comes back quoted-printable, one of an SMTPUTF8 mail as it is', () => {
  const original = originalOf('Subject: Grüße\r\n', 'body')
  const raw = returned({ original })
  assert.equal(raw.encoding, 'quoted-printable')
  assert.equal(raw.text, 'Subject: Gr=C3=BC=C3=9Fe\r\n')
  assert.equal(raw.international, false)
  const international = returned({ smtpUtf8: true, original })
  assert.equal(international.type, 'message/global')
  assert.equal(international.international, true)
  assert.equal(returned({ smtpUtf8: true, returnContent: 'HDRS', original }).type, 'message/global-headers')
  const broken = originalOf(Buffer.from('Subject: \xfc\r\n', 'latin1'), 'body')
  assert.equal(returned({ smtpUtf8: true, original: broken }).type, 'text/rfc822-headers')
})

test('a header that cannot be read safely does not come back at all', () => {
  const original = originalOf(`A: ${'x'.repeat(70_000)}\r\nX-Contoso-Gate: hush\r\n`, 'body')
  assert.equal(returnedPart(inputAbout({ original })), null)
})

test('bare line ends in the header are mended, and nothing slips through between fields', () => {
  const { text } = returned({
    returnContent: 'HDRS',
    original: originalOf('A: 1\nno field\r\nB: 2\r\n', 'body'),
  })
  assert.equal(text, 'A: 1\r\nB: 2\r\n')
})
