/**
 * What a caller says about the path that it wants: anchors, material, moment, purpose, and how strict to be.
 */
import type { Certificate } from './certificate.ts'
import type { Crl } from './crl.ts'
import type { OcspResponse } from './ocsp.ts'
import type { PolicyOptions } from './policies.ts'
import type { Profile } from './profile.ts'
import type { Purpose, WantedAddress } from './purpose.ts'

/** What to judge by. */
export interface PathOptions extends PolicyOptions {
  /** The trust anchors: any certificates, self-signed or not (RFC 5280 6.1.1). */
  readonly anchors: readonly Certificate[]
  /** Untrusted certificates that may complete the chain. */
  readonly intermediates?: readonly Certificate[]
  /** The moment to judge for, in milliseconds since 1970. */
  readonly at: number
  /** What the leaf is wanted for; its CAs must allow it too. */
  readonly purpose: Purpose
  /** Whom the leaf must stand for. */
  readonly address?: WantedAddress
  /** The greatest number of certificates between leaf and anchor. Default 10. */
  readonly maxDepth?: number
  /** Accept SHA-1, DSA and RSA keys of 1024 to 2047 bits; they stay listed under `weak`. */
  readonly allowWeak?: boolean
  /**
   * The strength that every key and signature of the path must have, in bits (NIST SP 800-57 part 1, 5.6.1: RSA of 2048 bits has
   * 112, of 3072 bits 128). Default: none beyond what `allowWeak` says. Not forgiven by `allowWeak`.
   */
  readonly minimumStrength?: number
  /**
   * Which of the rules for those who issue certificates and CRLs count (profile.ts). Default: `public` for TLS, `tolerant` for
   * everything else.
   */
  readonly profile?: Profile
  /** `prefer` (default): unknown is noted and does no harm; `require`: unknown is invalid; `none`: not asked. */
  readonly revocation?: 'none' | 'prefer' | 'require'
  /** CRLs at hand; who gave them does not matter, their signature counts. */
  readonly crls?: readonly Crl[]
  /** CRLs that came with a message: as good as the others, but looked at within a bound of work of their own. */
  readonly messageCrls?: readonly Crl[]
  /** OCSP responses at hand; their signature counts. At most 64 that concern one certificate are looked at. */
  readonly ocspResponses?: readonly OcspResponse[]
  /** The greatest number of signatures verified in one search. Default 100. */
  readonly maxSignatures?: number
}
