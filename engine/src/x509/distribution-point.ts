/**
 * Distribution points (RFC 5280 4.2.1.13, 4.2.1.15, 5.2.5): where a certificate says that its revocation stands, and what a
 * CRL says that it covers. Names are turned into keys that are equal when the names are. It fetches nothing and decides nothing.
 */
import { toBits, toBoolean } from '../der/decode.ts'
import { Cursor, Tag, malformed } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { lowerAscii } from './address.ts'
import { readGeneralName } from './general-name.ts'
import type { GeneralName } from './general-name.ts'
import { relativeKey } from './name.ts'
import type { Name } from './name.ts'

/** All reasons that can be told apart: the bits 1 to 8 of ReasonFlags. */
export const ALL_REASONS = 0x1fe

/** A distribution point's name: full names, or one RDN below the CRL issuer's. */
export type PointName =
  | {
      /** Which form it is. */
      readonly kind: 'full'
      /** Names of one and the same point. */
      readonly names: readonly GeneralName[]
    }
  | {
      /** Which form it is. */
      readonly kind: 'relative'
      /** The key of the RDN, as `Name.rdnKeys` has them. */
      readonly rdn: string
    }

/** One DistributionPoint; null where absent. */
export interface DistributionPoint {
  /** Where the CRL is, which is also what it is called. */
  readonly name: PointName | null
  /** Bit n is bit n of ReasonFlags. */
  readonly reasons: number | null
  /** Who issues the CRL, if not the issuer of the certificate. */
  readonly crlIssuer: readonly GeneralName[] | null
}

/** What a CRL covers (RFC 5280 5.2.5). */
export interface IssuingDistributionPoint {
  /** What the CRL is called; must be that of a distribution point of the certificate. */
  readonly name: PointName | null
  /** Certificates of one kind only; null for all kinds. */
  readonly only: 'user' | 'ca' | 'attribute' | null
  /** Bit n is bit n of ReasonFlags; null for all reasons. */
  readonly reasons: number | null
  /** Entries of certificates by other issuers are on it too. */
  readonly indirect: boolean
}

/** More points in one certificate are refused. */
const MAX_POINTS = 64

/**
 * Reads CRLDistributionPoints, which is FreshestCRL too.
 * @throws EngineError `asn1-malformed`
 */
export function readDistributionPoints(element: Element): readonly DistributionPoint[] {
  if (!element.is(0, Tag.sequence)) throw malformed('CRLDistributionPoints is not a SEQUENCE')
  const points = element.children()
  if (points.length === 0 || points.length > MAX_POINTS) throw malformed('number of distribution points')
  return points.map(readPoint)
}

function readPoint(element: Element): DistributionPoint {
  if (!element.is(0, Tag.sequence)) throw malformed('DistributionPoint is not a SEQUENCE')
  const cursor = new Cursor(element)
  const name = cursor.optional(2, 0)
  const reasons = cursor.optional(2, 1)
  const issuer = cursor.optional(2, 2)
  cursor.done('DistributionPoint')
  // RFC 5280 4.2.1.13: never reasons alone
  if (name === null && issuer === null) throw malformed('DistributionPoint without a name')
  return {
    name: name === null ? null : readPointName(name),
    reasons: reasons === null ? null : readReasonFlags(reasons),
    crlIssuer: issuer === null ? null : readNames(issuer),
  }
}

function readNames(element: Element): readonly GeneralName[] {
  const names = element.children().map(readGeneralName)
  if (names.length === 0) throw malformed('GeneralNames is empty')
  return names
}

function readPointName(tagged: Element): PointName {
  const cursor = new Cursor(tagged)
  const choice = cursor.next('DistributionPointName')
  cursor.done('DistributionPointName')
  if (choice.is(2, 0)) return { kind: 'full', names: readNames(choice) }
  if (choice.is(2, 1)) return { kind: 'relative', rdn: relativeKey(choice) }
  throw malformed('DistributionPointName of an unknown kind')
}

function readReasonFlags(element: Element): number {
  const { bytes, unused } = toBits(element, { implicit: true })
  const count = bytes.length * 8 - unused
  let mask = 0
  for (let bit = 0; bit < Math.min(count, 9); bit++)
    if (((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0) mask |= 1 << bit
  return mask & ALL_REASONS
}

/**
 * Reads IssuingDistributionPoint.
 * @throws EngineError `asn1-malformed`
 */
export function readIssuingDistributionPoint(element: Element): IssuingDistributionPoint {
  if (!element.is(0, Tag.sequence)) throw malformed('IssuingDistributionPoint is not a SEQUENCE')
  const cursor = new Cursor(element)
  const flag = (tag: number): boolean => {
    const field = cursor.optional(2, tag)
    return field !== null && toBoolean(field, { implicit: true })
  }
  const name = cursor.optional(2, 0)
  const user = flag(1)
  const ca = flag(2)
  const reasons = cursor.optional(2, 3)
  const indirect = flag(4)
  const attribute = flag(5)
  cursor.done('IssuingDistributionPoint')
  // RFC 5280 5.2.5: at most one of the three
  if (Number(user) + Number(ca) + Number(attribute) > 1) throw malformed('CRL for two kinds only')
  return {
    name: name === null ? null : readPointName(name),
    only: user ? 'user' : ca ? 'ca' : attribute ? 'attribute' : null,
    reasons: reasons === null ? null : readReasonFlags(reasons),
    indirect,
  }
}

/** The keys of a distribution point's names; a relative name is completed by the CRL issuer's (RFC 5280 5.2.5). */
export function pointKeys(name: PointName, crlIssuer: Name): readonly string[] {
  if (name.kind === 'full') return name.names.flatMap(generalNameKey)
  return [directoryKey([...crlIssuer.rdnKeys, name.rdn])]
}

/** The key of one GeneralName, or nothing for kinds that are not compared. */
export function generalNameKey(name: GeneralName): readonly string[] {
  switch (name.kind) {
    case 'directory':
      return [directoryKey(name.name.rdnKeys)]
    case 'uri':
      // RFC 5280 7.4: scheme and host without regard to case, the rest exactly
      return [`uri ${name.text.replace(/^[^:/?#]+:(?:\/\/[^/?#]*)?/, lowerAscii)}`]
    case 'email':
    case 'dns':
      return [`${name.kind} ${lowerAscii(name.text)}`]
    case 'ip':
      return [`ip ${name.bytes.toString('hex')}`]
    case 'other':
      return [`other ${name.oid} ${name.value.raw.toString('hex')}`]
    case 'unsupported':
      return []
  }
}

/** The key of a distinguished name given as its RDN keys. */
export function directoryKey(rdnKeys: readonly string[]): string {
  return `directory ${rdnKeys.join('\u0002')}`
}
