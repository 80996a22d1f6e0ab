/**
 * Decrypts a message, layer by layer (encrypted, signed then encrypted, triple wrapped), and judges what was inside.
 * Only an encrypted root is decrypted, never a part among others (EFAIL). Whatever fails after a private key was used
 * is `decrypt-failed`, on every layer; nothing in the result tells one failure from another.
 */
import { contentKind, readContentInfo } from '../cms/content-info.ts'
import type { ContentInfo } from '../cms/content-info.ts'
import { decryptContent } from '../cms/decrypt.ts'
import type { Decrypted } from '../cms/decrypt.ts'
import type { EnvelopedData } from '../cms/enveloped-data.ts'
import type { DecryptionKey } from '../cms/recipient-info.ts'
import { EngineError } from '../errors.ts'
import { decodeBody } from '../mime/decode.ts'
import type { MimeNode } from '../mime/entity.ts'
import { scanMessage } from '../mime/scan.ts'
import type { Reason } from '../reasons.ts'
import { unwrapMessage } from './entity.ts'
import { smimeKind } from './kind.ts'
import type { SmimeKind } from './kind.ts'
import { looksLikeEntity } from './plausible.ts'
import { readProtectedHeaders } from './protected-headers.ts'
import type { ProtectedHeaders } from './protected-headers.ts'
import { readFrom } from './verdict.ts'
import type { From, Verdict, VerifyOptions } from './verdict.ts'
import { isEncrypted, isSigned, judgeEntity, openSigned, partsOf, verifyObject } from './verify.ts'
import type { SignedEntity } from './verify.ts'

/** What came of decrypting a message. */
export interface DecryptResult {
  readonly status: 'decrypted' | 'failed' | 'not-encrypted'
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
}

/** What lies inside the innermost encrypted layer. */
interface Opened {
  readonly plaintext: Buffer
  /** Its root when it is a MIME entity. */
  readonly root: MimeNode | null
  readonly verified: Verdict | null
  /** Whether the verdict is on a signature inside that layer. */
  readonly signedInside: boolean
}

/** Decrypts a whole message. Never throws for what is in it. */
export function decryptMessage(
  bytes: Buffer,
  keys: readonly DecryptionKey[],
  options: VerifyOptions,
): DecryptResult {
  const walk = startWalk(keys, options)
  return guarded(walk, () => {
    const root = scanMessage(bytes)
    walk.from = readFrom(bytes, root)
    const opened = openEntity(walk, bytes, root)
    if (opened !== null) {
      const message = opened.root === null ? null : unwrapMessage(bytes, opened.plaintext, opened.root)
      return decrypted(walk, opened, message)
    }
    const reasons: Reason[] = []
    if (partsOf(root).some((part) => isEncrypted(smimeKind(part, bytes))))
      reasons.push('encrypted-part-not-root')
    return notEncrypted(walk, reasons, signedOrNull(judge(walk, bytes, root, false)))
  })
}

/** Decrypts a bare CMS object (BER or DER). Never throws for what is in it. */
export function decryptCms(
  bytes: Buffer,
  keys: readonly DecryptionKey[],
  options: VerifyOptions,
): DecryptResult {
  const walk = startWalk(keys, options)
  return guarded(walk, () => {
    const info = readContentInfo(bytes)
    const opened = openObject(walk, info)
    if (opened !== null) return decrypted(walk, opened, null)
    return notEncrypted(
      walk,
      [],
      info.kind === 'signed-data' ? signedOrNull(judgeObject(walk, info, false)) : null,
    )
  })
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
  }
}

function enter(walk: Walk, kind: SmimeKind): void {
  if (walk.layers.length >= MAX_LAYERS)
    throw new EngineError('cms-too-deep', `more than ${MAX_LAYERS} layers`)
  walk.layers.push(kind)
}

/** Opens the layers of a MIME entity from the outside in; null when none of them is encrypted. */
function openEntity(walk: Walk, bytes: Buffer, root: MimeNode): Opened | null {
  const kind = smimeKind(root, bytes)
  if (kind === null || kind === 'certs-only') return null
  enter(walk, kind)
  if (isSigned(kind)) {
    const signed = openedOrNull(bytes, root, kind)
    const opened = signed === null ? null : openEntity(walk, signed.bytes, signed.payload)
    return around(opened, () => judge(walk, bytes, root, true))
  }
  if (!isEncrypted(kind)) return null
  const info = readContentInfo(decodeBody(bytes, root))
  if (info.kind !== 'enveloped-data' && info.kind !== 'auth-enveloped-data')
    throw new EngineError('cms-malformed', `${info.kind} where encrypted data belongs`)
  const { content, authenticated } = openEnvelope(walk, info)
  const inside = scanMessage(content)
  // What a wrong key makes of CBC passes its padding once in 256 times, and this hardly ever.
  if (!authenticated && !looksLikeEntity(content, inside))
    throw new EngineError('decrypt-failed', 'the plaintext is no MIME entity')
  return openEntity(walk, content, inside) ?? innermost(content, inside, judge(walk, content, inside, true))
}

/** A signature that cannot be read hides nothing that could be decrypted; the verdict says what is wrong with it. */
function openedOrNull(
  bytes: Buffer,
  root: MimeNode,
  kind: 'clear-signed' | 'opaque-signed',
): SignedEntity | null {
  try {
    return openSigned(bytes, root, kind)
  } catch (error) {
    if (error instanceof EngineError) return null
    throw error
  }
}

/** Decrypts one layer and notes what is reported of it. */
function openEnvelope(walk: Walk, data: EnvelopedData): Decrypted & { readonly content: Buffer } {
  const { keys, options } = walk
  const result = decryptContent(data, keys, {
    allowLegacy: options.allowLegacy ?? options.allowWeak ?? false,
  })
  walk.contentEncryption ??= result.contentEncryption
  walk.keyEncryption ??= result.keyEncryption
  walk.authenticated &&= result.authenticated
  walk.legacy ||= result.legacy
  if (result.key !== null) walk.keyUsed = true
  const { content } = result
  if (content === null) {
    if (result.key !== null) sameWork(data)
    throw new EngineError(result.reason ?? 'decrypt-failed', 'a layer cannot be opened')
  }
  return { ...result, content }
}

/** What a wrong key left behind is looked at like plaintext: whether it did not open or made no sense must not show in time. */
function sameWork(data: EnvelopedData): void {
  const noise = Buffer.concat(data.encryptedContent)
  try {
    looksLikeEntity(noise, scanMessage(noise))
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
  }
}

/** Opens the layers of a bare CMS object; null when none of them is encrypted. */
function openObject(walk: Walk, info: ContentInfo): Opened | null {
  switch (info.kind) {
    case 'enveloped-data':
    case 'auth-enveloped-data': {
      enter(walk, info.kind === 'enveloped-data' ? 'enveloped' : 'auth-enveloped')
      return openPlaintext(walk, openEnvelope(walk, info).content)
    }
    case 'signed-data': {
      if (info.signers.length === 0) return null
      enter(walk, 'opaque-signed')
      const nested = nestedObject(Buffer.concat(info.content ?? []))
      return around(nested === null ? null : openObject(walk, nested), () => judgeObject(walk, info, true))
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
function openPlaintext(walk: Walk, content: Buffer): Opened {
  const nested = nestedObject(content)
  if (nested !== null) {
    const verdict = nested.kind === 'signed-data' ? judgeObject(walk, nested, true) : null
    return openObject(walk, nested) ?? innermost(content, null, verdict)
  }
  const inside = scanMessage(content)
  return openEntity(walk, content, inside) ?? innermost(content, inside, judge(walk, content, inside, true))
}

function nestedObject(content: Buffer): ContentInfo | null {
  const kind = contentKind(content)
  return kind === null || kind === 'other' ? null : readContentInfo(content)
}

function innermost(plaintext: Buffer, root: MimeNode | null, verdict: Verdict | null): Opened {
  const verified = verdict === null ? null : signedOrNull(verdict)
  return { plaintext, root, verified, signedInside: verified !== null }
}

/** A signature around an encrypted layer counts only where there is none inside. */
function around(opened: Opened | null, verdict: () => Verdict): Opened | null {
  if (opened === null || opened.verified !== null) return opened
  const outside = verdict()
  const reasons: readonly Reason[] = [...outside.reasons, 'signature-outside-encryption']
  return { ...opened, verified: { ...outside, reasons } }
}

function judge(walk: Walk, bytes: Buffer, root: MimeNode, encrypted: boolean): Verdict {
  return judgeEntity(bytes, root, { from: walk.from, encrypted }, walk.options)
}

function judgeObject(walk: Walk, info: ContentInfo & { kind: 'signed-data' }, encrypted: boolean): Verdict {
  return verifyObject(info, { from: null, encrypted }, walk.options)
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

const NOTHING = { entity: null, message: null, protectedHeaders: null } as const

function decrypted(walk: Walk, opened: Opened, message: readonly Buffer[] | null): DecryptResult {
  const { plaintext, root, verified, signedInside } = opened
  const reasons: Reason[] = []
  if (!walk.authenticated && !(signedInside && verified?.status === 'valid'))
    reasons.push('legacy-unauthenticated')
  if (walk.legacy) reasons.push('legacy-cipher')
  if (walk.layers.includes('compressed')) reasons.push('compressed-refused')
  const inside = signedInside ? verified?.protectedHeaders : undefined
  const protectedHeaders = inside ?? (root === null ? null : readProtectedHeaders(plaintext, root))
  return {
    ...facts(walk),
    status: 'decrypted',
    reasons,
    entity: plaintext,
    message,
    protectedHeaders,
    verified,
  }
}

function notEncrypted(walk: Walk, found: readonly Reason[], verified: Verdict | null): DecryptResult {
  const reasons: readonly Reason[] = walk.layers.includes('compressed')
    ? [...found, 'compressed-refused']
    : found
  return { ...facts(walk), ...NOTHING, status: 'not-encrypted', reasons, verified }
}

/** Turns failures into the result `failed`; with one reason once a private key was used. */
function guarded(walk: Walk, run: () => DecryptResult): DecryptResult {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    const reason = walk.keyUsed ? 'decrypt-failed' : error.code
    return { ...facts(walk), ...NOTHING, status: 'failed', reasons: [reason], verified: null }
  }
}
