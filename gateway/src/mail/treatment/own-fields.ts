/**
 * The header of a treated copy: our own fields on top, then every received field that is not to be removed, byte for byte
 * and in order (design S2). This is the only place that puts fields on a mail.
 */
import { foldHeader, headerValue, type ByteView, type HeaderField } from '@siegel/engine'
import { readDkimSignature } from '../dkim-signature.ts'
import { writeMarker } from '../marker.ts'
import type { ReceivedMail } from '../message.ts'
import { signingDomains, type Tenant } from '../tenant.ts'

/** What our own fields are made from. */
interface OwnFieldsRequest {
  readonly mail: ReceivedMail
  readonly tenant: Tenant
  readonly toWorld: boolean
  readonly now: number
}

/** The fields that go on top of a copy, in order. */
export function ownFields(
  { mail, tenant, toWorld, now }: OwnFieldsRequest,
  results: string | null,
): Buffer[] {
  const direction = mail.direction === 'inbound' ? 'inbound' : 'outbound'
  const fields: Buffer[] = []
  if (mail.receivedField !== '') fields.push(Buffer.from(mail.receivedField))
  // RFC 8601 4.1: above the Received field of the same trust boundary's earlier hop, so right below our own.
  if (results !== null) fields.push(foldHeader('Authentication-Results', `${tenant.fqdn}; ${results}`))
  // Marker and words are between the tenant's servers and us; whoever outside knew a word could send past us.
  if (toWorld) return fields
  const passes = (mail.attribution?.earlierPasses ?? 0) + 1
  fields.push(writeMarker(tenant.markerKey, tenant.id, { direction, passes, mailId: mail.id }, now))
  const words = tenant.processedHeader[direction]
  // All of them, so that during a rotation a rule with the old word and one with the new word both know the mail.
  if (words.length > 0) fields.push(foldHeader(tenant.processedHeader.name, words.join(' ')))
  return fields
}

/**
 * The received fields that stay, as few pieces of the original bytes as possible.
 * @param fields - the fields to look at, in order (all of the message, or those that stay outside a signed entity)
 * @param removed - true for a field that must not go on
 */
export function keptFields(
  bytes: ByteView,
  fields: readonly HeaderField[],
  removed: (field: HeaderField) => boolean,
): Buffer[] {
  const pieces: Buffer[] = []
  let start = -1
  let end = -1
  for (const field of fields) {
    if (removed(field)) continue
    if (field.start !== end) {
      if (start >= 0) pieces.push(bytes.subarray(start, end))
      start = field.start
    }
    end = field.end
  }
  if (start >= 0) pieces.push(bytes.subarray(start, end))
  return pieces
}

/**
 * A DKIM-Signature of the tenant's own domains, or of what lies below one. It no longer fits once the body has changed. RFC 6376 3.5
 */
export function isOwnDkim(bytes: ByteView, field: HeaderField, tenant: Tenant): boolean {
  if (field.lower !== 'dkim-signature') return false
  const domain = readDkimSignature(headerValue(bytes, field))?.domain
  if (domain === undefined) return false
  return [...signingDomains(tenant)].some((own) => domain === own || domain.endsWith(`.${own}`))
}
