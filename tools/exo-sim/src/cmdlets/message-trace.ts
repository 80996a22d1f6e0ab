// Get-MessageTraceV2 and Get-MessageTraceDetailV2, from what the simulator remembers, and Test-Message.
// Times are not kept with events; the parameters for them are taken and change nothing.
import { createHash } from 'node:crypto'
import type { ExchangeEvent } from '../core.ts'
import type { Call, Cmdlet } from '../powershell/cmdlet.ts'
import { CmdletError } from '../powershell/errors.ts'
import { Item, listOf, textOf } from '../powershell/values.ts'
import type { Value } from '../powershell/values.ts'
import { wildcard } from '../powershell/values.ts'
import type { Session } from './session.ts'

/** What is known of one message and one recipient. */
interface Trace {
  messageId: string
  recipient: string
  sender: string
  status: string
  details: [string, string][]
}

const STATUS: Partial<Record<ExchangeEvent['type'], string>> = { delivered: 'Delivered', sent: 'Delivered', outside: 'Delivered', failed: 'Failed', deferred: 'Pending' } // prettier-ignore

/** The traces of a tenant, oldest first. */
function tracesOf(events: readonly ExchangeEvent[], tenant: string): Trace[] {
  const traces = new Map<string, Trace>()
  const senders = new Map<string, string>()
  const entries = new Map<string, [string, string][]>()
  const trace = (messageId: string, recipient: string): Trace => {
    const key = `${messageId}\n${recipient.toLowerCase()}`
    const known = traces.get(key)
    if (known) return known
    const details = [...(entries.get(messageId) ?? [])]
    const made: Trace = {
      messageId,
      recipient,
      sender: senders.get(messageId) ?? '',
      status: 'Pending',
      details,
    }
    traces.set(key, made)
    return made
  }
  for (const event of events) {
    if (event.type === 'refused' || tenantOf(event) !== tenant) continue
    const id = 'entry' in event ? event.entry.messageId : event.messageId
    const line = detailOf(event)
    if (event.type === 'submitted' || event.type === 'accepted') {
      if (event.type === 'accepted' && !senders.has(id)) senders.set(id, event.sender)
      if (event.type === 'submitted') senders.set(id, event.sender)
      entries.set(id, [...(entries.get(id) ?? []), line])
      for (const one of traces.values()) if (one.messageId === id) one.details.push(line)
      continue
    }
    const recipients = 'recipients' in event ? event.recipients : [event.recipient]
    if (event.type === 'reported') continue
    for (const recipient of recipients) {
      const one = trace(id, recipient)
      one.details.push(line)
      if (event.type === 'decided' && event.ended === 'rejected') one.status = 'Failed'
      one.status = STATUS[event.type] ?? one.status
    }
  }
  return [...traces.values()]
}

function tenantOf(event: Exclude<ExchangeEvent, { type: 'refused' }>): string {
  return 'entry' in event ? event.entry.tenant : event.tenant
}

/** Name and text of an event as the trace shows it. */
function detailOf(event: Exclude<ExchangeEvent, { type: 'refused' }>): [string, string] {
  switch (event.type) {
    case 'submitted':
      return ['Submit', 'The message was submitted.']
    case 'accepted':
      return ['Receive', `Message received by: front end using TLS. Direction: ${event.directionality}. Inbound connector: ${event.connector ?? '-'}.`] // prettier-ignore
    case 'decided':
      return ['Transport rule', `Transport rules: ${event.rules.join(', ') || '-'}. Outbound connector: ${event.connector ?? '-'}.`] // prettier-ignore
    case 'delivered':
      return ['Deliver', 'The message was successfully delivered.']
    case 'outside':
      return ['Send external', 'The message left the simulator.']
    case 'reported':
      return ['Fail', event.reply]
    case 'sent':
      return ['Send external', `Message transferred to: ${event.entry.nextHop} using ${event.secured ? 'TLS' : 'no TLS'}. Outbound connector: ${event.entry.connector ?? '-'}. Reply: ${event.reply}`] // prettier-ignore
    case 'deferred':
      return ['Defer', event.reason]
    case 'failed':
      return ['Fail', event.reason]
  }
}

/** A GUID that is the same for the same message. */
function traceId(messageId: string): string {
  const hex = createHash('sha256').update(messageId).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  )
}

function shown(trace: Trace): Item {
  return new Item('MessageTrace', [
    ['MessageId', trace.messageId],
    ['MessageTraceId', traceId(trace.messageId)],
    ['SenderAddress', trace.sender],
    ['RecipientAddress', trace.recipient],
    ['Status', trace.status],
  ])
}

function fits(value: string, wanted: string[] | undefined): boolean {
  return wanted === undefined || wanted.some((one) => wildcard(one).test(value))
}

const FILTERS = ['MessageId', 'SenderAddress', 'RecipientAddress', 'Status'] as const

function traces(session: Session): Cmdlet[] {
  const all = (): Trace[] => tracesOf(session.events(), session.tenant().id)
  return [
    {
      name: 'Get-MessageTraceV2',
      parameters: [
        ...FILTERS.map((name) => ({ name, kind: 'string[]' as const })),
        { name: 'MessageTraceId', kind: 'string' },
        { name: 'StartDate', kind: 'date' },
        { name: 'EndDate', kind: 'date' },
        { name: 'ResultSize', kind: 'int' },
      ],
      run: (call) => {
        const id = call.text('MessageTraceId')
        return all()
          .map(shown)
          .filter((item) => FILTERS.every((name) => fits(textOf(item.get(name) ?? ''), call.list(name))))
          .filter((item) => id === undefined || item.get('MessageTraceId') === id)
          .slice(0, call.number('ResultSize') ?? 1000)
      },
    },
    {
      name: 'Get-MessageTraceDetailV2',
      parameters: [
        { name: 'InputObject', kind: 'any' },
        { name: 'MessageTraceId', kind: 'string' },
        { name: 'RecipientAddress', kind: 'string' },
        { name: 'StartDate', kind: 'date' },
        { name: 'EndDate', kind: 'date' },
      ],
      perObject: 'InputObject',
      run: (call) => {
        const input = call.value('InputObject')
        const from = (name: string): string => (input instanceof Item ? textOf(input.get(name) ?? '') : (call.text(name) ?? '')) // prettier-ignore
        const [id, recipient] = [from('MessageTraceId'), from('RecipientAddress').toLowerCase()]
        if (id === '' || recipient === '') throw new CmdletError('MessageTraceId and RecipientAddress are required.', 'ArgumentException') // prettier-ignore
        const found = all().find(
          (one) => traceId(one.messageId) === id && one.recipient.toLowerCase() === recipient,
        )
        return (found?.details ?? []).map(
          ([event, detail]) =>
            new Item('MessageTraceDetail', [
              ['MessageId', found?.messageId ?? ''],
              ['MessageTraceId', id],
              ['Event', event],
              ['Action', ''],
              ['Detail', detail],
            ]),
        )
      },
    },
  ]
}

function contentOf(call: Call): string | undefined {
  if (!call.has('MessageFileData')) return undefined
  const data = listOf(call.value('MessageFileData'))
  // Octets, as the cmdlet wants them, or the lines of a text.
  if (data.every((one) => typeof one === 'number')) return Buffer.from(data).toString()
  return data.map(textOf).join('\r\n')
}

function dryRun(session: Session): Cmdlet {
  return {
    name: 'Test-Message',
    parameters: [
      { name: 'Sender', kind: 'string', mandatory: true },
      { name: 'Recipients', kind: 'string[]', mandatory: true },
      { name: 'SendReportTo', kind: 'string' },
      { name: 'TransportRules', kind: 'switch' },
      { name: 'UnifiedDlpRules', kind: 'switch' },
      { name: 'MessageFileData', kind: 'any' },
      { name: 'Force', kind: 'switch' },
    ],
    shouldProcess: true,
    run: (call) => {
      if (!call.flag('TransportRules') && !call.flag('UnifiedDlpRules')) {
        throw new CmdletError(
          'Use at least one of the switches TransportRules and UnifiedDlpRules.',
          'ArgumentException',
        )
      }
      const run = {
        sender: call.text('Sender') ?? '',
        recipients: call.list('Recipients') ?? [],
        message: contentOf(call),
      }
      if (!call.shouldProcess(run.sender, 'Testing message')) return []
      const decisions = session.dryRun(run)
      const items = decisions.map(
        (one): Value =>
          new Item('TestMessageResult', [
            ['Recipients', one.recipients],
            ['FromScope', one.fromScope],
            ['SentToScope', one.sentToScope],
            ['MatchedRules', one.rules],
            ['AuditedRules', one.audited ?? []],
            ['OutboundConnector', one.connector ?? null],
            ['Ended', one.ended ?? null],
          ]),
      )
      const report = decisions.map((one) => `${one.recipients.join(', ')}: ${one.rules.join(', ') || 'no rule'} -> ${one.ended ?? one.connector ?? 'no connector'}`) // prettier-ignore
      session.deliverReport(call.text('SendReportTo') ?? run.sender, report.join('\r\n'))
      return items
    },
  }
}

/** The cmdlets. */
export function messageCmdlets(session: Session): Cmdlet[] {
  return [...traces(session), dryRun(session)]
}
