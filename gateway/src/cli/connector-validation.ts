/**
 * When the outbound connector of a tenant was last validated: the test mail of connector validation that was let in through an
 * open window and handed on. Read from the traces; nothing else remembers it, so it is known as long as they are kept.
 */
import { check, type Check } from '../exchange/assist/checks.ts'
import { VALIDATION_WINDOW } from '../mail/message.ts'
import type { TraceStore, TraceSummary } from '../mail/trace.ts'

/** Local part of the sender of the test mail. */
const SENDER = 'O365ConnectorValidation'
/** States of a recipient to whom the test mail was handed on. */
const HANDED_ON: ReadonlySet<string> = new Set(['delivered', 'relayed'])
/** Test mails of one domain that are looked at, newest first: others may write from this address too. */
const MOST = 20

/** A validation that went through. */
export interface ConnectorValidation {
  /** When the test mail came, in milliseconds since 1970. */
  readonly at: number
  readonly mailId: string
  readonly recipients: readonly string[]
}

/** Whether the mail came in by the window alone, and not as any other mail of the tenant. */
async function cameByWindow(traces: TraceStore, { mailId }: TraceSummary): Promise<boolean> {
  const found = await traces.show(mailId)
  const received = found?.events.find(({ code }) => code === 'received')
  const factors = received?.arguments['factors']
  return Array.isArray(factors) && factors.includes(VALIDATION_WINDOW)
}

/**
 * The latest validation of a tenant; null when there is none in its traces.
 * @param domains - the tenant's accepted domains
 */
export async function lastValidation(
  traces: TraceStore,
  domains: readonly string[],
): Promise<ConnectorValidation | null> {
  let last: ConnectorValidation | null = null
  for (const domain of domains) {
    const mails = await traces.find({ from: `${SENDER}@${domain}`, limit: MOST })
    for (const mail of mails) {
      if (last !== null && mail.receivedAt <= last.at) break
      const reached = mail.recipients.filter(({ state }) => HANDED_ON.has(state))
      if (reached.length === 0 || !(await cameByWindow(traces, mail))) continue
      last = {
        at: mail.receivedAt,
        mailId: mail.mailId,
        recipients: reached.map(({ address }) => address),
      }
      break
    }
  }
  return last
}

/** Whether and when Exchange Online has tested its connector through an open window, as one of the assistant's results. */
export async function validationCheck(traces: TraceStore, domains: readonly string[]): Promise<Check> {
  const last = await lastValidation(traces, domains)
  return last === null
    ? check('warning', 'connector-not-validated')
    : check('good', 'connector-validated', { at: new Date(last.at).toISOString() })
}
