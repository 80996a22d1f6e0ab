/**
 * Which header fields of an accepted mail must not go on: own and secret fields, verdicts in our name, and internal
 * Exchange fields that the inbound leg has no right to. All else is carried through unchanged (design S2).
 * Says which and why; does not touch bytes.
 */
import { domainToASCII } from 'node:url'
import { headerValue, type HeaderField } from '@siegel/engine'
import { OWN_FIELD_PREFIX } from '../mail/marker.ts'
import type { Attribution } from '../mail/message.ts'
import type { Tenant } from '../mail/tenant.ts'

type Removed = Attribution['removedFields'][number]

const INTERNAL_PREFIXES = ['x-ms-exchange-crosspremises-', 'x-ms-exchange-organization-']

/**
 * RFC 8601 2.2: `[CFWS] authserv-id [CFWS version]`. Comments are skipped so that none can hide our name.
 * @returns the authserv-id in lower case; empty when there is none
 */
export function authservIdOf(value: string): string {
  let rest = value.trimStart()
  while (rest.startsWith('(')) {
    let depth = 0
    let end = 0
    for (; end < rest.length; end++) {
      const character = rest[end]
      if (character === '\\') end++
      else if (character === '(') depth++
      else if (character === ')' && --depth === 0) break
    }
    rest = rest.slice(end + 1).trimStart()
  }
  if (rest.startsWith('"')) {
    const quoted = /^"((?:[^"\\]|\\.)*)"/s.exec(rest)?.[1] ?? ''
    return quoted.replaceAll(/\\(.)/gs, '$1').toLowerCase()
  }
  return (TOKEN.exec(rest)?.[0] ?? '').toLowerCase()
}

/** RFC 2045 5.1: a token ends at white space, at a control character or at one of the tspecials. */
const TOKEN = /^[^\p{Cc}\s()<>@,;:\\"/[\]?=]+/u

/**
 * Whether results claim to come from us. A name in another form (U-labels, a dot at the end) is still ours; where no name can be
 * told, one that stands anywhere counts, since another reader may find it.
 */
function claimsToBe(value: string, fqdn: string): boolean {
  const id = authservIdOf(value).trim().replace(/\.$/, '')
  return id === ''
    ? value.toLowerCase().includes(fqdn)
    : id === fqdn || domainToASCII(id).toLowerCase() === fqdn
}

/**
 * The fields to remove, by index into the header section's fields, each with its reason.
 * @param secretFields - names of all tenants' secret fields, lower case
 */
export function removedFields(
  headerSection: Buffer,
  fields: readonly HeaderField[],
  tenant: Tenant,
  direction: 'outbound' | 'inbound',
  secretFields: ReadonlySet<string>,
): Removed[] {
  const removed: Removed[] = []
  const processed = tenant.processedHeader.name.toLowerCase()
  const laundered =
    direction === 'inbound' ? untrustedInternalFields(headerSection, fields) : new Map<string, string>()
  fields.forEach((field, index) => {
    const remove = (reason: string) => removed.push({ index, name: field.name, reason })
    if (secretFields.has(field.lower)) remove('secret-header')
    else if (field.lower.startsWith(OWN_FIELD_PREFIX) || field.lower === processed) remove('own-header')
    // RFC 8601 5: a receiver removes results that claim to come from itself.
    else if (
      field.lower === 'authentication-results' &&
      claimsToBe(headerValue(headerSection, field), tenant.fqdn)
    )
      remove('own-authserv-id')
    else {
      const reason = laundered.get(field.lower)
      if (reason !== undefined) remove(reason)
    }
  })
  return removed
}

/** Names of internal Exchange fields that an inbound mail carries twice, or whose family claims an internal author. */
function untrustedInternalFields(headerSection: Buffer, fields: readonly HeaderField[]): Map<string, string> {
  const untrusted = new Map<string, string>()
  const seen = new Set<string>()
  for (const prefix of INTERNAL_PREFIXES) {
    const family = fields.filter((field) => field.lower.startsWith(prefix))
    for (const field of family) {
      if (seen.has(field.lower)) untrusted.set(field.lower, 'internal-header-repeated')
      seen.add(field.lower)
    }
    const claims = family.some(
      (field) =>
        field.lower === `${prefix}authas` &&
        headerValue(headerSection, field).trim().toLowerCase() === 'internal',
    )
    if (!claims) continue
    for (const field of family)
      if (field.lower.startsWith(`${prefix}auth`)) untrusted.set(field.lower, 'internal-author-claimed')
  }
  return untrusted
}
