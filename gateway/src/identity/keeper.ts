/**
 * The caretaker of certificates in a running gateway: staged ones take over at their time, what ends is alarmed of, what ACME serves
 * is obtained and renewed. Looks often and does little; whatever goes wrong is logged, alarmed and tried again.
 */
import type { Settings } from '../config/ports.ts'
import type { Log } from '../observe/log.ts'
import { Rounds } from '../observe/rounds.ts'
import { alarm, settleAlarms, type AlarmPort, type IdentityAlarm } from './alarms.ts'
import { expiryAlarms, isExpiryAlarm, LONGEST_NOTICE_MS, type OwnCredential } from './expiry.ts'
import { explainFinding } from './findings.ts'
import { IdentityRefused, slotFor, type Identities } from './identities.ts'
import type { Renewal } from './renewal.ts'
import { USES, type Use } from './ports.ts'

/** How often is looked. */
const LOOK_MS = 5000
/** How often ends of certificates are looked at. */
const EXPIRY_MS = 3_600_000
const PATIENCE_MS = 2000
const TAKEOVER_REFUSED = 'tls-takeover-refused'

/** What the caretaker works with. */
export interface KeeperPorts {
  readonly settings: () => Settings
  readonly identities: Identities
  readonly renewal: Renewal
  readonly alarms: AlarmPort
  /** The own S/MIME keys that end before a time (milliseconds since 1970), with those that may take their place. */
  readonly credentials: (before: number) => Promise<readonly OwnCredential[]>
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: Log
}

/** The caretaker. */
export class Keeper {
  readonly #ports: KeeperPorts
  readonly #rounds = new Rounds(() => this.look(), LOOK_MS)
  #expiryAt = 0
  #expiryVersion = -1

  constructor(ports: KeeperPorts) {
    this.#ports = ports
  }

  /** Begins to look, at once and again and again. */
  start(): void {
    this.#rounds.start()
  }

  /**
   * Ends it. What is under way with an ACME server is waited for a moment only: its order is kept, and the next start goes on.
   */
  async stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const patience = setTimeout(resolve, PATIENCE_MS, undefined)
    await Promise.race([this.#rounds.stop(), promise])
    clearTimeout(patience)
  }

  /** Looks once. Never rejects. */
  async look(): Promise<void> {
    await this.#guarded('takeover', () => this.#takeOver())
    await this.#guarded('expiry', () => this.#alarmOfEnds())
    await this.#guarded('renewal', () => this.#ports.renewal.look(this.#ports.settings().acmeIssuers))
  }

  async #guarded(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#ports.log.error('certificates-not-kept', {
        what,
        error: error instanceof Error ? error.message : 'unknown',
      })
    }
  }

  /** Staged certificates whose time has come. */
  async #takeOver(): Promise<void> {
    const { identities, settings, now, alarms } = this.#ports
    const refused: IdentityAlarm[] = []
    for (const host of settings().tenants.values()) {
      const due = USES.map((use) => slotFor(identities.state(), host.id, use)).flatMap(
        ({ use, next, nextAt }) =>
          next === null || nextAt === null || nextAt > now() ? [] : [{ use, next }],
      )
      for (const [id, slots] of Map.groupBy(due, ({ next }) => next)) {
        const uses = slots.map(({ use }) => use)
        // In one write, so that no mail goes out under the old one when the new one is presented already.
        if (await this.#putInForce(host, id, uses)) continue
        // Refused for one use it may be good for the other.
        for (const use of uses) await this.#putInForce(host, id, [use], refused)
      }
    }
    this.#tell(await settleAlarms(alarms, ({ code }) => code === TAKEOVER_REFUSED, refused, now()))
  }

  /** Puts a certificate in force; false when it is refused, which `refused` is told. */
  async #putInForce(
    { id: tenantId, fqdn }: { readonly id: string; readonly fqdn: string },
    id: string,
    uses: readonly Use[],
    refused: IdentityAlarm[] = [],
  ): Promise<boolean> {
    try {
      await this.#ports.identities.activate({ tenantId, fqdn }, id, uses)
      for (const use of uses) this.#ports.log.info('tls-certificate-took-over', { tenantId, use, id })
      return true
    } catch (error) {
      if (!(error instanceof IdentityRefused)) throw error
      const bad = error.findings.filter(({ verdict }) => verdict === 'bad')
      const cause = bad.map((one) => explainFinding(one, 'en').text).join('; ') || error.message
      const use = uses.join(', ')
      refused.push(alarm('tls-takeover-refused', tenantId, fqdn, { host: fqdn, use, id, cause }))
      return false
    }
  }

  /** Now and then, and whenever the settings changed: a renewed certificate clears its alarm at once. */
  async #alarmOfEnds(): Promise<void> {
    const { settings, credentials, alarms, now } = this.#ports
    const current = settings()
    if (current.version === this.#expiryVersion && now() < this.#expiryAt) return
    const wanted = expiryAlarms(current, await credentials(now() + LONGEST_NOTICE_MS), now())
    const raised = await settleAlarms(alarms, isExpiryAlarm, wanted, now())
    this.#tell(raised)
    this.#expiryVersion = current.version
    this.#expiryAt = now() + EXPIRY_MS
  }

  /** Every alarm is a line of the log too. */
  #tell(raised: readonly IdentityAlarm[]): void {
    for (const { code, subject, arguments: args } of raised)
      this.#ports.log.error('alarm', { code, subject, arguments: args })
  }
}
