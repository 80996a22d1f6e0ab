/**
 * Reads a next hop in Postfix syntax: `[host]:port`, `[host]`, `host:port`, `host`. The text as written is also the look-up
 * key into maps, so it is never rewritten. Pure; resolving names is dns's business.
 */

/** A next hop. */
export interface Route {
  /** As written. */
  readonly text: string
  /** Name in lower case, or an IPv4 or IPv6 address. */
  readonly host: string
  /** 1 to 65535. */
  readonly port: number
  /** Written in brackets: the host itself. Without brackets a domain whose MX is asked. */
  readonly exact: boolean
  /** The host is an IP address. */
  readonly literal: boolean
}

/** The text is no next hop. Permanent until the configuration changes. */
export class RouteError extends Error {
  override readonly name = 'RouteError'
}

const NAMED_PORTS: Readonly<Record<string, number>> = { smtp: 25, submission: 587 }
const LABEL = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?'
const HOSTNAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`)
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/
const IPV6 = /^(?=.*:.*:)[0-9a-f:.]{2,45}$/

/** A syntactically valid host name (A-labels) of at most 253 characters that is not an IPv4 address. RFC 5321 4.1.2 */
export function isHostname(text: string): boolean {
  return text.length <= 253 && HOSTNAME.test(text.toLowerCase()) && !/^[\d.]+$/.test(text)
}

/** An IPv4 address, as it stands in a next hop. */
export function isIpv4(text: string): boolean {
  return IPV4.test(text)
}

/**
 * Reads a next hop.
 * @throws RouteError when it is none
 */
export function parseRoute(text: string): Route {
  const match = /^(?:\[([^\][\s]+)\]|([^\][\s:]+))(?::([a-z0-9]+))?$/i.exec(text)
  if (match === null) throw new RouteError(`not a next hop: ${JSON.stringify(text.slice(0, 300))}`)
  const [, bracketed, plain, service] = match
  const exact = bracketed !== undefined
  const written = (bracketed ?? plain ?? '').toLowerCase()
  const host = exact ? written.replace(/^ipv6:/, '') : written
  const literal = isIpv4(host) || (exact && IPV6.test(host))
  if (!literal && !isHostname(host))
    throw new RouteError(`not a host name: ${JSON.stringify(host.slice(0, 300))}`)
  return { text, host, port: service === undefined ? 25 : readPort(service), exact, literal }
}

function readPort(service: string): number {
  const port = /^\d{1,5}$/.test(service) ? Number(service) : (NAMED_PORTS[service.toLowerCase()] ?? 0)
  if (port < 1 || port > 65_535) throw new RouteError(`not a port: ${JSON.stringify(service.slice(0, 100))}`)
  return port
}
