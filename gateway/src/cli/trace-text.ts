/**
 * Writes a trace as lines for people: the head of the mail, its recipients, then the events in order, each with its reasons
 * below it. Pure; the words are in texts.ts.
 */
import type { TraceEvent, TraceSummary, TraceValue } from '../mail/trace.ts'
import { printable, render, type Language } from './texts.ts'

type Arguments = { readonly [name: string]: TraceValue }

const WORDS = {
  en: { direction: 'direction', from: 'from', to: 'to', size: 'octets', tenant: 'tenant', nullSender: '<> (null sender)', chosen: 'chosen', passed: 'passed over', inWork: 'in work now; what is being tried is told when it has ended' },
  de: { direction: 'Richtung', from: 'von', to: 'an', size: 'Oktette', tenant: 'Mandant', nullSender: '<> (leerer Absender)', chosen: 'gewählt', passed: 'übergangen', inWork: 'gerade in Arbeit; was versucht wird, steht hier, sobald es zu Ende ist' },
} // prettier-ignore

/** Time to the millisecond, in UTC. */
function time(at: number): string {
  return new Date(at).toISOString()
}

function isArguments(value: TraceValue | undefined): value is Arguments {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function list(value: TraceValue | undefined): readonly TraceValue[] {
  // Array.isArray does not narrow a union with readonly arrays.
  return Array.isArray(value) ? (value as readonly TraceValue[]) : []
}

/** A reason `{code, arguments}` as text; null for anything else. */
function reasonText(value: TraceValue | undefined, language: Language): string | null {
  if (!isArguments(value) || typeof value['code'] !== 'string') return null
  return render(value['code'], isArguments(value['arguments']) ? value['arguments'] : {}, language)
}

function replyText(value: TraceValue | undefined): string | null {
  if (!isArguments(value) || typeof value['code'] !== 'number') return null
  const text = typeof value['text'] === 'string' ? value['text'] : ''
  const enhanced = typeof value['enhanced'] === 'string' ? `${value['enhanced']} ` : ''
  // The text as sent begins with the enhanced code already. RFC 2034 4
  return printable(`${value['code']} ${text.startsWith(enhanced) ? '' : enhanced}${text}`)
}

/** Texts of a list in one, for a sentence. */
function joined(value: TraceValue | undefined): string {
  return list(value).filter((item) => typeof item === 'string').join(', ') // prettier-ignore
}

/** A text as it is; anything else is a question mark. */
function word(value: TraceValue | undefined): string {
  return typeof value === 'string' ? value : '?'
}

/** In brackets, or nothing. */
function bracketed(text: string): string {
  return text === '' ? '' : `(${text})`
}

/** What treatment did and found, and what inbound did to the header. */
function findings(args: Arguments, language: Language): string[] {
  const lines: string[] = []
  const say = (code: string, values: Arguments): void =>
    void lines.push(render(code, values, language).trimEnd())
  if (list(args['factors']).length > 0) say('attributed-by', { factors: joined(args['factors']) })
  const removed = list(args['removed']).map((field) =>
    isArguments(field) ? `${word(field['name'])} (${word(field['reason'])})` : '?',
  )
  if (removed.length > 0) say('fields-removed', { fields: removed.join(', ') })
  if (typeof args['signed'] === 'string') say('signed-with', { fingerprint: args['signed'] })
  if (list(args['encrypted']).length > 0)
    say('encrypted-to', { cipher: args['cipher'] ?? null, fingerprints: joined(args['encrypted']) })
  const { decryption, verdict } = args
  if (isArguments(decryption))
    say('decryption-result', {
      status: decryption['status'] ?? null,
      contentEncryption: decryption['contentEncryption'] ?? '',
      reasons: bracketed(joined(decryption['reasons'])),
    })
  if (isArguments(verdict)) {
    const signers = list(verdict['signers']).map((signer) =>
      isArguments(signer) ? joined(signer['emails']) : '?',
    )
    say('signature-verdict', {
      status: verdict['status'] ?? null,
      signers: signers.join('; ') || '?',
      reasons: bracketed(joined(verdict['reasons'])),
    })
    for (const signer of list(verdict['signers']))
      for (const note of isArguments(signer) ? list(signer['notes']) : [])
        lines.push(reasonText(note, language) ?? '?')
  }
  return lines
}

/** What stands below an event: its reasons, the means that were considered, findings, the peer's reply. */
function details(event: TraceEvent, language: Language): string[] {
  const args = event.arguments
  const words = WORDS[language]
  const lines: (string | null)[] = list(args['reasons']).map((reason) => reasonText(reason, language))
  for (const means of list(args['means'])) {
    if (!isArguments(means)) continue
    const why = list(means['reasons']).map((reason) => reasonText(reason, language)).filter((text) => text !== null) // prettier-ignore
    const verdict = means['chosen'] === true ? words.chosen : words.passed
    lines.push(`${word(means['means'])}: ${verdict}${why.length === 0 ? '' : `: ${why.join('; ')}`}`)
  }
  lines.push(...findings(args, language))
  const { hop } = args
  if (isArguments(hop)) lines.push(...list(hop['why']).map((reason) => reasonText(reason, language)))
  // The sentence of a success holds the reply, and its reason is only that it was taken.
  if (event.code !== 'delivered' && event.code !== 'relayed')
    lines.push(reasonText(args['reason'], language), replyText(args['reply']))
  return lines.filter((line) => line !== null)
}

/** What a sentence is filled with: where the peer gave a status of its own, that is shown, not the one that we concluded. */
function argumentsOfSentence(args: TraceEvent['arguments']): TraceEvent['arguments'] {
  const { reply } = args
  const enhanced = isArguments(reply) ? reply['enhanced'] : null
  return typeof enhanced === 'string' && 'status' in args ? { ...args, status: enhanced } : args
}

/** The lines of one event. */
export function eventLines(event: TraceEvent, summary: TraceSummary, language: Language): string[] {
  const recipient =
    event.delivery === null ? null : (summary.recipients[event.delivery]?.address ?? `#${event.delivery}`)
  const whom = recipient === null ? '' : `${printable(recipient)}: `
  return [
    `${time(event.at)}  ${whom}${render(event.code, argumentsOfSentence(event.arguments), language)}`,
    ...details(event, language).map((line) => `${' '.repeat(26)}- ${line}`),
  ]
}

/** The whole trace of a mail. */
export function traceLines(
  trace: { readonly summary: TraceSummary; readonly events: readonly TraceEvent[] },
  tenant: string,
  language: Language,
  now: number,
): string[] {
  const { summary, events } = trace
  const words = WORDS[language]
  return [
    `${summary.mailId}  ${time(summary.receivedAt)}  ${summary.size} ${words.size}`,
    `  ${words.tenant}: ${tenant}, ${words.direction}: ${summary.direction}`,
    `  ${words.from}: ${summary.sender === '' ? words.nullSender : printable(summary.sender)}`,
    ...summary.recipients.map(({ address, state }) => `  ${words.to}: ${printable(address)} (${state})`),
    ...(summary.messageId === null ? [] : [`  Message-ID: ${printable(summary.messageId)}`]),
    '',
    ...events.flatMap((event) => eventLines(event, summary, language)),
    ...((summary.leaseUntil ?? 0) > now ? [words.inWork] : []),
  ]
}

/** One line of the list of mails. */
export function summaryLine(summary: TraceSummary): string {
  const recipients = summary.recipients.map(({ address, state }) => `${address} (${state})`)
  const shown =
    recipients.length > 3 ? [...recipients.slice(0, 3), `… ${recipients.length - 3} more`] : recipients
  const sender = summary.sender === '' ? '<>' : summary.sender
  return printable(
    `${summary.mailId}  ${time(summary.receivedAt)}  ${summary.direction}  ${sender} -> ${shown.join(', ')}`,
  )
}
