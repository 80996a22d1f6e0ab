// The replies that Exchange Online is known to give, by name, as faults to be switched on. Texts and places only.
// `{suffix}` becomes server, time and session; `{ip}` the client's address.
import type { FaultPoint, Override } from './smtp/faults.ts'

interface KnownReply {
  at: FaultPoint
  reply: string
  close?: boolean
}

const REPLIES = {
  InvalidDomainName: { at: 'EHLO', reply: '501 5.5.4 Invalid domain name' },
  BadHelo: { at: 'EHLO', reply: '550 5.7.506 Access Denied, Bad HELO {suffix}' },
  TenantAttribution: { at: 'RCPT', reply: '550 5.7.64 TenantAttribution; Relay Access Denied {suffix}' },
  RelayAttr36: { at: 'RCPT', reply: '550 5.7.64 Relay Access Denied ATTR36. For more details please refer to https://support.microsoft.com/kb/3169958 {suffix}' },
  PartnerConnector: { at: 'RCPT', reply: "550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched the message's recipient domain. The connector had either the RestrictDomainsToIPAddresses or RestrictDomainsToCertificate set {suffix}" },
  PartnerConnectorShort: { at: 'RCPT', reply: '550 5.7.51 TenantInboundAttribution; Rejecting. {suffix}' },
  DirectSend: { at: 'RCPT', reply: '550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources {suffix}' },
  BadConnector: { at: 'RCPT', reply: '550 5.7.711 Access denied, bad inbound connector. AS(2204) {suffix}' },
  TenantThreshold: { at: 'RCPT', reply: '550 5.7.705 Access denied, tenant has exceeded threshold {suffix}' },
  TrafficNotAccepted: { at: 'RCPT', reply: '550 5.7.708 Access denied, traffic not accepted from this IP {suffix}' },
  UnregisteredDomains: { at: 'RCPT', reply: '550 5.7.750 Client blocked from sending from unregistered domains {suffix}' },
  TrialRecipientLimit: { at: 'END', reply: "550 5.7.232 Your message can't be sent because your trial tenant exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit) {suffix}" },
  RecipientLimit: { at: 'END', reply: "550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit) {suffix}" },
  MoeraLimit: { at: 'END', reply: "550 5.7.236 Your message can't be sent because the limit for external recipients from onmicrosoft.com domains has been exceeded {suffix}" },
  WrongRegion: { at: 'RCPT', reply: '451 4.4.62 Mail sent to the wrong Office 365 region. ATTR35. For more information please go to https://go.microsoft.com/fwlink/?linkid=865268 {suffix}' },
  MultipleRegions: { at: 'RCPT', reply: '452 4.5.3 Recipients belong to multiple regions ATTR38' },
  TooManyRecipients: { at: 'RCPT', reply: '452 4.5.3 Too many recipients' },
  ServerBusy: { at: 'RCPT', reply: '451 4.7.500 Server busy. Please try again later from [{ip}]. (AS761) {suffix}' },
  ServerBusyData: { at: 'END', reply: '451 4.7.500 Server busy. Please try again later from [{ip}]. (S77719) {suffix}' },
  TryAgainLater: { at: 'RCPT', reply: '451 4.7.650 Access denied, please try again later {suffix}' },
  TooManyConnections: { at: 'CONNECT', reply: '421 4.3.2 The maximum number of concurrent connections has exceeded a limit, closing transmission channel', close: true },
  RecipientThreads: { at: 'END', reply: '432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded {suffix}' },
  RecipientRate: { at: 'END', reply: "550 5.2.121 Recipient's per hour message receive limit from specific sender exceeded {suffix}" },
  RecipientRateAll: { at: 'END', reply: "550 5.2.122 Recipient's per hour message receive limit exceeded {suffix}" },
  UnknownRecipient: { at: 'RCPT', reply: '550 5.4.1 Recipient address rejected: Access denied. AS(201806281) {suffix}' },
  RelayDenied: { at: 'RCPT', reply: '550 5.4.1 Relay Access Denied {suffix}' },
  BannedAddress: { at: 'RCPT', reply: '550 5.7.606 Access denied, banned sending IP [{ip}]. To request removal from this list please visit https://sender.office.com/ and follow the directions. For more information please go to http://go.microsoft.com/fwlink/?LinkID=526655 (AS16012609) {suffix}' },
  BannedSender: { at: 'RCPT', reply: '550 5.7.511 Access denied, banned sender[{ip}]. To request removal from this list please forward this message to delist@microsoft.com {suffix}' },
  DmarcReject: { at: 'END', reply: '550 5.7.509 Access denied, sending domain does not pass DMARC verification and has a DMARC policy of reject. {suffix}' },
  NotCompliant: { at: 'END', reply: "550 5.7.512 Access denied, message must be RFC 5322 section 3.6.2 compliant and include a valid 'From' address {suffix}" },
  MultipleFrom: { at: 'END', reply: '550 5.1.20 Multiple From addresses are not allowed without Sender address {suffix}' },
  HopCount: { at: 'END', reply: '554 5.4.14 Hop count exceeded - possible mail loop ATTR34 {suffix}' },
  ExternalForwarding: { at: 'END', reply: '550 5.7.520 Access denied, Your organization does not allow external forwarding. Please contact your administrator for further assistance. AS(7555) {suffix}' },
  NotAuthenticated: { at: 'MAIL', reply: '530 5.7.57 Client not authenticated to send mail {suffix}' },
  StartTlsFirst: { at: 'MAIL', reply: '451 5.7.3 Must issue a STARTTLS command first' },
  StartTlsRequired: { at: 'MAIL', reply: '451 5.7.3 STARTTLS is required to send mail {suffix}' },
  DomainNotOnIpv6: { at: 'RCPT', reply: '550 5.7.510 Access denied, the recipient domain does not accept email sent over IPv6 {suffix}' },
  Ipv6NeedsAuthentication: { at: 'END', reply: '450 4.7.26 Access denied, a message sent over IPv6 must pass either SPF or DKIM validation, this message is not signed {suffix}' },
  NoPointer: { at: 'RCPT', reply: '550 5.7.25 Access denied, the sending IPv6 address must have a reverse DNS record {suffix}' },
  Ipv6Rate: { at: 'RCPT', reply: '550 5.7.508 Access denied, [{ip}] has exceeded permitted limits within a time range {suffix}' },
  MessageTooLarge: { at: 'END', reply: '552 5.3.4 Message size exceeds fixed maximum message size' },
} as const satisfies Record<string, KnownReply> // prettier-ignore

/** Name of a reply. */
export type ReplyName = keyof typeof REPLIES

/** All names. */
export const REPLY_NAMES = Object.keys(REPLIES) as ReplyName[]

/** The reply as an override: when it strikes, and how often. Throws if there is no such reply. */
export function knownReply(name: string, options: Pick<Override, 'match' | 'times'> = {}): Override {
  const known: KnownReply | undefined = new Map<string, KnownReply>(Object.entries(REPLIES)).get(name)
  if (!known) throw new Error(`There is no reply ${name}; there are ${REPLY_NAMES.join(', ')}`)
  return { ...known, ...options }
}
