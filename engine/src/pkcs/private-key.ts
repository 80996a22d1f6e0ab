/**
 * Reads private keys: PKCS#8 plain and encrypted (RFC 5958, RFC 8018), PKCS#1 (RFC 8017) and SEC 1 (RFC 5915), as PEM or
 * DER. node:crypto parses the key itself; the password-based decryption is ours, with its cap on rounds.
 */
import { createPrivateKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { EngineError } from '../errors.ts'
import { readAlgorithm, writeAlgorithm } from '../der/algorithm.ts'
import { toOctets } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { looksLikePem, readPem } from '../der/pem.ts'
import type { PemBlock } from '../der/pem.ts'
import { Cursor, Tag, readElement } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { nil, sequence } from '../der/writer.ts'
import { RoundBudget } from './password-kdf.ts'
import { decryptWithPassword } from './pbes2.ts'

type KeyForm = 'pkcs8' | 'pkcs1' | 'sec1'

const PLAIN: Readonly<Record<string, KeyForm>> = {
  'PRIVATE KEY': 'pkcs8',
  'RSA PRIVATE KEY': 'pkcs1',
  'EC PRIVATE KEY': 'sec1',
}

/**
 * The private key of a file; of a PEM file the first key in it.
 * @throws EngineError `private-key-malformed`, `private-key-password` (missing or wrong), `pem-malformed`,
 * `asn1-malformed`, `pkcs12-unsupported`, `key-derivation-too-costly`
 */
export function readPrivateKey(bytes: Buffer, password?: string): KeyObject {
  if (!looksLikePem(bytes)) return readDerKey(bytes, password)
  const block = readPem(bytes).find(({ label }) => label in PLAIN || label === 'ENCRYPTED PRIVATE KEY')
  if (block === undefined) throw new EngineError('private-key-malformed', 'no private key in the file')
  if (block.headers.length > 0) return readLegacyPem(bytes, block, password)
  const form = PLAIN[block.label]
  return form === undefined ? readEncryptedKey(block.bytes, password) : importKey(block.bytes, form)
}

function importKey(der: Buffer, type: KeyForm): KeyObject {
  try {
    return createPrivateKey({ key: type === 'pkcs8' ? plainRsaKey(der) : der, format: 'der', type })
  } catch {
    throw new EngineError('private-key-malformed', `not a usable ${type} key`)
  }
}

/** libcrypto knows keys under id-RSAES-OAEP (RFC 4055 1.2) as plain RSA keys only. */
function plainRsaKey(der: Buffer): Buffer {
  const [version, algorithm, key] = readElement(der).children()
  if (version === undefined || key === undefined || algorithm?.is(0, Tag.sequence) !== true) return der
  if (readAlgorithm(algorithm).oid !== Oid.idRsaesOaep) return der
  return sequence(version.raw, writeAlgorithm(Oid.rsaEncryption, nil()), key.raw)
}

/** Tells the four DER forms apart by what follows the first element. */
function readDerKey(bytes: Buffer, password: string | undefined): KeyObject {
  const [first, second, third] = childrenOf(bytes)
  if (first?.is(0, Tag.sequence) === true) return readEncryptedKey(bytes, password)
  if (second?.is(0, Tag.sequence) === true) return importKey(bytes, 'pkcs8')
  if (second?.is(0, Tag.octetString) === true) return importKey(bytes, 'sec1')
  if (second?.is(0, Tag.integer) === true && third?.is(0, Tag.integer) === true)
    return importKey(bytes, 'pkcs1')
  throw new EngineError('private-key-malformed', 'not a private key')
}

function childrenOf(bytes: Buffer): readonly Element[] {
  try {
    return readElement(bytes).children()
  } catch (error) {
    if (error instanceof EngineError) throw new EngineError('private-key-malformed', error.message)
    throw error
  }
}

/**
 * Reads a plain PKCS#8 PrivateKeyInfo.
 * @throws EngineError `private-key-malformed`
 */
export function readPkcs8(der: Buffer): KeyObject {
  return importKey(der, 'pkcs8')
}

/**
 * Decrypts and reads an EncryptedPrivateKeyInfo (RFC 5958 3).
 * @throws EngineError as `readPrivateKey`
 */
export function readEncryptedKey(
  der: Buffer,
  password: string | null | undefined,
  budget = new RoundBudget(),
): KeyObject {
  if (password === undefined) throw new EngineError('private-key-password', 'the private key is encrypted')
  const [algorithm, data, ...rest] = childrenOf(der)
  if (algorithm === undefined || data === undefined || rest.length > 0)
    throw new EngineError('private-key-malformed', 'not an EncryptedPrivateKeyInfo')
  const plain = decryptWithPassword(readAlgorithm(algorithm), toOctets(data), password, budget)
  // Padding that fits by chance leaves bytes that are no key: a wrong password too
  if (plain === null || !looksLikePkcs8(plain))
    throw new EngineError('private-key-password', 'the password of the private key is wrong')
  return importKey(plain, 'pkcs8')
}

function looksLikePkcs8(plain: Buffer): boolean {
  try {
    const cursor = new Cursor(readElement(plain))
    return cursor.optional(0, Tag.integer) !== null && cursor.optional(0, Tag.sequence) !== null
  } catch (error) {
    if (error instanceof EngineError) return false
    throw error
  }
}

/** Old encrypted PEM (RFC 1421 headers, one MD5 round): left to libcrypto, which knows no costly rounds there. */
function readLegacyPem(bytes: Buffer, block: PemBlock, password: string | undefined): KeyObject {
  if (password === undefined) throw new EngineError('private-key-password', 'the private key is encrypted')
  const start = bytes.indexOf(`-----BEGIN ${block.label}`)
  try {
    return createPrivateKey({ key: bytes.subarray(start), format: 'pem', passphrase: password })
  } catch {
    throw new EngineError(
      'private-key-password',
      'the password of the private key is wrong or its cipher unknown',
    )
  }
}
