// One tenant: its configuration, checked, with the questions that attribution and transport ask it.
// It sends and receives nothing.
import type { AcceptedDomain, InboundConnector, OutboundConnector, TenantConfig } from './config.ts'
import { rulesInOrder } from './rules/engine.ts'
import type { TransportRule } from './rules/rule.ts'
import { domainOf, isBelow } from './tls/names.ts'

/** A tenant of the forest. */
export class Tenant {
  readonly config: TenantConfig
  /** Accepted domains, lower case, the MOERA among them. */
  readonly domains: readonly AcceptedDomain[]
  /** Enabled connectors from outside. */
  readonly inboundConnectors: readonly InboundConnector[]
  /** Enabled connectors to outside. */
  readonly outboundConnectors: readonly OutboundConnector[]
  /** Enabled rules in order. */
  readonly rules: readonly TransportRule[]
  readonly #recipients: ReadonlySet<string> | undefined

  /** Throws if a rule names a connector that is not there, or says half of a pair of parameters. */
  constructor(config: TenantConfig) {
    this.config = config
    this.domains = [config.moera, ...config.acceptedDomains].map((item) =>
      typeof item === 'string'
        ? { name: item.toLowerCase() }
        : { ...item, name: item.name.toLowerCase().replace(/^\*\./, '') },
    )
    this.inboundConnectors = (config.inboundConnectors ?? []).filter((one) => one.enabled !== false)
    this.outboundConnectors = (config.outboundConnectors ?? []).filter((one) => one.enabled !== false)
    this.rules = rulesInOrder(config.rules ?? [])
    this.#recipients = config.recipients && new Set(config.recipients.map((address) => address.toLowerCase()))
    for (const rule of config.rules ?? []) this.#checkRule(rule)
  }

  /** Whether the domain is one of the tenant's. */
  accepts(domain: string): boolean {
    return domain !== '' && this.domains.some((entry) => acceptedBy(entry, domain))
  }

  /** Whether the address is inside the organisation. */
  isInside(address: string): boolean {
    return this.accepts(domainOf(address))
  }

  /** Whether the edge lets mail to this address in. */
  knowsRecipient(address: string): boolean {
    if (!this.#recipients) return true
    const domain = domainOf(address)
    const entry = this.domains.find((candidate) => acceptedBy(candidate, domain))
    return entry?.domainType === 'InternalRelay' || this.#recipients.has(address.toLowerCase())
  }

  /** The outbound connector of that name, if it is there and enabled. */
  outboundConnector(name: string): OutboundConnector | undefined {
    return this.outboundConnectors.find((connector) => connector.name === name)
  }

  /** The connector that takes mail for this domain without a rule, if any. */
  connectorForDomain(domain: string): OutboundConnector | undefined {
    return this.outboundConnectors.find(
      (connector) =>
        connector.isTransportRuleScoped !== true &&
        (connector.recipientDomains ?? []).some(
          (wanted) => wanted === '*' || wanted.toLowerCase() === domain,
        ),
    )
  }

  #checkRule(rule: TransportRule): void {
    const route = rule.routeMessageOutboundConnector
    if (route !== undefined && !this.config.outboundConnectors?.some((one) => one.name === route)) {
      throw new Error(`Rule "${rule.name}": the outbound connector "${route}" is not there`)
    }
    const pairs: [unknown, unknown][] = [
      [rule.headerContainsMessageHeader, rule.headerContainsWords],
      [rule.exceptIfHeaderContainsMessageHeader, rule.exceptIfHeaderContainsWords],
      [rule.setHeaderName, rule.setHeaderValue],
    ]
    if (pairs.some(([one, other]) => (one === undefined) !== (other === undefined))) {
      throw new Error(`Rule "${rule.name}": a header needs its words or value, and they need it`)
    }
  }
}

function acceptedBy(entry: AcceptedDomain, domain: string): boolean {
  return entry.name === domain || (entry.matchSubDomains === true && isBelow(domain, entry.name))
}
