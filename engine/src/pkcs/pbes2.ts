/**
 * Password-based encryption: PBES2 with AES-CBC (RFC 8018), and on read the PKCS#12 schemes with triple DES and RC2. Keys come
 * from password-kdf.ts. Nothing outdated is ever written.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { EngineError } from '../errors.ts'
import { readAlgorithm, writeAlgorithm } from '../der/algorithm.ts'
import type { AlgorithmIdentifier } from '../der/algorithm.ts'
import { toOctets } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Cursor } from '../der/reader.ts'
import { integer, nil, octets, sequence } from '../der/writer.ts'
import { derivePbkdf2, readIterations, readPasswordKdf } from './password-kdf.ts'
import type { RoundBudget } from './password-kdf.ts'
import { pkcs12Key } from './pkcs12-kdf.ts'
import { decryptRc2Cbc } from './rc2.ts'

/** Rounds when we write: the recommendation for HMAC-SHA-256 of 2023 and later. */
export const WRITE_ITERATIONS = 600_000

interface BlockCipher {
  readonly name: string
  readonly keyLength: number
  readonly blockLength: number
}

const CIPHERS: Readonly<Record<string, BlockCipher>> = {
  [Oid.aes128Cbc]: { name: 'aes-128-cbc', keyLength: 16, blockLength: 16 },
  [Oid.aes192Cbc]: { name: 'aes-192-cbc', keyLength: 24, blockLength: 16 },
  [Oid.aes256Cbc]: { name: 'aes-256-cbc', keyLength: 32, blockLength: 16 },
  [Oid.desEde3Cbc]: { name: 'des-ede3-cbc', keyLength: 24, blockLength: 8 },
}

function unsupported(what: string): EngineError {
  return new EngineError('pkcs12-unsupported', what)
}

/** The schemes of RFC 7292 appendix C that old files use, with the key length in octets. */
const PKCS12_SCHEMES: Readonly<
  Record<string, { readonly cipher: 'des-ede3-cbc' | 'des-ede-cbc' | 'rc2'; readonly keyLength: number }>
> = {
  [Oid.pbeWithShaAnd2KeyTripleDesCbc]: { cipher: 'des-ede-cbc', keyLength: 16 },
  [Oid.pbeWithShaAnd3KeyTripleDesCbc]: { cipher: 'des-ede3-cbc', keyLength: 24 },
  [Oid.pbeWithShaAnd128BitRc2Cbc]: { cipher: 'rc2', keyLength: 16 },
  [Oid.pbeWithShaAnd40BitRc2Cbc]: { cipher: 'rc2', keyLength: 5 },
}

/**
 * Decrypts with a password.
 * @returns null if the padding is wrong, which nearly always means a wrong password
 * @throws EngineError `asn1-malformed`, `pkcs12-unsupported`, `key-derivation-too-costly`
 */
export function decryptWithPassword(
  algorithm: AlgorithmIdentifier,
  encrypted: Buffer,
  password: string | null,
  budget: RoundBudget,
): Buffer | null {
  const { oid, parameters } = algorithm
  if (parameters === null || (oid !== Oid.idPbes2 && PKCS12_SCHEMES[oid] === undefined))
    throw unsupported(`encryption ${oid}`)
  const cursor = new Cursor(parameters)
  return oid === Oid.idPbes2
    ? decryptPbes2(cursor, encrypted, password ?? '', budget)
    : decryptPkcs12Scheme(oid, cursor, encrypted, password, budget)
}

/** RFC 8018 6.2.2 */
function decryptPbes2(
  parameters: Cursor,
  encrypted: Buffer,
  password: string,
  budget: RoundBudget,
): Buffer | null {
  const kdf = readPasswordKdf(readAlgorithm(parameters.next('keyDerivationFunc')), budget)
  const scheme = readAlgorithm(parameters.next('encryptionScheme'))
  parameters.done('PBES2-params')
  const cipher = CIPHERS[scheme.oid]
  if (cipher === undefined || scheme.parameters === null) throw unsupported(`cipher ${scheme.oid}`)
  const iv = toOctets(scheme.parameters)
  if (iv.length !== cipher.blockLength || (kdf.keyLength ?? cipher.keyLength) !== cipher.keyLength)
    throw unsupported('key or initialisation vector of a wrong length')
  return decryptCbc(cipher.name, kdf.derive(password, cipher.keyLength), iv, encrypted)
}

function decryptPkcs12Scheme(
  oid: string,
  parameters: Cursor,
  encrypted: Buffer,
  password: string | null,
  budget: RoundBudget,
): Buffer | null {
  const scheme = PKCS12_SCHEMES[oid]
  if (scheme === undefined) throw unsupported(`encryption ${oid}`)
  const salt = toOctets(parameters.next('salt'))
  const iterations = readIterations(parameters.next('iterations'), budget)
  parameters.done('pkcs-12PbeParams')
  const derive = (id: 1 | 2, length: number): Buffer =>
    pkcs12Key({ hash: 'sha1', id, password, salt, iterations, length })
  const key = derive(1, scheme.keyLength)
  const iv = derive(2, 8)
  return scheme.cipher === 'rc2'
    ? decryptRc2Cbc(key, scheme.keyLength * 8, iv, encrypted)
    : decryptCbc(scheme.cipher, key, iv, encrypted)
}

function decryptCbc(cipher: string, key: Buffer, iv: Buffer, encrypted: Buffer): Buffer | null {
  if (encrypted.length === 0 || encrypted.length % iv.length !== 0) return null
  const decipher = createDecipheriv(cipher, key, iv)
  const start = decipher.update(encrypted)
  try {
    return Buffer.concat([start, decipher.final()])
  } catch {
    return null
  }
}

/** Encrypts with PBES2, PBKDF2 HMAC-SHA-256 and AES-256-CBC; returns the AlgorithmIdentifier and the ciphertext. */
export function encryptWithPassword(
  plain: Buffer,
  password: string,
  iterations: number = WRITE_ITERATIONS,
): { readonly algorithm: Buffer; readonly encrypted: Buffer } {
  const salt = randomBytes(16)
  const iv = randomBytes(16)
  const key = derivePbkdf2({ salt, iterations, keyLength: 32, hash: 'sha256' }, password, 32)
  const cipher = createCipheriv('aes-256-cbc', key, iv)
  const encrypted = Buffer.concat([cipher.update(plain), cipher.final()])
  const prf = writeAlgorithm(Oid.idHmacWithSha256, nil())
  const kdf = writeAlgorithm(Oid.idPbkdf2, sequence(octets(salt), integer(iterations), prf))
  const algorithm = writeAlgorithm(Oid.idPbes2, sequence(kdf, writeAlgorithm(Oid.aes256Cbc, octets(iv))))
  return { algorithm, encrypted }
}
