/**
 * Which mail addresses a certificate stands for (RFC 8550 3, RFC 9598). Only strict addr-specs count: a text that some
 * program could trim, unquote or cut into another person's address is refused, not repaired (CVE-2026-2748).
 */
import { EngineError } from '../errors.ts'
import { toText } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Tag } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { hasNonAscii, lowerAscii, parseAddrSpec } from './address.ts'
import type { GeneralName } from './general-name.ts'
import type { Name } from './name.ts'

/** What became of the mail addresses in a certificate. */
export interface CertificateEmails {
  /** Strict addr-specs, without repetition, as they stand. */
  readonly accepted: readonly string[]
  /** What stood in the place of an address and is none. For the operator; never to be compared. */
  readonly refused: readonly string[]
}

/** The addresses of subjectAltName, or of the subject if subjectAltName has no mail address. */
export function certificateEmails(names: readonly GeneralName[] | null, subject: Name): CertificateEmails {
  const accepted = new Map<string, string>()
  const refused: string[] = []
  const take = (text: string | null, good: (text: string) => boolean): void => {
    if (text !== null && good(text)) accepted.set(lowerAscii(text), text)
    else refused.push(text ?? '')
  }
  for (const name of names ?? []) {
    if (name.kind === 'email') take(name.text, isAsciiAddress)
    else if (name.kind === 'other' && name.oid === Oid.idOnSmtpUtf8Mailbox)
      take(smtpUtf8(name.value), isUtf8Address)
  }
  // RFC 8550 3: the subject's emailAddress is the old place and counts only without the new one
  if (accepted.size === 0 && refused.length === 0)
    for (const attribute of subject.attributes)
      if (attribute.oid === Oid.idEmailAddress) take(attribute.text, isAsciiAddress)
  return { accepted: [...accepted.values()], refused }
}

function isAsciiAddress(text: string): boolean {
  return !hasNonAscii(text) && parseAddrSpec(text) !== null
}

/** RFC 9598 3: only for local parts beyond ASCII, with the domain in A-labels. */
function isUtf8Address(text: string): boolean {
  const at = text.lastIndexOf('@')
  return hasNonAscii(text.slice(0, at)) && !hasNonAscii(text.slice(at)) && parseAddrSpec(text) !== null
}

function smtpUtf8(value: Element): string | null {
  if (!value.is(0, Tag.utf8String)) return null
  try {
    return toText(value)
  } catch (error) {
    if (error instanceof EngineError) return null
    throw error
  }
}
