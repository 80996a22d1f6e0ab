/**
 * What Exchange Online stamped when a mail entered it: the top Authentication-Results field in Exchange's own form, above every
 * hop that is not Exchange's. Whoever sent the mail may have put others below; nothing is taken from there.
 */
import { headerValue, type HeaderField } from '@siegel/engine'
import type { ExaminedMail } from '../mail/authentication.ts'

/** Longest value that is quoted, in characters. */
const LONGEST = 4096

/** Exchange writes no authserv-id: the value begins with a method. */
const RESULTS = /^(spf|dkim|dmarc|arc|compauth)\s*=\s*[a-z]+\b/i

/** Host names of Exchange Online. */
const EXCHANGE_HOST = /(^|\.)(outlook\.com|office365\.us|outlook\.cn)$/

/** The list of results, unfolded; null when Exchange stamped none, or what it stamped cannot be quoted. */
export function stampedResults({ bytes, fields, removed }: ExaminedMail): string | null {
  for (const [index, field] of fields.entries()) {
    if (field.lower === 'received' && !isExchangeHop(headerValue(bytes, field))) return null
    if (field.lower === 'authentication-results' && !removed.has(index)) return quotable(bytes, field)
  }
  return null
}

function quotable(bytes: ExaminedMail['bytes'], field: HeaderField): string | null {
  const value = headerValue(bytes, field).replaceAll(/\s+/g, ' ').replace(/;\s*$/, '').trim()
  if (value.length > LONGEST || !RESULTS.test(value)) return null
  // RFC 8617 4.1.1: what is quoted stands in a header of ours
  return /^[\x20-\x7e]+$/.test(value) ? value : null
}

/** Whether a Received field was written by a host of Exchange Online. RFC 5321 4.4 */
function isExchangeHop(value: string): boolean {
  const [, by = ''] = /(?:^|\s)by\s+([^\s;()]+)/i.exec(value.replaceAll(/\([^()]*\)/g, ' ')) ?? []
  return EXCHANGE_HOST.test(by.toLowerCase().replace(/\.$/, ''))
}
