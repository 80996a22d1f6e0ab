/**
 * `npm run test:timing`: whatever makes decryption fail after a private key was used, the result is the same and takes the
 * same time. Every kind of failure is tried 2000 times, all kinds interleaved at random, and compared with the first kind
 * of its family by Welch's t over the time by the clock (the CPU time of a thread is counted too coarsely). A planted
 * difference of 100 µs must be found, and must not be where the moment of failing is waited for.
 *
 * Usage: node e2e/timing/main.ts [--tries N] [--json FILE]   SIEGEL_RESULT names FILE too
 */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  decryptMessage,
  decryptMessageSource,
  Rope,
  type DecryptResult,
  type VerifyOptions,
} from '@siegel/engine'
import { decryptionTime, openInTime } from '../../gateway/src/keyring/decryption-time.ts'
import { ScratchFolder } from '../../gateway/src/store/spool/scratch.ts'
import { brokenMail, FAMILIES, NOW, RECIPIENTS, type Family } from './messages.ts'
import { welch } from './statistics.ts'

const { values } = parseArgs({ options: { tries: { type: 'string' }, json: { type: 'string' } } })
const file = values.json ?? process.env['SIEGEL_RESULT']
const TRIES = Number(values.tries ?? 2000)
const WARM_UP = { bare: 300, held: 50 }
/** Different mails of each kind, so that no single one decides. */
const MAILS = 16
const LIMIT = 4.5
/** The share of the tries that must count: a wrong key passes the padding of CBC once in 256 times. */
const LEAST = 0.98
/** In microseconds. */
const PLANTED = 100
const PLANTED_OUTSIDE = 'planted'
const PLANTED_INSIDE = 'planted, held'

const OPTIONS: VerifyOptions = { anchors: [], at: NOW, revocation: 'none' }

type Open = (mail: Buffer, family: Family) => Result | Promise<Result>

interface Form {
  /** Whether the end is held to a moment, as by the gateway and the command. */
  readonly held: boolean
  readonly families: readonly Family[]
  readonly open: Open
}

const scratch = new ScratchFolder(mkdtempSync(join(tmpdir(), 'siegel-timing-')))
const inMemory: Open = (mail, { bits }) => decryptMessage(mail, [RECIPIENTS[bits]], OPTIONS)
const streamed: Open = (mail, { bits }) =>
  decryptMessageSource(new Rope([mail]), [RECIPIENTS[bits]], OPTIONS, scratch)
const families = (bits: Family['bits']) => FAMILIES.filter((family) => family.bits === bits)

/** The engine by itself, and what the command and the gateway show. */
const FORMS: Readonly<Record<string, Form>> = {
  bare: { held: false, families: families(2048), open: inMemory },
  held: { held: true, families: FAMILIES, open: inMemory },
  'held, streamed': { held: true, families: FAMILIES, open: streamed },
}

/** What is compared of a result. */
type Result = Pick<DecryptResult, 'status' | 'reasons' | 'layers' | 'verified' | 'protectedHeaders'>

interface Subject {
  readonly family: Family
  readonly kind: string
  readonly mails: readonly Buffer[]
  /** Microseconds of idle work inside of what is held, and outside of it. */
  readonly extra: { readonly inside: number; readonly outside: number }
  readonly times: number[]
}

const NO_EXTRA = { inside: 0, outside: 0 }

/** Whoever can make content that opens knows its key: how long its reading takes is judged as the outside sees it. */
function subjectsOf(family: Family, held: boolean): readonly Subject[] {
  const mails = (kind: Family['kinds'][number]) =>
    Array.from({ length: MAILS }, () => brokenMail(family, kind))
  const [reference] = family.kinds
  const kinds = family.kinds.filter((kind) => held || !kind.startsWith('malformed'))
  const subjects = kinds.map((kind): Subject => ({ family, kind, mails: mails(kind), extra: NO_EXTRA, times: [] })) // prettier-ignore
  if (reference === undefined) return subjects
  const planted = (kind: string, extra: Subject['extra']): Subject => ({
    ...{ family, kind, mails: mails(reference), extra, times: [] },
  })
  return [
    ...subjects,
    ...(held ? [planted(PLANTED_INSIDE, { inside: PLANTED, outside: 0 })] : []),
    planted(PLANTED_OUTSIDE, { inside: 0, outside: PLANTED }),
  ]
}

/** What anybody can see of a result. */
function visible({ status, reasons, layers, verified, protectedHeaders }: Result): string {
  return JSON.stringify({ status, reasons, layers, verified, protectedHeaders })
}

function idle(microseconds: number): void {
  const until = process.hrtime.bigint() + BigInt(microseconds * 1000)
  while (microseconds > 0 && process.hrtime.bigint() < until);
}

/** The time in microseconds; not a number when a wrong key opened the mail by chance. */
async function measure(subject: Subject, round: number, { held, open }: Form): Promise<number> {
  const { family, kind, extra } = subject
  const mail = subject.mails[round % MAILS] ?? Buffer.alloc(0)
  const start = process.hrtime.bigint()
  const attempt = () => {
    idle(extra.inside)
    return open(mail, family)
  }
  const opening = held ? openInTime(decryptionTime(mail.length, [RECIPIENTS[family.bits]]), attempt) : attempt() // prettier-ignore
  const result = opening instanceof Promise ? await opening : opening
  idle(extra.outside)
  const time = Number(process.hrtime.bigint() - start) / 1000
  if (result.status !== 'failed' || result.reasons.join() !== 'decrypt-failed')
    return kind.includes('wrong') || kind.startsWith('planted') ? NaN : fail(subject, result)
  return time
}

/** One wrong key in 256 passes the padding of CBC; what then comes out is noise, and hardly ever looks like a mail. */
function fail(subject: Subject, result: Result): never {
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

async function run(family: Family, form: Form): Promise<readonly Subject[]> {
  const subjects = subjectsOf(family, form.held)
  const warmUp = form.held ? WARM_UP.held : WARM_UP.bare
  for (let round = -warmUp; round < TRIES; round++)
    for (const subject of shuffled(subjects)) {
      const time = await measure(subject, Math.abs(round), form)
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
      good: kind === PLANTED_OUTSIDE ? found : !found,
    }
  })
}

const rows: Row[] = []
for (const [name, form] of Object.entries(FORMS))
  for (const family of form.families) {
    const found = compare(name, await run(family, form))
    for (const { kind, t, microseconds, good } of found)
      process.stdout.write(
        `${name.padEnd(15)} ${family.name.padEnd(19)} ${kind.padEnd(22)} t ${t.toFixed(2).padStart(8)} ` +
          `${microseconds.toFixed(1).padStart(8)} µs  ${good ? 'ok' : 'FAILED'}\n`,
      )
    rows.push(...found)
  }
if (file !== undefined)
  writeFileSync(file, `${JSON.stringify({ tries: TRIES, limit: LIMIT, planted: PLANTED, results: rows })}\n`)
process.exitCode = rows.every(({ good }) => good) ? 0 : 1
