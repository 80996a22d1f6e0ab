/**
 * The bytes of a mail at rest: the port that inbound writes to, treatment reads from and outbound streams from.
 * The store implements it (sealed spool files). What is lost if it fails: a mail whose `finish` resolved must survive a
 * power cut; that promise is the store's, and nothing is answered 250 before it.
 */
import type { MailId } from './message.ts'

/** Names one body: copy 0 is the mail as received, 1 to n are treated copies. */
export interface BodyRef {
  readonly tenantId: string
  readonly mailId: MailId
  readonly copy: number
  /**
   * The turn that made the copy, 12 hexadecimal digits; absent for copy 0. A worker that has lost its lease without knowing
   * writes under its own turn, so that it can never put its bytes in the place of those that another worker has settled.
   */
  readonly turn?: string
}

/** Takes a body piece by piece. Exactly one of `finish` and `abort` ends it. */
export interface BodyWriter {
  /**
   * Takes a piece; the buffer may be reused by the caller after the promise resolves (or at once if it returns undefined).
   * @returns undefined when more may be written at once, else a promise that resolves when it may (back-pressure)
   */
  write(chunk: Buffer): Promise<void> | undefined
  /** Resolves when the body and its directory entry survive a power cut. Rejects with StorageError: temporary. */
  finish(): Promise<void>
  /** Gives the body up and removes what was written. Never rejects. */
  abort(): Promise<void>
}

/** The bodies of all mails. */
export interface Bodies {
  /** Begins a body. An earlier body of the same name is replaced. */
  create(ref: BodyRef): BodyWriter
  /** Streams a body. Throws BodyDamaged when it is missing, cut short or altered: never a part of it as if it were whole. */
  read(ref: BodyRef): AsyncIterable<Buffer>
  /** Removes a body; a body that is not there is no error. */
  remove(ref: BodyRef): Promise<void>
}

/** The name of a copy's body. */
export function copyBody(
  { tenantId, id }: { readonly tenantId: string; readonly id: MailId },
  { number, turn }: { readonly number: number; readonly turn: string },
): BodyRef {
  return { tenantId, mailId: id, copy: number, turn }
}

export { BodyDamaged, StorageError } from '../observe/failures.ts'
