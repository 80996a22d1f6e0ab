// An SMTP reply (RFC 5321 4.2): reading it from a stream and keeping it as it was said.
import type { ByteStream } from './byte-stream.ts'

const LONGEST_LINE = 4096
const MOST_LINES = 200

/** A reply of a server. */
export interface Reply {
  /** Three-digit code. */
  code: number
  /** Texts of all lines, without code and separator. */
  lines: string[]
}

/** The peer broke off, or said what is no reply. */
export class NoReply extends Error {
  override readonly name = 'NoReply'
}

/** Reads one reply, all its lines. Throws {@link NoReply}. */
export async function readReply(stream: ByteStream): Promise<Reply> {
  const lines: string[] = []
  for (;;) {
    const line = await stream.line(LONGEST_LINE)
    if (!line) throw new NoReply(stream.failure?.message ?? 'the connection was closed')
    const text = line.bytes.toString('utf8')
    const match = /^([2-5]\d\d)([ -]|$)(.*)$/s.exec(text)
    if (!match) throw new NoReply('the peer said what is no SMTP reply')
    lines.push(match[3] ?? '')
    if (match[2] !== '-') return { code: Number(match[1]), lines }
    if (lines.length >= MOST_LINES) throw new NoReply('a reply without end')
  }
}

/** The reply on one line, as it is quoted in logs and errors. */
export function replyText(reply: Reply): string {
  return `${reply.code} ${reply.lines.join(' ')}`.trimEnd()
}
