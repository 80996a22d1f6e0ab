/**
 * `siegel exchange verify --round-trip`: says which two mails to send, follows them through the traces of the running gateway, and
 * shows each hop and what is missing. Opens the round trip in the tenant's settings and closes it; sends nothing itself.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { parseDuration } from '../config/start-schema.ts'
import { checkLine, explained, type Check } from '../exchange/assist/checks.ts'
import { hashOfMark, makeMark, MARK_LENGTH, ROUND_TRIP_MS } from '../exchange/round-trip-mark.ts'
import type { Tenant } from '../mail/tenant.ts'
import type { TraceFilter, TraceStore } from '../mail/trace.ts'
import { domainOf, isMailbox } from '../smtp/address.ts'
import type { Store } from '../store/index.ts'
import { validationCheck } from './connector-validation.ts'
import { readLanguage, TENANT_OPTIONS, withTenant } from './exchange-tenant.ts'
import { UsageError, type ExitCode, type Io } from './io.ts'
import { readOptions, type Options } from './options.ts'
import {
  hopsOf,
  isSettled,
  LEGS,
  markOf,
  tripChecks,
  type Leg,
  type MailTrace,
  type RefusedMark,
  type TripFindings,
} from './round-trip-report.ts'
import { writeTenantField } from './tenant-field.ts'
import { printable, type Language } from './texts.ts'

const OPTIONS = {
  ...TENANT_OPTIONS,
  'round-trip': { type: 'boolean' },
  inside: { type: 'string' },
  outside: { type: 'string' },
  timeout: { type: 'string' },
  settle: { type: 'string' },
  json: { type: 'boolean' },
} as const

/** How often the traces are looked at, and how often it is said that nothing has changed. Milliseconds. */
const LOOK_MS = 1000
const SAY_MS = 30_000

/** By then a running gateway has taken the settings over: mail with the mark is known from there on. */
const ADOPTED_MS = 2000

/** Mails of an address that are looked through, newest first. */
const MOST_MAILS = 1000

/** The code of the alarm by which the gateway tells of refused test mail. */
const REFUSED = 'round-trip-refused'

const SAID = {
  en: {
    mark: 'The mark, for one use, good until {until}: {mark}',
    out: '1. From the mailbox {inside} send a mail to {outside}, with the mark in the subject.',
    in: '2. From {outside} send a mail to {inside}, with the mark in the subject.',
    crypto: '   If your rule takes only S/MIME from outside (--inbound crypto), sign it.',
    waiting: 'waiting for {legs}, {minutes} min at most',
    moved: 'the configuration was changed meanwhile; try again',
    outbound: 'Outbound, hop by hop:',
    inbound: 'Inbound, hop by hop:',
    none: 'nothing came',
    result: 'Result:',
  },
  de: {
    mark: 'Das Merkmal, einmal zu verwenden, gültig bis {until}: {mark}',
    out: '1. Aus dem Postfach {inside} eine Mail an {outside} senden, das Merkmal im Betreff.',
    in: '2. Von {outside} eine Mail an {inside} senden, das Merkmal im Betreff.',
    crypto: '   Nimmt die Regel von außen nur S/MIME (--inbound crypto), diese Mail signieren.',
    waiting: 'warte auf {legs}, höchstens {minutes} min',
    moved: 'die Einstellungen wurden inzwischen geändert; noch einmal versuchen',
    outbound: 'Ausgehend, Schritt für Schritt:',
    inbound: 'Eingehend, Schritt für Schritt:',
    none: 'nichts kam',
    result: 'Ergebnis:',
  },
} as const

const LEG_NAMES: Readonly<Record<Language, Readonly<Record<Leg, string>>>> = {
  en: { outbound: 'outbound', inbound: 'inbound' },
  de: { outbound: 'ausgehend', inbound: 'eingehend' },
}

function filled(text: string, args: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\{([a-z]+)\}/g, (_, name: string) => printable(args[name] ?? '?'))
}

function readAddress(options: Options, name: string): string {
  const given = options.text(name)
  if (given === undefined) throw new UsageError(`--${name} ADDRESS is missing`)
  if (!isMailbox(given)) throw new UsageError(`--${name}: ${JSON.stringify(given)} is no address`)
  return given
}

function readSpan(options: Options, name: string, byDefault: number): number {
  const given = options.text(name)
  const span = given === undefined ? byDefault : parseDuration(given)
  if (span === null || span < 1 || span > ROUND_TRIP_MS)
    throw new UsageError(`--${name} must be a duration up to 60m, such as 90s or 10m`)
  return span
}

/** The two mailboxes. */
interface Ends {
  readonly inside: string
  readonly outside: string
}

function readEnds(options: Options, { name, acceptedDomains }: Tenant): Ends {
  const [inside, outside] = [readAddress(options, 'inside'), readAddress(options, 'outside')]
  const accepted = (address: string) => acceptedDomains.includes(domainOf(address).toLowerCase())
  if (!accepted(inside)) throw new UsageError(`--inside: ${inside} is in no accepted domain of ${name}`)
  if (accepted(outside)) throw new UsageError(`--outside: ${outside} is in an accepted domain of ${name}`)
  return { inside, outside }
}

/** Finds the test mails in the traces: marked mails from or to either end. */
class Watch {
  readonly #traces: TraceStore
  readonly #filters: readonly TraceFilter[]
  /** Mails that are known to have no mark: it is written when a mail is received, or never. */
  readonly #others = new Set<string>()

  constructor(traces: TraceStore, { inside, outside }: Ends, since: number) {
    this.#traces = traces
    const all = { since, limit: MOST_MAILS }
    this.#filters = [{ from: inside }, { to: outside }, { from: outside }, { to: inside }].map((one) => ({
      ...one,
      ...all,
    }))
  }

  async look(): Promise<MailTrace[]> {
    const found = new Map<string, MailTrace>()
    for (const filter of this.#filters)
      for (const { mailId } of await this.#traces.find(filter)) {
        if (found.has(mailId) || this.#others.has(mailId)) continue
        const mail = await this.#traces.show(mailId)
        if (mail === null) continue
        if (markOf(mail) === undefined) this.#others.add(mailId)
        else found.set(mailId, mail)
      }
    return [...found.values()]
  }
}

/** What the gateway has told of refused test mail since a time. */
function refusedSince(store: Store, tenantId: string, since: number): RefusedMark[] {
  return store.alarms.list().flatMap(({ tenantId: of, code, subject, arguments: args, lastAt, count }) => {
    const leg = LEGS.find((one) => one === subject)
    if (of !== tenantId || code !== REFUSED || leg === undefined || lastAt < since) return []
    return [{ leg, at: lastAt, count, reason: String(args['reason']), detail: String(args['detail']) }]
  })
}

/** What is said while it waits, and how long it does. */
interface Following {
  readonly since: number
  readonly timeoutMs: number
  readonly settleMs: number
  readonly language: Language
  readonly now: () => number
  readonly say: (line: string) => void
}

/** Looks until both legs are told to their end, or the time is over. */
async function follow(store: Store, tenant: Tenant, ends: Ends, following: Following): Promise<TripFindings> {
  const { since, timeoutMs, settleMs, language, now, say } = following
  const watch = new Watch(store.forTenant(tenant.id).traces, ends, since)
  const told = new Set<string>()
  let saidAt = -Infinity
  for (;;) {
    const found = { mails: await watch.look(), refused: refusedSince(store, tenant.id, since) }
    for (const leg of LEGS)
      for (const { hop } of hopsOf(found, leg, language)) {
        const line = `  ${LEG_NAMES[language][leg]}: ${explained(hop, language).text}`
        if (told.has(line)) continue
        told.add(line)
        say(line)
      }
    const waiting = LEGS.filter((leg) => !isSettled(found, leg, now(), settleMs))
    const left = since + timeoutMs - now()
    if (waiting.length === 0 || left <= 0) return found
    if (now() - saidAt >= SAY_MS) {
      saidAt = now()
      const legs = waiting.map((leg) => LEG_NAMES[language][leg]).join(', ')
      say(filled(SAID[language].waiting, { legs, minutes: String(Math.ceil(left / 60_000)) }))
    }
    await pause(Math.min(LOOK_MS, left))
  }
}

/** The whole report, for people. */
function print(findings: TripFindings, checks: readonly Check[], language: Language, io: Io): void {
  const said = SAID[language]
  for (const leg of LEGS) {
    const hops = hopsOf(findings, leg, language)
    io.out('')
    io.out(said[leg])
    if (hops.length === 0) io.out(`  ${said.none}`)
    for (const { at, hop } of hops)
      io.out(`  ${new Date(at).toISOString()}  ${explained(hop, language).text}`)
  }
  io.out('')
  io.out(said.result)
  for (const one of checks) io.out(checkLine(one, language))
}

/** The same as data. */
function asData(findings: TripFindings, checks: readonly Check[], language: Language) {
  const [outbound, inbound] = LEGS.map((leg) =>
    hopsOf(findings, leg, language).map(({ at, hop }) => ({
      at: new Date(at).toISOString(),
      code: hop.code,
      args: hop.args,
      text: explained(hop, language).text,
    })),
  )
  return { outbound, inbound, checks: checks.map((one) => ({ ...one, ...explained(one, language) })) }
}

/** Closes the round trip and takes its alarms back; it ends by itself if this process does before. */
async function close(store: Store, { id, name }: Tenant): Promise<void> {
  // Somebody else may be changing the configuration just now.
  for (let tries = 0; tries < 3; tries++)
    if ((await writeTenantField(store, name, 'roundTrip', null)) !== null) break
  for (const leg of LEGS) await store.alarms.clear(id, REFUSED, leg)
}

/** `siegel exchange verify --round-trip`. */
export function roundTripVerb(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, OPTIONS, 0)
  const language = readLanguage(options)
  const timeoutMs = readSpan(options, 'timeout', 600_000)
  const settleMs = readSpan(options, 'settle', 30_000)
  return withTenant<ExitCode>(options, async ({ tenant, traces, store }) => {
    const ends = readEnds(options, tenant)
    const said = SAID[language]
    const say = (line: string): void => {
      if (options.has('json')) io.err(line)
      else io.out(line)
    }
    const mark = makeMark(randomBytes(MARK_LENGTH))
    const since = io.now()
    for (const leg of LEGS) await store.alarms.clear(tenant.id, REFUSED, leg)
    const opened = { openedAt: new Date(since).toISOString(), markHash: hashOfMark(mark) }
    if ((await writeTenantField(store, tenant.name, 'roundTrip', opened)) === null) {
      io.err(`siegel: ${said.moved}`)
      return 1
    }
    try {
      await pause(ADOPTED_MS)
      say(filled(said.mark, { mark, until: new Date(since + timeoutMs).toISOString() }))
      say(filled(said.out, { ...ends }))
      say(filled(said.in, { ...ends }))
      if (tenant.preset === 'recommended') say(said.crypto)
      const following = { since, timeoutMs, settleMs, language, now: () => io.now(), say }
      const findings = await follow(store, tenant, ends, following)
      const validated = await validationCheck(traces, tenant.acceptedDomains)
      const checks = [...tripChecks(findings, language), validated]
      if (options.has('json')) io.out(JSON.stringify(asData(findings, checks, language)))
      else print(findings, checks, language, io)
      return checks.some(({ verdict }) => verdict === 'bad') ? 1 : 0
    } finally {
      await close(store, tenant)
    }
  })
}
