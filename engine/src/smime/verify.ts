/**
 * Verifies a signed message: cuts out exactly the bytes that are signed, lets cms and x509 judge them, and binds the
 * result to the From address. micalg, control headers and everything else that the sender merely says is ignored.
 */
import { contentKind, readContentInfo } from '../cms/content-info.ts'
import type { SignedData } from '../cms/signed-data.ts'
import { EngineError } from '../errors.ts'
import { canonicalise } from '../mime/canonical.ts'
import { decodeBody } from '../mime/decode.ts'
import type { MimeNode } from '../mime/entity.ts'
import { scanMessage } from '../mime/scan.ts'
import type { Reason } from '../reasons.ts'
import { smimeKind } from './kind.ts'
import type { SmimeKind } from './kind.ts'
import { readProtectedHeaders } from './protected-headers.ts'
import { judgeSigners } from './signers.ts'
import { conclude, readFrom, unreadable, unsigned } from './verdict.ts'
import type { From, Verdict, VerifyOptions } from './verdict.ts'

/** Verifies a whole message. Never throws for what is in it. */
export function verifyMessage(bytes: Buffer, options: VerifyOptions): Verdict {
  return guarded(null, () => {
    const root = scanMessage(bytes)
    const from = readFrom(bytes, root)
    return judgeEntity(bytes, root, { from, encrypted: false }, options)
  })
}

/** Verifies a bare CMS object (BER or DER). There is no From to compare with. */
export function verifyCms(bytes: Buffer, options: VerifyOptions): Verdict {
  return guarded(null, () => {
    const info = readContentInfo(bytes)
    switch (info.kind) {
      case 'signed-data':
        return verifyObject(info, { from: null, encrypted: false }, options)
      case 'enveloped-data':
      case 'auth-enveloped-data':
        return unsigned(null, true, ['encrypted-content'])
      case 'compressed-data':
        return unsigned(null, false, ['compressed-refused'])
      case 'data':
      case 'other':
        return unsigned(null, false, ['not-signed'])
    }
  })
}

/** Where an entity comes from. */
export interface Surroundings {
  /** The From of the message around it; null for a bare CMS object. */
  readonly from: From | null
  /** Whether the entity was decrypted. */
  readonly encrypted: boolean
}

/** Verifies the entity whose root is given. Never throws for what is in it. */
export function judgeEntity(
  bytes: Buffer,
  root: MimeNode,
  surroundings: Surroundings,
  options: VerifyOptions,
): Verdict {
  return guarded(surroundings.from, () => verifyEntity(bytes, root, surroundings, options))
}

function verifyEntity(
  bytes: Buffer,
  root: MimeNode,
  surroundings: Surroundings,
  options: VerifyOptions,
): Verdict {
  const { from, encrypted } = surroundings
  const kind = smimeKind(root, bytes)
  if (kind === 'enveloped' || kind === 'auth-enveloped') return unsigned(from, true, ['encrypted-content'])
  if (kind === 'compressed') return unsigned(from, encrypted, ['compressed-refused'])
  if (isSigned(kind)) return verifySigned(bytes, root, root, kind, surroundings, options)
  const parts = partsOf(root)
  for (const part of parts) {
    const partKind = smimeKind(part, bytes)
    if (isSigned(partKind)) return verifySigned(bytes, root, part, partKind, surroundings, options)
  }
  const hidden = parts.some((part) => isEncrypted(smimeKind(part, bytes)))
  return unsigned(from, encrypted, hidden ? ['not-signed', 'encrypted-part-not-root'] : ['not-signed'])
}

/** Whether an entity carries a signature. */
export function isSigned(kind: SmimeKind | null): kind is 'clear-signed' | 'opaque-signed' {
  return kind === 'clear-signed' || kind === 'opaque-signed'
}

/** Whether an entity is encrypted. */
export function isEncrypted(kind: SmimeKind | null): boolean {
  return kind === 'enveloped' || kind === 'auth-enveloped'
}

/** All parts below the root, in order, without those of attached messages. */
export function partsOf(root: MimeNode): readonly MimeNode[] {
  if (!root.type.startsWith('multipart/')) return []
  return root.parts.flatMap((part) => [part, ...partsOf(part)])
}

/** Content that is signed, with its signature. */
export interface SignedEntity {
  readonly data: SignedData
  /** The detached content in the forms it may have been signed in; empty when the content is inside. */
  readonly contents: readonly (readonly Buffer[])[]
  /** The signed entity itself: what was scanned and its root. */
  readonly bytes: Buffer
  readonly payload: MimeNode
}

/**
 * Takes a signed entity apart.
 * @throws EngineError `multipart-signed-malformed`, `cms-malformed`, `asn1-malformed`, `content-missing` and the scanner's
 */
export function openSigned(
  bytes: Buffer,
  node: MimeNode,
  kind: 'clear-signed' | 'opaque-signed',
): SignedEntity {
  if (kind === 'opaque-signed') {
    const data = signedData(decodeBody(bytes, node))
    if (data.content === null)
      throw new EngineError('content-missing', 'a detached signature without content')
    const [only] = data.content
    const content = only !== undefined && data.content.length === 1 ? only : Buffer.concat(data.content)
    return { data, contents: [], bytes: content, payload: scanMessage(content) }
  }
  const [payload, signature] = node.parts
  // RFC 1847 2.1: exactly two parts
  if (payload === undefined || signature === undefined || node.parts.length !== 2)
    throw new EngineError('multipart-signed-malformed', `${node.parts.length} parts`)
  const data = signedData(decodeBody(bytes, signature))
  // RFC 8551 3.5.3.1: the signature is detached; content inside would be signed and never shown
  if (data.content !== null)
    throw new EngineError('multipart-signed-malformed', 'the signature has content of its own')
  const range = bytes.subarray(payload.start, payload.end)
  const canonical = canonicalise(range)
  return { data, contents: canonical === range ? [[range]] : [[canonical], [range]], bytes, payload }
}

function signedData(bytes: Buffer): SignedData {
  const info = readContentInfo(bytes)
  if (info.kind !== 'signed-data')
    throw new EngineError('cms-malformed', `${info.kind} where SignedData belongs`)
  return info
}

function verifySigned(
  bytes: Buffer,
  root: MimeNode,
  node: MimeNode,
  kind: 'clear-signed' | 'opaque-signed',
  { from, encrypted }: Surroundings,
  options: VerifyOptions,
): Verdict {
  const signed = openSigned(bytes, node, kind)
  const inner = smimeKind(signed.payload, signed.bytes)
  const veiled = encrypted || isEncrypted(inner)
  if (signed.data.signers.length === 0) return unsigned(from, veiled, ['not-signed'])
  const reasons: Reason[] = node === root ? [] : ['signed-part-not-root']
  // Another reader could take the other of two Content-Type fields, and show something else than what is signed.
  const ambiguous = [root, node].some((each) =>
    each.defects.some((defect) => defect === 'duplicate-content-type' || defect === 'duplicate-parameter'),
  )
  if (ambiguous) reasons.push('header-ambiguous')
  return conclude({
    from,
    signers: judgeSigners(signed.data, signed.contents, options),
    coverage: node === root ? 'whole' : 'part',
    encrypted: veiled,
    protectedHeaders: readProtectedHeaders(signed.bytes, signed.payload),
    reasons,
    broken: ambiguous,
  })
}

/** Verifies SignedData that is not in a message. */
export function verifyObject(data: SignedData, surroundings: Surroundings, options: VerifyOptions): Verdict {
  const { from, encrypted } = surroundings
  if (data.signers.length === 0) return unsigned(from, encrypted, ['not-signed'])
  const [first] = data.content ?? []
  return conclude({
    from,
    signers: judgeSigners(data, [], options),
    coverage: 'whole',
    encrypted: encrypted || (first !== undefined && isEnvelope(first)),
    protectedHeaders: null,
    reasons: [],
    broken: false,
  })
}

function isEnvelope(content: Buffer): boolean {
  const kind = contentKind(content)
  return kind === 'enveloped-data' || kind === 'auth-enveloped-data'
}

/** Turns what cannot be read into the verdict `error`. */
function guarded(from: From | null, run: () => Verdict): Verdict {
  try {
    return run()
  } catch (error) {
    if (error instanceof EngineError) return unreadable(from, error.code)
    throw error
  }
}
