/**
 * The configuration objects and mail-flow rules of a stage: one tenant, Contoso, wired as the how-to or as we recommend it.
 */
import { randomBytes } from 'node:crypto'
import {
  asDocumentedRules,
  recommendedRules,
  type IssuedCertificate,
  type TransportRule,
} from '@siegel/exo-sim'
import type { StageCertificates } from './certificates.ts'
import type { StageObject } from './gateway.ts'

/** The seed's line, verbatim but for the domain. */
export const SEED_LINE = '[contoso.mail.protection.outlook.com]:25 verify match=mail.protection.outlook.com'

/** Names on every stage. */
export const CONTOSO = {
  id: '4f2b1c9e-7d5a-4e0b-9c33-1a2b3c4d5e6f',
  domain: 'contoso.example',
  moera: 'contoso.onmicrosoft.com',
  fqdn: 'smime-gw.contoso.example',
  endpoint: 'contoso.mail.protection.outlook.com',
  connector: 'To S/MIME gateway',
} as const

const SECRET_FIELD = 'X-Contoso-Route'
const PROCESSED_FIELD = 'X-Contoso-Processed'

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
function objectName(address: string): string {
  return address.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
}

/** A key in the tenant's keyring for somebody inside. */
export function credentialObject(address: string, { certificate, key }: IssuedCertificate): StageObject {
  return { kind: 'Credential', tenant: 'contoso', name: objectName(address), spec: { certificate, key } }
}

/** A certificate that the tenant knows of somebody outside. */
export function partnerObject(address: string, { certificate }: IssuedCertificate): StageObject {
  return { kind: 'PartnerCertificate', tenant: 'contoso', name: objectName(address), spec: { certificate } }
}

/** The TLS policy map. */
export function tlsPolicyMap(text: string): StageObject {
  return { kind: 'Map', name: 'tls-policy', spec: { text } }
}

/** A processed word. */
function base32Word(): string {
  return Array.from(randomBytes(26), (byte) => 'abcdefghijklmnopqrstuvwxyz234567'[byte % 32]).join('')
}

/** The tenant's mail-flow rules. */
export function rules(preset: Preset, secrets: Secrets, withExceptions: boolean): TransportRule[] {
  const made =
    preset === 'as-documented'
      ? asDocumentedRules({ gatewayFqdn: CONTOSO.fqdn, connector: CONTOSO.connector })
      : recommendedRules({
          connector: CONTOSO.connector,
          secretHeader: SECRET_FIELD,
          outboundSecret: `out:${secrets.outbound}`,
          inboundSecret: `in:${secrets.inbound}`,
          processedHeader: PROCESSED_FIELD,
          processedWords: { outbound: [secrets.processedOutbound], inbound: [secrets.processedInbound] },
        })
  if (withExceptions) return made
  return made.map((rule) => {
    const open = { ...rule }
    delete open.exceptIfHeaderContainsMessageHeader
    delete open.exceptIfHeaderContainsWords
    return open
  })
}

/** The objects that every stage has; `tlsPolicy` undefined is the seed's line, null is no map. */
export function baseObjects(
  certificates: StageCertificates,
  secrets: Secrets,
  options: {
    readonly preset?: Preset
    readonly tlsPolicy?: string | null
    readonly addressRanges?: readonly string[]
    readonly tenantSpec?: object
  },
): StageObject[] {
  const preset = options.preset ?? 'as-documented'
  const tlsPolicy = options.tlsPolicy === undefined ? SEED_LINE : options.tlsPolicy
  return [
    {
      kind: 'Tenant',
      name: 'contoso',
      spec: {
        microsoftTenantId: CONTOSO.id,
        acceptedDomains: [CONTOSO.domain, CONTOSO.fqdn, CONTOSO.moera],
        fqdn: CONTOSO.fqdn,
        preset,
        route: `[${CONTOSO.endpoint}]:25`,
        clientCertificate: { chain: certificates.gateway.cert, key: certificates.gateway.key },
        postmaster: `postmaster@${CONTOSO.domain}`,
        ...(preset === 'recommended'
          ? {
              secretHeader: { name: SECRET_FIELD, outbound: [secrets.outbound], inbound: [secrets.inbound] },
              processedHeader: {
                name: PROCESSED_FIELD,
                outbound: [secrets.processedOutbound],
                inbound: [secrets.processedInbound],
              },
            }
          : {}),
        ...options.tenantSpec,
      },
    },
    {
      kind: 'ServerCertificate',
      name: 'contoso',
      spec: { chain: certificates.gateway.cert, key: certificates.gateway.key },
    },
    { kind: 'TlsAnchor', name: 'stage', spec: { certificate: certificates.tls.root } },
    { kind: 'AddressRange', name: 'loopback', spec: { cidrs: options.addressRanges ?? ['127.0.0.0/8'] } },
    { kind: 'MailAnchor', tenant: 'contoso', name: 'stage', spec: { certificate: certificates.mail.root } },
    ...(tlsPolicy === null ? [] : [tlsPolicyMap(tlsPolicy)]),
  ]
}

/** The secret field as the outbound rule stamps it. */
export function outboundSecretField({ outbound }: Secrets): string {
  return `${SECRET_FIELD}: out:${outbound}\r\n`
}

/** New random words. */
export function makeSecrets(): Secrets {
  return {
    outbound: randomBytes(24).toString('base64url'),
    inbound: randomBytes(24).toString('base64url'),
    processedOutbound: base32Word(),
    processedInbound: base32Word(),
  }
}
