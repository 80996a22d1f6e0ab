/**
 * The nouns of treatment, and the one shape that most treatments end in: the received mail with fields on top and fields
 * left out, its body untouched.
 */
import type { HeaderField, MimeNode } from '@siegel/engine'
import type { Keyring } from '../../keyring/keyring.ts'
import type { Trust } from '../../trust/trust.ts'
import type { ReceivedMail } from '../message.ts'
import type { Treatment } from '../plan.ts'
import type { Tenant } from '../tenant.ts'
import type { TraceValue } from '../trace.ts'
import { keptFields, ownFields } from './own-fields.ts'

/** The received message in memory. */
export interface Original {
  readonly bytes: Buffer
  /** null when the MIME scan refused it: then it can only be passed. */
  readonly root: MimeNode | null
  readonly fields: readonly HeaderField[]
  /** Offset of the first octet after the header section's empty line. */
  readonly bodyStart: number
}

/** One copy to make. */
export interface TreatmentRequest {
  readonly mail: ReceivedMail
  readonly original: Original
  readonly tenant: Tenant
  readonly treatment: Extract<Treatment, { kind: 'pass' | 'protect' | 'inspect' }>
  /** The recipients of this copy; inbound mail is opened with their keys only. */
  readonly recipients: readonly string[]
  readonly keyring: Keyring
  readonly trust: Trust
  /** Milliseconds since 1970. */
  readonly now: number
}

/** A header (with its empty line) and a body: what the variants below produce. */
export interface Shape {
  readonly header: readonly Buffer[]
  readonly body: readonly Buffer[]
  readonly decrypted: boolean
  readonly event: { readonly [name: string]: TraceValue }
}

/** True for the fields that attribution found must not go on. */
export function removedBy(request: TreatmentRequest): (field: HeaderField) => boolean {
  const removed = request.mail.attribution?.removedFields ?? []
  if (removed.length === 0) return () => false
  const starts = new Set(removed.map(({ index }) => request.original.fields[index]?.start))
  return (field) => starts.has(field.start)
}

/** The bytes from the end of the last field: the empty line, as it was, and the body. */
function untouchedBody(original: Original): { readonly separator: Buffer; readonly body: Buffer } {
  const lastField = original.fields.at(-1)
  const headerEnd = lastField === undefined ? 0 : lastField.end
  return {
    separator: original.bytes.subarray(headerEnd, original.bodyStart),
    body: original.bytes.subarray(original.bodyStart),
  }
}

/** A copy that differs from the received mail only by fields on top and fields left out. */
export function passWith(request: TreatmentRequest, results: string | null, event: Shape['event']): Shape {
  const { original, mail, tenant, now } = request
  const { separator, body } = untouchedBody(original)
  const fields = keptFields(original.bytes, original.fields, removedBy(request))
  return {
    header: [...ownFields(mail, tenant, results, now), ...fields, separator],
    body: [body],
    decrypted: false,
    event,
  }
}
