/**
 * A tenant (a Microsoft 365 organisation) as the path of a mail needs it: names, domains, route, presets, header names.
 * A read-only value, compiled from the configuration object; holds secrets in memory, so it is never logged or serialised.
 */
import type { DomainKey } from './authentication.ts'

/** The settings of one tenant. */
export interface Tenant {
  /** Row key, 26 characters; not Microsoft's id. */
  readonly id: string
  readonly name: string
  /** Microsoft's tenant id (GUID, lower case); null when not configured. */
  readonly microsoftTenantId: string | null
  /** Accepted domains, lower case, A-labels. */
  readonly acceptedDomains: readonly string[]
  /** Smart host name, EHLO argument, certificate SAN and the `by` name of Received; lower case. */
  readonly fqdn: string
  readonly preset: 'recommended' | 'as-documented'
  /** The header that the tenant's rules stamp; values without the `out:` or `in:` prefix; several during a rotation. */
  readonly secretHeader: {
    readonly name: string
    readonly outbound: readonly string[]
    readonly inbound: readonly string[]
    /** No rule stamps these any more; accepted before `until` (milliseconds since 1970) for mail that waits in Exchange Online. */
    readonly retired: {
      readonly outbound: readonly string[]
      readonly inbound: readonly string[]
      readonly until: number
    } | null
  } | null
  /** Secrets are being changed: mail with the first one, which the rules should stamp, is told from mail with another. */
  readonly rotating: boolean
  /** The header with the processed word, by direction; all words are stamped, the rules except each of them. */
  readonly processedHeader: {
    readonly name: string
    readonly outbound: readonly string[]
    readonly inbound: readonly string[]
  }
  /** The next hop in Postfix syntax, `[contoso.mail.protection.outlook.com]:25`; also the key into the TLS policy map. */
  readonly route: string
  /** Where outbound mail to domains that are not accepted ones goes: over the route, or to their mail exchangers. */
  readonly outboundDelivery: 'office365' | 'direct'
  /** Remove the tenant's own DKIM-Signature fields when the body changed. */
  readonly removeOwnDkim: boolean
  /** The edition of the rules of EDI-Energy that an operator has confirmed; null when none. */
  readonly ediEnergyEdition?: string | null
  /** The domain below onmicrosoft.com, lower case; null when not configured. */
  readonly initialDomain: string | null
  /** The key that mail is sealed with after treatment (ARC); null when it is not. */
  readonly arcSealing: DomainKey | null
  /** The keys that mail is signed with (DKIM) which does not go back to Office 365; none when it is not. */
  readonly dkimSigning: readonly DomainKey[]
  /** For 60 minutes the test mail of connector validation is let in, to these addresses only; null when nobody asked for it. */
  readonly validation: { readonly openedAt: number; readonly recipients: readonly string[] } | null
  /** For 60 minutes test mails are told by their mark, of which this is the SHA-256 in hexadecimal digits; null when nobody asked. */
  readonly roundTrip: { readonly openedAt: number; readonly markHash: string } | null
  /** From `startedAt` until before `endsAt` what the next hop refuses for good is tried again; null when nobody asked for it. */
  readonly onboarding: { readonly startedAt: number; readonly endsAt: number } | null
  /** Key of the MAC over our pass marker; 32 bytes. */
  readonly markerKey: Buffer
  /** Address that notices to operators go to; null when none. */
  readonly postmaster: string | null
}

/** The domains whose DKIM signature is the tenant's: the accepted ones and the initial one; not what lies below them. */
export function signingDomains({
  acceptedDomains,
  initialDomain,
}: Pick<Tenant, 'acceptedDomains' | 'initialDomain'>): ReadonlySet<string> {
  return new Set([...acceptedDomains, ...(initialDomain === null ? [] : [initialDomain])])
}
