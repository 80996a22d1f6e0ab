/**
 * Carries one treatment of a Plan out: bytes of the received mail in, bytes of one copy out. Decides nothing but what the
 * bytes force on it, and says so. Original bytes are never re-encoded unless the treatment needs it. Writes nowhere.
 */
import { randomBytes } from 'node:crypto'
import {
  canonicalMessage,
  encryptEntity,
  EngineError,
  protectedEntityOf,
  signableMessage,
  signEntity,
} from '@siegel/engine'
import type { Treatment } from '../plan.ts'
import type { TraceEvent, TraceValue } from '../trace.ts'
import { inspect } from './inspect.ts'
import { measure, type Measures } from './measure.ts'
import { isOwnDkim, keptFields, ownFields } from './own-fields.ts'
import { passWith, removedBy, type Shape, type TreatmentRequest } from './shape.ts'

/** The bytes of a copy and what they need of the next hop. */
export interface TreatedCopy extends Measures {
  readonly chunks: readonly Buffer[]
  /** Decrypted content is in it: notices may return headers only. */
  readonly decrypted: boolean
  readonly trace: readonly TraceEvent[]
}

/**
 * Makes one copy.
 * @throws KeyUnavailable when a key of the Plan cannot be had (temporary); EngineError when the engine refuses (permanent)
 */
export async function treat(request: TreatmentRequest): Promise<TreatedCopy> {
  const shape = await shapeOf(request)
  const chunks = [...shape.header, ...shape.body]
  return {
    ...measured(request, shape),
    chunks,
    decrypted: shape.decrypted,
    trace: [
      {
        at: request.now,
        code: 'treated',
        delivery: null,
        arguments: { treatment: request.treatment.kind, ...shape.event },
      },
    ],
  }
}

function shapeOf(request: TreatmentRequest): Shape | Promise<Shape> {
  switch (request.treatment.kind) {
    case 'pass':
      return pass(request)
    case 'protect':
      return protect(request, request.treatment)
    case 'inspect':
      return inspect(request)
  }
}

/** A body that came through untouched needs no second look: inbound has measured it. */
function measured(request: TreatmentRequest, shape: Shape): Measures {
  const { body } = request.mail
  const untouched =
    shape.body.length === 1 &&
    shape.body[0]?.length === request.original.bytes.length - request.original.bodyStart
  if (!untouched || shape.decrypted) return measure(shape.header, shape.body)
  const size = shape.header.reduce((sum, piece) => sum + piece.length, 0) + (shape.body[0]?.length ?? 0)
  return {
    size,
    eightBit: body.eightBit,
    eightBitHeader: body.eightBitHeader,
    bareLineEnds: body.bareLineEnds,
    longestLine: body.longestLine,
  }
}

function pass(request: TreatmentRequest): Shape {
  return passWith(request, null, {})
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

/** Signs, encrypts, or both: Content fields and body become the inner entity, all other fields stay outside. */
async function protect(
  request: TreatmentRequest,
  treatment: Extract<Treatment, { kind: 'protect' }>,
): Promise<Shape> {
  const { mail, original, tenant, keyring, now } = request
  const { sign, encrypt, profile } = treatment
  const { outer: outerFields } = protectedEntityOf(original.bytes)
  const ready = sign === null ? canonicalMessage(original.bytes) : readyToSign(original.bytes)
  let entity: readonly Buffer[] = protectedEntityOf(ready).entity
  const event: Record<string, TraceValue> = { profile: profile.name }
  if (sign !== null) {
    const signer = await keyring.signingKey(sign)
    const boundary = randomBytes(12).toString('hex')
    entity = signEntity(entity, signer, { digest: profile.digest, pss: profile.pss, at: now, boundary })
    event['signed'] = signer.certificate.fingerprint
  }
  if (encrypt !== null) {
    const recipients = await Promise.all(encrypt.map((credential) => keyring.certificate(credential)))
    entity = encryptEntity(entity, { recipients, cipher: profile.cipher, keyTransport: profile.keyTransport })
    event['encrypted'] = recipients.map((certificate) => certificate.fingerprint)
    event['cipher'] = profile.cipher
  }
  const removed = removedBy(request)
  const dropDkim = tenant.removeOwnDkim && mail.direction === 'outbound'
  const outer = keptFields(
    original.bytes,
    outerFields,
    (field) => removed(field) || (dropDkim && isOwnDkim(original.bytes, field, tenant)),
  )
  const header = [...ownFields(mail, tenant, null, now), ...outer, Buffer.from('MIME-Version: 1.0\r\n')]
  return { header, body: entity, decrypted: false, event }
}
