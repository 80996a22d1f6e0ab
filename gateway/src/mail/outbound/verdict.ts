/**
 * What an attempt came to, before it is known for which deliveries: the inner form of an Outcome, and the exception that
 * carries it out of a failed dialogue. A failure here always says temporary, permanent or ours.
 */
import type { OutcomeKind, PeerReply } from '../outcome.ts'
import type { Reason } from '../plan.ts'
import { replyText, type Reply } from '../../smtp/reply.ts'

/** An Outcome without its delivery and hop. */
export interface Verdict {
  readonly kind: OutcomeKind
  /** Enhanced status code. RFC 3463 */
  readonly status: string
  readonly reason: Reason
  readonly reply: PeerReply | null
}

/** Ends a dialogue: nothing more can be done on this connection for this mail. */
export class DialogueFailed extends Error {
  override readonly name = 'DialogueFailed'
  /** What it means for the deliveries concerned. */
  readonly verdict: Verdict

  /** @param verdict - what it means for the deliveries concerned */
  constructor(verdict: Verdict) {
    super(verdict.reason.code)
    this.verdict = verdict
  }
}

/** A temporary failure without a reply of the peer. */
export function deferred(status: string, code: string, args: Reason['arguments'] = {}): Verdict {
  return { kind: 'deferred', status, reason: { code, arguments: args }, reply: null }
}

/** A permanent failure that we found ourselves. */
export function failed(status: string, code: string, args: Reason['arguments'] = {}): Verdict {
  return { kind: 'failed', status, reason: { code, arguments: args }, reply: null }
}

/** A fault of the configuration that we found ourselves. */
export function held(status: string, code: string, args: Reason['arguments'] = {}): Verdict {
  return { kind: 'held', status, reason: { code, arguments: args }, reply: null }
}

/** A reply in the form that is kept. */
export function peerReply(reply: Reply): PeerReply {
  return { code: reply.code, enhanced: reply.enhanced, text: replyText(reply) }
}
