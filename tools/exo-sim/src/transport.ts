// What Exchange does with a message once it has it: firewall, stamps, rules, bifurcation, and where each fork goes.
// It speaks no SMTP: forks that leave go to the queue, those that stay to mailboxes.
import type { Assumptions } from './config.ts'
import { mailDate } from './message/dates.ts'
import { field } from './message/message.ts'
import type { HeaderField, Message } from './message/message.ts'
import type { Target } from './outbound/queue.ts'
import { applyRules, noOutcome } from './rules/engine.ts'
import type { RuleOutcome } from './rules/engine.ts'
import { recipientKey } from './rules/predicates.ts'
import type { RuleFacts } from './rules/predicates.ts'
import type { Scope } from './rules/rule.ts'
import type { Envelope, EnvelopeRecipient } from './smtp/envelope.ts'
import type { Arrival, AuthAs } from './stamps.ts'
import * as stamps from './stamps.ts'
import type { Tenant } from './tenant.ts'
import { domainOf } from './tls/names.ts'

/** What was decided about one fork. */
export interface ForkDecision {
  /** Recipients of the fork. */
  recipients: string[]
  /** Names of the rules that applied. */
  rules: string[]
  /** Connector that a rule chose. */
  connector: string | undefined
  /** Where sender and recipients are. */
  fromScope: Scope
  sentToScope: Scope
  /** Names of the rules in a mode of audit that would have applied. */
  audited?: string[]
  /** What a rule did instead of letting the fork go on. */
  ended?: 'rejected' | 'deleted' | 'deferred'
}

/** A message for a dry run of the rules. */
export interface DryRun {
  sender: string
  recipients: string[]
  /** The message; absent: a plain one. */
  message: string | undefined
}

/** Where forks go. */
interface Destinations {
  /** Into the queue. */
  queue(
    target: Target,
    tenant: Tenant,
    messageId: string,
    envelope: Envelope,
    message: Message,
    signs: string[],
  ): void
  /** Into a mailbox. */
  deliver(tenant: Tenant, recipient: string, sender: string, message: Message): void
  /** Whether some tenant of the forest has the domain. */
  hosted(domain: string): boolean
  /** Told of each fork. */
  decided(tenant: Tenant, messageId: string, decision: ForkDecision): void
  /** The sender is told that these were not reached. */
  reject(tenant: Tenant, message: Message, envelope: Envelope, reply: string): void
  /** Somebody is told that a rule has applied. */
  incident(tenant: Tenant, to: string, rule: string, messageId: string): void
  /** The fork waits because a rule could not be processed. */
  defer(tenant: Tenant, again: (tenant: Tenant) => void, expired: () => void): void
  /** Counts a recipient outside; a text is the refusal. */
  mayLeave(tenant: Tenant, sender: string): string | undefined
}

/** Names of the servers that a message passes. */
interface Servers {
  /** Front end, for example `AMS0EPF0000019A.mail.protection.outlook.com`. */
  frontEnd: string
  /** Back end, for example `AM9PR04MB8234.eurprd04.prod.outlook.com`. */
  backEnd: string
}

const VERSION = '15.20.9000.12'

/** What transport works with. */
export interface TransportContext {
  /** Names in Received lines and stamps. */
  servers: Servers
  /** What is unproven. */
  assumptions: Assumptions
  /** Where forks go. */
  destinations: Destinations
}

/** Received lines (RFC 5321 4.4) that one entry adds, top first. */
function receivedLines(arrival: Arrival, servers: Servers): HeaderField[] {
  const { reception } = arrival
  const date = mailDate(arrival.at)
  if (!reception) {
    const mapi = `from ${servers.backEnd} ([fe80::1]) by ${servers.backEnd} ([fe80::1%4]) with mapi id ${VERSION}`
    return [field('Received', `${mapi};\r\n ${date}`)]
  }
  const tls = reception.tls === '' ? '' : ` (${reception.tls})`
  return [
    field(
      'Received',
      `from ${servers.frontEnd} (2603:10a6:20b:0:cafe::1) by ${servers.backEnd}\r\n` +
        ` (2603:10a6:20b::1) with Microsoft SMTP Server (version=TLS1_3,\r\n` +
        ` cipher=TLS_AES_256_GCM_SHA384) id ${VERSION}; ${date}`,
    ),
    field(
      'Received',
      `from ${reception.ehlo} (${arrival.clientAddress}) by\r\n ${servers.frontEnd} (10.167.16.246) with Microsoft\r\n` +
        ` SMTP Server${tls} id ${VERSION} via Frontend\r\n Transport; ${date}`,
    ),
  ]
}

/** Takes a message through transport. The message is changed. */
export function transport(
  message: Message,
  envelope: Envelope,
  arrival: Arrival,
  context: TransportContext,
): void {
  const { tenant } = arrival
  const { servers, assumptions } = context
  if (arrival.origin === 'front-end') stamps.firewallOnEntry(message, arrival)
  const as = judgeAuthAs(message, arrival, assumptions)
  stamps.stamp(message, arrival, as)
  const top = receivedLines(arrival, servers)
  if (arrival.directionality === 'Incoming')
    top.unshift(arrival.authentication ?? stamps.authenticationResults(message, arrival))
  message.prepend(top)
  const messageId = message.value('Message-ID') ?? ''
  const fromScope: Scope =
    as === 'Internal' && tenant.isInside(stamps.senderAddress(message) || envelope.sender)
      ? 'InOrganization'
      : 'NotInOrganization'
  const pass: Pass = {
    arrival,
    envelope,
    messageId,
    fromScope,
    context,
    exempt: isDeliveryReport(message, envelope),
  }
  for (const group of bifurcate(message, pass, tenant)) processFork(message.fork(), group, pass, tenant)
}

/** One run of a message through transport. */
interface Pass {
  arrival: Arrival
  envelope: Envelope
  messageId: string
  fromScope: Scope
  context: TransportContext
  /** Whether rules do not look at the message. */
  exempt: boolean
}

/** Recipients whom the rules see alike. */
interface Group {
  sentTo: Scope
  recipients: EnvelopeRecipient[]
}

function processFork(fork: Message, group: Group, pass: Pass, tenant: Tenant): void {
  const { messageId, context } = pass
  const { destinations } = context
  const envelope = { ...pass.envelope, recipients: group.recipients }
  const before = fork.fork()
  const outcome = pass.exempt
    ? noOutcome()
    : applyRules(tenant.rules, fork, factsOf(fork, pass, group, tenant))
  const ended = outcome.deferredBy !== undefined ? 'deferred' : outcome.rejected ? 'rejected' : outcome.deleted ? 'deleted' : undefined // prettier-ignore
  destinations.decided(tenant, messageId, {
    recipients: group.recipients.map(({ address }) => address),
    rules: outcome.applied,
    connector: outcome.connector,
    fromScope: pass.fromScope,
    sentToScope: group.sentTo,
    ...(outcome.audited.length > 0 ? { audited: outcome.audited } : {}),
    ...(ended ? { ended } : {}),
  })
  for (const { to, rule } of outcome.incidents) destinations.incident(tenant, to, rule, messageId)
  if (outcome.deferredBy !== undefined) {
    const again = (now: Tenant): void => {
      processFork(before, group, pass, now)
    }
    destinations.defer(tenant, again, () => {
      destinations.reject(tenant, before, envelope, '550 5.4.300 Message expired')
    })
    return
  }
  if (outcome.rejected) {
    const { status, text } = outcome.rejected
    destinations.reject(tenant, before, envelope, `550 ${status} TRANSPORT.RULES.RejectMessage; ${text}`)
    return
  }
  if (outcome.deleted) return
  const recipients = [
    ...(outcome.redirected?.map((address) => ({ address })) ?? group.recipients),
    ...outcome.copies.map((address) => ({ address })),
  ]
  dispatch(fork, { ...envelope, recipients }, messageId, outcome, tenant, context)
}

function factsOf(message: Message, pass: Pass, group: Group, tenant: Tenant): RuleFacts {
  const { arrival, context } = pass
  return {
    from: pass.fromScope,
    sentTo: group.sentTo,
    everyInstance: context.assumptions.headerContains !== 'first',
    headerSender: stamps.senderAddress(message),
    envelopeSender: pass.envelope.sender,
    recipients: group.recipients.map(({ address }) => address),
    clientAddress: arrival.clientAddress,
    groups: tenant.config.groups ?? {},
    at: new Date(),
    broken: tenant.config.brokenRules ?? [],
  }
}

function judgeAuthAs(message: Message, arrival: Arrival, assumptions: Assumptions): AuthAs {
  if (arrival.origin === 'mailbox' || arrival.internal) return 'Internal'
  const promoted = stamps.authAs(message)
  if (promoted) return promoted
  const trusting = assumptions.originatingIsInside === true
  return trusting && arrival.directionality === 'Originating' ? 'Internal' : 'Anonymous'
}

/** Rules never see non-delivery reports. */
function isDeliveryReport(message: Message, envelope: Envelope): boolean {
  if (envelope.sender !== '') return false
  const type = (message.value('Content-Type') ?? '').toLowerCase()
  return type.startsWith('multipart/report') && type.includes('delivery-status')
}

/** Groups of recipients whom the rules see alike; one group, if no rule tells recipients apart. */
function bifurcate(message: Message, pass: Pass, tenant: Tenant): Group[] {
  const groups = new Map<string, Group>()
  for (const recipient of pass.envelope.recipients) {
    const sentTo: Scope = tenant.isInside(recipient.address) ? 'InOrganization' : 'NotInOrganization'
    const facts = factsOf(message, pass, { sentTo, recipients: [recipient] }, tenant)
    const key = recipientKey(tenant.rules, message, facts)
    const group = groups.get(key)
    if (group) group.recipients.push(recipient)
    else groups.set(key, { sentTo, recipients: [recipient] })
  }
  return [...groups.values()]
}

function dispatch(
  message: Message,
  envelope: Envelope,
  messageId: string,
  outcome: RuleOutcome,
  tenant: Tenant,
  { servers, destinations }: TransportContext,
): void {
  const groups = new Map<string, { target: Target; recipients: EnvelopeRecipient[] }>()
  for (const recipient of envelope.recipients) {
    const domain = domainOf(recipient.address)
    const connector = outcome.connector ?? tenant.connectorForDomain(domain)?.name
    if (connector === undefined && tenant.isInside(recipient.address)) {
      destinations.deliver(tenant, recipient.address, envelope.sender, message.fork())
      continue
    }
    const target: Target =
      connector === undefined
        ? { kind: destinations.hosted(domain) ? 'hosted' : 'internet' }
        : { kind: 'connector', tenant: tenant.config.id, name: connector, requireTls: outcome.requireTls }
    const refusal = target.kind === 'connector' ? undefined : destinations.mayLeave(tenant, envelope.sender)
    if (refusal !== undefined) {
      destinations.reject(tenant, message, { ...envelope, recipients: [recipient] }, refusal)
      continue
    }
    const key = JSON.stringify(target)
    const group = groups.get(key)
    if (group) group.recipients.push(recipient)
    else groups.set(key, { target, recipients: [recipient] })
  }
  for (const { target, recipients } of groups.values()) {
    const leaving = message.fork()
    const preserve =
      target.kind === 'connector' && tenant.outboundConnector(target.name)?.cloudServicesMailEnabled === true
    stamps.firewallOnLeaving(leaving, preserve, servers.backEnd)
    // The leaving message has lost what says that it is from inside, so the domains that sign are found before.
    destinations.queue(
      target,
      tenant,
      messageId,
      { ...envelope, recipients },
      leaving,
      signingDomains(message, tenant),
    )
  }
}

/** Domains whose DKIM key signs a message from inside: the MOERA and that of the From field. */
function signingDomains(message: Message, tenant: Tenant): string[] {
  if (message.value('X-MS-Exchange-Organization-AuthAs') !== 'Internal') return []
  const from = domainOf(stamps.senderAddress(message))
  return [...new Set([tenant.config.moera.toLowerCase(), ...(tenant.accepts(from) ? [from] : [])])]
}
