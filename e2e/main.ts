/**
 * Runs scenario files and prints one line for each scenario: passed or failed, where (the preset, as a rule), its name, its seconds. The
 * same files run within `npm test`; this is for those who want to see the list, or a part of it. It judges nothing itself.
 *
 * Usage: node e2e/main.ts [--only NAME[,NAME…]] [--list] [--folder DIR]
 * NAME is a scenario file without its folder and ending, such as seed or adversary; DIR holds other scenario files. Exits with 1 when a scenario failed or none ran,
 * with 2 when there is no such file.
 */
import { globSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { run } from 'node:test'
import { fileURLToPath } from 'node:url'
import { inspect, parseArgs } from 'node:util'

const print = (line: string): void => void process.stdout.write(`${line}\n`)
const complain = (line: string): void => void process.stderr.write(`${line}\n`)

/** Scenario files by name; those that need programs of others are not among them. */
function scenarioFiles(folder: string): Map<string, string> {
  const files = globSync('{,power/}*.test.ts', { cwd: folder })
    .filter((file) => !file.endsWith('.peers.test.ts'))
    .sort()
  return new Map(files.map((file) => [basename(file, '.test.ts'), join(folder, file)]))
}

interface Ended {
  readonly name: string
  readonly nesting: number
  readonly file?: string | undefined
  readonly details: {
    readonly duration_ms: number
    readonly type?: string | undefined
    readonly error?: Error & { readonly failureType?: string }
  }
}

/** The events of node:test that are looked at. */
type TestEvent =
  | { readonly type: 'test:start'; readonly data: Pick<Ended, 'name' | 'nesting' | 'file'> }
  | { readonly type: 'test:pass' | 'test:fail'; readonly data: Ended }
  | { readonly type: 'test:diagnostic'; readonly data: unknown }
  | { readonly type: 'test:stderr'; readonly data: { readonly message: string } }

/** Follows one run; tells each scenario as soon as it has ended. */
class Report {
  failed = 0
  passed = 0
  /** Names of the suites around what is running, by file and depth. */
  readonly #around = new Map<string, string[]>()

  started({ name, nesting, file = '' }: Pick<Ended, 'name' | 'nesting' | 'file'>): void {
    const names = (this.#around.get(file) ?? []).slice(0, nesting)
    names[nesting] = name
    this.#around.set(file, names)
  }

  ended(event: Ended, good: boolean): void {
    const { name, nesting, file = '', details } = event
    const suite = details.type === 'suite'
    // A suite is told only when it failed by itself: its scenarios have lines of their own.
    if (suite && (good || details.error?.failureType === 'subtestsFailed')) return
    // A file in which there is no scenario counts as a good test of itself.
    if (good && name.endsWith('.test.ts')) return
    if (good) this.passed++
    else this.failed++
    const where = (this.#around.get(file) ?? []).slice(0, nesting).join(', ') || basename(file, '.test.ts')
    const seconds = (details.duration_ms / 1000).toFixed(1).padStart(6)
    print(`${good ? 'passed' : 'FAILED'}  ${where}  ${name}  ${seconds} s`)
    const cause = details.error?.cause ?? details.error
    if (!good && cause !== undefined)
      complain(
        inspect(cause)
          .split('\n')
          .slice(0, 60)
          .map((line) => `        ${line}`)
          .join('\n'),
      )
  }
}

async function play(files: readonly string[]): Promise<number> {
  const report = new Report()
  // Scenarios start processes of their own, so they run one after the other.
  const events = run({ files, concurrency: 1 }) as AsyncIterable<TestEvent>
  for await (const { type, data } of events) {
    if (type === 'test:start') report.started(data)
    else if (type === 'test:pass' || type === 'test:fail') report.ended(data, type === 'test:pass')
    else if (type === 'test:stderr') process.stderr.write(data.message)
  }
  print(`${report.passed} passed, ${report.failed} failed`)
  return report.failed > 0 || report.passed === 0 ? 1 : 0
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    list: { type: 'boolean' },
    folder: { type: 'string', default: dirname(fileURLToPath(import.meta.url)) },
  },
})
const known = scenarioFiles(values.folder)
const wanted = values.only?.flatMap((names) => names.split(',')) ?? [...known.keys()]
const strange = wanted.filter((name) => !known.has(name))
if (strange.length > 0) {
  complain(`there is no scenario file ${strange.join(', ')}; there are ${[...known.keys()].join(', ')}`)
  process.exitCode = 2
} else if (values.list === true) for (const name of wanted) print(name)
else process.exitCode = await play(wanted.flatMap((name) => known.get(name) ?? []))
