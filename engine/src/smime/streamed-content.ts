/**
 * Content that is read in chunks, as often as it is looked at. Nothing of it is held but headers, keys, certificates and the
 * like, all bounded. Plaintext goes where the caller says and is not looked at before it is known to be good.
 */
import type { ByteSource, ByteStream } from '../bytes/source.ts'
import { rangeOf, readStart, release, streamOf } from '../bytes/source.ts'
import { startDigest } from '../cms/algorithms.ts'
import type { Digest } from '../cms/algorithms.ts'
import { startDecryption } from '../cms/content-encryption.ts'
import type { Decryption } from '../cms/content-encryption.ts'
import { contentKind } from '../cms/content-info.ts'
import type { ContentKind } from '../cms/content-info.ts'
import { readContentInfoStream } from '../cms/content-info-stream.ts'
import { additionalData, failure, success, unlock } from '../cms/decrypt.ts'
import type { DecryptOptions, Unlocked } from '../cms/decrypt.ts'
import type { EnvelopedData } from '../cms/enveloped-data.ts'
import type { DecryptionKey } from '../cms/recipient-info.ts'
import type { SignedContent } from '../cms/verify.ts'
import { EngineError } from '../errors.ts'
import { withCarriageReturns, withLineFeeds } from '../mime/canonical.ts'
import type { MimeNode } from '../mime/entity.ts'
import { textPieces } from '../mime/lines.ts'
import { PlainDelimiters } from '../mime/plain-delimiters.ts'
import { decodedBase64Chunks, decodedQuotedPrintableChunks } from '../mime/recode.ts'
import { scanStream } from '../mime/scan.ts'
import type { Scanned } from '../mime/scan.ts'
import type { CmsObject, Content, DecryptedLayer, WantedForms } from './content.ts'
import { streamLooksLikeEntity } from './plausible.ts'

/** Where plaintext waits until it is known to be good; the caller makes it. */
export interface TemporaryStore {
  /** A new one, empty. */
  create(): Promise<Temporary>
}

/** One plaintext. */
export interface Temporary {
  /** Takes a chunk, which is good until the promise resolves, or until it returns when there is none. */
  write(chunk: Buffer): Promise<void> | undefined
  /** Nothing follows: what was written can be read until it is discarded. */
  finish(): Promise<ByteSource>
  /** Erases it, finished or not. Does nothing the second time. */
  discard(): Promise<void>
}

/** Content of a signer without signed attributes is held up to this size. */
const MOST_HELD = 16_777_216

/** Content that is not in memory. */
export class StreamedContent implements Content {
  readonly stream: ByteStream
  readonly #length: number | null
  readonly #store: TemporaryStore | null

  /**
   * @param length - null when it is not known
   * @param store - where plaintext goes; null when nothing will be decrypted
   */
  constructor(stream: ByteStream, length: number | null, store: TemporaryStore | null) {
    this.stream = stream
    this.#length = length
    this.#store = store
  }

  scan(): Promise<Scanned> {
    return scanStream(this.stream, this.#length)
  }

  entity(node: MimeNode): StreamedContent {
    const { start, end } = node
    return new StreamedContent(rangeOf(this.stream, start, end), end - start, this.#store)
  }

  body(node: MimeNode): StreamedContent {
    const { bodyStart, end } = node
    const { stream } = this
    const decoded = (decode: (chunks: AsyncIterable<Buffer>) => AsyncIterable<Buffer>) =>
      new StreamedContent(
        streamOf(() => decode(stream.chunks(bodyStart, end))),
        null,
        this.#store,
      )
    // RFC 2045 6.4: a multipart has no encoding of its own
    if (!node.type.startsWith('multipart/')) {
      if (node.encoding === 'base64') return decoded(decodedBase64Chunks)
      if (node.encoding === 'quoted-printable') return decoded(decodedQuotedPrintableChunks)
    }
    return new StreamedContent(rangeOf(stream, bodyStart, end), end - bodyStart, this.#store)
  }

  async kind(): Promise<ContentKind | null> {
    return contentKind(await readStart(this.stream, 64))
  }

  async read(): Promise<CmsObject> {
    const { info, content } = await readContentInfoStream(this.stream)
    const store = this.#store
    return {
      info,
      content: () => (content === null ? null : new StreamedContent(content, null, store)),
      decrypt: (data, keys, options) => decryptLayer(data, content, keys, options, store),
    }
  }

  async hasPlainDelimiters({ bodyStart, end }: MimeNode, delimiter: Buffer): Promise<boolean> {
    const check = new PlainDelimiters(delimiter)
    for await (const chunk of this.stream.chunks(bodyStart, end)) if (!check.add(chunk)) return false
    return check.end()
  }

  async forms({ digests, whole, text }: WantedForms): Promise<readonly SignedContent[]> {
    const asIs = new StreamedForm(digests, whole)
    const unix = text ? new StreamedForm(digests, whole) : null
    let canonical: StreamedForm | null = null
    let room: Buffer = Buffer.alloc(0)
    for await (const { bytes, end } of textPieces(this.stream.chunks())) {
      const piece = bytes.subarray(0, end)
      const changed = text ? withCarriageReturns(piece) : piece
      // Up to here they are the same.
      if (changed !== piece) canonical ??= asIs.copy()
      asIs.add(piece)
      canonical?.add(changed)
      if (unix === null) continue
      if (room.length < changed.length) room = Buffer.allocUnsafeSlow(changed.length)
      unix.add(withLineFeeds(changed, room))
    }
    return [asIs, canonical, unix].filter((form) => form !== null)
  }

  looksLikeEntity(scanned: Scanned): Promise<boolean> {
    return streamLooksLikeEntity(this.stream, scanned)
  }
}

/** Content that passed by once. */
class StreamedForm implements SignedContent {
  readonly #hashes: Map<string, ReturnType<typeof startDigest>>
  readonly #values = new Map<string, Buffer>()
  /** null when it need not or cannot be held. */
  #pieces: Buffer[] | null
  #length = 0

  constructor(digests: readonly Digest[], whole: boolean) {
    this.#hashes = new Map(digests.map((digest) => [digest.oid, startDigest(digest)]))
    this.#pieces = whole ? [] : null
  }

  copy(): StreamedForm {
    const copy = new StreamedForm([], this.#pieces !== null)
    for (const [oid, hash] of this.#hashes) copy.#hashes.set(oid, hash.copy())
    copy.#pieces = this.#pieces === null ? null : [...this.#pieces]
    copy.#length = this.#length
    return copy
  }

  add(piece: Buffer): void {
    for (const hash of this.#hashes.values()) hash.update(piece)
    this.#length += piece.length
    if (this.#length > MOST_HELD) this.#pieces = null
    this.#pieces?.push(Buffer.from(piece))
  }

  digest(digest: Digest): Buffer {
    const known = this.#values.get(digest.oid)
    if (known !== undefined) return known
    const value = this.#hashes.get(digest.oid)?.digest()
    if (value === undefined) throw new TypeError(`no ${digest.name} digest was prepared`)
    this.#values.set(digest.oid, value)
    return value
  }

  whole(): Buffer {
    if (this.#pieces === null)
      throw new EngineError('content-too-large', `more than ${MOST_HELD} octets signed without attributes`)
    return Buffer.concat(this.#pieces)
  }
}

async function decryptLayer(
  data: EnvelopedData,
  ciphertext: ByteSource | null,
  keys: readonly DecryptionKey[],
  options: DecryptOptions,
  store: TemporaryStore | null,
): Promise<DecryptedLayer> {
  if (store === null) throw new TypeError('nowhere to put plaintext')
  const unlocked = unlock(data, keys, options, ciphertext?.length ?? 0)
  if ('reason' in unlocked) return { ...unlocked, content: null }
  const temporary = await store.create()
  let source: ByteSource | null = null
  try {
    const good = await decryptInto(temporary, data, ciphertext, unlocked)
    if (good && !unlocked.hopeless) source = await temporary.finish()
  } catch (error) {
    // Ciphertext that cannot be read to its end is one more failure with a private key.
    if (!(error instanceof EngineError)) throw error
  } finally {
    if (source === null) await temporary.discard()
  }
  if (source === null) return { ...failure('decrypt-failed', unlocked.facts), content: null }
  return { ...success(unlocked.facts), content: new StreamedContent(source, source.length, store) }
}

/** Decrypts all of it, right or wrong; says whether padding or tag were right. */
async function decryptInto(
  temporary: Temporary,
  data: EnvelopedData,
  ciphertext: ByteSource | null,
  { encryption, contentKey }: Unlocked,
): Promise<boolean> {
  const decryption = attempt(() =>
    startDecryption(encryption, contentKey, additionalData(data), data.mac, ciphertext?.length ?? 0),
  )
  if (decryption === null) return false
  if (ciphertext !== null)
    for await (const chunk of ciphertext.chunks()) {
      const plain = attempt(() => decryption.update(chunk))
      if (plain === null) return false
      if (plain.length > 0) await temporary.write(plain)
      release(plain)
    }
  const last = attempt(() => decryption.final())
  if (last === null) return false
  if (last.length > 0) await temporary.write(last)
  return true
}

/** Nothing may tell one failure of the provider from another after the private key was used. */
function attempt<T extends Decryption | Buffer>(run: () => T): T | null {
  try {
    return run()
  } catch {
    return null
  }
}
