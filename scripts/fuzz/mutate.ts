/**
 * Mutations of bytes, by a generator of numbers that a seed decides: bits, bytes, ranges, DER lengths, tokens that mail
 * programs stumble over, and CMS objects inside their base64.
 */

/** Numbers from 0 up to, not including, the argument. */
export type Random = (below: number) => number

/** A generator for one case of one run. */
export function randomOf(seed: number, index: number): Random {
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = Math.imul(state ^ (state >>> 15), state | 1)
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61)
    return ((value ^ (value >>> 14)) >>> 0) % below
  }
}

const TOKENS = [
  ...[
    '\r\n',
    '\n',
    '\r',
    '\r\n\r\n',
    '\0',
    '--m\r\n',
    '--m--\r\n',
    '--=_0123456789abcdef\r\n',
    'From: x@y\r\n',
  ],
  ...[
    'Content-Type: multipart/mixed; boundary=m\r\n',
    'Content-Type: message/rfc822\r\n\r\n',
    ' ',
    '\t',
    '"',
    '\\',
    '(',
  ],
  ...[
    'Content-Transfer-Encoding: base64\r\n',
    '=',
    '=\r\n',
    '=00',
    ';',
    '; boundary=',
    ';name*0*=',
    "utf-8''%",
    '<',
    '@',
  ],
  ...[
    '\x30\x80',
    '\0\0',
    '\x24\x80',
    '\xa0\x80',
    '\x30\x84\x7f\xff\xff\xff',
    '\x06\x80',
    '\x02\x01\x80',
    '\xff\xfe',
    'é',
  ],
]

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random(list.length)] as T // within the list
}

type Step = (bytes: Buffer, random: Random, others: readonly Buffer[]) => Buffer

const splice = (bytes: Buffer, start: number, end: number, put: Buffer): Buffer =>
  Buffer.concat([bytes.subarray(0, start), put, bytes.subarray(Math.max(start, end))])
const place = (bytes: Buffer, random: Random): number => random(bytes.length + 1)
const length = (random: Random): number => 1 + random(pick(random, [2, 8, 64, 1000]))

const STEPS: readonly Step[] = [
  (bytes, random) => {
    const out = Buffer.from(bytes)
    const at = random(Math.max(1, out.length))
    if (out.length > 0) out.writeUInt8(out.readUInt8(at) ^ (1 << random(8)), at)
    return out
  },
  (bytes, random) => {
    const out = Buffer.from(bytes)
    if (out.length > 0)
      out.writeUInt8(pick(random, [0, 1, 0x7f, 0x80, 0x84, 0xff, random(256)]), random(out.length))
    return out
  },
  (bytes, random) => {
    const at = place(bytes, random)
    return splice(bytes, at, at + length(random), Buffer.alloc(0))
  },
  (bytes, random) => {
    const at = place(bytes, random)
    const from = place(bytes, random)
    return splice(bytes, at, at, bytes.subarray(from, from + length(random)))
  },
  (bytes, random) => splice(bytes, place(bytes, random), 0, Buffer.from(pick(random, TOKENS), 'latin1')),
  (bytes, random) => bytes.subarray(0, place(bytes, random)),
  (bytes, random, others) => {
    const other = pick(random, others)
    return Buffer.concat([bytes.subarray(0, place(bytes, random)), other.subarray(place(other, random))])
  },
  (bytes, random) => {
    // One piece many times: depth, counts and lengths
    const from = place(bytes, random)
    const piece = bytes.subarray(from, from + length(random))
    const times = Math.min(1 + random(400), Math.floor(200_000 / Math.max(1, piece.length)))
    return splice(bytes, from, from, Buffer.concat(Array.from({ length: times }, () => piece)))
  },
  (bytes, random) =>
    Buffer.from(bytes.toString('latin1').replaceAll('\r\n', pick(random, ['\n', '\r', '\r\r\n'])), 'latin1'),
]

function mutateBytes(bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  let out = bytes
  for (let count = 1 + random(4); count > 0; count--) out = pick(random, STEPS)(out, random, others)
  return out
}

const BASE64 = /(?:[A-Za-z0-9+/]{60,76}\r\n){3,}[A-Za-z0-9+/=]*/

/** A changed copy; half of the time what is changed is the object inside the first base64 block. */
export function mutate(bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  const text = bytes.toString('latin1')
  const block = random(2) === 0 ? BASE64.exec(text) : null
  if (block === null) return mutateBytes(bytes, random, others)
  const inside = mutateBytes(Buffer.from(block[0], 'base64'), random, others)
  const lines = inside.toString('base64').match(/.{1,64}/g) ?? []
  return Buffer.from(
    text.slice(0, block.index) + lines.join('\r\n') + text.slice(block.index + block[0].length),
    'latin1',
  )
}
