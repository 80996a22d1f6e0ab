/** Behaviour of the 7-bit preparation: what is changed, what is not, and what is reported. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { EngineError } from '../errors.ts'
import { decodeBody } from './decode.ts'
import type { MimeNode } from './entity.ts'
import { scanMessage } from './scan.ts'
import { sevenBitObstacles, sevenBitSafe } from './seven-bit.ts'
import { survey } from './survey.ts'

function safe(text: string): string {
  const bytes = Buffer.from(text, 'latin1')
  return Buffer.concat(sevenBitSafe(bytes, scanMessage(bytes))).toString('latin1')
}

function crlf(...lines: string[]): string {
  return lines.join('\r\n')
}

/** Decoded bodies of all leaves, in order. */
function bodies(bytes: Buffer): string[] {
  const found: string[] = []
  const visit = (node: MimeNode): void => {
    if (node.parts.length === 0) found.push(`${node.type} ${decodeBody(bytes, node).toString('latin1')}`)
    node.parts.forEach(visit)
  }
  visit(scanMessage(bytes))
  return found
}

const MIXED = 'Content-Type: multipart/mixed; boundary=b'

describe('sevenBitSafe', () => {
  test('gives back one view of what is safe', () => {
    const bytes = Buffer.from(crlf('Subject: x', MIXED, '', '--b', '', 'one', '--b--', ''))
    const pieces = sevenBitSafe(bytes, scanMessage(bytes))
    assert.equal(pieces.length, 1)
    assert.equal(pieces[0]?.buffer, bytes.buffer)
    assert.equal(pieces[0].length, bytes.length)
  })

  test('writes 8-bit text as quoted-printable and says so', () => {
    assert.equal(
      safe(
        crlf(
          'Content-Transfer-Encoding: 8bit',
          'Content-Type: text/plain',
          '',
          'Gr\u00fc\u00dfe aus K\u00f6ln am Rhein, mit Herz',
          '',
        ),
      ),
      crlf(
        'Content-Transfer-Encoding: quoted-printable',
        'Content-Type: text/plain',
        '',
        'Gr=FC=DFe aus K=F6ln am Rhein, mit Herz',
        '',
      ),
    )
  })

  test('writes dense 8-bit text and 8-bit data as base64', () => {
    assert.equal(
      safe(crlf('X: 1', '', '\u00e4\u00f6\u00fc')),
      crlf('Content-Transfer-Encoding: base64', 'X: 1', '', '5Pb8', ''),
    )
    assert.equal(
      safe(crlf('Content-Type: image/png', '', 'abc\u00fcabcabcabcabc')),
      crlf(
        'Content-Transfer-Encoding: base64',
        'Content-Type: image/png',
        '',
        'YWJj/GFiY2FiY2FiY2FiYw==',
        '',
      ),
    )
  })

  test('labels clean 8bit and binary parts 7bit, multiparts and messages too', () => {
    const text = crlf(
      'Content-Transfer-Encoding: 8bit',
      MIXED,
      '',
      '--b',
      'content-transfer-encoding: BINARY',
      '',
      'clean',
      '--b',
      'Content-Type: message/rfc822',
      'Content-Transfer-Encoding: 8bit',
      '',
      'Subject: inner',
      '',
      'caf\u00e9 au lait, text enough',
      '--b--',
      '',
    )
    assert.equal(
      safe(text),
      crlf(
        'Content-Transfer-Encoding: 7bit',
        MIXED,
        '',
        '--b',
        'Content-Transfer-Encoding: 7bit',
        '',
        'clean',
        '--b',
        'Content-Type: message/rfc822',
        'Content-Transfer-Encoding: 7bit',
        '',
        'Content-Transfer-Encoding: quoted-printable',
        'Subject: inner',
        '',
        'caf=E9 au lait, text enough',
        '--b--',
        '',
      ),
    )
  })

  test('encodes long lines, "From " lines and NUL', () => {
    assert.match(safe(crlf('', 'x'.repeat(999))), /quoted-printable\r\n\r\nx{75}=\r\n/)
    assert.match(safe(crlf('', 'From me')), /quoted-printable\r\n\r\n=46rom me$/)
    assert.match(safe(crlf('', 'a\0')), /base64\r\n\r\nYQA=\r\n$/)
  })

  test('makes the line breaks of text CRLF and keeps every octet of data', () => {
    assert.equal(safe('A: b\n\none\ntwo\n'), 'A: b\r\n\r\none\r\ntwo\r\n')
    assert.equal(
      safe('Content-Type: application/json\r\n\r\n{\n}'),
      'Content-Transfer-Encoding: base64\r\nContent-Type: application/json\r\n\r\newp9\r\n',
    )
  })

  test('writes damaged encodings anew', () => {
    assert.equal(
      safe('Content-Transfer-Encoding: quoted-printable\r\n\r\ncaf\u00e9=20\r\nFrom x'),
      'Content-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9=20\r\n=46rom x',
    )
    assert.equal(
      safe('Content-Transfer-Encoding: base64\r\n\r\nYW\u00e9Jj'),
      'Content-Transfer-Encoding: base64\r\n\r\nYWJj\r\n',
    )
    assert.equal(
      safe('Content-Transfer-Encoding: base64\r\n\r\nYW\nJj'),
      'Content-Transfer-Encoding: base64\r\n\r\nYW\r\nJj',
    )
  })

  test('leaves one encoding field where there were several', () => {
    const twice =
      'Content-Transfer-Encoding: 8bit\r\nX: 1\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\u00e4\u00f6\u00fc'
    assert.equal(safe(twice), 'Content-Transfer-Encoding: base64\r\nX: 1\r\n\r\n5Pb8\r\n')
  })

  test('drops a preamble or epilogue that is not safe', () => {
    assert.equal(
      safe(crlf(MIXED, '', 'pr\u00e4', '--b', '', 'x', '--b--', '\u00e9pilogue', '')),
      crlf(MIXED, '', '', '--b', '', 'x', '--b--', ''),
    )
  })

  test('minds raw bytes in Content fields of the message, but in no other field of it', () => {
    assert.equal(safe('Subject: \u00fc\r\n\r\nx'), 'Subject: \u00fc\r\n\r\nx')
    assert.throws(() => safe('Content-Type: text/plain; name="\u00fc"\r\n\r\nx'), EngineError)
  })

  test('keeps content and structure of any message, and makes it safe', () => {
    const line = fc.constantFrom(
      'text',
      'caf\u00e9',
      'From x',
      '',
      'x'.repeat(1200),
      'a\rb',
      '--b',
      '--bx',
      '=',
      'nul\0',
      '\u00fc'.repeat(40),
    )
    const part = fc.tuple(
      fc.constantFrom('text/plain', 'text/html', 'image/png'),
      fc.constantFrom('7bit', '8bit', 'binary'),
      fc.array(line),
    )
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
        const written = parts.map(([type, encoding, lines]) =>
          crlf('--b', `Content-Type: ${type}`, `Content-Transfer-Encoding: ${encoding}`, '', ...lines),
        )
        const bytes = Buffer.from(crlf(MIXED, '', ...written, '--b--', ''), 'latin1')
        const node = scanMessage(bytes)
        // The lines above may hold delimiters: then there are parts without Content-Type, and header lines of any kind.
        if (sevenBitObstacles(bytes, node).length > 0) return
        const result = Buffer.concat(sevenBitSafe(bytes, node))
        assert.equal(survey(result), 0)
        const canonical = (found: string): string =>
          found.startsWith('text/') ? found.replace(/\r\n|\r|\n/g, '\r\n') : found
        const withNul = (found: string): boolean => found.includes('\0')
        assert.deepEqual(
          bodies(result).filter((found) => !withNul(found)),
          bodies(bytes)
            .filter((found) => !withNul(found))
            .map(canonical),
        )
      }),
      { numRuns: 150 },
    )
  })
})

describe('sevenBitObstacles', () => {
  const obstacles = (text: string): string[] => {
    const bytes = Buffer.from(text, 'latin1')
    return sevenBitObstacles(bytes, scanMessage(bytes)).map((node) => node.type)
  }
  const signed = (body: string): string =>
    crlf(
      'Content-Type: multipart/signed; boundary=s',
      '',
      '--s',
      '',
      body,
      '--s',
      'Content-Type: application/pkcs7-signature',
      '',
      'x',
      '--s--',
    )

  test('are signed and encrypted parts that are not safe', () => {
    assert.deepEqual(obstacles(crlf(MIXED, '', '--b', signed('caf\u00e9'), '--b--')), ['multipart/signed'])
    assert.deepEqual(obstacles(crlf(MIXED, '', '--b', signed('clean'), '--b--')), [])
    assert.deepEqual(obstacles(crlf('Content-Type: application/pkcs7-mime', '', '\u00fc')), [
      'application/pkcs7-mime',
    ])
    assert.deepEqual(obstacles(signed('bare\nbreak')), ['multipart/signed'])
  })

  test('are bodies that allow no encoding and encodings that are not known', () => {
    assert.deepEqual(obstacles('Content-Type: message/delivery-status\r\n\r\n\u00fc'), [
      'message/delivery-status',
    ])
    assert.deepEqual(obstacles('Content-Type: multipart/mixed\r\n\r\n\u00fc'), ['multipart/mixed'])
    assert.deepEqual(obstacles('Content-Transfer-Encoding: x-own\r\n\r\n\u00fc'), ['text/plain'])
  })

  test('are parts with raw 8-bit headers', () => {
    assert.deepEqual(obstacles(crlf(MIXED, '', '--b', 'Content-Description: \u00fc', '', 'x', '--b--')), [
      'text/plain',
    ])
  })

  test('make sevenBitSafe throw instead of altering them', () => {
    assert.throws(
      () => safe(crlf(MIXED, '', '--b', signed('caf\u00e9'), '--b--')),
      (error) => error instanceof EngineError && error.code === 'mime-not-seven-bit',
    )
  })
})
