/**
 * Content encryption on pieces: AES-CBC (RFC 3565), AES-GCM and AES-CCM (RFC 5084), ChaCha20-Poly1305 (RFC 8103), and 3DES and RC2
 * to read old mail. Never returns plaintext of authenticated encryption before its tag was checked; a failure says nothing but null.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { CipherCCMTypes, CipherGCMTypes, Decipheriv } from 'node:crypto'
import { EngineError } from '../errors.ts'
import { decryptRc2Cbc } from '../pkcs/rc2.ts'
import type { ContentCipher } from './algorithms.ts'
import { keyOfContent, newEncryption, nonceLength, writtenCipher } from './content-parameters.ts'
import type { ContentEncryption, WrittenCipher } from './content-parameters.ts'

/** Pieces of this size keep the provider's result buffers small. */
const PIECE = 65536

/** Ciphers that take their input at once (CCM by its nature, RC2 because it is slow) have a limit, in octets. */
const MAX_AT_ONCE = 32 * 1024 * 1024

const total = (pieces: readonly Buffer[]): number => pieces.reduce((sum, piece) => sum + piece.length, 0)

/**
 * Whether content of this length can be read or written with this cipher.
 * @throws EngineError `content-too-large`
 */
export function checkContentLength({ mode, name }: ContentCipher, iv: Buffer, length: number): void {
  // RFC 3610 2: the longer the nonce of CCM, the fewer octets count the length
  const counted = mode === 'ccm' ? 2 ** (8 * (15 - iv.length)) - 1 : Infinity
  const limit = mode === 'ccm' || mode === 'rc2-cbc' ? Math.min(MAX_AT_ONCE, counted) : Infinity
  if (length > limit) throw new EngineError('content-too-large', `${length} octets with ${name}`)
}

function* slices(pieces: readonly Buffer[]): Generator<Buffer> {
  for (const piece of pieces)
    for (let at = 0; at < piece.length; at += PIECE)
      yield piece.subarray(at, Math.min(at + PIECE, piece.length))
}

const NO_AAD = Buffer.alloc(0)

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
  const contentKey = keyOfContent(encryption, key)
  switch (encryption.cipher.mode) {
    case 'cbc':
      return decryptCbc(encryption, contentKey, pieces)
    case 'rc2-cbc':
      return decryptRc2Cbc(contentKey, 128, encryption.iv, Buffer.concat(pieces))
    default:
      return decryptAead(encryption, contentKey, pieces, aad ?? NO_AAD, mac)
  }
}

/** The padding is taken off here: the provider reports a wrong one by throwing, and the time that takes would tell. */
function decryptCbc(
  { cipher, iv }: ContentEncryption,
  key: Buffer,
  pieces: readonly Buffer[],
): Buffer | null {
  const length = total(pieces)
  if (length === 0 || length % cipher.blockLength !== 0) return null
  const decipher = createDecipheriv(cipher.node, key, iv).setAutoPadding(false)
  const out = Array.from(slices(pieces), (slice) => decipher.update(slice))
  out.push(decipher.final())
  return withoutPadding(Buffer.concat(out), cipher.blockLength)
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

function decryptAead(
  { cipher, iv, tagLength }: ContentEncryption,
  key: Buffer,
  pieces: readonly Buffer[],
  aad: Buffer,
  mac: Buffer | null,
): Buffer | null {
  if (mac?.length !== tagLength) return null
  try {
    const decipher = startAead(cipher, key, iv, tagLength)
    decipher.setAuthTag(mac)
    if (cipher.mode === 'ccm') {
      const whole = Buffer.concat(pieces)
      decipher.setAAD(aad, { plaintextLength: whole.length })
      const plain = decipher.update(whole)
      decipher.final()
      return plain
    }
    decipher.setAAD(aad, { plaintextLength: 0 })
    const out = Array.from(slices(pieces), (slice) => decipher.update(slice))
    // Throws on a wrong tag, and then nothing of `out` leaves this function.
    out.push(decipher.final())
    return Buffer.concat(out)
  } catch {
    // Nothing may tell one failure from another after the private key was used.
    return null
  }
}

interface AeadDecipher extends Decipheriv {
  setAuthTag(tag: Buffer): this
  setAAD(aad: Buffer, options: { readonly plaintextLength: number }): this
}

function startAead(
  { mode, node }: ContentCipher,
  key: Buffer,
  iv: Buffer,
  authTagLength: number,
): AeadDecipher {
  if (mode === 'ccm') return createDecipheriv(node as CipherCCMTypes, key, iv, { authTagLength }) // by mode
  if (mode === 'gcm') return createDecipheriv(node as CipherGCMTypes, key, iv, { authTagLength }) // by mode
  return createDecipheriv('chacha20-poly1305', key, iv, { authTagLength })
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

/**
 * Encrypts pieces under a new random key and IV or nonce.
 * @param hkdf - derive the content's key from the one that is sent (RFC 9709)
 * @throws EngineError `content-too-large`
 */
export function encryptPieces(name: WrittenCipher, pieces: readonly Buffer[], hkdf = false): Encrypted {
  const cipher = writtenCipher(name)
  const secret = randomBytes(cipher.keyLength + nonceLength(cipher))
  const key = secret.subarray(0, cipher.keyLength)
  const encryption = newEncryption(name, secret.subarray(cipher.keyLength), hkdf)
  const { algorithm, iv } = encryption
  const contentKey = keyOfContent(encryption, key)
  const out: Buffer[] = []
  let length = 0
  const keep = (part: Buffer): void => {
    if (part.length === 0) return
    out.push(part)
    length += part.length
  }
  const running = startEncryption(cipher, contentKey, iv, () => total(pieces))
  if (cipher.mode === 'ccm') keep(running.cipher.update(Buffer.concat(pieces)))
  else for (const slice of slices(pieces)) keep(running.cipher.update(slice))
  keep(running.cipher.final())
  return { key, algorithm, pieces: out, length, mac: running.tag() }
}

interface RunningCipher {
  readonly cipher: { update(data: Buffer): Buffer; final(): Buffer }
  readonly tag: () => Buffer | null
}

function startEncryption(
  cipher: ContentCipher,
  key: Buffer,
  iv: Buffer,
  length: () => number,
): RunningCipher {
  const authTagLength = 16
  switch (cipher.mode) {
    case 'ccm': {
      checkContentLength(cipher, iv, length())
      const ccm = createCipheriv(cipher.node as CipherCCMTypes, key, iv, { authTagLength }) // by mode
      ccm.setAAD(NO_AAD, { plaintextLength: length() })
      return { cipher: ccm, tag: () => ccm.getAuthTag() }
    }
    case 'gcm': {
      const gcm = createCipheriv(cipher.node as CipherGCMTypes, key, iv, { authTagLength }) // by mode
      return { cipher: gcm, tag: () => gcm.getAuthTag() }
    }
    case 'chacha20-poly1305': {
      const chacha = createCipheriv('chacha20-poly1305', key, iv, { authTagLength })
      return { cipher: chacha, tag: () => chacha.getAuthTag() }
    }
    case 'cbc':
    case 'rc2-cbc':
      return { cipher: createCipheriv(cipher.node, key, iv), tag: () => null }
  }
}
