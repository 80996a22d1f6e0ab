/**
 * Random keys that take the place of content keys which did not unwrap (RFC 3218 2.3.2). One is made for every layer and hardly
 * ever used, so the octets of many are asked for at once. For nothing else: keys that encrypt are made one by one.
 */
import { randomFillSync } from 'node:crypto'

const POOL = Buffer.alloc(4096)
let used = POOL.length

/** A key of so many octets, at most 4096. Its octets are erased where they came from. */
export function substituteKey(length: number): Buffer {
  if (used + length > POOL.length) {
    randomFillSync(POOL)
    used = 0
  }
  const octets = POOL.subarray(used, used + length)
  const key = Buffer.from(octets)
  octets.fill(0)
  used += length
  return key
}
