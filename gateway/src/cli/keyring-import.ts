/**
 * `siegel keyring import`: certificates and keys from files into a tenant's keyring, with progress, a journal that a killed import
 * goes on from, and a report of every line that was not taken or was there already.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { sourceOf, type ByteSource } from '@siegel/engine'
import { ImportMismatch, runImport } from '../keyring/import/import.ts'
import type { ImportFinding, ImportState, KeyringStore } from '../keyring/ports.ts'
import { csvLine } from './csv.ts'
import { openInput, writeFrom } from './files.ts'
import { UsageError, type ExitCode, type Io } from './io.ts'
import { entriesOfFile } from './keyring-archive.ts'
import { KEYRING_OPTIONS, withKeyring, type KeyringContext } from './keyring-context.ts'
import { readOptions, type Options } from './options.ts'
import { printable, render, type Language } from './texts.ts'

const MOST_FILES = 10_000
/** Findings read at once. */
const PAGE = 1000
/** Between two lines of progress that stay, in milliseconds. */
const PROGRESS_MS = 5000

/** The outcomes that are no refusal: the certificate is in the keyring. */
const KNOWN = new Set([
  'certificate-known',
  'certificate-merged',
  'certificate-approved',
  'certificate-restored',
])

/** The form `import`. */
export async function importFiles(args: readonly string[], io: Io): Promise<ExitCode> {
  const table = {
    ...KEYRING_OPTIONS,
    'password-file': { type: 'string' },
    resume: { type: 'boolean' },
    report: { type: 'string' },
  } as const
  const options = readOptions(args, table, MOST_FILES)
  if (options.positionals.length === 0) throw new UsageError('which files? siegel keyring import FILE…')
  const password = await passwordOf(options)
  return withKeyring(options, async (context) => {
    const states: ImportState[] = []
    for (const path of options.positionals)
      states.push(await importFile(path, password, options.has('resume'), context, io))
    const out = options.text('report')
    if (out !== undefined) await writeFrom(out, sourceOf(Buffer.from(await csvReport(states, context))))
    await report(states, context, options, io)
    return states.every(({ refused }) => refused === 0) ? 0 : 1
  })
}

async function passwordOf(options: Options): Promise<string | null> {
  const file = options.text('password-file')
  if (file === undefined) return null
  try {
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '')
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? 'error'}`)
  }
}

async function importFile(
  path: string,
  password: string | null,
  resume: boolean,
  { keyring }: KeyringContext,
  io: Io,
): Promise<ImportState> {
  const input = await openInput(path, io)
  const progress = new Progress(path, io)
  try {
    return await runImport({
      store: keyring,
      digest: await digestOf(input.source),
      name: path,
      entries: entriesOfFile(path, input.source, password),
      resume,
      actor: 'command line',
      now: () => io.now(),
      progress: (state) => {
        progress.show(state)
      },
    })
  } catch (error) {
    if (error instanceof ImportMismatch) throw new UsageError(`${path}: ${error.message}`)
    throw error
  } finally {
    progress.end()
    await input.close()
  }
}

async function digestOf(source: ByteSource): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of source.chunks()) hash.update(chunk)
  return hash.digest('hex')
}

/** One line that moves on a terminal, a line every few seconds elsewhere. */
class Progress {
  readonly #path: string
  readonly #io: Io
  readonly #started = performance.now()
  #last = performance.now()
  #moving = false

  constructor(path: string, io: Io) {
    this.#path = path
    this.#io = io
  }

  show({ entries, added, known, refused }: ImportState): void {
    const seconds = (performance.now() - this.#started) / 1000
    const line = `${printable(this.#path)}: ${entries} (+${added} =${known} !${refused}) ${seconds.toFixed(0)} s`
    if (process.stderr.isTTY) {
      process.stderr.write(`\r${line}\u001b[K`)
      this.#moving = true
    } else if (performance.now() - this.#last >= PROGRESS_MS) {
      this.#io.err(line)
      this.#last = performance.now()
    }
  }

  end(): void {
    if (this.#moving) process.stderr.write('\n')
  }
}

/** All findings of an import, page by page. */
async function* findingsOf(keyring: KeyringStore, digest: string): AsyncGenerator<ImportFinding> {
  for (let after = 0; ;) {
    const page = await keyring.importFindings(digest, after, PAGE)
    yield* page
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE) return
    after = last.entry
  }
}

function textOf({ code, detail }: ImportFinding, language: Language): string {
  return render(code, { detail }, language)
}

async function report(
  states: readonly ImportState[],
  { keyring, language }: KeyringContext,
  options: Options,
  io: Io,
): Promise<void> {
  if (options.has('json')) {
    const files: object[] = []
    for (const state of states) {
      const findings: object[] = []
      for await (const finding of findingsOf(keyring, state.digest))
        findings.push({ ...finding, taken: KNOWN.has(finding.code) })
      files.push({ ...state, findings })
    }
    io.out(JSON.stringify({ files }))
    return
  }
  for (const state of states) {
    for await (const finding of findingsOf(keyring, state.digest)) {
      const where = finding.place === '' ? state.name : `${state.name}, ${finding.place}`
      io.out(`${printable(where)}: ${textOf(finding, language)}`)
    }
    const { name, entries, added, known, refused } = state
    io.out(render('import-summary', { name, entries, added, known, refused }, language))
  }
}

async function csvReport(
  states: readonly ImportState[],
  { keyring, language }: KeyringContext,
): Promise<string> {
  const lines = [csvLine(['file', 'entry', 'place', 'code', 'detail', 'text'])]
  for (const { name, digest } of states)
    for await (const finding of findingsOf(keyring, digest)) {
      const { entry, place, code, detail } = finding
      lines.push(csvLine([name, entry, place, code, detail, textOf(finding, language)]))
    }
  return `${lines.join('\r\n')}\r\n`
}
