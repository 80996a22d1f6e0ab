/** Behaviour of the decoders on clean and on damaged input. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decodeBase64, decodeBody, decodeQuotedPrintable } from './decode.ts'
import { encodeBase64Lines } from './encode.ts'
import { scanMessage } from './scan.ts'

function base64(text: string): string {
  return decodeBase64(Buffer.from(text, 'latin1')).toString('latin1')
}

function quoted(text: string): string {
  return decodeQuotedPrintable(Buffer.from(text, 'latin1')).toString('latin1')
}

describe('decodeBase64', () => {
  test('ignores what is not in the alphabet', () => {
    assert.equal(base64('YW Jj\r\nZGVm\n'), 'abcdef')
    assert.equal(base64('Y-W_J!j\u00e9\0Z.GVm'), 'abcdef')
  })

  test('goes on behind padding', () => {
    assert.equal(base64('YQ==\r\nYg==\r\nY2Q='), 'abcd')
    assert.equal(base64('YQ=YmJi'), 'abbb')
  })

  test('drops a last quantum that was cut off, whether it holds whole bytes or not', () => {
    assert.equal(base64('YWI'), '')
    assert.equal(base64('YWJjYWI'), 'abc')
    assert.equal(base64('YQ==\r\nYWJjYWI'), 'aabc')
    assert.equal(base64('YWJjZ'), 'abc')
    assert.equal(base64('YWJjZGU='), 'abcde')
    assert.equal(base64('YWJjZG='), 'abcd')
    assert.equal(base64('===='), '')
    assert.equal(base64(''), '')
  })

  test('reads large texts the same in pieces as in one', () => {
    const bytes = Buffer.alloc(2_000_001, 'siegel')
    const text = encodeBase64Lines([bytes])
    assert.ok(decodeBase64(text).equals(bytes))
    assert.ok(decodeBase64(Buffer.from(text.toString('latin1').replaceAll('\r\n', '\n'))).equals(bytes))
    assert.ok(decodeBase64(Buffer.from(text.toString('latin1').replaceAll('\r\n', ''))).equals(bytes))
    // Damage far inside: a character lost, a character of rubbish, a longer line.
    const at = 78 * 20_000
    for (const [cut, insert] of [
      [4, ''],
      [0, '-'],
      [0, '\r\n'],
      [0, 'AAAA'],
      [0, '===='],
    ] as const) {
      const damaged = Buffer.concat([text.subarray(0, at), Buffer.from(insert), text.subarray(at + cut)])
      const small = damaged.toString('latin1').replace(/[^A-Za-z0-9+/]/g, '')
      assert.ok(decodeBase64(damaged).equals(Buffer.from(small, 'base64')), insert)
    }
  })
})

describe('decodeQuotedPrintable', () => {
  test('decodes escapes in both cases and leaves broken ones', () => {
    assert.equal(quoted('=C3=bc=3D'), '\u00c3\u00bc=')
    assert.equal(quoted('=XY=4=ZZ 50% =4'), '=XY=4=ZZ 50% =4')
  })

  test('joins soft breaks, with white space behind the sign and at the very end', () => {
    assert.equal(quoted('one=\r\ntwo=\nthree= \t\r\nfour='), 'onetwothreefour')
    assert.equal(quoted('a b =\r\nc'), 'a b c')
  })

  test('drops white space at line ends that is not escaped', () => {
    assert.equal(quoted('one \t\r\ntwo=20\r\nthree  '), 'one\r\ntwo \r\nthree')
    assert.equal(quoted(' \r\n'), '\r\n')
  })

  test('gives CRLF for every line break', () => {
    assert.equal(quoted('one\ntwo\r\n\n=0A'), 'one\r\ntwo\r\n\r\n\n')
  })

  test('keeps a bare carriage return and raw 8-bit bytes', () => {
    assert.equal(quoted('a\rb\u00fc'), 'a\rb\u00fc')
  })
})

describe('decodeBody', () => {
  const body = (encoding: string, text: string): string => {
    const bytes = Buffer.from(`Content-Transfer-Encoding: ${encoding}\r\n\r\n${text}`)
    return decodeBody(bytes, scanMessage(bytes)).toString('latin1')
  }

  test('follows the encoding of the entity', () => {
    assert.equal(body('base64', 'YWJj'), 'abc')
    assert.equal(body('quoted-printable', '=41'), 'A')
    for (const encoding of ['7bit', '8bit', 'binary', 'x-uuencode', 'unknown'])
      assert.equal(body(encoding, 'YWJj='), 'YWJj=')
  })

  test('gives the body of a multipart as it stands', () => {
    const bytes = Buffer.from(
      'Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\n\nx',
    )
    assert.equal(decodeBody(bytes, scanMessage(bytes)).toString(), '--b\n\nx')
  })

  test('copies nothing where nothing is encoded', () => {
    const bytes = Buffer.from('A: b\r\n\r\nbody')
    assert.equal(decodeBody(bytes, scanMessage(bytes)).buffer, bytes.buffer)
  })
})
