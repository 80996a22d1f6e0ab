/**
 * The part of a notice that programs read: message/delivery-status (RFC 3464 2), or message/global-delivery-status when an
 * address is in UTF-8 (RFC 6533 4). Whatever a peer or sender wrote is cleaned here: it can end no line and begin no field.
 */
import { foldHeader } from '@siegel/engine'
import { isAscii, isHostName } from '../../smtp/address.ts'
import { decodeXtext } from '../../smtp/xtext.ts'
import { mailDate } from './date.ts'
import type { NoticeInput, NoticeKind, NoticeRecipient } from './input.ts'
import type { Part } from './part.ts'

/** Characters of a diagnostic text; longer ones are cut. */
const MAX_DIAGNOSTIC = 1500
/** A word longer than this is broken up, so that it can be folded. */
const MAX_WORD = 400
/** Octets that a field's value may have when it must stand in one line. RFC 5322 2.1.1 */
const MAX_VALUE = 900

/** The status that is used when the given one does not fit. RFC 3463 3 */
const GENERAL_STATUS: Readonly<Record<NoticeKind, string>> = {
  failed: '5.0.0',
  delayed: '4.0.0',
  relayed: '2.0.0',
}
/** The classes that fit a kind; a failure may end a series of temporary ones. RFC 3464 2.3.4 */
const CLASSES: Readonly<Record<NoticeKind, string>> = { failed: '45', delayed: '4', relayed: '2' }

/** Whether an address of the notice is in UTF-8: then it can only travel with SMTPUTF8. RFC 6533 4 */
export function isInternational({ mail, recipients }: NoticeInput): boolean {
  return !(
    isAscii(mail.envelope.sender) &&
    recipients.every(
      ({ recipient }) => isAscii(recipient.address) && isAscii(recipient.originalRecipient ?? ''),
    )
  )
}

/** The status of one recipient, of a class that fits its kind. */
export function statusOf({ kind, status }: NoticeRecipient): string {
  const fits = /^[245]\.\d{1,3}\.\d{1,3}$/.test(status) && CLASSES[kind].includes(status.charAt(0))
  return fits ? status : GENERAL_STATUS[kind]
}

/** Writes the part: fields about the mail, then one group of fields per recipient. */
export function statusPart(input: NoticeInput): Part {
  const { mail, tenant, recipients } = input
  // RFC 3464 2.2
  const content = [foldHeader('Reporting-MTA', `dns; ${tenant.fqdn}`)]
  const envelopeId = mail.envelope.envelopeId === null ? null : decodeXtext(mail.envelope.envelopeId)
  // RFC 3464 2.2.1: with its xtext decoded
  if (envelopeId !== null && envelopeId.trim() !== '' && envelopeId.length <= MAX_VALUE)
    content.push(Buffer.from(`Original-Envelope-Id: ${envelopeId}\r\n`))
  content.push(foldHeader('Arrival-Date', mailDate(mail.receivedAt)))
  for (const recipient of recipients) content.push(Buffer.from('\r\n'), ...recipientFields(recipient))
  const international = isInternational(input)
  return {
    fields: [
      foldHeader(
        'Content-Type',
        international ? 'message/global-delivery-status' : 'message/delivery-status',
      ),
      foldHeader('Content-Transfer-Encoding', international ? '8bit' : '7bit'),
    ],
    encoding: content.every((field) => isAscii(field.toString('latin1'))) ? '7bit' : '8bit',
    content,
  }
}

/** RFC 3464 2.3 */
function recipientFields(told: NoticeRecipient): Buffer[] {
  const { recipient, kind, reply, remoteHost, lastAttemptAt, willRetryUntil, reason } = told
  const fields: Buffer[] = []
  const original =
    recipient.originalRecipient === null ? null : originalRecipient(recipient.originalRecipient)
  if (original !== null) fields.push(Buffer.from(`Original-Recipient: ${original}\r\n`))
  const type = isAscii(recipient.address) ? 'rfc822' : 'utf-8'
  fields.push(
    Buffer.from(`Final-Recipient: ${type}; ${withoutControls(recipient.address.slice(0, 256))}\r\n`),
    foldHeader('Action', kind),
    foldHeader('Status', statusOf(told)),
  )
  if (remoteHost !== null && isHostName(remoteHost) && isAscii(remoteHost))
    fields.push(foldHeader('Remote-MTA', `dns; ${remoteHost}`))
  fields.push(
    reply === null
      ? foldHeader('Diagnostic-Code', `x-siegel; ${diagnostic(reason.code)}`)
      : foldHeader('Diagnostic-Code', `smtp; ${diagnostic(`${reply.code} ${reply.text}`)}`),
  )
  if (lastAttemptAt !== null) fields.push(foldHeader('Last-Attempt-Date', mailDate(lastAttemptAt)))
  // RFC 3464 2.3.9: for delayed recipients only
  if (kind === 'delayed' && willRetryUntil !== null)
    fields.push(foldHeader('Will-Retry-Until', mailDate(willRetryUntil)))
  return fields
}

/**
 * ORCPT as the field has it: the type, then the address with its xtext decoded (RFC 3464 2.3.1). An address of type utf-8 has a
 * coding of its own, which the field takes as it is (RFC 6533 3).
 * @returns null when it cannot be written safely
 */
function originalRecipient(parameter: string): string | null {
  const semicolon = parameter.indexOf(';')
  const type = parameter.slice(0, semicolon)
  const given = parameter.slice(semicolon + 1)
  const address = type.toLowerCase() === 'utf-8' ? given : decodeXtext(given)
  if (semicolon <= 0 || address === null || address.trim() === '') return null
  const value = `${type}; ${address}`
  return value === withoutControls(value) && Buffer.byteLength(value) <= MAX_VALUE ? value : null
}

/** The text of a diagnostic in printable US-ASCII, in words that can be folded. RFC 3464 2.3.6 */
function diagnostic(text: string): string {
  const words = text
    .slice(0, MAX_DIAGNOSTIC)
    .replace(/\s+/g, ' ')
    .replace(/[^ -~]/g, '?')
    .trim()
  return words.replace(new RegExp(`[^ ]{${MAX_WORD}}(?=[^ ])`, 'g'), '$& ')
}

/** Every control character and line separator becomes a question mark. */
export function withoutControls(text: string): string {
  return text.toWellFormed().replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?')
}
