/**
 * Attribution: whose mail is this? Office 365's addresses and its client certificate are shared by all tenants, so they
 * prove nothing alone; a tenant is proved by what only its own organisation can have stamped. Default deny, one generic
 * refusal to the outside, the precise reason for the operator. Pure: settings in, verdict out; no sockets, no store.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { EngineError, headerValue, scanHeader, type HeaderField } from '@siegel/engine'
import type { Settings } from '../config/ports.ts'
import type { Envelope } from '../mail/envelope.ts'
import type { AttributionResult, Refusal } from '../mail/inbound/ports.ts'
import { readMarker } from '../mail/marker.ts'
import { NEW_SECRET, VALIDATION_WINDOW, type Attribution, type Peer } from '../mail/message.ts'
import { signingDomains, type Tenant } from '../mail/tenant.ts'
import { domainOf } from '../smtp/address.ts'
import { compileRanges } from './address-ranges.ts'
import { removedFields } from './header-firewall.ts'
import { isOpen, markedTenants } from './round-trip-mark.ts'
import { signatureClaim } from './tenant-signature.ts'

/** Common name of the client certificate that Exchange Online presents. */
const EXCHANGE_CLIENT_NAME = 'mail.protection.outlook.com'

/** Local part of the sender of the test mail that `Validate-OutboundConnector` has sent; in lower case. */
const VALIDATION_SENDER = 'o365connectorvalidation'

/** How long a validation window is open, in milliseconds. */
export const VALIDATION_MS = 3_600_000

/** Stamped by Exchange Online with the tenant's id. */
const TENANT_ID_FIELD = 'x-ms-exchange-crosstenant-id'

/** Compiled once per version of the settings; answers for every connection and transaction. */
export interface Attributor {
  /** Asked when a connection opens; null lets it in. */
  readonly screen: (address: string) => Refusal | null
  /** Asked once per transaction with the complete header section. */
  readonly attribute: (
    peer: Peer,
    envelope: Envelope,
    headerSection: Buffer,
    now: number,
  ) => AttributionResult
}

/** The one thing that the outside hears, whatever the reason. */
function refuse(reason: string, detail: string): Refusal {
  return { code: 550, enhanced: '5.7.1', text: 'Not authorized', reason, detail }
}

interface SecretOwner {
  readonly tenant: Tenant
  readonly direction: 'outbound' | 'inbound'
  /** It is the value that the rules should stamp while secrets are being changed. */
  readonly isStamped: boolean
  /** Counts before this time, in milliseconds since 1970. */
  readonly until: number
}

/** Header fields of one mail with their values on demand. */
class Fields {
  readonly all: readonly HeaderField[]
  readonly #bytes: Buffer

  constructor(headerSection: Buffer) {
    this.#bytes = headerSection
    this.all = scanHeader(headerSection).fields
  }

  values(lower: string): string[] {
    return this.all
      .filter((field) => field.lower === lower)
      .map((field) => headerValue(this.#bytes, field).trim())
  }
}

/** null when the header section exceeds a limit: that is for good, however often the mail is sent. */
function readFields(headerSection: Buffer): Fields | null {
  try {
    return new Fields(headerSection)
  } catch (error) {
    if (error instanceof EngineError) return null
    throw error
  }
}

function isAccepted(tenant: Tenant, address: string): boolean {
  return address.includes('@') && tenant.acceptedDomains.includes(domainOf(address))
}

/** A tenant's secrets as its rules stamp them; one that is retired and in force is in force. */
function secretsOf(tenant: Tenant): [string, SecretOwner][] {
  const { secretHeader, rotating } = tenant
  return (['outbound', 'inbound'] as const).flatMap((direction) => {
    const stamped = (value: string) => `${direction === 'outbound' ? 'out' : 'in'}:${value}`
    const retired = secretHeader?.retired ?? null
    return [
      ...(retired?.[direction] ?? []).map((value): [string, SecretOwner] => [
        stamped(value),
        { tenant, direction, isStamped: false, until: retired?.until ?? 0 },
      ]),
      ...(secretHeader?.[direction] ?? []).map((value, index): [string, SecretOwner] => [
        stamped(value),
        { tenant, direction, isStamped: rotating && index === 0, until: Infinity },
      ]),
    ]
  })
}

/**
 * Compiles the settings into an attributor.
 * @param office365 - the addresses of Office 365, for settings that take them in
 * Secrets are looked up by a keyed digest: the time it takes does not depend on how near a wrong value is to a right one.
 */
export function createAttributor(settings: Settings, office365: readonly string[] = []): Attributor {
  const ranges = compileRanges([...settings.addressRanges, ...(settings.office365Ranges ? office365 : [])])
  const digestKey = randomBytes(32)
  const digest = (name: string, value: string): string =>
    createHmac('sha256', digestKey).update(`${name.toLowerCase()}\0${value}`).digest('base64')
  const secrets = new Map<string, SecretOwner>()
  const secretFields = new Set<string>()
  const byMicrosoftId = new Map<string, Tenant>()
  const bySigningDomain = new Map<string, Tenant>()
  for (const tenant of settings.tenants.values()) {
    if (tenant.preset === 'as-documented')
      for (const domain of signingDomains(tenant)) bySigningDomain.set(domain, tenant)
    if (tenant.microsoftTenantId !== null) byMicrosoftId.set(tenant.microsoftTenantId, tenant)
    if (tenant.secretHeader === null) continue
    secretFields.add(tenant.secretHeader.name.toLowerCase())
    const { name } = tenant.secretHeader
    for (const [value, owner] of secretsOf(tenant)) secrets.set(digest(name, value), owner)
  }

  const judge = (peer: Peer, envelope: Envelope, headerSection: Buffer, now: number): AttributionResult => {
    const refused = (refusal: Refusal): AttributionResult => ({ kind: 'refused', refusal })
    const factors: string[] = []
    const base = screenPeer(ranges.contains, peer)
    if (base !== null) return refused(base)
    factors.push('address-range', 'client-certificate')

    const fields = readFields(headerSection)
    if (fields === null) return refused(refuse('header-not-readable', 'the header section exceeds a limit'))
    const input = { fields, headerSection, envelope, secretFields, now }
    const ids = fields.values(TENANT_ID_FIELD).map((value) => value.toLowerCase())
    if (ids.length > 1) return refused(refuse('tenant-id-repeated', `${ids.length} tenant id fields`))
    const byId = ids[0] === undefined ? undefined : byMicrosoftId.get(ids[0])
    const secret = bySecret(fields, secretFields, (name, value) => {
      const owner = secrets.get(digest(name, value))
      return owner !== undefined && now < owner.until ? owner : undefined
    })
    if (secret !== null && 'code' in secret) return refused(secret)

    // No rule of the tenant has seen this one mail, and Exchange Online may not have stamped it.
    const validated = secret === null ? byWindow(settings.tenants.values(), envelope, now) : null
    if (validated !== null && mayBeOf(validated, ids[0], byId))
      return split(validated, 'outbound', { ...input, factors: [...factors, VALIDATION_WINDOW] })

    if (secret !== null) factors.push('secret-header')
    if (secret?.isStamped === true) factors.push(NEW_SECRET)
    const tenant = secret?.tenant ?? byId
    if (tenant === undefined) {
      const why = ids[0] === undefined ? 'no tenant id field and no secret' : `tenant id ${ids[0]}`
      if (ids.length > 0) return refused(refuse('tenant-unknown', why))
      return bySignature(bySigningDomain, null, { ...input, factors }, refuse('tenant-unknown', why))
    }
    if (secret === null && tenant.preset === 'recommended')
      return refused(
        refuse('secret-header-missing', `tenant ${tenant.name} requires its secret header field`),
      )
    if (byId?.id !== tenant.id) {
      const missing = refuse('tenant-id-missing', `the mail carries no tenant id of ${tenant.name}`)
      // Another tenant's id is not made good by anything.
      if (ids.length > 0 || secret === null) return refused(missing)
      const owners = new Map([...signingDomains(tenant)].map((domain) => [domain, tenant]))
      return bySignature(owners, secret.direction, { ...input, factors }, missing)
    }
    factors.push('tenant-id')
    return split(tenant, secret?.direction ?? null, { ...input, factors })
  }

  const watching = [...settings.tenants.values()].filter(({ roundTrip }) => roundTrip !== null)
  const attribute: Attributor['attribute'] = (peer, envelope, headerSection, now) => {
    const result = judge(peer, envelope, headerSection, now)
    const open = watching.filter((tenant) => isOpen(tenant, now))
    return open.length === 0 ? result : withMark(result, envelope, headerSection, open)
  }

  return {
    screen: (address) =>
      ranges.contains(address) ? null : refuse('address-range', `${address} is in no configured range`),
    attribute,
  }
}

/**
 * A mail whose tenant nothing stamped says: a DKIM signature of the tenant takes the place of its id, once it has verified.
 * Without a secret only outbound: what comes in is signed by those outside.
 * @param told - the direction, where a secret tells it
 * @param otherwise - the refusal of a mail that no tenant has signed
 */
function bySignature(
  owners: ReadonlyMap<string, Tenant>,
  told: 'outbound' | 'inbound' | null,
  input: SplitInput,
  otherwise: Refusal,
): AttributionResult {
  const refused = (refusal: Refusal): AttributionResult => ({ kind: 'refused', refusal })
  const claim = signatureClaim(input.headerSection, input.fields.all, owners)
  if (claim.kind === 'none') return refused(otherwise)
  const { tenant } = claim
  if (claim.kind === 'useless') return refused(refuse(claim.reason, claim.detail))
  if (told === null && input.envelope.recipients.some(({ address }) => isAccepted(tenant, address)))
    return refused(refuse('recipient-inside', 'without a tenant id only mail to the outside is taken'))
  const result = split(tenant, told ?? 'outbound', { ...input, factors: [...input.factors, 'tenant-dkim'] })
  if (result.kind !== 'attributed') return result
  return { kind: 'proof-needed', parts: result.parts, proof: claim.proof }
}

/** No id at all, the tenant's own, or one of nobody known where the tenant's own is not known either. */
function mayBeOf(tenant: Tenant, id: string | undefined, owner: Tenant | undefined): boolean {
  if (id === undefined) return true
  return owner === undefined ? tenant.microsoftTenantId === null : owner.id === tenant.id
}

/** The tenant that holds a window open for this very mail; null when none does. */
function byWindow(tenants: Iterable<Tenant>, { sender, recipients }: Envelope, now: number): Tenant | null {
  const at = sender.lastIndexOf('@')
  if (sender.slice(0, at).toLowerCase() !== VALIDATION_SENDER) return null
  for (const tenant of tenants) {
    const { validation } = tenant
    if (validation === null || !isAccepted(tenant, sender)) continue
    const age = now - validation.openedAt
    const named = new Set(validation.recipients.map((address) => address.toLowerCase()))
    if (
      age >= 0 &&
      age < VALIDATION_MS &&
      recipients.every(({ address }) => named.has(address.toLowerCase()))
    )
      return tenant
  }
  return null
}

/** Preset `recommended`: exactly one secret field in the whole mail, and a known one; null when there is none. */
function bySecret(
  fields: Fields,
  names: ReadonlySet<string>,
  find: (name: string, value: string) => SecretOwner | undefined,
): SecretOwner | Refusal | null {
  const given = [...names].flatMap((name) => fields.values(name).map((value) => ({ name, value })))
  if (given.length === 0) return null
  const [first] = given
  if (first === undefined || given.length > 1)
    return refuse('secret-header-repeated', `${given.length} secret header fields`)
  return (
    find(first.name, first.value) ??
    refuse('secret-header-wrong', `the value of ${first.name} is not a secret of any tenant`)
  )
}

/** The factors that every mail from Exchange Online must have, whatever the tenant. */
function screenPeer(inRange: (address: string) => boolean, peer: Peer): Refusal | null {
  if (!inRange(peer.address)) return refuse('address-range', `${peer.address} is in no configured range`)
  const certificate = peer.tls?.certificate ?? null
  if (certificate === null)
    return refuse('client-certificate-missing', 'the peer presented no client certificate')
  if (!certificate.trusted)
    return refuse(
      'client-certificate-untrusted',
      `the peer's certificate is not trusted: ${certificate.trustError ?? 'unknown'}`,
    )
  const names = [...certificate.commonNames, ...certificate.dnsNames].map((name) => name.toLowerCase())
  if (!names.includes(EXCHANGE_CLIENT_NAME))
    return refuse(
      'client-certificate-name',
      `the peer's certificate is for ${names.join(', ').slice(0, 200)}`,
    )
  return null
}

interface SplitInput {
  readonly fields: Fields
  readonly headerSection: Buffer
  readonly envelope: Envelope
  readonly factors: readonly string[]
  readonly secretFields: ReadonlySet<string>
  readonly now: number
}

/**
 * Direction per recipient: the secret tells it; without one (as-documented) accepted domains are inbound, all others
 * outbound, and a mixed envelope becomes two mails.
 */
function split(tenant: Tenant, told: 'outbound' | 'inbound' | null, input: SplitInput): AttributionResult {
  const outbound: number[] = []
  const inbound: number[] = []
  input.envelope.recipients.forEach((recipient, index) => {
    const direction = told ?? (isAccepted(tenant, recipient.address) ? 'inbound' : 'outbound')
    ;(direction === 'inbound' ? inbound : outbound).push(index)
  })
  const foreign = inbound.find(
    (index) => !isAccepted(tenant, input.envelope.recipients[index]?.address ?? ''),
  )
  if (told === 'inbound' && foreign !== undefined)
    return {
      kind: 'refused',
      refusal: refuse('recipient-outside', 'inbound mail with a recipient in no accepted domain'),
    }

  const part = (direction: 'outbound' | 'inbound', recipients: readonly number[]) => {
    const attribution: Attribution = {
      tenantId: tenant.id,
      direction,
      factors: input.factors,
      removedFields: removedFields(
        input.headerSection,
        input.fields.all,
        tenant,
        direction,
        input.secretFields,
      ),
      earlierPasses: earlierPasses(input.fields, tenant, direction, input.now),
    }
    return { attribution, fqdn: tenant.fqdn, recipients }
  }
  const parts = [
    ...(outbound.length > 0 ? [part('outbound', outbound)] : []),
    ...(inbound.length > 0 ? [part('inbound', inbound)] : []),
  ]
  return { kind: 'attributed', parts }
}

/** The same verdict, with a note when the subject holds the mark of an open round trip. */
function withMark(
  result: AttributionResult,
  { recipients }: Envelope,
  headerSection: Buffer,
  open: readonly Tenant[],
): AttributionResult {
  const subject = readFields(headerSection)?.values('subject')[0]
  const marked = subject === undefined ? [] : markedTenants(subject, open)
  const [first] = marked
  if (first === undefined) return result
  if (result.kind !== 'refused') {
    const parts = result.parts.map((part) => {
      const { attribution } = part
      const isMarked = marked.some(({ id }) => id === attribution.tenantId)
      return isMarked ? { ...part, attribution: { ...attribution, roundTripMark: true as const } } : part
    })
    return { ...result, parts }
  }
  const leg = recipients.every(({ address }) => isAccepted(first, address)) ? 'inbound' : 'outbound'
  return { kind: 'refused', refusal: { ...result.refusal, marked: { tenantId: first.id, leg } } }
}

/** The highest count of our own markers for this tenant and direction; 0 when there is none. */
function earlierPasses(
  fields: Fields,
  tenant: Tenant,
  direction: 'outbound' | 'inbound',
  now: number,
): number {
  let passes = 0
  for (const value of fields.values('x-siegel-pass').slice(0, 100)) {
    const marker = readMarker(tenant.markerKey, tenant.id, value, now)
    if (marker?.direction === direction) passes = Math.max(passes, marker.passes)
  }
  return passes
}
