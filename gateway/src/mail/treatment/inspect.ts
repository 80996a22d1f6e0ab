/**
 * The inbound treatment: decrypt with the recipient's own keys, verify, stamp the verdict. Signed-only mail stays
 * byte-identical below our fields; decrypted mail keeps its inner signature. A mail that stays closed is delivered as it
 * came, with one and the same stamp whatever the reason: the outside must not learn why.
 */
import {
  decryptMessage,
  decryptMessageSource,
  protectedEntityOfSource,
  smimeKind,
  verifyMessage,
  verifyMessageSource,
  type Verdict,
  type VerifyOptions,
} from '@siegel/engine'
import { decryptionTime, openInTime } from '../../keyring/decryption-time.ts'
import { hiddenSubject, openedBody, type Decryption } from './opened.ts'
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
      return verified(request, options)
    default:
      return passWith(request, 'smime=none', { verdict: 'unsigned' })
  }
}

async function verified(request: TreatmentRequest, options: VerifyOptions): Promise<Shape> {
  const { trust, now } = request
  const { whole, source } = request.original
  const verify = (more: VerifyOptions): Verdict | Promise<Verdict> =>
    whole === null ? verifyMessageSource(source, more) : verifyMessage(whole, more)
  let found = await trust.review(await verify(options), now, false)
  const { missing } = found
  if (missing.length > 0)
    found = await trust.review(await verify({ ...options, intermediates: missing }), now, false)
  const { verdict, notes } = found
  request.inspected?.({ verdict, decryption: null })
  const words = verifiedResult(verdict, false, true)
  return { ...passWith(request, words, { verdict: verdictArguments(verdict, notes) }), verdict }
}

async function open(request: TreatmentRequest, options: VerifyOptions): Promise<Shape> {
  const { original, recipients, keyring } = request
  const { whole, source, scratch } = original
  const keys = await keyring.decryptionKeys(recipients)
  const time = decryptionTime(source.length, keys)
  if (whole !== null) {
    const result = await openInTime(time, () => decryptMessage(whole, keys, options))
    return result.entity === null
      ? closed(request, result)
      : opened(request, result, openedBody(result.entity, result), null)
  }
  const result = await openInTime(time, () => decryptMessageSource(source, keys, options, scratch))
  if (result.entity === null) return closed(request, result)
  // As openedBody: nothing else of the inner header comes out.
  try {
    const { entity } = await protectedEntityOfSource(result.entity)
    return await opened(request, result, entity, () => result.discard())
  } catch (error) {
    await result.discard()
    throw error
  }
}

function closed(request: TreatmentRequest, result: Decryption): Shape {
  return passWith(request, NOT_DECRYPTED_RESULT, { decryption: decryptionArguments(result) })
}

async function opened(
  request: TreatmentRequest,
  result: Decryption,
  body: Shape['body'],
  release: Shape['release'],
): Promise<Shape> {
  const { original, trust, now } = request
  // Outer Content fields belong to the encrypted entity that is gone; the inner entity brings its own. RFC 8551 3.1
  const removed = removedBy(request)
  const subject = hiddenSubject(result)
  const outer = keptFields(
    original.bytes,
    original.fields,
    (field) =>
      removed(field) ||
      (subject !== null && field.lower === 'subject') ||
      field.lower.startsWith('content-') ||
      field.lower === 'mime-version',
  )
  const reviewed = result.verified === null ? null : await trust.review(result.verified, now, true)
  const verdict = reviewed?.verdict ?? null
  const authenticated = result.authenticated
  if (verdict !== null) request.inspected?.({ verdict, decryption: result })
  const stamp =
    verdict === null
      ? `smime=none (encrypted, unsigned${authenticated ? '' : ', not authenticated'})`
      : verifiedResult(verdict, true, authenticated)
  return {
    header: [
      ...ownFields(request, stamp),
      ...outer,
      ...(subject === null ? [] : [subject]),
      Buffer.from('MIME-Version: 1.0\r\n'),
    ],
    body,
    untouched: false,
    known: null,
    decrypted: true,
    event: {
      decryption: decryptionArguments(result),
      ...(verdict === null ? {} : { verdict: verdictArguments(verdict, reviewed?.notes ?? []) }),
    },
    release,
    ...(verdict === null ? {} : { verdict }),
  }
}
