/**
 * Every minute fetches again what is due among the CRLs and OCSP answers in use, before they end, and raises an alarm for each source of
 * a tenant's own authority that gives nothing: its operator is the one who can mend it.
 */
import { createHash } from 'node:crypto'
import type { Log } from '../observe/log.ts'
import { Rounds } from '../observe/rounds.ts'
import type { SourceFailure, StatusService } from './status-service.ts'

/** An alarm as it is raised. */
interface SourceAlarm {
  readonly code: string
  readonly subject: string
  readonly arguments: Readonly<Record<string, string>>
}

/** Where alarms stand. */
export interface SourceAlarms {
  raise(tenantId: string, alarm: SourceAlarm): Promise<void>
  clear(tenantId: string, code: string, subject: string): Promise<void>
  list(): readonly { readonly tenantId: string; readonly code: string; readonly subject: string }[]
}

/** What it is made from. */
export interface StatusRoundsOptions {
  readonly status: StatusService
  readonly alarms: SourceAlarms
  /** The tenants' own authorities, DER by row key. */
  readonly settings: () => { readonly mailAnchors: ReadonlyMap<string, readonly Buffer[]> }
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: Log
}

const ROUND_MS = 60_000
const CODE = 'revocation-source-unreachable'

/** The rounds. */
export class StatusRounds {
  readonly #options: StatusRoundsOptions
  readonly #rounds = new Rounds(() => this.round(), ROUND_MS)

  /** @param options - status service, alarms and settings */
  constructor(options: StatusRoundsOptions) {
    this.#options = options
  }

  /** A round now, and one every minute. */
  start(): void {
    this.#rounds.start()
  }

  /** No further round is begun. What is under way ends by itself, and is waited for no longer than its fetches last. */
  stop(): Promise<void> {
    return this.#rounds.stop()
  }

  /** One round. Never rejects. */
  async round(): Promise<void> {
    const { status, settings, now, log } = this.#options
    try {
      const own = [...settings().mailAnchors].map(([tenantId, anchors]) => ({
        tenantId,
        anchors: new Set(anchors.map((der) => createHash('sha256').update(der).digest('hex'))),
      }))
      await status.refresh(now(), new Set(own.flatMap(({ anchors }) => [...anchors])))
      await this.#settle(own, status.failing())
    } catch (error) {
      log.error('revocation-round-failed', { error: error instanceof Error ? error.message : 'failed' })
    }
  }

  async #settle(
    own: readonly { readonly tenantId: string; readonly anchors: ReadonlySet<string> }[],
    failing: readonly SourceFailure[],
  ): Promise<void> {
    const { alarms } = this.#options
    const wanted = new Map<string, { readonly tenantId: string; readonly alarm: SourceAlarm }>()
    for (const { tenantId, anchors } of own)
      for (const { url, cause, anchor } of failing)
        if (anchors.has(anchor))
          wanted.set(`${tenantId} ${url}`, {
            tenantId,
            alarm: { code: 'revocation-source-unreachable', subject: url, arguments: { url, cause } },
          })
    for (const { tenantId, code, subject } of alarms.list()) {
      if (code !== CODE) continue
      // Standing already, or no longer so.
      if (!wanted.delete(`${tenantId} ${subject}`)) await alarms.clear(tenantId, CODE, subject)
    }
    for (const { tenantId, alarm } of wanted.values()) await alarms.raise(tenantId, alarm)
  }
}
