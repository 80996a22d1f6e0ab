/**
 * Obtains and renews certificates by ACME for the hosts of `AcmeIssuer` objects, a step at a time: when they are due, how far an
 * order is, what stands in the way (an alarm with the remedy) and when to try again. All of it is kept, so that a restart goes on.
 */
import { createHash } from 'node:crypto'
import { readCertificates, readCsr, type Certificate } from '@siegel/engine'
import { chooseChain, renewalId } from '../acme/chain.ts'
import { AcmeClient } from '../acme/client.ts'
import { AcmeFailure, type AcmeFailureCode } from '../acme/failure.ts'
import { proceed, type IssueClock, type Progress, type Solvers } from '../acme/issue.ts'
import { AccountKey } from '../acme/jose.ts'
import type { AcmeIssuer } from '../config/ports.ts'
import type { Log } from '../observe/log.ts'
import { alarm, settleAlarms, type AlarmPort, type IdentityAlarm } from './alarms.ts'
import { usesTaken } from './check.ts'
import { explainFinding } from './findings.ts'
import {
  certificateById,
  chainOf,
  IdentityRefused,
  slotFor,
  type Host,
  type Identities,
} from './identities.ts'
import { MaterialRefused } from './material.ts'
import { USES, type IdentityStore, type KeptCertificate, type KeptOrder, type Use } from './ports.ts'

const HOUR = 3_600_000
/** How often is asked whether a certificate is due. */
const LOOK_MS = 12 * HOUR
const FIRST_RETRY_MS = 10 * 60_000
const LONGEST_RETRY_MS = 24 * HOUR

/** The alarms of what stands in the way; each text names the remedy. */
const ALARMS: Readonly<Record<AcmeFailureCode, string>> = {
  unreachable: 'acme-unreachable',
  refused: 'acme-refused',
  'rate-limited': 'acme-rate-limited',
  'challenge-failed': 'acme-challenge-failed',
  caa: 'acme-caa',
  account: 'acme-account',
  'not-ready': 'acme-not-ready',
}
const RECORD_WANTED = 'acme-record-wanted'
const NOT_IN_FORCE = 'acme-not-in-force'
const CODES: ReadonlySet<string> = new Set([...Object.values(ALARMS), RECORD_WANTED, NOT_IN_FORCE])
/** After these the order is still of use. */
const ORDER_STAYS: ReadonlySet<AcmeFailureCode> = new Set(['unreachable', 'rate-limited', 'not-ready'])

/** What renewal needs. */
export interface RenewalPorts {
  readonly identities: Identities
  readonly store: IdentityStore
  readonly alarms: AlarmPort
  /** Everything but the challenge, which the issuer chooses. */
  readonly solvers: Omit<Solvers, 'challenge'>
  readonly clock: IssueClock
  /** PEM certificates that may vouch for an ACME server. */
  readonly tlsAnchors: () => readonly string[]
  /** The chain that is presented to Office 365 for a tenant, PEM; null when there is none. */
  readonly presentedToOffice: (tenantId: string) => string | null
  readonly userAgent: string
  readonly log: Log
}

/** Renews what is due. */
export class Renewal {
  readonly #ports: RenewalPorts

  constructor(ports: RenewalPorts) {
    this.#ports = ports
  }

  /** Looks at every host once and does what is due; one after the other, since each does little. Never rejects for a server. */
  async look(issuers: readonly AcmeIssuer[]): Promise<void> {
    const { store, alarms, clock } = this.#ports
    const served = new Set<string>()
    for (const issuer of issuers)
      for (const host of issuer.hosts) {
        served.add(host.tenantId)
        const kept = store.orders().find(({ tenantId }) => tenantId === host.tenantId)
        const order = kept?.directory === issuer.directory ? kept : newOrder(host, issuer, kept)
        if (order.nextAt <= clock.now()) await this.#step(issuer, host, order)
      }
    for (const { tenantId } of store.orders()) if (!served.has(tenantId)) await store.forgetOrder(tenantId)
    await settleAlarms(alarms, (one) => CODES.has(one.code) && !served.has(one.tenantId), [], clock.now())
  }

  async #step(issuer: AcmeIssuer, host: Host, order: KeptOrder): Promise<void> {
    try {
      const client = await this.#client(issuer)
      const due = order.certificateId === null ? await this.#dueAt(issuer, host, client) : 0
      if (due > this.#ports.clock.now()) {
        await this.#ports.store.keepOrder({
          ...order,
          nextAt: Math.min(due, this.#ports.clock.now() + LOOK_MS),
        })
        return
      }
      await this.#obtain(issuer, host, order, client)
    } catch (error) {
      if (!(error instanceof AcmeFailure)) throw error
      await this.#failed(issuer, host, error)
    }
  }

  /** When the certificate in force is to be renewed; 0 when there is none. */
  async #dueAt(issuer: AcmeIssuer, host: Host, client: AcmeClient): Promise<number> {
    const state = this.#ports.identities.state()
    const uses = usesOf(issuer)
    const inForce = uses.map((use) =>
      certificateById(state, host.tenantId, slotFor(state, host.tenantId, use).active),
    )
    const certificate = inForce[0]
    if (certificate === null || certificate === undefined) return 0
    if (!certificate.names.includes(host.fqdn)) return 0
    const [leaf] = chainOf(certificate)
    if (leaf === undefined) return 0
    const share = jitterOf(certificate)
    const id = renewalId(leaf)
    const window = id === null ? null : await quietly(client.renewalWindow(id))
    // RFC 9773 4.2: a moment of the window, the same with every look
    if (window !== null) return Math.floor(window.start + share * (window.end - window.start))
    return renewAt(leaf, share)
  }

  async #obtain(issuer: AcmeIssuer, host: Host, order: KeptOrder, client: AcmeClient): Promise<void> {
    const { identities, store, clock, solvers } = this.#ports
    await this.#register(issuer, client)
    // A request that somebody has answered by hand is of no more use.
    const known = certificateById(identities.state(), host.tenantId, order.certificateId)
    const awaited =
      known?.chain === null && known.csr !== null ? known : await identities.request(host, issuer.key, 'acme')
    const csr = Buffer.from((awaited.csr ?? '').replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
    readCsr(csr)
    let begun: KeptOrder = { ...order, certificateId: awaited.id }
    await store.keepOrder(begun)
    const progress = await proceed(
      client,
      { orderUrl: order.url, domain: host.fqdn, csr },
      { ...solvers, challenge: issuer.challenge },
      clock,
      async (url) => {
        begun = { ...begun, url }
        await store.keepOrder(begun)
      },
    )
    if (progress.kind === 'waiting') await this.#waits(issuer, host, begun, progress)
    else await this.#issued(issuer, host, begun, progress.chains)
  }

  async #waits(
    issuer: AcmeIssuer,
    host: Host,
    order: KeptOrder,
    { record, retryAt }: Progress & { kind: 'waiting' },
  ): Promise<void> {
    const problem = record === null ? null : `TXT ${record.name} ${record.value}`
    await this.#ports.store.keepOrder({ ...order, nextAt: retryAt, problem })
    const args = { host: host.fqdn, name: record?.name ?? '', value: record?.value ?? '' }
    await this.#settle(
      host,
      record === null ? [] : [alarm('acme-record-wanted', host.tenantId, host.fqdn, args)],
    )
    this.#ports.log.info('acme-waiting', { host: host.fqdn, issuer: issuer.name, record: problem })
  }

  async #issued(issuer: AcmeIssuer, host: Host, order: KeptOrder, chains: readonly string[]): Promise<void> {
    const { identities, store, clock, log } = this.#ports
    const done = { ...order, url: null, certificateId: null, failures: 0, nextAt: clock.now() + LOOK_MS }
    let problem: string | null = null
    try {
      const certificates = chooseChain(chains, issuer.preferredRoot)
      const { certificate } = await identities.take(host, { certificates, keys: [] }, usesOf(issuer), 'acme')
      const uses = this.#usesFor(issuer, host, certificates)
      const { notBefore } = certificate
      // The authority's clock is ahead of ours.
      if (notBefore !== null && notBefore > clock.now())
        await identities.stage(host, certificate.id, uses, notBefore)
      else await identities.activate(host, certificate.id, uses)
      log.info('acme-issued', {
        host: host.fqdn,
        issuer: issuer.name,
        fingerprint: certificate.fingerprint,
        notAfter: certificate.notAfter,
      })
      await this.#clearAway(host)
    } catch (error) {
      if (!(error instanceof IdentityRefused) && !(error instanceof MaterialRefused)) throw error
      problem = describe(error)
    }
    await store.keepOrder({ ...done, problem, failures: problem === null ? 0 : order.failures + 1 })
    const args = { host: host.fqdn, directory: issuer.directory, cause: problem ?? '' }
    await this.#settle(
      host,
      problem === null ? [] : [alarm('acme-not-in-force', host.tenantId, host.fqdn, args)],
    )
  }

  #usesFor(issuer: AcmeIssuer, host: Host, [leaf]: readonly Certificate[]): readonly Use[] {
    const presented = this.#ports.presentedToOffice(host.tenantId)
    const [before] = presented === null ? [] : readCertificates(Buffer.from(presented))
    return issuer.use === 'both' ? usesTaken(leaf ?? null, before ?? null) : [issuer.use]
  }

  /** Removes what ACME brought and no slot names any more. */
  async #clearAway({ tenantId, fqdn }: Host): Promise<void> {
    const { certificates, slots } = this.#ports.identities.state()
    const named = new Set(slots.flatMap(({ active, former, next }) => [active, former, next]))
    for (const one of certificates)
      if (one.tenantId === tenantId && one.origin === 'acme' && !named.has(one.id))
        await this.#ports.identities.remove({ tenantId, fqdn }, one.id)
  }

  async #failed(issuer: AcmeIssuer, host: Host, failure: AcmeFailure): Promise<void> {
    const { store, clock } = this.#ports
    const order = store.orders().find(({ tenantId }) => tenantId === host.tenantId) ?? newOrder(host, issuer)
    const failures = order.failures + 1
    const wait = Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 10), LONGEST_RETRY_MS)
    const nextAt = Math.max(clock.now() + wait, failure.retryAt ?? 0)
    await store.keepOrder({
      ...order,
      directory: issuer.directory,
      url: ORDER_STAYS.has(failure.code) ? order.url : null,
      ...{ nextAt, failures, problem: failure.message },
    })
    const args = {
      host: host.fqdn,
      directory: issuer.directory,
      cause: failure.message,
      nextAt,
    }
    await this.#settle(host, [alarm(ALARMS[failure.code], host.tenantId, host.fqdn, args)])
  }

  async #settle({ tenantId, fqdn }: Host, wanted: readonly IdentityAlarm[]): Promise<void> {
    const { alarms, clock, log } = this.#ports
    const ours = (one: IdentityAlarm): boolean =>
      one.tenantId === tenantId && one.subject === fqdn && CODES.has(one.code)
    const raised = await settleAlarms(alarms, ours, wanted, clock.now())
    for (const { code, subject, arguments: args } of raised)
      log.error('alarm', { code, subject, arguments: args })
  }

  async #client({ directory }: AcmeIssuer): Promise<AcmeClient> {
    const { store, clock, tlsAnchors, userAgent } = this.#ports
    let account = store.account(directory)
    if (account === null) {
      account = { directory, url: null, privateKey: AccountKey.generate() }
      await store.keepAccount(account)
    }
    const key = new AccountKey(account.privateKey)
    return new AcmeClient(directory, key, account.url, { anchors: tlsAnchors(), userAgent }, clock.now)
  }

  /** Makes the account before the first order; with the same key the server gives the same account. */
  async #register(issuer: AcmeIssuer, client: AcmeClient): Promise<void> {
    const { store } = this.#ports
    const account = store.account(issuer.directory)
    if (account === null || account.url !== null) return
    const { contact, termsOfServiceAgreed, externalAccount: external } = issuer
    const url = await client.register({ contact, termsOfServiceAgreed, external })
    await store.keepAccount({ ...account, url })
  }
}

function newOrder(host: Host, issuer: AcmeIssuer, before?: KeptOrder): KeptOrder {
  const { tenantId } = host
  return {
    ...{ tenantId, directory: issuer.directory, url: null, certificateId: before?.certificateId ?? null },
    ...{ nextAt: 0, failures: 0, problem: null },
  }
}

/** The uses that an issuer's certificates are for. */
function usesOf({ use }: AcmeIssuer): readonly Use[] {
  return use === 'both' ? USES : [use]
}

/** A share of 0 to 1 that belongs to a certificate, so that not all are renewed at once. */
function jitterOf({ fingerprint }: KeptCertificate): number {
  return (
    createHash('sha256')
      .update(fingerprint ?? '')
      .digest()
      .readUInt32BE() /
    2 ** 32
  )
}

/** When a third of the lifetime is left, or up to a thirtieth of it before. */
export function renewAt(
  { notBefore, notAfter }: { notBefore: number; notAfter: number },
  share: number,
): number {
  const lifetime = notAfter - notBefore
  return Math.floor(notAfter - lifetime / 3 - (share * lifetime) / 30)
}

/** Renewal information is a hint: without it the lifetime decides. */
async function quietly<T>(question: Promise<T>): Promise<T | null> {
  try {
    return await question
  } catch (error) {
    if (error instanceof AcmeFailure) return null
    throw error
  }
}

function describe(error: IdentityRefused | MaterialRefused): string {
  if (error instanceof MaterialRefused) return error.message
  const bad = error.findings.filter(({ verdict }) => verdict === 'bad')
  return [error.message, ...bad.map((one) => explainFinding(one, 'en').text)].join('; ')
}
