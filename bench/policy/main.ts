/**
 * The benchmark of decisions: how long policy takes for one mail to five recipients, and how much memory, when one tenant has a million
 * partners' certificates, 100,000 users with keys, 10,000 domains with settings and 1,000 rules. Beside it in the same run, in turns:
 * a small store in which the same kind of mail finds the same kind of certificates but no settings, and an empty one, which finds nothing.
 *
 * Usage: npm run bench:policy [-- --quick] [--json]
 * Fails when addresses drawn at random take more than twice as long as in the small store (p99), or memory is more than 300 MB. The same to
 * the empty store is said, too, but does not fail it. With SIEGEL_RESULT=FILE the result is written there too.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openStore } from '../../gateway/src/store/index.ts'
import { fill, makeAuthorities, type Authorities } from './fill.ts'
import type { Scale } from './scene.ts'

const quick = process.argv.includes('--quick')
const asJson = process.argv.includes('--json')
const SHARE = quick ? 0.1 : 1
const ROUNDS = quick ? 5 : 9
const DECISIONS = 500
/** p99 to that of another store, and MB. */
const MOST_TIMES = 2
const MOST_MB = 300

const SCALES: Readonly<Record<Name, Scale>> = {
  empty: { partners: 0, users: 0, domains: 0, rules: 0 },
  small: { partners: 10_000, users: 1000, domains: 0, rules: 0 },
  full: {
    partners: 1_000_000 * SHARE,
    users: 100_000 * SHARE,
    domains: 10_000 * SHARE,
    rules: 1000 * SHARE,
  },
}
const NAMES = ['empty', 'small', 'full'] as const
type Name = (typeof NAMES)[number]
const KINDS = ['random', 'repeated'] as const

/** Of one round, in milliseconds. */
interface Times {
  readonly p50: number
  readonly p99: number
  readonly cpuMs: number
}

/** A process with one store. */
interface Side {
  ask<T>(line: string): Promise<T>
  close(): Promise<void>
}

const tell = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

/** Makes the store of a side. */
async function prepare(folder: string, name: Name, authorities: Authorities, now: number): Promise<number> {
  mkdirSync(folder)
  const masterKey = randomBytes(32)
  writeFileSync(join(folder, 'master.key'), masterKey, { mode: 0o600 })
  const store = await openStore({ dataFolder: join(folder, 'data'), masterKey })
  const started = performance.now()
  const seconds = () => (performance.now() - started) / 1000
  try {
    const all = SCALES[name].partners + SCALES[name].users
    await fill(store, authorities, SCALES[name], now, (entries) => {
      if (entries % 50_000 === 0) tell(`${name}: ${entries} of ${all} entries, ${seconds().toFixed(0)} s`)
    })
  } finally {
    await store.close()
  }
  return seconds()
}

/** Starts a side. */
function start(folder: string, scale: Scale): Side {
  const child = spawn(
    process.execPath,
    ['--expose-gc', join(import.meta.dirname, 'side.ts'), folder, JSON.stringify(scale)],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const { promise: ended, resolve } = Promise.withResolvers<undefined>()
  child.on('close', () => {
    resolve(undefined)
  })
  return {
    async ask<T>(line: string) {
      child.stdin.write(`${line}\n`)
      const answer = await lines.next()
      if (answer.done === true) throw new Error('a side has ended')
      return JSON.parse(answer.value) as T // What side.ts writes.
    },
    async close() {
      child.stdin.end()
      await ended
    },
  }
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN
const round = (value: number): number => Number(value.toPrecision(3))

/** Measures all sides in turns. */
async function measure(sides: ReadonlyMap<Name, Side>) {
  const times = new Map<string, Times[]>()
  for (let turn = 0; turn <= ROUNDS; turn++)
    for (const kind of KINDS)
      for (const [name, side] of sides) {
        const found = await side.ask<Times>(`${kind} ${DECISIONS} ${turn + 1}`)
        // The first turn warms up.
        if (turn > 0) times.set(`${kind} ${name}`, [...(times.get(`${kind} ${name}`) ?? []), found])
      }
  const of = (kind: string, name: Name) => times.get(`${kind} ${name}`) ?? []
  const ratio = (kind: string, to: Name) =>
    round(median(of(kind, 'full').map(({ p99 }, at) => p99 / (of(kind, to)[at]?.p99 ?? NaN))))
  return KINDS.map((kind) => ({
    kind,
    ms: Object.fromEntries(
      NAMES.map((name) => [
        name,
        Object.fromEntries(
          (['p50', 'p99', 'cpuMs'] as const).map((what) => [
            what,
            round(median(of(kind, name).map((each) => each[what]))),
          ]),
        ),
      ]),
    ),
    p99ToSmall: ratio(kind, 'small'),
    p99ToEmpty: ratio(kind, 'empty'),
  }))
}

async function main(folder: string): Promise<number> {
  const now = Date.now()
  const authorities = makeAuthorities(now)
  const sides = new Map<Name, Side>()
  let filled = 0
  try {
    for (const name of NAMES) filled = await prepare(join(folder, name), name, authorities, now)
    for (const name of NAMES) sides.set(name, start(join(folder, name), SCALES[name]))
    const opened = await sides.get('full')?.ask<Record<string, number>>('opened')
    const decisions = await measure(sides)
    const memory: Record<string, number> = {}
    for (const [name, side] of sides)
      memory[name] = Math.round((await side.ask<{ peak: number }>('memory')).peak)
    const ends = await sides.get('full')?.ask<{ ms: number; alarms: number }>('own')
    const random = decisions.find(({ kind }) => kind === 'random')
    const within = {
      small: (random?.p99ToSmall ?? Infinity) <= MOST_TIMES,
      empty: (random?.p99ToEmpty ?? Infinity) <= MOST_TIMES,
      memory: (memory['full'] ?? Infinity) <= MOST_MB,
    }
    const result = {
      ...{ scale: SCALES.full, rounds: ROUNDS, decisionsInRound: DECISIONS, fillSeconds: Math.round(filled) },
      ...{ decisions, peakMb: memory, opened, ends, within },
    }
    const file = process.env['SIEGEL_RESULT']
    if (file !== undefined) writeFileSync(file, JSON.stringify(result))
    if (asJson) console.log(JSON.stringify(result))
    else report(result)
    return within.small && within.memory ? 0 : 1
  } finally {
    for (const side of sides.values()) await side.close()
  }
}

function report(result: {
  readonly decisions: Awaited<ReturnType<typeof measure>>
  readonly peakMb: Readonly<Record<string, number>>
  readonly within: Readonly<Record<'small' | 'empty' | 'memory', boolean>>
}): void {
  console.log('| addresses | store | p50 ms | p99 ms | CPU-ms | p99 of the full one to it |')
  console.log('| --- | --- | --- | --- | --- | --- |')
  for (const { kind, ms, p99ToSmall, p99ToEmpty } of result.decisions)
    for (const name of NAMES) {
      const { p50, p99, cpuMs } = ms[name] ?? {}
      const ratio = { empty: String(p99ToEmpty), small: String(p99ToSmall), full: '' }[name]
      console.log(`| ${kind} | ${name} | ${p50 ?? ''} | ${p99 ?? ''} | ${cpuMs ?? ''} | ${ratio} |`)
    }
  console.log(`\npeak memory in MB: ${JSON.stringify(result.peakMb)}`)
  const { small, empty, memory } = result.within
  const word = (is: boolean) => (is ? 'yes' : 'no')
  console.log(
    `random, p99 at most ${MOST_TIMES} times that of the small store: ${word(small)}; of the empty one: ${word(empty)}`,
  )
  console.log(`at most ${MOST_MB} MB: ${word(memory)}`)
}

const folder = mkdtempSync(join(tmpdir(), 'siegel-bench-policy-'))
try {
  process.exitCode = await main(folder)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
