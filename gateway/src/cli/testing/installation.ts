/**
 * An installation in a temporary folder, with objects applied, and the command run on it in this process. For tests only.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { main } from '../main.ts'

/** What a command printed, its lines put together. */
export interface Printed {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** An installation. */
export class Installation {
  readonly folder: string
  readonly #now: () => number

  private constructor(folder: string, now: () => number) {
    this.folder = folder
    this.#now = now
  }

  /**
   * Makes one and applies objects.
   * @param objects - without apiVersion
   * @param settings - further lines of siegel.yaml
   * @param now - the clock of all commands
   */
  static async make(
    objects: readonly object[],
    settings = '',
    now: () => number = Date.now,
  ): Promise<Installation> {
    const made = new Installation(await mkdtemp(join(tmpdir(), 'siegel-command-')), now)
    await writeFile(made.path('master.key'), randomBytes(32))
    await writeFile(
      made.path('siegel.yaml'),
      `fqdn: smime.contoso.com\nmasterKey: file:master.key\ndataFolder: data\n${settings}`,
    )
    const texts = objects.map((one) => stringify({ apiVersion: 'siegel/v1', ...one }))
    await writeFile(made.path('objects.yaml'), texts.join('---\n'))
    const applied = await made.run('apply', '-f', made.path('objects.yaml'))
    assert.equal(applied.code, 0, applied.err)
    return made
  }

  /** A file of it. */
  path(name: string): string {
    return join(this.folder, name)
  }

  /** Runs a verb on it. */
  async run(...argv: readonly string[]): Promise<Printed> {
    const out: string[] = []
    const err: string[] = []
    const io = {
      out: (line: string) => void out.push(line),
      err: (line: string) => void err.push(line),
      now: this.#now,
      standardInput: () => Promise.resolve(Buffer.alloc(0)),
    }
    const code = await main([...argv, '--config', this.path('siegel.yaml')], io)
    return { code, out: out.join('\n'), err: err.join('\n') }
  }

  /** Removes it. */
  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true })
  }
}
