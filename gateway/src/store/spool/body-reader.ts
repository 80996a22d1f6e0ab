/**
 * Reads one sealed body as a stream. Gives out only what has been authenticated, each segment as the one it claims to be;
 * a stream that ends without BodyDamaged was the whole body.
 */
import type { KeyObject } from 'node:crypto'
import type { BodyRange, BodyRef } from '../../mail/body.ts'
import { BodyDamaged } from '../../observe/failures.ts'
import type { SealingKey } from '../sealing.ts'
import { asStorageError, closeFile, codeOf, openForReading, readInto, sizeOf } from './files.ts'
import { HEADER, SEALED_SEGMENT, SEGMENT, keyIdOf, layoutOf, openHeader, openSegment } from './sealed-file.ts'

/** Segments that are read from the disk at once. */
const AT_ONCE = 4

/** Finds a tenant's key by its id; null when there is none. */
export type KeyFinder = (tenantId: string, keyId: string) => SealingKey | null

function damaged(ref: BodyRef, what: string): BodyDamaged {
  return new BodyDamaged(`body ${ref.mailId}.${ref.copy} ${what}`)
}

async function openBody(path: string, ref: BodyRef): Promise<number> {
  try {
    return await openForReading(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw damaged(ref, 'is missing')
    throw asStorageError(error)
  }
}

async function readFull(file: number, buffer: Buffer, position: number, ref: BodyRef): Promise<void> {
  let count: number
  try {
    count = await readInto(file, buffer, position)
  } catch (error) {
    throw asStorageError(error)
  }
  if (count < buffer.length) throw damaged(ref, 'was cut short while it was read')
}

/**
 * Streams a body or a range of it, a segment at a time.
 * @param range - octets of the body; all of it by default. Only the segments that it touches are read
 * @throws BodyDamaged when it is missing, cut short or altered; StorageError when the disk does not give it
 */
export async function* readBody(
  path: string,
  ref: BodyRef,
  findKey: KeyFinder,
  { start, end }: BodyRange = { start: 0, end: Infinity },
): AsyncGenerator<Buffer> {
  if (start >= end) return
  const file = await openBody(path, ref)
  try {
    const size = await sizeOf(file).catch((error: unknown) => {
      throw asStorageError(error)
    })
    const layout = layoutOf(size)
    if (layout === null) throw damaged(ref, `has an impossible length of ${size} octets`)
    const { segments } = layout
    const first = Math.min(Math.floor(start / SEGMENT), segments)
    const past = Math.min(Math.ceil(end / SEGMENT), segments)
    const room = Buffer.allocUnsafeSlow(
      Math.min(size, HEADER + Math.min(AT_ONCE, Math.max(past - first, 1)) * SEALED_SEGMENT),
    )
    // The header comes with the first segments, unless the range begins behind them.
    let block = first === 0 ? room : room.subarray(0, HEADER)
    await readFull(file, block, 0, ref)
    const key = keyOf(block.subarray(0, HEADER), ref, findKey)
    let offset = HEADER
    let position = first === 0 ? block.length : HEADER + first * SEALED_SEGMENT
    for (let number = first; number < past; number += 1) {
      if (offset === block.length) {
        const wanted = Math.min(AT_ONCE, past - number) * SEALED_SEGMENT
        block = room.subarray(0, Math.min(wanted, size - position))
        await readFull(file, block, position, ref)
        position += block.length
        offset = 0
      }
      const last = number === segments - 1
      const sealed = block.subarray(offset, offset + (last ? layout.lastLength : SEALED_SEGMENT))
      offset += sealed.length
      const plain = openSegment(key, number, last, sealed)
      if (plain === null) throw damaged(ref, `was altered in segment ${number}`)
      const from = Math.max(start - number * SEGMENT, 0)
      const to = Math.min(end - number * SEGMENT, plain.length)
      if (from < to) yield plain.subarray(from, to)
    }
  } finally {
    await closeFile(file)
  }
}

function keyOf(header: Buffer, ref: BodyRef, findKey: KeyFinder): KeyObject {
  const keyId = keyIdOf(header)
  const sealingKey = keyId === null ? null : findKey(ref.tenantId, keyId)
  if (sealingKey === null) throw damaged(ref, 'is not sealed with a key of its tenant')
  const key = openHeader(sealingKey, ref, header)
  if (key === null) throw damaged(ref, 'has an altered header, or is the body of another mail')
  return key
}
