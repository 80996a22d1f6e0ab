/**
 * Keeps open sessions for further mails. A session is only ever found again under the same key: tenant, route, policy, our
 * certificate, anchors. Sessions end when they idled too long, carried enough mails, grew too old, or the hop says a word.
 */
import type { Session } from './session.ts'
import type { Timeouts } from './timeouts.ts'
import { DialogueFailed } from './verdict.ts'

/** Bounds of a kept session. */
export interface KeepLimits {
  /** Mails; Exchange Online wants fewer than 200. */
  readonly mails: number
  /** Milliseconds; Exchange Online ends connections after 20 minutes. */
  readonly ageMs: number
  /** Idle sessions of one key. */
  readonly idle: number
}

/** The bounds that fit Exchange Online. */
export const DEFAULT_KEEP: KeepLimits = { mails: 190, ageMs: 18 * 60_000, idle: 10 }

/** Idle sessions of one gateway process. */
export class Pool {
  readonly #limits: KeepLimits
  readonly #timeouts: Timeouts
  readonly #idle = new Map<string, Session[]>()
  #closed = false

  constructor(limits: KeepLimits, timeouts: Timeouts) {
    this.#limits = limits
    this.#timeouts = timeouts
  }

  /** An idle session, the last one used first; null when there is none. */
  take(key: string): Session | null {
    const sessions = this.#idle.get(key)
    for (let session = sessions?.pop(); session !== undefined; session = sessions?.pop()) {
      if (this.#mayCarry(session)) {
        session.connection.wake()
        return session
      }
      session.connection.quit(this.#timeouts.reset)
    }
    return null
  }

  /** Takes a session back; `reset` says RSET first. A session that must not carry another mail ends. RFC 5321 4.1.1.5 */
  give(key: string, session: Session, state: 'clean' | 'reset'): void {
    if (!this.#mayCarry(session)) session.connection.quit(this.#timeouts.reset)
    else if (state === 'clean') this.#keep(key, session)
    else void this.#reset(key, session)
  }

  /** Ends all idle sessions; none is kept afterwards. */
  close(): void {
    this.#closed = true
    for (const sessions of this.#idle.values())
      for (const { connection } of sessions.splice(0)) connection.quit(this.#timeouts.reset)
    this.#idle.clear()
  }

  async #reset(key: string, session: Session): Promise<void> {
    const { connection } = session
    try {
      connection.send(['RSET\r\n'])
      const reply = await connection.next(this.#timeouts.reset, 'reset')
      if (reply.code === 250 && this.#mayCarry(session)) this.#keep(key, session)
      else connection.quit(this.#timeouts.reset)
    } catch (error) {
      // The mail's fate is known; only this connection is lost.
      if (!(error instanceof DialogueFailed)) throw error
    }
  }

  #mayCarry({ connection, mails, openedAt }: Session): boolean {
    const { mails: most, ageMs } = this.#limits
    return !this.#closed && connection.usable && mails < most && performance.now() - openedAt < ageMs
  }

  #keep(key: string, session: Session): void {
    let sessions = this.#idle.get(key)
    if (sessions === undefined) this.#idle.set(key, (sessions = []))
    if (sessions.length >= this.#limits.idle) {
      session.connection.quit(this.#timeouts.reset)
      return
    }
    sessions.push(session)
    session.connection.rest(this.#timeouts.idle, () => {
      this.#forget(key, session)
    })
  }

  #forget(key: string, session: Session): void {
    const sessions = this.#idle.get(key)
    const index = sessions?.indexOf(session) ?? -1
    if (index >= 0) sessions?.splice(index, 1)
    if (sessions?.length === 0) this.#idle.delete(key)
  }
}
