/**
 * A mail as rules look at it: its subject, fields and parts as searchable texts. Reads only what a rule asks for, and that once; what
 * cannot be read, or is too long to be read, is said to be unknown.
 */
import { fieldsNamed, headerValue, parseParameters, type MimeNode } from '@siegel/engine'
import libmime from 'libmime'
import { searchable, type RuledMail } from './rules.ts'
import type { ScannedMessage } from './scanned-message.ts'

/** What is known of the mail already. */
type Known = Pick<RuledMail, 'senders' | 'kind' | 'protection' | 'size'> & {
  /** The envelope has no sender. */
  readonly nullSender: boolean
  /** Left out: there is no directory. */
  readonly groups?: RuledMail['groups']
}

/** Characters of all fields of one name together that are decoded; no honest field comes near. */
const LONGEST = 32_768

/** Makes the view. */
export function ruledMail(
  message: ScannedMessage,
  { nullSender, groups = null, ...known }: Known,
): RuledMail {
  const fields = new Map<string, readonly string[] | null>()
  const field = (lower: string): readonly string[] | null => {
    let values = fields.get(lower)
    if (values === undefined) fields.set(lower, (values = valuesOf(message, lower)))
    return values
  }
  let knownParts: RuledMail['parts'] | undefined
  const parts = (): RuledMail['parts'] =>
    (knownParts ??= message.root === null ? null : partsOf(message.root, message))
  return {
    ...known,
    groups,
    field,
    isAlso: (kind) => {
      switch (kind) {
        case 'null-sender':
          return nullSender
        case 'list':
          return isList(field)
        case 'automatic':
          return isAutomatic(field('auto-submitted'))
        case 'tnef':
          return parts()?.some(isTnef) ?? null
        default:
          return false
      }
    },
    get subject() {
      return subjectOf(field('subject'))
    },
    get parts() {
      return parts()
    },
  }
}

/** RFC 2919 3: List-Id. RFC 3834 2 names what older lists say in Precedence. */
function isList(field: RuledMail['field']): boolean | null {
  const [id, precedence] = [field('list-id'), field('precedence')]
  if ((id?.length ?? 0) > 0) return true
  if (precedence?.some((value) => /^\s*(?:list|bulk)\s*$/.test(value)) === true) return true
  return id === null || precedence === null ? null : false
}

/** RFC 3834 5: whatever it says but "no", a human did not send it. */
function isAutomatic(values: readonly string[] | null): boolean | null {
  return values?.some((value) => !/^\s*no\s*(?:;|\(|$)/.test(value)) ?? null
}

/** Outlook's own form; a gateway may have changed its type, and then the name tells. */
function isTnef({ type, name }: { readonly type: string; readonly name: string }): boolean {
  return type === 'application/ms-tnef' || type === 'application/vnd.ms-tnef' || name === 'winmail.dat'
}

function valuesOf(message: ScannedMessage, lower: string): readonly string[] | null {
  const values = fieldsNamed(message.fields, lower).map((each) => headerValue(message.bytes, each))
  const length = values.reduce((sum, value) => sum + value.length, 0)
  return length > LONGEST ? null : values.map(decoded)
}

/** RFC 2047: encoded words as text. What is in a charset that nobody knows stays as it was written. */
function decoded(text: string): string {
  return searchable(text.includes('=?') ? libmime.decodeWords(text) : text)
}

/** The subject; of several all, since a reader may show any of them. Null when a part of it stays encoded. */
function subjectOf(values: readonly string[] | null): string | null {
  const text = values?.join('\n') ?? null
  return text === null || /=\?[^?]+\?[bq]\?/.test(text) ? null : text
}

function partsOf(node: MimeNode, message: ScannedMessage): { type: string; name: string }[] {
  const own = { type: node.type, name: nameOf(node, message).trim() }
  return [own, ...node.parts.flatMap((part) => partsOf(part, message))]
}

/** The file name: of Content-Disposition, else of Content-Type. RFC 2183 2.3 */
function nameOf(node: MimeNode, { bytes }: ScannedMessage): string {
  const [disposition] = fieldsNamed(node.headers, 'content-disposition')
  const given =
    disposition === undefined
      ? undefined
      : parseParameters(headerValue(bytes, disposition)).params['filename']
  const name = given ?? node.params['name'] ?? ''
  // A name that ends is told by its end.
  return decoded(name.slice(-LONGEST))
}
