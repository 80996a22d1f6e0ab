/**
 * Encodes the extensions of a certificate to be issued (RFC 5280 4.2).
 */
import { EngineError } from '../errors.ts'
import { Oid } from '../der/oid.ts'
import {
  bits,
  boolean,
  explicit,
  ia5,
  implicit,
  integer,
  octets,
  oid,
  sequence,
  tlv,
  utf8,
} from '../der/writer.ts'
import { hasNonAscii, ipBytes } from './address.ts'
import { KEY_USAGE_BITS } from './extensions.ts'
import type { Extension, KeyUsage } from './extensions.ts'

/** The names of subjectAltName. */
export interface IssuedNames {
  /** Written as they stand; those with characters beyond ASCII become SmtpUTF8Mailbox (RFC 9598). */
  readonly emails?: readonly string[]
  /** Host names, in ASCII. */
  readonly dnsNames?: readonly string[]
  /** IPv4 or IPv6 addresses as text. */
  readonly ipAddresses?: readonly string[]
}

/** Constraints as text: mail hosts or mailboxes, DNS suffixes. */
export interface NameConstraintTexts {
  /** Names of these kinds must lie in one of these. */
  readonly permitted?: Omit<IssuedNames, 'ipAddresses'>
  /** Names must lie in none of these. */
  readonly excluded?: Omit<IssuedNames, 'ipAddresses'>
}

/** The extensions of a certificate to be issued. */
export interface IssueExtensions extends IssuedNames {
  /** Makes it a CA. */
  readonly ca?: boolean
  /** Only for a CA. */
  readonly pathLength?: number
  /** Default for a CA: keyCertSign and cRLSign; else none. */
  readonly keyUsage?: readonly KeyUsage[]
  /** Dotted purposes. */
  readonly extendedKeyUsage?: readonly string[]
  /** Dotted certificate policies. */
  readonly policies?: readonly string[]
  /** Which names the CA may certify. */
  readonly nameConstraints?: NameConstraintTexts
  /** Where the CRL is to be had. */
  readonly crlUrls?: readonly string[]
  /** Where delta CRLs are to be had. */
  readonly freshestCrlUrls?: readonly string[]
  /** SMIMECapabilities in DER: what the holder of the key can decrypt (RFC 4262). */
  readonly smimeCapabilities?: Buffer
  /** False leaves out the key identifiers. Default true. */
  readonly keyIds?: boolean
  /** Further extensions, ready encoded. */
  readonly other?: readonly Extension[]
}

/** What the certificate as a whole adds. */
export interface ExtensionSurroundings {
  readonly subjectKeyId: Buffer
  readonly authorityKeyId: Buffer | null
  readonly emptySubject: boolean
}

/** The encoded Extension elements in a customary order. */
export function writeExtensions(wanted: IssueExtensions, around: ExtensionSurroundings): readonly Buffer[] {
  const { ca = false, pathLength, extendedKeyUsage, policies, nameConstraints, crlUrls } = wanted
  const keyUsage = wanted.keyUsage ?? (ca ? (['keyCertSign', 'cRLSign'] as const) : undefined)
  const out: Buffer[] = []
  const add = (type: string, critical: boolean, value: Buffer): void => {
    out.push(sequence(oid(type), ...(critical ? [boolean(true)] : []), octets(value)))
  }
  if (ca) {
    add(
      Oid.idCeBasicConstraints,
      true,
      sequence(boolean(true), ...(pathLength === undefined ? [] : [integer(pathLength)])),
    )
  } else if (pathLength !== undefined)
    throw new EngineError('request-invalid', 'path length without being a CA')
  if (keyUsage !== undefined) add(Oid.idCeKeyUsage, true, writeKeyUsage(keyUsage))
  if (extendedKeyUsage !== undefined)
    add(Oid.idCeExtKeyUsage, false, sequence(...extendedKeyUsage.map((id) => oid(id))))
  const names = writeNames(wanted)
  // RFC 5280 4.2.1.6: critical if the subject is empty
  if (names.length > 0) add(Oid.idCeSubjectAltName, around.emptySubject, sequence(...names))
  if (wanted.keyIds !== false) {
    add(Oid.idCeSubjectKeyIdentifier, false, octets(around.subjectKeyId))
    if (around.authorityKeyId !== null)
      add(Oid.idCeAuthorityKeyIdentifier, false, sequence(implicit(0, octets(around.authorityKeyId))))
  }
  if (policies !== undefined)
    add(Oid.idCeCertificatePolicies, false, sequence(...policies.map((policy) => sequence(oid(policy)))))
  if (nameConstraints !== undefined) add(Oid.idCeNameConstraints, true, writeConstraints(nameConstraints))
  if (crlUrls !== undefined) add(Oid.idCeCrlDistributionPoints, false, sequence(...crlUrls.map(writePoint)))
  if (wanted.freshestCrlUrls !== undefined)
    add(Oid.idCeFreshestCrl, false, sequence(...wanted.freshestCrlUrls.map(writePoint)))
  // RFC 4262 2: not critical
  if (wanted.smimeCapabilities !== undefined) add(Oid.smimeCapabilities, false, wanted.smimeCapabilities)
  for (const { oid: type, critical, value } of wanted.other ?? []) add(type, critical, value)
  return out
}

function writeKeyUsage(usages: readonly KeyUsage[]): Buffer {
  return namedBits(usages.map((usage) => KEY_USAGE_BITS.indexOf(usage)))
}

/** A named bit list: without zero bits at its end (X.690 11.2.2). */
export function namedBits(indexes: readonly number[]): Buffer {
  const last = Math.max(0, ...indexes)
  const bytes = Buffer.alloc((last >> 3) + 1)
  for (const index of indexes) bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (0x80 >> (index & 7))
  return bits(bytes, 7 - (last & 7))
}

function writeNames(names: IssuedNames): readonly Buffer[] {
  return [
    ...(names.emails ?? []).map(writeEmail),
    ...(names.dnsNames ?? []).map((name) => implicit(2, ia5(name))),
    ...(names.ipAddresses ?? []).map(writeIp),
  ]
}

function writeEmail(email: string): Buffer {
  if (!hasNonAscii(email)) return implicit(1, ia5(email))
  // RFC 9598 3
  return tlv(0xa0, oid(Oid.idOnSmtpUtf8Mailbox), explicit(0, utf8(email)))
}

function writeIp(text: string): Buffer {
  const bytes = ipBytes(text)
  if (bytes === null) throw new EngineError('request-invalid', 'not an IP address')
  return implicit(7, octets(bytes))
}

function writeConstraints(constraints: NameConstraintTexts): Buffer {
  const subtrees = (names: IssuedNames): Buffer[] => writeNames(names).map((name) => sequence(name))
  const { permitted, excluded } = constraints
  return sequence(
    ...(permitted === undefined ? [] : [explicit(0, ...subtrees(permitted))]),
    ...(excluded === undefined ? [] : [explicit(1, ...subtrees(excluded))]),
  )
}

/** RFC 5280 4.2.1.13: a DistributionPoint with a full name. */
export function writePoint(url: string): Buffer {
  return sequence(writePointName([url]))
}

/** The `distributionPoint` field with full names. */
export function writePointName(urls: readonly string[]): Buffer {
  return explicit(0, explicit(0, ...urls.map((url) => implicit(6, ia5(url)))))
}
