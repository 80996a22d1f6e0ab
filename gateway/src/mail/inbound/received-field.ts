/**
 * Writes the `Received` field of a mail (RFC 5321 4.4). The name after `by` is the tenant's gateway name, on which the tenant's
 * mail-flow rule makes its exception; there is no `for`. Text of the peer is let in only where it cannot end or bend the field.
 */
import { isAscii, isHostName } from '../../smtp/address.ts'
import { addressLiteral } from '../../smtp/ip.ts'
import type { MailId, Peer } from '../message.ts'

/** What the field tells. */
export interface ReceivedFacts {
  readonly peer: Peer
  /** The gateway name of the part's tenant. */
  readonly fqdn: string
  /** The peer said EHLO, not HELO. */
  readonly extended: boolean
  readonly smtpUtf8: boolean
  readonly id: MailId
  /** Milliseconds since 1970. */
  readonly receivedAt: number
}

/** The complete field with its CRLF, folded so that no line is longer than 998 octets. RFC 5322 2.1.1 */
export function receivedField(facts: ReceivedFacts): string {
  const { peer } = facts
  const tls = peer.tls === null ? '' : `\r\n (version=${peer.tls.version} cipher=${peer.tls.cipher})`
  return (
    `Received: from ${client(peer)}\r\n` +
    ` by ${facts.fqdn} with ${protocol(facts)}${tls}\r\n` +
    ` id ${facts.id}; ${date(facts.receivedAt)}\r\n`
  )
}

/** RFC 5321 4.4: Extended-Domain. A name that is none by RFC 5321 4.1.1.1 is told in the comment, its odd characters as `?`. */
function client(peer: Peer): string {
  const literal = addressLiteral(peer.address)
  if (isAscii(peer.helo) && isHostName(peer.helo)) return `${peer.helo} (${literal})`
  return `${literal} (helo=${peer.helo.replace(/[^A-Za-z0-9.-]/gu, '?')})`
}

/** RFC 3848, RFC 6531 4.3 */
function protocol(facts: ReceivedFacts): string {
  const secure = facts.peer.tls !== null
  if (facts.smtpUtf8) return secure ? 'UTF8SMTPS' : 'UTF8SMTP'
  if (!facts.extended) return 'SMTP'
  return secure ? 'ESMTPS' : 'ESMTP'
}

/** RFC 5322 3.3, in UTC. */
function date(milliseconds: number): string {
  return new Date(milliseconds).toUTCString().replace('GMT', '+0000')
}
