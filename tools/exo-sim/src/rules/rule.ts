// A mail-flow rule as New-TransportRule takes it: the parameters that this slice knows, names in camel case.
// It is only the shape; engine.ts applies it.

/** Inside or outside of the organisation. */
export type Scope = 'InOrganization' | 'NotInOrganization'

/** A mail-flow rule. All conditions must hold, no exception may. */
export interface TransportRule {
  /** Unique in the tenant. */
  name: string
  /** Default true. */
  enabled?: boolean
  /** 0 comes first. Default: the order of the list, after all rules that say it. */
  priority?: number
  /** Where the sender is. */
  fromScope?: Scope
  /** Where the recipients are. */
  sentToScope?: Scope
  /** Condition: this header … */
  headerContainsMessageHeader?: string
  /** … contains one of these words. */
  headerContainsWords?: string[]
  /** Exception: this header … */
  exceptIfHeaderContainsMessageHeader?: string
  /** … contains one of these words. */
  exceptIfHeaderContainsWords?: string[]
  /** Action: set this header … */
  setHeaderName?: string
  /** … to this value. */
  setHeaderValue?: string
  /** Action: remove every instance of this header. */
  removeHeader?: string
  /** Action: route the message to this outbound connector. */
  routeMessageOutboundConnector?: string
  /** Action: do not look at later rules. */
  stopRuleProcessing?: boolean
}
