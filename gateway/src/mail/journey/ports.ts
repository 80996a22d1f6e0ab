/**
 * What the journey is made of, what it needs, and what its files share. Types only.
 */
import type { GroupMembership } from '../../directory/ports.ts'
import type { Harvester } from '../../keyring/harvest.ts'
import type { CapabilityStore, InspectedMail } from '../../keyring/capabilities.ts'
import type { Keyring } from '../../keyring/keyring.ts'
import type { TransportMap } from '../../maps/transport.ts'
import type { Log } from '../../observe/log.ts'
import type { Trust } from '../../trust/trust.ts'
import type { MailAuthentication } from '../authentication.ts'
import type { Bodies } from '../body.ts'
import type { MailId, ReceivedMail } from '../message.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { TreatmentLevels } from '../policy/levels.ts'
import type { Rule } from '../policy/rules.ts'
import type { QueuedMail, QueueStore } from '../queue/ports.ts'
import type { Tenant } from '../tenant.ts'
import type { TreatedCopy } from '../treatment/treat.ts'

/** What the journey needs; main.ts plugs the parts in. */
export interface JourneyOptions {
  readonly queue: QueueStore
  readonly bodies: Bodies
  readonly outbound: Outbound
  readonly authentication: MailAuthentication
  /** The current settings of a tenant; null when it no longer exists. */
  readonly tenant: (id: string) => TenantSurroundings | null
  /** Told of each inbound mail that was verified. Returns at once and never throws. */
  readonly inspected?: (tenantId: string, mailId: MailId, mail: InspectedMail) => void
  /** Told that the endpoint of a tenant has taken a mail. Returns at once and never throws. */
  readonly took?: (tenant: Tenant) => void
  /** Unique to this process run. */
  readonly owner: string
  /** How long a delivery is tried, and when a delay notice is written. Milliseconds. */
  readonly lifetime: {
    readonly expiryMs: number
    readonly delayNoticeMs: number
    readonly heldProbeMs: number
  }
  /** The retry clock: pause before the second attempt, and the longest pause. Milliseconds. */
  readonly retry: { readonly firstMs: number; readonly longestMs: number }
  readonly newId: () => MailId
  readonly now: () => number
  readonly random: () => number
  readonly log: Log
}

/** A tenant with the parts that work for it. */
export interface TenantSurroundings {
  readonly tenant: Tenant
  readonly settingsVersion: number
  readonly keyring: Keyring
  /** What its partners have shown to be able to read. */
  readonly capabilities?: CapabilityStore
  readonly trust: Trust
  /** Keeps certificates of senders; left out where none are kept. */
  readonly harvester?: Harvester
  /** What is asked for its outbound mail. */
  readonly levels: TreatmentLevels
  /** The rules for it that are enabled, in their order. */
  readonly rules: readonly Rule[]
  /** Its directory as it is now; left out or null: none that can be believed. */
  readonly groups?: GroupMembership | null
  /** The map `transport`, for what goes into the world. */
  readonly transport: TransportMap
}

/** Holds places for fresh mail; the scheduler implements it. */
export interface Places {
  reserve(): string | null
  redeem(mail: QueuedMail | null): void
}

/** The journey's two entrances. */
export interface Journey {
  /** Resolves when all parts of a mail are safe; none of them is when it rejects with StorageError. */
  safe(parts: readonly ReceivedMail[], places: Places): Promise<void>
  /** One turn with one mail. Resolves with the time it is due again; null when it is finished. */
  carry(mail: QueuedMail): Promise<number | null>
}

/** Treated copies made in this turn, by copy number. */
export type FreshCopies = Map<number, TreatedCopy>
