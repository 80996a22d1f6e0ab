/**
 * Large input that is cheap to send and was dear to read: it must cost no more than honest input of the same kind. Costs are compared
 * within one run, in processor time; the bounds are generous, what they stand against was ten times as dear or grew with the square.
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

/** Processor time of some work in microseconds: the least of three times. */
async function costOf(work: () => unknown): Promise<number> {
  let least = Infinity
  for (let time = 0; time < 3; time++) {
    const start = process.cpuUsage()
    await work()
    const { user, system } = process.cpuUsage(start)
    least = Math.min(least, user + system)
  }
  return least
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

test('an empty line costs no more than a full one', async () => {
  const LINES = 1_000_000
  const cost = (line: string): Promise<number> => {
    const feeds = Buffer.alloc(LINES * line.length, line)
    return costOf(() => {
      const lines = withCarriageReturns(feeds)
      assert.equal(lines.length, feeds.length + LINES)
      assert.ok(canonicalise(feeds).equals(lines))
      assert.ok(withLineFeeds(lines).equals(feeds))
    })
  }
  const [empty, full] = [await cost('\n'), await cost(`${'x'.repeat(76)}\n`)]
  assert.ok(empty < 2 * full, `${empty} µs and ${full} µs`)
})

test('an element that comes in pieces of 1 KiB is put together once', async () => {
  const cost = (size: number): Promise<number> => {
    const certificate = sequence(octets(Buffer.alloc(size, 7)))
    const data = sequence(integer(1), set(), sequence(oid(Oid.idData)), tlv(0xa0, certificate), set())
    const object = sequence(oid(Oid.idSignedData), explicit(0, data))
    return costOf(async () => {
      const { info } = await readContentInfoStream(inChunksOf(1024, object))
      assert.ok(info.kind === 'signed-data' && info.certificates[0]?.equals(certificate))
    })
  }
  const [small, large] = [await cost(1_000_000), await cost(8_000_000)]
  assert.ok(large < 4 * 8 * small, `${small} µs and ${large} µs`)
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
