/**
 * How a scenario sees what became of an attack: the reason in the log, what arrived, the trace of the mail.
 */
import assert from 'node:assert/strict'
import { traceOf } from '../demo/acts.ts'
import { fieldOf } from '../demo/look.ts'
import type { Setting } from '../seed/setting.ts'
import { CONTOSO } from '../stage/objects.ts'
import type { Answer } from '../stage/stranger.ts'

/** What the outside hears, whatever the reason. */
const GENERIC = /^550 5\.7\.1 Not authorized/

/** Does something that the gateway must refuse, and gives the reason that its log names. */
export async function refused(setting: Setting, attempt: () => unknown): Promise<string> {
  const line = setting.stage.gateway.waitForLog(({ event }) => event === 'mail-refused', 20_000, true)
  line.catch(() => undefined)
  await attempt()
  const { reply, reason } = await line
  assert.match(String(reply), GENERIC)
  return String(reason)
}

/** The peer has heard the one generic refusal and no reason. */
export function expectGeneric({ last }: Answer): void {
  assert.match(last, GENERIC)
  assert.ok(!/certificate|tenant|secret|range/i.test(last), last)
}

/** Nothing of it went through: the gateway keeps no such mail, and nobody got it. */
export function expectNowhere({ stage }: Setting, messageId: string): void {
  assert.deepEqual(stage.gateway.json(['trace', 'find', '--message-id', messageId]), [])
  const arrived = stage.world.received().filter(({ raw }) => fieldOf(raw, 'message-id') === messageId)
  assert.equal(arrived.length, 0)
}

/** What the trace says of how a mail was taken. */
export interface Received {
  readonly direction: string
  readonly factors: readonly string[]
  readonly removed: readonly { readonly name: string; readonly reason: string }[]
  readonly earlierPasses: number
}

interface Traced {
  readonly summary: { readonly recipients: readonly { readonly state: string }[] }
  readonly events: readonly { readonly code: string; readonly arguments: object }[]
}

/** The trace of a mail that is at its end with the gateway: how it was taken, and all of it as text. */
export async function traced(
  { stage }: Setting,
  messageId: string,
): Promise<{ received: Received; text: string }> {
  const end = Date.now() + 20_000
  for (;;) {
    const trace = traceOf(stage, messageId) as Traced
    // The next hop has the mail a moment before the trace has it.
    if (trace.summary.recipients.every(({ state }) => state === 'delivered' || state === 'relayed')) {
      const received = trace.events.find(({ code }) => code === 'received')?.arguments
      assert.ok(received !== undefined)
      return { received: received as Received, text: JSON.stringify(trace) }
    }
    if (Date.now() > end) throw new Error(`it did not go on: ${JSON.stringify(trace.summary)}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** A mail in Alice's mailbox, by its Message-ID. */
export async function inMailbox({ stage, people }: Setting, messageId: string): Promise<Buffer> {
  const { message } = await stage.exchange.waitForMail(
    people.alice.address,
    (mail) => mail.message.value('Message-ID') === messageId,
    20_000,
  )
  return message.raw
}

/** The verdict in our name. */
export function verdictOf(raw: Buffer): string | undefined {
  return fieldOf(raw, 'authentication-results', (value) => value.startsWith(CONTOSO.fqdn))
}

/** What is open by nature of `as-documented` must be said to the operator by the assistant, in both languages. */
export async function expectReported(
  { assistant, preset }: Setting,
  words: Record<'de' | 'en', RegExp>,
): Promise<void> {
  // prettier-ignore
  assert.equal(preset, 'as-documented')
  for (const language of ['de', 'en'] as const)
    assert.match((await assistant.call('plan', '--language', language)).out, words[language])
}
