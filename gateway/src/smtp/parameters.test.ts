import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'

import { isFault, parseMailParameters, parseRecipientParameters } from './parameters.ts'
import { decodeXtext, encodeXtext } from './xtext.ts'

const NONE = { size: null, body: null, smtpUtf8: false, returnContent: null, envelopeId: null }

function codeOf(result: object): number {
  return isFault(result) ? result.code : 250
}

test('the parameters of MAIL are read', () => {
  assert.deepEqual(parseMailParameters(''), NONE)
  assert.deepEqual(parseMailParameters(' SIZE=12345 body=8bitmime SMTPUTF8 ret=hdrs  ENVID=QQ+2B1'), {
    size: 12345,
    body: '8BITMIME',
    smtpUtf8: true,
    returnContent: 'HDRS',
    envelopeId: 'QQ+2B1',
  })
  assert.deepEqual(parseMailParameters(' BODY=7BIT RET=FULL'), {
    ...NONE,
    body: '7BIT',
    returnContent: 'FULL',
  })
  const huge = parseMailParameters(' SIZE=99999999999999999999')
  assert.deepEqual(huge, { ...NONE, size: Number.MAX_SAFE_INTEGER })
})

test('unknown parameters of MAIL are 555, all other mistakes 501', () => {
  for (const rest of [
    ' FOO',
    ' FOO=1',
    ' AUTH=<>',
    ' XOORG=contoso.com',
    ' NOTIFY=NEVER',
    ' MT-PRIORITY=3',
  ]) {
    assert.equal(codeOf(parseMailParameters(rest)), 555, rest)
  }
  const wrong = [
    ...[
      ' SIZE',
      ' SIZE=',
      ' SIZE=-1',
      ' SIZE=1k',
      ' SIZE=123456789012345678901',
      ' BODY',
      ' BODY=BINARYMIME',
    ],
    ...[
      ' SMTPUTF8=1',
      ' RET',
      ' RET=ALL',
      ' ENVID',
      ' ENVID=',
      ' ENVID=a+0D+0Ab',
      ' ENVID=a+b',
      ' ENVID=a+2b',
    ],
    ...[
      ` ENVID=${'a'.repeat(101)}`,
      ' SIZE=1 SIZE=1',
      ' RET=FULL ret=full',
      ' SMTPUTF8 SMTPUTF8',
      ' =',
      ' -A=1',
    ],
    ...[' A=B=C', ' SIZE=1\tRET=FULL', ' SIZE=\u0085'],
  ]
  for (const rest of wrong) assert.equal(codeOf(parseMailParameters(rest)), 501, rest)
})

test('the parameters of RCPT are read', () => {
  assert.deepEqual(parseRecipientParameters('', false), { notify: null, originalRecipient: null })
  assert.deepEqual(parseRecipientParameters(' NOTIFY=success,FAILURE ORCPT=rfc822;a+2Bb@c', false), {
    notify: ['SUCCESS', 'FAILURE'],
    originalRecipient: 'rfc822;a+2Bb@c',
  })
  assert.deepEqual(parseRecipientParameters(' NOTIFY=NEVER', false), {
    notify: ['NEVER'],
    originalRecipient: null,
  })
})

test('mistakes in the parameters of RCPT are refused', () => {
  assert.equal(codeOf(parseRecipientParameters(' SIZE=1', false)), 555)
  const wrong = [
    ...[
      ' NOTIFY',
      ' NOTIFY=',
      ' NOTIFY=NEVER,DELAY',
      ' NOTIFY=SUCCESS,SUCCESS',
      ' NOTIFY=ALL',
      ' NOTIFY=DELAY,',
    ],
    ...[' ORCPT', ' ORCPT=a@b', ' ORCPT=;a', ' ORCPT=rfc822;', ' ORCPT=rfc822;a+0Ab', ' ORCPT=rfc822;a+00'],
    ...[
      ' ORCPT=rfc 822;a',
      ' ORCPT=rfc822;ä',
      ` ORCPT=rfc822;${'a'.repeat(500)}`,
      ' ORCPT=rfc822;a ORCPT=rfc822;a',
    ],
  ]
  for (const rest of wrong) assert.equal(codeOf(parseRecipientParameters(rest, true)), 501, rest)
})

test('an original recipient of type utf-8 may hold UTF-8 only in an SMTPUTF8 transaction', () => {
  for (const good of ['a@b', '\\x{E4}@b', 'a\\x{1F600}@b']) {
    assert.equal(codeOf(parseRecipientParameters(` ORCPT=utf-8;${good}`, false)), 250, good)
  }
  assert.equal(codeOf(parseRecipientParameters(' ORCPT=utf-8;ä@b', true)), 250)
  assert.equal(codeOf(parseRecipientParameters(' ORCPT=utf-8;ä@b', false)), 501)
  for (const bad of [
    '\\x{A}@b',
    '\\x{0A}@b',
    '\\x{85}@b',
    '\\x{D800}@b',
    '\\x{110000}',
    '\\a',
    '\\',
    'a+b',
  ]) {
    assert.equal(codeOf(parseRecipientParameters(` ORCPT=utf-8;${bad}`, true)), 501, bad)
  }
})

test('an original recipient of type rfc822 may be UTF-8 in xtext in an SMTPUTF8 transaction, as Postfix writes it', () => {
  assert.equal(codeOf(parseRecipientParameters(' ORCPT=rfc822;j+C3+BCrgen@b', true)), 250)
  assert.equal(codeOf(parseRecipientParameters(' ORCPT=rfc822;j+C3+BCrgen@b', false)), 501)
  for (const bad of ['j+C3rgen@b', 'a+C2+85@b', 'a+C3+BC+0A@b', 'a+FF@b'])
    assert.equal(codeOf(parseRecipientParameters(` ORCPT=rfc822;${bad}`, true)), 501, bad)
})

test('property: xtext of printable text decodes to it, and nothing that decodes hides a control character', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[ -~]*$/), (text) => {
      assert.equal(decodeXtext(encodeXtext(text)), text)
    }),
    { numRuns: 200 },
  )
  fc.assert(
    fc.property(fc.stringMatching(/^(?:[!-~]|\+[0-9A-F]{2})*$/), (text) => {
      assert.match(decodeXtext(text) ?? '', /^[ -~]*$/)
    }),
    { numRuns: 200 },
  )
})
