/**
 * Has at hand what speaks of certificates: from memory, from the store, else from the network, one fetch for each source at a time.
 * What is used is fetched again before it ends. A source that fails is left in peace for a while. It waits no longer than it is told
 * to: what comes later helps the next mail. Judges no certificate.
 */
import { EngineError, readCertificates, type Certificate, type Crl, type OcspResponse } from '@siegel/engine'
import { FetchFailed, type GuardedFetch } from './guarded-fetch.ts'
import type { SourceStore } from './ports.ts'
import { readAnswer, requestOf, sourcesOf, writeChain, type Answer, type Source } from './sources.ts'

/** What it is made from. */
export interface StatusServiceOptions {
  readonly store: SourceStore
  /** null: nothing is fetched, only what is at hand counts. */
  readonly fetch: GuardedFetch | null
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Told of a change that could not be kept; the answer is used all the same. */
  readonly failed: (cause: string) => void
}

/** A source that gave nothing. */
export interface SourceFailure {
  readonly url: string
  /** For the operator. */
  readonly cause: string
  /** SHA-256 of the last certificate of the chain, an anchor. */
  readonly anchor: string
}

/** What speaks of the certificates of a chain. */
export interface Material {
  readonly crls: readonly Crl[]
  readonly ocspResponses: readonly OcspResponse[]
  readonly failures: readonly SourceFailure[]
  /** Whether any certificate of the chain names a source at all. */
  readonly offered: boolean
  /** When the first of the answers ends, in milliseconds since 1970; 0 when something could not be had, Infinity without any. */
  readonly expiresAt: number
}

const MINUTE = 60_000
const DAY = 86_400_000
/** Octets of answers kept in memory, parsed. */
const MAX_OCTETS = 64 * 1024 * 1024
const MAX_ANSWERS = 20_000
const MAX_FAILURES = 10_000
const MAX_FLIGHTS = 64
const MAX_FLIGHTS_TO_HOST = 8
/** Sources that failed and are tried again in one round. */
const MAX_AGAIN = 100
const LONGEST_PAUSE = 15 * MINUTE
/** What nobody has used for so long is not fetched again by itself. */
const IN_USE = 7 * DAY

interface Held {
  readonly answer: Answer
  readonly octets: number
  touchedAt: number
}

interface Pause {
  readonly source: Source
  readonly failure: SourceFailure
  readonly until: number
  readonly length: number
}

/** What came of fetching again. */
export interface Refreshed {
  readonly fetched: number
  readonly failures: readonly SourceFailure[]
}

/** The sources of the installation. */
export class StatusService {
  readonly #options: StatusServiceOptions
  readonly #held = new Map<string, Held>()
  #octets = 0
  readonly #flights = new Map<string, Promise<Answer>>()
  readonly #toHost = new Map<string, number>()
  readonly #pauses = new Map<string, Pause>()

  /** @param options - store, fetcher and clock */
  constructor(options: StatusServiceOptions) {
    this.#options = options
  }

  /**
   * What speaks of all certificates of a chain but its anchor, leaf first. Never rejects.
   * @param patienceMs - how long the network is waited for
   */
  async material(chain: readonly Certificate[], patienceMs: number): Promise<Material> {
    const crls: Crl[] = []
    const ocspResponses: OcspResponse[] = []
    const failures: SourceFailure[] = []
    let offered = false
    let expiresAt = Infinity
    const work = chain.slice(0, -1).map(async (_, at) => {
      const below = chain.slice(at)
      for (const kind of ['ocsp', 'crl'] as const) {
        const sources = sourcesOf(kind, below)
        offered ||= sources.length > 0
        for (const source of sources) {
          const answer = await this.#answer(source, failures)
          expiresAt = Math.min(expiresAt, answer?.expiresAt ?? 0)
          if (answer?.kind === 'crl') crls.push(answer.crl)
          else if (answer?.kind === 'ocsp') ocspResponses.push(answer.response)
          // Of the CRLs all are needed: each may speak of other reasons. RFC 5280 6.3.3
          if (answer?.kind === 'ocsp' && !saysUnknown(answer.response, below)) return
        }
      }
    })
    const late = await inTime(Promise.all(work), patienceMs)
    if (late) failures.push({ url: '', cause: 'no answer in time', anchor: chain.at(-1)?.fingerprint ?? '' })
    if (late) expiresAt = 0
    return { crls: [...crls], ocspResponses: [...ocspResponses], failures: [...failures], offered, expiresAt }
  }

  /** Certificates that issued this one, from where it says that they are. Never rejects. */
  async issuersOf(certificate: Certificate, patienceMs: number): Promise<readonly Certificate[]> {
    const found: Certificate[] = []
    const work = async (): Promise<void> => {
      for (const source of sourcesOf('issuer', [certificate])) {
        const answer = await this.#answer(source, [])
        if (answer?.kind === 'issuer') found.push(...answer.certificates)
        if (found.length > 0) return
      }
    }
    await inTime(work(), patienceMs)
    return [...found]
  }

  /** The sources that give nothing at present. */
  failing(): readonly SourceFailure[] {
    return [...this.#pauses.values()].map(({ failure }) => failure)
  }

  /**
   * Fetches again what is due and in use.
   * @param time - what is due before then, in milliseconds since 1970; Infinity for everything
   * @param anchors - fingerprints of anchors whose sources are tried again although they have never given anything
   * @returns how many were fetched, and those that were not
   */
  async refresh(time: number, anchors: ReadonlySet<string> = new Set()): Promise<Refreshed> {
    const { store, now } = this.#options
    const failures: SourceFailure[] = []
    let fetched = 0
    const again = [...this.#pauses.values()]
      .filter(
        ({ until, failure, source }) =>
          until < now() && anchors.has(failure.anchor) && source.kind !== 'issuer',
      )
      .slice(0, MAX_AGAIN)
    for (const { source } of again) if (await this.#fetched(source, failures)) fetched++
    const keys = store.due(Math.min(time, Number.MAX_SAFE_INTEGER), time === Infinity ? 0 : now() - IN_USE)
    const next = async (): Promise<void> => {
      for (let key = keys.shift(); key !== undefined; key = keys.shift()) {
        const kept = store.find(key, 0)
        if (kept === null) continue
        const { kind, url } = kept
        const source = { key, kind, url, chain: readCertificates(kept.chain) }
        if (time === Infinity) this.#pauses.delete(`${source.chain.at(-1)?.fingerprint ?? ''} ${key}`)
        if (await this.#fetched(source, failures)) fetched++
      }
    }
    await Promise.all([next(), next(), next(), next()])
    return { fetched, failures }
  }

  async #fetched(source: Source, failures: SourceFailure[]): Promise<boolean> {
    return (await this.#byNetwork(source, failures)) !== null
  }

  async #answer(source: Source, failures: SourceFailure[]): Promise<Answer | null> {
    const now = this.#options.now()
    const known = this.#atHand(source, now)
    if (known === null) return this.#byNetwork(source, failures)
    // Still good: nobody waits for the next one.
    if (now >= known.refreshAt) void this.#byNetwork(source, [])
    return known
  }

  /** From memory or the store; another process may have put a newer one there. */
  #atHand(source: Source, now: number): Answer | null {
    const { store } = this.#options
    const held = this.#held.get(source.key)
    const at = store.fetchedAt(source.key)
    if (held !== undefined && at === held.answer.fetchedAt) {
      if (now < held.answer.expiresAt && isUsable(held.answer, source)) {
        this.#touch(source.key, held, now)
        return held.answer
      }
      if (now >= held.answer.expiresAt) return null
    }
    if (at === null) return null
    const kept = store.find(source.key, now)
    if (kept === null) return null
    try {
      const answer = readAnswer(source, kept.content, kept.fetchedAt)
      this.#hold(source.key, answer, kept.content.length)
      return answer
    } catch (error) {
      if (error instanceof EngineError) return null
      throw error
    }
  }

  async #byNetwork(source: Source, failures: SourceFailure[]): Promise<Answer | null> {
    const { url, chain } = source
    const anchor = chain.at(-1)?.fingerprint ?? ''
    // By authority: what does not fit one CA must not keep another one's answers away.
    const paused = `${anchor} ${source.key}`
    const pause = this.#pauses.get(paused)
    if (pause !== undefined && this.#options.now() < pause.until) {
      failures.push(pause.failure)
      return null
    }
    try {
      const answer = await this.#flight(source)
      this.#pauses.delete(paused)
      return isUsable(answer, source) ? answer : null
    } catch (error) {
      if (!(error instanceof FetchFailed || error instanceof EngineError)) throw error
      const failure = { url, cause: error.message, anchor }
      failures.push(failure)
      this.#pauseFor(paused, source, failure)
      return null
    }
  }

  #flight(source: Source): Promise<Answer> {
    const known = this.#flights.get(source.key)
    if (known !== undefined) return known
    const host = URL.parse(source.url)?.host ?? ''
    const toHost = this.#toHost.get(host) ?? 0
    if (this.#flights.size >= MAX_FLIGHTS || toHost >= MAX_FLIGHTS_TO_HOST)
      return Promise.reject(new FetchFailed('no-answer', 'too much is being fetched'))
    this.#toHost.set(host, toHost + 1)
    const flight = this.#fetch(source).finally(() => {
      this.#flights.delete(source.key)
      const left = (this.#toHost.get(host) ?? 1) - 1
      if (left === 0) this.#toHost.delete(host)
      else this.#toHost.set(host, left)
    })
    this.#flights.set(source.key, flight)
    return flight
  }

  async #fetch(source: Source): Promise<Answer> {
    const { fetch, store, now, failed } = this.#options
    if (fetch === null) throw new FetchFailed('no-answer', 'not at hand, and nothing is fetched here')
    const content = await fetch(requestOf(source))
    const answer = readAnswer(source, content, now(), this.#atHand(source, now()))
    this.#hold(source.key, answer, content.length)
    const { key, kind, url, chain } = source
    const { fetchedAt, refreshAt, expiresAt } = answer
    const kept = { key, kind, url, content, fetchedAt, refreshAt, expiresAt, chain: writeChain(chain) }
    await store.keep(kept).catch((error: unknown) => {
      failed(String(error))
    })
    return answer
  }

  #hold(key: string, answer: Answer, octets: number): void {
    this.#drop(key)
    this.#held.set(key, { answer, octets, touchedAt: answer.fetchedAt })
    this.#octets += octets
    for (const oldest of this.#held.keys()) {
      if (this.#octets <= MAX_OCTETS && this.#held.size <= MAX_ANSWERS) break
      this.#drop(oldest)
    }
  }

  #drop(key: string): void {
    this.#octets -= this.#held.get(key)?.octets ?? 0
    this.#held.delete(key)
  }

  #touch(key: string, held: Held, now: number): void {
    this.#held.delete(key)
    this.#held.set(key, held)
    if (now - held.touchedAt < DAY) return
    held.touchedAt = now
    this.#options.store.touch(key, now).catch((error: unknown) => {
      this.#options.failed(String(error))
    })
  }

  #pauseFor(key: string, source: Source, failure: SourceFailure): void {
    const length = Math.min(LONGEST_PAUSE, (this.#pauses.get(key)?.length ?? MINUTE / 2) * 2)
    this.#pauses.delete(key)
    this.#pauses.set(key, { source, failure, length, until: this.#options.now() + length })
    if (this.#pauses.size <= MAX_FAILURES) return
    const oldest = this.#pauses.keys().next()
    if (oldest.done !== true) this.#pauses.delete(oldest.value)
  }
}

/** An answer about another certificate of the same address, or of another CA's key, says nothing here. */
function isUsable(answer: Answer, { chain }: Source): boolean {
  const [certificate = null, issuer] = chain
  if (answer.kind !== 'ocsp') return true
  return issuer !== undefined && answer.response.concerns(certificate, issuer)
}

function saysUnknown(response: OcspResponse, [certificate, issuer]: readonly Certificate[]): boolean {
  if (certificate === undefined || issuer === undefined) return true
  return response.answersFor(certificate, issuer).every(({ status }) => status === 'unknown')
}

/** Whether the work is not done in time. It goes on. */
async function inTime(work: Promise<unknown>, patienceMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, patienceMs, true)
  })
  try {
    return await Promise.race([work.then(() => false), late])
  } finally {
    clearTimeout(timer)
  }
}
