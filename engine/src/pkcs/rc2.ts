/**
 * RC2 in CBC mode, decryption only (RFC 2268): old PKCS#12 files protect their certificates with it, and libcrypto's default
 * provider no longer has it. Never used to encrypt; slow, so for small inputs only.
 */

/** The substitution of RFC 2268 2. */
const PI = Buffer.from(
  'd978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2' +
    '179a59f587b34f1361456d8d09817d32bd8f40eb86b77b0bf09521225c6b4e82' +
    '54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626' +
    '6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed7' +
    '08e8eade8052eef784aa72ac354d6a2a961ad2715a1549744b9fd05e0418a4ec' +
    'c2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731' +
    '2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a9' +
    '0d38341bab33ffb0bb480c5fb9b1cd2ec5f3db47e5a59c770aa62068fe7fc1ad',
  'hex',
)

/** RFC 2268 2: 64 words of 16 bits from the key. */
function expandKey(key: Buffer, effectiveBits: number): Uint16Array {
  const bytes = Buffer.alloc(128)
  bytes.set(key)
  const pi = (value: number): number => PI[value & 0xff] ?? 0
  const at = (index: number): number => bytes[index] ?? 0
  for (let i = key.length; i < 128; i++) bytes[i] = pi(at(i - 1) + at(i - key.length))
  const effective = Math.ceil(effectiveBits / 8)
  bytes[128 - effective] = pi(at(128 - effective) & (0xff >> (8 * effective - effectiveBits)))
  for (let i = 127 - effective; i >= 0; i--) bytes[i] = pi(at(i + 1) ^ at(i + effective))
  return Uint16Array.from({ length: 64 }, (_, word) => bytes.readUInt16LE(word * 2))
}

const SHIFTS = [1, 2, 3, 5] as const

/** RFC 2268 4: one block of four words, in place. */
function decryptBlock(words: Uint16Array, keys: Uint16Array): void {
  const word = (index: number): number => words[index & 3] ?? 0
  const key = (index: number): number => keys[index] ?? 0
  let next = 63
  const mix = (): void => {
    for (let i = 3; i >= 0; i--) {
      const shift = SHIFTS[i] ?? 0
      const rotated = (word(i) >>> shift) | (word(i) << (16 - shift))
      words[i] = rotated - key(next--) - (word(i + 3) & word(i + 2)) - (~word(i + 3) & word(i + 1))
    }
  }
  const mash = (): void => {
    for (let i = 3; i >= 0; i--) words[i] = word(i) - key(word(i + 3) & 63)
  }
  for (let round = 0; round < 16; round++) {
    mix()
    if (round === 4 || round === 10) mash()
  }
}

/**
 * Decrypts RC2-CBC with PKCS#7 padding.
 * @param key - 1 to 128 octets
 * @param effectiveBits - 1 to 1024
 * @param iv - 8 octets
 * @returns null if the padding is wrong
 */
export function decryptRc2Cbc(
  key: Buffer,
  effectiveBits: number,
  iv: Buffer,
  encrypted: Buffer,
): Buffer | null {
  if (encrypted.length === 0 || encrypted.length % 8 !== 0) return null
  const keys = expandKey(key, effectiveBits)
  const out = Buffer.alloc(encrypted.length)
  const words = new Uint16Array(4)
  for (let block = 0; block < encrypted.length; block += 8) {
    for (let i = 0; i < 4; i++) words[i] = encrypted.readUInt16LE(block + 2 * i)
    decryptBlock(words, keys)
    for (let i = 0; i < 4; i++) out.writeUInt16LE(words[i] ?? 0, block + 2 * i)
    const previous = block === 0 ? iv : encrypted.subarray(block - 8, block)
    for (let i = 0; i < 8; i++) out[block + i] = (out[block + i] ?? 0) ^ (previous[i] ?? 0)
  }
  const padding = out.at(-1) ?? 0
  const start = out.length - padding
  if (padding < 1 || padding > 8 || out.subarray(start).some((octet) => octet !== padding)) return null
  return out.subarray(0, start)
}
