/**
 * A foreign mail server as a process of its own, with all its files in one temporary folder and host names from a file that only it
 * sees as /etc/hosts (a private mount namespace). Needs root. For tests only; knows no particular server.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

/** Runs a program to its end. */
export const run = promisify(execFile)

/**
 * A folder that everybody may enter.
 * @param user - whose the folders in it are
 * @param folders - their names
 */
export async function daemonFolder(name: string, user: string, folders: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `siegel-${name}-`))
  await chmod(folder, 0o755)
  const [owner = 0, group = 0] = await Promise.all(
    ['-u', '-g'].map(async (what) => Number((await run('id', [what, user])).stdout)),
  )
  for (const each of folders) {
    await mkdir(join(folder, each))
    await chown(join(folder, each), owner, group)
  }
  return folder
}

/** A running server. */
export interface Daemon {
  /** Whether it has ended by itself or by a signal. */
  ended(): boolean
  /** What it wrote to standard error. */
  errors(): string
  /** Ends it and removes the folder. */
  close(): Promise<void>
}

/**
 * Starts a server that stays in the foreground; its folder is its first argument.
 * @param command - for the shell: `$1` is the folder, `$2` and so on are `rest`
 */
export function startDaemon(folder: string, command: string, ...rest: readonly string[]): Daemon {
  const script = `mount --bind "$1/hosts" /etc/hosts && ${command}`
  const child = spawn(
    'unshare',
    ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', folder, ...rest],
    { stdio: ['ignore', 'ignore', 'pipe'], detached: true },
  )
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const ended = () => child.exitCode !== null || child.signalCode !== null
  return {
    ended,
    errors: () => errors,
    close: async () => {
      if (!ended()) {
        const exit = once(child, 'exit')
        child.kill('SIGTERM')
        await exit
      }
      await sleep(300)
      await rm(folder, { recursive: true, maxRetries: 5 })
    },
  }
}
