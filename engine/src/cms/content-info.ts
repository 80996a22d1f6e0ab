/**
 * The outer envelope of every CMS object (RFC 5652 3): says what it is and reads it, as BER or DER.
 * CompressedData is recognised and never expanded; unknown types are named and left alone.
 */
import { octetChunks, toOid } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag, readPrefix } from '../der/reader.ts'
import { readAuthEnvelopedData, readEnvelopedData } from './enveloped-data.ts'
import type { EnvelopedData } from './enveloped-data.ts'
import { readSignedData } from './signed-data.ts'
import type { SignedData } from './signed-data.ts'

/** A CMS object, by kind. */
export type ContentInfo =
  | SignedData
  | EnvelopedData
  | {
      /** Which form it is. */
      readonly kind: 'compressed-data'
    }
  | {
      /** Which form it is. */
      readonly kind: 'data'
      /** The octets, in pieces. */
      readonly content: readonly Buffer[]
    }
  | {
      /** Which form it is. */
      readonly kind: 'other'
      /** Dotted. */
      readonly contentType: string
    }

/** What a CMS object is, by its first octets. */
export type ContentKind = ContentInfo['kind']

const KINDS: ReadonlyMap<string, Exclude<ContentKind, 'other'>> = new Map([
  [Oid.idData, 'data'],
  [Oid.idSignedData, 'signed-data'],
  [Oid.idEnvelopedData, 'enveloped-data'],
  [Oid.idCtAuthEnvelopedData, 'auth-enveloped-data'],
  [Oid.idCtCompressedData, 'compressed-data'],
] as const)

/**
 * Reads a CMS object. Octets after its end are ignored: some mailers pad the attachment, and they are part of nothing.
 * @throws EngineError `asn1-malformed`, `asn1-too-deep`, `asn1-too-many`, `cms-malformed` and those of the content type
 */
export function readContentInfo(bytes: Buffer): ContentInfo {
  const outer = new Cursor(readPrefix(bytes, { ber: true }))
  const contentType = toOid(outer.universal(Tag.oid, 'contentType'))
  const kind = contentKindOf(contentType)
  if (kind === 'other') return { kind, contentType }
  if (kind === 'compressed-data') return { kind }
  const wrapped = outer.next('content')
  outer.done('ContentInfo')
  const inner = new Cursor(wrapped)
  const content = inner.next('content')
  inner.done('content')
  switch (kind) {
    case 'data':
      return { kind, content: octetChunks(content) }
    case 'signed-data':
      return readSignedData(content)
    case 'enveloped-data':
      return readEnvelopedData(content)
    case 'auth-enveloped-data':
      return readAuthEnvelopedData(content)
  }
}

/** What kind of CMS object a content type stands for. */
export function contentKindOf(contentType: string): ContentKind {
  return KINDS.get(contentType) ?? 'other'
}

/** Longest run of octets before the content type ends. */
const PREFIX = 2 + 8 + 2 + 16

/**
 * What kind of CMS object these octets begin, from the first few of them only; null when they begin none. Content types
 * that are CMS and not handled give `other`.
 */
export function contentKind(bytes: Buffer): ContentKind | null {
  const start = bytes.subarray(0, PREFIX)
  if (start[0] !== 0x30) return null
  const length = start[1] ?? 0
  const at = length > 0x80 ? 2 + (length & 0x7f) : 2
  if (start[at] !== 0x06) return null
  const size = start[at + 1] ?? 0
  if (size === 0 || size > 16 || start.length < at + 2 + size) return null
  const oid = toOid(readPrefix(start.subarray(at), { ber: true }))
  const known = KINDS.get(oid)
  return (
    known ??
    (oid.startsWith('1.2.840.113549.1.7.') || oid.startsWith('1.2.840.113549.1.9.16.1.') ? 'other' : null)
  )
}
