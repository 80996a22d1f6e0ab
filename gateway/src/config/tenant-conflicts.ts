/**
 * What two tenants of one installation must not share: domains, host names, Microsoft's id, secrets, processed words, client
 * certificates. With any of them shared, mail of one could be taken for mail of the other. Decides nothing but that.
 */
import { signingDomains, type Tenant } from '../mail/tenant.ts'
import type { TlsIdentity } from './ports.ts'

/** A tenant that claims what another one claims too. */
export interface Conflict {
  readonly name: string
  /** For the operator: what is shared and with whom; no secrets. */
  readonly message: string
}

/** Everything a tenant claims for itself: what it is called, and the value. */
function claims(
  tenant: Tenant,
  identity: TlsIdentity | null,
): { readonly what: string; readonly value: string }[] {
  const header = tenant.secretHeader
  const secrets = header === null ? [] : [...header.outbound, ...header.inbound]
  return [
    { what: `the host name ${tenant.fqdn}`, value: tenant.fqdn },
    ...(tenant.microsoftTenantId === null
      ? []
      : [{ what: `the Microsoft tenant id ${tenant.microsoftTenantId}`, value: tenant.microsoftTenantId }]),
    // What signs for one tenant must not prove another one.
    ...[...signingDomains(tenant)].map((domain) => ({ what: `the domain ${domain}`, value: `@${domain}` })),
    ...secrets.map((value) => ({ what: 'a secret', value: `secret ${value}` })),
    ...[...tenant.processedHeader.outbound, ...tenant.processedHeader.inbound].map((value) => ({
      what: 'a processed word',
      value: `word ${value}`,
    })),
    ...(identity === null ? [] : [{ what: 'the client certificate', value: identity.chain }]),
  ]
}

/** The tenants that share something, each with the first thing that it shares. */
export function conflicts(
  tenants: readonly { readonly tenant: Tenant; readonly identity: TlsIdentity | null }[],
): Conflict[] {
  const owners = new Map<string, string[]>()
  for (const { tenant, identity } of tenants)
    for (const { value } of claims(tenant, identity)) {
      const names = owners.get(value) ?? []
      if (!names.includes(tenant.name)) names.push(tenant.name)
      owners.set(value, names)
    }
  return tenants.flatMap(({ tenant, identity }) => {
    for (const { what, value } of claims(tenant, identity)) {
      const other = owners.get(value)?.find((name) => name !== tenant.name)
      if (other !== undefined)
        return [{ name: tenant.name, message: `${what} is claimed by the tenant ${other} too` }]
    }
    return []
  })
}

/** Whether one of a certificate's names is the host's; a wildcard stands for one label. RFC 9525 6.3 */
export function namesHost(names: readonly string[], host: string): boolean {
  return names.some(
    (name) => name === host || (name.startsWith('*.') && host.slice(host.indexOf('.')) === name.slice(1)),
  )
}
