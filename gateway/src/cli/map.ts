/**
 * `siegel map check --map FILE --kind KIND KEY`: which line of a map applies to an address or a recipient, what it says, and what
 * is wrong with the map. Reads one file, connects to nothing. Exit 0 when a valid line applies, 1 when none does or it is
 * at fault.
 */
import type { AccessAction } from '../maps/access-action.ts'
import { parseClientAccess } from '../maps/client-access.ts'
import type { MapFinding } from '../maps/finding.ts'
import { inspectMap } from '../maps/inspect.ts'
import { parseIp } from '../maps/ip-network.ts'
import { parseRecipientAccess } from '../maps/recipient-access.ts'
import { TableTooLarge } from '../maps/table.ts'
import { parseTransport, type TransportAction } from '../maps/transport.ts'
import { domainOf, isMailbox } from '../smtp/address.ts'
import { readInput, UsageError, type Command, type ExitCode } from './io.ts'
import { readOptions } from './options.ts'
import { printable } from './texts.ts'

const KINDS = ['transport', 'client-access', 'recipient-access'] as const
type Kind = (typeof KINDS)[number]

/** What all three maps answer. */
interface Answer {
  readonly line: number
  readonly key: string
  readonly value: string | null
  readonly action: AccessAction | TransportAction | null
}

/** What an operator must know beside the answer. */
const NOTES: Readonly<Record<Kind, string>> = {
  transport: "mail to a tenant's own Office 365 endpoint never asks this map: no line moves it",
  'client-access': 'whoever is not refused here must still be in an address range and prove a tenant',
  'recipient-access': 'whoever is not refused here must still be attributed to a tenant',
}

function find(kind: Kind, text: string, key: string): Answer | null {
  if (kind === 'client-access') {
    if (parseIp(key) === null) throw new UsageError(`not an IP address: ${JSON.stringify(key)}`)
    return parseClientAccess(text).find(key)
  }
  if (!isMailbox(key) && key.toLowerCase() !== 'postmaster')
    throw new UsageError(`not an e-mail address: ${JSON.stringify(key)}`)
  const at = key.lastIndexOf('@')
  const address = at < 0 ? key : `${key.slice(0, at)}@${domainOf(key)}`
  return (kind === 'transport' ? parseTransport(text) : parseRecipientAccess(text)).find(address)
}

function describe(action: AccessAction | TransportAction | null): string {
  switch (action?.kind) {
    case undefined:
      return 'the line is at fault: refused or deferred for now'
    case 'dunno':
      return 'nothing against it'
    case 'default':
      return 'the route stays as it is'
    case 'domain':
      return "next hop: the recipient's domain"
    case 'next-hop':
      return `next hop: ${action.nextHop}`
    case 'refuse': {
      const code = 'code' in action && action.code !== null ? `${action.code} ` : ''
      return `${action.temporary ? 'deferred' : 'refused'}: ${code}${action.enhanced} ${action.text}`
    }
  }
}

/** One finding in one line. */
export function findingLine({ severity, code, line, column, detail }: MapFinding): string {
  return printable(`line ${line}, column ${column}: ${severity}: ${code}: ${detail}`)
}

/** The verb `map`. */
export const map: Command = async (args, io) => {
  const [action, ...rest] = args
  const usage = `siegel map check --map FILE --kind ${KINDS.join('|')} KEY`
  if (action !== 'check') throw new UsageError(usage)
  const options = readOptions(
    rest,
    { map: { type: 'string' }, kind: { type: 'string' }, json: { type: 'boolean' } },
    1,
  )
  const file = options.text('map')
  const kind = KINDS.find((known) => known === options.text('kind'))
  const [key] = options.positionals
  if (file === undefined || kind === undefined || key === undefined) throw new UsageError(usage)
  const text = (await readInput(file, io)).toString('utf8')
  try {
    const answer = find(kind, text, key)
    const findings = inspectMap(kind, text, null)
    const status = answer === null ? 'not-found' : answer.action === null ? 'invalid' : 'found'
    const found = answer ?? { line: null, key: null, value: null, action: null }
    if (options.has('json'))
      io.out(JSON.stringify({ kind, asked: key, status, ...found, findings, note: NOTES[kind] }))
    else {
      io.out(
        printable(`${key}: ${status}${answer === null ? '' : ` in line ${answer.line} (${answer.key})`}`),
      )
      if (answer !== null) io.out(printable(describe(answer.action)))
      io.out(NOTES[kind])
      for (const finding of findings) io.err(findingLine(finding))
    }
    return (status === 'found' ? 0 : 1) satisfies ExitCode
  } catch (error) {
    if (error instanceof TableTooLarge) throw new UsageError(`the map is too large: ${error.message}`)
    throw error
  }
}
