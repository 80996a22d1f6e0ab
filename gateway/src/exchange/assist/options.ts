/**
 * What an administrator may choose for the objects in their tenant, and the input of the assistant. No texts, no objects.
 */
import type { Tenant } from '../../mail/tenant.ts'

/** How a mail's spam verdict survives its way through the gateway. */
export type SpamOption = 'A' | 'B' | 'C' | 'D'

/** The choices. */
export interface AssistOptions {
  /** A: internal headers kept on both connectors. B: trusted ARC sealer. C: enhanced filtering. D: SCL -1 by rule. */
  readonly spam: SpamOption
  /** Which mail from outside is routed: what is S/MIME, or everything. */
  readonly inbound: 'crypto' | 'all'
  /** The last rule: mail that leaves without having passed the gateway is rejected or reported. */
  readonly guard: 'none' | 'reject' | 'report'
  /** Whom the guard reports to; null unless `guard` is `report`. */
  readonly reportTo: string | null
  /** Mail types from inside that do not go to the gateway. */
  readonly exempt: readonly ('OOF' | 'PermissionControlled')[]
  /** Group of the first users; null when none is chosen yet. */
  readonly pilotGroup: string | null
  /** Addresses from which the gateway sends to Office 365: for the rule that strips forged header fields. */
  readonly gatewayAddresses: readonly string[]
  /** Name that the inbound connector expects in the certificate: the FQDN, or a wildcard over it. */
  readonly certificateName: string
}

/** Settings of the tenant that the assistant needs. */
export type AssistTenant = Pick<
  Tenant,
  | 'name'
  | 'microsoftTenantId'
  | 'acceptedDomains'
  | 'initialDomain'
  | 'fqdn'
  | 'preset'
  | 'secretHeader'
  | 'processedHeader'
  | 'route'
>

/** A wrong or missing choice; the message is for the operator. */
export class AssistError extends Error {
  override readonly name = 'AssistError'
}

/** The choices where nobody chose: what the seed has, or what is recommended. */
export function defaultOptions(tenant: AssistTenant): AssistOptions {
  const documented = tenant.preset === 'as-documented'
  return {
    spam: 'A',
    inbound: documented ? 'all' : 'crypto',
    guard: 'none',
    reportTo: null,
    exempt: documented ? [] : ['OOF', 'PermissionControlled'],
    pilotGroup: null,
    gatewayAddresses: [],
    certificateName: tenant.fqdn,
  }
}

/** Longest name of an accepted domain that may serve as a connector's certificate name. */
export const LONGEST_CERTIFICATE_NAME = 48

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$|\/)|(?=$|\/))){4}(?:\/(?:2[4-9]|3[0-2]))?$/
const ADDRESS = /^[^\s@'"<>()]+@[^\s@'"<>()]+$/

/**
 * Refuses choices that contradict each other or the preset.
 * @throws AssistError
 */
export function checkOptions(tenant: AssistTenant, options: AssistOptions): void {
  const flaw = (message: string): never => {
    throw new AssistError(message)
  }
  const { fqdn } = tenant
  const name = options.certificateName
  if (name !== fqdn && name !== `*${fqdn.slice(fqdn.indexOf('.'))}`)
    flaw(`the certificate name must be ${fqdn} or *${fqdn.slice(fqdn.indexOf('.'))}`)
  if (name.replace(/^\*\./, '').length > LONGEST_CERTIFICATE_NAME)
    flaw(`${name} has more than ${LONGEST_CERTIFICATE_NAME} characters: Exchange Online takes no longer name`)
  if (tenant.preset === 'as-documented') {
    if (options.spam === 'D')
      flaw('option D needs the preset recommended: without a processed word its rule is forgeable')
    if (options.guard !== 'none')
      flaw('the guard needs the preset recommended: it looks for the processed word')
    if (options.exempt.includes('PermissionControlled'))
      flaw('the exemption PermissionControlled needs the preset recommended: it stamps the processed word')
    if (options.inbound !== 'all') flaw('the preset as-documented sends all mail from outside to the gateway')
  } else if (tenant.secretHeader === null) flaw('the preset recommended needs secretHeader in the tenant')
  if ((options.guard === 'report') !== (options.reportTo !== null))
    flaw('a guard that reports needs an address, and only that one')
  if (options.reportTo !== null && !ADDRESS.test(options.reportTo)) flaw(`${options.reportTo} is no address`)
  if (options.pilotGroup !== null && !ADDRESS.test(options.pilotGroup))
    flaw(`${options.pilotGroup} is no address of a group`)
  for (const address of options.gatewayAddresses)
    if (!IPV4.test(address)) flaw(`${address} is no IPv4 address or range from /24 to /32`)
}
