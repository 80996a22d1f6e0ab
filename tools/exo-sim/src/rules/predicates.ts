// The conditions of mail-flow rules, one by one. Exceptions are the same questions under other names.
import { inRange } from '../addresses.ts'
import type { Message } from '../message/message.ts'
import { containsWord } from '../message/words.ts'
import { domainOf, isBelow } from '../tls/names.ts'
import { isOfType } from './message-type.ts'
import type { RulePredicates, Scope, TransportRule } from './rule.ts'

/** What conditions look at besides the message. */
export interface RuleFacts {
  /** Where the sender is. */
  from: Scope
  /** Where the recipients of this fork are. */
  sentTo: Scope
  /** Whether header predicates look at every instance of a header. */
  everyInstance: boolean
  /** Address in the From field. */
  headerSender: string
  /** MAIL FROM. */
  envelopeSender: string
  /** Recipients of this fork. */
  recipients: readonly string[]
  /** Address of the last hop. */
  clientAddress: string
  /** Groups with their members. */
  groups: Readonly<Record<string, readonly string[]>>
  /** The time. */
  at: Date
  /** Names of rules whose processing fails. */
  broken: readonly string[]
}

/** A question to a fork: the rule's predicates, the message, the facts, the addresses that count for the sender. */
interface Question {
  predicates: RulePredicates
  message: Message
  facts: RuleFacts
  senders: string[]
}

type Test = (question: Question) => boolean | undefined

/** A list of wanted things, of which one has to fit; undefined if the rule does not ask. */
function some(wanted: readonly string[] | undefined, fits: (one: string) => boolean): boolean | undefined {
  return wanted?.some(fits)
}

/** Each gives undefined if the rule does not ask. */
const TESTS: readonly Test[] = [
  ({ predicates: p, facts }) => (p.fromScope === undefined ? undefined : p.fromScope === facts.from),
  ({ predicates: p, senders }) => some(p.from, (one) => senders.includes(one.toLowerCase())),
  ({ predicates: p, senders, facts }) =>
    some(p.fromMemberOf, (group) => senders.some((sender) => isMember(facts, group, sender))),
  ({ predicates: p, senders }) =>
    some(p.fromAddressContainsWords, (word) => senders.some((sender) => containsWord(sender, word))),
  ({ predicates: p, senders }) =>
    some(p.fromAddressMatchesPatterns, (text) => senders.some((sender) => matches(sender, text))),
  ({ predicates: p, senders }) =>
    some(p.senderDomainIs, (domain) => senders.some((sender) => isInDomain(sender, domain))),
  ({ predicates: p, message }) =>
    some(p.subjectContainsWords, (word) => message.values('Subject').some((one) => containsWord(one, word))),
  ({ predicates: p, message }) =>
    some(p.subjectMatchesPatterns, (text) => message.values('Subject').some((one) => matches(one, text))),
  ({ predicates: p, message, facts }) =>
    header(p.headerContainsMessageHeader, p.headerContainsWords, message, facts, containsWord),
  ({ predicates: p, message, facts }) =>
    header(p.headerMatchesMessageHeader, p.headerMatchesPatterns, message, facts, matches),
  ({ predicates: p, message }) => p.messageTypeMatches && isOfType(message, p.messageTypeMatches),
  ({ predicates: p, message }) =>
    p.messageSizeOver === undefined ? undefined : message.size > p.messageSizeOver,
  ({ predicates: p, message }) => (p.sclOver === undefined ? undefined : sclOf(message) >= p.sclOver),
  ({ predicates: p, facts }) => some(p.senderIpRanges, (range) => inRange(facts.clientAddress, range)),
]

/** The same for what depends on the recipient. */
const RECIPIENT_TESTS: readonly Test[] = [
  ({ predicates: p, facts }) => (p.sentToScope === undefined ? undefined : p.sentToScope === facts.sentTo),
  ({ predicates: p, facts }) => some(p.sentTo, (one) => facts.recipients.some((r) => r.toLowerCase() === one.toLowerCase())), // prettier-ignore
  ({ predicates: p, facts }) => some(p.sentToMemberOf, (group) => facts.recipients.some((r) => isMember(facts, group, r))), // prettier-ignore
  ({ predicates: p, facts }) => some(p.recipientDomainIs, (domain) => facts.recipients.some((r) => isInDomain(r, domain))), // prettier-ignore
  ({ predicates: p, facts }) => some(p.recipientAddressContainsWords, (word) => facts.recipients.some((r) => containsWord(r, word))), // prettier-ignore
  ({ predicates: p, facts }) => some(p.recipientAddressMatchesPatterns, (text) => facts.recipients.some((r) => matches(r, text))), // prettier-ignore
]

/** Whether all conditions hold and no exception does. */
export function holds(rule: TransportRule, message: Message, facts: RuleFacts): boolean {
  const senders = sendersOf(rule, facts)
  const conditions: Question = { predicates: rule, message, facts, senders }
  const exceptions: Question = { ...conditions, predicates: exceptionsOf(rule) }
  const all = [...TESTS, ...RECIPIENT_TESTS]
  return all.every((test) => test(conditions) !== false) && !all.some((test) => test(exceptions) === true)
}

/** What the recipient changes about the rules, as a text: recipients with the same text can stay in one fork. */
export function recipientKey(rules: readonly TransportRule[], message: Message, facts: RuleFacts): string {
  return rules
    .flatMap((rule) =>
      [rule, exceptionsOf(rule)].flatMap((predicates) =>
        RECIPIENT_TESTS.map((test) => test({ predicates, message, facts, senders: [] })),
      ),
    )
    .map((answer) => (answer === undefined ? '' : answer ? '+' : '-'))
    .join('')
}

function sendersOf(rule: TransportRule, facts: RuleFacts): string[] {
  const where = rule.senderAddressLocation ?? 'Header'
  const senders = [
    ...(where === 'Envelope' ? [] : [facts.headerSender]),
    ...(where === 'Header' ? [] : [facts.envelopeSender]),
  ]
  return senders.filter((one) => one !== '').map((one) => one.toLowerCase())
}

/** The exceptions under the names of the conditions. */
export function exceptionsOf(rule: TransportRule): RulePredicates {
  return Object.fromEntries(
    Object.entries(rule)
      .filter(([name]) => name.startsWith('exceptIf'))
      .map(([name, value]) => [name.charAt(8).toLowerCase() + name.slice(9), value as unknown]),
  )
}

function header(
  name: string | undefined,
  wanted: readonly string[] | undefined,
  message: Message,
  facts: RuleFacts,
  fits: (value: string, wanted: string) => boolean,
): boolean | undefined {
  if (name === undefined) return undefined
  const values = facts.everyInstance ? message.values(name) : message.values(name).slice(0, 1)
  return values.some((value) => (wanted ?? []).some((one) => fits(value, one)))
}

function matches(text: string, pattern: string): boolean {
  return new RegExp(pattern, 'i').test(text)
}

function isInDomain(address: string, domain: string): boolean {
  const own = domainOf(address)
  const wanted = domain.toLowerCase()
  return own === wanted || isBelow(own, wanted)
}

function isMember(facts: RuleFacts, group: string, address: string): boolean {
  const members = Object.entries(facts.groups).find(
    ([name]) => name.toLowerCase() === group.toLowerCase(),
  )?.[1]
  return members?.some((member) => member.toLowerCase() === address.toLowerCase()) === true
}

function sclOf(message: Message): number {
  return Number(message.value('X-MS-Exchange-Organization-SCL') ?? '-1')
}
