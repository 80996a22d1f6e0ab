/**
 * What a certificate may be used for: keyUsage and extendedKeyUsage by purpose, and the address or host it stands for.
 */
import { Oid } from '../der/oid.ts'
import { dnsNameMatches, ipBytes, sameAddress } from './address.ts'
import type { Certificate } from './certificate.ts'
import type { KeyUsage } from './extensions.ts'

/** What a chain is wanted for. */
export type Purpose =
  | 'email'
  | 'email-sign'
  | 'email-encrypt'
  | 'tls-server'
  | 'tls-client'
  | 'time-stamping'
  | 'code-signing'
  | 'any'

/** Whom the leaf must stand for. */
export type WantedAddress =
  | {
      /** A mail address. */
      readonly email: string
    }
  | {
      /** A host name. */
      readonly dns: string
    }
  | {
      /** An IP address as text. */
      readonly ip: string
    }

const EXTENDED: Readonly<Record<Exclude<Purpose, 'any'>, string>> = {
  email: Oid.idKpEmailProtection,
  'email-sign': Oid.idKpEmailProtection,
  'email-encrypt': Oid.idKpEmailProtection,
  'tls-server': Oid.idKpServerAuth,
  'tls-client': Oid.idKpClientAuth,
  'time-stamping': Oid.idKpTimeStamping,
  'code-signing': Oid.idKpCodeSigning,
}

/** One of these bits must be set, where keyUsage is there at all (RFC 8550 4.4.2, RFC 5280 4.2.1.12). */
const USAGES: Readonly<Record<Exclude<Purpose, 'any'>, readonly KeyUsage[]>> = {
  email: ['digitalSignature', 'nonRepudiation', 'keyEncipherment', 'keyAgreement'],
  'email-sign': ['digitalSignature', 'nonRepudiation'],
  'email-encrypt': ['keyEncipherment', 'keyAgreement'],
  'tls-server': ['digitalSignature', 'keyEncipherment', 'keyAgreement'],
  'tls-client': ['digitalSignature', 'keyAgreement'],
  'time-stamping': ['digitalSignature', 'nonRepudiation'],
  'code-signing': ['digitalSignature'],
}

/** Key agreement keys are not for key transport and the other way round (RFC 5753 2.2, RFC 8410 5, RFC 5280 4.2.1.3). */
function encryptionUsage(certificate: Certificate): readonly KeyUsage[] {
  const { oid } = certificate.keyAlgorithm
  const agreement = oid === Oid.idEcPublicKey || oid === Oid.idX25519 || oid === Oid.idX448
  return [agreement ? 'keyAgreement' : 'keyEncipherment']
}

/** The dotted extended key usage of the purpose; null for `any`. */
export function extendedKeyUsageOf(purpose: Purpose): string | null {
  return purpose === 'any' ? null : EXTENDED[purpose]
}

/** Whether the leaf's keyUsage allows the purpose; without the extension everything is allowed. */
export function keyUsageAllows(certificate: Certificate, purpose: Purpose): boolean {
  const { keyUsage } = certificate
  if (purpose === 'any' || keyUsage === null) return true
  // RFC 5280 lets a CA be a TLS end entity; with keyCertSign it could issue itself a certificate that fits
  if (purpose.startsWith('tls-') && certificate.basicConstraints?.ca === true && keyUsage.has('keyCertSign'))
    return true
  const wanted = purpose === 'email-encrypt' ? encryptionUsage(certificate) : USAGES[purpose]
  return wanted.some((usage) => keyUsage.has(usage))
}

/**
 * Whether extendedKeyUsage allows the purpose (RFC 5280 4.2.1.12): absent, anyExtendedKeyUsage, or the purpose itself.
 * Asked of CAs too: a CA limited to other purposes cannot certify this one (as CAs and all large programs have it).
 */
export function extendedKeyUsageAllows(certificate: Certificate, purpose: Purpose): boolean {
  const { extendedKeyUsage } = certificate
  if (purpose === 'any' || extendedKeyUsage === null) return true
  return extendedKeyUsage.includes(EXTENDED[purpose]) || extendedKeyUsage.includes(Oid.anyExtendedKeyUsage)
}

/**
 * What keeps an end entity from a purpose that wants a certificate of its own, as text for the operator; null if nothing does.
 * Time stamping: RFC 3161 2.3. Code signing: the CA/Browser Forum's requirements, 7.1.2.3.
 */
export function purposeProblem(certificate: Certificate, purpose: Purpose): string | null {
  if (purpose !== 'time-stamping' && purpose !== 'code-signing') return null
  const { extendedKeyUsage, extensions, keyUsage } = certificate
  const isCritical = (oid: string): boolean => extensions.some((each) => each.oid === oid && each.critical)
  if (extendedKeyUsage === null) return `no extended key usage for ${purpose}`
  if (purpose === 'time-stamping') {
    if (extendedKeyUsage.some((oid) => oid !== Oid.idKpTimeStamping))
      return 'a time stamp needs a certificate for nothing else'
    if (!isCritical(Oid.idCeExtKeyUsage)) return 'extended key usage for time stamps is not critical'
    const only: ReadonlySet<string> = new Set(USAGES[purpose])
    return [...(keyUsage ?? [])].every((usage) => only.has(usage)) ? null : 'key usage beyond time stamps'
  }
  if (extendedKeyUsage.some((oid) => oid === Oid.anyExtendedKeyUsage || oid === Oid.idKpServerAuth))
    return 'extended key usage beyond code signing'
  if (keyUsage === null || !isCritical(Oid.idCeKeyUsage)) return 'no critical key usage'
  return keyUsage.has('keyCertSign') || keyUsage.has('cRLSign') ? 'key usage of a CA' : null
}

/** Whether the certificate stands for the address. The subject's common name never counts (RFC 9525 6.3). */
export function standsFor(certificate: Certificate, wanted: WantedAddress): boolean {
  if ('email' in wanted) return certificate.emails.some((email) => sameAddress(email, wanted.email))
  if ('dns' in wanted) return certificate.dnsNames.some((name) => dnsNameMatches(name, wanted.dns))
  const bytes = ipBytes(wanted.ip)
  const names = certificate.parsed.subjectAltName ?? []
  return bytes !== null && names.some((name) => name.kind === 'ip' && name.bytes.equals(bytes))
}
