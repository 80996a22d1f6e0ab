// Ready-made mail-flow rules for an S/MIME gateway: as an administrator's how-to has them, and the safer set.
// The connectors they name must exist in the tenant.
import type { TransportRule } from './rule.ts'

/** Names for {@link asDocumentedRules}. */
export interface DocumentedRulesOptions {
  /** FQDN that stands in the gateway's Received line. */
  gatewayFqdn: string
  /** Name of the outbound connector to the gateway. */
  connector: string
}

/** Two rules, inbound and outbound, whose only loop guard is `Received` containing the gateway's FQDN. */
export function asDocumentedRules(options: DocumentedRulesOptions): TransportRule[] {
  const common = {
    exceptIfHeaderContainsMessageHeader: 'Received',
    exceptIfHeaderContainsWords: [options.gatewayFqdn],
    routeMessageOutboundConnector: options.connector,
    stopRuleProcessing: true,
  }
  return [
    { name: 'S/MIME inbound', fromScope: 'NotInOrganization', sentToScope: 'InOrganization', ...common },
    { name: 'S/MIME outbound', fromScope: 'InOrganization', sentToScope: 'NotInOrganization', ...common },
  ]
}

/** Words of {@link RecommendedRulesOptions.processedWords}. */
export type ProcessedWords = readonly string[] | { outbound: readonly string[]; inbound: readonly string[] }

/** Names and secrets for {@link recommendedRules}. */
export interface RecommendedRulesOptions {
  /** Name of the outbound connector to the gateway. */
  connector: string
  /** Header that carries the secret to the gateway. */
  secretHeader: string
  /** Whole value of that header on outbound mail, for example `out:` and a random text. */
  outboundSecret: string
  /** Whole value of that header on inbound mail. */
  inboundSecret: string
  /** Header by which the gateway says that a mail was processed. */
  processedHeader: string
  /** The words that it says, for both directions or for each. */
  processedWords: ProcessedWords
}

/**
 * Outbound and inbound rule with a secret header per direction and the processed word as loop guard, and a last
 * rule that removes the processed header before the mail is delivered.
 */
export function recommendedRules(options: RecommendedRulesOptions): TransportRule[] {
  const { processedWords: words, processedHeader } = options
  const outbound = 'outbound' in words ? words.outbound : words
  const inbound = 'inbound' in words ? words.inbound : words
  const common = {
    exceptIfHeaderContainsMessageHeader: processedHeader,
    setHeaderName: options.secretHeader,
    routeMessageOutboundConnector: options.connector,
    stopRuleProcessing: true,
  }
  return [
    {
      name: 'S/MIME gateway outbound',
      priority: 0,
      fromScope: 'InOrganization',
      sentToScope: 'NotInOrganization',
      exceptIfHeaderContainsWords: [...outbound],
      setHeaderValue: options.outboundSecret,
      ...common,
    },
    {
      name: 'S/MIME gateway inbound',
      priority: 1,
      fromScope: 'NotInOrganization',
      sentToScope: 'InOrganization',
      exceptIfHeaderContainsWords: [...inbound],
      setHeaderValue: options.inboundSecret,
      ...common,
    },
    {
      name: 'S/MIME gateway clean-up',
      priority: 2,
      headerContainsMessageHeader: processedHeader,
      headerContainsWords: [...new Set([...outbound, ...inbound])],
      removeHeader: processedHeader,
    },
  ]
}
