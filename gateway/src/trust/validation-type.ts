/**
 * What the issuer of a certificate has checked of its holder, by the policies of the CA/Browser Forum for S/MIME certificates. It is
 * shown and decides nothing: whoever does not follow them may be a good private authority.
 */
import type { Certificate } from '@siegel/engine'

/** What was validated, and by which of the three sets of rules. */
export interface ValidationType {
  readonly type: 'mailbox' | 'organization' | 'sponsor' | 'individual'
  readonly generation: 'legacy' | 'multipurpose' | 'strict'
  /** The policy. */
  readonly policy: string
}

/** 2.23.140.1.5: joint-iso-itu-t, international organizations, CA/Browser Forum, certificate policies, S/MIME. */
const ARC = '2.23.140.1.5.'
const TYPES = ['mailbox', 'organization', 'sponsor', 'individual'] as const
const GENERATIONS = ['legacy', 'multipurpose', 'strict'] as const

/** Null if the certificate names none of the policies. */
export function validationTypeOf(certificate: Certificate): ValidationType | null {
  for (const policy of certificate.parsed.policies ?? []) {
    if (!policy.startsWith(ARC)) continue
    const [type, generation, ...more] = policy.slice(ARC.length).split('.').map(Number)
    const found = { type: TYPES[(type ?? 0) - 1], generation: GENERATIONS[(generation ?? 0) - 1] }
    if (found.type === undefined || found.generation === undefined || more.length > 0) continue
    return { type: found.type, generation: found.generation, policy }
  }
  return null
}
