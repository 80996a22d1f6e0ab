/**
 * Keys from passwords: PBKDF2 with every HMAC (RFC 8018 5.2) and scrypt (RFC 7914). Work and memory are capped, so that a file
 * cannot keep a worker busy for minutes. Derivation runs at once and blocks the caller.
 */
import { pbkdf2Sync, scryptSync } from 'node:crypto'
import { EngineError } from '../errors.ts'
import { readAlgorithm } from '../der/algorithm.ts'
import type { AlgorithmIdentifier } from '../der/algorithm.ts'
import { toOctets, toSmallInteger } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'

/** One key derivation of more rounds than this is refused. */
const MAX_ITERATIONS = 10_000_000

/** All key derivations of one file together may not have more rounds than this. */
const MAX_TOTAL_ITERATIONS = 20_000_000

/** Memory of scrypt: 128 MiB. */
const MAX_SCRYPT_MEMORY = 128 * 1024 * 1024

/** Counts the rounds of one file, so that many moderate ones do not add up to minutes. */
export class RoundBudget {
  private left = MAX_TOTAL_ITERATIONS

  /** @throws EngineError `key-derivation-too-costly` */
  charge(rounds: number): void {
    this.left -= rounds
    if (rounds > MAX_ITERATIONS || this.left < 0)
      throw new EngineError('key-derivation-too-costly', `${rounds} rounds`)
  }
}

/** HMACs by object identifier, as node:crypto names their hashes. */
const HMACS: Readonly<Record<string, string>> = {
  [Oid.idHmacWithSha1]: 'sha1',
  [Oid.idHmacWithSha224]: 'sha224',
  [Oid.idHmacWithSha256]: 'sha256',
  [Oid.idHmacWithSha384]: 'sha384',
  [Oid.idHmacWithSha512]: 'sha512',
  [Oid.idHmacWithSha512_224]: 'sha512-224',
  [Oid.idHmacWithSha512_256]: 'sha512-256',
  [Oid.idHmacWithSha3_224]: 'sha3-224',
  [Oid.idHmacWithSha3_256]: 'sha3-256',
  [Oid.idHmacWithSha3_384]: 'sha3-384',
  [Oid.idHmacWithSha3_512]: 'sha3-512',
}

/** The hash of an HMAC. @throws EngineError `pkcs12-unsupported` */
export function hmacHash({ oid, parameters }: AlgorithmIdentifier): string {
  const hash = HMACS[oid]
  // RFC 8018 B.1.2: parameters NULL; absent is tolerated
  if (hash === undefined || (parameters !== null && !parameters.is(0, Tag.null)))
    throw unsupported(`message authentication ${oid}`)
  return hash
}

function unsupported(what: string): EngineError {
  return new EngineError('pkcs12-unsupported', what)
}

/** A number of rounds, charged to the budget. @throws EngineError `key-derivation-too-costly` */
export function readIterations(element: Element, budget: RoundBudget): number {
  const iterations = toSmallInteger(element)
  if (iterations < 1) throw new EngineError('asn1-malformed', 'no rounds of key derivation')
  budget.charge(iterations)
  return iterations
}

/** PBKDF2 as described by its parameters. */
export interface Pbkdf2 {
  readonly salt: Buffer
  readonly iterations: number
  /** As the parameters say; null where they leave it out. */
  readonly keyLength: number | null
  readonly hash: string
}

/** A key derivation as described by its parameters. */
export interface PasswordKdf {
  /** As the parameters say; null where they leave it out. */
  readonly keyLength: number | null
  /** The password is taken as UTF-8 (RFC 8018 3). `length` is in octets. */
  readonly derive: (password: string, length: number) => Buffer
}

/**
 * Reads the keyDerivationFunc of PBES2: PBKDF2 or scrypt.
 * @throws EngineError `asn1-malformed`, `pkcs12-unsupported`, `key-derivation-too-costly`
 */
export function readPasswordKdf(algorithm: AlgorithmIdentifier, budget: RoundBudget): PasswordKdf {
  if (algorithm.oid === Oid.idScrypt) return readScrypt(algorithm, budget)
  const kdf = readPbkdf2(algorithm, budget)
  return { keyLength: kdf.keyLength, derive: (password, length) => derivePbkdf2(kdf, password, length) }
}

/**
 * Reads a PBKDF2 AlgorithmIdentifier (RFC 8018 A.2).
 * @throws EngineError `asn1-malformed`, `pkcs12-unsupported`, `key-derivation-too-costly`
 */
export function readPbkdf2(algorithm: AlgorithmIdentifier, budget: RoundBudget): Pbkdf2 {
  if (algorithm.oid !== Oid.idPbkdf2 || algorithm.parameters === null)
    throw unsupported(`key derivation ${algorithm.oid}`)
  const cursor = new Cursor(algorithm.parameters)
  const salt = toOctets(cursor.next('salt'))
  const iterations = readIterations(cursor.next('iterationCount'), budget)
  const length = cursor.optional(0, Tag.integer)
  const prf = cursor.peek() === null ? null : readAlgorithm(cursor.next('prf'))
  cursor.done('PBKDF2-params')
  const hash = prf === null ? 'sha1' : hmacHash(prf)
  return { salt, iterations, keyLength: length === null ? null : toSmallInteger(length, 1024), hash }
}

/** Derives a key with PBKDF2. The password is taken as UTF-8 (RFC 8018 3). */
export function derivePbkdf2(kdf: Pbkdf2, password: string, keyLength: number): Buffer {
  return pbkdf2Sync(Buffer.from(password, 'utf8'), kdf.salt, kdf.iterations, keyLength, kdf.hash)
}

/** RFC 7914 7: scrypt-params. */
function readScrypt({ parameters }: AlgorithmIdentifier, budget: RoundBudget): PasswordKdf {
  if (parameters === null) throw unsupported('scrypt without parameters')
  const cursor = new Cursor(parameters)
  const salt = toOctets(cursor.next('salt'))
  const N = toSmallInteger(cursor.next('costParameter'))
  const r = toSmallInteger(cursor.next('blockSize'))
  const p = toSmallInteger(cursor.next('parallelizationParameter'))
  const length = cursor.optional(0, Tag.integer)
  cursor.done('scrypt-params')
  // RFC 7914 2: N is a power of two above 1
  if (N < 2 || !Number.isInteger(Math.log2(N)) || r < 1 || p < 1)
    throw new EngineError('asn1-malformed', 'parameters of scrypt')
  const memory = 128 * r * (N + p)
  if (memory > MAX_SCRYPT_MEMORY)
    throw new EngineError('key-derivation-too-costly', `scrypt in ${memory} octets`)
  // One step of scrypt costs about as much as one round of PBKDF2.
  budget.charge(N * r * p)
  const maxmem = memory + 1024 * 1024
  return {
    keyLength: length === null ? null : toSmallInteger(length, 1024),
    derive: (password, size) => scryptSync(Buffer.from(password, 'utf8'), salt, size, { N, r, p, maxmem }),
  }
}
