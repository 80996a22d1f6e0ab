/**
 * What a verb needs to look for certificates outside as the gateway does: the tenant's directories, its trust with what is at hand, and
 * what an operator has refused. Opens no connection before it is asked.
 */
import { rootCertificates } from 'node:tls'
import { createHostLookup } from '../dns/hosts.ts'
import { createResolver } from '../dns/resolver.ts'
import { sourceOf } from '../keyring/find/directories.ts'
import type { FindingPorts } from '../keyring/find/finding.ts'
import type { Trust } from '../trust/trust.ts'
import type { AssistContext } from './exchange-tenant.ts'

/**
 * The ports of finding for the tenant of a verb.
 * @param now - milliseconds since 1970
 */
export function lookingOutside(
  { tenant, settings, start, store }: AssistContext,
  trust: Trust,
  now: number,
): FindingPorts {
  const resolver = createResolver(start.dns)
  const ports = {
    hosts: createHostLookup({ table: start.hosts, resolve: resolver.resolve }),
    anchors: () => [...rootCertificates, ...settings.tlsAnchors],
    ...{ resolver, now: () => now },
  }
  const sources = (settings.directories.get(tenant.id) ?? []).map((directory) => sourceOf(directory, ports))
  const { harvest } = store.forTenant(tenant.id)
  return {
    sources: () => sources,
    trust: () => trust,
    refusal: (fingerprint) => harvest.refusal(fingerprint),
  }
}
