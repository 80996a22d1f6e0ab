/**
 * Names of the header fields that Siegel and the tenant's rules stamp: their syntax, and which names are taken by others.
 */
import { z } from 'zod'

/** Fields that already mean something in mail; a stamp in one of them would damage it. Lower case. */
const TAKEN = new Set([
  'apparently-to', 'authentication-results', 'auto-submitted', 'autocrypt', 'bcc', 'cc', 'comments', 'date',
  'delivered-to', 'disposition-notification-to', 'dkim-signature', 'domainkey-signature', 'encoding', 'encrypted',
  'envelope-to', 'errors-to', 'expires', 'expiry-date', 'feedback-id', 'from', 'hp-outer', 'importance', 'in-reply-to',
  'keywords', 'language', 'message-id', 'mime-version', 'organization', 'original-recipient', 'precedence', 'priority',
  'received', 'received-spf', 'references', 'reply-by', 'reply-to', 'require-recipient-valid-since', 'return-path',
  'return-receipt-to', 'sender', 'sensitivity', 'solicitation', 'subject', 'supersedes', 'thread-index', 'thread-topic',
  'tls-report-domain', 'tls-report-submitter', 'tls-required', 'to', 'user-agent', 'x-mailer',
  'x-organizationheaderspreserved', 'x-originating-ip', 'x-originatororg', 'x-priority', 'x-siegel-pass',
]) // prettier-ignore

/** Families of fields that belong to others. Lower case. */
const TAKEN_PREFIXES = [
  'arc-',
  'bimi-',
  'content-',
  'dl-',
  'list-',
  'mmhs-',
  'resent-',
  'x-microsoft-',
  'x-ms-',
]

/**
 * Says what is wrong with a name for a stamped field; null when nothing is. RFC 5322 2.2, RFC 5322 3.6.8
 */
export function headerNameFlaw(text: string): string | null {
  if (!/^[\x21-\x39\x3b-\x7e]{1,76}$/.test(text))
    return 'must be a header field name: visible ASCII without a colon'
  // Mail-flow rules take such names without quoting.
  if (!/^[A-Za-z0-9-]+$/.test(text)) return 'may hold only letters, digits and hyphens'
  const lower = text.toLowerCase()
  if (TAKEN.has(lower) || TAKEN_PREFIXES.some((prefix) => lower.startsWith(prefix)))
    return 'must not be a field that others use; take one such as X-Contoso-Siegel'
  return null
}

/** A field for the name of a stamped header field. */
export function headerNameField(description: string) {
  return z
    .string()
    .superRefine((text, context) => {
      const message = headerNameFlaw(text)
      if (message !== null) context.addIssue({ code: 'custom', message })
    })
    .meta({ description })
}
