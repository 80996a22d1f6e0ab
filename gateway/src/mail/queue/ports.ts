/**
 * The queue's port to its store, and the nouns it keeps: a mail has 1 to n copies (treatment, bytes), a copy 1 to n
 * deliveries (recipient, state, replies). State lives on the delivery; the mail's is derived.
 * What is lost if an implementation fails its promises: mail that was answered 250. `accept` and `settle` resolve only when
 * the change survives a power cut; they reject with StorageError (temporary) and have then changed nothing, or the caller
 * cannot know (a lost commit), which counts as not accepted.
 */
import type { Recipient } from '../envelope.ts'
import type { MailId, ReceivedMail } from '../message.ts'
import type { PeerReply } from '../outcome.ts'
import type { Plan, Reason, Treatment } from '../plan.ts'
import type { TraceEvent } from '../trace.ts'

/**
 * waiting: accepted, not yet planned or treated. queued: treated, due at `dueAt` (deferred when attempts is above 0).
 * held: an operator must act, or a time passes. delivered, relayed, bounced, discarded: final (discarded only by an operator).
 */
export type DeliveryState = 'waiting' | 'queued' | 'held' | 'delivered' | 'relayed' | 'bounced' | 'discarded'

/** One recipient's way. */
export interface Delivery {
  /** 0 to n-1 within the mail. */
  readonly number: number
  readonly recipient: Recipient
  readonly state: DeliveryState
  /** The copy it gets; null while waiting. */
  readonly copy: number | null
  readonly attempts: number
  /** When it is to be tried, planned or looked at again; null when final. Milliseconds since 1970. */
  readonly dueAt: number | null
  /** When it is given up. */
  readonly expiresAt: number
  /** A delay notice has been written. */
  readonly delayNoticed: boolean
  readonly lastReason: Reason | null
  readonly lastReply: PeerReply | null
}

/** One treated copy. */
export interface Copy {
  /** 1 to n; number 0 is the mail as received and is no copy. */
  readonly number: number
  /** The turn that made it; its body has that name. */
  readonly turn: string
  readonly treatment: Treatment
  /** Octets. */
  readonly size: number
  readonly eightBit: boolean
  readonly eightBitHeader: boolean
  readonly bareLineEnds: boolean
  readonly longestLine: number
  /** Decrypted content is in it: notices may return headers only. */
  readonly decrypted: boolean
}

/** A mail as the queue gives it to a worker, with everything the worker needs to carry it on. */
export interface QueuedMail {
  readonly mail: ReceivedMail
  readonly plan: Plan | null
  readonly copies: readonly Copy[]
  readonly deliveries: readonly Delivery[]
  /** How often a worker died with this mail in its hands. */
  readonly crashes: number
}

/** The changed fields of one delivery. */
export interface DeliveryChange {
  readonly number: number
  readonly state: DeliveryState
  readonly copy: number | null
  readonly attempts: number
  readonly dueAt: number | null
  readonly delayNoticed: boolean
  readonly lastReason: Reason | null
  readonly lastReply: PeerReply | null
}

/** A mail to keep: its body (copy 0) must already be safe. */
export interface NewMail {
  readonly mail: ReceivedMail
  /** When each delivery is given up. */
  readonly expiresAt: number
  /** The worker that goes on with it at once; null leaves it to whoever claims it. */
  readonly owner: string | null
  readonly trace: readonly TraceEvent[]
}

/** Everything that one turn of a worker changed, written in one transaction. */
export interface Settlement {
  readonly mailId: MailId
  readonly tenantId: string
  readonly owner: string
  /** Set when the mail was planned in this turn; the facts are kept with it for explain and what-if. */
  readonly planned: { readonly plan: Plan; readonly facts: unknown } | null
  /** Copies made in this turn. Their bodies are already safe where a delivery that is not final needs them. */
  readonly newCopies: readonly Copy[]
  readonly deliveries: readonly DeliveryChange[]
  readonly trace: readonly TraceEvent[]
  /** Notices written in this turn; their bodies are already safe. */
  readonly notices: readonly NewMail[]
  /** Alarms to raise, as code and subject; the same alarm is raised once. */
  readonly alarms: readonly {
    readonly code: string
    readonly subject: string
    readonly arguments: Reason['arguments']
  }[]
}

/** The queue's store. Leases go by the database's clock. */
export interface QueueStore {
  /** Keeps mails, all of them or none; resolves when they are safe. Concurrent calls share one commit. */
  accept(...mails: readonly NewMail[]): Promise<void>
  /** Takes up to `limit` mails that have a due delivery and no living lease, oldest due first. */
  claim(owner: string, limit: number, leaseMs: number): Promise<QueuedMail[]>
  /** Prolongs the leases on mails that a worker still holds. Returns the ids it no longer holds. */
  renew(owner: string, mailIds: readonly MailId[], leaseMs: number): Promise<MailId[]>
  /** Writes a turn's result and gives the lease back. Rejects with LeaseLost when the owner does not hold the mail. */
  settle(settlement: Settlement): Promise<void>
  /** The earliest due time of a mail without a lease; null when none waits. */
  nextDue(): Promise<number | null>
  /** One mail with its deliveries, for show and tests; null when unknown. */
  find(tenantId: string, mailId: MailId): Promise<QueuedMail | null>
  /** Makes held or deferred deliveries due now. Returns how many. */
  release(
    tenantId: string,
    mailId: MailId,
    deliveries: readonly number[] | 'all',
    event: TraceEvent,
  ): Promise<number>
}
