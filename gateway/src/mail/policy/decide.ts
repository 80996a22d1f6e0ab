/**
 * Decides each recipient's treatment: facts in, Plan out. Pure; the same facts always give the same Plan.
 * Where nobody asks for anything else this is the factory treatment (design 9): sign when we hold a good key of the From address
 * itself, encrypt when a good certificate is known, leave alone what is already protected or must not be changed, decrypt and verify
 * what comes in. What is demanded and cannot be done leaves in no weaker form.
 */
import type { Means, Plan, Profile, Reason, RecipientPlan, Treatment } from '../plan.ts'
import type { Facts, RecipientFacts } from './facts.ts'
import { askedTreatment, NO_LEVELS, type AskedTreatment } from './levels.ts'

/** The default algorithm set: what every S/MIME client of the last ten years reads. */
export const COMPATIBLE: Profile = {
  name: 'compatible',
  digest: 'sha256',
  pss: false,
  cipher: 'aes256-cbc',
  keyTransport: 'pkcs1v15',
}

/** For partners of whom it is known that they read it. */
export const MODERN: Profile = {
  name: 'modern',
  digest: 'sha256',
  pss: false,
  cipher: 'aes256-gcm',
  keyTransport: 'oaep-sha256',
}

const PROFILE_NAMED: Readonly<Record<AskedTreatment['profile']['value'], Profile>> = {
  compatible: COMPATIBLE,
  modern: MODERN,
}

/** What is asked where nobody said anything. */
const FACTORY = askedTreatment(NO_LEVELS, [], '')

/** Above this count of passes a mail is held: it has come back twice. */
const PASSES_HELD = 2

function reason(code: string, args: Reason['arguments'] = {}): Reason {
  return { code, arguments: args }
}

const PASS: Treatment = { kind: 'pass' }

/**
 * Plans a mail.
 * @returns one RecipientPlan for each recipient in the facts, in their order
 */
export function decide(facts: Facts): Plan {
  const plan = (reasons: readonly Reason[], recipients: readonly RecipientPlan[]): Plan => ({
    version: 1,
    settingsVersion: facts.settingsVersion,
    reasons,
    recipients,
  })
  const all = (treatment: Treatment, why: Reason): Plan =>
    plan(
      [why],
      facts.recipients.map((recipient) => sharedPlan(recipient, treatment)),
    )
  const released = facts.recipients.every((recipient) => recipient.released)
  if (facts.earlierPasses >= PASSES_HELD && !released) {
    const why = reason('loop', { passes: facts.earlierPasses })
    return all({ kind: 'hold', reason: why, looksAgain: false }, why)
  }
  if (facts.earlierPasses > 0) return all(PASS, reason('second-pass', { passes: facts.earlierPasses }))
  if (facts.direction === 'notice') return all(PASS, reason('own-notice'))
  if (facts.direction === 'report') return all(PASS, reason('own-report'))
  return facts.direction === 'inbound' ? decideInbound(facts, plan) : decideOutbound(facts, plan, all)
}

function sharedPlan(recipient: RecipientFacts, treatment: Treatment): RecipientPlan {
  return { delivery: recipient.delivery, treatment, copyKey: '', means: [], reasons: [] }
}

/**
 * Everything inbound is inspected. An encrypted mail is opened with the keys of the recipient it is delivered to and of
 * nobody else, so every recipient of one gets a copy of their own.
 */
function decideInbound(facts: Facts, plan: (reasons: Reason[], recipients: RecipientPlan[]) => Plan): Plan {
  const encrypted = facts.protection === 'enveloped' || facts.protection === 'auth-enveloped'
  return plan(
    [reason('inbound-inspected', { protection: facts.protection })],
    facts.recipients.map((recipient) => ({
      ...sharedPlan(recipient, { kind: 'inspect' }),
      copyKey: encrypted ? recipient.address : '',
    })),
  )
}

/** Kinds and protections that outbound mail passes with untouched, with the reason code. */
function untouched(facts: Facts): Reason | null {
  if (facts.protection !== 'none') return reason('already-protected', { protection: facts.protection })
  if (facts.kind !== 'ordinary') return reason('kind-untouched', { kind: facts.kind })
  return null
}

function decideOutbound(
  facts: Facts,
  plan: (reasons: readonly Reason[], recipients: readonly RecipientPlan[]) => Plan,
  all: (treatment: Treatment, why: Reason) => Plan,
): Plan {
  // Never signed, encrypted or bounced: it asks whether the way is open, and nothing else.
  if (facts.kind === 'connector-validation') return all(PASS, reason('kind-untouched', { kind: facts.kind }))
  if (facts.protection === 'damaged') {
    // Fail closed: what we cannot read we cannot sign or encrypt, and it must not leave in clear instead.
    const damaged = reason('message-not-understood')
    return all({ kind: 'bounce', status: '5.6.0', reason: damaged }, damaged)
  }
  const why = untouched(facts)
  const refusal = why ?? mayNotSign(facts)
  const signer = (refusal === null ? facts.signer : null)?.credential ?? null
  const reasons = refusal === null ? [...facts.signerReasons] : [refusal]
  const whole = facts.recipients.some(asksForWhole)
  const possible = { signer, untouched: why !== null, whole }
  const planned = facts.recipients.map((recipient) => outboundRecipient(facts, recipient, possible))
  return plan(reasons, whole ? allOrNothing(facts, planned) : planned)
}

function asksForWhole({ asked }: RecipientFacts): boolean {
  return asked?.encrypt.value === 'all-or-nothing'
}

/** Whether a recipient gets encrypted bytes and nothing else. */
function leavesEncrypted({ protection }: Facts, { treatment }: RecipientPlan): boolean {
  if (treatment.kind === 'pass') return ENCRYPTED.has(protection)
  return treatment.kind === 'protect' && treatment.encrypt !== null
}

/**
 * Either every recipient of the mail gets it encrypted, or nobody gets it. Who is returned takes all others along; while one waits,
 * all wait. Recipients who are not planned now and have nothing yet (held by a rule, returned before) count as one who waits.
 */
function allOrNothing(facts: Facts, planned: readonly RecipientPlan[]): readonly RecipientPlan[] {
  const kept = planned.filter((each) => !leavesEncrypted(facts, each)).length + facts.apart
  if (kept === 0) return planned
  const returned = planned.some(({ treatment }) => treatment.kind === 'bounce')
  return planned.map((each, at) => {
    if (each.treatment.kind === 'bounce' || (!returned && each.treatment.kind === 'hold')) return each
    const asked = facts.recipients[at]?.asked ?? FACTORY
    const hours = asked.holdHours.value
    const waits = !returned && asked.impossible.value === 'hold' && facts.age < hours * 3_600_000
    const why = waits
      ? reason('all-or-nothing-awaited', { others: kept, hours })
      : reason('all-or-nothing-impossible', { others: kept })
    // RFC 3463 3.8: X.7.5, as for the recipient who is the cause
    const treatment: Treatment = waits
      ? { kind: 'hold', reason: why, looksAgain: true }
      : { kind: 'bounce', status: '5.7.5', reason: why }
    const told = each.reasons.filter(({ code }) => !DONE.has(code))
    return { ...each, treatment, copyKey: '', reasons: [why, ...told] }
  })
}

/** Reasons that say what is done; they are no longer true of a mail that stays here. */
const DONE: ReadonlySet<string> = new Set(['signed', 'not-signed', 'encrypted', 'not-encrypted'])

/** Why nothing may be signed in the name of this From, whatever keys there are; null when it may. */
function mayNotSign(facts: Facts): Reason | null {
  if (facts.from.fields !== 1 || facts.from.addresses.length !== 1 || facts.from.ambiguous)
    return reason('from-not-single', { fields: facts.from.fields, addresses: facts.from.addresses.length })
  if (!facts.fromAccepted) return reason('from-not-accepted-domain', { from: facts.from.addresses[0] ?? '' })
  if (facts.authAs !== null && facts.authAs.toLowerCase() !== 'internal')
    return reason('author-not-internal', { authAs: facts.authAs })
  return null
}

/** Protections that nobody but the recipient can take off. */
const ENCRYPTED: ReadonlySet<Facts['protection']> = new Set<Facts['protection']>([
  'enveloped',
  'auth-enveloped',
])

/** What can be done with a mail, whatever is asked. */
interface Possible {
  /** Credential that may sign it; null when none may. */
  readonly signer: string | null
  /** It passes untouched, but for encryption that is demanded. */
  readonly untouched: boolean
  /** Encryption is demanded for every recipient, since one of them asks for all or nothing. */
  readonly whole: boolean
}

function outboundRecipient(facts: Facts, recipient: RecipientFacts, possible: Possible): RecipientPlan {
  const asked = recipient.asked ?? FACTORY
  const { certificate, action } = recipient
  // Whoever has looked at a mail that is held may let it go.
  if (action !== null && !(action.kind === 'hold' && recipient.released)) return byRule(recipient, action)
  const demanded = (possible.whole || asked.encrypt.value === 'always') && !ENCRYPTED.has(facts.protection)
  const mayEncrypt = demanded || (asked.encrypt.value === 'if-possible' && !possible.untouched)
  const encrypt = mayEncrypt && certificate !== null ? [certificate.credential] : null
  const sign = asked.sign.value === 'never' ? null : possible.signer
  const means: Means = { means: 'smime', chosen: encrypt !== null, reasons: recipient.certificateReasons }
  const looked = means.reasons.length > 0 || certificate !== null
  const base = { delivery: recipient.delivery, means: !possible.untouched || looked ? [means] : [] }
  const drawn = possible.whole && !asksForWhole(recipient) ? [reason('all-or-nothing')] : []
  const origins = [...drawn, ...rulesOf(recipient), ...originsOf(asked)]

  if (demanded && encrypt === null) return impossible(facts, base, asked, 'encryption', origins)
  // What is signed already, or must not be changed, is not demanded to be signed again.
  if (asked.sign.value === 'always' && sign === null && !possible.untouched)
    return impossible(facts, base, asked, 'signature', origins)
  if (sign === null && encrypt === null)
    return {
      ...base,
      treatment: PASS,
      copyKey: '',
      reasons: possible.untouched ? origins : [reason('nothing-to-do'), ...origins],
    }

  const expected = treatedSize(facts, sign !== null, encrypt !== null)
  if (expected > facts.sizeLimit)
    return tooLarge(facts, base, sign, encrypt !== null || asked.sign.value === 'always', expected)
  return {
    ...base,
    treatment: { kind: 'protect', sign, encrypt, profile: PROFILE_NAMED[asked.profile.value] },
    copyKey: encrypt !== null && !recipient.visible ? recipient.address : '',
    reasons: [
      reason(sign === null ? 'not-signed' : 'signed'),
      encrypt === null || certificate === null
        ? reason('not-encrypted')
        : reason('encrypted', { fingerprint: certificate.fingerprint }),
      ...origins,
    ],
  }
}

/** A rule holds or returns it, whatever else is asked. */
function byRule(
  recipient: RecipientFacts,
  { kind, rule }: NonNullable<RecipientFacts['action']>,
): RecipientPlan {
  const why = kind === 'hold' ? reason('held-by-rule', { rule }) : reason('rejected-by-rule', { rule })
  const treatment: Treatment =
    kind === 'hold'
      ? { kind: 'hold', reason: why, looksAgain: false }
      : // RFC 3463 3.8: X.7.1, delivery not authorized
        { kind: 'bounce', status: '5.7.1', reason: why }
  const { delivery } = recipient
  return { delivery, treatment, copyKey: '', means: [], reasons: [why, ...rulesOf(recipient)] }
}

/** The rules that bore upon a recipient. */
function rulesOf({ rules }: RecipientFacts): Reason[] {
  return rules.map(({ rule, outcome, groups }) => {
    if (outcome === 'unsure') return reason('rule-unsure', { rule })
    return groups === undefined
      ? reason('rule-applies', { rule })
      : reason('rule-applies-by-group', { rule, groups: groups.join(', ') })
  })
}

/** Where the values come from that the factory did not set. */
function originsOf(asked: AskedTreatment): Reason[] {
  return (['sign', 'encrypt', 'impossible', 'holdHours', 'profile'] as const).flatMap((name) => {
    const { value, origin } = asked[name]
    return origin.level === 'factory'
      ? []
      : [reason('setting', { name, value, level: origin.level, of: origin.of })]
  })
}

/** What is demanded cannot be done: the mail waits until it can be, or goes back. It leaves in no other form. */
function impossible(
  facts: Facts,
  base: { readonly delivery: number; readonly means: readonly Means[] },
  asked: AskedTreatment,
  what: 'encryption' | 'signature',
  origins: readonly Reason[],
): RecipientPlan {
  const hours = asked.holdHours.value
  const waits = asked.impossible.value === 'hold' && facts.age < hours * 3_600_000
  const why =
    what === 'encryption'
      ? waits
        ? reason('encryption-awaited', { hours })
        : reason('encryption-impossible')
      : waits
        ? reason('signature-awaited', { hours })
        : reason('signature-impossible')
  const treatment: Treatment = waits
    ? { kind: 'hold', reason: why, looksAgain: true }
    : // RFC 3463 3.8: X.7.5, cryptographic failure; nothing else says that protection could not be had
      { kind: 'bounce', status: '5.7.5', reason: why }
  return { ...base, treatment, copyKey: '', reasons: [why, ...origins] }
}

/** A mail that would grow beyond what the next hop takes: never silently weaker than a certificate allows. */
function tooLarge(
  facts: Facts,
  base: { readonly delivery: number; readonly means: readonly Means[] },
  sign: string | null,
  encrypts: boolean,
  expected: number,
): RecipientPlan {
  const why = reason('too-large', { expected, limit: facts.sizeLimit })
  if (!encrypts && sign !== null && facts.size <= facts.sizeLimit)
    return { ...base, treatment: PASS, copyKey: '', reasons: [why, reason('not-signed')] }
  // RFC 3463 3.4: X.3.4, message too big for system.
  return { ...base, treatment: { kind: 'bounce', status: '5.3.4', reason: why }, copyKey: '', reasons: [why] }
}

/** Base64 in lines of 76 with CRLF: 78 octets out for 57 in. */
const BASE64_GROWTH = 78 / 57
/** What signature, certificates, MIME frame and our header fields add at most. */
const OVERHEAD = 64 * 1024

/** Upper estimate of the size after treatment, in octets. */
export function treatedSize(
  facts: Pick<Facts, 'size' | 'needsEncoding'>,
  sign: boolean,
  encrypt: boolean,
): number {
  let size = facts.size
  if (sign && facts.needsEncoding) size = Math.ceil(size * BASE64_GROWTH)
  if (sign) size += OVERHEAD
  if (encrypt) size = Math.ceil(size * BASE64_GROWTH) + OVERHEAD
  return size
}

/**
 * Groups the recipients of a plan into copies: the same treatment and the same copy key share one.
 * Recipients who share an encrypted copy are all named in it, so its `encrypt` list is the union.
 */
export function copiesOf(
  plan: Plan,
): readonly { readonly treatment: Treatment; readonly deliveries: readonly number[] }[] {
  const groups = new Map<string, { treatment: Treatment; deliveries: number[]; certificates: Set<string> }>()
  for (const { delivery, treatment, copyKey } of plan.recipients) {
    const shape =
      treatment.kind === 'protect'
        ? { ...treatment, encrypt: treatment.encrypt === null ? null : 'some' }
        : treatment
    const key = JSON.stringify([shape, copyKey])
    const group = groups.get(key) ?? { treatment, deliveries: [], certificates: new Set<string>() }
    group.deliveries.push(delivery)
    if (treatment.kind === 'protect')
      for (const credential of treatment.encrypt ?? []) group.certificates.add(credential)
    groups.set(key, group)
  }
  return [...groups.values()].map(({ treatment, deliveries, certificates }) => ({
    treatment:
      treatment.kind === 'protect' && treatment.encrypt !== null
        ? { ...treatment, encrypt: [...certificates].sort() }
        : treatment,
    deliveries,
  }))
}
