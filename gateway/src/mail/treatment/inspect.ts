/**
 * The inbound treatment: decrypt with the recipient's own keys, verify, stamp the verdict. Signed-only mail stays
 * byte-identical below our fields; decrypted mail keeps its inner signature. A mail that stays closed is delivered as it
 * came, with one and the same stamp whatever the reason: the outside must not learn why.
 */
import {
  decryptMessage,
  scanHeader,
  smimeKind,
  verifyMessage,
  type Verdict,
  type VerifyOptions,
} from '@siegel/engine'
import { keptFields, ownFields } from './own-fields.ts'
import { NOT_DECRYPTED_RESULT, decryptionArguments, verdictArguments, verifiedResult } from './results.ts'
import { passWith, removedBy, type Shape, type TreatmentRequest } from './shape.ts'

/** Inspects one copy. */
export async function inspect(request: TreatmentRequest): Promise<Shape> {
  const { original, trust, now } = request
  if (original.root === null)
    return passWith(request, 'smime=permerror (message not understood)', { verdict: 'damaged' })
  const options: VerifyOptions = { anchors: trust.anchors, at: now }
  switch (smimeKind(original.root, original.bytes)) {
    case 'enveloped':
    case 'auth-enveloped':
      return open(request, options)
    case 'clear-signed':
    case 'opaque-signed':
      return verified(request, verifyMessage(original.bytes, options))
    default:
      return passWith(request, 'smime=none', { verdict: 'unsigned' })
  }
}

function verified(request: TreatmentRequest, verdict: Verdict): Shape {
  return passWith(request, verifiedResult(verdict, false, true), { verdict: verdictArguments(verdict) })
}

async function open(request: TreatmentRequest, options: VerifyOptions): Promise<Shape> {
  const { original, mail, tenant, now } = request
  const keys = await request.keyring.decryptionKeys(request.recipients)
  const result = decryptMessage(original.bytes, keys, options)
  const event = { decryption: decryptionArguments(result) }
  if (result.status !== 'decrypted' || result.entity === null)
    return passWith(request, NOT_DECRYPTED_RESULT, event)

  // Outer Content fields belong to the encrypted entity that is gone; the inner entity brings its own. RFC 8551 3.1
  const removed = removedBy(request)
  const outer = keptFields(
    original.bytes,
    original.fields,
    (field) => removed(field) || field.lower.startsWith('content-') || field.lower === 'mime-version',
  )
  const verdict = result.verified
  const authenticated = result.contentEncryption?.includes('gcm') === true
  const stamp =
    verdict === null
      ? `smime=none (encrypted, unsigned${authenticated ? '' : ', not authenticated'})`
      : verifiedResult(verdict, true, authenticated)
  const header = [...ownFields(mail, tenant, stamp, now), ...outer, Buffer.from('MIME-Version: 1.0\r\n')]
  return {
    header,
    body: contentOf(result.entity),
    decrypted: true,
    event: { ...event, ...(verdict === null ? {} : { verdict: verdictArguments(verdict) }) },
  }
}

/**
 * The inner entity's Content fields and its body. Any other field inside is an attacker's to choose, unseen by every filter
 * on the way: next to the outer ones it would be taken for the message's own. RFC 8551 3.1
 */
function contentOf(entity: Buffer): Buffer[] {
  const { fields, bodyStart } = scanHeader(entity)
  const content = keptFields(entity, fields, ({ lower }) => !lower.startsWith('content-'))
  return [...content, Buffer.from('\r\n'), entity.subarray(bodyStart)]
}
