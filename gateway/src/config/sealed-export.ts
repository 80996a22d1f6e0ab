/**
 * Seals the secrets of an export under the installation's master key, so that `export | apply` works on the same
 * installation and the file is of no use anywhere else. Not the store's sealing: a value leaves the store here.
 * The same secret in the same field gives the same text, so that an export can be kept under version control.
 * What is lost if it fails: the secrets of an export without its master key cannot be recovered.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto'

const PREFIX = 'sealed:'
const VERSION = 1
const NONCE_LENGTH = 12
const TAG_LENGTH = 16

/** The field that a sealed value belongs to; it opens nowhere else. */
export interface SealedPlace {
  readonly kind: string
  readonly tenant: string | null
  readonly name: string
  /** JSON pointer with `*` for positions in lists. */
  readonly pattern: string
}

function deriveKey(masterKey: Buffer, purpose: string): Buffer {
  // RFC 5869 2.2, 2.3
  return Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), `siegel/v1 export ${purpose}`, 32))
}

function associatedData(place: SealedPlace): Buffer {
  return Buffer.from(JSON.stringify([VERSION, place.kind, place.tenant, place.name, place.pattern]), 'utf8')
}

/** Seals a secret for one field: `sealed:` and base64. AES-256-GCM; the nonce is a MAC of field and secret. */
export function sealForExport(masterKey: Buffer, place: SealedPlace, secret: string): string {
  const plain = Buffer.from(secret, 'utf8')
  const aad = associatedData(place)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(aad.length)
  const nonce = createHmac('sha256', deriveKey(masterKey, 'nonce'))
    .update(length)
    .update(aad)
    .update(plain)
    .digest()
    .subarray(0, NONCE_LENGTH)
  const cipher = createCipheriv('aes-256-gcm', deriveKey(masterKey, 'key'), nonce).setAAD(aad)
  const sealed = Buffer.concat([
    Buffer.of(VERSION),
    nonce,
    cipher.update(plain),
    cipher.final(),
    cipher.getAuthTag(),
  ])
  return PREFIX + sealed.toString('base64')
}

/**
 * Opens what `sealForExport` made.
 * @returns null when it was made with another master key, for another field, or is damaged
 */
export function unsealFromExport(masterKey: Buffer, place: SealedPlace, text: string): string | null {
  if (!text.startsWith(PREFIX)) return null
  const bytes = Buffer.from(text.slice(PREFIX.length), 'base64')
  if (bytes[0] !== VERSION || bytes.length < 1 + NONCE_LENGTH + TAG_LENGTH) return null
  const nonce = bytes.subarray(1, 1 + NONCE_LENGTH)
  const body = bytes.subarray(1 + NONCE_LENGTH, bytes.length - TAG_LENGTH)
  try {
    const decipher = createDecipheriv('aes-256-gcm', deriveKey(masterKey, 'key'), nonce, {
      authTagLength: TAG_LENGTH,
    })
    decipher.setAAD(associatedData(place)).setAuthTag(bytes.subarray(bytes.length - TAG_LENGTH))
    return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8')
  } catch {
    // A wrong tag is the answer, not an accident: the caller reports `sealed-elsewhere`.
    return null
  }
}
