/**
 * Derives key-encryption keys from shared secrets: the ANSI X9.63 function (SEC 1 3.6.1) and HKDF (RFC 5869), with the
 * structures that CMS feeds into them. Knows no keys and no messages.
 */
import { createHash, hkdfSync } from 'node:crypto'
import { explicit, integer, octets, sequence } from '../der/writer.ts'

/** Hashes of key derivation, as node:crypto names them. */
export type KdfHash = 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512'

/** RFC 5753 7.2: ECC-CMS-SharedInfo. `keyLength` is that of the key-encryption key in octets. */
export function sharedInfo(wrapAlgorithm: Buffer, ukm: Buffer | null, keyLength: number): Buffer {
  const suppPubInfo = Buffer.alloc(4)
  suppPubInfo.writeUInt32BE(keyLength * 8)
  const entity = ukm === null ? [] : [explicit(0, octets(ukm))]
  return sequence(wrapAlgorithm, ...entity, explicit(2, octets(suppPubInfo)))
}

/** RFC 9629 5: CMSORIforKEMOtherInfo. */
export function kemOtherInfo(wrapAlgorithm: Buffer, kekLength: number, ukm: Buffer | null): Buffer {
  return sequence(wrapAlgorithm, integer(kekLength), ...(ukm === null ? [] : [explicit(0, octets(ukm))]))
}

/** SEC 1 3.6.1: the ANSI X9.63 key derivation function. */
export function x963(hash: KdfHash, secret: Buffer, info: Buffer, length: number): Buffer {
  const blocks: Buffer[] = []
  const counter = Buffer.alloc(4)
  for (let at = 1, size = 0; size < length; at++) {
    counter.writeUInt32BE(at)
    const block = createHash(hash).update(secret).update(counter).update(info).digest()
    blocks.push(block)
    size += block.length
  }
  return Buffer.concat(blocks).subarray(0, length)
}

const NO_SALT = Buffer.alloc(0)

/** HKDF, extract and expand (RFC 5869 2). */
export function hkdf(
  hash: KdfHash,
  secret: Buffer,
  salt: Buffer | null,
  info: Buffer,
  length: number,
): Buffer {
  return Buffer.from(hkdfSync(hash, secret, salt ?? NO_SALT, info, length))
}

const CEK_SALT = Buffer.from('The Cryptographic Message Syntax', 'latin1')

/**
 * RFC 9709 2: the key that the content is really encrypted with, bound to the cipher.
 * @param algorithm - the DER AlgorithmIdentifier of the cipher
 */
export function contentKeyFor(key: Buffer, algorithm: Buffer): Buffer {
  return hkdf('sha256', key, CEK_SALT, algorithm, key.length)
}
