/**
 * `npm run fuzz -- --seconds N [--seed S] [--case N]`: mutates certificates, CRLs, PKCS#12 files, CMS objects and mails, and
 * has a worker read them. Reported are crashes, hangs of more than a second, more than 256 MiB of memory, and changed mails
 * that are valid; the input is saved and its path printed. With the same seed on the same machine a run repeats itself: its
 * fresh keys and mails are kept beside the inputs.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { makeMaterial, writeMaterial } from './seeds.ts'
import { INPUT_LIMIT, STATE, type Found, type Task } from './task.ts'

const { values } = parseArgs({
  options: { seconds: { type: 'string' }, seed: { type: 'string' }, case: { type: 'string' } },
})
const seconds = Number(values.seconds ?? 60)
const seed = Number(values.seed ?? Date.now() % 1_000_000)
/** Failures after which a run ends. */
const ENOUGH = 20
const HANG_MS = 1000

const folder = join(tmpdir(), `siegel-fuzz-${seed}`)
mkdirSync(folder, { recursive: true })
const kept = join(folder, 'material.json')
if (!existsSync(kept)) writeFileSync(kept, writeMaterial(makeMaterial()), { mode: 0o600 })
const material = readFileSync(kept, 'utf8')

let failures = 0
let next = values.case === undefined ? 0 : Number(values.case)
const end = values.case === undefined ? Number.MAX_SAFE_INTEGER : next + 1
const deadline = Date.now() + seconds * 1000

function save(found: Found, input: Buffer): void {
  failures++
  const path = join(folder, `${found.index}.bin`)
  writeFileSync(path, input)
  console.log(
    `case ${found.index} (${found.name}): ${found.words}\n  saved as ${path}; --seed ${seed} --case ${found.index}`,
  )
}

interface Outcome {
  /** Where a hanging case stands; null when the worker ended by itself or time is up. */
  readonly hangs: number | null
}

/** Runs one worker until it ends, hangs, or time is up. */
async function run(from: number, to: number): Promise<Outcome> {
  const state = new SharedArrayBuffer(8 * 8)
  const input = new SharedArrayBuffer(INPUT_LIMIT)
  const task: Task = { material, seed, from, to, state, input }
  const numbers = new Float64Array(state)
  const current = () => Buffer.from(input).subarray(0, numbers[STATE.length] ?? 0)
  const worker = new Worker(new URL('worker.ts', import.meta.url), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: 512 },
  })
  worker.on('message', (found: Found) => {
    save(found, current())
  })
  const outcome: { hangs: number | null } = { hangs: null }
  const timer = setInterval(() => {
    const started = numbers[STATE.started] ?? 0
    if (started > 0 && Date.now() - started > HANG_MS) outcome.hangs = numbers[STATE.index] ?? 0
    if (outcome.hangs !== null || Date.now() > deadline || failures >= ENOUGH) void worker.terminate()
  }, 50)
  await new Promise<void>((resolve) => {
    worker.once('error', (error: Error) => {
      save({ index: numbers[STATE.index] ?? 0, name: 'the worker died', words: error.message }, current())
    })
    worker.once('exit', () => {
      resolve()
    })
  })
  clearInterval(timer)
  next = (numbers[STATE.index] ?? from) + 1
  if (outcome.hangs !== null) writeFileSync(join(folder, `${outcome.hangs}.bin`), current())
  return outcome
}

while (Date.now() < deadline && failures < ENOUGH && next < end) {
  const { hangs } = await run(next, end)
  if (hangs === null) continue
  // A busy machine can look like a hang: only what hangs again, alone, is one.
  const resume = next
  const again = await run(hangs, hangs + 1)
  next = resume
  if (again.hangs !== null)
    save(
      { index: hangs, name: 'hang', words: `more than ${HANG_MS} ms, twice` },
      readFileSync(join(folder, `${hangs}.bin`)),
    )
}
console.log(
  `${next} cases in ${seconds} s with seed ${seed}: ${failures === 0 ? 'nothing found' : `${failures} found`}`,
)
const result = process.env['SIEGEL_RESULT']
if (result !== undefined) writeFileSync(result, JSON.stringify({ seed, seconds, cases: next, failures }))
process.exitCode = failures === 0 ? 0 : 1
