/**
 * What the traces of a round trip's test mails show: each hop of each leg in order, and for each expectation whether it is met, else
 * the cause and what to do. Pure: traces in, results out; asks nobody.
 */
import { check, type Check } from '../exchange/assist/checks.ts'
import type { Direction } from '../mail/message.ts'
import type { TraceEvent, TraceStore, TraceValue } from '../mail/trace.ts'
import { render, type Language } from './texts.ts'

/** A way that a test mail takes. */
export type Leg = Exclude<Direction, 'notice' | 'report'>

/** The ways, in the order in which they are told. */
export const LEGS: readonly Leg[] = ['outbound', 'inbound']

/** A mail with everything that happened to it. */
export type MailTrace = Pick<NonNullable<Awaited<ReturnType<TraceStore['show']>>>, 'summary' | 'events'>

/** Test mail that was refused at its arrival: the last time, and how often. */
export interface RefusedMark {
  readonly leg: Leg
  /** Milliseconds since 1970. */
  readonly at: number
  readonly count: number
  readonly reason: string
  readonly detail: string
}

/** What is known of the test mails. */
export interface TripFindings {
  /** Mails with the mark, in any order. */
  readonly mails: readonly MailTrace[]
  readonly refused: readonly RefusedMark[]
}

/** A hop with its time, in milliseconds since 1970. */
export interface TripHop {
  readonly leg: Leg
  readonly at: number
  readonly hop: Check
}

/** The event of a mail with the mark; undefined for any other mail. */
export function markOf({ events }: Pick<MailTrace, 'events'>): TraceEvent | undefined {
  return events.find(({ code }) => code === 'round-trip-mark')
}

/** What matters of a leg: the last test mail, how it came back, and a refusal after it. */
interface LegFindings {
  readonly first: MailTrace | null
  readonly again: readonly MailTrace[]
  /** Only if it is newer than the first arrival: who mends something sends again. */
  readonly refused: RefusedMark | null
}

function passOf(mail: MailTrace): number {
  const pass = markOf(mail)?.arguments['pass']
  return typeof pass === 'number' ? pass : 1
}

function findingsOf({ mails, refused }: TripFindings, leg: Leg): LegFindings {
  const ordered = mails
    .filter((mail) => markOf(mail)?.arguments['leg'] === leg)
    .toSorted((a, b) => a.summary.receivedAt - b.summary.receivedAt || passOf(a) - passOf(b))
  const first = ordered.findLast((mail) => passOf(mail) === 1) ?? ordered[0] ?? null
  const refusal = refused.find((one) => one.leg === leg) ?? null
  return {
    first,
    again: first === null ? [] : ordered.slice(ordered.indexOf(first) + 1),
    refused: refusal !== null && refusal.at > (first?.summary.receivedAt ?? -1) ? refusal : null,
  }
}

/** States in which nothing more comes by itself soon. */
const AT_REST: ReadonlySet<string> = new Set(['delivered', 'relayed', 'bounced', 'discarded', 'held'])

/**
 * Whether a leg is told to its end: every mail of it rests, and has for a while in which it could have come back.
 * @param settleMs - that while
 */
export function isSettled(findings: TripFindings, leg: Leg, now: number, settleMs: number): boolean {
  const { first, again, refused } = findingsOf(findings, leg)
  const mails = [...(first === null ? [] : [first]), ...again]
  if (mails.length === 0 && refused === null) return false
  if (!mails.every(({ summary }) => summary.recipients.every(({ state }) => AT_REST.has(state)))) return false
  const last = Math.max(refused?.at ?? 0, ...mails.flatMap(({ events }) => events.map(({ at }) => at)))
  return now - last >= settleMs
}

type Arguments = { readonly [name: string]: TraceValue }

function argumentsOf(value: TraceValue | undefined): Arguments {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Arguments) : {}
}

function word(value: TraceValue | undefined): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '-'
}

function listOf(value: TraceValue | undefined): readonly TraceValue[] {
  return Array.isArray(value) ? (value as readonly TraceValue[]) : []
}

/** A reason `{code, arguments}` as text. */
function causeOf(value: TraceValue | undefined, language: Language): string {
  const { code, arguments: args } = argumentsOf(value)
  return typeof code === 'string' ? render(code, argumentsOf(args), language) : '-'
}

/** What an attempt says of host, TLS, certificate and reply. */
function attemptOf(event: TraceEvent, language: Language) {
  const { hop, reply, reason } = event.arguments
  const { host, address, port, tls } = argumentsOf(hop)
  const { version, cipher, verified, name } = argumentsOf(tls)
  const { code, enhanced, text } = argumentsOf(reply)
  const said = word(text)
  const status = typeof enhanced === 'string' && !said.startsWith(enhanced) ? ` ${enhanced}` : ''
  return {
    host: typeof host === 'string' ? `${host} [${word(address)}]:${word(port)}` : '-',
    tls: typeof version === 'string' ? `${version} ${word(cipher)}` : '-',
    certificate: verified === true ? word(name) : '-',
    reply: code === undefined ? '-' : `${word(code)}${status} ${said}`,
    cause: causeOf(reason, language),
  }
}

/** How the arrival looks in hops. */
function arrivalHops(mail: MailTrace, event: TraceEvent): Check[] {
  const peer = argumentsOf(event.arguments['peer'])
  const factors = listOf(event.arguments['factors']).map(word)
  return [
    check('good', 'hop-arrival', {
      pass: String(passOf(mail)),
      mail: mail.summary.mailId,
      address: word(peer['address']),
      helo: word(peer['helo']),
      tls: word(peer['tls']),
    }),
    ...(factors.includes('client-certificate') ? [check('good', 'hop-client-certificate')] : []),
    check('good', 'hop-attribution', { factors: factors.join(', ') }),
  ]
}

/** An event as hops; none for events that a round trip is not about. */
function hopsOfEvent(mail: MailTrace, event: TraceEvent, language: Language): Check[] {
  const recipient = mail.summary.recipients[event.delivery ?? 0]?.address ?? '-'
  switch (event.code) {
    case 'received':
      return arrivalHops(mail, event)
    case 'decided': {
      const why = listOf(event.arguments['reasons']).map((reason) => causeOf(reason, language))
      const treatment = word(event.arguments['treatment'])
      return [check('good', 'hop-treatment', { recipient, treatment, why: why.join('; ') || '-' })]
    }
    case 'delivered':
    case 'relayed':
      return [check('good', 'hop-handed-over', { recipient, ...attemptOf(event, language) })]
    case 'deferred':
    case 'bounced':
    case 'attempt-held':
    case 'held':
    case 'expired':
      return [
        check('bad', 'hop-not-taken', { recipient, outcome: event.code, ...attemptOf(event, language) }),
      ]
    default:
      return []
  }
}

/**
 * Every hop of a leg in order.
 * @param language - of causes, which stand in the arguments
 */
export function hopsOf(findings: TripFindings, leg: Leg, language: Language): TripHop[] {
  const { first, again, refused } = findingsOf(findings, leg)
  const hops = [...(first === null ? [] : [first]), ...again].flatMap((mail): TripHop[] => {
    const passed = mail.events.flatMap((event) =>
      hopsOfEvent(mail, event, language).map((hop) => ({ leg, at: event.at, hop })),
    )
    const last = mail.events.at(-1)?.at ?? mail.summary.receivedAt
    const states = mail.summary.recipients.map(({ address, state }) => {
      const verdict = state === 'delivered' || state === 'relayed' ? 'good' : 'bad'
      return { leg, at: last, hop: check(verdict, 'hop-state', { recipient: address, state }) }
    })
    return [...passed, ...states]
  })
  if (refused === null) return hops
  const { reason, detail, count, at } = refused
  return [...hops, { leg, at, hop: check('bad', 'hop-refused', { reason, detail, count: String(count) }) }]
}

/** The result for a refusal, by what attribution gave as its reason. */
const REFUSALS: readonly (readonly [RegExp, Check['code']])[] = [
  [/^secret-header-wrong$/, 'trip-refused-secret'],
  [/^secret-header-missing$/, 'trip-refused-no-secret'],
  [/^tenant-/, 'trip-refused-tenant'],
  [/^client-certificate-/, 'trip-refused-certificate'],
]

/** The results in which a leg is looked at. */
function checksOfLeg(findings: TripFindings, leg: Leg, language: Language): Check[] {
  const { first, again, refused } = findingsOf(findings, leg)
  if (refused !== null) {
    const { reason, detail } = refused
    const code = REFUSALS.find(([pattern]) => pattern.test(reason))?.[1] ?? 'trip-refused'
    return [check('bad', code, { which: leg, reason, detail })]
  }
  if (first === null)
    return [
      check('bad', leg === 'outbound' ? 'trip-outbound-missing' : 'trip-inbound-missing', { which: leg }),
    ]
  const handing = handingOver(first, leg, language)
  const last = again.at(-1)
  const back = Math.max(passOf(first), last === undefined ? 1 : passOf(last))
  const loop =
    back > 1
      ? [check('bad', 'trip-loop', { which: leg, pass: String(back) })]
      : handing.verdict === 'good'
        ? [check('good', 'trip-once', { which: leg })]
        : []
  return [...arrivalChecks(first, leg), handing, ...loop]
}

function arrivalChecks({ events }: MailTrace, leg: Leg): Check[] {
  const received = events.find(({ code }) => code === 'received')?.arguments ?? {}
  const { address, tls } = argumentsOf(received['peer'])
  return [
    check('good', 'trip-arrived', { which: leg, address: word(address), tls: word(tls) }),
    check('good', 'trip-attributed', {
      which: leg,
      factors: listOf(received['factors']).map(word).join(', '),
    }),
  ]
}

/** Reasons by which Office 365 says that it does not know the gateway. */
const NOT_RECOGNISED: ReadonlySet<string> = new Set([
  'connector-not-attributed',
  'connector-domain-not-accepted',
])

/** The events that say how an attempt or a mail ended. */
const ENDS: ReadonlySet<string> = new Set([
  'delivered', 'relayed', 'deferred', 'bounced', 'attempt-held', 'held', 'expired',
]) // prettier-ignore

/** The worst of what became of the recipients. */
function handingOver({ summary, events }: MailTrace, leg: Leg, language: Language): Check {
  const result = (verdict: Check['verdict'], code: Check['code'], event: TraceEvent): Check => {
    const { host, tls, certificate, reply, cause } = attemptOf(event, language)
    const args = { which: leg, mail: summary.mailId, host, tls, certificate, reply, cause }
    return check(verdict, code, args)
  }
  // An attempt that is held is told twice: by the attempt, which has the reply, and by the state.
  const lastOf = (delivery: number) => {
    const own = events.filter((event) => event.delivery === delivery && ENDS.has(event.code))
    const last = own.at(-1)
    return last?.code === 'held' ? (own.findLast(({ code }) => code === 'attempt-held') ?? last) : last
  }
  const ends = summary.recipients.map(({ state }, delivery) => ({ state, event: lastOf(delivery) }))
  const find = (...states: string[]) => ends.find(({ state }) => states.includes(state))?.event
  const bounced = find('bounced', 'discarded')
  if (bounced !== undefined) return result('bad', 'trip-bounced', bounced)
  const held = find('held')
  if (held !== undefined) {
    const { code } = argumentsOf(held.arguments['reason'])
    const isConnector = typeof code === 'string' && NOT_RECOGNISED.has(code)
    return result('bad', isConnector ? 'trip-connector' : 'trip-held', held)
  }
  const open = ends.find(({ state }) => state !== 'delivered' && state !== 'relayed')
  const taken = ends[0]?.event
  if (open?.event?.code === 'deferred') return result('bad', 'trip-deferred', open.event)
  if (open !== undefined || taken === undefined)
    return check('bad', 'trip-unfinished', { which: leg, mail: summary.mailId })
  return result('good', 'trip-handed-over', taken)
}

/**
 * One result for each expectation, leg by leg.
 * @param language - of causes, which stand in the arguments
 */
export function tripChecks(findings: TripFindings, language: Language): Check[] {
  return LEGS.flatMap((leg) => checksOfLeg(findings, leg, language))
}
