/**
 * The last part of a notice: the mail that it is about, as it was received, whole or its header only. In charge of what must
 * not be told: our secret and own fields, and to a sender outside also Exchange's internal ones. What cannot be read safely
 * is left out.
 */
import { isAscii, isUtf8 } from 'node:buffer'
import {
  canonicalise,
  EngineError,
  encodeQuotedPrintable,
  foldHeader,
  isCanonical,
  scanHeader,
  type HeaderField,
} from '@siegel/engine'
import { domainOf } from '../../smtp/address.ts'
import { OWN_FIELD_PREFIX } from '../marker.ts'
import type { ReceivedMail } from '../message.ts'
import type { Tenant } from '../tenant.ts'
import type { NoticeInput } from './input.ts'
import type { Part } from './part.ts'

/** Octets of a mail that is returned whole. */
export const MAX_RETURNED = 1_048_576
/** RFC 5322 2.1.1 */
const MAX_LINE = 998

/** RFC 3463 3.3, 3.4: longer than an administrator, or the system, allows */
const TOO_LARGE: ReadonlySet<string> = new Set(['5.2.3', '5.3.4'])

/** Exchange's fields about the inside of an organisation; they never go out to the world. */
const INTERNAL = /^x-ms-exchange-(?:organization|crosspremises)-|^x-organizationheaderspreserved$/

/** The returned content, and whether it has header fields in UTF-8. */
export interface ReturnedPart extends Part {
  readonly international: boolean
}

/** Writes the part; null when nothing can be returned. RFC 6522 3: the part is optional */
export function returnedPart({ mail, tenant, recipients, original }: NoticeInput): ReturnedPart | null {
  if (original === null) return null
  const inside = isInside(mail, tenant)
  // A notice with the mail in it is larger than the mail: the hop that could not take the one could not take the other. RFC 3461 4.3
  const isTooLarge = recipients.some(({ status }) => TOO_LARGE.has(status))
  const whole = inside && !isTooLarge && mail.envelope.returnContent !== 'HDRS' ? original.full : null
  try {
    const header = keptHeader(original.header, mail, tenant, inside)
    if (whole !== null && whole.length <= MAX_RETURNED) {
      const part = wholePart(header, whole.subarray(scanHeader(whole).bodyStart), mail)
      if (part !== null) return part
    }
    return headerPart(header, mail)
  } catch (error) {
    // A header that the scanner refuses may hide a field that must not be told.
    if (error instanceof EngineError) return null
    throw error
  }
}

/** The sender sits in the tenant: the address says so, and the mail was proved to come from there. */
function isInside(mail: ReceivedMail, tenant: Tenant): boolean {
  return mail.direction === 'outbound' && tenant.acceptedDomains.includes(domainOf(mail.envelope.sender))
}

/** The fields that may be told, in order, byte for byte but for line ends, without the empty line. */
function keptHeader(header: Buffer, mail: ReceivedMail, tenant: Tenant, inside: boolean): Buffer {
  const removed = new Set((mail.attribution?.removedFields ?? []).map(({ index }) => index))
  const secret = tenant.secretHeader?.name.toLowerCase()
  const processed = tenant.processedHeader.name.toLowerCase()
  const isKept = ({ lower }: HeaderField, index: number) =>
    !removed.has(index) &&
    lower !== secret &&
    lower !== processed &&
    !lower.startsWith(OWN_FIELD_PREFIX) &&
    (inside || !INTERNAL.test(lower))
  const pieces = scanHeader(header)
    .fields.filter(isKept)
    .map(({ start, end }) => header.subarray(start, end))
  const kept = canonicalise(Buffer.concat(pieces))
  return kept.length === 0 || kept.at(-1) === 0x0a ? kept : Buffer.concat([kept, Buffer.from('\r\n')])
}

/** The mail whole; null when it has what no such part can carry. */
function wholePart(header: Buffer, body: Buffer, mail: ReceivedMail): ReturnedPart | null {
  const plainHeader = isAscii(header)
  // RFC 6532 3.7: fields in UTF-8 need message/global; raw 8-bit fields of other mail fit into neither type
  if (!plainHeader && !(mail.envelope.smtpUtf8 && isUtf8(header))) return null
  if (!isPlainText(header) || !isPlainText(body)) return null
  const encoding = plainHeader && isAscii(body) ? '7bit' : '8bit'
  return {
    fields: contentFields(plainHeader ? 'message/rfc822' : 'message/global', encoding),
    encoding,
    // RFC 2046 5.2.1: a message inside a message is not encoded
    content: [header, Buffer.from('\r\n'), body],
    international: !plainHeader,
  }
}

/** The header only. RFC 6522 4, RFC 6533 6.3 */
function headerPart(header: Buffer, mail: ReceivedMail): ReturnedPart {
  const international = !isAscii(header)
  if (isPlainText(header) && (!international || (mail.envelope.smtpUtf8 && isUtf8(header)))) {
    const encoding = international ? '8bit' : '7bit'
    const type = international ? 'message/global-headers' : 'text/rfc822-headers'
    return { fields: contentFields(type, encoding), encoding, content: [header], international }
  }
  // RFC 6522 4: broken or extended headers may be quoted-printable
  return {
    fields: contentFields('text/rfc822-headers', 'quoted-printable'),
    encoding: 'quoted-printable',
    content: [encodeQuotedPrintable(header)],
    international: false,
  }
}

function contentFields(type: string, encoding: Part['encoding']): Buffer[] {
  return [foldHeader('Content-Type', type), foldHeader('Content-Transfer-Encoding', encoding)]
}

/** CRLF only, no NUL, no line over 998 octets: what 7bit and 8bit allow. RFC 2045 2.7, 2.8 */
function isPlainText(bytes: Buffer): boolean {
  if (bytes.includes(0) || !isCanonical(bytes)) return false
  let start = 0
  for (let lf = bytes.indexOf(0x0a); lf >= 0; lf = bytes.indexOf(0x0a, start)) {
    if (lf - 1 - start > MAX_LINE) return false
    start = lf + 1
  }
  return bytes.length - start <= MAX_LINE
}
