/**
 * Says what kind of S/MIME entity a MIME entity is: by its content type, its smime-type, its file name, and a look at the
 * first octets of the CMS object, which have the last word. Decodes a few octets only.
 */
import type { ByteView } from '../bytes/source.ts'
import { contentKind } from '../cms/content-info.ts'
import type { ContentKind } from '../cms/content-info.ts'
import { decodeBody } from '../mime/decode.ts'
import { BODY_GLIMPSE } from '../mime/entity.ts'
import type { MimeNode } from '../mime/entity.ts'
import { fieldsNamed, headerValue } from '../mime/header.ts'
import { parseParameters } from '../mime/parameters.ts'

/** The kinds of S/MIME entities (RFC 8551 3). */
export type SmimeKind =
  'clear-signed' | 'opaque-signed' | 'enveloped' | 'auth-enveloped' | 'certs-only' | 'compressed'

const PKCS7_MIME = /^application\/(?:x-)?pkcs7-mime$/
const PKCS7_SIGNATURE = /^application\/(?:x-)?pkcs7-signature$/
/** Types that say nothing of the content. Under any other one a reader would show the object, or offer it as a document. */
const ANY_OCTETS =
  /^application\/(?:octet-?stream|(?:x-)?(?:binary|octet-stream|download|force-download|unknown|pkcs7|smime|pkcs12|msdownload))$/
const FILE_NAME = /\.p7[mcz]$/i

/** RFC 8551 3.2.2; compared without regard to case, since clients write `authEnveloped-data` and worse. */
const BY_SMIME_TYPE: ReadonlyMap<string, SmimeKind> = new Map([
  ['signed-data', 'opaque-signed'],
  ['enveloped-data', 'enveloped'],
  ['authenveloped-data', 'auth-enveloped'],
  ['auth-enveloped-data', 'auth-enveloped'],
  ['certs-only', 'certs-only'],
  ['compressed-data', 'compressed'],
] as const)

/**
 * The kind of an entity; null when it is no S/MIME entity.
 * @param node - the entity
 * @param bytes - what was scanned, or what is kept of it
 */
export function smimeKind(node: MimeNode, bytes: ByteView): SmimeKind | null {
  if (node.type === 'multipart/signed') return isClearSigned(node) ? 'clear-signed' : null
  const declared = PKCS7_MIME.test(node.type)
  if (!declared && !isNamed(node, bytes)) return null
  const smimeType = BY_SMIME_TYPE.get((node.params['smime-type'] ?? '').toLowerCase()) ?? null
  switch (glimpseOf(node, bytes)) {
    case 'signed-data':
      return smimeType === 'certs-only' ? 'certs-only' : 'opaque-signed'
    case 'enveloped-data':
      return 'enveloped'
    case 'auth-enveloped-data':
      return 'auth-enveloped'
    case 'compressed-data':
      return 'compressed'
    case 'data':
    case 'other':
      return null
    case null:
      // Damaged beyond recognition: a declared type still says what it was meant to be.
      return declared ? smimeType : null
  }
}

/**
 * Whether the body of an entity begins as a CMS object, whatever its content type says.
 * @param node - the entity
 * @param bytes - what was scanned, or what is kept of it
 */
export function carriesCms(node: MimeNode, bytes: ByteView): boolean {
  return glimpseOf(node, bytes) !== null
}

function glimpseOf(node: MimeNode, bytes: ByteView): ContentKind | null {
  return contentKind(decodeBody(bytes, node, BODY_GLIMPSE))
}

/** Whether a part is the signature of a multipart/signed. */
function isSignaturePart(node: MimeNode): boolean {
  return PKCS7_SIGNATURE.test(node.type)
}

/** RFC 8551 3.5.3: multipart/signed says its protocol; where it does not, its second part does. */
function isClearSigned(node: MimeNode): boolean {
  const protocol = node.params['protocol']
  if (protocol !== undefined) return PKCS7_SIGNATURE.test(protocol.toLowerCase())
  const second = node.parts[1]
  return second !== undefined && isSignaturePart(second)
}

/** RFC 8551 3.2.1: the file name tells where the content type does not. */
function isNamed(node: MimeNode, bytes: ByteView): boolean {
  if (!ANY_OCTETS.test(node.type)) return false
  if (FILE_NAME.test(node.params['name'] ?? '')) return true
  const [disposition] = fieldsNamed(node.headers, 'content-disposition')
  if (disposition === undefined) return false
  return FILE_NAME.test(parseParameters(headerValue(bytes, disposition)).params['filename'] ?? '')
}
