/**
 * Ends onboarding by the clock: whether or not a mail comes, the operator is told when the mode of a tenant has ended, once for each
 * time that it was started. Changes no mail and no setting.
 */
import type { Log } from '../../observe/log.ts'
import { Rounds } from '../../observe/rounds.ts'
import type { Tenant } from '../tenant.ts'
import { onboardingPhase } from './onboarding.ts'

const LOOK_MS = 5000

/** What the clock works with. */
export interface OnboardingPorts {
  readonly tenants: () => Iterable<Pick<Tenant, 'id' | 'name' | 'onboarding'>>
  readonly alarms: {
    raise(
      tenantId: string,
      alarm: {
        readonly code: string
        readonly subject: string
        readonly arguments: { readonly until: string }
      },
    ): Promise<void>
    clear(tenantId: string, code: string, subject: string): Promise<void>
    list(): readonly { readonly tenantId: string; readonly code: string; readonly subject: string }[]
  }
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: Log
}

/** The running clock. */
export class OnboardingClock {
  readonly #ports: OnboardingPorts
  /** The end that was told last, by tenant. */
  readonly #told = new Map<string, number>()
  readonly #rounds = new Rounds(() => this.look(), LOOK_MS)

  constructor(ports: OnboardingPorts) {
    this.#ports = ports
  }

  /** Begins to look, at once and again and again. */
  start(): void {
    this.#rounds.start()
  }

  /** Ends it; resolves when nothing is under way. */
  stop(): Promise<void> {
    return this.#rounds.stop()
  }

  /** Looks once. Never rejects. */
  async look(): Promise<void> {
    try {
      for (const tenant of this.#ports.tenants()) await this.#lookAt(tenant)
    } catch (error) {
      this.#ports.log.error('onboarding-not-watched', { error: String(error) })
    }
  }

  async #lookAt(tenant: Pick<Tenant, 'id' | 'name' | 'onboarding'>): Promise<void> {
    const { alarms, now, log } = this.#ports
    const { id, name, onboarding } = tenant
    if (onboarding === null || onboardingPhase(tenant, now()) !== 'ended') return
    if (this.#told.get(id) === onboarding.endsAt) return
    // An alarm that stands was raised by the process before, or by a mail.
    const stands = alarms.list().some((one) => one.tenantId === id && one.code === 'onboarding-ended')
    const args = { until: new Date(onboarding.endsAt).toISOString() }
    if (!stands) {
      log.error('alarm', { code: 'onboarding-ended', subject: name, arguments: args })
      await alarms.raise(id, { code: 'onboarding-ended', subject: name, arguments: args })
    }
    await alarms.clear(id, 'onboarding-started', name)
    await alarms.clear(id, 'onboarding-deferral', name)
    this.#told.set(id, onboarding.endsAt)
  }
}
