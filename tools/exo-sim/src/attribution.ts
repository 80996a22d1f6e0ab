// Attribution: to which tenant does a message belong, and in which direction? Evaluated at RCPT, pure.
// The order is that of Microsoft's "Office 365 Message Attribution": certificate, then address and MAIL FROM, then RCPT.
import { inRange } from './addresses.ts'
import type { InboundConnector } from './config.ts'
import type { Tenant } from './tenant.ts'
import { domainOf, isBelow, presentedNameCovers } from './tls/names.ts'

/** What is known of the sending server. */
export interface Peer {
  /** Its address. */
  address: string
  /** Names of its certificate, if it presented one. */
  names: readonly string[]
  /** Whether it presented a certificate. */
  certified: boolean
  /** Whether the certificate's chain is trusted. */
  trusted: boolean
}

/** To whom a message belongs. */
export interface Attribution {
  /** `Originating`: sent by the tenant; `Incoming`: sent to the tenant. */
  directionality: 'Originating' | 'Incoming'
  /** The tenant. */
  tenant: Tenant
  /** The connector that matched, if any. */
  connector: InboundConnector | undefined
}

/** The refusals of attribution, without the server's suffix. */
export const REFUSALS = {
  relay: '550 5.7.64 TenantAttribution; Relay Access Denied',
  attr36:
    '550 5.7.64 Relay Access Denied ATTR36. For more details please refer to https://support.microsoft.com/kb/3169958',
  attr38: '452 4.5.3 Recipients belong to multiple regions ATTR38',
  notHosted: '550 5.4.1 Relay Access Denied',
  unknownRecipient: '550 5.4.1 Recipient address rejected: Access denied. AS(201806281)',
  partner:
    "550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched the message's recipient domain. The connector had either the RestrictDomainsToIPAddresses or RestrictDomainsToCertificate set",
  directSend:
    '550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources',
} as const

/** A refusal: one of {@link REFUSALS}. */
export interface AttributionRefusal {
  refusal: string
}

/** Attributes a message by its sender's side alone: certificate, or address together with MAIL FROM. */
export function attributeSender(
  tenants: readonly Tenant[],
  peer: Peer,
  sender: string,
): Attribution | undefined {
  return byCertificate(tenants, peer, sender) ?? byAddress(tenants, peer, sender)
}

/** Attributes a recipient of a message whose sender's side gave nothing. `sofar` is what earlier recipients gave. */
export function attributeRecipient(
  tenants: readonly Tenant[],
  peer: Peer,
  sender: string,
  recipient: string,
  sofar: Attribution | undefined,
): Attribution | AttributionRefusal {
  const tenant = tenants.find((candidate) => candidate.accepts(domainOf(recipient)))
  if (!tenant) return { refusal: relayRefusal(tenants, peer, sender) }
  if (sofar && sofar.tenant !== tenant) return { refusal: REFUSALS.attr38 }
  const partner = partnerConnector(tenant, peer, sender)
  if (partner === 'refused') return { refusal: REFUSALS.partner }
  const matched = partner ?? onPremisesMatches([tenant], peer)[0]?.connector
  if (tenant.config.rejectDirectSend && !matched && tenant.accepts(domainOf(sender))) {
    return { refusal: REFUSALS.directSend }
  }
  // Directory-based edge blocking knows only what the tenant has told.
  if (!tenant.knowsRecipient(recipient)) return { refusal: REFUSALS.unknownRecipient }
  return { directionality: 'Incoming', tenant, connector: partner }
}

function relayRefusal(tenants: readonly Tenant[], peer: Peer, sender: string): string {
  if (onPremisesMatches(tenants, peer).length > 0) return REFUSALS.attr36
  // Microsoft's articles show 5.7.64 for senders that mean to relay (a certificate, a tenant's domain, a null
  // sender) and 5.4.1 for strangers; where the line runs exactly is an inference.
  const meantToRelay = peer.certified || sender === '' || tenants.some((t) => t.accepts(domainOf(sender)))
  return meantToRelay ? REFUSALS.relay : REFUSALS.notHosted
}

interface Match {
  tenant: Tenant
  connector: InboundConnector
  /** More is more exact. */
  exactness: number
}

function byCertificate(tenants: readonly Tenant[], peer: Peer, sender: string): Attribution | undefined {
  if (!peer.trusted) return undefined
  const matches: Match[] = []
  for (const tenant of tenants) {
    for (const connector of onPremises(tenant)) {
      const wanted = connector.tlsSenderCertificateName?.toLowerCase()
      const name = wanted === undefined ? undefined : peer.names.find((one) => nameMatches(wanted, one))
      if (wanted === undefined || name === undefined || !certificateDomainAccepted(tenant, wanted, name))
        continue
      matches.push({ tenant, connector, exactness: wanted.startsWith('*.') ? wanted.length : 10_000 })
    }
  }
  const best = Math.max(...matches.map((match) => match.exactness))
  const exact = matches.filter((match) => match.exactness === best)
  const candidates = new Set(exact.map((match) => match.tenant))
  // One certificate for several tenants: MAIL FROM decides, and if it does not, nothing does (MC1226222).
  const chosen =
    candidates.size <= 1 ? exact[0] : exact.find((match) => match.tenant.accepts(domainOf(sender)))
  return chosen && { directionality: 'Originating', tenant: chosen.tenant, connector: chosen.connector }
}

function byAddress(tenants: readonly Tenant[], peer: Peer, sender: string): Attribution | undefined {
  const match = onPremisesMatches(tenants, peer).find(({ tenant }) => tenant.accepts(domainOf(sender)))
  return match && { directionality: 'Originating', ...match }
}

/** OnPremises connectors that match by address, or by a certificate whose name is no accepted domain. */
function onPremisesMatches(
  tenants: readonly Tenant[],
  peer: Peer,
): { tenant: Tenant; connector: InboundConnector }[] {
  return tenants.flatMap((tenant) =>
    onPremises(tenant)
      .filter((connector) => matchesAddress(connector, peer) || matchesCertificate(connector, peer))
      .map((connector) => ({ tenant, connector })),
  )
}

function onPremises(tenant: Tenant): InboundConnector[] {
  return tenant.inboundConnectors.filter((connector) => connector.connectorType === 'OnPremises')
}

function matchesAddress(connector: InboundConnector, peer: Peer): boolean {
  return (connector.senderIPAddresses ?? []).some((range) => inRange(peer.address, range))
}

function matchesCertificate(connector: InboundConnector, peer: Peer): boolean {
  const wanted = connector.tlsSenderCertificateName?.toLowerCase()
  return wanted !== undefined && peer.trusted && peer.names.some((name) => nameMatches(wanted, name))
}

/** Whether a name of the certificate satisfies the connector's name. */
function nameMatches(wanted: string, presented: string): boolean {
  if (!wanted.startsWith('*.')) return presentedNameCovers(presented, wanted)
  return presented === wanted || presented === wanted.slice(2) || isBelow(presented, wanted.slice(2))
}

/** Whether the connector's name is backed by an accepted domain of its tenant. */
function certificateDomainAccepted(tenant: Tenant, wanted: string, presented: string): boolean {
  if (!wanted.startsWith('*.')) return tenant.accepts(wanted)
  const base = wanted.slice(2)
  const parent = presented.slice(presented.indexOf('.') + 1)
  // `host.sub.contoso.com` needs `sub.contoso.com` (KB4019940): contoso.com is not enough for what lies deeper.
  if (isBelow(parent, base)) return tenant.accepts(parent) || tenant.accepts(presented)
  return tenant.domains.some((domain) => domain.name === base || isBelow(domain.name, base))
}

/** The partner connector that matches; `refused` when a restricting one is for this sender and does not match. */
function partnerConnector(
  tenant: Tenant,
  peer: Peer,
  sender: string,
): InboundConnector | 'refused' | undefined {
  let found: InboundConnector | undefined
  for (const connector of tenant.inboundConnectors) {
    if (connector.connectorType !== 'Partner' || !forSender(connector, sender)) continue
    const byName = matchesCertificate(connector, peer)
    const byIp = matchesAddress(connector, peer)
    if (connector.restrictDomainsToCertificate && !byName) return 'refused'
    if (connector.restrictDomainsToIPAddresses && !byIp) return 'refused'
    if (byName || byIp) found ??= connector
  }
  return found
}

function forSender(connector: InboundConnector, sender: string): boolean {
  const domain = domainOf(sender)
  return (connector.senderDomains ?? ['*']).some((item) => {
    const wanted = item
      .toLowerCase()
      .replace(/^smtp:/, '')
      .replace(/;\d+$/, '')
    if (wanted === '*') return true
    return wanted.startsWith('*.')
      ? isBelow(domain, wanted.slice(2)) || domain === wanted.slice(2)
      : domain === wanted
  })
}
