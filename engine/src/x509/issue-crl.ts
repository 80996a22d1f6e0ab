/**
 * Issues CRLs, complete ones and deltas (RFC 5280 5): for our own CA and for tests. It keeps no record of what is revoked: the
 * caller brings the whole list each time.
 */
import { createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { EngineError } from '../errors.ts'
import { Oid } from '../der/oid.ts'
import {
  bits,
  boolean,
  enumerated,
  explicit,
  generalizedTime,
  implicit,
  integer,
  octets,
  oid,
  sequence,
  time,
  tlv,
} from '../der/writer.ts'
import type { Certificate } from './certificate.ts'
import { crlReasonNumber } from './crl-entries.ts'
import type { CrlReason } from './crl-entries.ts'
import type { Extension } from './extensions.ts'
import { namedBits, writePoint, writePointName } from './issue-extensions.ts'
import type { Name } from './name.ts'
import { signBytes, signatureAlgorithmFor } from './sign.ts'
import type { SignBytesOptions } from './sign.ts'

/** One certificate to be listed. Times are in milliseconds since 1970. */
export interface IssuedCrlEntry {
  /** The content octets of the serial number. */
  readonly serial: Buffer
  /** In milliseconds since 1970, like `invalidityDate`. */
  readonly revocationDate: number
  /** `removeFromCRL` only in a delta CRL. */
  readonly reason?: CrlReason
  /** Since when the key is held to be lost. */
  readonly invalidityDate?: number
  /** Of an indirect CRL: who issued this certificate, and all that follow until another one is named. */
  readonly certificateIssuer?: Name
}

/** Reasons that a CRL can be limited to: bit numbers of ReasonFlags (RFC 5280 4.2.1.13). */
const REASON_BITS: Readonly<Partial<Record<CrlReason, number>>> = {
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  privilegeWithdrawn: 7,
  aACompromise: 8,
}

/** What a CRL is limited to (RFC 5280 5.2.5). */
export interface CrlScope {
  /** The names of the distribution point. */
  readonly urls?: readonly string[]
  /** Certificates of one kind only. Default: all. */
  readonly only?: 'user' | 'ca' | 'attribute'
  /** Certificates revoked for these only. Default: all. */
  readonly reasons?: readonly CrlReason[]
  /** Entries of certificates by other issuers are on it too. Default: false. */
  readonly indirect?: boolean
}

/** What to issue. Times are in milliseconds since 1970. */
export interface IssueCrlOptions {
  /** The CA and its private key. */
  readonly issuer: {
    /** The certificate of the CA or CRL issuer. */
    readonly certificate: Certificate
    /** Its private key. */
    readonly key: KeyObject
  }
  /** In milliseconds since 1970, like `nextUpdate`. */
  readonly thisUpdate: number
  /** When the next one is there at the latest. */
  readonly nextUpdate: number
  /** Counts up with every CRL of the same scope (RFC 5280 5.2.3). */
  readonly number: number | bigint
  /** Makes it a delta to the CRL with this number. */
  readonly deltaBase?: number | bigint
  /** The revoked certificates. */
  readonly entries: readonly IssuedCrlEntry[]
  /** What it covers. Default: everything that the CA issued. */
  readonly scope?: CrlScope
  /** Where delta CRLs are to be had; never in a delta CRL itself. */
  readonly freshestCrlUrls?: readonly string[]
  /** Further extensions, ready encoded. */
  readonly other?: readonly Extension[]
  /** How to sign. Default: as the key suggests. */
  readonly signature?: SignBytesOptions
}

/**
 * Issues a CRL and returns its DER.
 * @throws EngineError `request-invalid`, `unsupported-algorithm`
 */
export function issueCrl(options: IssueCrlOptions): Buffer {
  const { issuer, thisUpdate, nextUpdate, entries } = options
  if (nextUpdate < thisUpdate) throw new EngineError('request-invalid', 'nextUpdate before thisUpdate')
  if (!issuer.certificate.publicKey.equals(createPublicKey(issuer.key)))
    throw new EngineError('request-invalid', 'the key is not the one of the issuer')
  const delta = options.deltaBase !== undefined
  const algorithm = signatureAlgorithmFor(issuer.key, options.signature)
  const list = entries.map((entry) => writeEntry(entry, delta))
  const tbs = sequence(
    ...[integer(1), algorithm, issuer.certificate.subject.raw, time(thisUpdate), time(nextUpdate)],
    // RFC 5280 5.1.2.6: absent when nothing is revoked
    ...(list.length === 0 ? [] : [tlv(0x30, Buffer.concat(list))]),
    explicit(0, sequence(...crlExtensions(options))),
  )
  return sequence(tbs, algorithm, bits(signBytes(issuer.key, tbs, options.signature).signature))
}

function extension(type: string, critical: boolean, value: Buffer): Buffer {
  return sequence(oid(type), ...(critical ? [boolean(true)] : []), octets(value))
}

function crlExtensions(options: IssueCrlOptions): readonly Buffer[] {
  const { issuer, number, deltaBase, scope, freshestCrlUrls, other = [] } = options
  const { subjectKeyId } = issuer.certificate
  const out: Buffer[] = []
  if (subjectKeyId !== null)
    out.push(extension(Oid.idCeAuthorityKeyIdentifier, false, sequence(implicit(0, octets(subjectKeyId)))))
  out.push(extension(Oid.idCeCrlNumber, false, integer(number)))
  if (deltaBase !== undefined) {
    // RFC 5280 5.2.6: not in a delta CRL
    if (freshestCrlUrls !== undefined)
      throw new EngineError('request-invalid', 'a delta CRL with a freshest CRL')
    out.push(extension(Oid.idCeDeltaCrlIndicator, true, integer(deltaBase)))
  }
  if (scope !== undefined) out.push(extension(Oid.idCeIssuingDistributionPoint, true, writeScope(scope)))
  if (freshestCrlUrls !== undefined)
    out.push(extension(Oid.idCeFreshestCrl, false, sequence(...freshestCrlUrls.map(writePoint))))
  for (const { oid: type, critical, value } of other) out.push(extension(type, critical, value))
  return out
}

function writeScope({ urls, only, reasons, indirect }: CrlScope): Buffer {
  const flag = (tag: number, wanted: boolean): readonly Buffer[] =>
    wanted ? [implicit(tag, boolean(true))] : []
  const fields = [
    ...(urls === undefined ? [] : [writePointName(urls)]),
    ...flag(1, only === 'user'),
    ...flag(2, only === 'ca'),
    ...(reasons === undefined ? [] : [implicit(3, namedBits(reasons.map(reasonBit)))]),
    ...flag(4, indirect === true),
    ...flag(5, only === 'attribute'),
  ]
  // RFC 5280 5.2.5: not an empty sequence
  if (fields.length === 0) throw new EngineError('request-invalid', 'a scope without any limit')
  return sequence(...fields)
}

function reasonBit(reason: CrlReason): number {
  const bit = REASON_BITS[reason]
  if (bit === undefined) throw new EngineError('request-invalid', `no CRL for the reason ${reason}`)
  return bit
}

function writeEntry(entry: IssuedCrlEntry, delta: boolean): Buffer {
  const { serial, revocationDate, reason = 'unspecified', invalidityDate, certificateIssuer } = entry
  if (reason === 'removeFromCRL' && !delta)
    throw new EngineError('request-invalid', 'removeFromCRL in a complete CRL')
  const extensions = [
    // RFC 5280 5.3.1: absent rather than unspecified
    ...(reason === 'unspecified'
      ? []
      : [extension(Oid.idCeCrlReasons, false, enumerated(crlReasonNumber(reason)))]),
    ...(invalidityDate === undefined
      ? []
      : [extension(Oid.idCeInvalidityDate, false, generalizedTime(invalidityDate))]),
    ...(certificateIssuer === undefined
      ? []
      : [extension(Oid.idCeCertificateIssuer, true, sequence(explicit(4, certificateIssuer.raw)))]),
  ]
  return sequence(
    tlv(0x02, serial),
    time(revocationDate),
    ...(extensions.length === 0 ? [] : [sequence(...extensions)]),
  )
}
