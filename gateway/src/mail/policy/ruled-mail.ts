/**
 * A mail as rules look at it: its subject, fields and parts as decoded texts. Reads only what a rule asks for; what cannot be read is
 * said to be unknown.
 */
import { fieldsNamed, headerValue, parseParameters, type MimeNode } from '@siegel/engine'
import libmime from 'libmime'
import type { RuledMail } from './rules.ts'
import type { ScannedMessage } from './scanned-message.ts'

/** Parts that are looked at; the scanner allows no more. */
type Known = Pick<RuledMail, 'senders' | 'kind' | 'protection' | 'size'>

/** Makes the view; nothing is decoded before it is asked for. */
export function ruledMail(message: ScannedMessage, known: Known): RuledMail {
  const field = (lower: string): readonly string[] =>
    fieldsNamed(message.fields, lower).map((each) => decoded(headerValue(message.bytes, each)))
  let subject: string | null | undefined
  let parts: RuledMail['parts'] | undefined
  return {
    ...known,
    field,
    get subject() {
      return (subject ??= subjectOf(field('subject')))
    },
    get parts() {
      return (parts ??= message.root === null ? null : partsOf(message.root, message))
    },
  }
}

/** RFC 2047: encoded words as text. What is in a charset that nobody knows stays as it was written. */
function decoded(text: string): string {
  return text.includes('=?') ? libmime.decodeWords(text) : text
}

/** The subject; of several all, since a reader may show any of them. Null when a part of it stays encoded. */
function subjectOf(values: readonly string[]): string | null {
  const text = values.join('\n')
  return /=\?[^?]+\?[bq]\?/i.test(text) ? null : text
}

function partsOf(node: MimeNode, message: ScannedMessage): { type: string; name: string }[] {
  const own = { type: node.type, name: nameOf(node, message).trim().toLowerCase() }
  return [own, ...node.parts.flatMap((part) => partsOf(part, message))]
}

/** The file name: of Content-Disposition, else of Content-Type. RFC 2183 2.3 */
function nameOf(node: MimeNode, { bytes }: ScannedMessage): string {
  const [disposition] = fieldsNamed(node.headers, 'content-disposition')
  const given =
    disposition === undefined
      ? undefined
      : parseParameters(headerValue(bytes, disposition)).params['filename']
  return decoded(given ?? node.params['name'] ?? '')
}
