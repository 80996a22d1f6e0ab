/**
 * `siegel exchange rotate`: changes the tenant's secrets or processed words in steps that cannot be skipped, so that no mail is refused
 * or loops: both values count, the rules are shown to have the new one, mail is seen that carries it, half an hour passes, the old one
 * goes. Prints no value.
 */
import { randomBytes } from 'node:crypto'
import type { TenantSpec } from '@siegel/contract'
import { toDocument, toObject } from '../config/config-object.ts'
import { compileSettings } from '../config/settings.ts'
import { checkLine } from '../exchange/assist/checks.ts'
import { drift } from '../exchange/assist/drift.ts'
import { readState } from '../exchange/assist/state.ts'
import { AssistError } from '../exchange/assist/options.ts'
import { NEW_SECRET } from '../mail/message.ts'
import { StoreRefused } from '../observe/failures.ts'
import type { Store } from '../store/index.ts'
import { rotateTexts, type Say } from './exchange-rotate-texts.ts'
import { readLanguage } from './exchange-tenant.ts'
import { readInput, UsageError, type Command, type ExitCode, type Io } from './io.ts'
import { withStore } from './open-store.ts'
import { readOptions, type Options } from './options.ts'
import { chooseTenant } from './tenant-field.ts'
import type { Language } from './texts.ts'

const OPTIONS = {
  tenant: { type: 'string' },
  state: { type: 'string' },
  force: { type: 'boolean' },
  config: { type: 'string' },
  language: { type: 'string' },
  json: { type: 'boolean' },
} as const

/** A change of rules is in force everywhere after this time. */
const PROPAGATION_MS = 30 * 60_000
/** Exchange Online gives up after 24 hours what it cannot hand over; what it routed before may carry the old secret so long. */
const RETIRED_MS = 48 * 3_600_000
const DIRECTIONS = ['outbound', 'inbound'] as const
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

type What = 'secret' | 'word'
type Direction = (typeof DIRECTIONS)[number]
type Rotation = NonNullable<TenantSpec['rotation']>
type SecretLists = NonNullable<TenantSpec['secretHeader']>
/** The first mail in each direction that carries the secret which the rules should stamp. */
type Sightings = Record<Direction, { readonly at: string; readonly mail: string } | null>

/** What a step works with. */
interface Work {
  readonly spec: TenantSpec
  readonly name: string
  readonly store: Store
  readonly options: Options
  readonly io: Io
  readonly language: Language
  readonly say: Say
}

function fresh(what: What): string {
  return what === 'secret'
    ? randomBytes(24).toString('base64url')
    : Array.from(randomBytes(26), (byte) => BASE32[byte % 32]).join('')
}

function secretsOf({ spec, say }: Work): SecretLists {
  if (spec.preset !== 'recommended' || spec.secretHeader === undefined)
    throw new UsageError(say('only-recommended'))
  return spec.secretHeader
}

function under({ spec, say }: Work): Rotation {
  if (spec.rotation === undefined || spec.rotation.step === 'finished')
    throw new UsageError(say('none-under-way'))
  return spec.rotation
}

/** The one value of a list. */
function single(work: Work, what: What, direction: Direction): string {
  const [kept, ...more] = (what === 'secret' ? secretsOf(work) : work.spec.processedHeader)[direction]
  if (kept !== undefined && more.length === 0) return kept
  const { say } = work
  throw new UsageError(say('not-one', { direction: say(direction), what: say(what) }))
}

/**
 * A change of words changes the secrets too: no mail with a word is ever routed here, so nothing could be seen of the rules. A rule
 * gets its secret and its words in one write, so mail with the new secret shows that its rule knows the new word.
 */
function begin(work: Work, what: What): string {
  const { spec, io, say } = work
  const secrets = secretsOf(work)
  if (spec.rotation !== undefined && spec.rotation.step !== 'finished') throw new UsageError(say('under-way'))
  for (const direction of DIRECTIONS) {
    // A rule stamps the first secret. It stamps the first word too, which must be one that every rule excepts already.
    secrets[direction] = [fresh('secret'), single(work, 'secret', direction)]
    if (what === 'word') spec.processedHeader[direction] = [single(work, 'word', direction), fresh('word')]
  }
  spec.rotation = { what, step: 'added', at: new Date(io.now()).toISOString() }
  return say('run-script')
}

/** Both values go on counting while the rules go back, as they did on the way there. */
function abort(work: Work): string {
  const { spec, io, say } = work
  const { what, back } = under(work)
  const secrets = secretsOf(work)
  for (const direction of DIRECTIONS) secrets[direction].reverse()
  spec.rotation = { what, step: 'added', back: back !== true, at: new Date(io.now()).toISOString() }
  return `${say('aborted')}; ${say('run-script')}`
}

/** Old secrets that still count, and those that go now. */
function retire(secrets: SecretLists, now: number): string {
  const until = new Date(now + RETIRED_MS).toISOString()
  const { retired } = secrets
  const still = retired !== undefined && Date.parse(retired.until) > now ? retired : null
  const all = (direction: Direction) =>
    [...secrets[direction].slice(1), ...(still?.[direction] ?? [])].slice(0, 16)
  secrets.retired = { outbound: all('outbound'), inbound: all('inbound'), until }
  for (const direction of DIRECTIONS) secrets[direction] = secrets[direction].slice(0, 1)
  return until
}

async function finish(work: Work): Promise<string> {
  const { spec, io, options, say } = work
  const { what, step, at, back } = under(work)
  const secrets = secretsOf(work)
  const now = io.now()
  if (step !== 'confirmed') throw new UsageError(`${say('not-confirmed')}; ${say('run-script')}`)
  const ready = Date.parse(at) + PROPAGATION_MS
  if (now < ready) throw new UsageError(say('too-early', { at: new Date(ready).toISOString() }))
  const seen = await sightings(work)
  const missing = DIRECTIONS.filter((direction) => (seen?.[direction] ?? null) === null)
  const [first] = missing
  if (first !== undefined && !options.has('force'))
    throw new UsageError(say('not-seen', { direction: say(first), at }))
  const until = retire(secrets, now)
  for (const direction of missing) io.err(say('forced-warning', { direction: say(direction), until }))
  if (what === 'word')
    for (const direction of DIRECTIONS) {
      const words = spec.processedHeader[direction]
      spec.processedHeader[direction] = back === true ? words.slice(0, 1) : words.slice(-1)
    }
  spec.rotation = { what, step: 'finished', at: new Date(now).toISOString() }
  return say(what === 'word' ? 'finished-word' : 'finished-secret', { until })
}

function forget(work: Work): string {
  const secrets = secretsOf(work)
  if (secrets.retired === undefined) throw new UsageError(work.say('nothing-retired'))
  delete secrets.retired
  return work.say('forgotten')
}

/** What has been seen since the step that is reached; null when no change is under way. */
async function sightings({ spec, name, store }: Work): Promise<Sightings | null> {
  const { rotation } = spec
  const row = (await store.config.read()).tenants.get(name)
  if (rotation === undefined || rotation.step === 'finished' || row === undefined) return null
  const { traces } = store.forTenant(row.id)
  const first = async (direction: Direction) => {
    const found = await traces.firstBy(NEW_SECRET, direction, Date.parse(rotation.at))
    return found === null ? null : { at: new Date(found.receivedAt).toISOString(), mail: found.mailId }
  }
  return { outbound: await first('outbound'), inbound: await first('inbound') }
}

async function confirm(work: Work): Promise<string | null> {
  const { spec, name, store, options, io, language, say } = work
  const rotation = under(work)
  if (rotation.step === 'confirmed') throw new UsageError(say('confirmed-already'))
  const file = options.text('state')
  if (file === undefined) throw new UsageError(say('state-needed'))
  const state = readState(await readInput(file, io))
  const { version, objects, tenants } = await store.config.read()
  const { settings } = compileSettings(version, objects, tenants)
  const tenant = [...settings.tenants.values()].find((one) => one.name === name)
  if (tenant === undefined || state.Tenant !== name) throw new UsageError(say('state-of-other', { name }))
  // The script writes whole seconds.
  if (!(Date.parse(state.TakenAt) >= Date.parse(rotation.at) - 1000)) throw new UsageError(say('state-old'))
  const faults = drift(tenant, state, io.now()).filter(
    ({ verdict, code }) => verdict === 'bad' && /^(rule|state)/.test(code),
  )
  for (const fault of faults) io.err(checkLine(fault, language))
  if (faults.length > 0) return null
  spec.rotation = { ...rotation, step: 'confirmed', at: new Date(io.now()).toISOString() }
  return say('confirmed')
}

function statusLines({ spec, name, say }: Work, seen: Sightings | null, until: string | null): string[] {
  const { rotation } = spec
  const lines: string[] = []
  if (rotation === undefined) lines.push(say('status-none'))
  else {
    const { what, step, at, back } = rotation
    lines.push(
      `${say(`status-${step}`, { what: say(what), at })}${back === true ? `; ${say('status-back')}` : ''}`,
    )
    if (seen !== null)
      for (const direction of DIRECTIONS) {
        const one = seen[direction]
        lines.push(
          one === null
            ? say('status-not-seen', { direction: say(direction), at })
            : say('status-seen', { direction: say(direction), ...one }),
        )
      }
  }
  if (until !== null) lines.push(say('status-retired', { until }))
  return lines.map((line) => `${name}: ${line}`)
}

async function status(work: Work): Promise<ExitCode> {
  const { spec, name, options, io } = work
  const seen = await sightings(work)
  const retired = spec.secretHeader?.retired
  const until = retired !== undefined && Date.parse(retired.until) > io.now() ? retired.until : null
  if (options.has('json'))
    io.out(JSON.stringify({ tenant: name, rotation: spec.rotation ?? null, seen, retiredUntil: until }))
  else for (const line of statusLines(work, seen, until)) io.out(line)
  return 0
}

/** The words of a step that went through; null when it did not. */
function said(action: string, work: Work): Promise<string | null> | string {
  switch (action) {
    case 'secret':
    case 'word':
      return begin(work, action)
    case 'abort':
      return abort(work)
    case 'finish':
      return finish(work)
    case 'forget':
      return forget(work)
    default:
      return confirm(work)
  }
}

async function step(action: string, work: Omit<Work, 'spec' | 'name'>): Promise<ExitCode> {
  const { store, options, io, say } = work
  const { version, objects } = await store.config.read()
  const parsed = toDocument(chooseTenant(objects, options.text('tenant')))
  if (!parsed.ok || parsed.document.kind !== 'Tenant') throw new UsageError(say('old-settings'))
  const { name } = parsed.document
  const spec = structuredClone(parsed.document.spec)
  if (action === 'status') return status({ ...work, spec, name })
  const words = await said(action, { ...work, spec, name })
  if (words === null) return 1
  const object = toObject({ ...parsed.document, spec })
  await store.config.change({ from: version, put: [{ object, credentials: [] }], remove: [] })
  io.out(`${name}: ${words}`)
  return 0
}

/** The forms of `exchange rotate`. */
export const exchangeRotate: Command = (args, io) => {
  const [action = '', ...rest] = args
  const options = readOptions(rest, OPTIONS, 0)
  const language = readLanguage(options)
  const say = rotateTexts(language)
  if (!['secret', 'word', 'confirm', 'finish', 'abort', 'status', 'forget'].includes(action))
    throw new UsageError(say('usage'))
  return withStore<ExitCode>(options.text('config'), async (store) => {
    try {
      return await step(action, { store, options, io, language, say })
    } catch (error) {
      if (error instanceof AssistError) throw new UsageError(error.message)
      if (!(error instanceof StoreRefused) || error.code !== 'configuration-moved') throw error
      io.err(`siegel: ${say('moved')}`)
      return 1
    }
  })
}
