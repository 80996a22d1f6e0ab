/**
 * Writes OCSP requests (RFC 6960 4.1): unsigned, for one certificate or several. Sending them is for others.
 */
import { createHash } from 'node:crypto'
import { EngineError } from '../errors.ts'
import { writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { explicit, nil, octets, oid, sequence, tlv } from '../der/writer.ts'
import type { Certificate } from './certificate.ts'

/** A certificate to ask about, with its issuer. */
export interface OcspSubject {
  /** The certificate asked about. */
  readonly certificate: Certificate
  /** Whoever issued it. */
  readonly issuer: Certificate
}

/** How to ask. */
export interface OcspRequestOptions {
  /** Names the certificate by this hash. Default SHA-1, the only one that every responder takes (RFC 5019 2.1.1). */
  readonly hash?: 'sha1' | 'sha256'
  /** 1 to 128 octets, better 32 (RFC 9654 2.1); the answer may come without one all the same. */
  readonly nonce?: Buffer
}

const HASHES = { sha1: Oid.sha1, sha256: Oid.sha256 } as const

/**
 * A request in DER.
 * @throws EngineError `request-invalid`
 */
export function writeOcspRequest(subjects: readonly OcspSubject[], options: OcspRequestOptions = {}): Buffer {
  const { hash = 'sha1', nonce } = options
  if (subjects.length === 0) throw new EngineError('request-invalid', 'nothing to ask about')
  if (nonce !== undefined && (nonce.length < 1 || nonce.length > 128))
    throw new EngineError('request-invalid', 'nonce of a wrong length')
  const requests = subjects.map((subject) => sequence(writeCertId(subject, hash)))
  const extensions =
    nonce === undefined
      ? []
      : [explicit(2, sequence(sequence(oid(Oid.idPkixOcspNonce), octets(octets(nonce)))))]
  return sequence(sequence(sequence(...requests), ...extensions))
}

/** RFC 6960 4.1.1: hashes of the issuer's name and of its key's octets. */
export function writeCertId({ certificate, issuer }: OcspSubject, hash: 'sha1' | 'sha256'): Buffer {
  const digest = (bytes: Buffer): Buffer => octets(createHash(hash).update(bytes).digest())
  return sequence(
    writeAlgorithm(HASHES[hash], nil()),
    digest(certificate.issuer.raw),
    digest(issuer.keyBits),
    tlv(0x02, certificate.serial),
  )
}
