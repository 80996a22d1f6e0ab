/**
 * Decides each recipient's treatment: facts in, Plan out. Pure; the same facts always give the same Plan.
 * Where nobody asks for anything else this is the factory treatment (design 9): sign when we hold a good key of the From address
 * itself, encrypt when a good certificate is known, leave alone what is already protected or must not be changed, decrypt and verify
 * what comes in. What is demanded and cannot be done leaves in no weaker form.
 */
import type { Means, Plan, Reason, RecipientPlan, Treatment } from '../plan.ts'
import { chooseAlgorithms } from './algorithms.ts'
import type { Facts, RecipientFacts } from './facts.ts'
import { askedTreatment, NO_LEVELS, type AskedTreatment } from './levels.ts'
import { demandsOf } from './profiles.ts'

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
  const signer = refusal === null ? facts.signer : null
  const reasons = refusal === null ? [...facts.signerReasons] : [refusal]
  const whole = facts.recipients.some(asksForWhole)
  const planned = facts.recipients.map((recipient) => {
    const own = recipient.signer === undefined || refusal !== null ? signer : recipient.signer
    const possible = { signer: own?.credential ?? null, untouched: why !== null, whole }
    return outboundRecipient(facts, recipient, possible)
  })
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
  const { certificate, action, inner = null } = recipient
  // Whoever has looked at a mail that is held may let it go.
  if (action !== null && !(action.kind === 'hold' && recipient.released)) return byRule(recipient, action)
  const wants = wantsOf(facts, recipient, asked, possible)
  const encrypt = wants.encrypt && certificate !== null ? [certificate.credential] : null
  const sign = wants.sign ? possible.signer : null
  const means: Means = { means: 'smime', chosen: encrypt !== null, reasons: recipient.certificateReasons }
  const looked = means.reasons.length > 0 || certificate !== null
  const base = { delivery: recipient.delivery, means: !possible.untouched || looked ? [means] : [] }
  const drawn = possible.whole && !asksForWhole(recipient) ? [reason('all-or-nothing')] : []
  const origins = [
    ...drawn,
    ...(recipient.signerReasons ?? []),
    ...(recipient.profileReasons ?? []),
    ...rulesOf(recipient),
    ...originsOf(asked),
  ]

  if (wants.encryptionDemanded && encrypt === null)
    return impossible(facts, base, asked, 'encryption', origins)
  // What is signed already, or must not be changed, is not demanded to be signed again.
  if (wants.signatureDemanded && sign === null && !possible.untouched)
    return impossible(facts, base, asked, 'signature', origins)
  if (sign === null && encrypt === null)
    return {
      ...base,
      treatment: PASS,
      copyKey: '',
      reasons: possible.untouched ? origins : [reason('nothing-to-do'), ...origins],
    }
  // What is protected already has its header outside, and it must stay so.
  const shown = facts.protection === 'none' ? (recipient.capabilities ?? null) : null
  const { profile, reasons } = chooseAlgorithms(
    asked.profile.value,
    shown,
    encrypt === null ? null : (certificate?.algorithm ?? null),
  )
  if (profile === null)
    return impossible(facts, base, asked, encrypt === null ? 'signature' : 'encryption', [
      ...reasons,
      ...origins,
    ])

  const layers = encrypt === null ? 0 : inner === null ? 1 : 2
  const expected = treatedSize(facts, sign !== null, layers)
  if (expected > facts.sizeLimit)
    return tooLarge(facts, base, sign, encrypt !== null || wants.signatureDemanded, expected)
  return {
    ...base,
    treatment: {
      kind: 'protect',
      sign,
      encrypt,
      ...(encrypt === null || inner === null ? {} : { inner: [inner.credential] }),
      profile,
    },
    copyKey: encrypt !== null && !recipient.visible ? recipient.address : '',
    reasons: [
      reason(sign === null ? 'not-signed' : 'signed'),
      encrypt === null || certificate === null
        ? reason('not-encrypted')
        : reason('encrypted', { fingerprint: certificate.fingerprint }),
      ...reasons,
      ...origins,
    ],
  }
}

/** What is wished for a recipient, and what is demanded. */
interface Wants {
  readonly sign: boolean
  readonly encrypt: boolean
  readonly encryptionDemanded: boolean
  readonly signatureDemanded: boolean
}

/**
 * What settings and profile want. Where a good certificate is known and the profile refuses it, the mail does not leave in clear
 * instead: that would be weaker still.
 */
function wantsOf(facts: Facts, recipient: RecipientFacts, asked: AskedTreatment, possible: Possible): Wants {
  const both = demandsOf(asked.profile.value).signAndEncrypt
  const refused = recipient.belowProfile === true && asked.encrypt.value !== 'never' && !possible.untouched
  const encryptionDemanded =
    (possible.whole || asked.encrypt.value === 'always' || both || refused) &&
    !ENCRYPTED.has(facts.protection)
  return {
    encryptionDemanded,
    encrypt: encryptionDemanded || (asked.encrypt.value === 'if-possible' && !possible.untouched),
    signatureDemanded: asked.sign.value === 'always' || both,
    sign: asked.sign.value !== 'never' || both,
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
    const { value, origin, further = [] } = asked[name]
    return [origin, ...further]
      .filter(({ level }) => level !== 'factory')
      .map(({ level, of }) => reason('setting', { name, value, level, of }))
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

/** Upper estimate of the size after treatment, in octets; `layers` of encryption. */
export function treatedSize(
  facts: Pick<Facts, 'size' | 'needsEncoding'>,
  sign: boolean,
  layers: number,
): number {
  let size = facts.size
  if (sign && facts.needsEncoding) size = Math.ceil(size * BASE64_GROWTH)
  if (sign) size += OVERHEAD
  for (let layer = 0; layer < layers; layer++) size = Math.ceil(size * BASE64_GROWTH) + OVERHEAD
  return size
}

/**
 * Groups the recipients of a plan into copies: the same treatment and the same copy key share one.
 * Recipients who share an encrypted copy are all named in it, so its `encrypt` list is the union.
 */
export function copiesOf(
  plan: Plan,
): readonly { readonly treatment: Treatment; readonly deliveries: readonly number[] }[] {
  const groups = new Map<
    string,
    { treatment: Treatment; deliveries: number[]; outer: Set<string>; inner: Set<string> }
  >()
  for (const { delivery, treatment, copyKey } of plan.recipients) {
    const shape =
      treatment.kind === 'protect'
        ? {
            ...treatment,
            encrypt: treatment.encrypt === null ? null : 'some',
            inner: treatment.inner === undefined ? null : 'some',
          }
        : treatment
    const key = JSON.stringify([shape, copyKey])
    const group = groups.get(key) ?? { treatment, deliveries: [], outer: new Set(), inner: new Set() }
    group.deliveries.push(delivery)
    if (treatment.kind === 'protect') {
      for (const credential of treatment.encrypt ?? []) group.outer.add(credential)
      for (const credential of treatment.inner ?? []) group.inner.add(credential)
    }
    groups.set(key, group)
  }
  return [...groups.values()].map(({ treatment, deliveries, outer, inner }) => ({
    treatment:
      treatment.kind === 'protect' && treatment.encrypt !== null
        ? {
            ...treatment,
            encrypt: [...outer].sort(),
            ...(treatment.inner === undefined ? {} : { inner: [...inner].sort() }),
          }
        : treatment,
    deliveries,
  }))
}
