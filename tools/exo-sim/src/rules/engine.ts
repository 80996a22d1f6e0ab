// Applies mail-flow rules to a message for one group of recipients that all rules see alike.
// It sends nothing: it changes the message's header and says which connector the message shall take.
import type { Message } from '../message/message.ts'
import { containsWord } from '../message/words.ts'
import type { Scope, TransportRule } from './rule.ts'

/** What conditions look at besides the message. */
export interface RuleFacts {
  /** Where the sender is. */
  from: Scope
  /** Where the recipients of this fork are. */
  sentTo: Scope
  /** Whether header predicates look at every instance of a header. */
  everyInstance: boolean
}

/** What the rules have decided. */
export interface RuleOutcome {
  /** Names of the rules that applied, in order. */
  applied: string[]
  /** Name of the outbound connector the message shall take. */
  connector: string | undefined
}

/** Enabled rules in the order in which they are looked at. */
export function rulesInOrder(rules: readonly TransportRule[]): TransportRule[] {
  return rules
    .filter((rule) => rule.enabled !== false)
    .map((rule, index) => ({ rule, index }))
    .sort((a, b) => (a.rule.priority ?? Infinity) - (b.rule.priority ?? Infinity) || a.index - b.index)
    .map(({ rule }) => rule)
}

/** Applies `rules` (already in order) to `message`, which is changed in place. */
export function applyRules(rules: readonly TransportRule[], message: Message, facts: RuleFacts): RuleOutcome {
  const outcome: RuleOutcome = { applied: [], connector: undefined }
  for (const rule of rules) {
    if (!matches(rule, message, facts)) continue
    outcome.applied.push(rule.name)
    if (rule.setHeaderName !== undefined) message.set(rule.setHeaderName, rule.setHeaderValue ?? '')
    if (rule.removeHeader !== undefined) {
      const key = rule.removeHeader.toLowerCase()
      message.remove((field) => field.key === key)
    }
    outcome.connector = rule.routeMessageOutboundConnector ?? outcome.connector
    if (rule.stopRuleProcessing) break
  }
  return outcome
}

/**
 * What of the rules depends on the recipient, as a text: recipients with the same text can stay in one fork.
 * Today that is the scope alone, and only if a rule asks for it.
 */
export function forkKey(rules: readonly TransportRule[], sentTo: Scope): string {
  return rules.some((rule) => rule.sentToScope !== undefined) ? sentTo : ''
}

function matches(rule: TransportRule, message: Message, facts: RuleFacts): boolean {
  if (rule.fromScope !== undefined && rule.fromScope !== facts.from) return false
  if (rule.sentToScope !== undefined && rule.sentToScope !== facts.sentTo) return false
  const { headerContainsMessageHeader: header, exceptIfHeaderContainsMessageHeader: exceptHeader } = rule
  if (header !== undefined && !headerContains(message, header, rule.headerContainsWords ?? [], facts))
    return false
  return (
    exceptHeader === undefined ||
    !headerContains(message, exceptHeader, rule.exceptIfHeaderContainsWords ?? [], facts)
  )
}

function headerContains(
  message: Message,
  header: string,
  words: readonly string[],
  facts: RuleFacts,
): boolean {
  const values = facts.everyInstance ? message.values(header) : message.values(header).slice(0, 1)
  return values.some((value) => words.some((word) => containsWord(value, word)))
}
