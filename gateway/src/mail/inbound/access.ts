/**
 * Asks the maps `client-access` and `recipient-access`: at the opening of a connection, beside the address ranges, and at each
 * RCPT. A map only refuses: no answer of it lets anybody in, relays, or chooses a tenant. A line at fault refuses for now,
 * because nobody knows what it wanted.
 */
import { parseClientAccess } from '../../maps/client-access.ts'
import type { AccessAnswer } from '../../maps/recipient-access.ts'
import { parseRecipientAccess } from '../../maps/recipient-access.ts'
import { domainOf } from '../../smtp/address.ts'
import type { Refusal } from './ports.ts'

/** Replies of REJECT and DEFER, which name none. */
interface Codes {
  readonly reject: number
  readonly defer: number
}

/** Instead of the greeting. RFC 5321 3.1, 4.2.1: 421 says that the connection is closed */
const AT_CONNECT: Codes = { reject: 554, defer: 421 }
/** As in Postfix. */
const AT_RCPT: Codes = { reject: 554, defer: 450 }

/** The maps of one version of the settings. */
export interface Access {
  /** null: the map has nothing against the peer. */
  readonly client: (address: string) => Refusal | null
  /** null: the map has nothing against the recipient. */
  readonly recipient: (address: string) => Refusal | null
}

/**
 * Reads the maps.
 * @param maps - texts by name; a map that is not there refuses nobody
 * @throws TableTooLarge
 */
export function createAccess(maps: ReadonlyMap<string, string>): Access {
  const clients = parseClientAccess(maps.get('client-access') ?? '')
  const recipients = parseRecipientAccess(maps.get('recipient-access') ?? '')
  return {
    client: (address) => refusalOf('client-access', clients.find(address), AT_CONNECT),
    recipient: (address) => refusalOf('recipient-access', recipients.find(lookupForm(address)), AT_RCPT),
  }
}

/** The mailbox with its domain in A-labels, as it stands in a map. */
function lookupForm(address: string): string {
  const at = address.lastIndexOf('@')
  return at < 0 ? address : `${address.slice(0, at)}@${domainOf(address)}`
}

function refusalOf(map: string, answer: AccessAnswer | null, codes: Codes): Refusal | null {
  if (answer === null || answer.action?.kind === 'dunno') return null
  const detail = `${map}, line ${answer.line} (${answer.key})`
  if (answer.action === null)
    return {
      code: codes.defer === 421 ? 421 : 451,
      enhanced: '4.3.5',
      text: 'Temporary local problem',
      reason: 'map-line-invalid',
      detail: `${detail} is at fault`,
    }
  const { code, temporary, enhanced, text } = answer.action
  return { code: code ?? (temporary ? codes.defer : codes.reject), enhanced, text, reason: map, detail }
}
