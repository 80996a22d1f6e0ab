import { type TransportRule } from '@siegel/exo-sim'
import type { StageCertificates } from './certificates.ts'
import type { StageObject } from './gateway.ts'
/** The seed's line, verbatim but for the domain. */
export declare const SEED_LINE =
  '[contoso.mail.protection.outlook.com]:25 verify match=mail.protection.outlook.com'
/** Names on every stage. */
export declare const CONTOSO: {
  readonly id: '4f2b1c9e-7d5a-4e0b-9c33-1a2b3c4d5e6f'
  readonly domain: 'contoso.example'
  readonly moera: 'contoso.onmicrosoft.com'
  readonly fqdn: 'smime-gw.contoso.example'
  readonly endpoint: 'contoso.mail.protection.outlook.com'
  readonly connector: 'To S/MIME gateway'
}
/** How the tenant is recognised. */
export type Preset = 'recommended' | 'as-documented'
/** The random words of one stage. */
export interface Secrets {
  readonly outbound: string
  readonly inbound: string
  readonly processedOutbound: string
  readonly processedInbound: string
}
/** An object's name for an address. */
export declare function objectName(address: string): string
/** The TLS policy map. */
export declare function tlsPolicyMap(text: string): StageObject
/** The tenant's mail-flow rules. */
export declare function rules(preset: Preset, secrets: Secrets, withExceptions: boolean): TransportRule[]
/** The objects that every stage has; `tlsPolicy` undefined is the seed's line, null is no map. */
export declare function baseObjects(
  certificates: StageCertificates,
  secrets: Secrets,
  options: {
    readonly preset?: Preset
    readonly tlsPolicy?: string | null
  },
): StageObject[]
/** New random words. */
export declare function makeSecrets(): Secrets
