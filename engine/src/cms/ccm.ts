/**
 * AES-CCM piece by piece (RFC 3610, NIST SP 800-38C), out of AES-CTR and AES-CBC of the provider, whose own CCM wants everything
 * at once. The length of the content must be known before. Plaintext must not be used before the tag was compared.
 */
import { createCipheriv, timingSafeEqual } from 'node:crypto'
import type { Cipheriv } from 'node:crypto'

const BLOCK = 16
const ZEROS = Buffer.alloc(BLOCK)

/** What a content is encrypted under. */
export interface CcmParameters {
  readonly key: Buffer
  /** 7 to 13 octets. */
  readonly nonce: Buffer
  /** Additional authenticated data; may be empty. */
  readonly aad: Buffer
  readonly tagLength: number
  /** Octets of the content. */
  readonly length: number
}

/** One content on its way. */
export class Ccm {
  readonly #counter: Cipheriv
  readonly #mac: Cipheriv
  /** The first block of the key stream, which hides the tag. */
  readonly #mask: Buffer
  readonly #tagLength: number
  readonly #length: number
  #seen = 0
  readonly #last = Buffer.alloc(BLOCK)

  constructor({ key, nonce, aad, tagLength, length }: CcmParameters) {
    const bits = key.length * 8
    const counted = BLOCK - 1 - nonce.length
    this.#tagLength = tagLength
    this.#length = length
    // RFC 3610 2.3: A_0; the counter is the end of the block, and never overflows into the nonce
    const start = Buffer.concat([Buffer.from([counted - 1]), nonce, Buffer.alloc(counted)])
    this.#counter = createCipheriv(`aes-${bits}-ctr`, key, start)
    this.#mask = this.#counter.update(ZEROS)
    this.#mac = createCipheriv(`aes-${bits}-cbc`, key, ZEROS).setAutoPadding(false)
    this.#authenticate(firstBlock(nonce, aad, tagLength, length))
    if (aad.length > 0) this.#authenticate(padded(Buffer.concat([lengthOfAad(aad.length), aad])))
  }

  /** @throws RangeError when there is more than was announced */
  encrypt(slice: Buffer): Buffer {
    this.#count(slice)
    this.#authenticate(slice)
    return this.#counter.update(slice)
  }

  /** @throws RangeError when there is more than was announced */
  decrypt(slice: Buffer): Buffer {
    this.#count(slice)
    const plain = this.#counter.update(slice)
    this.#authenticate(plain)
    return plain
  }

  /**
   * The authentication tag of all that came; once.
   * @throws RangeError when there was less than announced
   */
  tag(): Buffer {
    if (this.#seen !== this.#length) throw new RangeError('less content than announced')
    this.#authenticate(Buffer.alloc((BLOCK - (this.#seen % BLOCK)) % BLOCK))
    const mask = this.#mask.subarray(0, this.#tagLength)
    return Buffer.from(mask.map((octet, at) => octet ^ (this.#last[at] ?? 0)))
  }

  /** @throws RangeError unless the tag is that of all that came */
  check(tag: Buffer): void {
    if (!timingSafeEqual(this.tag(), tag)) throw new RangeError('wrong tag')
  }

  #count(slice: Buffer): void {
    this.#seen += slice.length
    if (this.#seen > this.#length) throw new RangeError('more content than announced')
  }

  /** RFC 3610 2.2: of the chained blocks only the last one counts. */
  #authenticate(bytes: Buffer): void {
    const chained = this.#mac.update(bytes)
    if (chained.length > 0) chained.copy(this.#last, 0, chained.length - BLOCK)
  }
}

/** RFC 3610 2.2: B_0. */
function firstBlock(nonce: Buffer, aad: Buffer, tagLength: number, length: number): Buffer {
  const counted = BLOCK - 1 - nonce.length
  const block = Buffer.alloc(BLOCK)
  block[0] = (aad.length > 0 ? 0x40 : 0) | (((tagLength - 2) / 2) << 3) | (counted - 1)
  nonce.copy(block, 1)
  for (let at = BLOCK - 1, rest = length; at > nonce.length; at--) {
    block[at] = rest % 256
    rest = Math.floor(rest / 256)
  }
  return block
}

function lengthOfAad(length: number): Buffer {
  // RFC 3610 2.2: two octets up to FEFF, else FFFE and four
  if (length < 0xff00) return Buffer.from([length >> 8, length & 0xff])
  const out = Buffer.from([0xff, 0xfe, 0, 0, 0, 0])
  out.writeUInt32BE(length, 2)
  return out
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)])
}
