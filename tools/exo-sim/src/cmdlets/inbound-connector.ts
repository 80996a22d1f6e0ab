// New-, Set-, Get-, Remove-InboundConnector.
import { rangeOf } from '../addresses.ts'
import type { InboundConnector, TenantConfig } from '../config.ts'
import type { Call, Cmdlet } from '../powershell/cmdlet.ts'
import { CmdletError } from '../powershell/errors.ts'
import { cmdletsFor } from './fields.ts'
import type { Field, Kind } from './fields.ts'
import type { Session } from './session.ts'

/** What is seen as private, and what belongs to Exchange Online itself: neither may be skipped. */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16']
const OF_MICROSOFT = ['40.92.0.0/15', '40.107.0.0/16', '52.100.0.0/14', '104.47.0.0/17', '40.95.0.0/16']

const FIELDS: readonly Field[] = [
  { name: 'Name', kind: 'string', key: 'name', initial: '', most: 64, mandatory: true },
  { name: 'Comment', kind: 'string', key: 'comment', initial: '' },
  { name: 'Enabled', kind: 'bool', key: 'enabled', initial: true },
  { name: 'ConnectorType', kind: ['OnPremises', 'Partner'], key: 'connectorType', initial: 'Partner' },
  {
    name: 'ConnectorSource',
    kind: ['Default', 'HybridWizard', 'Migrated'],
    key: 'connectorSource',
    initial: 'Default',
  },
  { name: 'SenderDomains', kind: 'string[]', key: 'senderDomains', initial: [], mandatory: true },
  { name: 'SenderIPAddresses', kind: 'string[]', key: 'senderIPAddresses', initial: [] },
  { name: 'TlsSenderCertificateName', kind: 'string', key: 'tlsSenderCertificateName', initial: null },
  { name: 'RequireTls', kind: 'bool', key: 'requireTls', initial: false },
  { name: 'RestrictDomainsToCertificate', kind: 'bool', key: 'restrictDomainsToCertificate', initial: false },
  { name: 'RestrictDomainsToIPAddresses', kind: 'bool', key: 'restrictDomainsToIPAddresses', initial: false },
  { name: 'CloudServicesMailEnabled', kind: 'bool', key: 'cloudServicesMailEnabled', initial: false },
  { name: 'TreatMessagesAsInternal', kind: 'bool', key: 'treatMessagesAsInternal', initial: false },
  { name: 'AssociatedAcceptedDomains', kind: 'string[]', key: 'associatedAcceptedDomains', initial: [] },
  { name: 'TrustedOrganizations', kind: 'string[]', key: 'trustedOrganizations', initial: [] },
  { name: 'EFSkipLastIP', kind: 'bool', key: 'efSkipLastIP', initial: false },
  { name: 'EFSkipIPs', kind: 'string[]', key: 'efSkipIPs', initial: [] },
  { name: 'EFUsers', kind: 'string[]', key: 'efUsers', initial: [] },
  { name: 'EFTestMode', kind: 'bool', key: '', initial: false, reserved: true },
  { name: 'EFSkipMailGateway', kind: 'string[]', key: '', initial: [], reserved: true },
  { name: 'ScanAndDropRecipients', kind: 'string[]', key: '', initial: [], reserved: true },
]

/** A name with or without a leading wildcard, and no other one. Throws a CmdletError. */
export function checkDomain(name: string, parameter: string): void {
  const labels = name.replace(/^\*\./, '').split('.')
  const right =
    labels.length > 1 && labels.every((label) => /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/i.test(label))
  if (!right || name.length > 255) {
    throw new CmdletError(`The value "${name}" of the parameter ${parameter} isn't a valid SMTP domain. A wildcard may stand only as the first label.`, 'InvalidSmtpDomainException') // prettier-ignore
  }
}

function check(
  connector: InboundConnector,
  call: Call,
  tenant: TenantConfig,
  before?: InboundConnector,
): InboundConnector {
  for (const address of connector.senderIPAddresses ?? []) {
    const range = rangeOf(address)
    if (range?.bits === undefined || range.bits < 24) {
      throw new CmdletError(`The IP address or range "${address}" isn't valid for SenderIPAddresses. Use IPv4 addresses or CIDR ranges of /24 to /32; IPv6 isn't supported.`, 'InvalidIPRangeException') // prettier-ignore
    }
  }
  const name = connector.tlsSenderCertificateName
  if (name !== undefined) checkDomain(name, 'TlsSenderCertificateName')
  checkSkipped(connector)
  if (
    connector.treatMessagesAsInternal &&
    (connector.cloudServicesMailEnabled || connector.connectorType !== 'OnPremises')
  ) {
    throw new CmdletError('TreatMessagesAsInternal can be $true only on a connector of type OnPremises whose CloudServicesMailEnabled is $false.', 'TreatMessagesAsInternalException') // prettier-ignore
  }
  if (connector.restrictDomainsToCertificate && name === undefined) {
    throw new CmdletError('RestrictDomainsToCertificate needs TlsSenderCertificateName.', 'TlsSenderCertificateNameRequiredException') // prettier-ignore
  }
  if (connector.restrictDomainsToIPAddresses && (connector.senderIPAddresses ?? []).length === 0) {
    throw new CmdletError(
      'RestrictDomainsToIPAddresses needs SenderIPAddresses.',
      'SenderIPAddressesRequiredException',
    )
  }
  if (
    connector.connectorType === 'Partner' &&
    name !== undefined &&
    (connector.senderIPAddresses ?? []).length > 0
  ) {
    call.warn('You should not have IP addresses and a certificate in the same partner connector. Use separate connectors.') // prettier-ignore
  }
  return support(connector, call, tenant, before)
}

function checkSkipped(connector: InboundConnector): void {
  for (const address of connector.efSkipIPs ?? []) {
    const range = rangeOf(address)
    const meets = (other: string): boolean => {
      const theirs = rangeOf(other)
      return (
        range !== undefined &&
        theirs !== undefined &&
        range.first <= theirs.last &&
        theirs.first <= range.last
      )
    }
    if (!range || PRIVATE.some(meets) || OF_MICROSOFT.some(meets)) {
      throw new CmdletError(`The IP address or range "${address}" isn't valid for EFSkipIPs. Private addresses and addresses of Microsoft 365 aren't supported.`, 'InvalidIPRangeException') // prettier-ignore
    }
  }
}

/** In new tenants only the support enables inbound connectors of an own server. */
function support(
  connector: InboundConnector,
  call: Call,
  tenant: TenantConfig,
  before: InboundConnector | undefined,
): InboundConnector {
  const policy = tenant.newInboundConnectors ?? 'enabled'
  if (connector.connectorType !== 'OnPremises' || policy === 'enabled') return connector
  if (policy === 'prohibited') {
    throw new CmdletError("Inbound connectors can't be created in this organization.", 'OrganizationInboundConnectorProhibitedException') // prettier-ignore
  }
  if (!before) {
    call.warn('Inbound connector for this service offering is created in a disabled state. Contact Support to enable it.') // prettier-ignore
    return { ...connector, enabled: false }
  }
  if (before.enabled === false && connector.enabled !== false) {
    call.warn(
      "For this service offering, you can't enable an inbound connector. Contact Support to enable it.",
    )
    return { ...connector, enabled: false }
  }
  return connector
}

const KIND: Kind<InboundConnector> = {
  noun: 'InboundConnector',
  title: 'inbound connector',
  type: 'Microsoft.Exchange.Management.FfoManagement.TenantInboundConnector',
  fields: FIELDS,
  initial: { connectorType: 'Partner' },
  list: (tenant) => tenant.inboundConnectors ?? [],
  put: (tenant, list) => ({ ...tenant, inboundConnectors: list }),
  check,
}

/** The cmdlets. */
export function inboundConnectorCmdlets(session: Session): Cmdlet[] {
  return cmdletsFor(KIND, session)
}
