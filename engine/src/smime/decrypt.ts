/**
 * Decrypts a message, layer by layer (encrypted, signed then encrypted, triple wrapped), and judges what was inside.
 * Only an encrypted root is decrypted, never a part among others (EFAIL). Whatever fails after a private key was used
 * is `decrypt-failed`, on every layer; nothing in the result tells one failure from another. How long it took may tell:
 * whoever lets the outside see when a failure ends must hold it to a moment that follows from public data alone.
 */
import { runNow, runWaiting, wait } from '../bytes/routine.ts'
import type { Routine } from '../bytes/routine.ts'
import type { ByteSource } from '../bytes/source.ts'
import type { EnvelopedData } from '../cms/enveloped-data.ts'
import type { DecryptionKey } from '../cms/recipient-info.ts'
import type { SignedData } from '../cms/signed-data.ts'
import { EngineError } from '../errors.ts'
import type { MimeNode } from '../mime/entity.ts'
import type { Scanned } from '../mime/scan.ts'
import type { Reason } from '../reasons.ts'
import { MemoryContent } from './content.ts'
import type { CmsObject, Content, DecryptedLayer } from './content.ts'
import { unwrapMessage } from './entity.ts'
import { KeptTemporaries } from './kept-temporaries.ts'
import { smimeKind } from './kind.ts'
import type { SmimeKind } from './kind.ts'
import { readProtectedHeaders } from './protected-headers.ts'
import type { ProtectedHeaders } from './protected-headers.ts'
import { StreamedContent } from './streamed-content.ts'
import type { TemporaryStore } from './streamed-content.ts'
import { readFrom, singleFrom } from './verdict.ts'
import type { From, Verdict, VerifyOptions } from './verdict.ts'
import { isEncrypted, isSigned, judgeEntity, openSigned, partsOf, verifyObject } from './verify.ts'
import type { SignedEntity } from './verify.ts'

/** What came of decrypting a message. */
export interface DecryptResult {
  /** `failed` is one word for everything that goes wrong once a key was used. */
  readonly status: 'decrypted' | 'failed' | 'not-encrypted'
  /** Empty for `decrypted`. */
  readonly reasons: readonly Reason[]
  /** The layers that were opened or looked into, outermost first. */
  readonly layers: readonly SmimeKind[]
  /** Of the outermost encrypted layer, as in `aes256-gcm`; null when nothing is encrypted. */
  readonly contentEncryption: string | null
  /** Of the outermost encrypted layer, as in `oaep-sha256`; null when no entry was chosen. */
  readonly keyEncryption: string | null
  /** Whether every encrypted layer was protected against change; false when nothing is encrypted. */
  readonly authenticated: boolean
  /** The plaintext, a MIME entity in a message, with its inner signature; null unless decrypted. */
  readonly entity: Buffer | null
  /** The message with the entity in place of the encrypted one; null unless decrypted from a message. */
  readonly message: readonly Buffer[] | null
  /** Header fields from inside (RFC 9788); null when there are none. */
  readonly protectedHeaders: ProtectedHeaders | null
  /** The verdict on the signature inside, else on the one around the encryption; null when nothing is signed. */
  readonly verified: Verdict | null
}

/** RFC 8551 3.7 allows any nesting; more than this is no mail. */
const MAX_LAYERS = 8

/** What is remembered on the way through the layers. */
interface Walk {
  readonly keys: readonly DecryptionKey[]
  readonly options: VerifyOptions
  readonly layers: SmimeKind[]
  from: From | null
  contentEncryption: string | null
  keyEncryption: string | null
  authenticated: boolean
  legacy: boolean
  /** A private key was used: from here on there is one reason for failure. */
  keyUsed: boolean
  /** What is told of any failure from there on: nothing that shows how many layers opened. */
  told: Facts | null
  /** Signed layers that were taken apart on the way in; the verdict does not do it again. */
  readonly opened: Map<MimeNode, SignedEntity>
}

/** What lies inside the innermost encrypted layer. */
interface Opened {
  readonly plaintext: Content
  /** What scanning it gave when it is a MIME entity. */
  readonly scanned: Scanned | null
  readonly verified: Verdict | null
  /** Whether the verdict is on a signature inside that layer. */
  readonly signedInside: boolean
}

/** What came of decrypting a message that is not in memory. */
export interface StreamedDecryptResult extends Omit<DecryptResult, 'entity' | 'message'> {
  /** The plaintext, in the caller's temporary store; null unless decrypted. */
  readonly entity: ByteSource | null
  /** Erases the plaintext: to be called when it is no longer needed. Does nothing the second time. */
  readonly discard: () => Promise<void>
}

/** Decrypts a whole message. Never throws for what is in it. */
export function decryptMessage(
  bytes: Buffer,
  keys: readonly DecryptionKey[],
  options: VerifyOptions,
): DecryptResult {
  const outcome = runNow(decryptMessageContent(new MemoryContent(bytes), keys, options))
  return inMemory(outcome, bytes)
}

/** Decrypts a bare CMS object (BER or DER). Never throws for what is in it. */
export function decryptCms(
  bytes: Buffer,
  keys: readonly DecryptionKey[],
  options: VerifyOptions,
): DecryptResult {
  return inMemory(runNow(decryptCmsContent(new MemoryContent(bytes), keys, options)), null)
}

/**
 * Decrypts a message that is not in memory, with the same result. Plaintext waits in `store`: encrypted there, if it is not to
 * be found in files. Every temporary but that of the result is discarded, whatever happens.
 * @throws what source and store throw
 */
export function decryptMessageSource(
  source: ByteSource,
  keys: readonly DecryptionKey[],
  options: VerifyOptions,
  store: TemporaryStore,
): Promise<StreamedDecryptResult> {
  return streamed(source, store, (content) => decryptMessageContent(content, keys, options))
}

/** Decrypts a bare CMS object that is not in memory; as `decryptMessageSource`. */
export function decryptCmsSource(
  source: ByteSource,
  keys: readonly DecryptionKey[],
  options: VerifyOptions,
  store: TemporaryStore,
): Promise<StreamedDecryptResult> {
  return streamed(source, store, (content) => decryptCmsContent(content, keys, options))
}

/** A result before its plaintext is handed over. */
interface Outcome extends Omit<DecryptResult, 'entity' | 'message'> {
  readonly opened: Opened | null
}

function inMemory({ opened, ...result }: Outcome, message: Buffer | null): DecryptResult {
  if (opened === null) return { ...result, entity: null, message: null }
  const { plaintext, scanned } = opened
  if (!(plaintext instanceof MemoryContent)) throw new TypeError('plaintext is not in memory')
  const entity = plaintext.bytes
  return {
    ...result,
    entity,
    message: message === null || scanned === null ? null : unwrapMessage(message, entity, scanned.root),
  }
}

async function streamed(
  source: ByteSource,
  store: TemporaryStore,
  routine: (content: Content) => Routine<Outcome>,
): Promise<StreamedDecryptResult> {
  const kept = new KeptTemporaries(store)
  try {
    const { opened, ...result } = await runWaiting(routine(new StreamedContent(source, source.length, kept)))
    const plaintext = opened?.plaintext
    const found = plaintext instanceof StreamedContent ? kept.find(plaintext.stream) : null
    await kept.discard(found?.temporary ?? null)
    return {
      ...result,
      entity: found?.source ?? null,
      discard: async () => {
        await found?.temporary.discard()
      },
    }
  } catch (error) {
    await kept.discard(null)
    throw error
  }
}

function* decryptMessageContent(
  content: Content,
  keys: readonly DecryptionKey[],
  options: VerifyOptions,
): Routine<Outcome> {
  const walk = startWalk(keys, options)
  return yield* guarded(walk, openMessage(walk, content))
}

function* openMessage(walk: Walk, content: Content): Routine<Outcome> {
  const scanned = yield* wait(content.scan())
  const { root, view } = scanned
  walk.from = readFrom(view, root)
  const opened = yield* openEntity(walk, content, scanned)
  if (opened !== null) return decrypted(walk, opened)
  const reasons: Reason[] = []
  if (partsOf(root).some((part) => isEncrypted(smimeKind(part, view))))
    reasons.push('encrypted-part-not-root')
  return notEncrypted(walk, reasons, signedOrNull(yield* judge(walk, content, scanned, false)))
}

function* decryptCmsContent(
  content: Content,
  keys: readonly DecryptionKey[],
  options: VerifyOptions,
): Routine<Outcome> {
  const walk = startWalk(keys, options)
  return yield* guarded(walk, openCms(walk, content))
}

function* openCms(walk: Walk, content: Content): Routine<Outcome> {
  const object = yield* wait(content.read())
  const opened = yield* openObject(walk, object)
  if (opened !== null) return decrypted(walk, opened)
  return notEncrypted(
    walk,
    [],
    object.info.kind === 'signed-data'
      ? signedOrNull(yield* judgeObject(walk, object, object.info, false))
      : null,
  )
}

function startWalk(keys: readonly DecryptionKey[], options: VerifyOptions): Walk {
  return {
    keys,
    options,
    layers: [],
    from: null,
    contentEncryption: null,
    keyEncryption: null,
    authenticated: true,
    legacy: false,
    keyUsed: false,
    told: null,
    opened: new Map(),
  }
}

function enter(walk: Walk, kind: SmimeKind): void {
  if (walk.layers.length >= MAX_LAYERS)
    throw new EngineError('cms-too-deep', `more than ${MAX_LAYERS} layers`)
  walk.layers.push(kind)
}

/** Opens the layers of a MIME entity from the outside in; null when none of them is encrypted. */
function* openEntity(walk: Walk, content: Content, scanned: Scanned): Routine<Opened | null> {
  const { root, view } = scanned
  const kind = smimeKind(root, view)
  if (kind === null || kind === 'certs-only') return null
  enter(walk, kind)
  if (isSigned(kind)) {
    const signed = yield* openedOrNull(content, scanned, kind)
    if (signed !== null) walk.opened.set(root, signed)
    const opened = signed === null ? null : yield* openEntity(walk, signed.content, signed.payload)
    return yield* around(opened, judge(walk, content, scanned, true))
  }
  if (!isEncrypted(kind)) return null
  const object = yield* wait(content.body(root).read())
  const { info } = object
  if (info.kind !== 'enveloped-data' && info.kind !== 'auth-enveloped-data')
    throw new EngineError('cms-malformed', `${info.kind} where encrypted data belongs`)
  const layer = yield* openEnvelope(walk, object, info)
  const inside = yield* wait(layer.content.scan())
  // What a wrong key makes of CBC passes its padding once in 256 times, and this hardly ever.
  if (!layer.authenticated && !(yield* wait(layer.content.looksLikeEntity(inside))))
    throw new EngineError('decrypt-failed', 'the plaintext is no MIME entity')
  return (
    (yield* openEntity(walk, layer.content, inside)) ??
    innermost(layer.content, inside, yield* judge(walk, layer.content, inside, true))
  )
}

/** A signature that cannot be read hides nothing that could be decrypted; the verdict says what is wrong with it. */
function* openedOrNull(
  content: Content,
  scanned: Scanned,
  kind: 'clear-signed' | 'opaque-signed',
): Routine<SignedEntity | null> {
  try {
    return yield* openSigned(content, scanned, scanned.root, kind)
  } catch (error) {
    if (error instanceof EngineError) return null
    throw error
  }
}

/** Decrypts one layer and notes what is reported of it. */
function* openEnvelope(
  walk: Walk,
  object: CmsObject,
  data: EnvelopedData,
): Routine<DecryptedLayer & { readonly content: Content }> {
  const { keys, options } = walk
  const allowLegacy = options.allowLegacy ?? options.allowWeak ?? false
  const result = yield* wait(object.decrypt(data, keys, { allowLegacy }))
  walk.contentEncryption ??= result.contentEncryption
  walk.keyEncryption ??= result.keyEncryption
  walk.authenticated &&= result.authenticated
  walk.legacy ||= result.legacy
  if (result.key !== null) walk.keyUsed = true
  if (walk.keyUsed) walk.told ??= { ...facts(walk), layers: [...walk.layers] }
  const { content } = result
  if (content === null) throw new EngineError(result.reason ?? 'decrypt-failed', 'a layer cannot be opened')
  return { ...result, content }
}

/** Opens the layers of a bare CMS object; null when none of them is encrypted. */
function* openObject(walk: Walk, object: CmsObject): Routine<Opened | null> {
  const { info } = object
  switch (info.kind) {
    case 'enveloped-data':
    case 'auth-enveloped-data': {
      enter(walk, info.kind === 'enveloped-data' ? 'enveloped' : 'auth-enveloped')
      return yield* openPlaintext(walk, (yield* openEnvelope(walk, object, info)).content)
    }
    case 'signed-data': {
      if (info.signers.length === 0) return null
      enter(walk, 'opaque-signed')
      const content = object.content()
      const nested = content === null ? null : yield* nestedObject(content)
      const opened = nested === null ? null : yield* openObject(walk, nested)
      return yield* around(opened, judgeObject(walk, object, info, true))
    }
    case 'compressed-data':
      enter(walk, 'compressed')
      return null
    case 'data':
    case 'other':
      return null
  }
}

/** What a bare object held may be another one, a MIME entity, or anything else. */
function* openPlaintext(walk: Walk, content: Content): Routine<Opened> {
  const nested = yield* nestedObject(content)
  if (nested !== null) {
    const verdict =
      nested.info.kind === 'signed-data' ? yield* judgeObject(walk, nested, nested.info, true) : null
    return (yield* openObject(walk, nested)) ?? innermost(content, null, verdict)
  }
  const inside = yield* wait(content.scan())
  return (
    (yield* openEntity(walk, content, inside)) ??
    innermost(content, inside, yield* judge(walk, content, inside, true))
  )
}

function* nestedObject(content: Content): Routine<CmsObject | null> {
  const kind = yield* wait(content.kind())
  return kind === null || kind === 'other' ? null : yield* wait(content.read())
}

function innermost(plaintext: Content, scanned: Scanned | null, verdict: Verdict | null): Opened {
  const verified = verdict === null ? null : signedOrNull(verdict)
  return { plaintext, scanned, verified, signedInside: verified !== null }
}

/** A signature around an encrypted layer counts only where there is none inside; else the verdict on it is never drawn. */
function* around(opened: Opened | null, verdict: Routine<Verdict>): Routine<Opened | null> {
  if (opened === null || opened.verified !== null) return opened
  const outside = yield* verdict
  const reasons: readonly Reason[] = [...outside.reasons, 'signature-outside-encryption']
  return { ...opened, verified: { ...outside, reasons } }
}

function judge(walk: Walk, content: Content, scanned: Scanned, encrypted: boolean): Routine<Verdict> {
  return judgeEntity(content, scanned, { from: walk.from, encrypted, opened: walk.opened }, walk.options)
}

function judgeObject(walk: Walk, object: CmsObject, data: SignedData, encrypted: boolean): Routine<Verdict> {
  return verifyObject(object, data, { from: null, encrypted }, walk.options)
}

function signedOrNull(verdict: Verdict): Verdict | null {
  return verdict.status === 'unsigned' ? null : verdict
}

type Facts = Pick<DecryptResult, 'layers' | 'contentEncryption' | 'keyEncryption' | 'authenticated'>

function facts({ layers, contentEncryption, keyEncryption, authenticated }: Walk): Facts {
  return {
    layers,
    contentEncryption,
    keyEncryption,
    authenticated: authenticated && contentEncryption !== null,
  }
}

function decrypted(walk: Walk, opened: Opened): Outcome {
  const { scanned, verified, signedInside } = opened
  const reasons: Reason[] = []
  if (!walk.authenticated && !(signedInside && verified?.status === 'valid'))
    reasons.push('legacy-unauthenticated')
  if (walk.legacy) reasons.push('legacy-cipher')
  if (walk.layers.includes('compressed')) reasons.push('compressed-refused')
  const inside = signedInside ? verified?.protectedHeaders : undefined
  const protectedHeaders =
    inside ??
    (scanned === null ? null : readProtectedHeaders(scanned.view, scanned.root, singleFrom(walk.from)))
  return { ...facts(walk), status: 'decrypted', reasons, opened, protectedHeaders, verified }
}

function notEncrypted(walk: Walk, found: readonly Reason[], verified: Verdict | null): Outcome {
  const reasons: readonly Reason[] = walk.layers.includes('compressed')
    ? [...found, 'compressed-refused']
    : found
  return {
    ...facts(walk),
    status: 'not-encrypted',
    reasons,
    opened: null,
    protectedHeaders: null,
    verified,
  }
}

/** Turns failures into the result `failed`; with one reason once a private key was used. */
function* guarded(walk: Walk, routine: Routine<Outcome>): Routine<Outcome> {
  try {
    return yield* routine
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    const reason = walk.keyUsed ? 'decrypt-failed' : error.code
    return {
      ...(walk.told ?? facts(walk)),
      status: 'failed',
      reasons: [reason],
      opened: null,
      protectedHeaders: null,
      verified: null,
    }
  }
}
