/**
 * What went over the wire between Exchange Online and the gateway, octet by octet, as the simulator saw both sides. Kept for the
 * comparison of what the gateway was given with what it gave back.
 */
import type { Exchange, WireMessage } from '@siegel/exo-sim'
import { CONNECTORS } from './assistant.ts'

/** One pass of a mail through the gateway. */
export interface Pass {
  readonly given: WireMessage
  readonly back: WireMessage
}

/** Listens from its making on. */
export class Wire {
  readonly #seen: WireMessage[] = []
  readonly #end: () => void
  #waiting: (() => void)[] = []

  constructor(exchange: Exchange) {
    this.#end = exchange.tap((message) => {
      this.#seen.push(message)
      for (const look of this.#waiting.splice(0)) look()
    })
  }

  /** Everything of one Message-ID, in the order in which it was seen. */
  of(messageId: string): WireMessage[] {
    return this.#seen.filter((message) => message.messageId === messageId)
  }

  /** The pass of a mail through the gateway: what left by the outbound connector and what came by the inbound one. */
  async pass(messageId: string, milliseconds = 20_000): Promise<Pass> {
    const end = Date.now() + milliseconds
    for (;;) {
      const all = this.of(messageId)
      const given = all.find(({ direction, connector }) => direction === 'out' && connector === CONNECTORS.outbound) // prettier-ignore
      const back = all.find(({ direction, connector }) => direction === 'in' && connector === CONNECTORS.inbound) // prettier-ignore
      if (given !== undefined && back !== undefined) return { given, back }
      if (Date.now() > end) throw new Error(`no pass of ${messageId} through the gateway`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(end - Date.now(), 1))
        this.#waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  /** Listens no more. */
  close(): void {
    this.#end()
  }
}

/** The header section of a message as fields with their line ends, in order. */
export function fieldsOf(raw: Buffer): string[] {
  const end = raw.indexOf('\r\n\r\n')
  const text = raw.toString('latin1', 0, end < 0 ? raw.length : end + 2)
  return text.split(/(?<=\r\n)(?![ \t])/)
}
