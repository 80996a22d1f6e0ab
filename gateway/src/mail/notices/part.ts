/**
 * One body part of a notice, as the parts hand it to the writer of the whole. No logic.
 */

/** A body part: its header fields and its encoded content. */
export interface Part {
  /** Content fields with CRLF, without the empty line. */
  readonly fields: readonly Buffer[]
  /** The encoding the content has. 8bit: an octet above 127 occurs. */
  readonly encoding: '7bit' | '8bit' | 'quoted-printable'
  /** Lines end with CRLF only, are at most 998 octets, and have no NUL. */
  readonly content: readonly Buffer[]
}
