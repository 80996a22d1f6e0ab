// The shapes of the simulator's configuration. Names are Microsoft's: those of the cmdlets' parameters, camel case.
// Nothing is read or checked here.
import type { PemSource } from './tls/chain.ts'
import type { ThrottleLimit } from './throttle.ts'
import type { TransportRule } from './rules/rule.ts'

/** A certificate with its chain, leaf first, and its private key, PEM. */
export interface Credentials {
  /** Leaf and intermediates. */
  cert: string | Buffer
  /** Private key. */
  key: string | Buffer
}

/** Where a name is reached. */
export interface Endpoint {
  /** IP address or host name. */
  host: string
  /** TCP port. */
  port: number
}

/** An accepted domain of a tenant. */
export interface AcceptedDomain {
  /** The domain. */
  name: string
  /** Default `Authoritative`. */
  domainType?: 'Authoritative' | 'InternalRelay'
  /** Whether its subdomains are accepted too. Default false. */
  matchSubDomains?: boolean
}

/** How peers are recognised: `New-InboundConnector`. */
export interface InboundConnector {
  /** Unique in the tenant. */
  name: string
  /** `OnPremises` attributes mail to the tenant; `Partner` only restricts. */
  connectorType: 'OnPremises' | 'Partner'
  /** Default true. */
  enabled?: boolean
  /** A name, or `*.domain`. */
  tlsSenderCertificateName?: string
  /** IPv4 addresses or ranges. */
  senderIPAddresses?: string[]
  /** Domains of the sender that the connector is for. Default `*`. */
  senderDomains?: string[]
  /** Promote cross-premises headers of what comes through it. Default false. */
  cloudServicesMailEnabled?: boolean
  /** Take what comes through it for internal without header promotion. Default false. */
  treatMessagesAsInternal?: boolean
  /** Partner only: refuse what does not bring the certificate. */
  restrictDomainsToCertificate?: boolean
  /** Partner only: refuse what does not come from the addresses. */
  restrictDomainsToIPAddresses?: boolean
  /** Documented for Partner only; stored. */
  requireTls?: boolean
  /** Enhanced filtering: skip the last hop. Stored. */
  efSkipLastIP?: boolean
  /** Enhanced filtering: addresses to skip. Stored. */
  efSkipIPs?: string[]
  /** Enhanced filtering: recipients it is for. Stored. */
  efUsers?: string[]
  /** Accepted domains that the connector is for. Stored. */
  associatedAcceptedDomains?: string[]
  /** Other tenants. Stored. */
  trustedOrganizations?: string[]
  /** Default `Default`. */
  connectorSource?: string
  /** Free text. */
  comment?: string
}

/** What an outbound connector demands of the smart host's TLS. */
export type TlsSettings = 'EncryptionOnly' | 'CertificateValidation' | 'DomainValidation'

/** Where mail goes: `New-OutboundConnector`. */
export interface OutboundConnector {
  /** Unique in the tenant. */
  name: string
  /** Default true. */
  enabled?: boolean
  /** Default `OnPremises`. */
  connectorType?: 'OnPremises' | 'Partner'
  /** The smart host's name; the table `hosts` says where it is. */
  smartHost: string
  /** Absent: opportunistic TLS, no check. */
  tlsSettings?: TlsSettings
  /** The name that the certificate must have under `DomainValidation`; `*.domain` allowed. Default: the smart host. */
  tlsDomain?: string
  /** Convert organization headers to cross-premises headers. Default false. */
  cloudServicesMailEnabled?: boolean
  /** Only rules send through it. Default false. */
  isTransportRuleScoped?: boolean
  /** Domains that go through it without a rule, if not rule-scoped; `*` for all. */
  recipientDomains?: string[]
  /** Send to the recipients' MX, that is to `internet`; `smartHost` is empty then. Default false. */
  useMXRecord?: boolean
  /** All smart hosts; only the first, {@link OutboundConnector.smartHost}, is used. */
  smartHosts?: string[]
  /** Stored. */
  routeAllMessagesViaOnPremises?: boolean
  /** Stored. */
  allAcceptedDomains?: boolean
  /** Stored. */
  senderRewritingEnabled?: boolean
  /** Stored. */
  smtpDaneMode?: 'Opportunistic' | 'Mandatory' | 'None'
  /** Stored. */
  mtaStsMode?: 'Opportunistic' | 'None'
  /** Stored. */
  testMode?: boolean
  /** Default `Default`. */
  connectorSource?: string
  /** Free text. */
  comment?: string
  /** Whether somebody has said that the connector is validated. */
  isValidated?: boolean
  /** When that was. */
  lastValidationTimestamp?: Date
  /** Who got the validation mail. */
  validationRecipients?: string[]
}

/** Settings for mail to a domain outside: `Set-RemoteDomain`. */
export interface RemoteDomain {
  /** `Default` for all domains that have no entry. */
  name: string
  /** The domain, or `*`. */
  domainName: string
  /** Absent: the user's client decides whether winmail.dat is sent. Stored. */
  tnefEnabled?: boolean
}

/** Switches of an organisation that scripts read and set. They are stored; what obeys them is said. */
export interface OrganizationSwitches {
  /** Until `Enable-OrganizationCustomization`, some changes are refused. Default false. */
  isDehydrated?: boolean
  /** Sealers whose ARC chain is believed: `Set-ArcConfig`. Obeyed by `compauth`. */
  arcTrustedSealers?: string[]
  /** `Set-HostedContentFilterPolicy`. While it is on, trusted sealers count for nothing. Default `Off`. */
  markAsSpamSpfRecordHardFail?: 'On' | 'Off' | 'Test'
  /** `Set-HostedConnectionFilterPolicy`. Stored. */
  ipAllowList?: string[]
  /** The same. Stored. */
  ipBlockList?: string[]
  /** The same. Stored. */
  enableSafeList?: boolean
  /** Default: one, `Default`, for `*`. */
  remoteDomains?: RemoteDomain[]
}

/** One Microsoft 365 organisation. */
export interface TenantConfig {
  /** GUID. */
  id: string
  /** The domain that every tenant has, for example `contoso.onmicrosoft.com`. */
  moera: string
  /** Accepted domains besides the MOERA. */
  acceptedDomains: (string | AcceptedDomain)[]
  /** Known mailboxes. Given: unknown recipients in authoritative domains are refused at the edge. */
  recipients?: string[]
  /** Connectors from outside to Exchange. */
  inboundConnectors?: InboundConnector[]
  /** Connectors from Exchange to outside. */
  outboundConnectors?: OutboundConnector[]
  /** Mail-flow rules. */
  rules?: TransportRule[]
  /** Organisation switch `RejectDirectSend`. Default false. */
  rejectDirectSend?: boolean
  /** Other switches. */
  organization?: OrganizationSwitches
  /** Groups by address, with their members' addresses: what `FromMemberOf` and `SentToMemberOf` look into. */
  groups?: Record<string, string[]>
  /**
   * What becomes of new OnPremises inbound connectors: `enabled` (default), `disabled` as in new tenants until the
   * support enables them, or `prohibited` as in developer tenants.
   */
  newInboundConnectors?: 'enabled' | 'disabled' | 'prohibited'
  /** Rules whose processing fails, by name: `RuleErrorAction` says what happens then. */
  brokenRules?: string[]
  /** External recipients in 24 hours. Default: by {@link TenantConfig.licences}, or none. */
  externalRecipientLimit?: number
  /** Licences: 500 · licences^0.7 + 9500 external recipients in 24 hours. */
  licences?: number
  /** A trial: 500 external recipients in 24 hours. */
  trial?: boolean
}

/** How many connections the simulator opens to a next hop, and how long it keeps them. */
export interface OutboundOptions {
  /** Parallel connections to one next hop. Default 4. */
  connections?: number
  /** Send several messages over one connection. Default true. */
  reuse?: boolean
  /** Messages over one connection. Default 199. */
  messagesPerConnection?: number
  /** How long an idle connection is kept, in milliseconds. Default 2000. */
  idle?: number
  /** Split BDAT into chunks of this many octets. Default: one chunk. */
  chunkSize?: number
  /** Use PIPELINING where it is offered. Default true. */
  pipelining?: boolean
  /** How long to wait for the peer, in milliseconds. Default 60000. */
  timeout?: number
}

/** What the simulator remembers of what it has received. */
export interface Retention {
  /** Messages kept per mailbox or world; older ones are dropped. Default: all. */
  messages?: number
  /** Events kept for `waitFor`. Default 10000. */
  events?: number
}

/** What nobody has verified in a real tenant, to be switched. */
export interface Assumptions {
  /** Whether a header predicate looks at every instance of a header or at the first only. Default `every`. */
  headerContains?: 'every' | 'first'
  /** Whether mail that comes back through an OnPremises connector without promotion counts as inside. Default false. */
  originatingIsInside?: boolean
  /** Whether a client certificate needs the usage clientAuth. Default false. */
  requireClientAuthEku?: boolean
  /** Whether the cmdlets see the preference variables of the script. False: only what is said at each. Default true. */
  cmdletsSeePreferences?: boolean
}

/** A key that signs. */
export interface SigningKey {
  /** `d=`. */
  domain: string
  /** `s=`. */
  selector: string
  /** PEM. */
  privateKey: string
}

/** What is needed to judge and to sign. */
export interface AuthenticationConfig {
  /** The DNS, by name and type: `'contoso.com TXT': ['v=spf1 -all']`. Nothing else is asked. */
  dns: Record<string, string[]>
  /** Keys of the tenants: for the MOERA, and for each domain that has DKIM enabled. */
  dkim?: SigningKey[]
  /** The key of Exchange's own ARC sets. */
  arc?: SigningKey
}

/** Configuration of the Exchange side. */
export interface ExchangeConfig {
  /** The organisations of this forest. */
  tenants: TenantConfig[]
  /** Certificate of the front end (CN and SANs mail.protection.outlook.com, `*.mail.protection.outlook.com`). */
  server: Credentials
  /** Client certificate of the outbound leg (CN mail.protection.outlook.com). */
  client?: Credentials
  /** Roots that the simulator trusts, PEM. */
  ca: PemSource
  /** Address to listen on. Default 127.0.0.1. */
  bind?: string
  /** Default 0: picked by the kernel. */
  port?: number
  /** Name of the front end server. Default `AMS0EPF0000019A.mail.protection.outlook.com`. */
  hostname?: string
  /** Name in EHLO on the outbound leg. Default `DEU01-FR2-obe.outbound.protection.outlook.com`. */
  ehloName?: string
  /** How smart hosts are reached, by name. */
  hosts?: Record<string, Endpoint>
  /** Where mail to the rest of the world goes. Absent: it is kept (`exchange.outside()`). */
  internet?: Endpoint
  /** Refuse MAIL in clear text. Default false. */
  requireTls?: boolean
  /** Received lines that are too many. Default 60. */
  hopLimit?: number
  /** Milliseconds between attempts. Default 60000. */
  retryDelay?: number
  /** Milliseconds until a message expires. Default 24 hours. */
  expiry?: number
  /** Octets. Default 157286400. */
  maxMessageSize?: number
  /** Recipients of one transaction. Default 200. */
  maxRecipients?: number
  /** The outbound leg. */
  outbound?: OutboundOptions
  /** Send non-delivery reports. Default true. */
  nonDeliveryReports?: boolean
  /** Milliseconds until a change made by PowerShell takes effect; real: up to 30 minutes. Default 0. */
  propagationDelay?: number
  /** Judge SPF, DKIM, DMARC and ARC on entry, sign and seal on leaving. Default: constant results, no signature. */
  authentication?: AuthenticationConfig
  /** Certificate revocation lists, PEM or DER, for the certificates of smart hosts. Default: none is revoked. */
  crls?: (string | Buffer)[]
  /** Milliseconds until a connection to the front end is cut; real: 20 minutes. Default 20 minutes. */
  sessionLifetime?: number
  /** Connections of one address to the front end; one more hears `421 4.3.2`. Default: no limit. */
  maxConnections?: number
  /** Messages of one address that matches no connector; one more hears `451 4.7.500`. Default: no limit. */
  throttle?: ThrottleLimit
  /** What is remembered. */
  retention?: Retention
  /** What is unproven. */
  assumptions?: Assumptions
}

/** Configuration of the world outside. */
export interface WorldConfig {
  /** Certificate of the world's MX. */
  server: Credentials
  /** Roots that the world trusts when it judges client certificates, PEM. Default: none. */
  ca?: PemSource
  /** Address to listen on. Default 127.0.0.1. */
  bind?: string
  /** Default 0: picked by the kernel. */
  port?: number
  /** Name in banner and EHLO. Default `mx.world.example`. */
  hostname?: string
  /** Domains it receives for. Default: all. */
  domains?: string[]
  /** Where {@link WorldConfig} sends by default: the front end of Exchange. */
  exchange?: Endpoint
  /** Certificate presented when it sends, if any. */
  client?: Credentials
  /** Address that it sends from, for example 127.0.0.2, so that rules can tell it from a gateway on the same machine. */
  sendFrom?: string
  /** Whether a message with a bare CR or LF in DATA is taken. Default false. */
  acceptBareLf?: boolean
  /** Octets. Default 157286400. */
  maxMessageSize?: number
  /** The sending side. */
  outbound?: OutboundOptions
  /** What is remembered. */
  retention?: Retention
}
