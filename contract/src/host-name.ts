/**
 * Host names, mail domains and e-mail addresses in the form in which they are kept: lower case, A-labels.
 * Syntax only: whether a name exists is for DNS to say.
 */
import { z } from 'zod'

// RFC 5321 4.1.2: Dot-string; RFC 6531 3.3 adds what is not ASCII.
const DOT_STRING =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u00a0-\u{10ffff}]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u00a0-\u{10ffff}]+)*$/u

const LABEL = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/

/** Whether a text is a host name in A-labels and lower case with at least `least` labels. RFC 1123 2.1, RFC 5890 2.3.1 */
function isHostName(text: string, least: number): boolean {
  if (text.length > 253) return false
  const labels = text.split('.')
  if (labels.length < least || !labels.every((label) => label.length <= 63 && LABEL.test(label))) return false
  return !/^[0-9]+$/.test(labels.at(-1) ?? '')
}

/**
 * Brings a domain into the form in which it is kept: IDN to A-labels (UTS 46), lower case, no dot at the end.
 * @returns null when it is no domain
 */
export function toDomain(text: string): string | null {
  const trimmed = text.endsWith('.') ? text.slice(0, -1) : text
  if (/[^\p{L}\p{M}\p{N}.\-。・]/u.test(trimmed)) return null
  const url = URL.parse(`http://${trimmed}/`)
  if (url === null) return null
  return isHostName(url.hostname, 1) ? url.hostname : null
}

/**
 * Brings an e-mail address into look-up form: domain as A-labels, everything in lower case and normal form C.
 * Quoted local parts are not taken: nobody administers a mailbox by such a name.
 * @returns null when it is no address. RFC 5321 4.1.2, RFC 6531 3.3
 */
export function toLookupAddress(text: string): string | null {
  const at = text.lastIndexOf('@')
  const local = text.slice(0, Math.max(at, 0))
  const domain = toDomain(text.slice(at + 1))
  if (at < 1 || domain === null || new TextEncoder().encode(local).length > 64) return null
  if (!DOT_STRING.test(local)) return null
  // RFC 6532 3.1: the same characters in another normal form are the same address
  return `${local.toLowerCase().normalize('NFC')}@${domain}`
}

/** A field for a full host name: at least two labels; kept in lower case and A-labels. */
export function fqdnField(description: string) {
  return z
    .string()
    .overwrite((text) => toDomain(text) ?? text)
    .refine((text) => isHostName(text, 2), 'must be a full host name such as smime.contoso.com')
    .meta({ description, examples: ['smime.contoso.com'] })
}

/** A field for a mail domain; IDN is kept as A-labels. */
export function domainField(description: string) {
  return z
    .string()
    .overwrite((text) => toDomain(text) ?? text)
    .refine((text) => isHostName(text, 2), 'must be a domain such as contoso.com')
    .meta({ description, examples: ['contoso.com'] })
}

/** A field for an e-mail address, kept in look-up form. */
export function addressField(description: string) {
  return z
    .string()
    .overwrite((text) => toLookupAddress(text) ?? text)
    .refine((text) => toLookupAddress(text) !== null, 'must be an e-mail address')
    .meta({ description, examples: ['alice@contoso.com'] })
}
