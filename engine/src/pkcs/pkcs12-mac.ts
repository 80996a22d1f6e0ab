/**
 * The integrity check of PKCS#12: HMAC with the PKCS#12 key derivation (RFC 7292 4) or PBMAC1 (RFC 9579).
 * Compared in constant time; a file that fails it is not looked into.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { EngineError } from '../errors.ts'
import { readAlgorithm, writeAlgorithm } from '../der/algorithm.ts'
import type { AlgorithmIdentifier } from '../der/algorithm.ts'
import { toOctets } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { integer, nil, octets, sequence } from '../der/writer.ts'
import { derivePbkdf2, hmacHash, readIterations, readPbkdf2 } from './password-kdf.ts'
import type { RoundBudget } from './password-kdf.ts'
import { pkcs12Key } from './pkcs12-kdf.ts'
import type { Pkcs12Hash } from './pkcs12-kdf.ts'

const HASHES: Readonly<Record<string, Pkcs12Hash>> = {
  [Oid.sha1]: 'sha1',
  [Oid.sha224]: 'sha224',
  [Oid.sha256]: 'sha256',
  [Oid.sha384]: 'sha384',
  [Oid.sha512]: 'sha512',
}

/** Rounds of the MAC's key derivation when we write; OpenSSL and Windows read any number. */
const WRITE_MAC_ITERATIONS = 100_000

/**
 * Whether the MacData fits the content under this password.
 * @throws EngineError `asn1-malformed`, `pkcs12-unsupported`, `key-derivation-too-costly`
 */
export function macFits(
  macData: Element,
  content: Buffer,
  password: string | null,
  budget: RoundBudget,
): boolean {
  const cursor = new Cursor(macData)
  const digestInfo = new Cursor(cursor.universal(Tag.sequence, 'mac'))
  const algorithm = readAlgorithm(digestInfo.next('digestAlgorithm'))
  const expected = toOctets(digestInfo.next('digest'))
  digestInfo.done('DigestInfo')
  const salt = toOctets(cursor.next('macSalt'))
  const rounds = cursor.optional(0, Tag.integer)
  cursor.done('MacData')
  // RFC 9579 5: PBMAC1 carries its own salt and rounds
  if (algorithm.oid === Oid.idPbmac1)
    return same(pbmac1(algorithm, content, password ?? '', budget), expected)
  const hash = HASHES[algorithm.oid]
  if (hash === undefined) throw new EngineError('pkcs12-unsupported', `MAC with hash ${algorithm.oid}`)
  const iterations = rounds === null ? 1 : readIterations(rounds, budget)
  return same(pkcs12Mac(hash, password, salt, iterations, content), expected)
}

function pkcs12Mac(
  hash: Pkcs12Hash,
  password: string | null,
  salt: Buffer,
  iterations: number,
  content: Buffer,
): Buffer {
  const length = createHmac(hash, '').digest().length
  const key = pkcs12Key({ hash, id: 3, password, salt, iterations, length })
  return createHmac(hash, key).update(content).digest()
}

function same(actual: Buffer, expected: Buffer): boolean {
  return actual.length === expected.length && timingSafeEqual(actual, expected)
}

/** RFC 9579 4: PBKDF2 with an explicit key length, then HMAC. */
function pbmac1(
  algorithm: AlgorithmIdentifier,
  content: Buffer,
  password: string,
  budget: RoundBudget,
): Buffer {
  if (algorithm.parameters === null) throw new EngineError('pkcs12-unsupported', 'PBMAC1 without parameters')
  const cursor = new Cursor(algorithm.parameters)
  const kdf = readPbkdf2(readAlgorithm(cursor.next('keyDerivationFunc')), budget)
  const scheme = readAlgorithm(cursor.next('messageAuthScheme'))
  cursor.done('PBMAC1-params')
  const hash = hmacHash(scheme)
  // RFC 9579 5: at least 20 octets, and never left to a default
  if (kdf.keyLength === null || kdf.keyLength < 20)
    throw new EngineError('pkcs12-unsupported', 'PBMAC1 parameters')
  return createHmac(hash, derivePbkdf2(kdf, password, kdf.keyLength))
    .update(content)
    .digest()
}

/** How the MAC's key is derived: as ever (RFC 7292), or with PBKDF2 (RFC 9579), which not everybody reads yet. */
export type Pkcs12MacScheme = 'hmac-sha256' | 'pbmac1'

/** MacData with HMAC-SHA-256 over the content. */
export function writeMac(
  content: Buffer,
  password: string,
  iterations: number = WRITE_MAC_ITERATIONS,
  scheme: Pkcs12MacScheme = 'hmac-sha256',
): Buffer {
  const salt = randomBytes(16)
  if (scheme === 'pbmac1') return writePbmac1(content, password, salt, iterations)
  const mac = pkcs12Mac('sha256', password, salt, iterations, content)
  return sequence(sequence(writeAlgorithm(Oid.sha256, nil()), octets(mac)), octets(salt), integer(iterations))
}

/** RFC 9579 4 and 5: PBKDF2 and HMAC with SHA-256; macSalt and iterations of MacData mean nothing. */
function writePbmac1(content: Buffer, password: string, salt: Buffer, iterations: number): Buffer {
  const keyLength = 32
  const key = derivePbkdf2({ salt, iterations, keyLength, hash: 'sha256' }, password, keyLength)
  const hmac = writeAlgorithm(Oid.idHmacWithSha256, nil())
  const kdf = writeAlgorithm(
    Oid.idPbkdf2,
    sequence(octets(salt), integer(iterations), integer(keyLength), hmac),
  )
  const algorithm = writeAlgorithm(Oid.idPbmac1, sequence(kdf, hmac))
  const mac = createHmac('sha256', key).update(content).digest()
  return sequence(sequence(algorithm, octets(mac)), octets(NOT_USED))
}

const NOT_USED = Buffer.from('NOT USED', 'latin1')
