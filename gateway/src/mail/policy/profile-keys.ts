/**
 * Asks the keyring for the keys and certificates that the profiles in force take: the key to sign with, and for a recipient the
 * certificate, or the two of a double layer. A good certificate that a profile refuses is told apart from none.
 */
import type { Keyring, RecipientChoice } from '../../keyring/keyring.ts'
import { PASSED_OVER } from '../../keyring/selection.ts'
import type { Reason } from '../plan.ts'
import { recipientFitness, signerFitness, takesAny } from './algorithms.ts'
import type { RecipientFacts } from './facts.ts'
import { demandsOf } from './profiles.ts'

/** Where keys are asked for. */
export interface KeyContext {
  readonly keyring: Keyring
  /** Milliseconds since 1970. */
  readonly now: number
}

/** The key to sign with as a recipient's profiles want it; empty when the mail's own is good enough. */
export type SignerFound = Pick<RecipientFacts, 'signer' | 'signerReasons'>

/**
 * The key to sign with for one recipient.
 * @param found - what was found for this mail already, by profiles
 */
export async function signerFor(
  from: string,
  profile: string,
  { keyring, now }: KeyContext,
  found: Map<string, SignerFound>,
): Promise<SignerFound> {
  if (takesAny(profile)) return {}
  let signer = found.get(profile)
  if (signer === undefined) {
    const { credential, fingerprint, reasons } = await keyring.signer(from, now, signerFitness(profile))
    signer = {
      signer: credential === null || fingerprint === null ? null : { credential, fingerprint },
      signerReasons: reasons,
    }
    found.set(profile, signer)
  }
  return signer
}

type CertificatesFound = Pick<RecipientFacts, 'certificate' | 'certificateReasons' | 'inner' | 'belowProfile'>

/**
 * The certificate or certificates for one recipient.
 * @param outside - whether they are also looked for outside the keyring
 */
export async function recipientKeys(
  address: string,
  profile: string,
  { keyring, now }: KeyContext,
  outside: boolean,
): Promise<CertificatesFound> {
  const { postQuantum, kem, oneCertificate } = demandsOf(profile)
  if (takesAny(profile)) {
    const choice = await keyring.recipient(address, now, undefined, outside)
    return { certificate: certificateOf(choice), certificateReasons: choice.reasons }
  }
  if (postQuantum === 0) {
    const choice = await keyring.recipient(address, now, recipientFitness(profile, 'any'), outside)
    return single(choice, choice.reasons, oneCertificate)
  }
  const encapsulating = await keyring.recipient(address, now, recipientFitness(profile, 'ml-kem'), outside)
  const outer = certificateOf(encapsulating)
  if (outer !== null && kem === 2) return { certificate: outer, certificateReasons: encapsulating.reasons }
  const classical = await keyring.recipient(address, now, recipientFitness(profile, 'classical'), outside)
  const inner = certificateOf(classical)
  const reasons: Reason[] = [...encapsulating.reasons, ...classical.reasons]
  if (outer !== null && inner !== null) {
    const why = { code: 'two-layers', arguments: { outer: outer.fingerprint, inner: inner.fingerprint } }
    return { certificate: outer, inner, certificateReasons: [...reasons, why] }
  }
  const missing = outer === null ? 'ML-KEM' : 'classical'
  const why = { code: 'no-certificate-of-kind', arguments: { address, kind: missing, profile } }
  if (postQuantum === 2)
    return {
      certificate: null,
      certificateReasons: [...reasons, why],
      belowProfile: outer !== null || inner !== null || isBelow(reasons),
    }
  const alone = single(
    classical,
    [...reasons, ...(inner === null && outer === null ? [] : [why])],
    oneCertificate,
  )
  // A good certificate that may not stand alone is no reason to send in clear.
  return inner === null && outer !== null ? { ...alone, belowProfile: true } : alone
}

function certificateOf({
  credential,
  fingerprint,
  algorithm,
}: RecipientChoice): RecipientFacts['certificate'] {
  return credential === null || fingerprint === null
    ? null
    : { credential, fingerprint, algorithm: algorithm ?? 'other' }
}

function isBelow(reasons: readonly Reason[]): boolean {
  return reasons.some(({ code }) => code === 'certificate-below-profile')
}

function single(
  choice: RecipientChoice,
  reasons: readonly Reason[],
  oneCertificate: boolean,
): CertificatesFound {
  const certificate = certificateOf(choice)
  const others = reasons.filter(({ code }) => PASSED_OVER.has(code)).length
  const several: Reason[] =
    oneCertificate && others > 0 ? [{ code: 'several-certificates', arguments: { count: others + 1 } }] : []
  return {
    certificate,
    certificateReasons: [...reasons, ...several],
    ...(certificate === null && isBelow(reasons) ? { belowProfile: true } : {}),
  }
}
