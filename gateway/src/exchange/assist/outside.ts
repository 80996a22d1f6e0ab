/**
 * What can be seen without signing in to Microsoft: DNS, our certificates as Exchange Online will judge them, our listener and
 * Office 365's endpoint. Sends no mail; the look-ups come in as arguments.
 */
import { X509Certificate } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import { buildPath, readCertificates, type Certificate } from '@siegel/engine'
import type { TlsIdentity } from '../../config/ports.ts'
import { namesHost } from '../../config/tenant-conflicts.ts'
import { HostLookupError, type HostAddress, type HostLookup } from '../../dns/hosts.ts'
import { parseRoute } from '../../maps/route.ts'
import { check, type Check } from './checks.ts'
import { LONGEST_CERTIFICATE_NAME, type AssistTenant } from './options.ts'
import { probe, type ProbeResult } from './probe.ts'
import { revocationChecks, type Fetch } from './revocation-lists.ts'

const DAY = 86_400_000
/** From when on a certificate ends soon. */
const SOON = 30 * DAY
const TIMEOUT = 15_000
/** Domains whose MX is asked. */
const MOST_DOMAINS = 10
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const ANY_USAGE = '2.5.29.37.0'
/** Signatures that Exchange Online refuses: MD2, MD5 and SHA-1 with RSA, SHA-1 with DSA and ECDSA. */
const OLD_SIGNATURES: ReadonlySet<string> = new Set([
  '1.2.840.113549.1.1.2',
  '1.2.840.113549.1.1.4',
  '1.2.840.113549.1.1.5',
  '1.2.840.10040.4.3',
  '1.2.840.10045.4.1',
])
/** Endpoints of Exchange Online, before and after DNSSEC. */
const ENDPOINT = /^[a-z0-9.-]+\.(?:mail\.protection\.outlook\.com|mx\.microsoft)$/
/** An address in no tenant (RFC 2606 3): asked for in RCPT, never written to. */
const OUTSIDER = 'postmaster@example.com'
/** What the gateway must offer Exchange Online. */
const NEEDED = ['CHUNKING', '8BITMIME', 'PIPELINING', 'DSN', 'SIZE']

/** What to look at and with what. */
export interface OutsideInput {
  readonly tenant: AssistTenant
  /** Presented to Office 365; null when the tenant has none. */
  readonly client: TlsIdentity | null
  readonly servers: readonly TlsIdentity[]
  /** Own anchors for TLS as PEM. */
  readonly tlsAnchors: readonly string[]
  /** Where the listener is looked for; null for the tenant's FQDN on port 25. */
  readonly listener: { readonly host: string; readonly port: number } | null
  readonly resolve: HostLookup
  /** The mail exchangers of a domain, best first, lower case. */
  readonly mx: (domain: string) => Promise<readonly string[]>
  /** Fetches revocation lists. */
  readonly fetch: Fetch
  readonly now: number
}

type Which = 'client' | 'server'

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}

function allows(certificate: Certificate, usage: string): boolean {
  const usages = certificate.extendedKeyUsage
  return usages === null || usages.includes(usage) || usages.includes(ANY_USAGE)
}

function parsed(pems: readonly string[]): Certificate[] {
  return pems.flatMap((pem) => readCertificates(Buffer.from(pem)))
}

function dates(which: Which, leaf: Certificate, now: number): Check {
  const until = day(leaf.notAfter)
  if (leaf.notAfter <= now) return check('bad', 'certificate-expired', { which, until })
  if (leaf.notBefore > now) return check('bad', 'certificate-not-yet', { which, from: day(leaf.notBefore) })
  if (leaf.notAfter - now < SOON) return check('warning', 'certificate-ends-soon', { which, until })
  return check('good', 'certificate-dates', { which, until })
}

/** Whether the chain as we send it leads to a root: Exchange Online fetches no intermediates. */
function chain(which: Which, sent: readonly Certificate[], input: OutsideInput): Check {
  const [leaf, ...intermediates] = sent
  if (leaf === undefined) return check('bad', 'certificate-chain-broken', { which, cause: 'empty' })
  const at = Math.min(Math.max(input.now, leaf.notBefore), leaf.notAfter)
  const path = (anchors: readonly Certificate[]) =>
    buildPath(leaf, { anchors, intermediates, at, purpose: 'any', revocation: 'none', allowWeak: true })
  const open = path(parsed(rootCertificates))
  if (open.valid) return check('good', 'certificate-chain', { which })
  if (path(parsed(input.tlsAnchors)).valid) return check('warning', 'certificate-chain-private', { which })
  return check('bad', 'certificate-chain-broken', { which, cause: open.reasons.join(', ') })
}

function digests(which: Which, sent: readonly Certificate[]): Check {
  const old = sent.find(
    (one) => OLD_SIGNATURES.has(one.signatureAlgorithm.oid) && !one.issuer.raw.equals(one.subject.raw),
  )
  return old === undefined
    ? check('good', 'certificate-digests', { which })
    : check('bad', 'certificate-sha1', { which, subject: new X509Certificate(old.raw).subject })
}

function usages(which: Which, leaf: Certificate): Check[] {
  const [usage, name] = which === 'client' ? [CLIENT_AUTH, 'clientAuth'] : [SERVER_AUTH, 'serverAuth']
  if (allows(leaf, usage)) return [check('good', 'certificate-usage', { which, usage: name })]
  return which === 'client'
    ? [check('warning', 'certificate-no-client-usage')]
    : [check('bad', 'certificate-no-server-usage')]
}

/** A certificate as Exchange Online will see it. */
async function certificateChecks(
  which: Which,
  identity: TlsIdentity | null,
  input: OutsideInput,
): Promise<Check[]> {
  const name = input.tenant.fqdn
  if (identity === null) return [check('bad', 'certificate-missing', { which, name })]
  const sent = parsed([identity.chain])
  const [leaf] = sent
  if (leaf === undefined) return [check('bad', 'certificate-missing', { which, name })]
  const key = new X509Certificate(leaf.raw).publicKey.asymmetricKeyType
  return [
    namesHost(identity.names, name)
      ? check('good', 'certificate-name', { which, name })
      : check('bad', 'certificate-other-name', { which, name, names: identity.names.join(', ') }),
    dates(which, leaf, input.now),
    chain(which, sent, input),
    digests(which, sent),
    ...usages(which, leaf),
    ...(which === 'server' && key !== 'rsa' ? [check('warning', 'certificate-not-rsa')] : []),
    ...(await revocationChecks(which, sent, input.fetch, input.now)),
  ]
}

function causeOf(error: unknown): string {
  if (error instanceof HostLookupError) return error.kind
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}

async function addresses(
  host: string,
  input: OutsideInput,
): Promise<readonly HostAddress[] | { readonly cause: string }> {
  try {
    return await input.resolve(host)
  } catch (error) {
    return { cause: causeOf(error) }
  }
}

/** The route against the MX records of the tenant's domains. */
async function routeChecks(input: OutsideInput): Promise<Check[]> {
  const { tenant } = input
  const route = parseRoute(tenant.route)
  const args = { route: tenant.route }
  const found: Check[] = []
  if (route.port !== 25) found.push(check('bad', 'route-port', args))
  if (route.literal || !ENDPOINT.test(route.host)) found.push(check('bad', 'route-not-a-name', args))
  const domains = tenant.acceptedDomains.filter((domain) => domain !== tenant.fqdn).slice(0, MOST_DOMAINS)
  const asked = await Promise.all(
    domains.map(async (domain) => {
      try {
        const names = await input.mx(domain)
        const endpoints = names.filter((name) => ENDPOINT.test(name))
        const mx = endpoints[0] ?? names.join(', ')
        if (endpoints.includes(route.host)) return check('good', 'route-is-endpoint', { ...args, domain })
        if (names.length === 0) return check('warning', 'mx-none', { domain })
        return endpoints.length > 0
          ? check('warning', 'route-differs', { ...args, domain, mx })
          : check('warning', 'mx-elsewhere', { domain, mx })
      } catch (error) {
        return check('warning', 'mx-unknown', { domain, cause: causeOf(error) })
      }
    }),
  )
  return [...found, ...asked]
}

/** What a look at a host comes to. */
function judged(
  which: 'listener' | 'endpoint',
  host: string,
  names: readonly string[],
  result: ProbeResult,
): Check[] {
  const args = { which, host }
  switch (result.kind) {
    case 'unreachable':
      return [check('bad', 'host-unreachable', { ...args, cause: result.cause })]
    case 'refused':
      // The listener takes connections from Office 365 only.
      return which === 'listener'
        ? [check('warning', 'host-screens', { ...args, greeting: result.greeting })]
        : [check('bad', 'host-unreachable', { ...args, cause: result.greeting })]
    case 'no-starttls':
      return [check('bad', 'host-no-starttls', args)]
    case 'tls-failed':
      return [check('bad', 'host-tls-failed', { ...args, cause: result.cause })]
    case 'secured':
      break
  }
  const found: Check[] = []
  if (result.untrusted !== null)
    found.push(check('bad', 'host-untrusted', { ...args, cause: result.untrusted }))
  const name = names.find((one) => result.certificate.checkHost(one) !== undefined)
  if (name === undefined)
    found.push(
      check('bad', 'host-name', {
        ...args,
        name: names.join(', '),
        names: result.certificate.subjectAltName ?? result.certificate.subject,
      }),
    )
  const missing = which === 'listener' ? NEEDED.filter((keyword) => !result.offers.includes(keyword)) : []
  if (missing.length > 0) found.push(check('bad', 'host-lacks', { ...args, missing: missing.join(', ') }))
  return found.length > 0 || name === undefined
    ? found
    : [check('good', 'host-reached', { ...args, protocol: result.protocol, name })]
}

async function listenerChecks(input: OutsideInput): Promise<Check[]> {
  const { fqdn } = input.tenant
  const at = input.listener ?? { host: fqdn, port: 25 }
  const named = await addresses(fqdn, input)
  const resolved =
    'cause' in named
      ? check(input.listener === null ? 'bad' : 'warning', 'fqdn-unresolved', { name: fqdn })
      : check('good', 'fqdn-resolves', {
          name: fqdn,
          addresses: named.map(({ address }) => address).join(', '),
        })
  const found = input.listener === null ? named : await addresses(at.host, input)
  if ('cause' in found) return [resolved]
  const [first] = found
  const port = first?.port ?? at.port
  const result = await probe({
    address: first?.address ?? at.host,
    port,
    serverName: fqdn,
    clientName: fqdn,
    roots: [...rootCertificates, ...input.tlsAnchors],
    identity: null,
    relayTo: null,
    timeoutMs: TIMEOUT,
  })
  return [
    resolved,
    ...(port === 25 ? [] : [check('warning', 'listener-port', { port: String(port) })]),
    ...judged('listener', at.host, [fqdn], result),
  ]
}

async function endpointChecks(input: OutsideInput): Promise<Check[]> {
  const route = parseRoute(input.tenant.route)
  const found = await addresses(route.host, input)
  if ('cause' in found)
    return [check('bad', 'host-unreachable', { which: 'endpoint', host: route.host, cause: found.cause })]
  const [first] = found
  const result = await probe({
    address: first?.address ?? route.host,
    port: first?.port ?? route.port,
    serverName: route.host,
    clientName: input.tenant.fqdn,
    roots: [...rootCertificates, ...input.tlsAnchors],
    identity: input.client,
    relayTo: OUTSIDER,
    timeoutMs: TIMEOUT,
  })
  // The floor's name first: it is what delivery demands.
  const seen = judged('endpoint', route.host, ['mail.protection.outlook.com'], result)
  const relay = result.kind === 'secured' ? result.relay : null
  return relay === null || seen.some(({ verdict }) => verdict === 'bad')
    ? seen
    : [...seen, recognised(input.tenant.fqdn, relay)]
}

/** Whether Office 365 knows our certificate as that of a tenant: else it takes nothing from us for addresses outside. */
function recognised(name: string, reply: string): Check {
  if (reply.startsWith('2')) return check('good', 'inbound-recognised', { name })
  // A connector has the name, and the name is no accepted domain.
  if (reply.includes('ATTR36')) return check('bad', 'accepted-domain-missing', { domain: name })
  return /^5\d\d 5\.(?:7\.64|4\.1)\b/.test(reply)
    ? check('bad', 'inbound-not-recognised', { name, reply })
    : check('warning', 'inbound-unknown', { name, reply })
}

/** Everything that can be seen from outside. Never rejects for what it sees. */
export async function lookFromOutside(input: OutsideInput): Promise<Check[]> {
  const { tenant } = input
  const server = input.servers.find(({ names }) => namesHost(names, tenant.fqdn)) ?? null
  const [ofClient, ofServer, routes, listener, endpoint] = await Promise.all([
    certificateChecks('client', input.client, input),
    certificateChecks('server', server, input),
    routeChecks(input),
    listenerChecks(input),
    endpointChecks(input),
  ])
  return [
    ...(tenant.preset === 'as-documented' ? [check('warning', 'preset-open')] : []),
    tenant.fqdn.length > LONGEST_CERTIFICATE_NAME
      ? check('bad', 'name-too-long', { name: tenant.fqdn })
      : check('good', 'name-length', { name: tenant.fqdn }),
    ...ofClient,
    ...ofServer,
    ...routes,
    ...listener,
    ...endpoint,
  ]
}
