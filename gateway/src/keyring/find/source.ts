/**
 * One place that is asked: remembers for a while what it answered, gives up when it is slow, and leaves it alone for a while after it
 * has failed several times. What it remembers lies in memory: after a start each address is asked for once more, and nobody's
 * addresses lie in another table. Judges no certificate.
 */
import type { KeyReason } from '../keyring.ts'
import { NOTHING, type Answer, type CertificateFinder } from './finder.ts'

/** Settings of a source. */
export interface SourceSettings {
  /** Name of its object. */
  readonly name: string
  readonly kind: 'ldap' | 'https' | 'smimea'
  /** Whether it is asked about a domain (lower case). */
  readonly serves: (domain: string) => boolean
  /** What it gives is kept in the keyring. */
  readonly keep: boolean
  readonly timeoutMs: number
  /** For how long "nothing" is remembered. */
  readonly notFoundMs: number
}

/** What a source said, or why it said nothing. */
export interface SourceAnswer {
  readonly source: Source
  readonly answer: Answer
  /** Nobody could say; what was found elsewhere still counts. */
  readonly failed: boolean
  readonly reasons: readonly KeyReason[]
}

interface Kept {
  readonly until: number
  readonly answer: Answer
}

/** For so long certificates are remembered that were found. */
const FOUND_MS = 900_000
const MOST_KEPT = 10_000
/** Failures one after the other after which a source is left alone, and for how long: doubled with each further one. */
const FAILURES = 3
const FIRST_PAUSE_MS = 30_000
const LONGEST_PAUSE_MS = 600_000
/** Questions to one source at a time; what comes beyond waits within its own time. */
const MOST_ASKED = 16

/** A place that is asked. */
export class Source {
  readonly settings: SourceSettings
  readonly #finder: CertificateFinder
  readonly #now: () => number
  readonly #kept = new Map<string, Kept>()
  readonly #asking = new Map<string, Promise<Answer>>()
  readonly #queue: (() => void)[] = []
  #busy = 0
  #failures = 0
  #pausedUntil = 0

  /** @param now - milliseconds since 1970 */
  constructor(settings: SourceSettings, finder: CertificateFinder, now: () => number) {
    this.settings = settings
    this.#finder = finder
    this.#now = now
  }

  /** Asks for an address, or tells what is remembered. Never rejects. */
  async ask(address: string): Promise<SourceAnswer> {
    const { name, kind } = this.settings
    const about = { source: name, kind }
    const kept = this.#kept.get(address)
    if (kept !== undefined && kept.until > this.#now()) return this.#said(kept.answer)
    if (this.#pausedUntil > this.#now()) return this.#silent({ ...about, cause: 'paused after failures' })
    let question = this.#asking.get(address)
    if (question === undefined)
      this.#asking.set(
        address,
        (question = this.#question(address).finally(() => {
          this.#asking.delete(address)
        })),
      )
    try {
      return this.#said(await question)
    } catch (error) {
      return this.#silent({ ...about, cause: causeOf(error) })
    }
  }

  #said(answer: Answer): SourceAnswer {
    const { name, kind } = this.settings
    const about = { source: name, kind }
    const found = answer.certificates.length + answer.associations.length
    return {
      source: this,
      answer,
      failed: false,
      reasons: [
        found === 0
          ? { code: 'directory-has-none', arguments: about }
          : { code: 'directory-answers', arguments: { ...about, certificates: answer.certificates.length } },
        ...answer.reasons.map(({ code, arguments: args }) => ({
          code,
          arguments: { ...args, source: name },
        })),
      ],
    }
  }

  #silent(args: KeyReason['arguments']): SourceAnswer {
    const reasons = [{ code: 'directory-not-answering', arguments: args }]
    return { source: this, answer: NOTHING, failed: true, reasons }
  }

  async #question(address: string): Promise<Answer> {
    const signal = AbortSignal.timeout(this.settings.timeoutMs)
    try {
      const answer = await this.#inTime(address, signal)
      this.#failures = 0
      this.#remember(address, answer)
      return answer
    } catch (error) {
      // Who waited behind others in vain says nothing new of the source.
      if (!(error instanceof TooBusy)) this.#failed()
      throw error
    }
  }

  async #inTime(address: string, signal: AbortSignal): Promise<Answer> {
    await this.#turn(signal)
    try {
      // A finder that does not heed the signal must not keep the mail either.
      return await Promise.race([this.#finder.find(address, signal), ended(signal)])
    } finally {
      this.#busy--
      this.#queue.shift()?.()
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    if (this.#busy >= MOST_ASKED) {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const go = (): void => {
        resolve(true)
      }
      this.#queue.push(go)
      const mine = await Promise.race([promise, ended(signal).catch(() => false)])
      if (!mine) {
        const at = this.#queue.indexOf(go)
        if (at < 0) this.#queue.shift()?.()
        else this.#queue.splice(at, 1)
        throw new TooBusy('too many questions at once')
      }
    }
    this.#busy++
  }

  #failed(): void {
    this.#failures++
    if (this.#failures < FAILURES) return
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** (this.#failures - FAILURES), LONGEST_PAUSE_MS)
    this.#pausedUntil = this.#now() + pause
  }

  #remember(address: string, answer: Answer): void {
    const nothing = answer.certificates.length + answer.associations.length === 0
    const time = nothing ? this.settings.notFoundMs : FOUND_MS
    if (time === 0) return
    this.#kept.delete(address)
    this.#kept.set(address, { until: this.#now() + time, answer })
    const oldest = this.#kept.keys().next()
    if (this.#kept.size > MOST_KEPT && oldest.done !== true) this.#kept.delete(oldest.value)
  }
}

class TooBusy extends Error {}

function ended(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  const fail = (): void => {
    reject(new Error('no answer in time'))
  }
  if (signal.aborted) fail()
  else signal.addEventListener('abort', fail, { once: true })
  return promise
}

const LONGEST_CAUSE = 200

function causeOf(error: unknown): string {
  const text = error instanceof Error && error.message !== '' ? error.message : 'failed'
  return text.slice(0, LONGEST_CAUSE)
}
