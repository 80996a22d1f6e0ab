// New-, Set-, Get-, Remove-, Enable-, Disable-TransportRule.
import { rangeOf } from '../addresses.ts'
import type { TenantConfig } from '../config.ts'
import type { Call, Cmdlet, ParameterKind } from '../powershell/cmdlet.ts'
import { CmdletError } from '../powershell/errors.ts'
import { exceptionsOf } from '../rules/predicates.ts'
import { MESSAGE_TYPES } from '../rules/rule.ts'
import type { RulePredicates, TransportRule } from '../rules/rule.ts'
import { checkDomain } from './inbound-connector.ts'
import { cmdletsFor } from './fields.ts'
import type { Field, Kind } from './fields.ts'
import { byName, checkLength, notFound } from './session.ts'
import type { Session } from './session.ts'

const LARGEST_RULE = 8192
const LONGEST_PATTERN = 128
const LARGEST_PATTERNS = 20 * 1024
const SCOPES = ['InOrganization', 'NotInOrganization'] as const

const PREDICATES: readonly [string, ParameterKind, keyof RulePredicates][] = [
  ['From', 'string[]', 'from'],
  ['FromMemberOf', 'string[]', 'fromMemberOf'],
  ['FromScope', SCOPES, 'fromScope'],
  ['FromAddressContainsWords', 'string[]', 'fromAddressContainsWords'],
  ['FromAddressMatchesPatterns', 'string[]', 'fromAddressMatchesPatterns'],
  ['SenderDomainIs', 'string[]', 'senderDomainIs'],
  ['SentTo', 'string[]', 'sentTo'],
  ['SentToMemberOf', 'string[]', 'sentToMemberOf'],
  ['SentToScope', SCOPES, 'sentToScope'],
  ['RecipientDomainIs', 'string[]', 'recipientDomainIs'],
  ['RecipientAddressContainsWords', 'string[]', 'recipientAddressContainsWords'],
  ['RecipientAddressMatchesPatterns', 'string[]', 'recipientAddressMatchesPatterns'],
  ['SubjectContainsWords', 'string[]', 'subjectContainsWords'],
  ['SubjectMatchesPatterns', 'string[]', 'subjectMatchesPatterns'],
  ['HeaderContainsMessageHeader', 'string', 'headerContainsMessageHeader'],
  ['HeaderContainsWords', 'string[]', 'headerContainsWords'],
  ['HeaderMatchesMessageHeader', 'string', 'headerMatchesMessageHeader'],
  ['HeaderMatchesPatterns', 'string[]', 'headerMatchesPatterns'],
  ['MessageTypeMatches', MESSAGE_TYPES, 'messageTypeMatches'],
  ['MessageSizeOver', 'int', 'messageSizeOver'],
  ['SCLOver', 'int', 'sclOver'],
  ['SenderIpRanges', 'string[]', 'senderIpRanges'],
]

const ACTIONS: readonly Field[] = [
  { name: 'SetHeaderName', kind: 'string', key: 'setHeaderName', initial: null },
  { name: 'SetHeaderValue', kind: 'string', key: 'setHeaderValue', initial: null },
  { name: 'RemoveHeader', kind: 'string', key: 'removeHeader', initial: null },
  { name: 'SetSCL', kind: 'int', key: 'setSCL', initial: null },
  { name: 'PrependSubject', kind: 'string', key: 'prependSubject', initial: null },
  {
    name: 'RouteMessageOutboundConnector',
    kind: 'string',
    key: 'routeMessageOutboundConnector',
    initial: null,
  },
  {
    name: 'RouteMessageOutboundRequireTls',
    kind: 'bool',
    key: 'routeMessageOutboundRequireTls',
    initial: false,
  },
  {
    name: 'RejectMessageReasonText',
    kind: 'string',
    key: 'rejectMessageReasonText',
    initial: null,
    most: 1024,
  },
  {
    name: 'RejectMessageEnhancedStatusCode',
    kind: 'string',
    key: 'rejectMessageEnhancedStatusCode',
    initial: null,
  },
  { name: 'DeleteMessage', kind: 'bool', key: 'deleteMessage', initial: false },
  { name: 'BlindCopyTo', kind: 'string[]', key: 'blindCopyTo', initial: null },
  { name: 'RedirectMessageTo', kind: 'string[]', key: 'redirectMessageTo', initial: null },
  { name: 'ApplyHtmlDisclaimerText', kind: 'string', key: 'applyHtmlDisclaimerText', initial: null },
  { name: 'ApplyHtmlDisclaimerLocation', kind: ['Append', 'Prepend'], key: 'applyHtmlDisclaimerLocation', initial: null }, // prettier-ignore
  { name: 'ApplyHtmlDisclaimerFallbackAction', kind: ['Wrap', 'Ignore', 'Reject'], key: 'applyHtmlDisclaimerFallbackAction', initial: null }, // prettier-ignore
  { name: 'GenerateIncidentReport', kind: 'string', key: 'generateIncidentReport', initial: null },
  { name: 'IncidentReportContent', kind: 'string[]', key: 'incidentReportContent', initial: null },
  { name: 'StopRuleProcessing', kind: 'bool', key: 'stopRuleProcessing', initial: false },
]

/** Conditions of Exchange Online that are not simulated. */
const MISSING_PREDICATES = ['AnyOfCcHeader', 'AnyOfCcHeaderMemberOf', 'AnyOfRecipientAddressContainsWords', 'AnyOfRecipientAddressMatchesPatterns', 'AnyOfToCcHeader', 'AnyOfToCcHeaderMemberOf', 'AnyOfToHeader', 'AnyOfToHeaderMemberOf', 'AttachmentContainsWords', 'AttachmentExtensionMatchesWords', 'AttachmentHasExecutableContent', 'AttachmentIsPasswordProtected', 'AttachmentIsUnsupported', 'AttachmentMatchesPatterns', 'AttachmentNameMatchesPatterns', 'AttachmentProcessingLimitExceeded', 'AttachmentPropertyContainsWords', 'AttachmentSizeOver', 'BetweenMemberOf1', 'BetweenMemberOf2', 'ContentCharacterSetContainsWords', 'HasClassification', 'HasNoClassification', 'HasSenderOverride', 'ManagerAddresses', 'ManagerForEvaluatedUser', 'MessageContainsDataClassifications', 'RecipientADAttributeContainsWords', 'RecipientADAttributeMatchesPatterns', 'RecipientInSenderList', 'SenderADAttributeContainsWords', 'SenderADAttributeMatchesPatterns', 'SenderInRecipientList', 'SenderManagementRelationship', 'SubjectOrBodyContainsWords', 'SubjectOrBodyMatchesPatterns', 'WithImportance'] // prettier-ignore
/** The same for actions. */
const MISSING_ACTIONS = ['AddManagerAsRecipientType', 'AddToRecipients', 'ApplyClassification', 'ApplyOME', 'ApplyRightsProtectionTemplate', 'ApplyRightsProtectionCustomizationTemplate', 'CopyTo', 'DlpPolicy', 'GenerateNotification', 'ModerateMessageByManager', 'ModerateMessageByUser', 'NotifySender', 'Quarantine', 'RemoveOME', 'RemoveOMEv2', 'RemoveRMSAttachmentEncryption', 'SmtpRejectMessageRejectStatusCode', 'SmtpRejectMessageRejectText'] // prettier-ignore

function missing(name: string): Field {
  return { name, kind: 'any', key: '', initial: null, missing: true }
}

const FIELDS: readonly Field[] = [
  { name: 'Name', kind: 'string', key: 'name', initial: '', most: 64, mandatory: true },
  { name: 'Comments', kind: 'string', key: 'comments', initial: null, most: 1024 },
  { name: 'Enabled', kind: 'bool', key: 'enabled', initial: true, only: 'New' },
  { name: 'Priority', kind: 'int', key: 'priority', initial: 0 },
  { name: 'Mode', kind: ['Audit', 'AuditAndNotify', 'Enforce'], key: 'mode', initial: 'Enforce' },
  { name: 'RuleErrorAction', kind: ['Ignore', 'Defer'], key: 'ruleErrorAction', initial: 'Ignore' },
  { name: 'SenderAddressLocation', kind: ['Header', 'Envelope', 'HeaderOrEnvelope'], key: 'senderAddressLocation', initial: 'Header' }, // prettier-ignore
  {
    name: 'RecipientAddressType',
    kind: ['Original', 'Resolved'],
    key: 'recipientAddressType',
    initial: 'Resolved',
  },
  { name: 'ActivationDate', kind: 'date', key: 'activationDate', initial: null },
  { name: 'ExpiryDate', kind: 'date', key: 'expiryDate', initial: null },
  {
    name: 'SetAuditSeverity',
    kind: ['DoNotAudit', 'Low', 'Medium', 'High'],
    key: 'setAuditSeverity',
    initial: null,
  },
  { name: 'UseLegacyRegex', kind: 'bool', key: 'useLegacyRegex', initial: false },
  ...PREDICATES.flatMap(([name, kind, key]): Field[] => [
    { name, kind, key, initial: null },
    {
      name: `ExceptIf${name}`,
      kind,
      key: `exceptIf${key.charAt(0).toUpperCase()}${key.slice(1)}`,
      initial: null,
    },
  ]),
  ...ACTIONS,
  ...MISSING_PREDICATES.flatMap((name) => [missing(name), missing(`ExceptIf${name}`)]),
  ...MISSING_ACTIONS.map(missing),
]

function refuse(message: string, reason = 'ArgumentException'): never {
  throw new CmdletError(message, reason)
}

function check(
  made: TransportRule,
  _call: Call,
  tenant: TenantConfig,
  before: TransportRule | undefined,
): TransportRule {
  const rule = placed(made, tenant, before)
  for (const [predicates, prefix] of [[rule, ''], [exceptionsOf(rule), 'ExceptIf']] as const) checkPredicates(predicates, prefix, tenant) // prettier-ignore
  checkActions(rule, tenant)
  const patterns = [rule, exceptionsOf(rule)].flatMap((one) => patternsOf(one)).join('')
  const others = (tenant.rules ?? []).filter((one) => one.name !== before?.name)
  const all = patterns.length + others.flatMap((one) => [...patternsOf(one), ...patternsOf(exceptionsOf(one))]).join('').length // prettier-ignore
  if (all > LARGEST_PATTERNS)
    refuse(`All regular expressions of the mail flow rules together may have ${LARGEST_PATTERNS} characters.`)
  const size = sizeOf(rule)
  if (size > LARGEST_RULE) {
    refuse(`The rule cannot be created because it is too large. It has ${size} characters and the maximum number of characters is ${LARGEST_RULE}.`) // prettier-ignore
  }
  const route = rule.routeMessageOutboundConnector
  const connector = route === undefined ? undefined : connectorOf(tenant, route)
  return connector === undefined ? rule : { ...rule, routeMessageOutboundConnector: connector }
}

/** The rule with a priority between those of its neighbours to be; {@link renumbered} makes them whole numbers. */
function placed(made: TransportRule, tenant: TenantConfig, before: TransportRule | undefined): TransportRule {
  const count = (tenant.rules ?? []).length
  const last = before ? count - 1 : count
  if (made.priority === undefined) return { ...made, priority: before?.priority ?? last }
  if (made.priority < 0 || made.priority > last) {
    refuse(
      `The priority ${made.priority} isn't valid. It must be between 0 and ${last}.`,
      'InvalidPriorityException',
    )
  }
  if (before?.priority === made.priority) return made
  return {
    ...made,
    priority: made.priority + (before && made.priority > (before.priority ?? 0) ? 0.5 : -0.5),
  }
}

function inOrder(rules: readonly TransportRule[]): TransportRule[] {
  return rules
    .map((rule, index) => ({ rule, index }))
    .sort((a, b) => (a.rule.priority ?? Infinity) - (b.rule.priority ?? Infinity) || a.index - b.index)
    .map(({ rule }) => rule)
}

function renumbered(rules: readonly TransportRule[]): TransportRule[] {
  return inOrder(rules).map((rule, priority) => ({ ...rule, priority }))
}

function checkPredicates(rule: RulePredicates, prefix: string, tenant: TenantConfig): void {
  const pairs: [unknown, unknown, string][] = [
    [rule.headerContainsMessageHeader, rule.headerContainsWords, 'HeaderContains'],
    [rule.headerMatchesMessageHeader, rule.headerMatchesPatterns, 'HeaderMatches'],
  ]
  for (const [header, values, name] of pairs) {
    if ((header === undefined) !== (values === undefined)) {
      const [a, b] = [`${prefix}${name}MessageHeader`, `${prefix}${name}${name === 'HeaderMatches' ? 'Patterns' : 'Words'}`] // prettier-ignore
      refuse(`The parameters ${a} and ${b} must be used together.`)
    }
  }
  for (const header of [rule.headerContainsMessageHeader, rule.headerMatchesMessageHeader])
    checkHeaderName(header)
  const words = [rule.headerContainsWords, rule.subjectContainsWords, rule.fromAddressContainsWords, rule.recipientAddressContainsWords].flatMap((one) => one ?? []) // prettier-ignore
  for (const word of words) {
    checkLength(word, LONGEST_PATTERN)
    if (word !== word.trim()) refuse(`The word "${word}" begins or ends with a space.`)
  }
  for (const pattern of patternsOf(rule)) {
    checkLength(pattern, LONGEST_PATTERN)
    try {
      new RegExp(pattern, 'i')
    } catch {
      refuse(`The regular expression "${pattern}" isn't valid.`)
    }
  }
  for (const group of [...(rule.fromMemberOf ?? []), ...(rule.sentToMemberOf ?? [])]) {
    if (!Object.keys(tenant.groups ?? {}).some((name) => name.toLowerCase() === group.toLowerCase()))
      throw notFound(group)
  }
  for (const range of rule.senderIpRanges ?? []) {
    if (!rangeOf(range)) refuse(`The IP address or range "${range}" isn't valid.`)
  }
  for (const domain of [...(rule.senderDomainIs ?? []), ...(rule.recipientDomainIs ?? [])])
    checkDomain(domain, 'DomainIs')
  const scl = rule.sclOver
  if (scl !== undefined && (scl < -1 || scl > 9))
    refuse(`The value ${scl} of SCLOver isn't valid. It must be between -1 and 9.`)
}

function patternsOf(rule: RulePredicates): string[] {
  return [rule.headerMatchesPatterns, rule.subjectMatchesPatterns, rule.fromAddressMatchesPatterns, rule.recipientAddressMatchesPatterns].flatMap((one) => one ?? []) // prettier-ignore
}

function connectorOf(tenant: TenantConfig, name: string): string | undefined {
  return tenant.outboundConnectors?.find((one) => one.name.toLowerCase() === name.toLowerCase())?.name
}

function checkHeaderName(name: string | undefined): void {
  if (name !== undefined && !/^[!-9;-~]+$/.test(name)) refuse(`The header name "${name}" isn't valid.`)
}

function checkActions(rule: TransportRule, tenant: TenantConfig): void {
  if ((rule.setHeaderName === undefined) !== (rule.setHeaderValue === undefined)) {
    refuse('The parameters SetHeaderName and SetHeaderValue must be used together.')
  }
  checkHeaderName(rule.setHeaderName)
  checkHeaderName(rule.removeHeader)
  const { setSCL, rejectMessageEnhancedStatusCode: status, routeMessageOutboundConnector: route } = rule
  if (setSCL !== undefined && (setSCL < -1 || setSCL > 9)) refuse(`The value ${setSCL} of SetSCL isn't valid. It must be between -1 and 9.`) // prettier-ignore
  if (status !== undefined && !/^5\.7\.(1|9\d\d)$/.test(status)) {
    refuse(`The enhanced status code "${status}" isn't valid. Use 5.7.1 or a value from 5.7.900 to 5.7.999.`)
  }
  if (route !== undefined && !connectorOf(tenant, route)) {
    refuse(`The outbound connector "${route}" couldn't be found. A mail flow rule can route messages to an outbound connector only.`, 'OutboundConnectorNotFoundException') // prettier-ignore
  }
  const acts = ACTIONS.some(({ key }) => key in rule)
  if (!acts) refuse('The rule has no action. You must specify at least one action.')
}

/** Characters of the rule as it is stored; how Exchange counts them is not known, this is near. */
function sizeOf(rule: TransportRule): number {
  return Object.entries(rule)
    .filter(([key]) => !['name', 'comments', 'enabled', 'priority', 'mode'].includes(key))
    .reduce(
      (sum, [key, value]) =>
        sum + key.length + (Array.isArray(value) ? value.join(',') : String(value)).length,
      0,
    )
}

const KIND: Kind<TransportRule> = {
  noun: 'TransportRule',
  title: 'mail flow rule',
  type: 'Microsoft.Exchange.MessagingPolicies.Rules.Tasks.Rule',
  fields: FIELDS,
  list: (tenant) => renumbered(tenant.rules ?? []),
  put: (tenant, list) => ({ ...tenant, rules: renumbered(list) }),
  check,
  extra: (rule) => [
    ['State', rule.enabled === false ? 'Disabled' : 'Enabled'],
    ['Guid', null],
    ['Description', ''],
  ],
}

function switching(verb: 'Enable' | 'Disable', session: Session): Cmdlet {
  return {
    name: `${verb}-TransportRule`,
    parameters: [
      { name: 'Identity', kind: 'string', position: 0, mandatory: true },
      ...(verb === 'Enable' ? [{ name: 'Mode', kind: ['Audit', 'AuditAndNotify', 'Enforce'] } as const] : []),
    ],
    shouldProcess: true,
    perObject: 'Identity',
    run: (call) => {
      const tenant = session.tenant()
      const rules = KIND.list(tenant)
      const rule = byName(rules, call.text('Identity') ?? '')
      if (!call.shouldProcess(rule.name, `${verb.replace(/e$/, '')}ing mail flow rule`)) return []
      const mode = call.text('Mode')
      // The parameter is an enumeration of exactly these.
      const changed: TransportRule = { ...rule, enabled: verb === 'Enable', ...(mode === undefined ? {} : { mode: mode as NonNullable<TransportRule['mode']> }) } // prettier-ignore
      session.change(KIND.put(tenant, rules.map((one) => (one.name === rule.name ? changed : one)))) // prettier-ignore
      return []
    },
  }
}

/** Get-TransportRule knows -State besides what every Get- knows. */
function withState(cmdlet: Cmdlet): Cmdlet {
  if (cmdlet.name !== 'Get-TransportRule') return cmdlet
  return {
    ...cmdlet,
    parameters: [
      ...cmdlet.parameters,
      { name: 'State', kind: ['Enabled', 'Disabled'] },
      { name: 'Filter', kind: 'string' },
    ],
    run: async (call) => {
      const found = await cmdlet.run(call)
      const state = call.text('State')
      return state === undefined ? found : found.filter((one) => one !== null && typeof one === 'object' && 'get' in one && one.get('State') === state) // prettier-ignore
    },
  }
}

/** The cmdlets. */
export function transportRuleCmdlets(session: Session): Cmdlet[] {
  return [
    ...cmdletsFor(KIND, session).map(withState),
    switching('Enable', session),
    switching('Disable', session),
  ]
}
