/**
 * The certificate extensions that a decision rests on (RFC 5280 4.2), parsed and checked in form.
 * It decides nothing: whether a certificate may be used is for path.ts.
 */
import { EngineError } from '../errors.ts'
import { toBits, toBoolean, toOctets, toOid, toSmallInteger } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag, malformed, readElement } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { readGeneralName, readGeneralNames } from './general-name.ts'
import type { GeneralName } from './general-name.ts'

/** One extension as it stands. */
export interface Extension {
  /** Dotted object identifier. */
  readonly oid: string
  /** Whoever does not understand a critical extension must refuse the certificate (RFC 5280 4.2). */
  readonly critical: boolean
  /** The DER of the extension's own value. */
  readonly value: Buffer
}

const KEY_USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const

/** A bit of keyUsage by its name in RFC 5280 4.2.1.3. */
export type KeyUsage = (typeof KEY_USAGES)[number]

/** The keyUsage bits in their order. */
export const KEY_USAGE_BITS: readonly KeyUsage[] = KEY_USAGES

/** RFC 5280 4.2.1.9. */
export interface BasicConstraints {
  /** Whether the subject may issue certificates. */
  readonly ca: boolean
  /** The number of intermediates that may follow; null for no limit. */
  readonly pathLength: number | null
}

/** One policy mapping (RFC 5280 4.2.1.5). */
export interface PolicyMapping {
  /** Dotted policy in the issuer's terms. */
  readonly issuerDomain: string
  /** The dotted policy of the subject's that counts as the same. */
  readonly subjectDomain: string
}

/** RFC 5280 4.2.1.11; null where absent. */
export interface PolicyConstraints {
  /** After so many certificates every path needs a valid policy. */
  readonly requireExplicitPolicy: number | null
  /** After so many certificates policies are no longer mapped. */
  readonly inhibitPolicyMapping: number | null
}

/** RFC 5280 4.2.1.10. */
export interface NameConstraints {
  /** Of a kind that stands here, names must lie in one of these. */
  readonly permitted: readonly GeneralName[]
  /** Names must lie in none of these. */
  readonly excluded: readonly GeneralName[]
}

/** The parsed extensions; null where absent. */
export interface ParsedExtensions {
  /** RFC 5280 4.2.1.2. */
  readonly subjectKeyId: Buffer | null
  /** The keyIdentifier of RFC 5280 4.2.1.1. */
  readonly authorityKeyId: Buffer | null
  /** The bits that are set (RFC 5280 4.2.1.3). */
  readonly keyUsage: ReadonlySet<KeyUsage> | null
  /** Dotted purposes (RFC 5280 4.2.1.12). */
  readonly extendedKeyUsage: readonly string[] | null
  /** Whether it is a CA, and how deep (RFC 5280 4.2.1.9). */
  readonly basicConstraints: BasicConstraints | null
  /** In their order (RFC 5280 4.2.1.6). */
  readonly subjectAltName: readonly GeneralName[] | null
  /** Which names the CA may certify (RFC 5280 4.2.1.10). */
  readonly nameConstraints: NameConstraints | null
  /** Dotted certificate policies (RFC 5280 4.2.1.4). */
  readonly policies: readonly string[] | null
  /** In their order (RFC 5280 4.2.1.5). */
  readonly policyMappings: readonly PolicyMapping[] | null
  /** RFC 5280 4.2.1.11. */
  readonly policyConstraints: PolicyConstraints | null
  /** After so many certificates anyPolicy no longer counts (RFC 5280 4.2.1.14). */
  readonly inhibitAnyPolicy: number | null
}

/** Extensions whose meaning is carried out, so that their being critical is no obstacle (RFC 5280 4.2). */
const PROCESSED: ReadonlySet<string> = new Set([
  Oid.idCeKeyUsage,
  Oid.idCeExtKeyUsage,
  Oid.idCeBasicConstraints,
  Oid.idCeSubjectAltName,
  Oid.idCeIssuerAltName,
  Oid.idCeNameConstraints,
  Oid.idCeCertificatePolicies,
  Oid.idCePolicyMappings,
  Oid.idCePolicyConstraints,
  Oid.idCeInhibitAnyPolicy,
  Oid.idCeSubjectKeyIdentifier,
  Oid.idCeAuthorityKeyIdentifier,
  Oid.idCeCrlDistributionPoints,
  Oid.idCeFreshestCrl,
  Oid.idCeNoRevAvail,
  Oid.idPkixOcspNocheck,
])

/** Whether a critical extension of this kind is understood. */
export function isProcessed(oid: string): boolean {
  return PROCESSED.has(oid)
}

/**
 * Reads the Extensions SEQUENCE of a certificate, a CRL or a request.
 * @throws EngineError `asn1-malformed`, `extension-duplicate`
 */
export function readExtensions(element: Element): readonly Extension[] {
  if (!element.is(0, Tag.sequence)) throw malformed('Extensions is not a SEQUENCE')
  const seen = new Set<string>()
  const extensions = element.children().map((child) => {
    if (!child.is(0, Tag.sequence)) throw malformed('Extension is not a SEQUENCE')
    const cursor = new Cursor(child)
    const oid = toOid(cursor.next('extnID'))
    const flag = cursor.optional(0, Tag.boolean)
    const value = toOctets(cursor.next('extnValue'))
    cursor.done('Extension')
    // RFC 5280 4.2: no more than one instance of a particular extension
    if (seen.has(oid)) throw new EngineError('extension-duplicate', `extension ${oid} stands twice`)
    seen.add(oid)
    return { oid, critical: flag !== null && toBoolean(flag), value }
  })
  if (extensions.length === 0) throw malformed('Extensions is empty')
  return extensions
}

/**
 * Parses the values that are understood.
 * @throws EngineError `asn1-malformed` if one of them is damaged
 */
export function parseExtensions(extensions: readonly Extension[]): ParsedExtensions {
  const parse = <T>(oid: string, read: (element: Element) => T): T | null => {
    const extension = extensions.find((candidate) => candidate.oid === oid)
    return extension === undefined ? null : read(readElement(extension.value))
  }
  return {
    subjectKeyId: parse(Oid.idCeSubjectKeyIdentifier, (element) => toOctets(element)),
    authorityKeyId: parse(Oid.idCeAuthorityKeyIdentifier, readAuthorityKeyId),
    keyUsage: parse(Oid.idCeKeyUsage, readKeyUsage),
    extendedKeyUsage: parse(Oid.idCeExtKeyUsage, readExtendedKeyUsage),
    basicConstraints: parse(Oid.idCeBasicConstraints, readBasicConstraints),
    subjectAltName: parse(Oid.idCeSubjectAltName, readGeneralNames),
    nameConstraints: parse(Oid.idCeNameConstraints, readNameConstraints),
    policies: parse(Oid.idCeCertificatePolicies, readPolicies),
    policyMappings: parse(Oid.idCePolicyMappings, readPolicyMappings),
    policyConstraints: parse(Oid.idCePolicyConstraints, readPolicyConstraints),
    inhibitAnyPolicy: parse(Oid.idCeInhibitAnyPolicy, (element) => toSmallInteger(element)),
  }
}

/** The children of a SEQUENCE that may not be empty. */
function some(element: Element, what: string): readonly Element[] {
  if (!element.is(0, Tag.sequence)) throw malformed(`${what} is not a SEQUENCE`)
  const children = element.children()
  if (children.length === 0) throw malformed(`${what} is empty`)
  return children
}

function sequenceCursor(element: Element, what: string): Cursor {
  if (!element.is(0, Tag.sequence)) throw malformed(`${what} is not a SEQUENCE`)
  return new Cursor(element)
}

/** The keyIdentifier of AuthorityKeyIdentifier; null if it has none. @throws EngineError `asn1-malformed` */
export function readAuthorityKeyId(element: Element): Buffer | null {
  const cursor = sequenceCursor(element, 'AuthorityKeyIdentifier')
  const keyId = cursor.optional(2, 0)
  const issuer = cursor.optional(2, 1)
  const serial = cursor.optional(2, 2)
  cursor.done('AuthorityKeyIdentifier')
  // RFC 5280 4.2.1.1: both or none
  if ((issuer === null) !== (serial === null))
    throw malformed('AuthorityKeyIdentifier with half a serial number')
  return keyId === null ? null : toOctets(keyId, { implicit: true })
}

function readKeyUsage(element: Element): ReadonlySet<KeyUsage> {
  const { bytes, unused } = toBits(element)
  const count = bytes.length * 8 - unused
  const set = KEY_USAGES.filter(
    (_, bit) => bit < count && ((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0,
  )
  return new Set(set)
}

function readExtendedKeyUsage(element: Element): readonly string[] {
  return some(element, 'ExtKeyUsage').map((purpose) => toOid(purpose))
}

function readBasicConstraints(element: Element): BasicConstraints {
  const cursor = sequenceCursor(element, 'BasicConstraints')
  const ca = cursor.optional(0, Tag.boolean)
  const pathLength = cursor.optional(0, Tag.integer)
  cursor.done('BasicConstraints')
  return {
    ca: ca !== null && toBoolean(ca),
    pathLength: pathLength === null ? null : toSmallInteger(pathLength),
  }
}

function readNameConstraints(element: Element): NameConstraints {
  const cursor = sequenceCursor(element, 'NameConstraints')
  const permitted = cursor.optional(2, 0)
  const excluded = cursor.optional(2, 1)
  cursor.done('NameConstraints')
  // RFC 5280 4.2.1.10: not an empty sequence
  if (permitted === null && excluded === null) throw malformed('NameConstraints is empty')
  return { permitted: readSubtrees(permitted), excluded: readSubtrees(excluded) }
}

function readSubtrees(element: Element | null): readonly GeneralName[] {
  if (element === null) return []
  const subtrees = element.children().map((subtree) => {
    const cursor = sequenceCursor(subtree, 'GeneralSubtree')
    const base = readGeneralName(cursor.next('base'))
    const minimum = cursor.optional(2, 0)
    // RFC 5280 4.2.1.10: minimum is zero and maximum absent
    if (minimum !== null && toSmallInteger(minimum, 0, { implicit: true }) !== 0) throw malformed('minimum')
    cursor.done('GeneralSubtree')
    return base
  })
  if (subtrees.length === 0) throw malformed('GeneralSubtrees is empty')
  return subtrees
}

function readPolicies(element: Element): readonly string[] {
  const policies = some(element, 'CertificatePolicies').map((information) => {
    const cursor = sequenceCursor(information, 'PolicyInformation')
    const policy = toOid(cursor.next('policyIdentifier'))
    cursor.optional(0, Tag.sequence)
    cursor.done('PolicyInformation')
    return policy
  })
  // RFC 5280 4.2.1.4: a policy must not appear more than once
  if (new Set(policies).size !== policies.length) throw malformed('a certificate policy stands twice')
  return policies
}

function readPolicyMappings(element: Element): readonly PolicyMapping[] {
  return some(element, 'PolicyMappings').map((mapping) => {
    const cursor = sequenceCursor(mapping, 'PolicyMapping')
    const issuerDomain = toOid(cursor.next('issuerDomainPolicy'))
    const subjectDomain = toOid(cursor.next('subjectDomainPolicy'))
    cursor.done('PolicyMapping')
    return { issuerDomain, subjectDomain }
  })
}

function readPolicyConstraints(element: Element): PolicyConstraints {
  const cursor = sequenceCursor(element, 'PolicyConstraints')
  const explicit = cursor.optional(2, 0)
  const inhibit = cursor.optional(2, 1)
  cursor.done('PolicyConstraints')
  // RFC 5280 4.2.1.11: not an empty sequence
  if (explicit === null && inhibit === null) throw malformed('PolicyConstraints is empty')
  const count = (field: Element | null): number | null =>
    field === null ? null : toSmallInteger(field, 0x7fffffff, { implicit: true })
  return { requireExplicitPolicy: count(explicit), inhibitPolicyMapping: count(inhibit) }
}
