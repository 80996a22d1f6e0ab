/**
 * `npm run test:timing`: whatever makes decryption fail after a private key was used, the result is the same and takes the
 * same time. Every kind of failure is tried 2000 times, all kinds interleaved at random, and compared with the first kind
 * of its family by Welch's t over the time by the clock (the CPU time of a thread is counted too coarsely). A planted difference of 100 µs must be found.
 *
 * Usage: node e2e/timing/main.ts [--tries N] [--json FILE]   SIEGEL_RESULT names FILE too
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { decryptMessage, type DecryptResult, type VerifyOptions } from '@siegel/engine'
import { brokenMail, FAMILIES, NOW, recipient, type Family } from './messages.ts'
import { welch } from './statistics.ts'

const { values } = parseArgs({ options: { tries: { type: 'string' }, json: { type: 'string' } } })
const file = values.json ?? process.env['SIEGEL_RESULT']
const TRIES = Number(values.tries ?? 2000)
const WARM_UP = 300
/** Different mails of each kind, so that no single one decides. */
const MAILS = 16
const LIMIT = 4.5
/** The share of the tries that must count: a wrong key passes the padding of CBC once in 256 times. */
const LEAST = 0.98
/** In microseconds. */
const PLANTED = 100

/** Without a clock the engine's own work is compared, with it what the command and the gateway show. */
const FORMS: Readonly<Record<string, VerifyOptions>> = {
  bare: { anchors: [], at: NOW, revocation: 'none' },
  settled: { anchors: [], at: NOW, revocation: 'none', clock: () => performance.now() },
}

interface Subject {
  readonly family: Family
  readonly kind: string
  readonly mails: readonly Buffer[]
  /** Microseconds of idle work on top. */
  readonly extra: number
  readonly times: number[]
}

/** Whoever can make content that opens knows its key: how long its reading takes is judged as the outside sees it. */
function subjectsOf(family: Family, form: string): readonly Subject[] {
  const mails = (kind: Family['kinds'][number]) =>
    Array.from({ length: MAILS }, () => brokenMail(family, kind))
  const [reference] = family.kinds
  const kinds = family.kinds.filter((kind) => form === 'settled' || !kind.startsWith('malformed'))
  const subjects = kinds.map((kind): Subject => ({ family, kind, mails: mails(kind), extra: 0, times: [] }))
  if (reference === undefined) return subjects
  return [...subjects, { family, kind: 'planted', mails: mails(reference), extra: PLANTED, times: [] }]
}

/** What anybody can see of a result. */
function visible({
  status,
  reasons,
  layers,
  entity,
  message,
  verified,
  protectedHeaders,
}: DecryptResult): string {
  return JSON.stringify({ status, reasons, layers, entity, message, verified, protectedHeaders })
}

function measure(subject: Subject, round: number, options: VerifyOptions): number {
  const mail = subject.mails[round % MAILS] ?? Buffer.alloc(0)
  const start = process.hrtime.bigint()
  const result = decryptMessage(mail, [recipient], options)
  if (subject.extra > 0) {
    const until = process.hrtime.bigint() + BigInt(subject.extra * 1000)
    while (process.hrtime.bigint() < until);
  }
  const time = Number(process.hrtime.bigint() - start) / 1000
  if (result.status !== 'failed' || result.reasons.join() !== 'decrypt-failed')
    return subject.kind.includes('wrong') || subject.kind === 'planted' ? NaN : fail(subject, result)
  return time
}

/** One wrong key in 256 passes the padding of CBC; what then comes out is noise, and hardly ever looks like a mail. */
function fail(subject: Subject, result: DecryptResult): never {
  throw new Error(`${subject.family.name}, ${subject.kind}: ${visible(result)}`)
}

/** Fisher and Yates. */
function shuffled<T>(list: readonly T[]): T[] {
  const out = [...list]
  for (let at = out.length - 1; at > 0; at--) {
    const other = Math.floor(Math.random() * (at + 1))
    const kept = out[at] as T // both are within the list
    out[at] = out[other] as T
    out[other] = kept
  }
  return out
}

function run(family: Family, form: string, options: VerifyOptions): readonly Subject[] {
  const subjects = subjectsOf(family, form)
  for (let round = -WARM_UP; round < TRIES; round++)
    for (const subject of shuffled(subjects)) {
      const time = measure(subject, Math.abs(round), options)
      if (round >= 0 && !Number.isNaN(time)) subject.times.push(time)
    }
  return subjects
}

interface Row {
  readonly form: string
  readonly family: string
  readonly kind: string
  readonly tries: number
  readonly t: number
  readonly microseconds: number
  readonly good: boolean
}

function compare(form: string, subjects: readonly Subject[]): readonly Row[] {
  const [reference, ...others] = subjects
  if (reference === undefined) return []
  return others.map(({ family, kind, times }) => {
    const { t, difference } = welch(times, reference.times)
    // Tries that opened by chance are left out; were they many, or nothing left, nothing would have been compared.
    const enough = times.length >= TRIES * LEAST && reference.times.length >= TRIES * LEAST
    if (!enough || !Number.isFinite(t))
      throw new Error(`${family.name}, ${kind}: ${times.length} of ${TRIES} tries`)
    const found = Math.abs(t) >= LIMIT
    return {
      ...{ form, family: family.name, kind, tries: times.length },
      ...{ t: Number(t.toFixed(2)), microseconds: Number(difference.toFixed(1)) },
      good: kind === 'planted' ? found : !found,
    }
  })
}

const rows = Object.entries(FORMS).flatMap(([form, options]) =>
  FAMILIES.flatMap((family) => {
    const found = compare(form, run(family, form, options))
    for (const { kind, t, microseconds, good } of found)
      process.stdout.write(
        `${form.padEnd(8)} ${family.name.padEnd(18)} ${kind.padEnd(22)} t ${t.toFixed(2).padStart(8)} ` +
          `${microseconds.toFixed(1).padStart(8)} µs  ${good ? 'ok' : 'FAILED'}\n`,
      )
    return found
  }),
)
if (file !== undefined)
  writeFileSync(file, `${JSON.stringify({ tries: TRIES, limit: LIMIT, planted: PLANTED, results: rows })}\n`)
process.exitCode = rows.every(({ good }) => good) ? 0 : 1
