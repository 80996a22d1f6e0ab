/**
 * The nouns of MIME that every file here shares: a header field, a node of the tree, the limits and the defects.
 * Everything is a byte range into the one Buffer that was scanned; nothing here copies or interprets bytes.
 */

/** One header field as a byte range; a folded field is one field. */
export interface HeaderField {
  /** The field name as written, without white space before the colon. */
  readonly name: string
  /** The field name in lower case. */
  readonly lower: string
  /** Offset of the first byte of the name. */
  readonly start: number
  /** Offset of the first byte after the colon. */
  readonly valueStart: number
  /** Offset after the line end of the last line of the field. */
  readonly end: number
}

/** A header block: its fields in order, and where the body begins. */
export interface HeaderBlock {
  /** In their order. */
  readonly fields: readonly HeaderField[]
  /** Offset of the first byte of the body, after the empty line if there is one. */
  readonly bodyStart: number
}

/**
 * What is not as the standards want it, where another reader of the same bytes may come to another structure.
 * `duplicate-content-type`, `duplicate-encoding` (the first counts), `invalid-content-type` (taken as the default type),
 * `duplicate-parameter` (the first counts), `missing-boundary` (a multipart that cannot be cut), `missing-delimiter`
 * (a multipart in which its boundary never comes), `missing-close-delimiter`, `malformed-header` (a line of the header is
 * no field), `encoded-composite` (a multipart or message under base64 or quoted-printable),
 * `repeated-boundary` (an enclosing multipart has the same boundary).
 */
export type MimeDefect =
  | 'duplicate-content-type'
  | 'duplicate-encoding'
  | 'invalid-content-type'
  | 'duplicate-parameter'
  | 'missing-boundary'
  | 'missing-delimiter'
  | 'missing-close-delimiter'
  | 'malformed-header'
  | 'encoded-composite'
  | 'repeated-boundary'

/** A half-open range of bytes. */
export interface ByteRange {
  /** Offset of the first octet. */
  readonly start: number
  /** Offset behind the last octet. */
  readonly end: number
}

/**
 * One entity: the message itself, a body part, or the message inside a message/rfc822 part (its only part).
 * `bytes.subarray(start, end)` is the entity as a signature covers it: the line end before the next delimiter is not in it.
 */
export interface MimeNode {
  /** Media type in lower case, as `multipart/signed`. */
  readonly type: string
  /** Parameters of Content-Type by lower-case name, RFC 2231 decoded. The object has no prototype. */
  readonly params: Readonly<Record<string, string>>
  /** Content-Transfer-Encoding in lower case; `7bit` if there is none. */
  readonly encoding: string
  /** Offset of the first byte of the header. */
  readonly start: number
  /** Offset of the first byte of the body. */
  readonly bodyStart: number
  /** Offset after the last byte of the body; for a multipart its epilogue is in it. */
  readonly end: number
  /** The fields of its own header section. */
  readonly headers: readonly HeaderField[]
  /** The children of a multipart or of an enclosed message; empty for a leaf. */
  readonly parts: readonly MimeNode[]
  /** Text before the first delimiter of a multipart; null where there is none or no delimiter. */
  readonly preamble: ByteRange | null
  /** Text after the close delimiter of a multipart; null where there is none. */
  readonly epilogue: ByteRange | null
  /** Empty for a well-formed entity. */
  readonly defects: readonly MimeDefect[]
}

/** What a hostile message may cost. */
export interface MimeLimits {
  /** Nesting of entities; the message itself is 1. */
  readonly depth: number
  /** Entities in all. */
  readonly parts: number
  /** Bytes of one header block. */
  readonly headerBytes: number
  /** Bytes of all header blocks together. */
  readonly allHeaderBytes: number
  /** Bytes of one line of a header, without its line end. */
  readonly headerLineBytes: number
  /** Header fields in all header blocks together. */
  readonly fields: number
}

/** The defaults of the product. */
export const MIME_LIMITS: MimeLimits = {
  depth: 100,
  parts: 10_000,
  headerBytes: 1_048_576,
  allHeaderBytes: 16_777_216,
  headerLineBytes: 65_536,
  fields: 100_000,
}

/** Octets of each body that are kept with its header, so that it can be told what begins there. */
export const BODY_GLIMPSE = 256
