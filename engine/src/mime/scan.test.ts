/** Behaviour of the scanner on well-formed, real and hostile messages. Trees are written as text, bodies in brackets. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EngineError } from '../errors.ts'
import { Delimiters } from './delimiter.ts'
import { MIME_LIMITS } from './entity.ts'
import type { MimeNode } from './entity.ts'
import { scanMessage } from './scan.ts'

/** `type[body]` for leaves, `type(part part)` for the rest. */
function show(bytes: Buffer, node: MimeNode): string {
  if (node.parts.length > 0) return `${node.type}(${node.parts.map((part) => show(bytes, part)).join(' ')})`
  return `${node.type}[${bytes.toString('latin1', node.bodyStart, node.end)}]`
}

function tree(text: string): string {
  const bytes = Buffer.from(text, 'latin1')
  return show(bytes, scanMessage(bytes))
}

function mixed(boundary: string, body: string): string {
  return `Content-Type: multipart/mixed; boundary="${boundary}"\r\n\r\n${body}`
}

function crlf(...lines: string[]): string {
  return lines.join('\r\n')
}

describe('a message without parts', () => {
  test('is text/plain if it says nothing', () => {
    assert.equal(tree('Subject: x\r\n\r\nbody\r\n'), 'text/plain[body\r\n]')
    assert.equal(tree(''), 'text/plain[]')
    assert.equal(tree('\n\n'), 'text/plain[\n]')
  })

  test('is text/plain if its Content-Type is invalid, and says so', () => {
    const node = scanMessage(Buffer.from('Content-Type: rubbish; boundary=x\r\n\r\n--x\r\n\r\na\r\n--x--'))
    assert.equal(node.type, 'text/plain')
    assert.deepEqual(node.defects, ['invalid-content-type'])
  })

  test('takes the first of two Content-Type fields, and says so', () => {
    const node = scanMessage(Buffer.from('Content-Type: text/html\r\ncontent-type: a/b\r\n\r\nx'))
    assert.equal(node.type, 'text/html')
    assert.deepEqual(node.defects, ['duplicate-content-type'])
  })

  test('reads the transfer encoding in any case and with rubbish behind it', () => {
    const encodings = ['Base64', ' BASE64 ', 'base64; x', '"base64"', 'base64 (comment)', '(c) base64'].map(
      (value) => scanMessage(Buffer.from(`Content-Transfer-Encoding: ${value}\r\n\r\n`)).encoding,
    )
    assert.deepEqual(new Set(encodings), new Set(['base64']))
    const twice = 'Content-Transfer-Encoding: 8bit\nContent-Transfer-Encoding: base64\n\n'
    assert.equal(scanMessage(Buffer.from(twice)).encoding, '8bit')
    assert.deepEqual(scanMessage(Buffer.from(twice)).defects, ['duplicate-encoding'])
  })
})

describe('a multipart', () => {
  test('gives the line end before a delimiter to the delimiter', () => {
    const text = mixed('b', crlf('--b', '', 'one', '--b', '', 'two', '', '--b--', ''))
    assert.equal(tree(text), 'multipart/mixed(text/plain[one] text/plain[two\r\n])')
    assert.equal(tree(text.replaceAll('\r\n', '\n')), 'multipart/mixed(text/plain[one] text/plain[two\n])')
    assert.equal(
      tree(mixed('b', '--b\n\none\r\n--b\r\n\r\ntwo\n--b--')),
      'multipart/mixed(text/plain[one] text/plain[two])',
    )
  })

  test('knows preamble and epilogue', () => {
    const bytes = Buffer.from(mixed('b', crlf('pre', '--b', '', 'x', '--b--', 'epi', '--b', 'logue')))
    const node = scanMessage(bytes)
    assert.equal(bytes.toString('latin1', node.preamble?.start, node.preamble?.end), 'pre')
    assert.equal(bytes.toString('latin1', node.epilogue?.start, node.epilogue?.end), 'epi\r\n--b\r\nlogue')
    assert.equal(node.parts.length, 1)
    assert.deepEqual(node.defects, [])
  })

  test('has neither where nothing stands', () => {
    const node = scanMessage(Buffer.from(mixed('b', crlf('--b', '', 'x', '--b--', ''))))
    assert.equal(node.preamble, null)
    assert.equal(node.epilogue, null)
  })

  test('allows white space behind the boundary', () => {
    assert.equal(tree(mixed('b', '--b \t\r\n\r\none\r\n--b-- \r\n')), 'multipart/mixed(text/plain[one])')
  })

  test('does not take a longer or shorter line for its delimiter', () => {
    const text = mixed(
      'bb',
      crlf('--bb', '', '--bbb', '--b', '--bb-', '--bb--b', ' --bb', 'x--bb', '-- bb', '--bb--'),
    )
    const body = crlf('--bbb', '--b', '--bb-', '--bb--b', ' --bb', 'x--bb', '-- bb')
    assert.equal(tree(text), `multipart/mixed(text/plain[${body}])`)
  })

  test('is cut right when one boundary begins with another', () => {
    const inner = `Content-Type: multipart/related; boundary=ab\r\n\r\n--ab\r\n\r\nx\r\n--ab--`
    assert.equal(
      tree(mixed('a', crlf('--a', inner, '--a', '', 'y', '--a--'))),
      'multipart/mixed(multipart/related(text/plain[x]) text/plain[y])',
    )
    assert.equal(
      tree(mixed('ab', crlf('--ab', inner.replaceAll('ab', 'a'), '--ab', '', 'y', '--ab--'))),
      'multipart/mixed(multipart/related(text/plain[x]) text/plain[y])',
    )
  })

  test('takes the longest boundary that a line can mean', () => {
    const inner = crlf('Content-Type: multipart/related; boundary="a b"', '', '--a b', '', 'x', '--a b--')
    assert.equal(
      tree(mixed('a', crlf('--a', inner, '--a', '', 'y', '--a--'))),
      'multipart/mixed(multipart/related(text/plain[x]) text/plain[y])',
    )
  })

  test('ends with the message if its close delimiter is missing, and says so', () => {
    const node = scanMessage(Buffer.from(mixed('b', '--b\r\n\r\none\r\n')))
    assert.deepEqual(node.defects, ['missing-close-delimiter'])
    assert.equal(tree(mixed('b', '--b\r\n\r\none\r\n')), 'multipart/mixed(text/plain[one\r\n])')
  })

  test('ends at a delimiter of an enclosing multipart', () => {
    const inner = crlf('Content-Type: multipart/related; boundary=inner', '', '--inner', '', 'x')
    const text = mixed('outer', crlf('--outer', inner, '--outer', '', 'y', '--inner', '--outer--'))
    assert.equal(tree(text), 'multipart/mixed(multipart/related(text/plain[x]) text/plain[y\r\n--inner])')
    assert.deepEqual(scanMessage(Buffer.from(text)).parts[0]?.defects, ['missing-close-delimiter'])
  })

  test('stays whole without a boundary or without delimiters, and says so', () => {
    const without = scanMessage(Buffer.from('Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\na\r\n--x--'))
    assert.deepEqual([without.parts.length, without.defects], [0, ['missing-boundary']])
    const never = scanMessage(Buffer.from(mixed('b', 'text only')))
    assert.deepEqual([never.parts.length, never.defects], [0, ['missing-delimiter']])
  })

  test('may have parts without header, without body and without anything', () => {
    const bytes = Buffer.from(
      mixed('b', crlf('--b', '', '--b', 'X: 1', '--b', 'X: 1', '', '--b', '--b', '', 'x', '--b--')),
    )
    const parts = scanMessage(bytes).parts.map((part) => bytes.toString('latin1', part.start, part.end))
    // What a signature over such a part covers: all up to the line end that belongs to the delimiter.
    assert.deepEqual(parts, ['', 'X: 1', 'X: 1\r\n', '', '\r\nx'])
  })

  test('keeps inner delimiters of a repeated boundary for the inner one, and says so', () => {
    const inner = mixed('b', crlf('--b', '', 'x', '--b--'))
    const text = mixed('b', crlf('--b', inner, '--b', '', 'y', '--b--'))
    assert.equal(tree(text), 'multipart/mixed(multipart/mixed(text/plain[x]) text/plain[y])')
    assert.deepEqual(scanMessage(Buffer.from(text)).parts[0]?.defects, ['repeated-boundary'])
  })

  test('has message/rfc822 as default type in a digest', () => {
    const text = mixed(
      'b',
      crlf('--b', '', 'Subject: x', '', 'one', '--b', 'Content-Type: text/html', '', 'two', '--b--'),
    )
    assert.equal(
      tree(text.replace('mixed', 'digest')),
      'multipart/digest(message/rfc822(text/plain[one]) text/html[two])',
    )
  })

  test('is cut even under an encoding, which it must not have', () => {
    const node = scanMessage(
      Buffer.from(`Content-Transfer-Encoding: base64\r\n${mixed('b', '--b\r\n\r\nx\r\n--b--')}`),
    )
    assert.deepEqual([node.parts.length, node.defects], [1, ['encoded-composite']])
  })

  test('takes boundaries of raw 8-bit bytes as they are written', () => {
    for (const boundary of ['\u00fc', '\u00c3\u00bc']) {
      const bytes = Buffer.from(mixed(boundary, `--${boundary}\r\n\r\nx\r\n--${boundary}--`), 'latin1')
      assert.equal(scanMessage(bytes).parts.length, 1)
    }
  })
})

describe('a message in a message', () => {
  test('is the only part of its part', () => {
    const inner = mixed('i', crlf('--i', '', 'x', '--i--'))
    for (const type of ['message/rfc822', 'message/global']) {
      const text = mixed('b', crlf('--b', `Content-Type: ${type}`, '', inner, '--b', '', 'y', '--b--'))
      assert.equal(tree(text), `multipart/mixed(${type}(multipart/mixed(text/plain[x])) text/plain[y])`)
    }
  })

  test('stays closed under an encoding that hides its bytes', () => {
    const node = scanMessage(
      Buffer.from('Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQTogYg=='),
    )
    assert.deepEqual([node.parts.length, node.defects], [0, ['encoded-composite']])
  })

  test('is not looked for in other message types', () => {
    assert.equal(
      tree('Content-Type: message/delivery-status\n\nA: b\n\nC: d\n'),
      'message/delivery-status[A: b\n\nC: d\n]',
    )
  })

  test('ends inside its part even if it is cut short', () => {
    const bytes = Buffer.from(mixed('b', crlf('--b', 'Content-Type: message/rfc822', '', '--b--')))
    const part = scanMessage(bytes).parts[0]
    assert.equal(part?.parts.length, 1)
    assert.deepEqual([part.parts[0]?.start, part.parts[0]?.end], [part.end, part.end])
  })
})

describe('limits', () => {
  const refuses = (bytes: Buffer, code: string): void => {
    assert.throws(
      () => scanMessage(bytes),
      (error) => error instanceof EngineError && error.code === code,
    )
  }
  const nested = (levels: number): Buffer =>
    Buffer.from('Content-Type: message/rfc822\n\n'.repeat(levels - 1))

  test('allow 100 levels and no more', () => {
    assert.equal(scanMessage(nested(100)).parts.length, 1)
    refuses(nested(101), 'mime-too-deep')
    refuses(Buffer.from('Content-Type: multipart/mixed; boundary=b\n\n--b\n'.repeat(101)), 'mime-too-deep')
  })

  test('allow 10000 entities and no more', () => {
    const parts = (count: number): Buffer => Buffer.from(mixed('b', '--b\r\n\r\n'.repeat(count)))
    assert.equal(scanMessage(parts(9_999)).parts.length, 9_999)
    refuses(parts(10_000), 'mime-too-many-parts')
  })

  test('count fields over all headers', () => {
    const part = `--b\r\n${'a:\r\n'.repeat(60_000)}\r\n`
    refuses(Buffer.from(mixed('b', part + part)), 'header-too-many-fields')
    assert.throws(() => scanMessage(Buffer.from('a: b\n\n'), { ...MIME_LIMITS, depth: 0 }), EngineError)
  })
})

describe('work', () => {
  /** Comparisons made while the body is searched for delimiters of nested multiparts with these boundaries. */
  const work = (boundaries: readonly string[], body: string): number => {
    const bytes = Buffer.from(body)
    const delimiters = new Delimiters(bytes)
    boundaries.forEach((boundary, owner) => delimiters.add(boundary, owner))
    for (let at = 0; at !== 0 || body !== ''; at = delimiters.candidate(at) + 1) {
      assert.equal(delimiters.at(at), null)
      if (delimiters.candidate(at) === -1) break
    }
    return delimiters.examined
  }
  const unary = Array.from({ length: 99 }, (_, n) => 'x'.repeat(n + 1))

  test('does not depend on the number of open multiparts', () => {
    assert.ok(work(unary, '\n--xy'.repeat(1000)) <= 1000)
    assert.equal(work(unary, `\n--${'x'.repeat(100)}`.repeat(1000)), 0)
    assert.equal(work(unary, '\n--yy'.repeat(1000)), 0)
  })

  test('is at most one comparison for each line and length of boundary', () => {
    assert.ok(work(['ab', 'ac', 'ad'], '\n--az '.repeat(1000)) <= 1000)
    assert.ok(work(unary, `\n--y${' '.repeat(99)}`.repeat(1000)) === 0)
  })
})
