/**
 * Reads what a signature AlgorithmIdentifier says: scheme, hash, parameters. Strict: parameters that the standard does not
 * allow are refused, never replaced by defaults. It computes nothing: that is signature.ts.
 */
import { EngineError } from '../errors.ts'
import { readAlgorithm } from '../der/algorithm.ts'
import type { AlgorithmIdentifier } from '../der/algorithm.ts'
import { toSmallInteger } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'

/** The hash functions used in signatures, as node:crypto names them. */
export type SignatureHash =
  'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512' | 'sha3-224' | 'sha3-256' | 'sha3-384' | 'sha3-512'

/** A signature scheme with all its parameters. */
export type SignatureScheme =
  | { readonly kind: 'rsa-pkcs1v15' | 'ecdsa' | 'dsa'; readonly hash: SignatureHash }
  | {
      readonly kind: 'rsa-pss'
      readonly hash: SignatureHash
      readonly mgfHash: SignatureHash
      /** In octets. */
      readonly saltLength: number
    }
  | {
      /** EdDSA, ML-DSA, SLH-DSA over the message itself, not over its hash. */
      readonly kind: 'pure'
      /** The key type as node:crypto names it. */
      readonly keyType: string
    }

const HASHES: Readonly<Record<string, SignatureHash>> = {
  [Oid.sha1]: 'sha1',
  [Oid.sha224]: 'sha224',
  [Oid.sha256]: 'sha256',
  [Oid.sha384]: 'sha384',
  [Oid.sha512]: 'sha512',
  [Oid.sha3_224]: 'sha3-224',
  [Oid.sha3_256]: 'sha3-256',
  [Oid.sha3_384]: 'sha3-384',
  [Oid.sha3_512]: 'sha3-512',
}

/** Identifiers that name scheme and hash; parameters NULL or absent for RSA, absent for the others. */
const WITH_HASH: Readonly<Record<string, SignatureScheme>> = {
  [Oid.sha1WithRSAEncryption]: { kind: 'rsa-pkcs1v15', hash: 'sha1' },
  [Oid.sha224WithRSAEncryption]: { kind: 'rsa-pkcs1v15', hash: 'sha224' },
  [Oid.sha256WithRSAEncryption]: { kind: 'rsa-pkcs1v15', hash: 'sha256' },
  [Oid.sha384WithRSAEncryption]: { kind: 'rsa-pkcs1v15', hash: 'sha384' },
  [Oid.sha512WithRSAEncryption]: { kind: 'rsa-pkcs1v15', hash: 'sha512' },
  [Oid.ecdsaWithSha1]: { kind: 'ecdsa', hash: 'sha1' },
  [Oid.ecdsaWithSha224]: { kind: 'ecdsa', hash: 'sha224' },
  [Oid.ecdsaWithSha256]: { kind: 'ecdsa', hash: 'sha256' },
  [Oid.ecdsaWithSha384]: { kind: 'ecdsa', hash: 'sha384' },
  [Oid.ecdsaWithSha512]: { kind: 'ecdsa', hash: 'sha512' },
  [Oid.rsaWithSha3_224]: { kind: 'rsa-pkcs1v15', hash: 'sha3-224' },
  [Oid.rsaWithSha3_256]: { kind: 'rsa-pkcs1v15', hash: 'sha3-256' },
  [Oid.rsaWithSha3_384]: { kind: 'rsa-pkcs1v15', hash: 'sha3-384' },
  [Oid.rsaWithSha3_512]: { kind: 'rsa-pkcs1v15', hash: 'sha3-512' },
  [Oid.ecdsaWithSha3_224]: { kind: 'ecdsa', hash: 'sha3-224' },
  [Oid.ecdsaWithSha3_256]: { kind: 'ecdsa', hash: 'sha3-256' },
  [Oid.ecdsaWithSha3_384]: { kind: 'ecdsa', hash: 'sha3-384' },
  [Oid.ecdsaWithSha3_512]: { kind: 'ecdsa', hash: 'sha3-512' },
  [Oid.idDsaWithSha1]: { kind: 'dsa', hash: 'sha1' },
  [Oid.idEd25519]: { kind: 'pure', keyType: 'ed25519' },
  [Oid.idEd448]: { kind: 'pure', keyType: 'ed448' },
  [Oid.idMlDsa44]: { kind: 'pure', keyType: 'ml-dsa-44' },
  [Oid.idMlDsa65]: { kind: 'pure', keyType: 'ml-dsa-65' },
  [Oid.idMlDsa87]: { kind: 'pure', keyType: 'ml-dsa-87' },
  [Oid.idSlhDsaSha2128s]: { kind: 'pure', keyType: 'slh-dsa-sha2-128s' },
  [Oid.idSlhDsaSha2128f]: { kind: 'pure', keyType: 'slh-dsa-sha2-128f' },
  [Oid.idSlhDsaSha2192s]: { kind: 'pure', keyType: 'slh-dsa-sha2-192s' },
  [Oid.idSlhDsaSha2192f]: { kind: 'pure', keyType: 'slh-dsa-sha2-192f' },
  [Oid.idSlhDsaSha2256s]: { kind: 'pure', keyType: 'slh-dsa-sha2-256s' },
  [Oid.idSlhDsaSha2256f]: { kind: 'pure', keyType: 'slh-dsa-sha2-256f' },
  [Oid.idSlhDsaShake128s]: { kind: 'pure', keyType: 'slh-dsa-shake-128s' },
  [Oid.idSlhDsaShake128f]: { kind: 'pure', keyType: 'slh-dsa-shake-128f' },
  [Oid.idSlhDsaShake192s]: { kind: 'pure', keyType: 'slh-dsa-shake-192s' },
  [Oid.idSlhDsaShake192f]: { kind: 'pure', keyType: 'slh-dsa-shake-192f' },
  [Oid.idSlhDsaShake256s]: { kind: 'pure', keyType: 'slh-dsa-shake-256s' },
  [Oid.idSlhDsaShake256f]: { kind: 'pure', keyType: 'slh-dsa-shake-256f' },
}

/** Key identifiers that CMS allows in place of a signature identifier; the hash stands elsewhere (RFC 3370 3.2). */
const WITHOUT_HASH: Readonly<Record<string, 'rsa-pkcs1v15' | 'ecdsa' | 'dsa'>> = {
  [Oid.rsaEncryption]: 'rsa-pkcs1v15',
  [Oid.idEcPublicKey]: 'ecdsa',
  [Oid.idDsa]: 'dsa',
}

function unsupported(detail: string): EngineError {
  return new EngineError('unsupported-algorithm', detail)
}

/**
 * Reads a signature algorithm.
 * @param digestOid - the hash where the identifier names a key type only (`rsaEncryption`, as in CMS)
 * @throws EngineError `unsupported-algorithm` for unknown algorithms (MD5 and MD2 too) and for wrong parameters
 */
export function readSignatureScheme(algorithm: AlgorithmIdentifier, digestOid?: string): SignatureScheme {
  if (algorithm.oid === Oid.idRsassaPss) return readPss(algorithm.parameters)
  const scheme = WITH_HASH[algorithm.oid] ?? schemeWithoutHash(algorithm.oid, digestOid)
  if (scheme === null) throw unsupported(`signature algorithm ${algorithm.oid}`)
  const { parameters } = algorithm
  // RFC 4055 5: NULL, and absent must be accepted; RFC 5758 3.2, RFC 8410 3, RFC 9881 2, RFC 9909 3: absent
  // GnuPG 2.2 writes NULL after an ECDSA identifier in CMS
  const nullAllowed = scheme.kind === 'rsa-pkcs1v15' || (scheme.kind === 'ecdsa' && digestOid !== undefined)
  if (parameters !== null && !(nullAllowed && parameters.is(0, Tag.null) && parameters.length === 0))
    throw unsupported(`parameters of signature algorithm ${algorithm.oid}`)
  return scheme
}

function schemeWithoutHash(oid: string, digestOid: string | undefined): SignatureScheme | null {
  const kind = WITHOUT_HASH[oid]
  const hash = digestOid === undefined ? undefined : HASHES[digestOid]
  return kind === undefined || hash === undefined ? null : { kind, hash }
}

/**
 * RSASSA-PSS-params (RFC 4055 3.1). They must be there: only a key may go without (RFC 4056 3). The mask generation
 * function's hash may differ from the message's; both count.
 */
function readPss(parameters: Element | null): SignatureScheme {
  if (!parameters?.is(0, Tag.sequence)) throw unsupported('RSASSA-PSS without parameters')
  const cursor = new Cursor(parameters)
  const field = (tag: number): Element | null => {
    const tagged = cursor.optional(2, tag)
    if (tagged === null) return null
    const inner = new Cursor(tagged)
    const value = inner.next('RSASSA-PSS parameter')
    inner.done('RSASSA-PSS parameter')
    return value
  }
  const hash = pssHash(field(0))
  const mgf = field(1)
  const salt = field(2)
  const trailer = field(3)
  cursor.done('RSASSA-PSS-params')
  // RFC 4055 3.1: the only trailer field is 1
  if (trailer !== null && toSmallInteger(trailer) !== 1) throw unsupported('RSASSA-PSS trailer field')
  const saltLength = salt === null ? 20 : toSmallInteger(salt, 4096)
  return { kind: 'rsa-pss', hash, mgfHash: mgfHash(mgf), saltLength }
}

function mgfHash(element: Element | null): SignatureHash {
  if (element === null) return 'sha1'
  const { oid, parameters } = readAlgorithm(element)
  if (oid !== Oid.idMgf1 || parameters === null) throw unsupported('RSASSA-PSS mask generation function')
  return pssHash(parameters)
}

function pssHash(element: Element | null): SignatureHash {
  if (element === null) return 'sha1'
  const { oid, parameters } = readAlgorithm(element)
  const hash = HASHES[oid]
  // RFC 4055 2.1: parameters NULL or absent
  if (hash === undefined || (parameters !== null && !(parameters.is(0, Tag.null) && parameters.length === 0)))
    throw unsupported('RSASSA-PSS hash')
  return hash
}

/** Whether the scheme is outdated: SHA-1 anywhere in it, or DSA. */
export function isWeakScheme(scheme: SignatureScheme): boolean {
  if (scheme.kind === 'dsa') return true
  if (scheme.kind === 'rsa-pss') return scheme.hash === 'sha1' || scheme.mgfHash === 'sha1'
  return scheme.kind !== 'pure' && scheme.hash === 'sha1'
}

/** Against collisions, in bits (NIST SP 800-57 part 1, 5.6.1); SHA-1 as SHAttered left it. */
const HASH_STRENGTHS: Readonly<Record<SignatureHash, number>> = {
  ...{ sha1: 63, sha224: 112, sha256: 128, sha384: 192, sha512: 256 },
  ...{ 'sha3-224': 112, 'sha3-256': 128, 'sha3-384': 192, 'sha3-512': 256 },
}

/** The strength of the scheme's hash in bits; infinite where only the key's counts. */
export function schemeStrength(scheme: SignatureScheme): number {
  return scheme.kind === 'pure' ? Infinity : HASH_STRENGTHS[scheme.hash]
}

/** Whether a key of this algorithm (dotted) can sign and nothing else: EdDSA, ML-DSA, SLH-DSA. */
export function signsOnly(keyAlgorithm: string): boolean {
  return WITH_HASH[keyAlgorithm]?.kind === 'pure'
}
