// The header machinery of Exchange Online: what it stamps, what its firewall removes, what it converts between
// organization and cross-premises headers. It changes headers only and decides nothing about delivery.
import type { Tenant } from './tenant.ts'
import { mailDate } from './message/dates.ts'
import { field, renamed } from './message/message.ts'
import type { HeaderField, Message } from './message/message.ts'
import { domainOf } from './tls/names.ts'

const ORGANIZATION = 'x-ms-exchange-organization-'
const FOREST = 'x-ms-exchange-forest-'
const CROSS_PREMISES = 'x-ms-exchange-crosspremises-'
const CROSS_TENANT = 'x-ms-exchange-crosstenant-'
const PRESERVED = 'x-organizationheaderspreserved'
const REPORT = 'x-forefront-antispam-report'

/** Organization headers that cross premises; seen on real mail. */
const CROSSING = new Set(
  [
    'AuthAs',
    'AuthMechanism',
    'AuthSource',
    'TransportTrafficType',
    'SCL',
    'MessageSource',
    'BCC',
    'OriginalClientIPAddress',
    'Mapi-Admin-Submission',
    'Antispam-ScanContext',
    'Processed-By-Journaling',
  ].map((name) => name.toLowerCase()),
)

/** How a message came in. */
export interface Arrival {
  /** The tenant it is attributed to. */
  tenant: Tenant
  /** `Originating` or `Incoming`. */
  directionality: 'Originating' | 'Incoming'
  /** From a mailbox, or through the front end. */
  origin: 'mailbox' | 'front-end'
  /** Whether cross-premises headers are promoted. */
  promote: boolean
  /** The time. */
  at: Date
  /** Server that took the message in. */
  server: string
  /** MAIL FROM. */
  sender: string
  /** GUID of the message on this pass, if it brings none. */
  networkMessageId: string
  /** Address of the sending server. */
  clientAddress: string
  /** How the front end got it; absent for a mailbox's own mail. */
  reception: Reception | undefined
  /** Whether the connector says that all it brings is internal. */
  internal: boolean
  /** The verdict of authentication, if there was one. */
  authentication?: HeaderField | undefined
}

/** How a message was received, for the Received line. */
interface Reception {
  /** EHLO of the client. */
  ehlo: string
  /** TLS, if it was used: `version=TLS1_3, cipher=TLS_AES_256_GCM_SHA384`; else empty. */
  tls: string
}

/** `Internal`, or who else the message was sent by. */
export type AuthAs = 'Internal' | 'Anonymous'

/**
 * The firewall on entry: organization and forest headers of strangers go; cross-premises headers are promoted or go.
 * A promoted header replaces the organization header of its name.
 */
export function firewallOnEntry(message: Message, arrival: Arrival): void {
  const crossed = message.fields.some((one) => one.key.startsWith(CROSS_PREMISES))
  message.remove((one) => one.key.startsWith(ORGANIZATION) || one.key.startsWith(FOREST))
  if (arrival.promote && crossed) {
    message.remove((one) => one.key === PRESERVED)
    message.rename((one) =>
      one.key.startsWith(CROSS_PREMISES)
        ? renamed(one, `X-MS-Exchange-Organization-${one.name.slice(CROSS_PREMISES.length)}`)
        : one,
    )
    message.append([field('X-MS-Exchange-Organization-Cross-Premises-Headers-Promoted', arrival.server)])
  } else {
    message.remove((one) => one.key.startsWith(CROSS_PREMISES))
  }
  message.remove((one) => one.key === `${REPORT}-untrusted`)
  message.rename((one) => (one.key === REPORT ? renamed(one, 'X-Forefront-Antispam-Report-Untrusted') : one))
}

/** How the organization takes the message, after {@link firewallOnEntry}. */
export function authAs(message: Message): AuthAs | undefined {
  const value = message.value('X-MS-Exchange-Organization-AuthAs')
  if (value === undefined) return undefined
  return value === 'Internal' ? 'Internal' : 'Anonymous'
}

/** Stamps what Exchange stamps on each pass: organization, tenant attribution, cross-tenant, spam report. */
export function stamp(message: Message, arrival: Arrival, as: AuthAs): void {
  const known = new Set(message.fields.map((one) => one.key))
  const network = networkMessageId(message, arrival)
  const added: HeaderField[] = []
  const organization = (name: string, value: string): void => {
    // What was promoted stays as it is.
    if (!known.has(ORGANIZATION + name.toLowerCase())) {
      added.push(field(`X-MS-Exchange-Organization-${name}`, value))
    }
  }
  organization('AuthAs', as)
  organization('AuthSource', arrival.server)
  organization('MessageDirectionality', arrival.directionality)
  organization('Network-Message-Id', network)
  organization('TransportTrafficType', 'Email')
  organization('SCL', arrival.origin === 'mailbox' ? '-1' : '1')
  if (arrival.origin === 'mailbox') {
    organization('AuthMechanism', '04')
    organization('MessageSource', 'StoreDriver')
    organization('BCC', '')
    organization('Mapi-Admin-Submission', '')
    organization('OriginalClientIPAddress', arrival.clientAddress)
    organization('Antispam-ScanContext', 'DIR:Originating;SFV:NSPM;SKIP:0;')
  } else {
    message.remove(
      (one) => one.key === 'x-eopattributedmessage' || one.key === 'x-eoptenantattributedmessage',
    )
    added.push(field('X-EOPAttributedMessage', '0'))
    added.push(field('X-EOPTenantAttributedMessage', `${arrival.tenant.config.id}:0`))
  }
  message.append(added)
  stampTenant(message, arrival, as, network)
}

function stampTenant(message: Message, arrival: Arrival, as: AuthAs, network: string): void {
  const outbound = arrival.directionality === 'Originating'
  message.remove((one) => one.key.startsWith(CROSS_TENANT) || one.key === STAMPED.toLowerCase())
  const crossTenant = (name: string, value: string): HeaderField =>
    field(`X-MS-Exchange-CrossTenant-${name}`, value)
  const fromMailbox = arrival.origin === 'mailbox'
  const fields = [
    field(
      'X-Forefront-Antispam-Report',
      `CIP:${fromMailbox ? '255.255.255.255' : arrival.clientAddress};CTRY:;LANG:en;SCL:1;SRV:;IPV:NLI;SFV:NSPM;` +
        `H:${arrival.server};PTR:;CAT:NONE;SFS:;DIR:${outbound ? 'OUT' : 'INB'};SFP:1101;`,
    ),
    crossTenant('AuthAs', as),
    crossTenant('AuthSource', arrival.server),
    crossTenant('FromEntityHeader', as === 'Internal' ? 'Hosted' : 'Internet'),
    crossTenant('Id', arrival.tenant.config.id),
    crossTenant('Network-Message-Id', network),
    crossTenant('OriginalArrivalTime', `${mailDate(arrival.at).replace(' +0000', '')}.0000 (UTC)`),
    field(STAMPED, arrival.server),
  ]
  if (fromMailbox) {
    fields.push(
      crossTenant('MailboxType', 'HOSTED'),
      crossTenant('UserPrincipalName', arrival.sender || 'system'),
    )
  }
  message.append(fields)
  if (outbound && as === 'Internal') message.set('X-OriginatorOrg', originatorOrg(message, arrival))
}

const STAMPED = 'X-MS-Exchange-Transport-CrossTenantHeadersStamped'

function originatorOrg(message: Message, arrival: Arrival): string {
  const domain = domainOf(senderAddress(message) || arrival.sender)
  return arrival.tenant.accepts(domain) ? domain : arrival.tenant.config.moera
}

/** The id of the message; one that comes back to its tenant keeps it. */
function networkMessageId(message: Message, arrival: Arrival): string {
  const brought = message.value('X-MS-Exchange-CrossTenant-Network-Message-Id')
  const own = message.value('X-MS-Exchange-CrossTenant-Id') === arrival.tenant.config.id
  return arrival.directionality === 'Originating' && own && brought ? brought : arrival.networkMessageId
}

/** Address of the From field (or Sender, or empty): what rules take for the sender. */
export function senderAddress(message: Message): string {
  const value = message.value('From') ?? message.value('Sender') ?? ''
  const angle = /<([^<>]*)>\s*$/.exec(value) ?? /<([^<>]*)>/.exec(value)
  return (angle?.[1] ?? value).trim()
}

/** Headers that Exchange puts on top of Internet mail: the verdict of authentication. */
export function authenticationResults(message: Message, arrival: Arrival): HeaderField {
  const from = domainOf(senderAddress(message))
  return field(
    'Authentication-Results',
    `spf=none (sender IP is ${arrival.clientAddress}) smtp.mailfrom=${domainOf(arrival.sender)};\r\n` +
      ` dkim=none (message not signed) header.d=none;dmarc=none action=none\r\n` +
      ` header.from=${from};compauth=none reason=405`,
  )
}

/**
 * The firewall on leaving. With `preserve` (CloudServicesMailEnabled) the crossing organization headers become
 * cross-premises headers; without, none of either kind leaves.
 */
export function firewallOnLeaving(message: Message, preserve: boolean, server: string): void {
  message.remove((one) => one.key.startsWith(CROSS_PREMISES) || one.key === PRESERVED)
  if (preserve) {
    message.rename((one) => {
      const short = one.key.startsWith(ORGANIZATION) ? one.name.slice(ORGANIZATION.length) : ''
      return CROSSING.has(short.toLowerCase()) ? renamed(one, `X-MS-Exchange-CrossPremises-${short}`) : one
    })
    message.append([field('X-OrganizationHeadersPreserved', server)])
  }
  message.remove((one) => one.key.startsWith(ORGANIZATION) || one.key.startsWith(FOREST))
}
