/**
 * Reads one sealed body as a stream. Gives out only what has been authenticated, each segment as the one it claims to be;
 * a stream that ends without BodyDamaged was the whole body.
 */
import type { BodyRef } from '../../mail/body.ts'
import { BodyDamaged } from '../../observe/failures.ts'
import type { SealingKey } from '../sealing.ts'
import { asStorageError, closeFile, codeOf, openForReading, readInto, sizeOf } from './files.ts'
import { HEADER, SEALED_SEGMENT, keyIdOf, layoutOf, openHeader, openSegment } from './sealed-file.ts'

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
 * Streams a body, a segment at a time.
 * @throws BodyDamaged when it is missing, cut short or altered; StorageError when the disk does not give it
 */
export async function* readBody(path: string, ref: BodyRef, findKey: KeyFinder): AsyncGenerator<Buffer> {
  const file = await openBody(path, ref)
  try {
    const size = await sizeOf(file).catch((error: unknown) => {
      throw asStorageError(error)
    })
    const layout = layoutOf(size)
    if (layout === null) throw damaged(ref, `has an impossible length of ${size} octets`)
    const { segments } = layout
    const room = Buffer.allocUnsafeSlow(Math.min(size, HEADER + AT_ONCE * SEALED_SEGMENT))
    let block = room
    await readFull(file, block, 0, ref)
    const header = block.subarray(0, HEADER)
    const keyId = keyIdOf(header)
    const sealingKey = keyId === null ? null : findKey(ref.tenantId, keyId)
    if (sealingKey === null) throw damaged(ref, 'is not sealed with a key of its tenant')
    const key = openHeader(sealingKey, ref, header)
    if (key === null) throw damaged(ref, 'has an altered header, or is the body of another mail')
    let offset = HEADER
    let position = block.length
    for (let number = 0; number < segments; number += 1) {
      if (offset === block.length) {
        block = room.subarray(0, Math.min(AT_ONCE * SEALED_SEGMENT, size - position))
        await readFull(file, block, position, ref)
        position += block.length
        offset = 0
      }
      const last = number === segments - 1
      const sealed = block.subarray(offset, offset + (last ? layout.lastLength : SEALED_SEGMENT))
      offset += sealed.length
      const plain = openSegment(key, number, last, sealed)
      if (plain === null) throw damaged(ref, `was altered in segment ${number}`)
      if (plain.length > 0) yield plain
    }
  } finally {
    await closeFile(file)
  }
}
