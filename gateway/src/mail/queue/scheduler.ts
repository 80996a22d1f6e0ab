/**
 * Decides when which mail is carried: mails fresh from inbound at once, all others when they are due. Holds the leases of
 * what it has in hand and renews them. What is lost if it fails: nothing; a mail whose worker died is due again when its
 * lease ends. It does not know what carrying means.
 */
import type { Log } from '../../observe/log.ts'
import type { MailId } from '../message.ts'
import type { QueuedMail, QueueStore } from './ports.ts'

/** What a scheduler needs. */
export interface SchedulerOptions {
  readonly store: QueueStore
  /** Unique to this process run. */
  readonly owner: string
  /**
   * Carries one mail through its turn, to the settlement that gives the lease back.
   * Resolves with the time it is due again, null when nothing is left to do.
   */
  readonly carry: (mail: QueuedMail) => Promise<number | null>
  /** Mails carried at once. */
  readonly concurrency: number
  /** Octets of mails carried at once; a single larger mail is carried alone. */
  readonly octetsAtOnce: number
  /** Fresh mails kept in hand beyond those carried; more are left to be claimed. */
  readonly backlog: number
  readonly leaseMs: number
  /** Longest sleep, so that mail released by another process is noticed. */
  readonly pollMs: number
  readonly now: () => number
  readonly log: Log
}

/** Starts and stops carrying. */
export class Scheduler {
  readonly #options: SchedulerOptions
  readonly #fresh: QueuedMail[] = []
  readonly #carried = new Map<MailId, number>()
  #octets = 0
  #reserved = 0
  #claiming = false
  #moreDue = true
  #timer: NodeJS.Timeout | null = null
  #timerAt = 0
  #renewal: NodeJS.Timeout | null = null
  #running = false
  #idle: (() => void)[] = []

  constructor(options: SchedulerOptions) {
    this.#options = options
  }

  /** Begins to work. */
  start(): void {
    this.#running = true
    this.#renewal = setInterval(() => void this.#renew(), this.#options.leaseMs / 3)
    this.#turn()
  }

  /** Takes nothing new; resolves when all mails in hand have been settled. */
  async stop(): Promise<void> {
    this.#running = false
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#fresh.length = 0
    while (this.#carried.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
    if (this.#renewal !== null) clearInterval(this.#renewal)
  }

  /**
   * Asks for a place for a mail that is about to be accepted.
   * @returns the owner to write into the lease, or null when there is no room: then it waits in the store
   */
  reserve(): string | null {
    if (!this.#running || this.#fresh.length + this.#reserved >= this.#options.backlog) {
      this.#moreDue = true
      return null
    }
    this.#reserved++
    return this.#options.owner
  }

  /** Gives a reserved place back: the mail is safe and comes with it, or it was not accepted. */
  redeem(mail: QueuedMail | null): void {
    this.#reserved--
    if (mail === null || !this.#running) return
    this.#fresh.push(mail)
    this.#turn()
  }

  /** Something may be due now. */
  wake(): void {
    this.#moreDue = true
    this.#turn()
  }

  #hasRoom(next: QueuedMail | undefined): boolean {
    if (this.#carried.size === 0) return true
    if (this.#carried.size >= this.#options.concurrency) return false
    return this.#octets + (next?.mail.body.size ?? 0) <= this.#options.octetsAtOnce
  }

  #turn(): void {
    if (!this.#running) return
    for (let next = this.#fresh[0]; next !== undefined && this.#hasRoom(next); next = this.#fresh[0]) {
      this.#fresh.shift()
      void this.#carry(next)
    }
    if (
      this.#moreDue &&
      !this.#claiming &&
      this.#fresh.length === 0 &&
      this.#carried.size < this.#options.concurrency
    )
      void this.#claim()
  }

  async #carry(mail: QueuedMail): Promise<void> {
    const { id, body } = mail.mail
    this.#carried.set(id, body.size)
    this.#octets += body.size
    try {
      const due = await this.#options.carry(mail)
      if (due !== null) this.#wakeAt(due)
    } catch (error) {
      // The lease ends by itself and the mail is due again; nothing was written, so nothing is lost.
      this.#options.log.error('turn-failed', {
        mail: id,
        error: error instanceof Error ? error.message : 'unknown',
      })
      this.#wakeAt(this.#options.now() + this.#options.leaseMs)
    }
    this.#carried.delete(id)
    this.#octets -= body.size
    if (this.#carried.size === 0) for (const resolve of this.#idle.splice(0)) resolve()
    this.#turn()
  }

  async #claim(): Promise<void> {
    this.#claiming = true
    try {
      const limit = this.#options.concurrency - this.#carried.size
      const mails = await this.#options.store.claim(this.#options.owner, limit, this.#options.leaseMs)
      this.#moreDue = mails.length >= limit
      this.#fresh.push(...mails)
      if (!this.#moreDue) {
        const next = await this.#options.store.nextDue()
        const latest = this.#options.now() + this.#options.pollMs
        this.#wakeAt(next === null ? latest : Math.min(next, latest))
      }
    } catch (error) {
      this.#options.log.error('claim-failed', { error: error instanceof Error ? error.message : 'unknown' })
      this.#moreDue = false
      this.#wakeAt(this.#options.now() + 1000)
    } finally {
      this.#claiming = false
    }
    this.#turn()
  }

  /** Wakes at a time, or earlier when an earlier time was asked for. */
  #wakeAt(time: number): void {
    if (!this.#running || (this.#timer !== null && this.#timerAt <= time)) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timerAt = time
    this.#timer = setTimeout(
      () => {
        this.#timer = null
        this.wake()
      },
      Math.max(time - this.#options.now(), 10),
    )
  }

  async #renew(): Promise<void> {
    const ids = [...this.#carried.keys(), ...this.#fresh.map((mail) => mail.mail.id)]
    if (ids.length === 0) return
    try {
      const lost = new Set(await this.#options.store.renew(this.#options.owner, ids, this.#options.leaseMs))
      // A mail that is carried may just have been settled, which gives its lease back; if not, its settlement will say so.
      const kept = this.#fresh.filter(({ mail }) => !lost.has(mail.id))
      if (kept.length === this.#fresh.length) return
      const dropped = this.#fresh.map(({ mail }) => mail.id).filter((id) => lost.has(id))
      this.#fresh.splice(0, this.#fresh.length, ...kept)
      this.#options.log.warn('lease-lost', { mails: dropped })
    } catch (error) {
      this.#options.log.error('renew-failed', { error: error instanceof Error ? error.message : 'unknown' })
    }
  }
}
