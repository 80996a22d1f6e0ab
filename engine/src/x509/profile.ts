/**
 * The rules of RFC 5280 for those who issue certificates, as far as they can be seen in one certificate.
 * Public TLS certificates obey them; S/MIME certificates of company CAs often do not, without harm to what is verified.
 * So the caller chooses whether they count; nothing that verification rests on is here.
 */
import { EngineError } from '../errors.ts'
import { Oid } from '../der/oid.ts'
import { toAsciiDomain } from './address.ts'
import type { Certificate } from './certificate.ts'
import type { Crl } from './crl.ts'
import type { Purpose } from './purpose.ts'
import { signsOnly } from './signature-algorithm.ts'
import { verifySignature } from './signature.ts'

/**
 * Which rules count. `strict`: all; `public`: those that public CAs obey; `tolerant`: only what verification rests on, which
 * is never here.
 */
export type Profile = 'strict' | 'public' | 'tolerant'

/** The rules that count: as the caller says, else those of public CAs for TLS only. */
export function profileOf(options: { readonly profile?: Profile; readonly purpose: Purpose }): Profile {
  const { profile, purpose } = options
  return profile ?? (purpose.startsWith('tls-') ? 'public' : 'tolerant')
}

/**
 * The rule for issuers that the CRL breaks; null if it breaks none: numbered, and not critically (RFC 5280 5.2.3); its scope critical
 * (RFC 5280 5.2.5), not indirect, and called by URIs only (CA/Browser Forum, Baseline Requirements 7.2.2.1).
 */
export function crlViolation({ extensions, issuingDistributionPoint: scope }: Crl): string | null {
  const extension = (oid: string) => extensions.find((each) => each.oid === oid)
  const number = extension(Oid.idCeCrlNumber)
  if (number === undefined) return 'CRL without a number'
  if (number.critical) return 'critical CRL number'
  if (scope === null) return null
  if (extension(Oid.idCeIssuingDistributionPoint)?.critical !== true) return 'scope of a CRL is not critical'
  if (scope.indirect) return 'indirect CRL'
  const { name } = scope
  return name === null || (name.kind === 'full' && name.names.every(({ kind }) => kind === 'uri'))
    ? null
    : 'CRL called by another name than a URI'
}

/** The rules of the profile that the certificate breaks, as text for the operator. */
export function profileViolations(certificate: Certificate, profile: Profile): readonly string[] {
  if (profile === 'tolerant') return []
  return [
    ...(profile === 'strict' ? strictViolations(certificate) : []),
    ...serialViolations(certificate),
    ...criticalityViolations(certificate),
    ...keyIdViolations(certificate),
    ...caViolations(certificate),
    ...nameViolations(certificate),
    ...keyViolations(certificate),
  ]
}

/** RFC 5280 4.1.2.2: positive, at most 20 octets. */
function serialViolations({ serial }: Certificate): readonly string[] {
  const negative = (serial[0] ?? 0x80) >= 0x80
  const zero = serial.every((octet) => octet === 0)
  return negative || zero || serial.length > 20
    ? ['serial number is not positive or longer than 20 octets']
    : []
}

const NEVER_CRITICAL = [
  Oid.idCeAuthorityKeyIdentifier,
  Oid.idCeSubjectKeyIdentifier,
  Oid.idCeFreshestCrl,
  Oid.idCeSubjectDirectoryAttributes,
  Oid.idPeAuthorityInfoAccess,
  Oid.idPeSubjectInfoAccess,
] as const

const ALWAYS_CRITICAL = [
  Oid.idCeNameConstraints,
  Oid.idCePolicyConstraints,
  Oid.idCeInhibitAnyPolicy,
] as const

/** RFC 5280 4.2.1.1, 4.2.1.2, 4.2.1.10, 4.2.1.11, 4.2.1.14, 4.2.1.15 and 4.2.2. */
function criticalityViolations(certificate: Certificate): readonly string[] {
  const wrong = (oids: readonly string[], critical: boolean): readonly string[] =>
    certificate.extensions
      .filter((extension) => oids.includes(extension.oid) && extension.critical === critical)
      .map((extension) => `extension ${extension.oid} is ${critical ? 'critical' : 'not critical'}`)
  return [...wrong(NEVER_CRITICAL, true), ...wrong(ALWAYS_CRITICAL, false)]
}

/** RFC 5280 4.2.1.1 and 4.2.1.2. */
function keyIdViolations(certificate: Certificate): readonly string[] {
  const violations: string[] = []
  if (certificate.authorityKeyId === null && !isSelfSigned(certificate))
    violations.push('authority key identifier is missing')
  if (certificate.basicConstraints?.ca === true && certificate.subjectKeyId === null)
    violations.push('subject key identifier of a CA is missing')
  return violations
}

function isSelfSigned(certificate: Certificate): boolean {
  if (!certificate.selfIssued) return false
  try {
    const { signatureAlgorithm, tbs, signature } = certificate
    return verifySignature(signatureAlgorithm, certificate, tbs, signature)
  } catch (error) {
    // With an algorithm that nobody can check, it is taken for what it says
    if (error instanceof EngineError) return true
    throw error
  }
}

/** RFC 5280 4.2.1.9: a path length only with CA and keyCertSign. End entities of public CAs have it too, without harm. */
function strictViolations({ basicConstraints, keyUsage }: Certificate): readonly string[] {
  if ((basicConstraints?.pathLength ?? null) === null) return []
  const may = basicConstraints?.ca === true && keyUsage?.has('keyCertSign') !== false
  return may ? [] : ['path length without CA and keyCertSign']
}

/** RFC 5280 4.2.1.3, 4.2.1.9 and 4.2.1.10. */
function caViolations(certificate: Certificate): readonly string[] {
  const { basicConstraints, extensions, keyUsage, parsed } = certificate
  const ca = basicConstraints?.ca === true
  const violations: string[] = []
  if (ca && !extensions.some(({ oid, critical }) => oid === Oid.idCeBasicConstraints && critical))
    violations.push('basic constraints of a CA are not critical')
  if (!ca && keyUsage?.has('keyCertSign') === true) violations.push('keyCertSign without being a CA')
  if (!ca && parsed.nameConstraints !== null) violations.push('name constraints without being a CA')
  if (keyUsage?.size === 0) violations.push('key usage without any bit')
  return violations
}

const ENCRYPTION = [
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'encipherOnly',
  'decipherOnly',
] as const

/** RFC 8410 5, RFC 9881 5, RFC 9909 6: a key that can only sign is not said to encrypt. */
function keyViolations({ keyUsage, keyAlgorithm }: Certificate): readonly string[] {
  const wrong = ENCRYPTION.some((usage) => keyUsage?.has(usage) === true)
  return wrong && signsOnly(keyAlgorithm.oid)
    ? ['key usage for encryption with a key that can only sign']
    : []
}

/** RFC 5280 4.1.2.6, 4.2.1.6 and 4.2.1.10. */
function nameViolations({ subject, extensions, parsed }: Certificate): readonly string[] {
  const violations: string[] = []
  const san = extensions.find(({ oid }) => oid === Oid.idCeSubjectAltName)
  if (subject.empty && san?.critical !== true)
    violations.push('empty subject without a critical subject alternative name')
  for (const name of parsed.subjectAltName ?? []) {
    if (name.kind === 'dns' && !isHostName(name.text)) violations.push('DNS name that is no host name')
    if (name.kind === 'ip' && name.bytes.length !== 4 && name.bytes.length !== 16)
      violations.push('IP address of a wrong length')
  }
  // RFC 5280 4.2.1.10: a leading dot is for hosts of mail addresses and URIs
  const bases = [...(parsed.nameConstraints?.permitted ?? []), ...(parsed.nameConstraints?.excluded ?? [])]
  if (bases.some((base) => base.kind === 'dns' && base.text.startsWith('.')))
    violations.push('DNS name constraint with a leading dot')
  return violations
}

function isHostName(text: string): boolean {
  const name = text.startsWith('*.') ? text.slice(2) : text
  return toAsciiDomain(name) !== null && !/^[\d.]+$/.test(name)
}
