/**
 * Gathers the objects of treatment settings into levels, one set for each tenant. Pure. Whoever has an object that cannot be used is
 * named, so that no mail goes by weaker settings than were asked for.
 */
import type { TreatmentDefaultsSpec, TreatmentSettingsSpec } from '@siegel/contract'
import type { TreatmentLevels, Values } from '../mail/policy/levels.ts'

interface Gathered {
  tenant: Values
  readonly domains: Map<string, Values>
  readonly users: Map<string, Values>
  readonly partners: Map<string, Values>
  readonly targets: Set<string>
}

/** The levels as they are gathered, by tenant name. */
export class TreatmentGathering {
  #global: Values = {}
  readonly #tenants = new Map<string, Gathered>()

  /** Takes the settings of the installation. */
  takeDefaults(spec: TreatmentDefaultsSpec): void {
    this.#global = spec
  }

  /**
   * Takes one object of a tenant.
   * @returns whom it is for, when another object is for the same; else null
   */
  take(tenant: string, { domain, user, partner, ...values }: TreatmentSettingsSpec): string | null {
    const gathered = this.#of(tenant)
    const target =
      domain !== undefined
        ? `domain ${domain}`
        : user !== undefined
          ? `user ${user}`
          : partner !== undefined
            ? `partner ${partner}`
            : 'the tenant'
    if (gathered.targets.has(target)) return target
    gathered.targets.add(target)
    if (domain !== undefined) gathered.domains.set(domain, values)
    else if (user !== undefined) gathered.users.set(user, values)
    else if (partner !== undefined) gathered.partners.set(partner, values)
    else gathered.tenant = values
    return null
  }

  /** The levels of a tenant, with those of the installation. */
  levels(tenant: string): TreatmentLevels {
    const { tenant: own, domains, users, partners } = this.#of(tenant)
    return { global: this.#global, tenant: own, domains, users, partners }
  }

  #of(tenant: string): Gathered {
    let gathered = this.#tenants.get(tenant)
    if (gathered === undefined) {
      gathered = { tenant: {}, domains: new Map(), users: new Map(), partners: new Map(), targets: new Set() }
      this.#tenants.set(tenant, gathered)
    }
    return gathered
  }
}
