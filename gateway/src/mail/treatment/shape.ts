/**
 * The nouns of treatment, and the one shape that most treatments end in: the received mail with fields on top and fields
 * left out, its body untouched.
 */
import { rangeOf, type ByteSource, type HeaderField, type Verdict } from '@siegel/engine'
import type { InspectedMail } from '../../keyring/capabilities.ts'
import type { Keyring } from '../../keyring/keyring.ts'
import type { Trust } from '../../trust/trust.ts'
import type { ReceivedMail } from '../message.ts'
import type { Treatment } from '../plan.ts'
import type { Tenant } from '../tenant.ts'
import type { TraceValue } from '../trace.ts'
import type { Measures } from '../measure.ts'
import type { Original } from './original.ts'
import { keptFields, ownFields } from './own-fields.ts'

/** One copy to make. */
export interface TreatmentRequest {
  readonly mail: ReceivedMail
  readonly original: Original
  readonly tenant: Tenant
  readonly treatment: Extract<Treatment, { kind: 'pass' | 'protect' | 'inspect' }>
  /** The recipients of this copy; inbound mail is opened with their keys only. */
  readonly recipients: readonly string[]
  /** The copy goes to the mail exchangers of the world, not to the tenant's own endpoint. */
  readonly toWorld: boolean
  readonly keyring: Keyring
  readonly trust: Trust
  /** Milliseconds since 1970. */
  readonly now: number
  /** Told what an inbound mail turned out to be. Returns at once and never throws. */
  readonly inspected?: (mail: InspectedMail) => void
}

/** A header (with its empty line) and a body: what the variants below produce. */
export interface Shape {
  readonly header: readonly Buffer[]
  /** In pieces, or as a source when it is not in memory. */
  readonly body: readonly Buffer[] | ByteSource
  /** The body is that of the received mail, untouched. */
  readonly untouched: boolean
  /** What is known of the body without reading it; null when nothing is. */
  readonly known: Omit<Measures, 'size' | 'eightBitHeader'> | null
  readonly decrypted: boolean
  readonly event: { readonly [name: string]: TraceValue }
  /** What was found about its signature; left out where none was looked at. */
  readonly verdict?: Verdict
  /** Lets go of what the body is read from. */
  readonly release: (() => Promise<void>) | null
}

/** Fields between the servers of one organisation; Exchange removes them from what it sends out itself. */
const INTERNAL = /^(?:x-ms-exchange-(?:organization|crosspremises)-|x-organizationheaderspreserved$)/

/** True for the fields that must not go on: attribution found them, or they are nobody's business outside. */
export function removedBy(request: TreatmentRequest): (field: HeaderField) => boolean {
  const removed = request.mail.attribution?.removedFields ?? []
  if (removed.length === 0 && !request.toWorld) return () => false
  const starts = new Set(removed.map(({ index }) => request.original.fields[index]?.start))
  return (field) => starts.has(field.start) || (request.toWorld && INTERNAL.test(field.lower))
}

/** A copy that differs from the received mail only by fields on top and fields left out. */
export function passWith(request: TreatmentRequest, results: string | null, event: Shape['event']): Shape {
  const { original } = request
  const { bytes, whole, source, bodyStart } = original
  const fields = keptFields(bytes, original.fields, removedBy(request))
  // The empty line, as it was.
  const separator = bytes.subarray(original.fields.at(-1)?.end ?? 0, bodyStart)
  return {
    header: [...ownFields(request, results), ...fields, separator],
    body: whole === null ? rangeOf(source, bodyStart, source.length) : [whole.subarray(bodyStart)],
    untouched: true,
    known: null,
    decrypted: false,
    event,
    release: null,
  }
}
