/**
 * Which rules apply to a mail and a recipient, and what they ask for. Pure. A condition that cannot be judged is neither true nor
 * false: such a rule may only make the treatment safer. Decides nothing itself.
 */
import type { RuleConditions, RuleSpec } from '@siegel/contract'
import type { GroupMembership } from '../../directory/ports.ts'
import type { MessageKind, Protection, RuleAction, RuleFound } from './facts.ts'
import { aboveDomain, safer, type AskedTreatment, type Values } from './levels.ts'

/** A rule of a tenant. */
export interface Rule {
  readonly name: string
  readonly when: Conditions
  readonly unless: Conditions | null
  readonly then: Values & Pick<RuleSpec['then'], 'weaken' | 'action'>
  readonly stop: boolean
}

/** Conditions with their lists of addresses made ready to be asked. */
interface Conditions extends Omit<RuleConditions, 'sender' | 'recipient'> {
  readonly sender: ReadonlySet<string> | null
  readonly recipient: ReadonlySet<string> | null
}

/** What rules may know of a mail. Texts are decoded and searchable. */
export interface RuledMail {
  /** Who may have written it, look-up form; more than one when it does not say so without doubt. */
  readonly senders: readonly string[]
  /** Null when it cannot be read. */
  readonly subject: string | null
  /** The values of a header field, by its name in lower case; null when they cannot be known. */
  readonly field: (lower: string) => readonly string[] | null
  readonly size: number
  /** Types and file names of its parts; null when they cannot be known. */
  readonly parts: readonly { readonly type: string; readonly name: string }[] | null
  readonly kind: MessageKind
  /** Whether it is of a further kind, beside the one that treatment knows; null when that cannot be known. */
  readonly isAlso: (kind: string) => boolean | null
  /** The tenant's directory; null when there is none that can be believed. */
  readonly groups: GroupMembership | null
  readonly protection: Protection
}

/** What the rules come to for one recipient. */
export interface Ruled {
  readonly asked: AskedTreatment
  /** What the first rule with an action asks for; null when none does. */
  readonly action: RuleAction | null
  /** Those that apply or may apply, in order. */
  readonly found: readonly RuleFound[]
}

/** Makes a rule ready. */
export function compileRule(name: string, { when, unless, then, stop }: RuleSpec): Rule {
  return { name, when: ready(when), unless: unless === undefined ? null : ready(unless), then, stop }
}

function ready({ sender, recipient, subject, header, attachment, ...rest }: RuleConditions): Conditions {
  return {
    ...rest,
    subject: subject?.map(searchable),
    header: header?.map(({ name, contains }) => ({
      name: name.toLowerCase(),
      contains: contains === undefined ? undefined : searchable(contains),
    })),
    attachment: attachment?.map(searchable),
    sender: sender === undefined ? null : new Set(sender),
    recipient: recipient === undefined ? null : new Set(recipient),
  }
}

/** Three values: the lesser of two is "and", the greater is "or". */
type Truth = 0 | 1 | 2
const NO = 0
const UNSURE = 1
const YES = 2

/** Rules by whom they are for, so that those for other people cost nothing. Numbers are places in the list, in its order. */
interface RuleIndex {
  /** Those that name no recipient. */
  readonly general: readonly number[]
  /** Those that name recipients, by each name. */
  readonly byRecipient: ReadonlyMap<string, readonly number[]>
}

/** Made once for each list of rules: at their first mail. */
const INDICES = new WeakMap<readonly Rule[], RuleIndex>()

function indexOf(rules: readonly Rule[]): RuleIndex {
  let index = INDICES.get(rules)
  if (index === undefined) INDICES.set(rules, (index = makeIndex(rules)))
  return index
}

function makeIndex(rules: readonly Rule[]): RuleIndex {
  const general: number[] = []
  const byRecipient = new Map<string, number[]>()
  for (const [at, { when }] of rules.entries())
    if (when.recipient === null) general.push(at)
    else
      for (const name of when.recipient) {
        const known = byRecipient.get(name)
        if (known === undefined) byRecipient.set(name, [at])
        else known.push(at)
      }
  return { general, byRecipient }
}

/** Tries the rules of a tenant on one mail; what does not depend on the recipient is judged once. */
export class RuleTrial {
  readonly #rules: readonly Rule[]
  readonly #mail: RuledMail
  readonly #judged = new Map<Conditions, Truth>()
  readonly #senders: readonly (readonly string[])[]
  /** The rules for all recipients that may hold for this mail; found when the first recipient is asked for. */
  #general: readonly number[] | null = null

  /** @param rules - those that are enabled, in their order */
  constructor(rules: readonly Rule[], mail: RuledMail) {
    this.#rules = rules
    this.#mail = mail
    this.#senders = mail.senders.map(namesOf)
  }

  /**
   * What holds for a recipient.
   * @param recipient - look-up form
   * @param settings - what the settings ask for
   */
  apply(recipient: string, settings: AskedTreatment): Ruled {
    let asked = settings
    let action: Ruled['action'] = null
    const found: RuleFound[] = []
    const names = namesOf(recipient)
    for (const at of this.#candidates(names)) {
      const rule = this.#rules[at]
      if (rule === undefined) continue
      const outcome = this.#outcome(rule, names)
      if (outcome === NO) continue
      const sure = outcome === YES
      const groups = this.#groupsThatCount(rule, recipient)
      found.push({
        ...{ rule: rule.name, outcome: sure ? ('applies' as const) : ('unsure' as const) },
        ...(groups.length === 0 ? {} : { groups }),
      })
      asked = demand(asked, rule, sure)
      // What cannot be judged is not returned for it: somebody has to look.
      if (rule.then.action !== undefined)
        action ??= { kind: sure ? rule.then.action : 'hold', rule: rule.name }
      if (sure && rule.stop) break
    }
    return { asked, action, found }
  }

  /** The rules that may hold for a recipient, in their order. */
  #candidates(names: readonly string[]): readonly number[] {
    const { general, byRecipient } = indexOf(this.#rules)
    this.#general ??= general.filter((at) => {
      const when = this.#rules[at]?.when
      return when !== undefined && this.#judge(when) !== NO
    })
    const particular = names.flatMap((name) => byRecipient.get(name) ?? [])
    if (particular.length === 0) return this.#general
    return [...new Set([...this.#general, ...particular])].sort((a, b) => a - b)
  }

  /** @param recipient - the names of the recipient, the address first */
  #outcome({ when, unless }: Rule, recipient: readonly string[]): Truth {
    const holds = this.#truth(when, recipient)
    if (holds === NO || unless === null) return holds
    return and(holds, (YES - this.#truth(unless, recipient)) as Truth)
  }

  #truth(conditions: Conditions, recipient: readonly string[]): Truth {
    if (conditions.recipient !== null && !named(conditions.recipient, recipient)) return NO
    const judged = this.#judge(conditions)
    const { recipientGroup } = conditions
    if (judged === NO || recipientGroup === undefined) return judged
    return and(judged, groupTruth(recipientGroup, recipient.slice(0, 1), this.#mail.groups))
  }

  #judge(conditions: Conditions): Truth {
    let judged = this.#judged.get(conditions)
    if (judged === undefined)
      this.#judged.set(conditions, (judged = judge(conditions, this.#mail, this.#senders)))
    return judged
  }

  /** The groups in which those are whom the rule asks for. */
  #groupsThatCount({ when }: Rule, recipient: string): string[] {
    const { groups, senders } = this.#mail
    const counts = (wanted: readonly string[] = [], addresses: readonly string[]) =>
      wanted.filter((group) => addresses.some((address) => groups?.isMember(address, group) === true))
    return [...new Set([...counts(when.senderGroup, senders), ...counts(when.recipientGroup, [recipient])])]
  }
}

/** Lays what a rule asks for over what is asked for already. */
function demand(asked: AskedTreatment, { name, then }: Rule, sure: boolean): AskedTreatment {
  const origin = { level: 'rule', of: name } as const
  const mayWeaken = then.weaken && sure
  const take = <N extends keyof AskedTreatment>(field: N, value: AskedTreatment[N]['value'] | undefined) => {
    if (value === undefined) return asked[field]
    const wanted = { value, origin } as AskedTreatment[N]
    return mayWeaken ? wanted : safer(field, asked[field], wanted)
  }
  return {
    sign: take('sign', then.sign),
    encrypt: take('encrypt', then.encrypt),
    impossible: take('impossible', then.impossible),
    holdHours: take('holdHours', then.holdHours),
    profile: take('profile', then.profile),
  }
}

function and(a: Truth, b: Truth): Truth {
  return a < b ? a : b
}

function or(all: readonly Truth[]): Truth {
  return all.reduce<Truth>((a, b) => (a > b ? a : b), NO)
}

function truth(value: boolean): Truth {
  return value ? YES : NO
}

/** By what a list can name an address: itself, its domain, or what lies above it. */
function namesOf(address: string): readonly string[] {
  return [address, ...aboveDomain(address)]
}

function named(list: ReadonlySet<string>, names: readonly string[]): boolean {
  return names.some((name) => list.has(name))
}

/** Whether all of these are in one of the groups. Who is not known to be outside of all of them may be in one. */
function groupTruth(
  wanted: readonly string[],
  addresses: readonly string[],
  groups: GroupMembership | null,
): Truth {
  if (groups === null || addresses.length === 0) return UNSURE
  const each = addresses.map((address) =>
    or(
      wanted.map((group) => {
        const is = groups.isMember(address, group)
        return is === null ? UNSURE : truth(is)
      }),
    ),
  )
  const [first = UNSURE, ...others] = each
  return others.every((other) => other === first) ? first : UNSURE
}

/** @param senders - the names of each */
function judge(conditions: Conditions, mail: RuledMail, senders: readonly (readonly string[])[]): Truth {
  const { sender, senderGroup, subject, header, sensitivity, largerThan, attachment, kind, protectedAs } =
    conditions
  let all: Truth = YES
  if (sender !== null) all = and(all, senderTruth(sender, senders))
  if (senderGroup !== undefined) all = and(all, groupTruth(senderGroup, mail.senders, mail.groups))
  if (subject !== undefined) all = and(all, subjectTruth(subject, mail.subject))
  if (header !== undefined)
    all = and(all, or(header.map(({ name, contains }) => fieldTruth(mail.field(name), contains))))
  if (sensitivity !== undefined) {
    // RFC 4021 2.1.55: Personal, Private, Company-Confidential
    const said = mail.field('sensitivity')?.map((value) => value.trim()) ?? null
    all = and(all, said === null ? UNSURE : truth(sensitivity.some((each) => said.includes(each))))
  }
  if (largerThan !== undefined) all = and(all, truth(mail.size > largerThan))
  if (attachment !== undefined) all = and(all, attachmentTruth(attachment, mail.parts))
  if (kind !== undefined) all = and(all, or(kind.map((each) => kindTruth(each, mail))))
  if (protectedAs !== undefined) {
    const found = PROTECTED[mail.protection]
    all = and(all, found === null ? UNSURE : truth(protectedAs.includes(found)))
  }
  return all
}

function kindTruth(kind: string, mail: RuledMail): Truth {
  if (kind === mail.kind) return YES
  const also = mail.isAlso(kind)
  return also === null ? UNSURE : truth(also)
}

const PROTECTED: Readonly<Record<Protection, 'nothing' | 'signed' | 'encrypted' | null>> = {
  none: 'nothing',
  'clear-signed': 'signed',
  'opaque-signed': 'signed',
  enveloped: 'encrypted',
  'auth-enveloped': 'encrypted',
  'certs-only': 'nothing',
  compressed: 'nothing',
  // Signed or encrypted: it is not looked into.
  openpgp: null,
  damaged: null,
}

function senderTruth(list: ReadonlySet<string>, senders: readonly (readonly string[])[]): Truth {
  const hits = senders.filter((sender) => named(list, sender)).length
  if (hits === 0) return senders.length === 0 ? UNSURE : NO
  return hits === senders.length ? YES : UNSURE
}

function subjectTruth(wanted: readonly string[], subject: string | null): Truth {
  return subject === null ? UNSURE : truth(wanted.some((text) => subject.includes(text)))
}

function fieldTruth(values: readonly string[] | null, contains: string | undefined): Truth {
  if (values === null) return UNSURE
  return truth(contains === undefined ? values.length > 0 : values.some((value) => value.includes(contains)))
}

function attachmentTruth(wanted: readonly string[], parts: RuledMail['parts']): Truth {
  if (parts === null) return UNSURE
  return truth(
    wanted.some((text) => {
      const top = text.endsWith('/*') ? text.slice(0, -1) : null
      return parts.some(({ type, name }) =>
        text.includes('/') ? (top === null ? type === text : type.startsWith(top)) : name.endsWith(text),
      )
    }),
  )
}

/** A text so that it is found in any case and normal form. */
export function searchable(text: string): string {
  return text.normalize('NFKC').toLowerCase()
}
