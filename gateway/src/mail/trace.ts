/**
 * The trace of a mail: an ordered list of events with stable codes and arguments, per mail and, where it matters, per delivery.
 * Rendered in German or English when read. Never holds a secret, a BCC header value, a subject or body text.
 */

/** One value of an event's arguments; nested values are allowed for Plans and verdicts. */
export type TraceValue =
  string | number | boolean | null | readonly TraceValue[] | { readonly [name: string]: TraceValue }

/** One event. */
export interface TraceEvent {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Stable code in lower case with hyphens: `received`, `planned`, `treated`, `delivered`, `deferred`, `held`, `bounced`, … */
  readonly code: string
  /** The delivery's number, or null when the event is about the whole mail. */
  readonly delivery: number | null
  readonly arguments: { readonly [name: string]: TraceValue }
}

/** What `siegel trace find` and the message list ask for; every field narrows. */
export interface TraceFilter {
  readonly messageId?: string
  readonly networkMessageId?: string
  readonly from?: string
  readonly to?: string
  /** Milliseconds since 1970, received at or after. */
  readonly since?: number
  readonly state?: string
  /** At most 1000; default 100. */
  readonly limit?: number
  /** Continue after this mail id (newest first). */
  readonly before?: string
}

/** One line of the message list. */
export interface TraceSummary {
  readonly mailId: string
  readonly receivedAt: number
  readonly direction: string
  readonly sender: string
  readonly recipients: readonly { readonly address: string; readonly state: string }[]
  readonly messageId: string | null
  readonly size: number
  /** A worker has the mail in hand, until then at least, in milliseconds since 1970: the turn it is in is not told yet. */
  readonly leaseUntil: number | null
}

/** Reads traces. They outlive the mail they tell of. */
export interface TraceStore {
  /** The first mail of a direction, received at or after a time, that was attributed by a factor; null when there is none. */
  firstBy(
    factor: string,
    direction: 'outbound' | 'inbound',
    since: number,
  ): Promise<{ readonly mailId: string; readonly receivedAt: number } | null>
  /** Newest first. */
  find(filter: TraceFilter): Promise<TraceSummary[]>
  /** All events of a mail in order, with the stored plan and facts; null when unknown. */
  show(mailId: string): Promise<{
    readonly summary: TraceSummary
    readonly events: readonly TraceEvent[]
    readonly plan: unknown
    readonly facts: unknown
  } | null>
}
