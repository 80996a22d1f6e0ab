/**
 * Asks Postfix's own `postmap -q` what a table answers. For tests; needs Postfix (scripts/install-peers.sh).
 */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const POSTMAP = 'postmap'

/** A folder with the least that Postfix wants of a configuration. */
export class Postmap {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** Makes the folder. */
  static async open(): Promise<Postmap> {
    const folder = await mkdtemp(join(tmpdir(), 'siegel-postmap-'))
    await writeFile(join(folder, 'main.cf'), 'compatibility_level = 3.6\nmyhostname = gw.example\n')
    return new Postmap(folder)
  }

  /** Removes it. */
  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true })
  }

  /**
   * What Postfix finds for each key; keys that it does not find are left out.
   * @param type - of the table: `texthash`, `cidr`
   */
  async ask(type: string, text: string, keys: readonly string[]): Promise<Map<string, string>> {
    const file = join(this.#folder, 'table')
    await writeFile(file, text)
    // Postfix waits for a file to become a few seconds old before it trusts what it reads.
    await utimes(file, 1, 1)
    const { stdout, error } = spawnSync(POSTMAP, ['-c', this.#folder, '-q', '-', `${type}:${file}`], {
      input: keys.map((key) => `${key}\n`).join(''),
      encoding: 'utf8',
    })
    if (error !== undefined) throw error
    const lines = stdout.split('\n').filter((line) => line !== '')
    return new Map(
      lines.map((line) => [line.slice(0, line.indexOf('\t')), line.slice(line.indexOf('\t') + 1)]),
    )
  }
}
