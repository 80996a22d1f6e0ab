/**
 * Which name of a certificate satisfies what was asked for. A `*` in a certificate is a whole leftmost label and stands for
 * exactly one; `.suffix` stands for any subdomain, as in Postfix; an address is only matched by an address. Pure.
 */
import type { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'

/** RFC 9525 6.3: a wildcard is the whole leftmost label and stands for one label (docs/decisions/0005) */
const NAME_RULES = { multiLabelWildcards: false, partialWildcards: false, subject: 'default' } as const

/** The first pattern that the certificate satisfies, as the name in the certificate; undefined for none. */
export function matchName(certificate: X509Certificate, patterns: readonly string[]): string | undefined {
  for (const pattern of patterns) {
    const found =
      isIP(pattern) === 0 ? certificate.checkHost(pattern, NAME_RULES) : certificate.checkIP(pattern)
    if (found !== undefined) return found
  }
  return undefined
}
