// New-, Set-, Get-, Remove-OutboundConnector and Validate-OutboundConnector.
import type { OutboundConnector, TenantConfig } from '../config.ts'
import type { Call, Cmdlet } from '../powershell/cmdlet.ts'
import { CmdletError } from '../powershell/errors.ts'
import { Item } from '../powershell/values.ts'
import { cmdletsFor } from './fields.ts'
import type { Field, Kind } from './fields.ts'
import { checkDomain } from './inbound-connector.ts'
import { byName } from './session.ts'
import type { Session } from './session.ts'

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
  { name: 'IsTransportRuleScoped', kind: 'bool', key: 'isTransportRuleScoped', initial: false },
  { name: 'UseMXRecord', kind: 'bool', key: 'useMXRecord', initial: true },
  { name: 'SmartHosts', kind: 'string[]', key: 'smartHosts', initial: [] },
  { name: 'TlsSettings', kind: ['EncryptionOnly', 'CertificateValidation', 'DomainValidation'], key: 'tlsSettings', initial: null }, // prettier-ignore
  { name: 'TlsDomain', kind: 'string', key: 'tlsDomain', initial: null },
  { name: 'CloudServicesMailEnabled', kind: 'bool', key: 'cloudServicesMailEnabled', initial: false },
  {
    name: 'RouteAllMessagesViaOnPremises',
    kind: 'bool',
    key: 'routeAllMessagesViaOnPremises',
    initial: false,
  },
  { name: 'AllAcceptedDomains', kind: 'bool', key: 'allAcceptedDomains', initial: false },
  { name: 'SenderRewritingEnabled', kind: 'bool', key: 'senderRewritingEnabled', initial: false },
  { name: 'RecipientDomains', kind: 'string[]', key: 'recipientDomains', initial: [] },
  {
    name: 'SmtpDaneMode',
    kind: ['Opportunistic', 'Mandatory', 'None'],
    key: 'smtpDaneMode',
    initial: 'Opportunistic',
  },
  { name: 'MtaStsMode', kind: ['Opportunistic', 'None'], key: 'mtaStsMode', initial: 'Opportunistic' },
  { name: 'TestMode', kind: 'bool', key: 'testMode', initial: false },
  { name: 'IsValidated', kind: 'bool', key: 'isValidated', initial: false, only: 'Set' },
  {
    name: 'LastValidationTimestamp',
    kind: 'date',
    key: 'lastValidationTimestamp',
    initial: null,
    only: 'Set',
  },
  { name: 'ValidationRecipients', kind: 'string[]', key: 'validationRecipients', initial: [], only: 'Set' },
  { name: 'LinkForModifiedConnector', kind: 'string', key: '', initial: null, reserved: true },
]

function check(
  made: OutboundConnector,
  _call: Call,
  tenant: TenantConfig,
  before?: OutboundConnector,
): OutboundConnector {
  const smartHosts = made.smartHosts ?? []
  const useMXRecord = made.useMXRecord ?? (before ? before.smartHost === '' : true)
  const connector: OutboundConnector = {
    ...made,
    connectorType: made.connectorType ?? 'Partner',
    useMXRecord,
    smartHosts,
    smartHost: smartHosts[0] ?? '',
  }
  if (!useMXRecord && smartHosts.length === 0) {
    throw new CmdletError('SmartHosts is required when UseMXRecord is $false.', 'SmartHostsRequiredException')
  }
  if (useMXRecord && smartHosts.length > 0) {
    throw new CmdletError(
      'SmartHosts can be used only when UseMXRecord is $false.',
      'SmartHostsNotAllowedException',
    )
  }
  for (const host of smartHosts) {
    if (!/^[\d.]+(\/\d+)?$/.test(host)) checkDomain(host.startsWith('*') ? ' ' : host, 'SmartHosts')
  }
  if (connector.tlsDomain !== undefined) {
    checkDomain(connector.tlsDomain, 'TlsDomain')
    if (connector.tlsSettings !== 'DomainValidation') {
      throw new CmdletError('TlsDomain can be used only when TlsSettings is DomainValidation.', 'TlsDomainNotAllowedException') // prettier-ignore
    }
  }
  const hybrid = connector.routeAllMessagesViaOnPremises ?? connector.allAcceptedDomains ?? connector.senderRewritingEnabled // prettier-ignore
  if (connector.connectorType !== 'OnPremises' && hybrid === true) {
    throw new CmdletError('RouteAllMessagesViaOnPremises, AllAcceptedDomains and SenderRewritingEnabled can be $true only on a connector of type OnPremises.', 'ConnectorTypeException') // prettier-ignore
  }
  const renamed = before && before.name !== connector.name
  if (renamed && tenant.rules?.some((rule) => rule.routeMessageOutboundConnector === before.name)) {
    throw new CmdletError(
      `The connector "${before.name}" is used by a mail flow rule.`,
      'ConnectorInUseException',
    )
  }
  return connector
}

function isInUse(tenant: TenantConfig, list: readonly OutboundConnector[]): string | undefined {
  const gone = (tenant.outboundConnectors ?? []).filter((one) => !list.some(({ name }) => name === one.name))
  const name = gone.find((one) =>
    tenant.rules?.some((rule) => rule.routeMessageOutboundConnector === one.name),
  )?.name
  return name
}

const KIND: Kind<OutboundConnector> = {
  noun: 'OutboundConnector',
  title: 'outbound connector',
  type: 'Microsoft.Exchange.Management.FfoManagement.TenantOutboundConnector',
  fields: FIELDS,
  list: (tenant) =>
    (tenant.outboundConnectors ?? []).map((one) => ({
      ...one,
      // A connector of the configuration names its host once only.
      useMXRecord: one.useMXRecord ?? one.smartHost === '',
      smartHosts: one.smartHosts ?? (one.smartHost === '' ? [] : [one.smartHost]),
      connectorType: one.connectorType ?? 'OnPremises',
    })),
  put: (tenant, list) => {
    const used = isInUse(tenant, list)
    if (used !== undefined) throw new CmdletError(`The connector "${used}" can't be removed because a mail flow rule uses it.`, 'ConnectorInUseException') // prettier-ignore
    return { ...tenant, outboundConnectors: list }
  },
  check,
}

function validation(session: Session): Cmdlet {
  return {
    name: 'Validate-OutboundConnector',
    parameters: [
      { name: 'Identity', kind: 'string', position: 0, mandatory: true },
      { name: 'Recipients', kind: 'string[]', mandatory: true },
    ],
    shouldProcess: true,
    perObject: 'Identity',
    run: async (call) => {
      const connector = byName(session.tenant().outboundConnectors ?? [], call.text('Identity') ?? '')
      const recipients = call.list('Recipients') ?? []
      if (!call.shouldProcess(connector.name, 'Validating outbound connector')) return []
      if (connector.enabled === false) {
        throw new CmdletError('The domain of the recipient is not configured as part of connector.', 'ConnectorValidationException') // prettier-ignore
      }
      const steps = await session.validate(connector.name, recipients)
      return steps.map(
        ({ task, succeeded, detail }) =>
          new Item('Microsoft.Exchange.Management.FfoManagement.ConnectorValidationResult', [
            ['TaskName', task],
            ['IsTaskSuccessful', succeeded],
            ['Details', detail],
          ]),
      )
    },
  }
}

/** The cmdlets. */
export function outboundConnectorCmdlets(session: Session): Cmdlet[] {
  return [...cmdletsFor(KIND, session), validation(session)]
}
