/**
 * What verifying and decrypting look at: content that is in memory, or is read in chunks. Both answer the same questions with
 * the same answers; what is made of the answers stands in verify.ts and decrypt.ts, once.
 */
import { joined } from '../bytes/joined.ts'
import type { Maybe } from '../bytes/routine.ts'
import type { Digest } from '../cms/algorithms.ts'
import { contentKind, readContentInfo } from '../cms/content-info.ts'
import type { ContentInfo, ContentKind } from '../cms/content-info.ts'
import { decryptContent } from '../cms/decrypt.ts'
import type { Decrypted, DecryptOptions } from '../cms/decrypt.ts'
import type { EnvelopedData } from '../cms/enveloped-data.ts'
import type { DecryptionKey } from '../cms/recipient-info.ts'
import { contentInMemory } from '../cms/verify.ts'
import type { SignedContent } from '../cms/verify.ts'
import { EngineError } from '../errors.ts'
import { withCarriageReturns, withLineFeeds } from '../mime/canonical.ts'
import { decodeBody } from '../mime/decode.ts'
import type { MimeNode } from '../mime/entity.ts'
import { PlainDelimiters } from '../mime/plain-delimiters.ts'
import { scanMessage } from '../mime/scan.ts'
import type { Scanned } from '../mime/scan.ts'
import { looksLikeEntity } from './plausible.ts'

/** What is wanted of content that is signed. */
export interface WantedForms {
  /** Digests that will be asked for. */
  readonly digests: readonly Digest[]
  /** The content itself will be asked for. */
  readonly whole: boolean
  /**
   * Text that may have been signed with other line ends than it came with: with the canonical ones (RFC 8551 3.1.1), or with LF
   * by producers that sign their own lines and whose mail became CRLF on the way.
   */
  readonly text: boolean
}

/** One layer after it was decrypted, or was not. */
export type DecryptedLayer = Omit<Decrypted, 'content'> & { readonly content: Content | null }

/** A CMS object that was read. */
export interface CmsObject {
  readonly info: ContentInfo
  /** The content that is inside; null when there is none. */
  content(): Content | null
  /** Decrypts it, when it is encrypted. */
  decrypt(data: EnvelopedData, keys: readonly DecryptionKey[], options: DecryptOptions): Maybe<DecryptedLayer>
}

/** Bytes that can be looked at again and again. */
export interface Content {
  scan(): Maybe<Scanned>
  /** The octets of an entity, as a signature covers them. */
  entity(node: MimeNode): Content
  /** The body of an entity without its transfer encoding. */
  body(node: MimeNode): Content
  /** What kind of CMS object it begins. */
  kind(): Maybe<ContentKind | null>
  /** Reads it as a CMS object. */
  read(): Maybe<CmsObject>
  /** Whether a delimiter stands in the body of an entity where it should, and nowhere else. */
  hasPlainDelimiters(node: MimeNode, delimiter: Buffer): Maybe<boolean>
  /** The forms it may have been signed in, best first. */
  forms(wanted: WantedForms): Maybe<readonly SignedContent[]>
  /** Whether it can be a MIME entity; `scanned` is what scanning it gave. */
  looksLikeEntity(scanned: Scanned): Maybe<boolean>
}

/** Content in memory. */
export class MemoryContent implements Content {
  readonly bytes: Buffer

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  scan(): Scanned {
    return { root: scanMessage(this.bytes), view: this.bytes }
  }

  entity(node: MimeNode): MemoryContent {
    return new MemoryContent(this.bytes.subarray(node.start, node.end))
  }

  body(node: MimeNode): MemoryContent {
    return new MemoryContent(decodeBody(this.bytes, node))
  }

  kind(): ContentKind | null {
    return contentKind(this.bytes)
  }

  read(): CmsObject {
    const info = readContentInfo(this.bytes)
    return {
      info,
      content: () => {
        const pieces = 'content' in info ? info.content : null
        return pieces === null ? null : new MemoryContent(joined(pieces))
      },
      decrypt: (data, keys, options) => {
        const result = decryptContent(data, keys, options)
        if (result.content === null && result.key !== null) sameWork(data)
        return { ...result, content: result.content === null ? null : new MemoryContent(result.content) }
      },
    }
  }

  hasPlainDelimiters({ bodyStart, end }: MimeNode, delimiter: Buffer): boolean {
    const check = new PlainDelimiters(delimiter)
    return check.add(this.bytes.subarray(bodyStart, end)) && check.end()
  }

  forms({ text }: WantedForms): readonly SignedContent[] {
    const asIs = contentInMemory([this.bytes])
    if (!text) return [asIs]
    // Nearly all mail was signed as it came: the other forms are made only when that one does not fit.
    const canonical = contentLater(() => withCarriageReturns(this.bytes))
    return [asIs, canonical, contentLater(() => withLineFeeds(canonical.whole()))]
  }

  looksLikeEntity({ root }: Scanned): boolean {
    return looksLikeEntity(this.bytes, root)
  }
}

/** Content that is made when it is asked for, which is hardly ever. */
function contentLater(make: () => Buffer): SignedContent {
  let made: SignedContent | null = null
  const content = (): SignedContent => (made ??= contentInMemory([make()]))
  return { digest: (digest) => content().digest(digest), whole: () => content().whole() }
}

/** What a wrong key left behind is looked at like plaintext: whether it did not open or made no sense must not show in time. */
function sameWork(data: EnvelopedData): void {
  const noise = joined(data.encryptedContent)
  try {
    looksLikeEntity(noise, scanMessage(noise))
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
  }
}
