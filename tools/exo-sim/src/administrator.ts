// Runs an administrator's PowerShell script against a tenant of the running simulator.
// It joins the interpreter, the cmdlets and the core; each of them does its own work.
import { exchangeCmdlets } from './cmdlets/index.ts'
import type { Session, ValidationStep } from './cmdlets/session.ts'
import type { Core, ExchangeEvent } from './core.ts'
import { field, Message } from './message/message.ts'
import type { ScriptWorld } from './powershell/cmdlet.ts'
import { runScript } from './powershell/interpreter.ts'
import type { ScriptResult } from './powershell/interpreter.ts'
import type { Value } from './powershell/values.ts'

/** What an argument of a script may be. */
export type ScriptArgument = null | boolean | number | string | Date | readonly string[]

/** How a script is run. */
export interface PowerShellOptions {
  /** Arguments of the script by parameter; a switch is `true`. */
  arguments?: Readonly<Record<string, ScriptArgument>>
  /** Whether the session is signed in before the script says Connect-ExchangeOnline. Default true. */
  connected?: boolean
  /** How long Validate-OutboundConnector waits for the mail, in milliseconds. Default 30000. */
  validationTimeout?: number
}

/** An administrator of all tenants: keeps the files that scripts have written, by tenant. */
export class Administrator {
  readonly #core: Core
  readonly #files = new Map<string, Map<string, string>>()
  readonly #pending = new Map<string, Set<string>>()

  constructor(core: Core) {
    this.#core = core
  }

  /** The files that scripts of a tenant have written. */
  files(tenant: string): Map<string, string> {
    const files = this.#files.get(tenant) ?? new Map<string, string>()
    this.#files.set(tenant, files)
    return files
  }

  /** Runs a script. Throws only if the tenant is not there. */
  async run(tenant: string, script: string, options: PowerShellOptions): Promise<ScriptResult> {
    this.#core.configured(tenant)
    const world: ScriptWorld = { files: this.files(tenant), now: () => new Date() }
    const args: Record<string, Value> = {}
    for (const [name, value] of Object.entries(options.arguments ?? {})) {
      args[name] =
        typeof value === 'object' && value !== null && !(value instanceof Date) ? [...value] : value
    }
    const session = this.#session(tenant, options)
    const preferences = this.#core.config.assumptions?.cmdletsSeePreferences !== false
    return await runScript(script, {
      cmdlets: exchangeCmdlets(session, this.#pending),
      world,
      arguments: args,
      preferences,
    })
  }

  #session(id: string, options: PowerShellOptions): Session {
    const core = this.#core
    return {
      connected: options.connected ?? true,
      tenant: () => core.configured(id),
      change: (config) => {
        core.change(config)
      },
      taken: (domain) => core.tenant(id).accepts(domain) || core.hosted(domain),
      validate: (connector, recipients) =>
        this.#validate(id, connector, recipients, options.validationTimeout ?? 30_000),
      dryRun: (run) => core.dryRun(id, run),
      deliverReport: (to, text) => {
        const message = Message.parse(Buffer.from(`\r\n${text}\r\n`))
        message.append([
          field('From', 'Microsoft Outlook'),
          field('To', to),
          field('Subject', 'Test-Message report'),
        ])
        core.deliverReport(id, to, message)
      },
      events: () => core.log.all(),
    }
  }

  async #validate(
    tenant: string,
    connector: string,
    recipients: string[],
    timeout: number,
  ): Promise<ValidationStep[]> {
    const core = this.#core
    const messageId = core.sendValidationMail(core.tenant(tenant), connector, recipients)
    const settled = (event: ExchangeEvent): boolean =>
      'entry' in event &&
      event.entry.messageId === messageId &&
      ['sent', 'failed', 'deferred'].includes(event.type)
    await core.log.waitFor(settled, timeout).catch(() => undefined)
    // What comes for the other recipients comes in the same moment.
    await new Promise((resolve) => setImmediate(resolve))
    core.queue.drop(messageId)
    const events = core.log.all().filter(settled)
    const unreachable = events.find(
      (event) => event.type === 'deferred' && /^4\d\d 4\.4\./.test(event.reason),
    )
    const problem = unreachable?.type === 'deferred' ? unreachable.reason : undefined
    const connectivity: ValidationStep = {
      task: 'Check connectivity',
      succeeded: events.length > 0 && problem === undefined,
      detail: problem ?? (events.length > 0 ? 'The smart host was reached.' : 'No answer in time.'),
    }
    return [connectivity, ...recipients.map((recipient) => mailStep(events, recipient))]
  }
}

function mailStep(events: readonly ExchangeEvent[], recipient: string): ValidationStep {
  const task = `Send test email to ${recipient}`
  for (const event of events) {
    if (!('entry' in event) || !event.recipients.includes(recipient)) continue
    if (event.type === 'sent') return { task, succeeded: true, detail: event.reply }
    return { task, succeeded: false, detail: event.reason }
  }
  return { task, succeeded: false, detail: 'No answer in time.' }
}
