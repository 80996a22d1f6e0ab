/**
 * SMTP replies (RFC 5321 4.2), for both ends: an incremental reader that turns the bytes of a server into replies, and the
 * writer that a server uses. Everything a peer can send is bounded: line length, number of lines, octets of one reply.
 * No sockets, no verdict on what a reply means.
 */

/** Octets of one reply line with its line end; RFC 5321 asks for 512, servers with long texts exist. RFC 5321 4.5.3.1.5 */
export const MAX_REPLY_LINE = 2048
/** Lines of one reply. */
export const MAX_REPLY_LINES = 256
/** Characters that {@link replyText} keeps. */
export const MAX_REPLY_TEXT = 2000

const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const HYPHEN = 0x2d
const NO_BYTES = Buffer.alloc(0)
// RFC 3463 2: class "." subject "." detail, at the start of the text (RFC 2034 4)
const ENHANCED = /^([245]\.\d{1,3}\.\d{1,3})(?:\s|$)/
// C0 and C1 controls, line and paragraph separators, and everything that turns text round in a terminal.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

/** One whole reply. */
export interface Reply {
  /** 200 to 599. */
  readonly code: number
  /** The enhanced status code; null when the server gave none. RFC 2034 4 */
  readonly enhanced: string | null
  /** The texts after the code, one per line, as sent (controls included). At least one, possibly empty. */
  readonly lines: readonly string[]
}

/** Why bytes are not a reply. */
export type ReplyFault =
  'reply-line-too-long' | 'reply-too-many-lines' | 'reply-bad-code' | 'reply-mixed-codes'

/** The peer sent something that is no reply; the connection is of no more use. Temporary. */
export class ReplyError extends Error {
  override readonly name = 'ReplyError'
  /** Stable code. */
  readonly code: ReplyFault

  /**
   * @param code - stable code
   * @param detail - for the operator
   */
  constructor(code: ReplyFault, detail: string) {
    super(`${code}: ${detail}`)
    this.code = code
  }
}

/** Turns the bytes of a server into replies. */
export class ReplyReader {
  /** Bytes of a line that has no end yet. */
  #rest: Buffer = NO_BYTES
  #lines: string[] = []
  #code = 0

  /**
   * Takes the next bytes and returns the replies they complete, in order.
   * @throws ReplyError for anything that is no reply; the reader must not be used afterwards
   */
  push(chunk: Buffer): Reply[] {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const replies: Reply[] = []
    let start = 0
    for (;;) {
      const end = data.indexOf(LF, start)
      const length = (end < 0 ? data.length : end + 1) - start
      if (length > MAX_REPLY_LINE)
        throw new ReplyError('reply-line-too-long', `over ${MAX_REPLY_LINE} octets`)
      if (end < 0) break
      const reply = this.#line(data, start, end > start && data[end - 1] === CR ? end - 1 : end)
      if (reply !== null) replies.push(reply)
      start = end + 1
    }
    // A copy, so that a slow drip of octets does not keep the socket's read buffers alive.
    this.#rest = start === data.length ? NO_BYTES : Buffer.from(data.subarray(start))
    return replies
  }

  /** Bytes of an unfinished reply are waiting. */
  get pending(): boolean {
    return this.#rest.length > 0 || this.#lines.length > 0
  }

  #line(data: Buffer, start: number, end: number): Reply | null {
    const code = readCode(data, start, end)
    const separator = end === start + 3 ? SPACE : data[start + 3]
    if (code < 0 || (separator !== SPACE && separator !== HYPHEN))
      throw new ReplyError(
        'reply-bad-code',
        `a line starts with ${JSON.stringify(data.toString('latin1', start, Math.min(end, start + 8)))}`,
      )
    // RFC 5321 4.2.1: the code is the same on every line
    if (this.#lines.length > 0 && code !== this.#code)
      throw new ReplyError('reply-mixed-codes', `${this.#code} and ${code} in one reply`)
    if (this.#lines.length >= MAX_REPLY_LINES)
      throw new ReplyError('reply-too-many-lines', `over ${MAX_REPLY_LINES}`)
    this.#code = code
    this.#lines.push(data.toString('utf8', Math.min(start + 4, end), end))
    if (separator === HYPHEN) return null
    const lines = this.#lines
    this.#lines = []
    return { code, enhanced: enhancedCode(code, lines[0] ?? ''), lines }
  }
}

/** The three digits, or -1. RFC 5321 4.2 */
function readCode(data: Buffer, start: number, end: number): number {
  if (end - start < 3) return -1
  const first = (data[start] ?? 0) - 0x30
  const second = (data[start + 1] ?? 0) - 0x30
  const third = (data[start + 2] ?? 0) - 0x30
  if (first < 2 || first > 5 || second < 0 || second > 9 || third < 0 || third > 9) return -1
  return first * 100 + second * 10 + third
}

/** Only 2xx, 4xx and 5xx replies carry one. RFC 2034 4 */
function enhancedCode(code: number, text: string): string | null {
  if (code >= 300 && code < 400) return null
  return ENHANCED.exec(text)?.[1] ?? null
}

/** The text of a reply for logs, traces and notices: lines joined by LF, controls replaced, at most 2000 characters. */
export function replyText(reply: Reply): string {
  const text = reply.lines.map((line) => line.replace(UNSAFE, '\ufffd')).join('\n')
  return text.length > MAX_REPLY_TEXT ? text.slice(0, MAX_REPLY_TEXT).toWellFormed() : text
}

/**
 * Writes a reply as a server sends it, with CRLF. Control characters in a text are replaced, so that nothing that came
 * from a peer can end a line.
 * @param code - three digits
 * @param enhanced - the enhanced status code, put before every line; null for none (greeting, EHLO, 3xx). RFC 2034 4
 * @param lines - one or more lines without line ends
 */
export function formatReply(code: number, enhanced: string | null, lines: readonly string[]): string {
  const last = lines.length - 1
  const prefix = enhanced === null ? '' : `${enhanced} `
  let out = last < 0 ? `${code} ${prefix.trimEnd()}\r\n` : ''
  for (const [index, line] of lines.entries())
    out += `${code}${index < last ? '-' : ' '}${prefix}${line.replace(UNSAFE, ' ')}\r\n`
  return out
}
