/**
 * Runs the command with captured output: in this process for speed, and the first call of every form in every suite also
 * by the real command, which must say the same.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { main } from '../../gateway/src/cli/main.ts'

const program = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'siegel')

/** What a command did. */
export interface Answer {
  readonly code: number
  /** Standard output. */
  readonly text: string
  /** Standard error. */
  readonly words: string
  /** The JSON on standard output; empty when there is none. */
  readonly json: Readonly<Record<string, unknown>>
}

/** Forms that the real command has answered, by suite. */
const sampled = new Set<string>()
let suite = ''
let samples = 0

/** Names the suite that is about to run. */
export function enterSuite(name: string): void {
  suite = name
}

/** How often the real command was asked. */
export function samplesTaken(): number {
  return samples
}

/** Runs one command line. @throws Error when the real command disagrees */
export async function siegel(args: readonly string[]): Promise<Answer> {
  const out: string[] = []
  const err: string[] = []
  const code = await main(args, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    now: Date.now,
    standardInput: () => Promise.reject(new Error('no standard input here')),
  })
  const text = out.join('\n')
  const form = `${suite} ${args.slice(0, 2).join(' ')}`
  if (!sampled.has(form)) {
    sampled.add(form)
    samples++
    const real = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28 })
    if (real.status !== code || real.stdout.trimEnd() !== text.trimEnd())
      throw new Error(`the real command says otherwise: exit ${real.status}, ${real.stderr.slice(0, 200)}`)
  }
  return { code, text, words: err.join(' '), json: asRecord(text) }
}

function asRecord(text: string): Readonly<Record<string, unknown>> {
  if (!text.startsWith('{')) return {}
  const value: unknown = JSON.parse(text)
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {} // narrowed above
}

/** A folder for files made on the way, gone when the process ends. */
export const scratch: string = mkdtempSync(join(tmpdir(), 'siegel-corpora-'))
process.on('exit', () => {
  rmSync(scratch, { recursive: true, force: true })
})

let files = 0

/** Writes a file for a command to read; returns its path. */
export function scratchFile(bytes: Buffer | string, suffix = ''): string {
  const path = join(scratch, `${++files}${suffix}`)
  writeFileSync(path, bytes)
  return path
}
