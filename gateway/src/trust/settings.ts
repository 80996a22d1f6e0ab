/**
 * What a tenant says of trust, compiled: which authorities, whom not, and how strictly revocation is asked. Pure.
 */
import type { TrustSettingsSpec } from '@siegel/contract'

/** The compiled settings of one tenant. */
export interface TrustRules {
  /** The authorities shipped with Siegel count beside the tenant's own. */
  readonly publicAuthorities: boolean
  /** off: not asked. soft: unknown is noted. hard: unknown counts as bad. */
  readonly revocation: 'off' | 'soft' | 'hard'
  /** How long one mail waits for the network, in milliseconds. */
  readonly patienceMs: number
  /** Missing certificates of issuers are fetched. */
  readonly fetchIssuers: boolean
  /** SHA-256 of certificates, lower case hexadecimal. */
  readonly distrusted: ReadonlySet<string>
  /** Names as RFC 4514 text. */
  readonly distrustedIssuers: ReadonlySet<string>
}

/** What holds where a tenant says nothing. */
export const FACTORY_TRUST: TrustRules = {
  publicAuthorities: true,
  revocation: 'soft',
  patienceMs: 3000,
  fetchIssuers: true,
  distrusted: new Set(),
  distrustedIssuers: new Set(),
}

/** Compiles an object. */
export function compileTrust(spec: TrustSettingsSpec): TrustRules {
  return {
    publicAuthorities: spec.publicAuthorities,
    revocation: spec.revocation,
    patienceMs: spec.deadlineSeconds * 1000,
    fetchIssuers: spec.fetchIssuers,
    distrusted: new Set(spec.distrust.flatMap(({ fingerprint }) => fingerprint ?? [])),
    distrustedIssuers: new Set(spec.distrust.flatMap(({ issuer }) => issuer ?? [])),
  }
}
