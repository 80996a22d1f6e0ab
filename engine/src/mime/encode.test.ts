/** Behaviour of the encoders: form of the lines, and that decoding gives back what was encoded. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decodeBase64, decodeQuotedPrintable } from './decode.ts'
import { encodeBase64Lines, encodeQuotedPrintable } from './encode.ts'

const bytesOf = fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array))
/** Bytes dense in what quoted-printable has rules for. */
const trickyBytes = fc
  .array(
    fc.constantFrom(
      '\r\n',
      '\r',
      '\n',
      ' ',
      '\t',
      '=',
      '.',
      '-',
      'From ',
      'abc',
      '\u00fc',
      '\0',
      'x'.repeat(74),
    ),
    {
      maxLength: 40,
    },
  )
  .map((words) => Buffer.from(words.join(''), 'latin1'))

describe('encodeBase64Lines', () => {
  test('writes lines of 76 characters, each with CRLF', () => {
    const text = encodeBase64Lines([Buffer.alloc(120, 'x')]).toString('latin1')
    assert.deepEqual(
      text.split('\r\n').map((line) => line.length),
      [76, 76, 8, 0],
    )
    assert.equal(encodeBase64Lines([]).length, 0)
    assert.equal(encodeBase64Lines([Buffer.from('a')]).toString(), 'YQ==\r\n')
    assert.equal(encodeBase64Lines([Buffer.alloc(57, 'x')]).length, 78)
  })

  test('encodes chunks as one text, at every block size', () => {
    const bytes = Buffer.from(Array.from({ length: 200_003 }, (_, i) => (i * 31) >> 3))
    const whole = encodeBase64Lines([bytes])
    for (const cuts of [[1, 2, 3], [58_368], [58_367, 58_369], [57, 100_000, 199_999], [0, 0, 200_003]]) {
      const chunks = [0, ...cuts].map((cut, n) => bytes.subarray(cut, cuts[n] ?? bytes.length))
      assert.ok(encodeBase64Lines(chunks).equals(whole), String(cuts))
    }
    assert.ok(decodeBase64(whole).equals(bytes))
  })

  test('is read back by our decoder and by Node', () => {
    fc.assert(
      fc.property(bytesOf, bytesOf, (one, two) => {
        const text = encodeBase64Lines([one, two])
        assert.ok(decodeBase64(text).equals(Buffer.concat([one, two])))
        assert.ok(Buffer.from(text.toString('latin1'), 'base64').equals(Buffer.concat([one, two])))
      }),
    )
  })
})

describe('encodeQuotedPrintable', () => {
  const encode = (text: string): string =>
    encodeQuotedPrintable(Buffer.from(text, 'latin1')).toString('latin1')

  test('leaves plain text alone', () => {
    assert.equal(
      encode('Plain text, tabs\tand spaces.\r\nTwo lines.\r\n'),
      'Plain text, tabs\tand spaces.\r\nTwo lines.\r\n',
    )
  })

  test('escapes 8-bit bytes, the equals sign, bare breaks and white space at line ends', () => {
    assert.equal(encode('\u00fc=\0\rx\ny \r\nz\t'), '=FC=3D=00=0Dx=0Ay=20\r\nz=09')
  })

  test('escapes what a transport could change at the start of a line', () => {
    assert.equal(encode('From me\r\n.\r\n--b\r\nFromage a-b.c'), '=46rom me\r\n=2E\r\n=2D-b\r\nFromage a-b.c')
  })

  test('writes CRLF as octets on demand', () => {
    assert.equal(encodeQuotedPrintable(Buffer.from('a\r\nb'), { binary: true }).toString(), 'a=0D=0Ab')
  })

  test('never writes a line of more than 76 characters, nor an unsafe one', () => {
    fc.assert(
      fc.property(trickyBytes, (bytes) => {
        for (const line of encodeQuotedPrintable(bytes).toString('latin1').split('\r\n')) {
          assert.ok(line.length <= 76, line)
          assert.match(line, /^(?![-.]|From )[\t\x20-\x7e]*$/)
          assert.doesNotMatch(line, /[ \t]$/)
        }
      }),
    )
  })

  test('is read back byte for byte', () => {
    fc.assert(
      fc.property(fc.oneof(bytesOf, trickyBytes), fc.boolean(), (bytes, binary) => {
        assert.ok(decodeQuotedPrintable(encodeQuotedPrintable(bytes, { binary })).equals(bytes))
      }),
    )
    const large = Buffer.from('\u00fc= x\r\n'.repeat(30_000), 'latin1')
    assert.ok(decodeQuotedPrintable(encodeQuotedPrintable(large)).equals(large))
    const dense = Buffer.alloc(70_000, 0xff)
    assert.ok(decodeQuotedPrintable(encodeQuotedPrintable(dense)).equals(dense))
  })
})
