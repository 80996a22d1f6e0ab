/**
 * Carries one treatment of a Plan out: bytes of the received mail in, bytes of one copy out. Decides nothing but what the
 * bytes force on it, and says so. Original bytes are never re-encoded unless the treatment needs it. Writes nowhere.
 */
import { isAscii } from 'node:buffer'
import {
  canonicalMessage,
  canonicalSource,
  EngineError,
  protectedEntityOf,
  protectedEntityOfSource,
  protectHeaders,
  protectHeadersOfSource,
  Rope,
  signableMessage,
  signableSource,
  type ByteSource,
  type HeaderField,
  type Verdict,
} from '@siegel/engine'
import type { Treatment } from '../plan.ts'
import type { TraceEvent, TraceValue } from '../trace.ts'
import { inspect } from './inspect.ts'
import { protectEntity, protectEntitySource, type Protection } from '../protection.ts'
import { measure, measureSource, type Measures } from '../measure.ts'
import { isOwnDkim, keptFields, ownFields } from './own-fields.ts'
import { passWith, removedBy, type Shape, type TreatmentRequest } from './shape.ts'

/** The bytes of a copy and what they need of the next hop. */
export interface TreatedCopy extends Measures {
  /** The bytes in pieces; those of a large mail are made anew whenever they are read. */
  readonly chunks: Iterable<Buffer> | AsyncIterable<Buffer>
  /** Decrypted content is in it: notices may return headers only. */
  readonly decrypted: boolean
  readonly trace: readonly TraceEvent[]
  /** What was found about its signature; null where none was looked at. */
  readonly verdict: Verdict | null
  /** Octets that the copy alone holds in memory. */
  readonly held: number
  /** To be called when `chunks` is no longer needed; null when there is nothing to let go of. */
  readonly release: (() => Promise<void>) | null
}

/**
 * Makes one copy.
 * @throws KeyUnavailable when a key of the Plan cannot be had (temporary); EngineError when the engine refuses (permanent)
 */
export async function treat(request: TreatmentRequest): Promise<TreatedCopy> {
  const shape = await shapeOf(request)
  try {
    return {
      ...(await measured(request, shape)),
      chunks: chunksOf(shape),
      decrypted: shape.decrypted,
      verdict: shape.verdict ?? null,
      trace: [
        {
          at: request.now,
          code: 'treated',
          delivery: null,
          arguments: { treatment: request.treatment.kind, ...shape.event },
        },
      ],
      held: shape.untouched || 'chunks' in shape.body ? 0 : sizeOf(shape.body),
      release: shape.release,
    }
  } catch (error) {
    await shape.release?.()
    throw error
  }
}

function chunksOf({ header, body }: Shape): TreatedCopy['chunks'] {
  if ('chunks' in body) {
    const whole = new Rope([...header, body])
    return { [Symbol.asyncIterator]: () => copies(whole) }
  }
  return [...header, ...body]
}

/** The chunks of a source are good for a moment only; who sends them needs them for longer. */
async function* copies(source: ByteSource): AsyncGenerator<Buffer> {
  for await (const chunk of source.chunks()) yield Buffer.from(chunk)
}

function shapeOf(request: TreatmentRequest): Shape | Promise<Shape> {
  switch (request.treatment.kind) {
    case 'pass':
      return passWith(request, null, {})
    case 'protect':
      return protect(request, request.treatment)
    case 'inspect':
      return inspect(request)
  }
}

function sizeOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0)
}

/** A body that came through untouched needs no second look: inbound has measured it. */
function measured(
  request: TreatmentRequest,
  { header, body, untouched, known }: Shape,
): Measures | Promise<Measures> {
  const facts = untouched ? request.mail.body : known
  if (facts === null) return 'chunks' in body ? measureSource(header, body) : measure(header, body)
  const { eightBit, bareLineEnds, longestLine } = facts
  return {
    size: sizeOf(header) + ('chunks' in body ? body.length : sizeOf(body)),
    eightBit,
    eightBitHeader: untouched ? request.mail.body.eightBitHeader : !header.every((piece) => isAscii(piece)),
    bareLineEnds,
    longestLine,
  }
}

/**
 * RFC 8551 3.1: canonical and safe for 7-bit transport. What somebody else has signed inside must not be encoded anew: it is
 * signed as it is, and the next hop must be able to carry it.
 */
function readyToSign(message: Buffer): Buffer {
  try {
    return signableMessage(message)
  } catch (error) {
    if (error instanceof EngineError && error.code === 'mime-not-seven-bit') return canonicalMessage(message)
    throw error
  }
}

async function sourceReadyToSign(message: ByteSource): Promise<ByteSource> {
  try {
    return await signableSource(message)
  } catch (error) {
    if (error instanceof EngineError && error.code === 'mime-not-seven-bit') return canonicalSource(message)
    throw error
  }
}

type Protect = Extract<Treatment, { kind: 'protect' }>

/** Signs, encrypts, or both: Content fields and body become the inner entity, all other fields stay outside. */
async function protect(request: TreatmentRequest, treatment: Protect): Promise<Shape> {
  const { mail, original, tenant, keyring, now } = request
  const { sign, encrypt, profile } = treatment
  const signer = sign === null ? null : await keyring.signingKey(sign)
  const recipients =
    encrypt === null ? null : await Promise.all(encrypt.map((credential) => keyring.certificate(credential)))
  const inner =
    treatment.inner === undefined
      ? null
      : await Promise.all(treatment.inner.map((credential) => keyring.certificate(credential)))
  const event: Record<string, TraceValue> = { profile: profile.name }
  if (signer !== null) event['signed'] = signer.certificate.fingerprint
  if (recipients !== null) {
    event['encrypted'] = recipients.map((certificate) => certificate.fingerprint)
    event['cipher'] = profile.cipher
    if (inner !== null) event['inner'] = inner.map((certificate) => certificate.fingerprint)
  }
  // Two Content-Type fields have no one payload that could carry the header.
  const typed = original.fields.filter(({ lower }) => lower === 'content-type').length < 2
  const hides = profile.headerProtection === true && recipients !== null && typed
  if (hides) event['headerProtection'] = true
  const removed = removedBy(request)
  const dropDkim = tenant.removeOwnDkim && mail.direction === 'outbound'
  const outer = keptFields(
    original.bytes,
    original.fields,
    (field) =>
      isStructural(field) ||
      removed(field) ||
      (hides && HIDDEN.has(field.lower)) ||
      (dropDkim && isOwnDkim(original.bytes, field, tenant)),
  )
  const hidden = hides && original.fields.some(({ lower }) => lower === 'subject') ? [HIDDEN_SUBJECT] : []
  const parts = { signer, recipients, inner, profile, now }
  const body =
    original.whole === null
      ? await protectSource(original.source, parts, hides)
      : protectBytes(original.whole, parts, hides)
  return {
    header: [...ownFields(request, null), ...outer, ...hidden, Buffer.from('MIME-Version: 1.0\r\n')],
    body,
    untouched: false,
    known: recipients !== null && 'chunks' in body ? ENCRYPTED : null,
    decrypted: false,
    event,
    release: null,
  }
}

/** An encrypted entity is base64 under a short header. */
const ENCRYPTED = { eightBit: false, bareLineEnds: false, longestLine: 76 }

/** Fields that belong to the entity, which is wrapped. RFC 8551 3.1 */
function isStructural({ lower }: HeaderField): boolean {
  return lower.startsWith('content-') || lower === 'mime-version'
}

/** RFC 9788 3.2.1: what is hidden inside; Exchange's copy of the subject goes with it. */
const HIDDEN: ReadonlySet<string> = new Set(['subject', 'comments', 'keywords', 'thread-topic'])
const HIDDEN_SUBJECT = Buffer.from('Subject: [...]\r\n')

function protectBytes(bytes: Buffer, protection: Protection, hides: boolean): readonly Buffer[] {
  const ready = protection.signer === null ? canonicalMessage(bytes) : readyToSign(bytes)
  const { entity } = hides ? protectHeaders(ready, 'cipher') : protectedEntityOf(ready)
  return protectEntity(entity, protection)
}

async function protectSource(
  message: ByteSource,
  protection: Protection,
  hides: boolean,
): Promise<ByteSource> {
  const ready = protection.signer === null ? await canonicalSource(message) : await sourceReadyToSign(message)
  const { entity } = hides
    ? await protectHeadersOfSource(ready, 'cipher')
    : await protectedEntityOfSource(ready)
  return protectEntitySource(entity, protection)
}
