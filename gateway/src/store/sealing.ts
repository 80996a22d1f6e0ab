/**
 * Sealing of secrets: AES-256-GCM under a key per tenant (DEK), which in turn is wrapped by the master key (KEK).
 * A sealed value is bound to its place: the same bytes in another row, column or tenant do not open.
 * Keeps no keys and reads no database (that is keys.ts). What is lost with the master key: every secret and every mail.
 *
 * Layout of a value: version 1 | key id (26) | nonce (12) | ciphertext | tag (16).
 * Layout of a wrapped key: version 1 | master key id (8) | nonce (12) | ciphertext (32) | tag (16).
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  randomBytes,
  type KeyObject,
} from 'node:crypto'
import { StoreRefused } from '../observe/failures.ts'

const ALGORITHM = 'aes-256-gcm'
const VERSION = 1
const NONCE = 12
const TAG = 16
const KEY_ID = 26
const MASTER_ID = 8

/** Octets of the master key and of every data key. */
export const KEY_LENGTH = 32

/** The master key (KEK) with the id that wrapped keys name it by. */
export interface MasterKey {
  /** 16 hexadecimal digits, derived from the key, tells nothing about it. */
  readonly id: string
  readonly key: KeyObject
}

/** A data key (DEK) of one tenant or of the installation. */
export interface SealingKey {
  /** 26 characters. */
  readonly id: string
  readonly key: KeyObject
}

/** Where a sealed value belongs. Part of what is authenticated. */
export interface Place {
  /** Empty for the installation. */
  readonly tenantId: string
  readonly table: string
  readonly row: string
  readonly column: string
}

/**
 * Takes the master key in.
 * @throws StoreRefused `master-key-missing` or `master-key-malformed`
 */
export function takeMasterKey(bytes: Buffer): MasterKey {
  if (bytes.length === 0) throw new StoreRefused('master-key-missing', 'the master key is empty')
  if (bytes.length !== KEY_LENGTH)
    throw new StoreRefused(
      'master-key-malformed',
      `the master key has ${bytes.length} octets instead of ${KEY_LENGTH}`,
    )
  const digest = createHmac('sha256', bytes).update('siegel master key id').digest()
  return { id: digest.subarray(0, MASTER_ID).toString('hex'), key: createSecretKey(bytes) }
}

/** Encrypts under a key and a context: nonce, ciphertext and tag in one buffer behind a given prefix. */
export function encryptWith(key: KeyObject, prefix: Buffer, context: string, value: Buffer): Buffer {
  const nonce = randomBytes(NONCE)
  const cipher = createCipheriv(ALGORITHM, key, nonce)
  cipher.setAAD(Buffer.concat([prefix, Buffer.from(context)]))
  const ciphertext = cipher.update(value)
  cipher.final()
  return Buffer.concat([prefix, nonce, ciphertext, cipher.getAuthTag()])
}

/**
 * The reverse of encryptWith.
 * @param prefixLength - octets of the prefix in `sealed`
 * @returns null when anything was altered, or for another key or context
 */
export function decryptWith(
  key: KeyObject,
  prefixLength: number,
  context: string,
  sealed: Buffer,
): Buffer | null {
  if (sealed.length < prefixLength + NONCE + TAG) return null
  const nonce = sealed.subarray(prefixLength, prefixLength + NONCE)
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG })
  decipher.setAAD(Buffer.concat([sealed.subarray(0, prefixLength), Buffer.from(context)]))
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG))
  const plain = decipher.update(sealed.subarray(prefixLength + NONCE, sealed.length - TAG))
  try {
    decipher.final()
  } catch {
    // The only failure that final() knows here is a tag that does not fit; the caller says what that means.
    return null
  }
  return plain
}

/** The context of a place, unambiguous whatever the names hold. */
function contextOf(place: Place): string {
  return JSON.stringify([place.tenantId, place.table, place.row, place.column])
}

/** Seals a value for a place. */
export function seal(key: SealingKey, place: Place, value: Buffer): Buffer {
  const prefix = Buffer.concat([Buffer.of(VERSION), Buffer.from(key.id, 'latin1')])
  return encryptWith(key.key, prefix, contextOf(place), value)
}

/** The id of the key that a value was sealed with; null when it is no sealed value. */
export function sealedWith(sealed: Buffer): string | null {
  if (sealed.length < 1 + KEY_ID + NONCE + TAG || sealed[0] !== VERSION) return null
  return sealed.toString('latin1', 1, 1 + KEY_ID)
}

/**
 * Opens a sealed value.
 * @throws StoreRefused `secret-damaged` when it was altered or belongs elsewhere
 */
export function unseal(key: SealingKey, place: Place, sealed: Buffer): Buffer {
  const plain =
    sealedWith(sealed) === key.id ? decryptWith(key.key, 1 + KEY_ID, contextOf(place), sealed) : null
  if (plain === null)
    throw new StoreRefused(
      'secret-damaged',
      `the sealed value ${place.table}.${place.column} of "${place.row}" does not open`,
    )
  return plain
}

/** Wraps a data key under the master key. */
export function wrapKey(master: MasterKey, tenantId: string, keyId: string, key: Buffer): Buffer {
  const prefix = Buffer.concat([Buffer.of(VERSION), Buffer.from(master.id, 'hex')])
  return encryptWith(master.key, prefix, JSON.stringify(['sealing key', tenantId, keyId]), key)
}

/**
 * Unwraps a data key.
 * @throws StoreRefused `master-key-wrong` for another master key, `secret-damaged` when altered
 */
export function unwrapKey(master: MasterKey, tenantId: string, keyId: string, wrapped: Buffer): SealingKey {
  const named = wrapped[0] === VERSION ? wrapped.toString('hex', 1, 1 + MASTER_ID) : null
  if (named !== null && named !== master.id)
    throw new StoreRefused(
      'master-key-wrong',
      `the data was sealed with the master key ${named}, but the key given is ${master.id}`,
    )
  const context = JSON.stringify(['sealing key', tenantId, keyId])
  const plain = decryptWith(master.key, 1 + MASTER_ID, context, wrapped)
  if (plain?.length !== KEY_LENGTH)
    throw new StoreRefused('secret-damaged', `the sealing key ${keyId} does not open`)
  return { id: keyId, key: createSecretKey(plain) }
}
