// What Exchange does with a message once it has it: firewall, stamps, rules, bifurcation, and where each fork goes.
// It speaks no SMTP: forks that leave go to the queue, those that stay to mailboxes.
import type { Assumptions } from './config.ts'
import { mailDate } from './message/dates.ts'
import { field } from './message/message.ts'
import type { HeaderField, Message } from './message/message.ts'
import type { Target } from './outbound/queue.ts'
import { applyRules, forkKey } from './rules/engine.ts'
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
}

/** Where forks go. */
interface Destinations {
  /** Into the queue. */
  queue(target: Target, tenant: Tenant, messageId: string, envelope: Envelope, message: Message): void
  /** Into a mailbox. */
  deliver(tenant: Tenant, recipient: string, sender: string, message: Message): void
  /** Whether some tenant of the forest has the domain. */
  hosted(domain: string): boolean
  /** Told of each fork. */
  decided(tenant: Tenant, messageId: string, decision: ForkDecision): void
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
  const { servers, assumptions, destinations } = context
  if (arrival.origin === 'front-end') stamps.firewallOnEntry(message, arrival)
  const as = judgeAuthAs(message, arrival, assumptions)
  stamps.stamp(message, arrival, as)
  const top = receivedLines(arrival, servers)
  if (arrival.directionality === 'Incoming') top.unshift(stamps.authenticationResults(message, arrival))
  message.prepend(top)
  const messageId = message.value('Message-ID') ?? ''
  const fromScope: Scope =
    as === 'Internal' && tenant.isInside(stamps.senderAddress(message) || envelope.sender)
      ? 'InOrganization'
      : 'NotInOrganization'
  const exempt = isDeliveryReport(message, envelope)
  for (const [sentTo, recipients] of bifurcate(tenant, envelope.recipients)) {
    const fork = message.fork()
    const facts = { from: fromScope, sentTo, everyInstance: assumptions.headerContains !== 'first' }
    const outcome = exempt ? { applied: [], connector: undefined } : applyRules(tenant.rules, fork, facts)
    destinations.decided(tenant, messageId, {
      recipients: recipients.map(({ address }) => address),
      rules: outcome.applied,
      connector: outcome.connector,
      fromScope,
      sentToScope: sentTo,
    })
    dispatch(fork, { ...envelope, recipients }, messageId, outcome.connector, tenant, context)
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
function bifurcate(
  tenant: Tenant,
  recipients: readonly EnvelopeRecipient[],
): Map<Scope, EnvelopeRecipient[]> {
  const scopeOf = (recipient: EnvelopeRecipient): Scope =>
    tenant.isInside(recipient.address) ? 'InOrganization' : 'NotInOrganization'
  const groups = new Map<string, { scope: Scope; recipients: EnvelopeRecipient[] }>()
  for (const recipient of recipients) {
    const scope = scopeOf(recipient)
    const key = forkKey(tenant.rules, scope)
    const group = groups.get(key)
    if (group) group.recipients.push(recipient)
    else groups.set(key, { scope, recipients: [recipient] })
  }
  return new Map([...groups.values()].map((group) => [group.scope, group.recipients]))
}

function dispatch(
  message: Message,
  envelope: Envelope,
  messageId: string,
  routed: string | undefined,
  tenant: Tenant,
  { servers, destinations }: TransportContext,
): void {
  const groups = new Map<string, { target: Target; recipients: EnvelopeRecipient[] }>()
  for (const recipient of envelope.recipients) {
    const domain = domainOf(recipient.address)
    const connector = routed ?? tenant.connectorForDomain(domain)?.name
    if (connector === undefined && tenant.isInside(recipient.address)) {
      destinations.deliver(tenant, recipient.address, envelope.sender, message.fork())
      continue
    }
    const target: Target =
      connector === undefined
        ? { kind: destinations.hosted(domain) ? 'hosted' : 'internet' }
        : { kind: 'connector', tenant: tenant.config.id, name: connector }
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
    destinations.queue(target, tenant, messageId, { ...envelope, recipients }, leaving)
  }
}
