/**
 * Verifies a signed message: cuts out exactly the bytes that are signed, lets cms and x509 judge them, and binds the
 * result to the From address. micalg, control headers and everything else that the sender merely says is ignored.
 */
import { runNow, runWaiting, wait } from '../bytes/routine.ts'
import type { Maybe, Routine } from '../bytes/routine.ts'
import type { ByteSource } from '../bytes/source.ts'
import type { SignedData } from '../cms/signed-data.ts'
import { digestsOf, signsContentItself } from '../cms/verify.ts'
import type { SignedContent } from '../cms/verify.ts'
import { Oid } from '../der/oid.ts'
import { EngineError } from '../errors.ts'
import type { MimeNode } from '../mime/entity.ts'
import type { Scanned } from '../mime/scan.ts'
import type { Reason } from '../reasons.ts'
import { MemoryContent } from './content.ts'
import type { CmsObject, Content } from './content.ts'
import { smimeKind } from './kind.ts'
import type { SmimeKind } from './kind.ts'
import { readProtectedHeaders } from './protected-headers.ts'
import { judgeSigners } from './signers.ts'
import { StreamedContent } from './streamed-content.ts'
import { conclude, readFrom, singleFrom, unreadable, unsigned } from './verdict.ts'
import type { From, Verdict, VerifyOptions } from './verdict.ts'
import { clearSignedFault, isHeaderAmbiguous } from './wrapping.ts'

/** Verifies a whole message. Never throws for what is in it. */
export function verifyMessage(bytes: Buffer, options: VerifyOptions): Verdict {
  return runNow(verifyMessageContent(new MemoryContent(bytes), options))
}

/**
 * Verifies a message that is not in memory, with the same verdict. A signer without signed attributes is judged up to 16 MiB
 * only (`content-too-large`). Throws what the source throws.
 */
export function verifyMessageSource(source: ByteSource, options: VerifyOptions): Promise<Verdict> {
  return runWaiting(verifyMessageContent(new StreamedContent(source, source.length, null), options))
}

/** Verifies a bare CMS object (BER or DER). There is no From to compare with. */
export function verifyCms(bytes: Buffer, options: VerifyOptions): Verdict {
  return runNow(verifyCmsContent(new MemoryContent(bytes), options))
}

/** Verifies a bare CMS object that is not in memory; as `verifyMessageSource`. */
export function verifyCmsSource(source: ByteSource, options: VerifyOptions): Promise<Verdict> {
  return runWaiting(verifyCmsContent(new StreamedContent(source, source.length, null), options))
}

function* verifyMessageContent(content: Content, options: VerifyOptions): Routine<Verdict> {
  return yield* guarded(null, judgeMessage(content, options))
}

function* judgeMessage(content: Content, options: VerifyOptions): Routine<Verdict> {
  const scanned = yield* wait(content.scan())
  const from = readFrom(scanned.view, scanned.root)
  return yield* judgeEntity(content, scanned, { from, encrypted: false }, options)
}

function* verifyCmsContent(content: Content, options: VerifyOptions): Routine<Verdict> {
  return yield* guarded(null, judgeCms(content, options))
}

function* judgeCms(content: Content, options: VerifyOptions): Routine<Verdict> {
  const object = yield* wait(content.read())
  switch (object.info.kind) {
    case 'signed-data':
      return yield* verifyObject(object, object.info, { from: null, encrypted: false }, options)
    case 'enveloped-data':
    case 'auth-enveloped-data':
      return unsigned(null, true, ['encrypted-content'])
    case 'compressed-data':
      return unsigned(null, false, ['compressed-refused'])
    case 'data':
    case 'other':
      return unsigned(null, false, ['not-signed'])
  }
}

/** Where an entity comes from. */
export interface Surroundings {
  /** The From of the message around it; null for a bare CMS object. */
  readonly from: From | null
  /** Whether the entity was decrypted. */
  readonly encrypted: boolean
  /** Signed entities that were taken apart already, by their node. */
  readonly opened?: ReadonlyMap<MimeNode, SignedEntity>
}

/** Verifies the entity that was scanned. Never throws for what is in it. */
export function judgeEntity(
  content: Content,
  scanned: Scanned,
  surroundings: Surroundings,
  options: VerifyOptions,
): Routine<Verdict> {
  return guarded(surroundings.from, verifyEntity(content, scanned, surroundings, options))
}

function* verifyEntity(
  content: Content,
  scanned: Scanned,
  surroundings: Surroundings,
  options: VerifyOptions,
): Routine<Verdict> {
  const { from, encrypted } = surroundings
  const { root, view } = scanned
  const kind = smimeKind(root, view)
  if (kind === 'enveloped' || kind === 'auth-enveloped') return unsigned(from, true, ['encrypted-content'])
  if (kind === 'compressed') return unsigned(from, encrypted, ['compressed-refused'])
  if (isSigned(kind))
    return yield* verifySigned(content, scanned, { node: root, kind }, surroundings, options)
  const parts = partsOf(root)
  for (const node of parts) {
    const partKind = smimeKind(node, view)
    if (isSigned(partKind))
      return yield* verifySigned(content, scanned, { node, kind: partKind }, surroundings, options)
  }
  const hidden = parts.some((part) => isEncrypted(smimeKind(part, view)))
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
  /** What the signature covers. */
  readonly covered: Content
  /** Whether it is text that may have been signed with other line ends. */
  readonly text: boolean
  /** What was scanned. */
  readonly content: Content
  /** The root of the signed entity, and what its headers are read from. */
  readonly payload: Scanned
}

/**
 * Takes a signed entity apart.
 * @throws EngineError `multipart-signed-malformed`, `cms-malformed`, `asn1-malformed`, `content-missing` and the scanner's
 */
export function* openSigned(
  content: Content,
  { view }: Scanned,
  node: MimeNode,
  kind: 'clear-signed' | 'opaque-signed',
): Routine<SignedEntity> {
  if (kind === 'opaque-signed') {
    const object = yield* wait(content.body(node).read())
    const data = signedData(object)
    const covered = object.content()
    if (covered === null) throw new EngineError('content-missing', 'a detached signature without content')
    return { data, covered, text: false, content: covered, payload: yield* wait(covered.scan()) }
  }
  const [payload, signature] = node.parts
  // RFC 1847 2.1: exactly two parts
  if (payload === undefined || signature === undefined || node.parts.length !== 2)
    throw new EngineError('multipart-signed-malformed', `${node.parts.length} parts`)
  const object = yield* wait(content.body(signature).read())
  const data = signedData(object)
  // RFC 8551 3.5.3.1: the signature is detached; content inside would be signed and never shown
  if (data.content !== null)
    throw new EngineError('multipart-signed-malformed', 'the signature has content of its own')
  return { data, covered: content.entity(payload), text: true, content, payload: { root: payload, view } }
}

function signedData({ info }: CmsObject): SignedData {
  if (info.kind !== 'signed-data')
    throw new EngineError('cms-malformed', `${info.kind} where SignedData belongs`)
  return info
}

/** The forms in which content may have been signed. */
function formsOf(data: SignedData, covered: Content, text: boolean): Maybe<readonly SignedContent[]> {
  return covered.forms({ digests: digestsOf(data), whole: signsContentItself(data), text })
}

function* verifySigned(
  outer: Content,
  scanned: Scanned,
  { node, kind }: { readonly node: MimeNode; readonly kind: 'clear-signed' | 'opaque-signed' },
  { from, encrypted, opened }: Surroundings,
  options: VerifyOptions,
): Routine<Verdict> {
  const { root } = scanned
  const signed = opened?.get(node) ?? (yield* openSigned(outer, scanned, node, kind))
  const { data, covered, text, payload } = signed
  const inner = smimeKind(payload.root, payload.view)
  const veiled = encrypted || isEncrypted(inner)
  if (data.signers.length === 0) return unsigned(from, veiled, ['not-signed'])
  const reasons: Reason[] = node === root ? [] : ['signed-part-not-root']
  // Another reader could show something else than what is signed.
  const ambiguous = [root, node].some((each) => isHeaderAmbiguous(each, scanned.view))
  if (ambiguous) reasons.push('header-ambiguous')
  const fault = kind === 'clear-signed' ? yield* clearSignedFault(outer, node, scanned.view) : null
  if (fault !== null) reasons.push(fault)
  // RFC 8551 2.4.2: what is signed as something else than a MIME entity was not meant to be one
  if (data.contentType !== Oid.idData) reasons.push('content-type-mismatch')
  return conclude({
    from,
    signers: judgeSigners(data, yield* wait(formsOf(data, covered, text)), options),
    coverage: node === root ? 'whole' : 'part',
    encrypted: veiled,
    protectedHeaders: readProtectedHeaders(payload.view, payload.root, singleFrom(from)),
    reasons,
    broken: ambiguous || fault !== null || data.contentType !== Oid.idData,
  })
}

/** Verifies SignedData that is not in a message. */
export function* verifyObject(
  object: CmsObject,
  data: SignedData,
  surroundings: Surroundings,
  options: VerifyOptions,
): Routine<Verdict> {
  const { from, encrypted } = surroundings
  if (data.signers.length === 0) return unsigned(from, encrypted, ['not-signed'])
  const content = object.content()
  const kind = content === null ? null : yield* wait(content.kind())
  return conclude({
    from,
    signers: judgeSigners(data, content === null ? [] : yield* wait(formsOf(data, content, false)), options),
    coverage: 'whole',
    encrypted: encrypted || kind === 'enveloped-data' || kind === 'auth-enveloped-data',
    protectedHeaders: null,
    reasons: [],
    broken: false,
  })
}

/** Turns what cannot be read into the verdict `error`. */
function* guarded(from: From | null, routine: Routine<Verdict>): Routine<Verdict> {
  try {
    return yield* routine
  } catch (error) {
    if (error instanceof EngineError) return unreadable(from, error.code)
    throw error
  }
}
