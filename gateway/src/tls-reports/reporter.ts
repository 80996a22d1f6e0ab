/**
 * Sends the reports about TLS: after each UTC day, at a time of chance, to every domain with sessions that says where. By mail through
 * the queue, by HTTPS at once. What cannot be sent is tried again for a day. Never sends in the name of a domain without its DKIM key.
 */
import { domainOf } from '../smtp/address.ts'
import type { Resolve } from '../dns/resolver.ts'
import { findReportAddresses, type ReportAddress } from '../dns/tls-reports.ts'
import type { DomainKey, MailAuthentication } from '../mail/authentication.ts'
import type { Bodies } from '../mail/body.ts'
import type { MailId } from '../mail/message.ts'
import type { QueueStore } from '../mail/queue/ports.ts'
import type { Tenant } from '../mail/tenant.ts'
import type { Log } from '../observe/log.ts'
import { Rounds } from '../observe/rounds.ts'
import { DAY_MS, dayName, dayOf } from './day.ts'
import { sessionsByPolicy } from './gather.ts'
import { writeReportMail } from './mail.ts'
import type { DueReport, ReportStore } from './ports.ts'
import { compressedReport, type DayReport } from './report.ts'

/** What the operator says of the reports. */
export interface ReportSettings {
  readonly organisation: string
  /** Mail address. */
  readonly contact: string
  /** Mail address. */
  readonly sender: string
  /** Name of the tenant that sends them. */
  readonly tenant: string
}

/** What a reporter works with. */
export interface ReporterPorts {
  readonly settings: ReportSettings
  readonly store: ReportStore
  /** Writes counts that are still in memory. Never rejects. */
  readonly flush: () => Promise<void>
  readonly tenants: () => Iterable<Tenant>
  readonly resolve: Resolve
  readonly authentication: Pick<MailAuthentication, 'stamp'>
  readonly queue: Pick<QueueStore, 'accept'>
  readonly bodies: Pick<Bodies, 'create'>
  /** Hands a report to a web server. Rejects when it was not taken. */
  readonly post: (url: string, report: Buffer) => Promise<void>
  /** There is new mail in the queue. */
  readonly wake: () => void
  readonly newId: () => MailId
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** From 0 up to 1. */
  readonly random: () => number
  readonly log: Log
}

/** How often is looked. */
const LOOK_MS = 15_000
/** RFC 8460 4.1: not all senders at the same moment */
const LONGEST_DELAY_MS = 4 * 3_600_000
const SHORTEST_PAUSE_MS = 1_800_000

/** RFC 8460 5.5: for a day, with pauses that grow */
function nextAttempt({ until }: DueReport, now: number): number {
  return now + Math.max(SHORTEST_PAUSE_MS, now - (until - DAY_MS))
}

/** The tenant and keys with which reports are sent, or why there are none. */
type Means =
  | { readonly tenant: Tenant; readonly keys: readonly DomainKey[]; readonly missing: null }
  | { readonly missing: string }

/** A report that is to be begun. */
export function newReport(
  { day, domain }: Pick<DueReport, 'day' | 'domain'>,
  id: string,
  dueAt: number,
): DueReport {
  return { day, domain, id, state: 'waiting', dueAt, until: dueAt + DAY_MS, addresses: null }
}

/** The reporter. */
export class Reporter {
  readonly #ports: ReporterPorts
  readonly #rounds = new Rounds(() => this.look(), LOOK_MS)
  #stopped = false

  constructor(ports: ReporterPorts) {
    this.#ports = ports
  }

  /** Begins to look, at once and again and again. */
  start(): void {
    this.#rounds.start()
  }

  /** Ends after the report in hand. */
  stop(): Promise<void> {
    this.#stopped = true
    return this.#rounds.stop()
  }

  /** Looks once: begins the reports of days that are over, and sends what is due. Never rejects. */
  async look(): Promise<void> {
    const { store, now, log } = this.#ports
    try {
      await this.#begin()
      for (const report of store.due(now())) {
        if (this.#stopped) return
        await store.settle(await this.#send(report))
      }
    } catch (error) {
      log.error('tls-reports-not-sent', { error: String(error) })
    }
  }

  async #begin(): Promise<void> {
    const { store, flush, now, random, newId } = this.#ports
    await flush()
    const today = dayOf(now())
    const fresh = store.days().filter(({ day, state }) => day < today && state === null)
    await store.begin(
      fresh.map((one) => newReport(one, newId(), one.day + DAY_MS + Math.floor(random() * LONGEST_DELAY_MS))),
    )
  }

  /** The report after one attempt. */
  async #send(due: DueReport): Promise<DueReport> {
    const { settings, store, resolve, now, log } = this.#ports
    const { domain, day } = due
    const told = { domain, day: dayName(day) }
    if (now() >= due.until) {
      log.warn('tls-report-given-up', told)
      return { ...due, state: 'failed' }
    }
    const means = this.#means()
    if (means.missing !== null) {
      log.error('tls-report-not-possible', { ...told, cause: means.missing })
      return { ...due, dueAt: now() + SHORTEST_PAUSE_MS }
    }
    const addresses = due.addresses ?? (await findReportAddresses(resolve, domain))
    if (addresses.length === 0) return { ...due, state: 'unasked', addresses }
    const report: DayReport = {
      ...{ id: due.id, organisation: settings.organisation, contact: settings.contact },
      ...{ submitter: domainOf(settings.sender), domain, day },
      policies: sessionsByPolicy(store.counts(day, domain)),
    }
    const left: ReportAddress[] = []
    for (const address of addresses) {
      const to = address.kind === 'mail' ? address.mailbox : address.url
      try {
        if (address.kind === 'mail') await this.#mail(report, address.mailbox, means)
        else await this.#ports.post(address.url, compressedReport(report))
        log.info('tls-report-sent', { ...told, to })
      } catch (error) {
        log.warn('tls-report-not-taken', { ...told, to, cause: String(error) })
        left.push(address)
      }
    }
    return left.length === 0
      ? { ...due, state: 'sent', addresses: [] }
      : { ...due, addresses: left, dueAt: nextAttempt(due, now()) }
  }

  #means(): Means {
    const { settings, tenants } = this.#ports
    const all = [...tenants()]
    const tenant = all.find(({ name }) => name === settings.tenant)
    if (tenant === undefined) return { missing: `there is no tenant ${settings.tenant}` }
    if (tenant.outboundDelivery !== 'direct')
      return { missing: `the tenant ${settings.tenant} does not deliver directly` }
    const domain = domainOf(settings.sender)
    const keys = all.flatMap(({ dkimSigning }) => dkimSigning).filter((key) => key.domain === domain)
    if (keys.length === 0) return { missing: `no tenant has a DKIM key for ${domain}` }
    return { tenant, keys, missing: null }
  }

  /** Into the queue, which goes on for a day. RFC 8460 5.5 */
  async #mail(
    report: DayReport,
    recipient: string,
    { tenant, keys }: { readonly tenant: Tenant; readonly keys: readonly DomainKey[] },
  ): Promise<void> {
    const { settings, authentication, queue, bodies, wake, newId, now } = this.#ports
    const id = newId()
    const input = { report, id, tenantId: tenant.id, sender: settings.sender, recipient, keys, now: now() }
    const { mail, bytes } = await writeReportMail(input, authentication)
    const writer = bodies.create({ tenantId: tenant.id, mailId: id, copy: 0 })
    try {
      await writer.write(bytes)
      await writer.finish()
    } catch (error) {
      await writer.abort()
      throw error
    }
    const written = {
      at: now(),
      code: 'report-written',
      delivery: null,
      arguments: { domain: report.domain, day: dayName(report.day) },
    }
    await queue.accept({ mail, expiresAt: now() + DAY_MS, owner: null, trace: [written] })
    wake()
  }
}
