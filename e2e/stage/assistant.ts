/**
 * The administrator on the stage: makes the assistant's scripts with the real command and runs them in the simulated tenant, so that
 * connectors and rules are there by nothing but the script. Judges nothing.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ScriptResult } from '@siegel/exo-sim'
import { COMMAND, type CommandResult } from './gateway.ts'
import { CONTOSO } from './objects.ts'
import type { Stage } from './stage.ts'

/** Names that the script gives to the connectors. */
export const CONNECTORS = { outbound: 'Siegel to gateway', inbound: 'Siegel from gateway' } as const

/** A result of `siegel exchange verify` or `drift`. */
export interface CheckResult {
  readonly code: string
  readonly verdict: string
  readonly text: string
  readonly todo: string
}

type Arguments = Record<string, string | boolean>

/** Choices beyond the defaults, as arguments of the command. */
function choicesOf(stage: Stage): string[] {
  return stage.options.preset === 'recommended'
    ? ['--inbound', 'all', '--guard', 'reject', '--gateway-ip', '127.0.0.1']
    : []
}

/** Makes and runs the scripts of one stage. */
export class Assistant {
  readonly #stage: Stage
  readonly #config: string

  constructor(stage: Stage) {
    this.#stage = stage
    this.#config = join(stage.gateway.config.folder, 'siegel.yaml')
  }

  /** `siegel exchange script` or `rollback`, with further choices: the text that it writes. */
  write(form: 'script' | 'rollback', language: 'de' | 'en' = 'en', ...choices: readonly string[]): string {
    const file = join(this.#stage.gateway.config.folder, `${form}.ps1`)
    const where = ['--out', file, '--language', language, '--config', this.#config]
    const args = ['exchange', form, ...where, ...choicesOf(this.#stage), ...choices]
    const { status, err } = this.#stage.gateway.run(args)
    assert.equal(status, 0, err)
    return readFileSync(file, 'utf8')
  }

  /** Runs a script in the tenant, however it ends; what it changes is in force at once. */
  async attempt(script: string, args: Arguments = {}): Promise<ScriptResult> {
    const result = await this.#stage.exchange.powershell(CONTOSO.id, script, { arguments: args })
    this.#stage.exchange.propagate()
    return result
  }

  /** Runs a script that must end well. */
  async run(script: string, args: Arguments = {}): Promise<ScriptResult> {
    const result = await this.attempt(script, args)
    assert.deepEqual([result.exitCode, result.errors], [0, []], result.output + result.warnings.join('\n'))
    return result
  }

  /** Takes all connectors and rules away, then sets the tenant up by the script alone, all stages. Gives the script. */
  async setUp(): Promise<string> {
    const { exchange, options } = this.#stage
    const bare = exchange.tenant(CONTOSO.id)
    exchange.setTenant({ ...bare, inboundConnectors: [], outboundConnectors: [], rules: [] })
    const script = this.write('script')
    await this.run(script, { WhatIf: true })
    assert.equal(exchange.tenant(CONTOSO.id).rules?.length ?? 0, 0, '-WhatIf made something')
    await this.run(script)
    await this.run(script, { Stage: 'all' })
    if (options.preset === 'recommended') await this.run(script, { Stage: 'guard' })
    return script
  }

  /** Exports the tenant's state with the script and gives the file that `verify` and `drift` read. */
  async state(script: string): Promise<string> {
    await this.run(script, { Export: true })
    const [, state = ''] =
      [...this.#stage.exchange.files(CONTOSO.id)].find(([name]) => name.includes('siegel-state')) ?? []
    const file = join(this.#stage.gateway.config.folder, 'state.json')
    writeFileSync(file, state)
    return file
  }

  /** Runs a form of `siegel exchange` beside this process: the simulator lives in it and must go on answering. */
  call(...args: string[]): Promise<CommandResult> {
    return new Promise((resolve) => {
      execFile(COMMAND, ['exchange', ...args, '--config', this.#config], (error, out, err) => {
        const status = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
        resolve({ status, out, err })
      })
    })
  }

  /** What `verify` or `drift` finds, in a state if one is given. */
  async checks(
    form: 'verify' | 'drift',
    state: string | null,
    language: 'de' | 'en' = 'en',
  ): Promise<{ status: number; all: CheckResult[]; bad: CheckResult[] }> {
    const listener = `127.0.0.1:${this.#stage.gateway.config.port}`
    const where = form === 'verify' ? ['--listener', listener] : []
    const { status, out, err } = await this.call(
      form,
      ...(state === null ? [] : ['--state', state]),
      ...['--json', '--language', language],
      ...where,
    )
    assert.equal(err, '')
    const all = JSON.parse(out) as CheckResult[]
    return { status, all, bad: all.filter(({ verdict }) => verdict === 'bad') }
  }
}
