// Applies mail-flow rules to a message for one group of recipients that all rules see alike.
// It sends nothing: it changes the message's header and says what shall become of the message.
import type { Message } from '../message/message.ts'
import { holds } from './predicates.ts'
import type { RuleFacts } from './predicates.ts'
import type { TransportRule } from './rule.ts'

/** What the rules have decided. */
export interface RuleOutcome {
  /** Names of the rules that applied, in order. */
  applied: string[]
  /** Names of the rules that would have applied, were they not in a mode of audit. */
  audited: string[]
  /** Name of the outbound connector the message shall take. */
  connector: string | undefined
  /** Whether the message may leave by TLS only. */
  requireTls: boolean
  /** The report that the sender gets instead of delivery. */
  rejected: { status: string; text: string } | undefined
  /** Whether the message is dropped. */
  deleted: boolean
  /** Name of a rule that could not be processed and says that the message has to wait. */
  deferredBy: string | undefined
  /** Who gets a report about which rule. */
  incidents: { to: string; rule: string }[]
  /** Further recipients. */
  copies: string[]
  /** Recipients instead of those there were. */
  redirected: string[] | undefined
}

/** Enabled rules in the order in which they are looked at. */
export function rulesInOrder(rules: readonly TransportRule[]): TransportRule[] {
  return rules
    .filter((rule) => rule.enabled !== false)
    .map((rule, index) => ({ rule, index }))
    .sort((a, b) => (a.rule.priority ?? Infinity) - (b.rule.priority ?? Infinity) || a.index - b.index)
    .map(({ rule }) => rule)
}

/** The outcome of no rule. */
export function noOutcome(): RuleOutcome {
  return {
    applied: [],
    audited: [],
    connector: undefined,
    requireTls: false,
    rejected: undefined,
    deleted: false,
    deferredBy: undefined,
    incidents: [],
    copies: [],
    redirected: undefined,
  }
}

/** Applies `rules` (already in order) to `message`, which is changed in place. */
export function applyRules(rules: readonly TransportRule[], message: Message, facts: RuleFacts): RuleOutcome {
  const outcome = noOutcome()
  for (const rule of rules) {
    if (rule.activationDate && facts.at < rule.activationDate) continue
    if (rule.expiryDate && facts.at > rule.expiryDate) continue
    if (facts.broken.includes(rule.name)) {
      if (rule.ruleErrorAction !== 'Defer') continue
      return { ...outcome, deferredBy: rule.name }
    }
    if (!holds(rule, message, facts)) continue
    if (rule.mode === 'Audit' || rule.mode === 'AuditAndNotify') {
      outcome.audited.push(rule.name)
      continue
    }
    outcome.applied.push(rule.name)
    act(rule, message, outcome)
    if (outcome.rejected ?? outcome.deleted) break
    if (rule.stopRuleProcessing) break
  }
  return outcome
}

/** An encoded word (RFC 2047 2) if it has to be one. */
function encoded(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : `=?utf-8?B?${Buffer.from(text).toString('base64')}?=`
}

function act(rule: TransportRule, message: Message, outcome: RuleOutcome): void {
  if (rule.setHeaderName !== undefined) message.set(rule.setHeaderName, rule.setHeaderValue ?? '')
  if (rule.removeHeader !== undefined) {
    const key = rule.removeHeader.toLowerCase()
    message.remove((field) => field.key === key)
  }
  if (rule.setSCL !== undefined) message.set('X-MS-Exchange-Organization-SCL', String(rule.setSCL))
  if (rule.prependSubject !== undefined) {
    message.set('Subject', encoded(`${rule.prependSubject}${message.value('Subject') ?? ''}`))
  }
  outcome.connector = rule.routeMessageOutboundConnector ?? outcome.connector
  outcome.requireTls ||= rule.routeMessageOutboundRequireTls === true
  outcome.copies.push(...(rule.blindCopyTo ?? []))
  if (rule.generateIncidentReport !== undefined)
    outcome.incidents.push({ to: rule.generateIncidentReport, rule: rule.name })
  outcome.redirected = rule.redirectMessageTo ?? outcome.redirected
  outcome.deleted ||= rule.deleteMessage === true
  if (rule.rejectMessageReasonText !== undefined || rule.rejectMessageEnhancedStatusCode !== undefined) {
    outcome.rejected = {
      status: rule.rejectMessageEnhancedStatusCode ?? '5.7.1',
      text: rule.rejectMessageReasonText ?? 'Delivery not authorized, message refused',
    }
  }
}
