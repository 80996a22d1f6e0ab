/**
 * SMIMECapabilities (RFC 8551 2.5.2): what we say that we can read, in the order in which we like it, and what others say.
 * The list is honest: every entry can be decrypted by decrypt.ts.
 */
import type { KeyObject } from 'node:crypto'
import { readAlgorithm, writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { readElement } from '../der/reader.ts'
import { nil, sequence } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import { cipherOf } from './algorithms.ts'
import { OAEP_SHA256_ALGORITHM } from './key-transport.ts'

const CONTENT: readonly Buffer[] = [
  ...[Oid.aes256Gcm, Oid.aes192Gcm, Oid.aes128Gcm, Oid.idAlgAeadChaCha20Poly1305],
  ...[Oid.aes256Cbc, Oid.aes192Cbc, Oid.aes128Cbc],
].map((oid) => writeAlgorithm(oid))

const RSA: readonly Buffer[] = [OAEP_SHA256_ALGORITHM, writeAlgorithm(Oid.rsaEncryption, nil())]

// RFC 5753 8: the parameters name the key wrap
const ECDH: readonly Buffer[] = [
  writeAlgorithm(Oid.dhSinglePassStdDhSha256Kdf, writeAlgorithm(Oid.aes256Wrap)),
  writeAlgorithm(Oid.dhSinglePassStdDhSha256Kdf, writeAlgorithm(Oid.aes128Wrap)),
  writeAlgorithm(Oid.dhSinglePassStdDhSha384Kdf, writeAlgorithm(Oid.aes256Wrap)),
]

// RFC 8551 2.5.2, RFC 8418 5
const MONTGOMERY: readonly Buffer[] = [
  writeAlgorithm(Oid.dhSinglePassStdDhHkdfSha256, writeAlgorithm(Oid.aes256Wrap)),
  writeAlgorithm(Oid.dhSinglePassStdDhHkdfSha256, writeAlgorithm(Oid.aes128Wrap)),
  writeAlgorithm(Oid.dhSinglePassStdDhHkdfSha512, writeAlgorithm(Oid.aes256Wrap)),
]

const BY_KEY: Readonly<Record<string, readonly Buffer[]>> = {
  rsa: RSA,
  ec: ECDH,
  x25519: MONTGOMERY,
  x448: MONTGOMERY,
  // RFC 9936 5: the KEM without parameters
  'ml-kem-512': [writeAlgorithm(Oid.idMlKem512)],
  'ml-kem-768': [writeAlgorithm(Oid.idMlKem768)],
  'ml-kem-1024': [writeAlgorithm(Oid.idMlKem1024)],
}

/** Our capabilities in DER, for someone who encrypts to this public key; null for content encryption only. */
export function writeCapabilities(key: KeyObject | null): Buffer {
  return sequence(...CONTENT, ...(BY_KEY[key?.asymmetricKeyType ?? ''] ?? []))
}

/** What somebody says that they can read. */
export interface Capabilities {
  /** Known content ciphers in their order: `aes256-gcm`, `aes128-cbc`. */
  readonly ciphers: readonly string[]
  /** Whether RSAES-OAEP is among them. */
  readonly oaep: boolean
}

/** Bound on entries that are looked at. */
const MAX_CAPABILITIES = 100

/**
 * Reads SMIMECapabilities. Unknown entries are passed over.
 * @throws EngineError `asn1-malformed`, `cms-malformed`
 */
export function readCapabilities(bytes: Buffer): Capabilities {
  const entries = readElement(bytes, { ber: true }).children()
  if (entries.length > MAX_CAPABILITIES)
    throw new EngineError('cms-malformed', `${entries.length} capabilities`)
  const oids = entries.map((entry) => readAlgorithm(entry).oid)
  // What RC2 stands for depends on its parameters, and nobody will be sent RC2.
  const ciphers = oids
    .filter((oid) => oid !== Oid.rc2Cbc)
    .map((oid) => cipherOf(oid)?.name)
    .filter((name) => name !== undefined)
  return { ciphers, oaep: oids.includes(Oid.idRsaesOaep) }
}
