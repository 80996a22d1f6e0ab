/**
 * Keeps the address ranges of Office 365 current: takes over what any process has kept, within a second, asks the endpoint
 * service once a day where that is switched on, and raises and clears the alarms about it. Whatever goes wrong, the last
 * good list stays in use.
 */
import type { Log } from '../../observe/log.ts'
import { EndpointServiceError, type EndpointService } from './endpoint-service.ts'
import {
  checkSuccessor,
  newerOf,
  RangeListRefused,
  readEndpoints,
  readKept,
  readVersion,
  type RangeList,
} from './range-list.ts'

/** Where the list is kept. */
export interface RangeKeeper {
  /** What is kept, as it was written; null when nothing is. Rejects with StorageError. */
  read(): Promise<unknown>
  /** Keeps a list in place of the one before. Rejects with StorageError. */
  write(list: RangeList): Promise<void>
  /** Changes whenever `write` was called by any process; cheap. */
  mark(): Promise<string>
}

/** What came of asking the service. */
export type RefreshResult =
  | { readonly kind: 'confirmed' | 'taken'; readonly list: RangeList }
  /** The service answered what is not believed. */
  | { readonly kind: 'refused'; readonly cause: string }
  /** The service could not be asked. */
  | { readonly kind: 'failed'; readonly cause: string }

/** Alarms of the installation. */
export interface RangeAlarms {
  raise(code: string, args: Readonly<Record<string, string | number>>): Promise<void>
  clear(code: string): Promise<void>
}

/** What the refresher is made from. */
export interface RefresherOptions {
  readonly keeper: RangeKeeper
  /** null: refreshing is switched off. */
  readonly service: EndpointService | null
  readonly alarms: RangeAlarms
  /** Whether an AddressRange object takes the list in; alarms are raised only then, and nobody is asked otherwise. */
  readonly inUse: () => boolean
  /** The list changed; called once with the first list before `start` resolves. */
  readonly changed: (list: RangeList) => void
  readonly now: () => number
  readonly log: Log
  /** Times in milliseconds, for tests. */
  readonly times?: Partial<typeof TIMES>
}

const DAY = 86_400_000
/** From when on a list is old. */
export const STALE_MS = 45 * DAY
const TIMES = {
  /** Between two looks at what is kept. */
  look: 400,
  /** Between two looks at the age and at what is due. */
  tick: 5_000,
  /** Between two questions to the service. */
  refresh: DAY,
  /** After a failure. */
  retry: 3_600_000,
  /** For how long failures are nobody's business. */
  patience: 3 * DAY,
}

/**
 * Asks the service once and keeps what it says, if it is to be believed.
 * @param acceptSmaller - see checkSuccessor
 */
export async function refreshOnce(
  service: EndpointService,
  keeper: RangeKeeper,
  now: number,
  acceptSmaller = false,
): Promise<RefreshResult> {
  const current = newerOf(readKept(await keeper.read())).list
  try {
    const version = readVersion(await service.version())
    const known = version === current.version
    const ranges = known ? current.ranges : readEndpoints(await service.endpoints())
    const list: RangeList = { version, confirmedAt: now, ranges }
    checkSuccessor(list, current, acceptSmaller)
    await keeper.write(list)
    return { kind: known ? 'confirmed' : 'taken', list }
  } catch (error) {
    if (error instanceof RangeListRefused) return { kind: 'refused', cause: error.message }
    if (error instanceof EndpointServiceError) return { kind: 'failed', cause: error.message }
    throw error
  }
}

/** The running refresher. */
export class Refresher {
  readonly #options: RefresherOptions
  readonly #times: typeof TIMES
  readonly #timers: NodeJS.Timeout[] = []
  #list: RangeList | null = null
  #mark = ''
  #busy = false
  #isStopped = false
  #dueAt = 0
  /** Since when the service fails; null when it does not. */
  #failingSince: number | null = null
  /** When each alarm was raised last, by this process. */
  readonly #raised = new Map<string, number>()

  constructor(options: RefresherOptions) {
    this.#options = options
    this.#times = { ...TIMES, ...options.times }
  }

  /** Takes the kept list over and begins. */
  async start(): Promise<void> {
    await this.#look()
    const every = (ms: number, work: () => Promise<void>): void => {
      this.#timers.push(setInterval(() => void this.#alone(work), ms))
    }
    every(this.#times.look, () => this.#look())
    every(this.#times.tick, () => this.#tick())
    void this.#alone(() => this.#tick())
  }

  /** Ends; what is under way comes to nothing, and that it does is nobody's business: the store may be closing. */
  stop(): void {
    this.#isStopped = true
    for (const timer of this.#timers) clearInterval(timer)
  }

  /** One piece of work at a time; a failure is logged and the list in use stays. */
  async #alone(work: () => Promise<void>): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    try {
      await work()
    } catch (error) {
      if (!this.#isStopped) this.#options.log.error('address-ranges-not-kept', { error: String(error) })
    }
    this.#busy = false
  }

  async #look(): Promise<void> {
    const { keeper, changed, log } = this.#options
    const mark = await keeper.mark()
    if (this.#list !== null && mark === this.#mark) return
    this.#mark = mark
    const { list, source } = newerOf(readKept(await keeper.read()))
    const isNew = list.version !== this.#list?.version || list.ranges.join() !== this.#list.ranges.join()
    this.#list = list
    if (!isNew) return
    log.info('address-ranges', { version: list.version, source, ranges: list.ranges })
    changed(list)
  }

  async #tick(): Promise<void> {
    const { service, keeper, now, inUse, log } = this.#options
    if (!inUse()) {
      await this.#settleAlarm('address-ranges-stale', null)
      await this.#settleAlarm('address-ranges-refused', null)
      await this.#settleAlarm('address-ranges-not-refreshed', null)
      return
    }
    if (service !== null && now() >= Math.max(this.#dueAt, this.#confirmedAt() + this.#times.refresh)) {
      const result = await refreshOnce(service, keeper, now())
      log[result.kind === 'failed' || result.kind === 'refused' ? 'warn' : 'info']('address-ranges-refresh', {
        ...result,
      })
      await this.#look()
      await this.#note(result)
    }
    const ageMs = now() - this.#confirmedAt()
    const args = { version: this.#list?.version ?? '', days: Math.floor(ageMs / DAY) }
    await this.#settleAlarm('address-ranges-stale', ageMs > STALE_MS ? args : null)
  }

  #confirmedAt(): number {
    // A list confirmed in the future was written under a wrong clock: it counts as old.
    const at = this.#list?.confirmedAt ?? 0
    return at > this.#options.now() ? 0 : at
  }

  async #note(result: RefreshResult): Promise<void> {
    const now = this.#options.now()
    const isGood = result.kind === 'taken' || result.kind === 'confirmed'
    this.#failingSince = isGood ? null : (this.#failingSince ?? now)
    this.#dueAt = isGood ? now + this.#times.refresh : now + this.#times.retry
    const since = Math.min(this.#failingSince ?? now, this.#confirmedAt() + this.#times.refresh)
    const isLong = result.kind === 'failed' && now - since >= this.#times.patience
    await this.#settleAlarm('address-ranges-not-refreshed', isLong ? { cause: result.cause } : null)
    if (result.kind !== 'failed')
      await this.#settleAlarm(
        'address-ranges-refused',
        result.kind === 'refused' ? { cause: result.cause } : null,
      )
  }

  /** Raises an alarm at once and then daily while it lasts, and clears it when it does not. */
  async #settleAlarm(
    code: 'address-ranges-stale' | 'address-ranges-refused' | 'address-ranges-not-refreshed',
    args: Readonly<Record<string, string | number>> | null,
  ): Promise<void> {
    const { alarms, now } = this.#options
    const raisedAt = this.#raised.get(code) ?? null
    if (args !== null) {
      if (raisedAt !== null && raisedAt > 0 && now() - raisedAt < DAY) return
      this.#raised.set(code, now())
      await alarms.raise(code, args)
      // 0: cleared by this process. Without an entry a process before may have raised it.
    } else if (raisedAt !== 0) {
      this.#raised.set(code, 0)
      await alarms.clear(code)
    }
  }
}
