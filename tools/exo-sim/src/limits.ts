// How many external recipients a tenant may send to in 24 hours: the tenant external recipient rate limit, and the
// smaller one for mail that leaves under an onmicrosoft.com address. It counts; who is refused gets a report elsewhere.
import type { TenantConfig } from './config.ts'
import { domainOf } from './tls/names.ts'

const DAY = 86_400_000
const MOST_BY_MOERA = 100

/** Counts external recipients of all tenants. */
export class ExternalRecipients {
  readonly #sent = new Map<string, number[]>()

  /** Counts one recipient; a text is the refusal of one too many. */
  count(tenant: TenantConfig, sender: string, at: Date): string | undefined {
    if (
      domainOf(sender) === tenant.moera.toLowerCase() &&
      !this.#take(`${tenant.id} moera`, MOST_BY_MOERA, at)
    ) {
      return "550 5.7.236 Your message can't be sent because the limit for external recipients from onmicrosoft.com domains has been exceeded"
    }
    const limit = limitOf(tenant)
    if (limit === undefined || this.#take(tenant.id, limit, at)) return undefined
    const [status, kind] = tenant.trial ? ['5.7.232', 'trial tenant'] : ['5.7.233', 'tenant']
    return `550 ${status} Your message can't be sent because your ${kind} exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit)`
  }

  /** External recipients of a tenant in the last 24 hours, as far as there is a limit. */
  used(tenant: string, at: Date): number {
    return this.#recent(tenant, at).length
  }

  #take(key: string, limit: number, at: Date): boolean {
    const recent = this.#recent(key, at)
    this.#sent.set(key, recent)
    if (recent.length >= limit) return false
    recent.push(at.getTime())
    return true
  }

  #recent(key: string, at: Date): number[] {
    return (this.#sent.get(key) ?? []).filter((time) => time > at.getTime() - DAY)
  }
}

function limitOf(tenant: TenantConfig): number | undefined {
  if (tenant.externalRecipientLimit !== undefined) return tenant.externalRecipientLimit
  if (tenant.trial) return 500
  return tenant.licences === undefined ? undefined : Math.round(500 * tenant.licences ** 0.7 + 9500)
}
