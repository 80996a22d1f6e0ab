/**
 * The hosts of a destination in the order in which they are tried: the host itself, or the mail exchangers of a domain of the
 * world. Says when there is none, and whether that is for good. Never asks for the exchangers of a tenant's own endpoint.
 */
import type { MxLookup } from '../../dns/mail-exchangers.ts'
import type { Route } from '../../maps/route.ts'
import { deferred, failed, type Verdict } from './verdict.ts'

/** A host to try. */
export interface Target {
  /** Name in lower case, or an address. */
  readonly host: string
  /** Whether the MX records that name it are secure; null: no such records name it. */
  readonly mxSecure: boolean | null
  /** The domain whose exchanger it is, as written and behind all aliases; empty for a host that was named itself. */
  readonly domains: readonly string[]
}

/** The hosts, or why there are none. */
export type Targets =
  | { readonly targets: readonly Target[]; readonly verdict: null }
  | { readonly targets: null; readonly verdict: Verdict }

/**
 * The hosts of a route.
 * @param mx - asked for a route without brackets; null: the name is the host's
 * @param fqdn - our own name: exchangers as far from the domain as we are, or farther, are not tried. RFC 5321 5.1
 */
export async function targetsOf(route: Route, mx: MxLookup | null, fqdn: string): Promise<Targets> {
  const { host } = route
  if (mx === null || route.exact || route.literal)
    return { targets: [{ host, mxSecure: null, domains: [] }], verdict: null }
  const found = await mx(host)
  switch (found.kind) {
    case 'null':
      // RFC 7505 4.2
      return none(failed('5.1.10', 'domain-takes-no-mail', { domain: host }))
    case 'nameless':
      // RFC 3463 3.2: bad destination system address
      return none(failed('5.1.2', 'domain-not-found', { domain: host }))
    case 'unavailable':
      return none(deferred('4.4.3', 'host-lookup-failed', { host, cause: found.cause }))
    case 'implicit':
      return { targets: [{ host, mxSecure: null, domains: [] }], verdict: null }
    case 'mx': {
      const own = found.hosts.indexOf(fqdn)
      const hosts = own < 0 ? found.hosts : found.hosts.slice(0, own)
      if (hosts.length === 0) return none(failed('5.4.6', 'exchanger-is-ourselves', { domain: host }))
      const { secure: mxSecure, name } = found
      const domains = [...new Set([host, name])]
      return { targets: hosts.map((each) => ({ host: each, mxSecure, domains })), verdict: null }
    }
  }
}

function none(verdict: Verdict): Targets {
  return { targets: null, verdict }
}
