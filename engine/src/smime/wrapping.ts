/**
 * Says whether what stands around signed content can be read in one way only. Header fields of the message, the delimiters
 * of multipart/signed and the label of its signature part are signed by nobody: whoever carries the mail can write them so
 * that one reader sees the signed content and another one sees something else. Such a mail is never valid.
 */
import { wait } from '../bytes/routine.ts'
import type { Routine } from '../bytes/routine.ts'
import type { ByteView } from '../bytes/source.ts'
import type { MimeDefect, MimeNode } from '../mime/entity.ts'
import { fieldsNamed, headerValue } from '../mime/header.ts'
import { parseParameters } from '../mime/parameters.ts'
import type { Reason } from '../reasons.ts'
import type { Content } from './content.ts'

/** Where other readers come to another structure, or take a transfer encoding that is ignored here. */
const AMBIGUOUS: ReadonlySet<MimeDefect> = new Set<MimeDefect>([
  'duplicate-content-type',
  'duplicate-encoding',
  'duplicate-parameter',
  'encoded-composite',
  'malformed-header',
])

/** Whether a header block can be read in several ways: its own defects, or octets that some readers take for line ends. */
export function isHeaderAmbiguous(node: MimeNode, view: ByteView): boolean {
  if (node.defects.some((defect) => AMBIGUOUS.has(defect))) return true
  const header = view.subarray(node.start, node.bodyStart)
  if (header.includes(0)) return true
  for (let at = header.indexOf(0x0d); at !== -1; at = header.indexOf(0x0d, at + 1))
    if (header[at + 1] !== 0x0a) return true
  return false
}

/** What is wrong with the wrapping of a multipart/signed with two parts; null when nothing is. */
export function* clearSignedFault(content: Content, node: MimeNode, view: ByteView): Routine<Reason | null> {
  const [field] = fieldsNamed(node.headers, 'content-type')
  if (field === undefined || !isPlainlyWritten(headerValue(view, field))) return 'header-ambiguous'
  const signature = node.parts[1]
  if (signature === undefined || !isSignatureLabel(signature, view)) return 'multipart-signed-malformed'
  const boundary = node.params['boundary'] ?? ''
  const clean = yield* wait(content.hasPlainDelimiters(node, Buffer.from(`--${boundary}`, 'latin1')))
  return clean ? null : 'multipart-signed-malformed'
}

/** RFC 2045 5.1: parameters with `;` between them, each a token or a quoted string (quotes may be missing around specials). */
const PLAIN =
  /^[^\s;"()\\]+[ \t]*(?:;[ \t]*(?:[^\s;="()\\]+[ \t]*=[ \t]*(?:(?:"(?:[^"\\]|\\.)*"|[^\s;"'()\\][^\s;"()\\]*)[ \t]*)?)?)*$/
/** A boundary that not every reader would unquote, or decode (RFC 2231), in the same way. */
const DOUBTFUL_BOUNDARY = /;[ \t]*boundary(?:\*|[ \t]*=[ \t]*"[^"]*\\)/i

function isPlainlyWritten(value: string): boolean {
  return /^[\t -~]*$/.test(value) && PLAIN.test(value) && !DOUBTFUL_BOUNDARY.test(value)
}

/** Types under which signatures travel (RFC 8551 3.5.3.1); gateways of old turn unknown ones into octets. */
const SIGNATURE_TYPE = /^application\/(?:(?:x-)?pkcs7-(?:signature|mime)|octet-stream)$/
const SIGNATURE_NAME = /\.p7[smcz]$/i

/**
 * Whether a part is labelled as a signature. SignedData has room for things that nobody signs; under another label they would
 * be shown or offered as a document of the signer's.
 */
function isSignatureLabel(node: MimeNode, view: ByteView): boolean {
  if (!SIGNATURE_TYPE.test(node.type) || isHeaderAmbiguous(node, view)) return false
  const names = fieldsNamed(node.headers, 'content-disposition').map(
    (field) => parseParameters(headerValue(view, field)).params['filename'],
  )
  return [node.params['name'], ...names].every((name) => name === undefined || SIGNATURE_NAME.test(name))
}
