/** Tests of cutting content into parts. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { BodyReader } from './body-reader.ts'

async function* later(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield await Promise.resolve(piece)
}

describe('body reader', () => {
  test('property: the parts are the content, each of the wanted size, the last one marked, for both kinds of source', async () => {
    const pieces = fc.array(
      fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
      { maxLength: 12 },
    )
    await fc.assert(
      fc.asyncProperty(
        pieces,
        fc.integer({ min: 1, max: 40 }),
        fc.boolean(),
        async (given, limit, asynchronous) => {
          const reader = new BodyReader(() => (asynchronous ? later(given) : given))
          const seen: Buffer[] = []
          for (let last = false; !last;) {
            const part = await reader.take(limit)
            last = part.last
            const bytes = Buffer.concat(part.pieces)
            assert.equal(bytes.length, part.size)
            assert.ok(last ? bytes.length <= limit : bytes.length === limit)
            seen.push(bytes)
          }
          assert.deepEqual(Buffer.concat(seen), Buffer.concat(given))
        },
      ),
    )
  })

  test('a synchronous source is read without a promise', () => {
    assert.ok(!(new BodyReader(() => [Buffer.from('a')]).take(10) instanceof Promise))
  })

  test('pieces are not copied', () => {
    const piece = Buffer.from('abcdef')
    const part = new BodyReader(() => [piece]).take(4)
    assert.ok(!(part instanceof Promise))
    assert.equal(part.pieces[0]?.buffer, piece.buffer)
  })

  test('an error of the source passes through', async () => {
    async function* broken(): AsyncGenerator<Buffer> {
      yield await Promise.resolve(Buffer.from('a'))
      throw new Error('damaged')
    }
    await assert.rejects(async () => new BodyReader(broken).take(10), /damaged/)
  })

  test('giving up early closes the source once', async () => {
    let closed = 0
    function* source(): Generator<Buffer> {
      try {
        for (;;) yield Buffer.from('x')
      } finally {
        closed++
      }
    }
    const reader = new BodyReader(source)
    await reader.take(3)
    reader.close()
    reader.close()
    assert.equal(closed, 1)
  })
})
