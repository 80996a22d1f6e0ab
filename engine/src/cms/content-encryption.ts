/**
 * Content encryption on pieces: AES-CBC (RFC 3565), AES-GCM and AES-CCM (RFC 5084), ChaCha20-Poly1305 (RFC 8103), and 3DES and RC2
 * to read old mail. Never returns plaintext of authenticated encryption before its tag was checked; a failure says nothing but null.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { CipherGCMTypes } from 'node:crypto'
import { joined } from '../bytes/joined.ts'
import { EngineError } from '../errors.ts'
import { decryptRc2Cbc } from '../pkcs/rc2.ts'
import type { ContentCipher } from './algorithms.ts'
import { Ccm } from './ccm.ts'
import { keyOfContent, newEncryption, nonceLength, writtenCipher } from './content-parameters.ts'
import type { ContentEncryption, WrittenCipher } from './content-parameters.ts'

/** Pieces of this size keep the provider's result buffers small. */
const PIECE = 65536

/** RC2 takes its input at once, because it is slow, and has a limit, in octets. */
const MAX_AT_ONCE = 32 * 1024 * 1024

const total = (pieces: readonly Buffer[]): number => pieces.reduce((sum, piece) => sum + piece.length, 0)

/**
 * Whether content of this length can be read or written with this cipher.
 * @throws EngineError `content-too-large`
 */
export function checkContentLength({ mode, name }: ContentCipher, iv: Buffer, length: number): void {
  // RFC 3610 2: the longer the nonce of CCM, the fewer octets count the length
  const counted = mode === 'ccm' ? 2 ** (8 * (15 - iv.length)) - 1 : Infinity
  const limit = mode === 'rc2-cbc' ? MAX_AT_ONCE : counted
  if (length > limit) throw new EngineError('content-too-large', `${length} octets with ${name}`)
}

function* slices(pieces: readonly Buffer[]): Generator<Buffer> {
  for (const piece of pieces)
    for (let at = 0; at < piece.length; at += PIECE)
      yield piece.subarray(at, Math.min(at + PIECE, piece.length))
}

const NO_AAD = Buffer.alloc(0)

/** Decrypts content piece by piece. Both functions throw whatever the provider throws: no caller may tell failures apart. */
export interface Decryption {
  /** Plaintext that must not be used before `final` has returned. */
  update(slice: Buffer): Buffer
  /** The rest; throws when the padding or the authentication tag is wrong. */
  final(): Buffer
}

/**
 * Begins to decrypt. Ciphers that take their input at once give everything in `final`.
 * @param key - the key as it was sent, before any derivation
 * @param aad - authenticated attributes in DER; null when there are none
 * @param mac - the authentication tag; null for CBC
 * @param length - octets of ciphertext, without the tag
 * @throws Error when key or tag do not fit the algorithm
 */
export function startDecryption(
  encryption: ContentEncryption,
  key: Buffer,
  aad: Buffer | null,
  mac: Buffer | null,
  length: number,
): Decryption {
  const { cipher, iv } = encryption
  const contentKey = keyOfContent(encryption, key)
  switch (cipher.mode) {
    case 'cbc':
      return createDecipheriv(cipher.node, contentKey, iv)
    case 'rc2-cbc':
      return atOnce((whole) => {
        const plain = decryptRc2Cbc(contentKey, 128, iv, whole)
        if (plain === null) throw new RangeError('wrong padding')
        return plain
      })
    default:
      return startAead(encryption, contentKey, aad ?? NO_AAD, mac, length)
  }
}

function startAead(
  { cipher, iv, tagLength }: ContentEncryption,
  key: Buffer,
  aad: Buffer,
  mac: Buffer | null,
  length: number,
): Decryption {
  const options = { authTagLength: tagLength }
  if (mac?.length !== tagLength) throw new RangeError('tag of a wrong length')
  if (cipher.mode === 'ccm') {
    const ccm = new Ccm({ key, nonce: iv, aad, tagLength, length })
    return {
      update: (slice) => ccm.decrypt(slice),
      final: () => {
        ccm.check(mac)
        return NOTHING
      },
    }
  }
  const decipher =
    cipher.mode === 'gcm'
      ? createDecipheriv(cipher.node as CipherGCMTypes, key, iv, options) // by mode
      : createDecipheriv('chacha20-poly1305', key, iv, options)
  return decipher.setAAD(aad, { plaintextLength: 0 }).setAuthTag(mac)
}

const NOTHING = Buffer.alloc(0)

/** Collects the input and works on it in the end. */
function atOnce(work: (whole: Buffer) => Buffer): Decryption {
  const pieces: Buffer[] = []
  let length = 0
  return {
    update: (slice) => {
      length += slice.length
      if (length > MAX_AT_ONCE) throw new RangeError('too much to be worked on at once')
      pieces.push(slice)
      return NOTHING
    },
    final: () => work(Buffer.concat(pieces)),
  }
}

/**
 * Decrypts content. Null when it fails, for whatever reason: bad padding, wrong key, wrong tag look alike.
 * @param key - the key as it was sent, before any derivation
 * @param aad - authenticated attributes in DER; null when there are none
 */
export function decryptPieces(
  encryption: ContentEncryption,
  key: Buffer,
  pieces: readonly Buffer[],
  aad: Buffer | null,
  mac: Buffer | null,
): Buffer | null {
  if (encryption.cipher.mode === 'cbc') return decryptCbc(encryption, key, pieces)
  try {
    const decryption = startDecryption(encryption, key, aad, mac, total(pieces))
    const out = Array.from(slices(pieces), (slice) => decryption.update(slice))
    // Throws on a wrong tag, and then nothing of `out` leaves this function.
    const last = decryption.final()
    if (last.length > 0) out.push(last)
    return joined(out)
  } catch {
    // Nothing may tell one failure from another after the private key was used.
    return null
  }
}

/** The padding is taken off here: the provider reports a wrong one by throwing, and the time that takes would tell. */
function decryptCbc(encryption: ContentEncryption, key: Buffer, pieces: readonly Buffer[]): Buffer | null {
  const { cipher, iv } = encryption
  const decipher = createDecipheriv(cipher.node, keyOfContent(encryption, key), iv).setAutoPadding(false)
  const out = Array.from(slices(pieces), (slice) => decipher.update(slice))
  // What does not fill the last block is left in the cipher, and the content is refused like any other.
  const whole = total(pieces) % cipher.blockLength === 0
  const plain = withoutPadding(joined(out), cipher.blockLength)
  return whole ? plain : null
}

/** RFC 5652 6.3. Looks at all of the last block, whatever is in it. */
function withoutPadding(plain: Buffer, blockLength: number): Buffer | null {
  const padding = plain.at(-1) ?? 0
  let wrong = padding === 0 || padding > blockLength ? 1 : 0
  for (let back = 1; back <= blockLength; back++) {
    const counts = back <= padding ? 1 : 0
    wrong |= counts * ((plain.at(-back) ?? 0) ^ padding)
  }
  return wrong === 0 ? plain.subarray(0, plain.length - padding) : null
}

/** Freshly encrypted content. */
export interface Encrypted {
  /** The key to send, before any derivation. */
  readonly key: Buffer
  /** contentEncryptionAlgorithm in DER. */
  readonly algorithm: Buffer
  readonly pieces: readonly Buffer[]
  /** Octets of all pieces. */
  readonly length: number
  /** The authentication tag; null for CBC. */
  readonly mac: Buffer | null
}

/** A new random key with its IV or nonce: for one content. */
export interface ContentKey {
  /** The key to send, before any derivation. */
  readonly key: Buffer
  /** contentEncryptionAlgorithm in DER. */
  readonly algorithm: Buffer
  /** Octets of the authentication tag; 0 for CBC. */
  readonly tagLength: number
  /**
   * Octets of ciphertext, without the tag, for as many octets of content.
   * @throws EngineError `content-too-large`
   */
  readonly lengthOf: (octets: number) => number
  /** Begins to encrypt so many octets. May be called again for the very same content only. */
  readonly start: (octets: number) => Encryption
}

/** Encrypts content piece by piece. */
interface Encryption {
  update(slice: Buffer): Buffer
  final(): Buffer
  /** After `final`: the authentication tag; null for CBC. */
  tag(): Buffer | null
}

/**
 * Makes a key.
 * @param hkdf - derive the content's key from the one that is sent (RFC 9709)
 */
export function newContentKey(name: WrittenCipher, hkdf = false): ContentKey {
  const cipher = writtenCipher(name)
  const secret = randomBytes(cipher.keyLength + nonceLength(cipher))
  const key = secret.subarray(0, cipher.keyLength)
  const encryption = newEncryption(name, secret.subarray(cipher.keyLength), hkdf)
  const { algorithm, iv, tagLength } = encryption
  const contentKey = keyOfContent(encryption, key)
  const { blockLength } = cipher
  return {
    ...{ key, algorithm, tagLength },
    lengthOf: (length) => {
      checkContentLength(cipher, iv, length)
      // RFC 5652 6.3
      return cipher.mode === 'cbc' ? length + blockLength - (length % blockLength) : length
    },
    start: (octets) => startEncryption(cipher, contentKey, iv, octets),
  }
}

function startEncryption(cipher: ContentCipher, key: Buffer, iv: Buffer, length: number): Encryption {
  const options = { authTagLength: 16 }
  if (cipher.mode === 'ccm') {
    checkContentLength(cipher, iv, length)
    const ccm = new Ccm({ key, nonce: iv, aad: NO_AAD, tagLength: options.authTagLength, length })
    return { update: (slice) => ccm.encrypt(slice), final: () => NOTHING, tag: () => ccm.tag() }
  }
  if (!cipher.authenticated) {
    const cbc = createCipheriv(cipher.node, key, iv)
    return { update: (slice) => cbc.update(slice), final: () => cbc.final(), tag: () => null }
  }
  const aead =
    cipher.mode === 'gcm'
      ? createCipheriv(cipher.node as CipherGCMTypes, key, iv, options) // by mode
      : createCipheriv('chacha20-poly1305', key, iv, options)
  return { update: (slice) => aead.update(slice), final: () => aead.final(), tag: () => aead.getAuthTag() }
}

/**
 * Encrypts pieces under a new random key and IV or nonce.
 * @param hkdf - derive the content's key from the one that is sent (RFC 9709)
 * @throws EngineError `content-too-large`
 */
export function encryptPieces(name: WrittenCipher, pieces: readonly Buffer[], hkdf = false): Encrypted {
  const contentKey = newContentKey(name, hkdf)
  const { key, algorithm } = contentKey
  const encryption = contentKey.start(total(pieces))
  const out: Buffer[] = []
  let length = 0
  const keep = (part: Buffer): void => {
    if (part.length === 0) return
    out.push(part)
    length += part.length
  }
  for (const slice of slices(pieces)) keep(encryption.update(slice))
  keep(encryption.final())
  return { key, algorithm, pieces: out, length, mac: encryption.tag() }
}
