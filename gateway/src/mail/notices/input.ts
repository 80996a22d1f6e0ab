/**
 * What a notice is made from, as journey hands it in. No logic.
 */
import type { Recipient } from '../envelope.ts'
import type { MailId, ReceivedMail } from '../message.ts'
import type { PeerReply } from '../outcome.ts'
import type { Reason } from '../plan.ts'
import type { Tenant } from '../tenant.ts'

/** failed: given up. delayed: still tried. relayed: handed to a hop that promises no notice of its own. RFC 3464 2.3.3 */
export type NoticeKind = 'failed' | 'delayed' | 'relayed'

/** What a notice says of one recipient. */
export interface NoticeRecipient {
  readonly recipient: Recipient
  readonly kind: NoticeKind
  /** `class.subject.detail`; one that does not fit the kind is replaced by the kind's general one. RFC 3463 2 */
  readonly status: string
  /** What the remote host said; null when it never spoke. */
  readonly reply: PeerReply | null
  /** Name of the host that was tried last; null when none was. */
  readonly remoteHost: string | null
  /** Milliseconds since 1970. */
  readonly lastAttemptAt: number | null
  /** Milliseconds since 1970; told for delayed recipients only. */
  readonly willRetryUntil: number | null
  readonly reason: Reason
}

/** What a notice is made from. */
export interface NoticeInput {
  /** The mail it is about. */
  readonly mail: ReceivedMail
  readonly tenant: Tenant
  /** At least one. */
  readonly recipients: readonly NoticeRecipient[]
  /** The mail as received, never as treated; null when it cannot be had. */
  readonly original: {
    /** The header section, with or without the empty line. */
    readonly header: Buffer
    /** The whole mail with its header section; null when it is not to be returned or too large to be read. */
    readonly full: Buffer | null
  } | null
  /** The notice's own id. */
  readonly id: MailId
  /** Milliseconds since 1970. */
  readonly now: number
}
