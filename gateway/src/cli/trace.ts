/**
 * `siegel trace show|find`: what happened to a mail and why. Reads; changes nothing.
 */
import { parseDuration } from '../config/start-schema.ts'
import type { TraceFilter, TraceStore, TraceSummary } from '../mail/trace.ts'
import type { Store } from '../store/index.ts'
import { UsageError, type Command, type ExitCode, type Io } from './io.ts'
import { withStore } from './open-store.ts'
import { readOptions, type Options } from './options.ts'
import { tenantsNamed } from './tenants.ts'
import { languageOf, type Language } from './texts.ts'
import { summaryLine, traceLines } from './trace-text.ts'

const DEFAULT_LIMIT = 100
const LARGEST_LIMIT = 1000

interface TenantTraces {
  readonly tenant: string
  readonly traces: TraceStore
}

async function tenantsOf(store: Store, name: string | undefined): Promise<TenantTraces[]> {
  const tenants = await tenantsNamed(store, name)
  return tenants.map(({ name: tenant, id }) => ({ tenant, traces: store.forTenant(id).traces }))
}

function language(options: Options): Language {
  const chosen = languageOf(options.text('lang'), process.env)
  if (chosen === null) throw new UsageError('--lang must be de or en')
  return chosen
}

/** A point in time (RFC 3339, or a date alone) or a span back from now. RFC 3339 5.6 */
function timeOf(text: string, now: number): number {
  const span = parseDuration(text)
  if (span !== null) return now - span
  const time = /^\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:\d{2}))?$/.test(text)
    ? Date.parse(text)
    : NaN
  if (Number.isNaN(time))
    throw new UsageError('--since must be a time such as 2026-01-31T08:00:00Z or a span such as 2h')
  return time
}

const STATES = ['waiting', 'queued', 'held', 'delivered', 'relayed', 'bounced', 'discarded']

function stateOf(text: string): string {
  if (!STATES.includes(text)) throw new UsageError(`--state must be one of ${STATES.join(', ')}`)
  return text
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LIMIT
  const limit = /^[0-9]{1,4}$/.test(text) ? Number(text) : 0
  if (limit < 1 || limit > LARGEST_LIMIT) throw new UsageError(`--limit must be 1 to ${LARGEST_LIMIT}`)
  return limit
}

const SHOW_OPTIONS = {
  config: { type: 'string' },
  lang: { type: 'string' },
  json: { type: 'boolean' },
} as const

async function show(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, SHOW_OPTIONS, 1)
  const [id] = options.positionals
  if (id === undefined) throw new UsageError('which mail? siegel trace show ID')
  const chosen = language(options)
  // UUIDs in Crockford's base32 are read without regard to case; a copy's number may follow.
  const mailId = id.replace(/\.[0-9]+$/, '').toUpperCase()
  return withStore<ExitCode>(options.text('config'), async (store) => {
    for (const { tenant, traces } of await tenantsOf(store, undefined)) {
      const found = await traces.show(mailId)
      if (found === null) continue
      if (options.has('json')) io.out(JSON.stringify({ tenant, ...found }))
      else for (const line of traceLines(found, tenant, chosen, io.now())) io.out(line)
      return 0
    }
    if (options.has('json')) io.out('null')
    else io.err(`siegel: there is no mail ${mailId}`)
    return 1
  })
}

const FIND_OPTIONS = {
  'message-id': { type: 'string' },
  'network-message-id': { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  since: { type: 'string' },
  state: { type: 'string' },
  tenant: { type: 'string' },
  limit: { type: 'string' },
  ...SHOW_OPTIONS,
} as const

function filterOf(options: Options, io: Io): TraceFilter {
  const messageId = options.text('message-id')
  const networkMessageId = options.text('network-message-id')
  const from = options.text('from')
  const to = options.text('to')
  const since = options.text('since')
  const state = options.text('state')
  return {
    // RFC 5322 3.6.4: the angle brackets are part of the field, people leave them out.
    ...(messageId === undefined
      ? {}
      : { messageId: messageId.startsWith('<') ? messageId : `<${messageId}>` }),
    ...(networkMessageId === undefined ? {} : { networkMessageId }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(since === undefined ? {} : { since: timeOf(since, io.now()) }),
    ...(state === undefined ? {} : { state: stateOf(state) }),
    limit: limitOf(options.text('limit')),
  }
}

async function find(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, FIND_OPTIONS, 0)
  const filter = filterOf(options, io)
  return withStore<ExitCode>(options.text('config'), async (store) => {
    const found: (TraceSummary & { readonly tenant: string })[] = []
    for (const { tenant, traces } of await tenantsOf(store, options.text('tenant')))
      for (const summary of await traces.find(filter)) found.push({ tenant, ...summary })
    // Ids begin with the time: the order of the ids is that of the mails, newest first.
    const listed = found.sort((a, b) => (a.mailId < b.mailId ? 1 : -1)).slice(0, filter.limit)
    if (options.has('json')) io.out(JSON.stringify(listed))
    else for (const summary of listed) io.out(summaryLine(summary))
    return 0
  })
}

/** The verb `trace`. */
export const trace: Command = (args, io) => {
  const [action, ...rest] = args
  if (action === 'show') return show(rest, io)
  if (action === 'find') return find(rest, io)
  throw new UsageError('siegel trace show ID, or siegel trace find')
}
