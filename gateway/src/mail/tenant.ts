/**
 * A tenant (a Microsoft 365 organisation) as the path of a mail needs it: names, domains, route, presets, header names.
 * A read-only value, compiled from the configuration object; holds secrets in memory, so it is never logged or serialised.
 */

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
  } | null
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
  /** For 60 minutes the test mail of connector validation is let in, to these addresses only; null when nobody asked for it. */
  readonly validation: { readonly openedAt: number; readonly recipients: readonly string[] } | null
  /** Key of the MAC over our pass marker; 32 bytes. */
  readonly markerKey: Buffer
  /** Address that notices to operators go to; null when none. */
  readonly postmaster: string | null
}
