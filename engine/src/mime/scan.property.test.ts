/**
 * Properties of the scanner on arbitrary messages, and agreement with a foreign reader of MIME.
 */
import assert from 'node:assert/strict'
import { finished } from 'node:stream/promises'
import { describe, test } from 'node:test'
import { Splitter } from '@zone-eu/mailsplit'
import fc from 'fast-check'
import { EngineError } from '../errors.ts'
import type { MimeNode } from './entity.ts'
import { choppedSource } from '../../test/streams.ts'
import { scanMessage, scanStream } from './scan.ts'

/** Pieces of which odd messages are made. */
const piece = fc.constantFrom(
  '\r\n',
  '\n',
  '\r\n\r\n',
  'Content-Type: multipart/mixed; boundary=a\r\n',
  'Content-Type: multipart/digest; boundary=ab\r\n',
  'Content-Type: multipart/mixed; boundary="a b"\n',
  'Content-Type: message/rfc822\r\n',
  'Content-Type: text/plain\r\n',
  'Content-Transfer-Encoding: base64\r\n',
  '--a\r\n',
  '--ab\r\n',
  '--a b\r\n',
  '--a--\r\n',
  '--ab--\n',
  '--a',
  'text\r\n',
  ' folded\r\n',
  'X: y\r\n',
  '\r',
  '\0\u00fc',
)
const message = fc.array(piece, { maxLength: 40 }).map((pieces) => Buffer.from(pieces.join(''), 'latin1'))

/** Checks that ranges nest and are in order. */
function checkRanges(bytes: Buffer, node: MimeNode): void {
  assert.ok(node.start <= node.bodyStart && node.bodyStart <= node.end && node.end <= bytes.length)
  let at = node.start
  for (const field of node.headers) {
    assert.ok(at <= field.start && field.start < field.valueStart && field.valueStart <= field.end)
    assert.equal(field.lower, field.name.toLowerCase())
    at = field.end
  }
  assert.ok(at <= node.bodyStart)
  at = node.bodyStart
  for (const range of [node.preamble, ...node.parts, node.epilogue]) {
    if (range === null) continue
    assert.ok(at <= range.start && range.start <= range.end)
    at = range.end
  }
  assert.ok(at <= node.end)
  for (const part of node.parts) checkRanges(bytes, part)
}

describe('scanMessage', () => {
  test('never fails on any bytes, and its ranges nest and are in order', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          message,
          fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
        ),
        (bytes) => {
          checkRanges(bytes, scanMessage(bytes))
        },
      ),
      { numRuns: 200 },
    )
  })

  test('fails with an engine error only, whatever the limits', () => {
    const limits = fc.record({
      depth: fc.nat(4),
      parts: fc.nat(5),
      headerBytes: fc.nat(80),
      allHeaderBytes: fc.nat(120),
      headerLineBytes: fc.nat(40),
      fields: fc.nat(6),
    })
    fc.assert(
      fc.property(message, limits, (bytes, given) => {
        try {
          checkRanges(bytes, scanMessage(bytes, given))
        } catch (error) {
          assert.ok(error instanceof EngineError, String(error))
        }
      }),
      { numRuns: 200 },
    )
  })

  test('sees the same tree with LF as with CRLF', () => {
    const shape = (bytes: Buffer, node: MimeNode): unknown => [
      node.type,
      node.defects,
      node.headers.map((field) => field.name),
      node.parts.length > 0
        ? node.parts.map((part) => shape(bytes, part))
        : bytes.toString('latin1', node.bodyStart, node.end).replaceAll('\r\n', '\n'),
    ]
    fc.assert(
      fc.property(message, (bytes) => {
        const lf = bytes.toString('latin1').replaceAll('\r', '')
        const one = Buffer.from(lf, 'latin1')
        const two = Buffer.from(lf.replaceAll('\n', '\r\n'), 'latin1')
        assert.deepEqual(shape(one, scanMessage(one)), shape(two, scanMessage(two)))
      }),
      { numRuns: 200 },
    )
  })
})

/** Types and bodies of the leaves as the foreign reader sees them. */
async function foreignLeaves(bytes: Buffer): Promise<string[]> {
  const splitter = new Splitter()
  const found: { type: string; body: Buffer[] }[] = []
  splitter.on('data', (chunk) => {
    if (chunk.type === 'node')
      found.push({ type: chunk.contentType === false ? '' : chunk.contentType, body: [] })
    else if (chunk.type === 'body') found.at(-1)?.body.push(chunk.value)
  })
  splitter.end(bytes)
  await finished(splitter)
  return found
    .filter(({ type }) => !type.startsWith('multipart/') && type !== 'message/rfc822')
    .map(({ type, body }) => `${type === '' ? 'text/plain' : type} ${Buffer.concat(body).toString('latin1')}`)
}

function ownLeaves(bytes: Buffer): string[] {
  const leaves: string[] = []
  const visit = (node: MimeNode): void => {
    const isLeaf = !node.type.startsWith('multipart/') && node.type !== 'message/rfc822'
    if (isLeaf) leaves.push(`${node.type} ${bytes.toString('latin1', node.bodyStart, node.end)}`)
    node.parts.forEach(visit)
  }
  visit(scanMessage(bytes))
  return leaves
}

/** Well-formed entities, nested, with boundaries of which one begins with the other and text that resembles delimiters. */
const leafLines = fc.array(
  fc.constantFrom('text', '--b', '--', '-- ', '--b-', ' --b0', '', '--b0x', 'a: b'),
  { maxLength: 5 },
)
const { entity } = fc.letrec<{ entity: string[]; leaf: string[]; multipart: string[]; embedded: string[] }>(
  (tie) => ({
    entity: fc.oneof({ maxDepth: 4, withCrossShrink: true }, tie('leaf'), tie('multipart'), tie('embedded')),
    leaf: fc
      .tuple(fc.constantFrom('text/plain', 'text/html', 'image/png'), leafLines)
      .map(([type, lines]) => [`Content-Type: ${type}`, '', 'x', ...lines]),
    multipart: fc
      .tuple(fc.array(tie('entity'), { minLength: 1, maxLength: 3 }), fc.boolean(), fc.boolean())
      .map(([parts, preamble, epilogue]) => {
        // The depth is not known here; the boundary is made unique by what is inside.
        const depth = Math.max(...parts.map((part) => part.join('\n').split('boundary=').length))
        const boundary = `b0${'1'.repeat(depth)}`
        return [
          `Content-Type: multipart/mixed; boundary=${boundary}`,
          '',
          ...(preamble ? ['preamble'] : []),
          ...parts.flatMap((part) => [`--${boundary}`, ...part]),
          `--${boundary}--`,
          ...(epilogue ? ['epilogue', ''] : []),
        ]
      }),
    embedded: tie('entity').map((inner) => [
      'Content-Type: message/rfc822',
      'Content-Disposition: inline',
      '',
      'Subject: inner',
      ...inner,
    ]),
  }),
)

test('a foreign reader sees the same leaves in well-formed messages', async () => {
  await fc.assert(
    fc.asyncProperty(entity, fc.constantFrom('\r\n', '\n'), async (lines, lineEnd) => {
      const bytes = Buffer.from(lines.join(lineEnd), 'latin1')
      assert.deepEqual(ownLeaves(bytes), await foreignLeaves(bytes))
    }),
    { numRuns: 150 },
  )
})

describe('scanStream', () => {
  test('gives the same tree as scanMessage, whatever the chunks', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(message, sizes, fc.boolean(), async (bytes, chunks, known) => {
        const { root, view } = await scanStream(choppedSource(bytes, chunks), known ? bytes.length : null)
        assert.deepEqual(root, scanMessage(bytes))
        const visit = (node: MimeNode): void => {
          for (const { start, end } of node.headers)
            assert.deepEqual(view.subarray(start, end), bytes.subarray(start, end))
          const glimpse = Math.min(node.end, node.bodyStart + 256)
          assert.deepEqual(view.subarray(node.bodyStart, glimpse), bytes.subarray(node.bodyStart, glimpse))
          node.parts.forEach(visit)
        }
        visit(root)
      }),
      { numRuns: 200 },
    )
  })

  test('finds what lies across the ends of its view, and reads no body that it need not', async () => {
    const part = (text: string) => `\r\n--b\r\nContent-Type: text/plain\r\n\r\n${text}`
    const text =
      'Content-Type: multipart/mixed; boundary=b\r\n\r\n' +
      part('x'.repeat(300_000)) +
      part('-\r\n--'.repeat(60_000)) +
      `\r\n--b-- ${'y'.repeat(300_000)}\r\nepilogue`
    const bytes = Buffer.from(text)
    for (const size of [4093, 65_536, 70_001])
      assert.deepEqual((await scanStream(choppedSource(bytes, [size]), null)).root, scanMessage(bytes))
    let read = 0
    const plain = Buffer.from(`A: b\r\n\r\n${'x'.repeat(1_000_000)}`)
    const source = choppedSource(plain, [1000])
    const counted = {
      async *chunks() {
        for await (const chunk of source.chunks()) {
          read += chunk.length
          yield chunk
        }
      },
    }
    assert.equal((await scanStream(counted, plain.length)).root.end, plain.length)
    assert.ok(read < 10_000, `${read} octets were read`)
  })
})
