import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { bytesOf, choppedSource } from '../../test/streams.ts'
import { EngineError } from '../errors.ts'
import { canonicalise } from './canonical.ts'
import { decodeBase64, decodeQuotedPrintable } from './decode.ts'
import { encodeBase64Lines, encodeQuotedPrintable } from './encode.ts'
import {
  base64Chunks,
  base64Length,
  canonicalChunks,
  decodedBase64Chunks,
  decodedQuotedPrintableChunks,
  quotedPrintableChunks,
  surveyChunks,
} from './recode.ts'
import { scanMessage, scanStream } from './scan.ts'
import { sevenBitSafe, sevenBitSafeSource } from './seven-bit.ts'
import { survey } from './survey.ts'

type Rewriter = (chunks: AsyncIterable<Buffer>) => AsyncIterable<Buffer>

/** Text of all that matters to any of the rewriters. */
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\r\n',
        '\n',
        '\r',
        '=',
        '=\r\n',
        '= \n',
        '=4',
        '=41',
        ' ',
        '\t',
        'From ',
        '.',
        '-',
        '\0',
        'é',
      ),
      fc.constantFrom('QUJD', 'Q', 'UQ==', 'QUJDREVGR0hJSktM\r\n', 'x'.repeat(70), 'y'.repeat(999)),
    ),
    { maxLength: 30 },
  )
  .map((pieces) => Buffer.from(pieces.join(''), 'latin1'))
const sizes = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 5 })

const REWRITERS: Readonly<Record<string, readonly [Rewriter, (bytes: Buffer) => Buffer]>> = {
  canonicalise: [canonicalChunks, canonicalise],
  encodeBase64Lines: [base64Chunks, (bytes) => encodeBase64Lines([bytes])],
  decodeBase64: [decodedBase64Chunks, decodeBase64],
  decodeQuotedPrintable: [decodedQuotedPrintableChunks, decodeQuotedPrintable],
  encodeQuotedPrintable: [
    (chunks) => quotedPrintableChunks(chunks, false),
    (bytes) => encodeQuotedPrintable(bytes),
  ],
  'encodeQuotedPrintable in binary': [
    (chunks) => quotedPrintableChunks(chunks, true),
    (bytes) => encodeQuotedPrintable(bytes, { binary: true }),
  ],
}

describe('streams give the same as whole Buffers', () => {
  for (const [name, [rewrite, whole]] of Object.entries(REWRITERS)) {
    test(name, async () => {
      await fc.assert(
        fc.asyncProperty(text, sizes, async (bytes, chunks) => {
          assert.deepEqual(await bytesOf(rewrite(choppedSource(bytes, chunks).chunks())), whole(bytes))
        }),
        { numRuns: 150 },
      )
    })

    test(`${name}, with lines too long to be held`, async () => {
      const long = Buffer.from(
        `a${'=\u00e9 b'.repeat(50_000)}\r\n${'QUJD'.repeat(40_000)}\r${'Q'.repeat(70_001)}`,
        'latin1',
      )
      for (const size of [65_536, 7919])
        assert.ok((await bytesOf(rewrite(choppedSource(long, [size]).chunks()))).equals(whole(long)))
    })
  }

  test('survey, where it decides anything', async () => {
    await fc.assert(
      fc.asyncProperty(text, sizes, async (bytes, chunks) => {
        assert.equal(await surveyChunks(choppedSource(bytes, chunks).chunks()), survey(bytes))
      }),
      { numRuns: 150 },
    )
  })

  test('the length of base64 is known before', () => {
    for (const length of [0, 1, 2, 3, 56, 57, 58, 59, 60, 114, 1000])
      assert.equal(base64Length(length), encodeBase64Lines([Buffer.alloc(length)]).length)
  })

  test('white space without end is not held', async () => {
    const spaces = choppedSource(Buffer.alloc(1_200_000, ' '), [65_536])
    await assert.rejects(
      bytesOf(decodedQuotedPrintableChunks(spaces.chunks())),
      (error) => error instanceof EngineError && error.code === 'mime-not-seven-bit',
    )
  })
})

describe('sevenBitSafeSource', () => {
  const piece = fc.constantFrom(
    '\r\n',
    '\n',
    'Content-Type: multipart/mixed; boundary=a\r\n\r\n',
    'Content-Type: multipart/signed; boundary=b\r\n\r\n',
    'Content-Type: message/rfc822\r\n\r\n',
    'Content-Type: text/plain\n\n',
    'Content-Transfer-Encoding: base64\r\n',
    'Content-Transfer-Encoding: quoted-printable\r\n',
    'Content-Transfer-Encoding: 8bit\r\n',
    'Content-Type: application/x-y\r\n',
    '\r\n--a\r\n',
    '\r\n--b\r\n',
    '\r\n--a--\r\n',
    'text\r\n',
    'caf\u00e9\n',
    '=41=\n',
    'QUJD\n',
    '\0',
    'From here\r\n',
    'z'.repeat(1000),
  )
  const message = fc.array(piece, { maxLength: 25 }).map((pieces) => Buffer.from(pieces.join(''), 'latin1'))

  const outcome = async (run: () => Promise<Buffer>): Promise<Buffer | string> => {
    try {
      return await run()
    } catch (error) {
      if (error instanceof EngineError) return error.code
      throw error
    }
  }

  test('gives the same as sevenBitSafe, and again when it is read again', async () => {
    await fc.assert(
      fc.asyncProperty(message, sizes, async (bytes, chunks) => {
        const whole = await outcome(() =>
          Promise.resolve(Buffer.concat(sevenBitSafe(bytes, scanMessage(bytes)))),
        )
        const source = choppedSource(bytes, chunks)
        const streamed = await outcome(async () => {
          const safe = await sevenBitSafeSource(source, await scanStream(source, source.length))
          const once = await bytesOf(safe.chunks())
          assert.equal(once.length, safe.length)
          const half = safe.length >> 1
          const again = [await bytesOf(safe.chunks(0, half)), await bytesOf(safe.chunks(half))]
          assert.deepEqual(Buffer.concat(again), once)
          return once
        })
        assert.deepEqual(streamed, whole)
      }),
      { numRuns: 200 },
    )
  })
})
