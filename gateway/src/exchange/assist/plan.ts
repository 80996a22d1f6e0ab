/**
 * The objects that a tenant needs for the gateway: two connectors and the rules, as data with the reason for each. Pure; writes
 * no script and asks nobody.
 */
import { createHash } from 'node:crypto'
import { MARKER_FIELD } from '../../mail/marker.ts'
import { AssistError, checkOptions, type AssistOptions, type AssistTenant } from './options.ts'
import type { Value } from './powershell.ts'

/** The version of what the assistant makes; stands in every object's comment. */
export const ASSIST_VERSION = 1

/** What an object is for; each has its texts in `texts.ts`. */
export type Purpose =
  | 'connector-outbound'
  | 'connector-inbound'
  | 'strip-processed'
  | 'strip-marker'
  | 'strip-secret'
  | 'exempt'
  | 'route-outbound'
  | 'route-inbound'
  | 'route-inbound-encrypted'
  | 'route-inbound-signed'
  | 'route-inbound-type'
  | 'spam'
  | 'guard'
  | 'clean-up'

/** A connector as it should be. */
export interface PlannedConnector {
  readonly purpose: Purpose
  readonly name: string
  readonly values: Readonly<Record<string, Value>>
}

/** A rule as it should be, without its enabling. */
export interface PlannedRule extends PlannedConnector {
  /** Parameters that another choice of options sets on this rule: cleared on an update. */
  readonly cleared: readonly string[]
  /** At the top instead of behind the rules that are there. */
  readonly first: boolean
  /** The parameter that takes the pilot group; null: the rule knows no pilot. */
  readonly pilot: 'FromMemberOf' | 'SentToMemberOf' | null
  /** First stage in which the rule is enabled; a guard only when the routing before it is in force everywhere. */
  readonly stage: 'pilot' | 'guard'
}

/** All that is to be made. */
export interface AssistPlan {
  readonly tenant: AssistTenant
  readonly options: AssistOptions
  /** Changes with every setting and choice that changes an object; tells which script an object comes from. */
  readonly generation: string
  /** The comment of every object, as a wildcard of PowerShell: of this version or an earlier one. */
  readonly pattern: string
  readonly outbound: PlannedConnector
  readonly inbound: PlannedConnector
  /** In the order in which they must stand. */
  readonly rules: readonly PlannedRule[]
}

/** Names of the rules that lead to the gateway, under every preset and choice. */
export const ROUTE_NAMES = [
  'S/MIME eingehend',
  'S/MIME ausgehend',
  'Siegel 200 outbound to gateway',
  'Siegel 300 inbound to gateway',
  'Siegel 310 inbound encrypted to gateway',
  'Siegel 320 inbound signed to gateway',
  'Siegel 330 inbound pkcs7 to gateway',
] as const

/** Names of the guards, likewise. */
export const GUARD_NAMES = ['Siegel 800 guard', 'Siegel 810 guard, reporting'] as const

/** Limits of Exchange Online. */
const LONGEST_NAME = 64
const LONGEST_COMMENT = 1024
const LARGEST_RULE = 8192
const LONGEST_PATTERN = 128

/** The two scopes. */
const NOT_IN = { FromScope: 'NotInOrganization', SentToScope: 'InOrganization' } as const
const NOT_OUT = { FromScope: 'InOrganization', SentToScope: 'NotInOrganization' } as const

/** The words of both directions. */
function allWords({ processedHeader }: AssistTenant): readonly string[] {
  return [...processedHeader.outbound, ...processedHeader.inbound]
}

type Rule = Omit<PlannedRule, 'cleared' | 'first' | 'pilot' | 'stage'> & Partial<PlannedRule>

function rule(made: Rule): PlannedRule {
  return { cleared: [], first: false, pilot: null, stage: 'pilot', ...made }
}

function documentedRules(tenant: AssistTenant, options: AssistOptions, connector: string): PlannedRule[] {
  const common = {
    ExceptIfHeaderContainsMessageHeader: 'Received',
    ExceptIfHeaderContainsWords: [tenant.fqdn],
    RouteMessageOutboundConnector: connector,
    StopRuleProcessing: true,
  }
  const oof = options.exempt.includes('OOF')
  return [
    rule({
      purpose: 'route-inbound',
      name: 'S/MIME eingehend',
      values: { ...NOT_IN, ...common },
      pilot: 'SentToMemberOf',
    }),
    rule({
      purpose: 'route-outbound',
      name: 'S/MIME ausgehend',
      values: { ...NOT_OUT, ...common, ...(oof ? { ExceptIfMessageTypeMatches: 'OOF' } : {}) },
      cleared: oof ? [] : ['ExceptIfMessageTypeMatches'],
      pilot: 'FromMemberOf',
    }),
  ]
}

/** What goes before the routing: forged fields go, exempt mail gets its word. */
function recommendedHead(tenant: AssistTenant, options: AssistOptions, secretName: string): PlannedRule[] {
  const { processedHeader } = tenant
  const ranges = options.gatewayAddresses
  const [word] = processedHeader.outbound
  const strips = [
    rule({
      purpose: 'strip-secret',
      name: 'Siegel 010 strip secret field',
      values: { FromScope: 'NotInOrganization', RemoveHeader: secretName },
      first: true,
    }),
  ]
  // Without the gateway's addresses its own mail could not be told from that of others and would lose word and marker.
  const strip = (purpose: Purpose, name: string, field: string): PlannedRule =>
    rule({
      purpose,
      name,
      values: { FromScope: 'NotInOrganization', ExceptIfSenderIpRanges: ranges, RemoveHeader: field },
      first: true,
    })
  if (ranges.length > 0)
    strips.unshift(
      strip('strip-processed', 'Siegel 000 strip processed field', processedHeader.name),
      strip('strip-marker', 'Siegel 005 strip pass marker', MARKER_FIELD),
    )
  if (!options.exempt.includes('PermissionControlled') || word === undefined) return strips
  return [
    ...strips,
    rule({
      purpose: 'exempt',
      name: 'Siegel 100 exempt protected mail',
      values: {
        ...NOT_OUT,
        MessageTypeMatches: 'PermissionControlled',
        SetHeaderName: processedHeader.name,
        SetHeaderValue: word,
      },
    }),
  ]
}

function recommendedRoutes(
  tenant: AssistTenant,
  options: AssistOptions,
  connector: string,
  secret: NonNullable<AssistTenant['secretHeader']>,
): PlannedRule[] {
  const { processedHeader } = tenant
  const route = (direction: 'outbound' | 'inbound') => ({
    ExceptIfHeaderContainsMessageHeader: processedHeader.name,
    ExceptIfHeaderContainsWords: processedHeader[direction],
    SetHeaderName: secret.name,
    SetHeaderValue: `${direction === 'outbound' ? 'out' : 'in'}:${secret[direction][0] ?? ''}`,
    RouteMessageOutboundConnector: connector,
    StopRuleProcessing: true,
  })
  const oof = options.exempt.includes('OOF')
  const inbound = (purpose: Purpose, name: string, values: Record<string, Value>): PlannedRule =>
    rule({ purpose, name, values: { ...NOT_IN, ...values, ...route('inbound') }, pilot: 'SentToMemberOf' })
  return [
    rule({
      purpose: 'route-outbound',
      name: 'Siegel 200 outbound to gateway',
      values: { ...NOT_OUT, ...(oof ? { ExceptIfMessageTypeMatches: 'OOF' } : {}), ...route('outbound') },
      cleared: oof ? [] : ['ExceptIfMessageTypeMatches'],
      pilot: 'FromMemberOf',
    }),
    ...(options.inbound === 'all'
      ? [inbound('route-inbound', 'Siegel 300 inbound to gateway', {})]
      : [
          inbound('route-inbound-encrypted', 'Siegel 310 inbound encrypted to gateway', {
            MessageTypeMatches: 'Encrypted',
          }),
          inbound('route-inbound-signed', 'Siegel 320 inbound signed to gateway', {
            MessageTypeMatches: 'Signed',
          }),
          inbound('route-inbound-type', 'Siegel 330 inbound pkcs7 to gateway', {
            HeaderMatchesMessageHeader: 'Content-Type',
            HeaderMatchesPatterns: ['pkcs7-mime', 'pkcs7-signature'],
          }),
        ]),
  ]
}

function guard(tenant: AssistTenant, options: AssistOptions): PlannedRule[] {
  if (options.guard === 'none') return []
  const oof = options.exempt.includes('OOF')
  const rejecting: Record<string, Value> = {
    RejectMessageEnhancedStatusCode: '5.7.900',
    RejectMessageReasonText:
      'This mail did not pass the S/MIME gateway and was not sent. Please tell your administrator. / ' +
      'Diese Mail lief nicht durch das S/MIME-Gateway und wurde nicht gesendet. Bitte Ihrer Administration melden.',
  }
  const reporting: Record<string, Value> = {
    GenerateIncidentReport: options.reportTo,
    IncidentReportContent: ['Sender', 'Recipients', 'Subject'],
  }
  return [
    rule({
      purpose: 'guard',
      // Two names: what rejects and what reports are two rules, and the one that is not chosen goes.
      name: options.guard === 'reject' ? 'Siegel 800 guard' : 'Siegel 810 guard, reporting',
      values: {
        ...NOT_OUT,
        ExceptIfHeaderContainsMessageHeader: tenant.processedHeader.name,
        ExceptIfHeaderContainsWords: tenant.processedHeader.outbound,
        ...(oof ? { ExceptIfMessageTypeMatches: 'OOF' } : {}),
        ...(options.guard === 'reject' ? rejecting : reporting),
      },
      cleared: oof ? [] : ['ExceptIfMessageTypeMatches'],
      stage: 'guard',
    }),
  ]
}

/** What goes after the routing: on the second pass only, since a routing rule stops. */
function recommendedTail(tenant: AssistTenant, options: AssistOptions): PlannedRule[] {
  const { processedHeader } = tenant
  const spam = rule({
    purpose: 'spam',
    name: 'Siegel 700 keep spam verdict',
    values: {
      HeaderContainsMessageHeader: processedHeader.name,
      HeaderContainsWords: processedHeader.inbound,
      ...(options.gatewayAddresses.length > 0 ? { SenderIpRanges: options.gatewayAddresses } : {}),
      SetSCL: -1,
    },
    cleared: options.gatewayAddresses.length > 0 ? [] : ['SenderIpRanges'],
  })
  return [
    ...(options.spam === 'D' ? [spam] : []),
    ...guard(tenant, options),
    rule({
      purpose: 'clean-up',
      name: 'Siegel 900 clean-up',
      values: {
        HeaderContainsMessageHeader: processedHeader.name,
        HeaderContainsWords: allWords(tenant),
        RemoveHeader: processedHeader.name,
      },
    }),
  ]
}

/** The number of characters that a rule takes, by what it is made of and a generous allowance for what surrounds it. */
export function ruleSize(values: Readonly<Record<string, Value>>): number {
  let size = 1024
  for (const [name, value] of Object.entries(values))
    size +=
      name.length +
      32 +
      (Array.isArray(value) ? value.join('').length + 16 * value.length : String(value).length)
  return size
}

function checkLimits(objects: readonly PlannedConnector[]): void {
  for (const { name, values } of objects) {
    const comment = String(values['Comments'] ?? values['Comment'] ?? '')
    if (name.length > LONGEST_NAME) throw new AssistError(`the name ${name} is too long`)
    if (comment.length > LONGEST_COMMENT) throw new AssistError(`the comment of ${name} is too long`)
    const size = ruleSize(values)
    if (size > LARGEST_RULE)
      throw new AssistError(
        `the rule ${name} would have about ${size} characters, ${LARGEST_RULE} are allowed: drop old words`,
      )
    for (const pattern of [values['HeaderMatchesPatterns'] ?? []].flat())
      if (String(pattern).length > LONGEST_PATTERN) throw new AssistError(`a pattern of ${name} is too long`)
  }
}

/** What the comments of objects say in English. */
const REMARK = 'Made by siegel exchange; do not edit, change the settings of Siegel and run its script again.'

/**
 * Plans the objects of a tenant.
 * @throws AssistError for choices that cannot be
 */
export function makePlan(tenant: AssistTenant, options: AssistOptions): AssistPlan {
  checkOptions(tenant, options)
  const retained = options.spam === 'A'
  const outbound: PlannedConnector = {
    purpose: 'connector-outbound',
    name: 'Siegel to gateway',
    values: {
      ConnectorType: 'OnPremises',
      IsTransportRuleScoped: true,
      UseMXRecord: false,
      SmartHosts: [tenant.fqdn],
      TlsSettings: 'DomainValidation',
      TlsDomain: tenant.fqdn,
      CloudServicesMailEnabled: retained,
      Enabled: true,
    },
  }
  const inbound: PlannedConnector = {
    purpose: 'connector-inbound',
    name: 'Siegel from gateway',
    values: {
      ConnectorType: 'OnPremises',
      SenderDomains: ['*'],
      RequireTls: true,
      RestrictDomainsToCertificate: true,
      TlsSenderCertificateName: options.certificateName,
      CloudServicesMailEnabled: retained,
      EFSkipLastIP: options.spam === 'C',
    },
  }
  const { secretHeader } = tenant
  const bare =
    tenant.preset === 'as-documented' || secretHeader === null
      ? documentedRules(tenant, options, outbound.name)
      : [
          ...recommendedHead(tenant, options, secretHeader.name),
          ...recommendedRoutes(tenant, options, outbound.name, secretHeader),
          ...recommendedTail(tenant, options),
        ]
  const content = JSON.stringify([ASSIST_VERSION, tenant.name, options.spam, outbound, inbound, bare])
  const generation = createHash('sha256').update(content).digest('hex').slice(0, 16)
  const remark = `Siegel/${ASSIST_VERSION} ${tenant.name} ${generation}. ${REMARK}`
  const commented = <T extends PlannedConnector>(object: T, field: string): T => ({
    ...object,
    values: { ...object.values, [field]: remark },
  })
  const plan: AssistPlan = {
    tenant,
    options,
    generation,
    pattern: `Siegel/* ${tenant.name} *`,
    outbound: commented(outbound, 'Comment'),
    inbound: commented(inbound, 'Comment'),
    rules: bare.map((one) =>
      commented({ ...one, values: { ...one.values, Mode: 'Enforce', RuleErrorAction: 'Defer' } }, 'Comments'),
    ),
  }
  checkLimits([plan.outbound, plan.inbound, ...plan.rules])
  return plan
}
