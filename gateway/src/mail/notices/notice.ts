/**
 * Delivery status notifications (RFC 3464): says which events ask for one, and writes it as a mail of our own. In charge of
 * what may be told to whom: the mail comes back as it was received, never as treated, without our secrets, and to a sender
 * outside as header only. Decides no delivery, stores and sends nothing.
 */
import { chooseBoundary, foldHeader } from '@siegel/engine'
import { formatPath, isAscii, isMailbox } from '../../smtp/address.ts'
import type { Recipient } from '../envelope.ts'
import type { BodyFacts, MailId, ReceivedMail } from '../message.ts'
import type { Tenant } from '../tenant.ts'
import { mailDate } from './date.ts'
import type { NoticeInput, NoticeKind } from './input.ts'
import { humanPart, subjectOf } from './human-part.ts'
import type { Part } from './part.ts'
import { returnedPart } from './returned-part.ts'
import { isInternational, statusPart } from './status-part.ts'

export type { NoticeInput, NoticeKind, NoticeRecipient } from './input.ts'

/** The condition of NOTIFY that each kind falls under. RFC 3461 4.1 */
const CONDITION = { failed: 'FAILURE', delayed: 'DELAY', relayed: 'SUCCESS' } as const

/**
 * Whether a recipient's event asks for a notice. Never for the null sender (RFC 3461 6.2, RFC 5321 4.5.5) and never about a
 * notice or report of our own. Without NOTIFY: failures and delays.
 */
export function noticeWanted(mail: ReceivedMail, recipient: Recipient, kind: NoticeKind): boolean {
  if (mail.direction === 'notice' || mail.direction === 'report' || !isMailbox(mail.envelope.sender))
    return false
  // RFC 3461 4.1: without the parameter a relay may notify of failure and delay, not of success
  if (recipient.notify === null) return kind !== 'relayed'
  return recipient.notify.includes(CONDITION[kind])
}

/**
 * Writes the notice to the sender of a mail: direction `notice`, null sender, one recipient. Its bytes have CRLF only; they are
 * 7-bit unless UTF-8 addresses need SMTPUTF8 or the returned mail has an 8-bit body, which the envelope and facts then say.
 * @returns the mail and its bytes, the returned content as views into `input.original`
 * @throws RangeError when the mail's sender is no mailbox: ask {@link noticeWanted} first
 */
export function writeNotice(input: NoticeInput): {
  readonly mail: ReceivedMail
  readonly chunks: readonly Buffer[]
} {
  const { mail, tenant, id, now } = input
  const returned = returnedPart(input)
  const parts = [humanPart(input), statusPart(input), ...(returned === null ? [] : [returned])]
  const international = isInternational(input) || returned?.international === true
  const boundary = chooseBoundary(
    id,
    parts.flatMap((part) => part.content),
  )
  const encoding = parts.some((part) => part.encoding === '8bit') ? '8bit' : '7bit'
  const header = noticeHeader(input, boundary, encoding)
  const chunks = assemble(header, parts, boundary)
  const recipient = { address: mail.envelope.sender, notify: ['NEVER'] as const, originalRecipient: null }
  return {
    mail: {
      id,
      tenantId: mail.tenantId,
      direction: 'notice',
      envelope: {
        // RFC 3464 2: the null reverse path, so that no notice is answered with another
        sender: '',
        smtpUtf8: international,
        body: encoding === '8bit' ? '8BITMIME' : '7BIT',
        returnContent: null,
        envelopeId: null,
        recipients: [recipient],
      },
      receivedAt: now,
      receivedField: '',
      peer: null,
      body: factsOf(header, chunks, parts),
      attribution: null,
      messageId: messageIdOf(id, tenant),
      networkMessageId: null,
      via: 'local',
    },
    chunks,
  }
}

function messageIdOf(id: MailId, tenant: Tenant): string {
  return `<${id}@${tenant.fqdn}>`
}

function noticeHeader(input: NoticeInput, boundary: string, encoding: '7bit' | '8bit'): Buffer {
  const { mail, tenant, id, now } = input
  const fields = [
    foldHeader('Date', mailDate(now)),
    foldHeader('From', `"Mail Delivery System" <postmaster@${tenant.fqdn}>`),
    foldHeader('To', formatPath(mail.envelope.sender)),
    foldHeader('Subject', subjectOf(input.recipients)),
    foldHeader('Message-ID', messageIdOf(id, tenant)),
  ]
  const about = referenceTo(mail.messageId)
  // RFC 5322 3.6.4
  if (about !== null) fields.push(foldHeader('In-Reply-To', about), foldHeader('References', about))
  fields.push(
    // RFC 3834 5
    foldHeader('Auto-Submitted', 'auto-replied'),
    foldHeader('X-Auto-Response-Suppress', 'All'),
    foldHeader('MIME-Version', '1.0'),
    // RFC 6522 3
    foldHeader('Content-Type', `multipart/report; report-type=delivery-status; boundary="${boundary}"`),
    foldHeader('Content-Transfer-Encoding', encoding),
    Buffer.from('\r\n'),
  )
  return Buffer.concat(fields)
}

/** The mail's Message-ID if it is one that may be written into a field: printable US-ASCII in one word, at most 256 octets. */
function referenceTo(messageId: string | null): string | null {
  if (messageId === null || messageId.length > 256) return null
  return /^<[!-;=?-~]+>$/.test(messageId) && isAscii(messageId) ? messageId : null
}

/** Header, delimiters and parts; what comes before and after the returned content is put together. RFC 2046 5.1.1 */
function assemble(header: Buffer, parts: readonly Part[], boundary: string): Buffer[] {
  const chunks: Buffer[] = []
  let open: Buffer[] = [header]
  for (const { fields, content } of parts) {
    open.push(Buffer.from(`--${boundary}\r\n`), ...fields, Buffer.from('\r\n'))
    for (const piece of content) {
      if (piece.length < 4096) open.push(piece)
      else {
        chunks.push(Buffer.concat(open), piece)
        open = []
      }
    }
    open.push(Buffer.from('\r\n'))
  }
  open.push(Buffer.from(`--${boundary}--\r\n`))
  chunks.push(Buffer.concat(open))
  return chunks
}

function factsOf(header: Buffer, chunks: readonly Buffer[], parts: readonly Part[]): BodyFacts {
  const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  return {
    size,
    headerSize: header.length,
    eightBit: parts.some((part) => part.encoding === '8bit'),
    eightBitHeader: !isAscii(header.toString('latin1')),
    // No part takes content in that has these; see returned-part.ts.
    bareLineEnds: false,
    nul: false,
    longestLine: longestLine(chunks),
  }
}

/** Octets of the longest line without its CRLF. Lines end with CRLF only. */
function longestLine(chunks: readonly Buffer[]): number {
  let longest = 0
  let open = 0
  for (const chunk of chunks) {
    let start = 0
    for (let lf = chunk.indexOf(0x0a); lf >= 0; lf = chunk.indexOf(0x0a, start)) {
      longest = Math.max(longest, open + lf - start - 1)
      open = 0
      start = lf + 1
    }
    open += chunk.length - start
  }
  return longest
}
