/**
 * `siegel exchange rotate`: changes the tenant's secrets or processed words in steps that cannot be skipped, so that no mail is refused
 * or loops: both values count, the rules are shown to have the new one, half an hour passes, the old one goes. Prints no value.
 */
import { randomBytes } from 'node:crypto'
import type { TenantSpec } from '@siegel/contract'
import { toDocument, toObject } from '../config/config-object.ts'
import { compileSettings } from '../config/settings.ts'
import { checkLine } from '../exchange/assist/checks.ts'
import { drift } from '../exchange/assist/drift.ts'
import { readState } from '../exchange/assist/state.ts'
import { AssistError } from '../exchange/assist/options.ts'
import { StoreRefused } from '../observe/failures.ts'
import type { Store } from '../store/index.ts'
import { readInput, UsageError, type Command, type ExitCode, type Io } from './io.ts'
import { withStore } from './open-store.ts'
import { readOptions, type Options } from './options.ts'
import { chooseTenant } from './tenant-field.ts'

const OPTIONS = { tenant: { type: 'string' }, state: { type: 'string' }, config: { type: 'string' } } as const

/** A change of rules is in force everywhere after this time. */
const PROPAGATION_MS = 30 * 60_000
const DIRECTIONS = ['outbound', 'inbound'] as const
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
const RUN =
  'next: siegel exchange script with the options of before, run it with -WhatIf, without, and with -Export; then siegel exchange rotate confirm --state FILE'

type What = 'secret' | 'word'
type Lists = Record<(typeof DIRECTIONS)[number], string[]>

function fresh(what: What): string {
  return what === 'secret'
    ? randomBytes(24).toString('base64url')
    : Array.from(randomBytes(26), (byte) => BASE32[byte % 32]).join('')
}

function listsOf(spec: TenantSpec, what: What): Lists {
  const lists = what === 'secret' ? spec.secretHeader : spec.processedHeader
  if (spec.preset !== 'recommended' || lists === undefined)
    throw new UsageError('only the preset recommended has secrets and words')
  return lists
}

/** A rule stamps the first secret; it stamps the first word too, which must be one that every rule excepts already. */
function together(what: What, kept: string, added: string): string[] {
  return what === 'secret' ? [added, kept] : [kept, added]
}

function begin(spec: TenantSpec, what: What, now: number): string {
  if (spec.rotation !== undefined)
    throw new UsageError('a change is under way: siegel exchange rotate status')
  const lists = listsOf(spec, what)
  for (const direction of DIRECTIONS) {
    const [kept, ...more] = lists[direction]
    if (kept === undefined || more.length > 0)
      throw new UsageError(
        `there is not exactly one ${direction} ${what}: take the old ones out with siegel apply`,
      )
    lists[direction] = together(what, kept, fresh(what))
  }
  spec.rotation = { what, step: 'added', at: new Date(now).toISOString() }
  return RUN
}

function under(spec: TenantSpec): NonNullable<TenantSpec['rotation']> {
  if (spec.rotation === undefined)
    throw new UsageError('no change is under way: siegel exchange rotate secret or word')
  return spec.rotation
}

/** Both values go on counting while the rules go back, as they did on the way there. */
function abort(spec: TenantSpec, now: number): string {
  const { what } = under(spec)
  const lists = listsOf(spec, what)
  for (const direction of DIRECTIONS) lists[direction].reverse()
  spec.rotation = { what, step: 'added', at: new Date(now).toISOString() }
  return `the old values are the new ones now; ${RUN}`
}

function finish(spec: TenantSpec, now: number): string {
  const { what, step, at } = under(spec)
  if (step !== 'confirmed') throw new UsageError(`the rules are not confirmed yet; ${RUN}`)
  const ready = Date.parse(at) + PROPAGATION_MS
  if (now < ready)
    throw new UsageError(
      `rules may still be the old ones until ${new Date(ready).toISOString()}: finish then`,
    )
  const lists = listsOf(spec, what)
  for (const direction of DIRECTIONS)
    lists[direction] = what === 'secret' ? lists[direction].slice(0, 1) : lists[direction].slice(-1)
  delete spec.rotation
  return what === 'word'
    ? 'the old words are gone here; next: siegel exchange script with the options of before, run it: they go from the rules too'
    : 'the old secrets are gone; nothing is left to do'
}

async function confirm(
  spec: TenantSpec,
  name: string,
  store: Store,
  options: Options,
  io: Io,
): Promise<string | null> {
  const rotation = under(spec)
  if (rotation.step === 'confirmed')
    throw new UsageError('confirmed already; next: siegel exchange rotate finish')
  const file = options.text('state')
  if (file === undefined)
    throw new UsageError('confirm needs --state FILE, which the script writes with -Export')
  const state = readState(await readInput(file, io))
  const { version, objects, tenants } = await store.config.read()
  const { settings } = compileSettings(version, objects, tenants)
  const tenant = [...settings.tenants.values()].find((one) => one.name === name)
  if (tenant === undefined || state.Tenant !== name)
    throw new UsageError(`the state is not of the tenant ${name}`)
  // The script writes whole seconds.
  if (!(Date.parse(state.TakenAt) >= Date.parse(rotation.at) - 1000))
    throw new UsageError('the state is older than the change: run the script, then -Export')
  const faults = drift(tenant, state, io.now()).filter(
    ({ verdict, code }) => verdict === 'bad' && /^(rule|state)/.test(code),
  )
  for (const fault of faults) io.err(checkLine(fault, 'en'))
  if (faults.length > 0) return null
  spec.rotation = { ...rotation, step: 'confirmed', at: new Date(io.now()).toISOString() }
  return 'confirmed; next: siegel exchange rotate finish, in 30 minutes or more, when no routed mail waits in Exchange Online'
}

async function step(action: string, store: Store, options: Options, io: Io): Promise<ExitCode> {
  const { version, objects } = await store.config.read()
  const parsed = toDocument(chooseTenant(objects, options.text('tenant')))
  if (!parsed.ok || parsed.document.kind !== 'Tenant') throw new UsageError('the tenant has no good settings')
  const { name } = parsed.document
  const spec = structuredClone(parsed.document.spec)
  if (action === 'status') {
    const { rotation } = spec
    io.out(
      `${name}: ${rotation === undefined ? 'no change is under way' : `${rotation.what}, ${rotation.step} ${rotation.at}`}`,
    )
    return 0
  }
  let said: string | null
  if (action === 'secret' || action === 'word') said = begin(spec, action, io.now())
  else if (action === 'abort') said = abort(spec, io.now())
  else if (action === 'finish') said = finish(spec, io.now())
  else said = await confirm(spec, name, store, options, io)
  if (said === null) return 1
  const object = toObject({ ...parsed.document, spec })
  await store.config.change({ from: version, put: [{ object, credentials: [] }], remove: [] })
  io.out(`${name}: ${said}`)
  return 0
}

/** The forms of `exchange rotate`. */
export const exchangeRotate: Command = (args, io) => {
  const [action = '', ...rest] = args
  if (!['secret', 'word', 'confirm', 'finish', 'abort', 'status'].includes(action))
    throw new UsageError(
      'siegel exchange rotate secret or word, then confirm --state FILE, then finish; abort; status',
    )
  const options = readOptions(rest, OPTIONS, 0)
  return withStore<ExitCode>(options.text('config'), async (store) => {
    try {
      return await step(action, store, options, io)
    } catch (error) {
      if (error instanceof AssistError) throw new UsageError(error.message)
      if (!(error instanceof StoreRefused) || error.code !== 'configuration-moved') throw error
      io.err('siegel: the configuration was changed meanwhile; try again')
      return 1
    }
  })
}
