/**
 * Takes an order one stretch further: answers its challenges, hands the request over, fetches the chains. Everything that must be
 * remembered is the order's address, so that another process can go on. Waits for the server only a while; then it is called again.
 */
import type { Authorization, Challenge, Order } from './client.ts'
import type { AcmeClient } from './client.ts'
import { dnsRecord, isToken, type DnsRecord, type HttpResponder, type TxtLookup } from './challenges.ts'
import type { DnsCommand } from './dns-command.ts'
import { AcmeFailure, readProblem } from './failure.ts'

/** How challenges can be answered here. */
export interface Solvers {
  readonly challenge: 'http-01' | 'dns-01'
  /** null when no listener for HTTP-01 is set up. */
  readonly http: HttpResponder | null
  /** null: records are written by hand. */
  readonly dnsCommand: DnsCommand | null
  readonly txtLookup: TxtLookup
}

/** What an order is for. */
export interface Wanted {
  /** Address of the order under way; null when there is none. */
  readonly orderUrl: string | null
  readonly domain: string
  /** DER. */
  readonly csr: Buffer
}

/** The surroundings. */
export interface IssueClock {
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly sleep: (ms: number) => Promise<void>
}

/** How far it came. */
export type Progress =
  | { readonly kind: 'issued'; readonly chains: readonly string[] }
  /** The server is not done, or a record (null: none) cannot be seen yet. */
  | { readonly kind: 'waiting'; readonly record: DnsRecord | null; readonly retryAt: number }

/** Questions in one stretch, and the pause between them. */
const MOST_POLLS = 15
const PAUSE_MS = 1000
const LONGEST_PAUSE_MS = 10_000
const AGAIN_MS = 60_000
/** Of one order for one name; more is no answer to what was asked. */
const MOST_AUTHORIZATIONS = 10
const MOST_ALTERNATES = 8

/** Work on one order. */
class Stretch {
  readonly #client: AcmeClient
  readonly #wanted: Wanted
  readonly #solvers: Solvers
  readonly #clock: IssueClock

  constructor(client: AcmeClient, wanted: Wanted, solvers: Solvers, clock: IssueClock) {
    this.#client = client
    this.#wanted = wanted
    this.#solvers = solvers
    this.#clock = clock
  }

  async run(order: Order): Promise<Progress> {
    let current = order
    if (current.status === 'pending') {
      const record = await this.#authorize(current)
      if (record !== null) return this.#waiting(record)
      current = await this.#poll(
        () => this.#client.orderAt(order.url),
        ({ status }) => status !== 'pending',
      )
    }
    if (current.status === 'ready') current = await this.#client.finalize(current, this.#wanted.csr)
    if (current.status === 'processing')
      current = await this.#poll(
        () => this.#client.orderAt(order.url),
        ({ status }) => status !== 'processing',
      )
    if (current.status === 'invalid') throw readProblem(current.error, 'the order has become invalid')
    if (current.status !== 'valid' || current.certificate === null) return this.#waiting(null)
    return { kind: 'issued', chains: await this.#client.chains(current.certificate, MOST_ALTERNATES) }
  }

  #waiting(record: DnsRecord | null): Progress {
    return { kind: 'waiting', record, retryAt: this.#clock.now() + AGAIN_MS }
  }

  /** Answers what is asked. Returns a record that cannot be seen yet, null when everything is answered. */
  async #authorize(order: Order): Promise<DnsRecord | null> {
    const urls = order.authorizations
    if (urls.length > MOST_AUTHORIZATIONS)
      throw new AcmeFailure('refused', `the order wants ${urls.length} authorizations for one name`)
    for (const url of urls) {
      const authorization = await this.#client.authorizationAt(url)
      if (authorization.status === 'valid') continue
      const challenge = this.#chosen(authorization)
      const record = await this.#answer(url, challenge)
      if (record !== null) return record
    }
    return null
  }

  #chosen({ status, challenges, domain }: Authorization): Challenge {
    const failed = challenges.find(({ status: state }) => state === 'invalid')
    if (status !== 'pending') throw readProblem(failed?.error, `the authorization is ${status}`)
    const { challenge: type } = this.#solvers
    const found = challenges.find((one) => one.type === type)
    if (found === undefined)
      throw new AcmeFailure(
        'refused',
        `the authority offers ${challenges.map((one) => one.type).join(', ')}, not ${type}`,
      )
    if (domain !== this.#wanted.domain || !isToken(found.token))
      throw new AcmeFailure('refused', 'the authority asks for what was not ordered')
    return found
  }

  async #answer(url: string, challenge: Challenge): Promise<DnsRecord | null> {
    const { token } = challenge
    const { http, dnsCommand } = this.#solvers
    const answer = this.#client.keyAuthorization(token)
    const record = dnsRecord(this.#wanted.domain, answer)
    if (challenge.type === 'dns-01') {
      if (!(await this.#published(record))) return record
    } else if (http === null)
      throw new AcmeFailure(
        'not-ready',
        'no listener for HTTP-01 (acme.httpListeners in siegel.yaml; the log of the start says why)',
      )
    else http.set(token, answer)
    try {
      if (challenge.status === 'pending') await this.#client.respond(challenge)
      const settled = await this.#poll(
        () => this.#client.authorizationAt(url),
        ({ status }) => status !== 'pending',
      )
      if (settled.status === 'valid' || settled.status === 'pending') return null
      const failed = settled.challenges.find(({ status }) => status === 'invalid')
      const { message, type } = readProblem(failed?.error, 'the authority did not find the answer')
      throw new AcmeFailure(type === 'caa' ? 'caa' : 'challenge-failed', message, { type })
    } finally {
      http?.clear(token)
      if (challenge.type === 'dns-01') await dnsCommand?.('cleanup', record)
    }
  }

  /** Whether the record can be seen; the administrator's command writes it first, unless it is there. */
  async #published(record: DnsRecord): Promise<boolean> {
    const { dnsCommand, txtLookup } = this.#solvers
    if (await txtLookup(record)) return true
    if (dnsCommand === null) return false
    await dnsCommand('present', record)
    for (let poll = 1; poll <= MOST_POLLS; poll += 1) {
      if (await txtLookup(record)) return true
      await this.#clock.sleep(PAUSE_MS * 2)
    }
    return false
  }

  async #poll<T extends { readonly retryAt: number | null }>(
    ask: () => Promise<T>,
    done: (value: T) => boolean,
  ): Promise<T> {
    for (let poll = 1; ; poll += 1) {
      const value = await ask()
      if (done(value) || poll === MOST_POLLS) return value
      const wanted = value.retryAt === null ? PAUSE_MS : value.retryAt - this.#clock.now()
      await this.#clock.sleep(Math.min(Math.max(wanted, PAUSE_MS), LONGEST_PAUSE_MS))
    }
  }
}

/**
 * Goes on with an order, or begins one.
 * @param remember - told the address of an order that was begun, before anything else happens with it
 * @throws AcmeFailure; but for `unreachable`, `rate-limited` and `not-ready` the order is of no more use
 */
export async function proceed(
  client: AcmeClient,
  wanted: Wanted,
  solvers: Solvers,
  clock: IssueClock,
  remember: (orderUrl: string) => Promise<void>,
): Promise<Progress> {
  const known = wanted.orderUrl === null ? null : await knownOrder(client, wanted.orderUrl)
  const order = known ?? (await client.order(wanted.domain))
  if (known === null) await remember(order.url)
  return new Stretch(client, wanted, solvers, clock).run(order)
}

/** The order as it stands; null when the server has forgotten it, or nothing can come of it. */
async function knownOrder(client: AcmeClient, url: string): Promise<Order | null> {
  try {
    const order = await client.orderAt(url)
    return order.status === 'invalid' ? null : order
  } catch (error) {
    if (error instanceof AcmeFailure && error.code === 'refused') return null
    throw error
  }
}
