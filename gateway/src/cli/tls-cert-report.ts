/**
 * How certificates and findings are shown: lines for people, values for `--json`. Changes nothing.
 */
import { explainFinding, type IdentityFinding } from '../identity/findings.ts'
import { slotFor } from '../identity/identities.ts'
import { USES, type IdentityState, type KeptCertificate, type KeptOrder } from '../identity/ports.ts'
import type { Tenant } from '../mail/tenant.ts'
import { printable, type Language } from './texts.ts'

const VERDICTS = {
  good: { en: 'good', de: 'gut' },
  warning: { en: 'look', de: 'Achtung' },
  bad: { en: 'bad', de: 'schlecht' },
} as const

/** One line for each finding, with its code and what to do. */
export function findingLines(findings: readonly IdentityFinding[], language: Language): string[] {
  const width = language === 'de' ? 8 : 4
  return findings.map((one) => {
    const { text, todo } = explainFinding(one, language)
    const verdict = VERDICTS[one.verdict][language].padEnd(width)
    return printable(`${verdict}  ${text} (${one.code})${todo === '' ? '' : ` -> ${todo}`}`)
  })
}

/** Findings as values. */
export function findingValues(findings: readonly IdentityFinding[], language: Language): object[] {
  return findings.map((one) => ({ ...one, ...explainFinding(one, language) }))
}

/** Where a certificate stands in one use. */
type Role = 'active' | 'former' | 'next'

/** A certificate as it is listed. */
export interface ListedCertificate {
  readonly tenant: string
  readonly id: string
  /** pending: the certificate is awaited. unused: it is nowhere in force. */
  readonly state: 'pending' | 'unused' | 'in-use'
  readonly server: Role | null
  readonly client: Role | null
  /** RFC 3339; when it takes over by itself. */
  readonly takesOverAt: string | null
  readonly origin: string
  readonly names: readonly string[]
  readonly key: string
  readonly notBefore: string | null
  readonly notAfter: string | null
  readonly fingerprint: string | null
}

function timeOf(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString()
}

/** The certificates of a tenant with what each is in force for. */
export function listed(state: IdentityState, { id: tenantId, name }: Tenant): ListedCertificate[] {
  const slots = USES.map((use) => slotFor(state, tenantId, use))
  return state.certificates
    .filter((one) => one.tenantId === tenantId)
    .map((one: KeptCertificate) => {
      const [server = null, client = null] = slots.map(
        (slot) => (['active', 'next', 'former'] as const).find((role) => slot[role] === one.id) ?? null,
      )
      const staged = slots.find(({ next, nextAt }) => next === one.id && nextAt !== null)
      return {
        ...{ tenant: name, id: one.id },
        state: one.chain === null ? 'pending' : server === null && client === null ? 'unused' : 'in-use',
        ...{ server, client },
        takesOverAt: timeOf(staged?.nextAt ?? null),
        ...{ origin: one.origin, names: one.names, key: one.keyKind },
        ...{ notBefore: timeOf(one.notBefore), notAfter: timeOf(one.notAfter), fingerprint: one.fingerprint },
      }
    })
}

/** The lines of a listed certificate. */
export function listedLines(one: ListedCertificate): string[] {
  const roles = USES.flatMap((use) => (one[use] === null ? [] : [`${use} ${one[use]}`])).join(', ')
  const until =
    one.notAfter === null ? '' : `  ${one.notBefore?.slice(0, 10) ?? ''} to ${one.notAfter.slice(0, 10)}`
  return [
    `${one.tenant}  ${one.id}  ${roles === '' ? one.state : roles}${until}`,
    `    ${printable(one.names.join(', '))}  ${one.key}, by ${one.origin}${one.takesOverAt === null ? '' : `, takes over at ${one.takesOverAt}`}`,
    ...(one.fingerprint === null ? [] : [`    SHA-256 ${one.fingerprint}`]),
  ]
}

/** How far ACME is with a tenant. */
export function orderValue(order: KeptOrder, name: string): object {
  const { directory, url, nextAt, failures, problem } = order
  return { tenant: name, directory, order: url, nextAt: timeOf(nextAt), failures, problem }
}
