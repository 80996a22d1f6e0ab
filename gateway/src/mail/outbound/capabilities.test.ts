/** Tests of reading an EHLO reply and of what a copy needs of a hop. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  missingFor,
  NO_CAPABILITIES,
  readCapabilities,
  type Capabilities,
  type CopyFacts,
} from './capabilities.ts'

const ALL: Capabilities = {
  starttls: true,
  pipelining: true,
  chunking: true,
  eightBitMime: true,
  smtpUtf8: true,
  dsn: true,
  sizeDeclared: true,
  size: 1000,
}
const PLAIN: CopyFacts = {
  size: 10,
  eightBit: false,
  eightBitHeader: false,
  bareLineEnds: false,
  longestLine: 5000,
}

describe('EHLO reply', () => {
  const read = (...lines: string[]) =>
    readCapabilities({ code: 250, enhanced: null, lines: ['hop Hello', ...lines] })

  test('keywords in any case, the first line is none', () => {
    assert.deepEqual(
      read(
        'size 1000',
        'Pipelining',
        'DSN',
        'ENHANCEDSTATUSCODES',
        'STARTTLS',
        '8BITMIME',
        'BINARYMIME',
        'CHUNKING',
        'SMTPUTF8',
      ),
      ALL,
    )
    assert.deepEqual(readCapabilities({ code: 250, enhanced: null, lines: ['PIPELINING'] }), NO_CAPABILITIES)
  })

  for (const [line, declared, limit] of [
    ['SIZE', true, null],
    ['SIZE 0', true, null],
    ['SIZE 5 x', true, null],
    ['SIZE 99999999999999999999', true, null],
    ['SIZEX 5', false, null],
  ] as const)
    test(line, () => {
      const { sizeDeclared, size } = read(line)
      assert.deepEqual([sizeDeclared, size], [declared, limit])
    })
})

describe('what a hop lacks', () => {
  const missing = (
    hop: Partial<Capabilities>,
    copy: Partial<CopyFacts>,
    given: { sender?: string; to?: string; smtpUtf8?: boolean } = {},
  ) => {
    const { sender = 'a@b.example', to = 'c@d.example', smtpUtf8 = false } = given
    const envelope = { sender, smtpUtf8, body: null, returnContent: null, envelopeId: null }
    const found = missingFor(
      { ...ALL, ...hop },
      envelope,
      [{ address: to, notify: null, originalRecipient: null }],
      { ...PLAIN, ...copy },
    )
    return found === null ? null : [found.kind, found.status, found.reason.code]
  }

  test('nothing, for an ordinary copy, also with long lines and at a hop of old', () => {
    assert.equal(missing({}, {}), null)
    assert.equal(missing(NO_CAPABILITIES, {}), null)
  })
  test('CHUNKING for bare line ends and NUL', () => {
    assert.deepEqual(missing({ chunking: false }, { bareLineEnds: true }), [
      'failed',
      '5.6.11',
      'bare-line-ends-need-chunking',
    ])
    assert.deepEqual(missing({ chunking: false }, { nul: true }), ['failed', '5.6.11', 'nul-needs-chunking'])
    assert.equal(missing({}, { bareLineEnds: true, nul: true }), null)
  })
  test('8BITMIME for octets above 127', () => {
    assert.deepEqual(missing({ eightBitMime: false }, { eightBit: true }), [
      'failed',
      '5.6.3',
      'eight-bit-needs-8bitmime',
    ])
    assert.deepEqual(missing({ eightBitMime: false }, { eightBitHeader: true }), [
      'failed',
      '5.6.3',
      'eight-bit-needs-8bitmime',
    ])
  })
  test('SMTPUTF8 for addresses and for headers that came with it', () => {
    const lacking = ['failed', '5.6.7', 'smtputf8-not-offered']
    assert.deepEqual(
      missing({ smtpUtf8: false }, {}, { sender: 'jürgen@b.example', smtpUtf8: true }),
      lacking,
    )
    assert.deepEqual(missing({ smtpUtf8: false }, {}, { to: 'jürgen@b.example', smtpUtf8: true }), lacking)
    assert.deepEqual(missing({ smtpUtf8: false }, { eightBitHeader: true }, { smtpUtf8: true }), lacking)
    assert.equal(missing({ smtpUtf8: false }, { eightBitHeader: true }), null)
    assert.equal(missing({ smtpUtf8: false }, {}, { smtpUtf8: true }), null)
  })
  test('room', () => {
    assert.deepEqual(missing({}, { size: 1001 }), ['failed', '5.3.4', 'too-large-for-hop'])
    assert.equal(missing({}, { size: 1000 }), null)
    assert.equal(missing({ size: null }, { size: 1e12 }), null)
  })
})
