// A mail-flow rule as New-TransportRule takes it: names of the parameters in camel case.
// It is only the shape; engine.ts applies it.

/** Inside or outside of the organisation. */
export type Scope = 'InOrganization' | 'NotInOrganization'

/** Kinds of messages that a rule can tell. */
export const MESSAGE_TYPES = ['OOF', 'AutoForward', 'Encrypted', 'Calendaring', 'PermissionControlled', 'Voicemail', 'Signed', 'ApprovalRequest', 'ReadReceipt'] as const // prettier-ignore

/** One of them. */
export type MessageType = (typeof MESSAGE_TYPES)[number]

/** What a rule looks at. Each has a twin that begins with `exceptIf`. Within a list one is enough. */
export interface RulePredicates {
  /** Senders. */
  from?: string[]
  /** Groups that the sender is in. */
  fromMemberOf?: string[]
  /** Where the sender is. */
  fromScope?: Scope
  /** Words in the sender's address. */
  fromAddressContainsWords?: string[]
  /** Regular expressions for the sender's address. */
  fromAddressMatchesPatterns?: string[]
  /** Domains of the sender; their subdomains count. */
  senderDomainIs?: string[]
  /** Recipients. */
  sentTo?: string[]
  /** Groups that a recipient is in. */
  sentToMemberOf?: string[]
  /** Where the recipients are. */
  sentToScope?: Scope
  /** Domains of the recipients; their subdomains count. */
  recipientDomainIs?: string[]
  /** Words in a recipient's address. */
  recipientAddressContainsWords?: string[]
  /** Regular expressions for a recipient's address. */
  recipientAddressMatchesPatterns?: string[]
  /** Words in the subject. */
  subjectContainsWords?: string[]
  /** Regular expressions for the subject. */
  subjectMatchesPatterns?: string[]
  /** This header … */
  headerContainsMessageHeader?: string
  /** … contains one of these words. */
  headerContainsWords?: string[]
  /** This header … */
  headerMatchesMessageHeader?: string
  /** … matches one of these regular expressions. */
  headerMatchesPatterns?: string[]
  /** The kind of message. */
  messageTypeMatches?: MessageType
  /** Octets that the message has more than. */
  messageSizeOver?: number
  /** Spam confidence level that the message has at least. */
  sclOver?: number
  /** Addresses of the last hop. */
  senderIpRanges?: string[]
}

/** Exceptions. */
export type RuleExceptions = { [K in keyof RulePredicates as `exceptIf${Capitalize<K>}`]?: RulePredicates[K] }

/** A mail-flow rule. All conditions must hold, no exception may. */
export interface TransportRule extends RulePredicates, RuleExceptions {
  /** Unique in the tenant. */
  name: string
  /** Default true. */
  enabled?: boolean
  /** 0 comes first. Default: the order of the list, after all rules that say it. */
  priority?: number
  /** Only `Enforce`, the default, does anything. */
  mode?: 'Audit' | 'AuditAndNotify' | 'Enforce'
  /** What happens when the rule cannot be processed. Default `Ignore`: the message goes on without it. */
  ruleErrorAction?: 'Ignore' | 'Defer'
  /** Where the sender of From…, SenderDomainIs is looked for. Default `Header`. */
  senderAddressLocation?: 'Header' | 'Envelope' | 'HeaderOrEnvelope'
  /** Stored. */
  recipientAddressType?: 'Original' | 'Resolved'
  /** Free text. */
  comments?: string
  /** From when on. */
  activationDate?: Date
  /** Until when. */
  expiryDate?: Date
  /** Stored. */
  setAuditSeverity?: string
  /** Stored: .NET's older regular expressions. */
  useLegacyRegex?: boolean
  /** Action: set this header … */
  setHeaderName?: string
  /** … to this value. */
  setHeaderValue?: string
  /** Action: remove every instance of this header. */
  removeHeader?: string
  /** Action: set the spam confidence level. */
  setSCL?: number
  /** Action: put this before the subject. */
  prependSubject?: string
  /** Action: route the message to this outbound connector. */
  routeMessageOutboundConnector?: string
  /** Action: leave by TLS only. */
  routeMessageOutboundRequireTls?: boolean
  /** Action: refuse the message with a non-delivery report that says this. */
  rejectMessageReasonText?: string
  /** Status of that report. Default 5.7.1. */
  rejectMessageEnhancedStatusCode?: string
  /** Action: drop the message silently. */
  deleteMessage?: boolean
  /** Action: further recipients that nobody sees. */
  blindCopyTo?: string[]
  /** Action: these recipients instead. */
  redirectMessageTo?: string[]
  /** Action: this address gets a report. */
  generateIncidentReport?: string
  /** What the report is to hold. Stored. */
  incidentReportContent?: string[]
  /** Disclaimer. Stored, so that a script can find it; the text is not changed. */
  applyHtmlDisclaimerText?: string
  /** The same. */
  applyHtmlDisclaimerLocation?: 'Append' | 'Prepend'
  /** The same. */
  applyHtmlDisclaimerFallbackAction?: 'Wrap' | 'Ignore' | 'Reject'
  /** Action: do not look at later rules. */
  stopRuleProcessing?: boolean
}
