// The handle on a running Exchange Online: submit mail, look into mailboxes, queue and events, change it while it runs.
// It only passes on; core.ts holds the parts.
import type { ExchangeConfig, Endpoint, TenantConfig } from './config.ts'
import { Administrator } from './administrator.ts'
import type { PowerShellOptions } from './administrator.ts'
import type { ScriptResult } from './powershell/interpreter.ts'
import type { TransportRule } from './rules/rule.ts'
import type { QueueEntry } from './outbound/queue.ts'
import { knownReply } from './replies.ts'
import type { Faults, Override } from './smtp/faults.ts'
import type { ConnectionRecord } from './smtp/service.ts'
import { Core } from './core.ts'
import type { ExchangeEvent, StoredMessage, Submission, WireMessage } from './core.ts'

/** A running Exchange Online. */
export class Exchange implements AsyncDisposable {
  /** Address of the front end. */
  readonly address: Endpoint
  readonly #core: Core
  readonly #administrator: Administrator

  constructor(address: Endpoint, core: Core) {
    this.address = address
    this.#core = core
    this.#administrator = new Administrator(core)
  }

  /** Sends as a mailbox user does from Outlook. Gives the Message-ID. Throws if the tenant is not there. */
  submit(submission: Submission): string {
    return this.#core.submit(submission)
  }

  /** Messages in the mailbox of an address, oldest first. */
  mailbox(address: string): StoredMessage[] {
    return this.#core.mailboxes.get(address.toLowerCase())?.all() ?? []
  }

  /**
   * The first message, here or coming, in the mailbox of an address that fits. Rejects with WaitTimeout after
   * `milliseconds` (default 10000).
   */
  waitForMail(
    address: string,
    fits: (mail: StoredMessage) => boolean = () => true,
    milliseconds?: number,
  ): Promise<StoredMessage> {
    return this.#core.mailbox(address).waitFor(fits, milliseconds)
  }

  /** Forgets the messages in all mailboxes and those kept for outside. */
  clearMail(): void {
    for (const mailbox of this.#core.mailboxes.values()) mailbox.clear()
    this.#core.outside.clear()
  }

  /** Messages to the rest of the world that were kept because no `internet` is configured. */
  outside(): StoredMessage[] {
    return this.#core.outside.all()
  }

  /** Mail on its way out. */
  queue(): QueueEntry[] {
    return this.#core.queue.entries()
  }

  /** Tries all deferred mail now. */
  retryNow(): void {
    this.#core.queue.retryNow()
  }

  /** How often a message has entered transport: once by submission or from outside, once more for each return. */
  passes(messageId: string): number {
    return this.#core.passes.get(messageId) ?? 0
  }

  /** Remembered events, oldest first. */
  events(): ExchangeEvent[] {
    return this.#core.log.all()
  }

  /** Calls `listener` for each event; the result ends it. */
  on(listener: (event: ExchangeEvent) => void): () => void {
    return this.#core.log.on(listener)
  }

  /** The first remembered or coming event that fits. Rejects with WaitTimeout after `milliseconds` (default 10000). */
  waitFor(fits: (event: ExchangeEvent) => boolean, milliseconds?: number): Promise<ExchangeEvent> {
    return this.#core.log.waitFor(fits, milliseconds)
  }

  /**
   * Resolves when nothing is under way here; with `empty` only when nothing is deferred either. It knows nothing of
   * mail that is inside a gateway just now.
   */
  async idle(options: { empty?: boolean; timeout?: number } = {}): Promise<void> {
    const { queue, log } = this.#core
    const done = (): boolean => (options.empty ? queue.size === 0 : queue.active === 0)
    const end = Date.now() + (options.timeout ?? 10_000)
    while (!done()) {
      if (Date.now() > end) throw new Error('the simulator did not come to rest')
      await log.nextOr(20)
    }
  }

  /**
   * Calls `listener` with the octets of each message that leaves for a next hop or is taken by the front end; the result
   * ends it. Nothing is kept, so that large mail costs nothing where nobody listens.
   */
  tap(listener: (message: WireMessage) => void): () => void {
    this.#core.taps.add(listener)
    return () => {
      this.#core.taps.delete(listener)
    }
  }

  /** Replaces all faults of the front end; the empty object heals it. */
  setFaults(faults: Faults): void {
    this.#core.server.faults.set(faults)
  }

  /** Adds a reply of the real Exchange Online, by name, to the faults of the front end. Throws for an unknown name. */
  provoke(name: string, options: Pick<Override, 'match' | 'times'> = {}): void {
    const { current } = this.#core.server.faults
    this.setFaults({ ...current, overrides: [...(current.overrides ?? []), knownReply(name, options)] })
  }

  /** Ends all connections to the front end, kept ones too; clients that come anew meet the faults now in force. */
  dropConnections(): void {
    this.#core.server.dropConnections()
  }

  /** The last connections to the front end. */
  connections(): readonly ConnectionRecord[] {
    return this.#core.server.connections()
  }

  /** All that clients have sent to the front end in clear text. */
  clearBytes(): Buffer {
    return this.#core.server.clearBytes()
  }

  /**
   * Runs an administrator's PowerShell script in a tenant. What goes wrong in the script is in the result; it throws
   * only if the tenant is not there.
   */
  powershell(tenant: string, script: string, options: PowerShellOptions = {}): Promise<ScriptResult> {
    return this.#administrator.run(tenant, script, options)
  }

  /** The files that scripts of a tenant have written; they are in memory only and may be changed. */
  files(tenant: string): Map<string, string> {
    return this.#administrator.files(tenant)
  }

  /** Adds a tenant, or replaces the one with its id. */
  setTenant(config: TenantConfig): void {
    this.#core.setTenant(config)
  }

  /** The configuration of a tenant; what PowerShell changed may not be in effect yet. Throws if it is not there. */
  tenant(id: string): TenantConfig {
    return this.#core.configured(id)
  }

  /** What PowerShell has changed takes effect now, without waiting for `propagationDelay`. */
  propagate(): void {
    this.#core.propagate()
  }

  /** External recipients of a tenant in the last 24 hours, as far as it has a limit. */
  externalRecipients(tenant: string): number {
    return this.#core.externalRecipients(tenant)
  }

  /** Replaces the rules of a tenant. */
  setRules(tenant: string, rules: TransportRule[]): void {
    this.#core.setTenant({ ...this.tenant(tenant), rules })
  }

  /** Says where a smart host is. */
  setHost(name: string, endpoint: Endpoint): void {
    this.#core.hosts.set(name.toLowerCase(), endpoint)
  }

  /** Says where the rest of the world is, or that it is nowhere. */
  setInternet(endpoint: Endpoint | undefined): void {
    this.#core.internet = endpoint
  }

  /** Ends everything. */
  async close(): Promise<void> {
    await this.#core.close()
  }

  /** The same, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Starts Exchange Online. */
export async function startExchange(config: ExchangeConfig): Promise<Exchange> {
  const core = new Core(config)
  const address = await core.server.listen()
  core.address = address
  return new Exchange(address, core)
}
