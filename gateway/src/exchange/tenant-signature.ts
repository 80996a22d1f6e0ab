/**
 * The DKIM signatures by which a mail may prove its tenant: which signature claims to be a tenant's, and whether it could prove
 * anything if it verified. Pure: it looks at the header only, and verifies nothing. Refuses a claim that leaves a way open: part of
 * the body not covered, From not covered, a field twice of which readers show one and the signature covers the other.
 */
import { headerValue, type HeaderField } from '@siegel/engine'
import type { ProofRequest } from '../mail/authentication.ts'
import { readDkimSignature, type DkimClaims } from '../mail/dkim-signature.ts'
import type { Tenant } from '../mail/tenant.ts'

/** What the header says. */
export type SignatureClaim =
  | { readonly kind: 'none' }
  | { readonly kind: 'useless'; readonly tenant: Tenant; readonly reason: string; readonly detail: string }
  | { readonly kind: 'claim'; readonly tenant: Tenant; readonly proof: ProofRequest }

/** Signatures of one tenant that are verified at most: Exchange Online makes one in the domain's name and one in the initial domain's. */
const MOST_SIGNATURES = 3

/** RFC 5322 3.6, RFC 2045: fields that a mail has once. */
const ONCE: ReadonlySet<string> = new Set([
  ...['from', 'sender', 'reply-to', 'to', 'cc', 'subject', 'date', 'message-id', 'in-reply-to', 'references'],
  ...['mime-version', 'content-type', 'content-transfer-encoding'],
])

const ARC: ReadonlySet<string> = new Set(['arc-seal', 'arc-message-signature', 'arc-authentication-results'])

interface Signature {
  readonly field: HeaderField
  readonly claims: DkimClaims
}

/**
 * Finds the claim of a mail. The newest signature of any tenant says which one: whoever sends signs last, above what was there.
 * @param owners - tenants by the domains whose signature is theirs
 */
export function signatureClaim(
  headerSection: Buffer,
  fields: readonly HeaderField[],
  owners: ReadonlyMap<string, Tenant>,
): SignatureClaim {
  const signatures: Signature[] = []
  for (const field of fields) {
    if (field.lower !== 'dkim-signature') continue
    const claims = readDkimSignature(headerValue(headerSection, field))
    if (claims !== null && owners.has(claims.domain)) signatures.push({ field, claims })
  }
  const tenant = owners.get(signatures[0]?.claims.domain ?? '')
  if (tenant === undefined) return { kind: 'none' }
  const useless = (reason: string, detail: string): SignatureClaim => ({
    kind: 'useless',
    tenant,
    reason,
    detail,
  })
  const doubled = doubledField(fields)
  if (doubled !== null) return useless('dkim-field-doubled', `${doubled} occurs more than once`)
  const own = signatures.filter(({ claims }) => owners.get(claims.domain)?.id === tenant.id)
  const flaws = own.map(({ claims }) => flawOf(claims))
  const good = own.filter((_, index) => flaws[index] === null).slice(0, MOST_SIGNATURES)
  const [flaw] = flaws
  if (good.length === 0) return useless(flaw ?? 'dkim-body-not-covered', `signature of ${tenant.name}`)
  return {
    kind: 'claim',
    tenant,
    proof: {
      header: reduced(headerSection, fields, good),
      domains: good.map(({ claims }) => claims.domain),
    },
  }
}

function doubledField(fields: readonly HeaderField[]): string | null {
  const seen = new Set<string>()
  for (const { lower } of fields) {
    if (ONCE.has(lower) && seen.has(lower)) return lower
    seen.add(lower)
  }
  return null
}

/** Why a signature proves nothing even if it verifies; null when it may. */
function flawOf({ limitsBody, signedFields }: DkimClaims): string | null {
  // RFC 6376 8.2: what stands behind l= may be anybody's
  if (limitsBody) return 'dkim-body-not-covered'
  // RFC 6376 5.4
  if (!signedFields.includes('from')) return 'dkim-from-not-covered'
  // Those fields are not shown to the judge.
  if (signedFields.some((name) => name === 'dkim-signature' || ARC.has(name))) return 'dkim-covers-signatures'
  return null
}

/** The fields that these signatures cover, and the signatures: the judge works, and asks DNS, for all that it sees. */
function reduced(
  headerSection: Buffer,
  fields: readonly HeaderField[],
  signatures: readonly Signature[],
): Buffer {
  const kept = new Set(signatures.map(({ field }) => field))
  // From also where nobody covers it: the judge counts it.
  const covered = new Set(['from', ...signatures.flatMap(({ claims }) => claims.signedFields)])
  const pieces = fields
    .filter((field) => kept.has(field) || covered.has(field.lower))
    .map(({ start, end }) => headerSection.subarray(start, end))
  return Buffer.concat([...pieces, Buffer.from('\r\n')])
}
