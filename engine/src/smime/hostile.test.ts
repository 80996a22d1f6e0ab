/**
 * Large input that is cheap to send and was dear to read. The bounds are generous: what they stand against took ten times as
 * long, or longer with the square of the size.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sourceOf } from '../bytes/source.ts'
import type { ByteSource } from '../bytes/source.ts'
import { readContentInfo } from '../cms/content-info.ts'
import { readContentInfoStream } from '../cms/content-info-stream.ts'
import { writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { explicit, integer, octets, oid, sequence, set, tlv } from '../der/writer.ts'
import { canonicalise, withCarriageReturns, withLineFeeds } from '../mime/canonical.ts'

async function within(milliseconds: number, work: () => unknown): Promise<void> {
  const start = performance.now()
  await work()
  const spent = performance.now() - start
  assert.ok(spent < milliseconds, `${spent.toFixed(0)} ms`)
}

/** A source that gives little at a time. */
function inChunksOf(size: number, bytes: Buffer): ByteSource {
  return {
    length: bytes.length,
    // eslint-disable-next-line @typescript-eslint/require-await
    async *chunks(start = 0, end = bytes.length) {
      for (let at = start; at < Math.min(end, bytes.length); at += size)
        yield bytes.subarray(at, Math.min(at + size, end))
    },
  }
}

test('line ends of 20 million empty lines are changed within seconds', async () => {
  const feeds = Buffer.alloc(20_000_000, '\n')
  await within(4000, () => {
    const lines = withCarriageReturns(feeds)
    assert.equal(lines.length, 40_000_000)
    assert.ok(canonicalise(feeds).equals(lines))
    assert.ok(withLineFeeds(lines).equals(feeds))
  })
})

test('an element of 8 MB that comes in pieces of 1 KiB is put together once', async () => {
  const certificate = sequence(octets(Buffer.alloc(8_000_000, 7)))
  const data = sequence(integer(1), set(), sequence(oid(Oid.idData)), tlv(0xa0, certificate), set())
  const object = sequence(oid(Oid.idSignedData), explicit(0, data))
  await within(4000, async () => {
    const { info } = await readContentInfoStream(inChunksOf(1024, object))
    assert.ok(info.kind === 'signed-data' && info.certificates[0]?.equals(certificate))
  })
})

test('ciphertext in pieces of one octet is handed on in larger ones', async () => {
  const ciphertext = Buffer.from(Array.from({ length: 200_000 }, (_, n) => n & 0xff))
  const crumbs = Buffer.concat(Array.from(ciphertext, (octet) => Buffer.from([0x04, 1, octet])))
  const algorithm = writeAlgorithm(Oid.aes128Cbc, octets(Buffer.alloc(16)))
  const content = sequence(oid(Oid.idData), algorithm, tlv(0xa0, crumbs))
  const object = sequence(oid(Oid.idEnvelopedData), explicit(0, sequence(integer(0), set(), content)))
  const info = readContentInfo(object)
  assert.ok(info.kind === 'enveloped-data')
  assert.ok(info.encryptedContent.length < 10)
  assert.ok(Buffer.concat(info.encryptedContent).equals(ciphertext))
  const streamed = (await readContentInfoStream(sourceOf(object))).content
  const pieces: Buffer[] = []
  for await (const piece of streamed?.chunks() ?? []) pieces.push(Buffer.from(piece))
  assert.ok(pieces.length < 20)
  assert.ok(Buffer.concat(pieces).equals(ciphertext))
})
