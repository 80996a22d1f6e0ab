/**
 * Finds where a domain wants reports about TLS (TLSRPT): the TXT record at `_smtp._tls`. A record that breaks a rule is none. Sends
 * nothing, and takes no address but of a mailbox or of a web server that is written by its name.
 */
import { isHostname } from '../maps/route.ts'
import { isAscii, isMailbox } from '../smtp/address.ts'
import { LookupFailed, type Resolve } from './resolver.ts'

/** Where a report may be sent. */
export type ReportAddress =
  | { readonly kind: 'mail'; readonly mailbox: string }
  /** An https URL without a fragment. */
  | { readonly kind: 'web'; readonly url: string }

const MAX_RECORD = 4096
/** Addresses of a domain that count; what stands behind them is left out. */
const MAX_ADDRESSES = 5
/** RFC 3986 2: unreserved, reserved and encoded characters; RFC 8460 3: without the comma, `!` and `;` */
const URI = /^[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#[\]@$&'()*+=-]|%[0-9A-Fa-f]{2})+$/
const EXTENSION = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}=[\u0021-\u003a\u003c\u003e-\u007e]+$/

/**
 * Asks where a domain, lower case, wants its reports.
 * @returns empty: nowhere, or DNS did not say
 */
export async function findReportAddresses(
  resolve: Resolve,
  domain: string,
): Promise<readonly ReportAddress[]> {
  try {
    return reportAddresses((await resolve(`_smtp._tls.${domain}`, 'TXT')).records)
  } catch (error) {
    if (error instanceof LookupFailed) return []
    throw error
  }
}

/** The addresses by the TXT records of `_smtp._tls`; empty when none, or more than one, is of TLSRPT. RFC 8460 3 */
export function reportAddresses(records: readonly string[]): readonly ReportAddress[] {
  const own = records.filter((text) => text.startsWith('v=TLSRPTv1;'))
  const [record] = own
  if (record === undefined || own.length > 1 || record.length > MAX_RECORD) return []
  const [, ...fields] = record.split(';').map(trimmed)
  // RFC 8460 3: the last field may be followed by a delimiter
  if (fields.at(-1) === '') fields.pop()
  const uris: string[] = []
  for (const field of fields) {
    if (field.startsWith('rua=')) uris.push(...field.slice('rua='.length).split(',').map(trimmed))
    // RFC 8460 3: an unknown field is ignored, but it must be one
    else if (!EXTENSION.test(field)) return []
  }
  if (!uris.every((uri) => URI.test(uri))) return []
  return uris
    .map(addressOf)
    .filter((address) => address !== null)
    .slice(0, MAX_ADDRESSES)
}

/** Only what the grammar calls white space. */
function trimmed(text: string): string {
  return text.replace(/^[ \t]+/, '').replace(/[ \t]+$/, '')
}

/** Null: a URI that no report is sent to. */
function addressOf(uri: string): ReportAddress | null {
  if (/^mailto:/i.test(uri)) return mailboxOf(uri.slice('mailto:'.length))
  return /^https:\/\//i.test(uri) ? webAddressOf(uri) : null
}

/** RFC 6068 2: one mailbox; whoever wrote the record writes no header fields of our mail */
function mailboxOf(encoded: string): ReportAddress | null {
  if (/[?#]/.test(encoded)) return null
  try {
    const mailbox = decodeURIComponent(encoded)
    return isAscii(mailbox) && isMailbox(mailbox) ? { kind: 'mail', mailbox } : null
  } catch (error) {
    if (error instanceof URIError) return null
    throw error
  }
}

function webAddressOf(uri: string): ReportAddress | null {
  const url = URL.parse(uri)
  if (url === null || url.username !== '' || url.password !== '') return null
  if (!isHostname(url.hostname) || !/[a-z]/.test(url.hostname)) return null
  url.hash = ''
  return { kind: 'web', url: url.href }
}
