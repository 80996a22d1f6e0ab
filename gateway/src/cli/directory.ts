/**
 * `siegel directory`: brings a tenant's people and groups from CSV files, and shows what is known of them. An import replaces users, or
 * groups, as a whole; a running gateway works by it within a second. What is not taken is said line by line.
 */
import { createHash } from 'node:crypto'
import { toGroupKey } from '@siegel/contract'
import { compileSettings } from '../config/settings.ts'
import { readCsv } from '../directory/csv.ts'
import { importDirectory, type DirectoryImported } from '../directory/import.ts'
import type { DirectoryPart, DirectoryStore, Group, PartState } from '../directory/ports.ts'
import type { DirectoryFinding } from '../directory/read-rows.ts'
import { DirectoryRefused } from '../directory/refused.ts'
import { isFresh } from '../directory/view.ts'
import { StoreRefused } from '../observe/failures.ts'
import { directoryAge, directoryOf } from './directory-context.ts'
import { openInput } from './files.ts'
import { UsageError, type Command, type ExitCode, type Io } from './io.ts'
import { addressOf, KEYRING_OPTIONS, withKeyring, type KeyringContext } from './keyring-context.ts'
import { readOptions, type Options } from './options.ts'
import { printable, render, type Language } from './texts.ts'

const LARGEST_FILE = 1_073_741_824
/** Findings that are printed; the rest is counted. */
const MOST_FINDINGS = 10_000
const PROGRESS_MS = 5000
const PARTS = ['users', 'groups'] as const
const MOST_MEMBERS = 1000

/** What becomes known of what was not taken. */
class Report {
  readonly findings: DirectoryFinding[] = []
  #more = 0

  add(finding: DirectoryFinding): void {
    if (this.findings.length < MOST_FINDINGS) this.findings.push(finding)
    else this.#more += 1
  }

  get more(): number {
    return this.#more
  }
}

function findingText({ line, code, detail }: DirectoryFinding, language: Language): string {
  const text = render(code, { detail }, language)
  return line === 0 ? text : render('directory-line', { line, text }, language)
}

function partOf(options: Options): DirectoryPart {
  const [part, ...more] = PARTS.filter((each) => options.has(each))
  if (part === undefined || more.length > 0) throw new UsageError('users or groups? --users or --groups')
  return part
}

async function importFile(args: readonly string[], io: Io): Promise<ExitCode> {
  const table = {
    ...KEYRING_OPTIONS,
    users: { type: 'boolean' },
    groups: { type: 'boolean' },
    'accept-smaller': { type: 'boolean' },
  } as const
  const options = readOptions(args, table, 1)
  const [path] = options.positionals
  if (path === undefined) throw new UsageError('which file? siegel directory import FILE --users|--groups')
  const part = partOf(options)
  return withKeyring(options, async (context) => {
    const report = new Report()
    try {
      const result = await imported(path, part, options.has('accept-smaller'), context, report, io)
      printReport(report, result, part, context.language, options, io)
      return result.refused === 0 ? 0 : 1
    } catch (error) {
      if (!(error instanceof DirectoryRefused) && !(error instanceof StoreRefused)) throw error
      const args = error instanceof DirectoryRefused ? error.arguments : {}
      printRefusal(report, { code: error.code, arguments: args }, context.language, options, io)
      return 1
    }
  })
}

async function imported(
  path: string,
  part: DirectoryPart,
  acceptSmaller: boolean,
  { store, tenant }: KeyringContext,
  report: Report,
  io: Io,
): Promise<DirectoryImported> {
  const input = await openInput(path, io)
  const { length } = input.source
  const hash = createHash('sha256')
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for await (const chunk of input.source.chunks()) {
      hash.update(chunk)
      yield chunk
    }
  }
  let last = performance.now()
  try {
    if (length > LARGEST_FILE) throw new UsageError(`the file is larger than ${LARGEST_FILE} octets`)
    return await importDirectory({
      store: store.forTenant(tenant.id).directory,
      rows: readCsv(chunks()),
      digest: () => hash.digest('hex'),
      actor: 'command line',
      now: () => io.now(),
      find: (finding) => {
        report.add(finding)
      },
      progress: (entries) => {
        if (performance.now() - last < PROGRESS_MS) return
        io.err(`${printable(path)}: ${entries}`)
        last = performance.now()
      },
      ...{ part, source: path, acceptSmaller },
    })
  } finally {
    await input.close()
  }
}

function printFindings({ findings, more }: Report, language: Language, io: Io): void {
  for (const finding of findings) io.out(findingText(finding, language))
  if (more > 0) io.out(render('directory-more-findings', { count: more }, language))
}

function printReport(
  report: Report,
  result: DirectoryImported,
  part: DirectoryPart,
  language: Language,
  options: Options,
  io: Io,
): void {
  const { findings, more } = report
  if (options.has('json')) {
    io.out(JSON.stringify({ imported: true, part, ...result, findings, moreFindings: more }))
    return
  }
  printFindings(report, language, io)
  const { source, entries, addresses, refused, widened, shared } = result
  io.out(
    render(`directory-imported-${part}`, { source, entries, addresses, refused, widened, shared }, language),
  )
}

function printRefusal(
  report: Report,
  reason: { readonly code: string; readonly arguments: DirectoryRefused['arguments'] },
  language: Language,
  options: Options,
  io: Io,
): void {
  const { findings, more } = report
  if (options.has('json')) io.out(JSON.stringify({ imported: false, reason, findings, moreFindings: more }))
  else {
    printFindings(report, language, io)
    io.out(render(reason.code, reason.arguments, language))
  }
}

/** A part with whether it is believed. */
interface Judged {
  readonly part: DirectoryPart
  readonly state: PartState | null
  readonly fresh: boolean
}

async function judged({ store, tenant }: KeyringContext, now: number) {
  const { version, objects, tenants, identities } = await store.config.read()
  const { settings } = compileSettings(version, objects, tenants, identities)
  const { directory } = store.forTenant(tenant.id)
  const maxAge = directoryAge(settings, tenant.id)
  const parts = PARTS.map((part): Judged => {
    const state = directory.state(part)
    return { part, state, fresh: state !== null && isFresh(state, maxAge, now) }
  })
  return { directory, parts, hours: maxAge / 3_600_000, view: directoryOf(store, settings, tenant.id, now) }
}

async function status(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, KEYRING_OPTIONS, 0)
  return withKeyring(options, async (context) => {
    const { parts, hours } = await judged(context, io.now())
    const good = parts.every(({ fresh }) => fresh)
    const { language } = context
    if (options.has('json')) {
      const told = parts.map(({ part, state, fresh }) => ({
        ...{ part, fresh },
        ...(state === null ? {} : { ...state, syncedAt: new Date(state.syncedAt).toISOString() }),
      }))
      io.out(JSON.stringify({ parts: told, maxAgeHours: hours, groupsJudged: good }))
    } else {
      for (const { part, state, fresh } of parts) {
        if (state === null) {
          io.out(render('directory-part-missing', { part }, language))
          continue
        }
        const { entries, addresses, syncedAt, source } = state
        io.out(render('directory-part', { part, entries, addresses, syncedAt, source }, language))
        if (!fresh) io.out(render('directory-too-old', { part, hours }, language))
      }
      if (!good) io.out(render('directory-no-groups', {}, language))
    }
    return good ? 0 : 1
  })
}

/** What is known of an address or a group's name. */
async function knownOf(named: string, directory: DirectoryStore, parts: readonly Judged[]) {
  const [users = null, groups = null] = parts.map(({ state }) => state?.generation ?? null)
  const address = named.includes('@') ? addressOf(named) : null
  const user = address === null || users === null ? [] : directory.userWith(users, address)
  const numbers = new Set<number>()
  if (address !== null && groups !== null)
    for (const one of user === null || user.length === 0 ? [address] : user.map((each) => each.address))
      for (const number of directory.groupsWith(groups, one) ?? []) numbers.add(number)
  const found = groups === null ? [] : directory.groups(groups, [...numbers])
  const called: (Group & { members: readonly string[] })[] = []
  if (groups !== null)
    for (const group of directory.groupsCalled(groups, toGroupKey(named)))
      called.push({ ...group, members: await directory.members(groups, group.number, MOST_MEMBERS) })
  return { address, user, groups: found, called }
}

async function show(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, KEYRING_OPTIONS, 1)
  const [named] = options.positionals
  if (named === undefined) throw new UsageError('whom? siegel directory show ADDRESS|GROUP')
  return withKeyring(options, async (context) => {
    const { directory, parts, view } = await judged(context, io.now())
    const known = await knownOf(named, directory, parts)
    const { address, user, groups, called } = known
    const keys = address === null ? [] : directory.keysOf([address, ...view.servedWith(address)])
    const isKnown = user === null || user.length > 0 || groups.length > 0 || called.length > 0
    if (options.has('json')) io.out(JSON.stringify({ known: isKnown, ...known, keys }))
    else for (const line of shown(named, isKnown, { ...known, keys }, context.language)) io.out(line)
    return isKnown ? 0 : 1
  })
}

function shown(
  named: string,
  isKnown: boolean,
  { address, user, groups, called, keys }: Awaited<ReturnType<typeof knownOf>> & { keys: readonly string[] },
  language: Language,
): string[] {
  const say = (code: string, args: Readonly<Record<string, string>> = {}): string =>
    render(code, args, language)
  const lines: string[] = []
  if (!isKnown) lines.push(say('directory-unknown', { address: named }))
  if (user === null) lines.push(say('address-shared', { detail: named }))
  for (const one of user ?? [])
    if (one.shared && one.address !== address) lines.push(say('address-shared', { detail: one.address }))
  if (user !== null && user.length > 0)
    lines.push(say('directory-user', { addresses: user.map((one) => one.address).join(' ') }))
  if (groups.length > 0)
    lines.push(say('directory-groups', { groups: groups.map(({ name }) => name).join(', ') }))
  if (address !== null && keys.length > 0)
    lines.push(say('directory-keys', { address, keys: keys.join(' ') }))
  for (const { name, members, complete } of called) {
    lines.push(say('directory-group', { name, members: members.join(' ') }))
    if (!complete) lines.push(say('directory-group-incomplete'))
  }
  return lines
}

const FORMS: Readonly<Record<string, Command>> = { import: importFile, status, show }

/** The verb `directory`. */
export const directory: Command = (args, io) => {
  const [form = '', ...rest] = args
  const run = Object.hasOwn(FORMS, form) ? FORMS[form] : undefined
  if (run === undefined) throw new UsageError('siegel directory import|status|show')
  return run(rest, io)
}
