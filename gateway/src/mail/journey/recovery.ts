/**
 * Clears the alarms about delivery to Office 365 when it works again: an alarm that stands and is older than the last mail that the
 * tenant's own endpoint took is no longer true. Raises none, and knows nothing of alarms about anything else.
 */
import type { Log } from '../../observe/log.ts'
import { Rounds } from '../../observe/rounds.ts'
import { ALARMING_REASONS } from '../outbound/classify.ts'
import type { Tenant } from '../tenant.ts'

const LOOK_MS = 5000

/** What one mail brought upon itself; that another one is taken says nothing of it. */
const OF_ONE_MAIL: ReadonlySet<string> = new Set(['dmarc-refused', 'hop-count-exceeded'])

/** What it works with. */
export interface RecoveryPorts {
  readonly alarms: {
    clear(tenantId: string, code: string, subject: string): Promise<void>
    list(): readonly {
      readonly tenantId: string
      readonly code: string
      readonly subject: string
      readonly lastAt: number
    }[]
  }
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: Pick<Log, 'info' | 'error'>
}

/** The running look. */
export class Recovery {
  readonly #ports: RecoveryPorts
  /** When the endpoint of a tenant took a mail, and the tenant's name; since the last look. */
  #taken = new Map<string, { readonly name: string; readonly at: number }>()
  readonly #rounds = new Rounds(() => this.look(), LOOK_MS)

  /** @param ports - alarms, clock and log */
  constructor(ports: RecoveryPorts) {
    this.#ports = ports
  }

  /** The endpoint of a tenant has taken a mail. Returns at once and never throws. */
  took({ id, name }: Pick<Tenant, 'id' | 'name'>): void {
    this.#taken.set(id, { name, at: this.#ports.now() })
  }

  /** Begins to look, again and again. */
  start(): void {
    this.#rounds.start()
  }

  /** Ends it; resolves when nothing is under way. */
  stop(): Promise<void> {
    return this.#rounds.stop()
  }

  /** Looks once. Never rejects. */
  async look(): Promise<void> {
    const taken = this.#taken
    if (taken.size === 0) return
    this.#taken = new Map()
    const { alarms, log } = this.#ports
    try {
      for (const { tenantId, code, subject, lastAt } of alarms.list()) {
        const last = taken.get(tenantId)
        if (last === undefined || last.name !== subject || last.at <= lastAt) continue
        if (!ALARMING_REASONS.has(code) || OF_ONE_MAIL.has(code)) continue
        await alarms.clear(tenantId, code, subject)
        log.info('alarm-cleared', { code, subject })
      }
    } catch (error) {
      log.error('alarms-not-cleared', { error: String(error) })
    }
  }
}
