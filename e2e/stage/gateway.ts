/**
 * A gateway on the stage: the real command in processes of its own, with a data folder, a siegel.yaml and objects applied.
 * Starts, stops and kills it, and reads its log. Knows nothing of what is being tested.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'

/** The root script. */
export const COMMAND = fileURLToPath(new URL('../../siegel', import.meta.url))

/** A configuration object as it stands in the file that is applied. */
export interface StageObject {
  readonly kind: string
  readonly tenant?: string
  readonly name: string
  readonly spec: object
}

/** What a gateway is started with. */
export interface GatewayConfig {
  /** Empty folder for everything. */
  readonly folder: string
  readonly fqdn: string
  readonly port: number
  /** Static host table. */
  readonly hosts: Readonly<Record<string, string>>
  /** Further settings of siegel.yaml. */
  readonly settings?: object
  /** Master key as 64 hexadecimal digits; a new one unless given. */
  readonly masterKey?: string
  /** Environment of the processes, beside the inherited one. */
  readonly environment?: Readonly<Record<string, string>>
}

/** One line of the log. */
export type LogLine = Readonly<Record<string, unknown>>

/** What a command printed. */
export interface CommandResult {
  readonly status: number
  readonly out: string
  readonly err: string
}

/** A gateway that can be started again and again on the same data. */
export class StageGateway {
  readonly config: GatewayConfig
  /** As in its file. */
  readonly masterKey: string
  readonly #configFile: string
  readonly log: LogLine[] = []
  #process: ChildProcess | null = null
  #watchers: ((line: LogLine) => void)[] = []

  constructor(config: GatewayConfig) {
    this.config = config
    this.#configFile = join(config.folder, 'siegel.yaml')
    mkdirSync(this.dataFolder, { recursive: true, mode: 0o700 })
    this.masterKey = config.masterKey ?? randomBytes(32).toString('hex')
    writeFileSync(join(config.folder, 'master.key'), this.masterKey, { mode: 0o600 })
    this.#write({
      fqdn: config.fqdn,
      dataFolder: 'data',
      masterKey: 'file:master.key',
      listeners: [{ address: '127.0.0.1', port: config.port }],
      hosts: config.hosts,
      ...config.settings,
    })
  }

  /** The folder with database and spool. */
  get dataFolder(): string {
    return join(this.config.folder, 'data')
  }

  /** The process id while it runs. */
  get pid(): number | undefined {
    return this.#process?.pid
  }

  #write(settings: object): void {
    writeFileSync(this.#configFile, stringify(settings))
  }

  #environment(): NodeJS.ProcessEnv {
    return { ...process.env, NODE_OPTIONS: '', ...this.config.environment }
  }

  /** Runs a verb of the command to its end. */
  run(verb: readonly string[]): CommandResult {
    const { status, stdout, stderr } = spawnSync(COMMAND, [...verb], {
      encoding: 'utf8',
      env: this.#environment(),
      maxBuffer: 1 << 28,
    })
    return { status: status ?? -1, out: stdout, err: stderr }
  }

  /** Runs a verb that needs the configuration, and gives its JSON. Throws when it prints none. */
  json(verb: readonly string[]): unknown {
    const { out, err } = this.run([...verb, '--config', this.#configFile, '--json'])
    try {
      return JSON.parse(out)
    } catch {
      throw new Error(`siegel ${verb.join(' ')} printed no JSON: ${out.slice(0, 500)}${err.slice(0, 2000)}`)
    }
  }

  /** Applies objects; gives what the command printed. Throws with its words when it refuses. */
  apply(objects: readonly StageObject[], options: readonly string[] = []): CommandResult {
    const file = join(this.config.folder, 'objects.yaml')
    writeFileSync(
      file,
      objects.map((object) => stringify({ apiVersion: 'siegel/v1', ...object })).join('---\n'),
      { mode: 0o600 },
    )
    const result = this.run(['apply', '-f', file, '--config', this.#configFile, ...options])
    if (result.status !== 0) throw new Error(`siegel apply: ${result.out}${result.err}`)
    return result
  }

  /** The same on a running gateway; resolves when it works by the new objects. */
  async change(objects: readonly StageObject[], options: readonly string[] = []): Promise<CommandResult> {
    const adopted = this.waitForLog((line) => line['event'] === 'settings', 10_000, true)
    adopted.catch(() => undefined)
    const result = this.apply(objects, options)
    if (!result.out.startsWith('nothing to do')) await adopted
    return result
  }

  /** Starts it and waits until it listens. */
  async start(): Promise<void> {
    const child = spawn(COMMAND, ['serve', '--config', this.#configFile, '--allow-root'], {
      env: this.#environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#process = child
    let errors = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-4000)
    })
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#take(line)
    })
    child.on('exit', () => {
      if (this.#process === child) this.#process = null
    })
    const failed = once(child, 'exit').then(([code]) => {
      throw new Error(
        `the gateway ended with ${String(code)} before it listened: ${errors}${JSON.stringify(this.log.slice(-5))}`,
      )
    })
    failed.catch(() => undefined)
    await Promise.race([this.waitForLog((line) => line['event'] === 'listening', 20_000, true), failed])
  }

  #take(text: string): void {
    let line: LogLine
    try {
      line = JSON.parse(text) as LogLine
    } catch {
      line = { event: 'not-json', text }
    }
    this.log.push(line)
    if (this.log.length > 10_000) this.log.splice(0, 1000)
    for (const watcher of this.#watchers) watcher(line)
  }

  /** Waits for a log line, of the past too unless `fresh`. */
  waitForLog(fits: (line: LogLine) => boolean, milliseconds = 10_000, fresh = false): Promise<LogLine> {
    const known = fresh ? undefined : this.log.find(fits)
    if (known !== undefined) return Promise.resolve(known)
    return new Promise((resolve, reject) => {
      const watcher = (line: LogLine) => {
        if (!fits(line)) return
        done()
        resolve(line)
      }
      const timer = setTimeout(() => {
        done()
        reject(
          new Error(
            `no such log line within ${milliseconds} ms; the last: ${JSON.stringify(this.log.slice(-5))}`,
          ),
        )
      }, milliseconds)
      const done = () => {
        clearTimeout(timer)
        this.#watchers = this.#watchers.filter((other) => other !== watcher)
      }
      this.#watchers.push(watcher)
    })
  }

  /** Ends it with a signal and waits until it is gone: SIGTERM drains, SIGKILL is a power cut for the process. */
  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#process
    if (child === null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }
}
