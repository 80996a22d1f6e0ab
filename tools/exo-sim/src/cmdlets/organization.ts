// The organisation's switches: organization config, ARC, anti-spam policies, remote domains.
import { rangeOf } from '../addresses.ts'
import type { OrganizationSwitches, RemoteDomain } from '../config.ts'
import type { Call, Cmdlet } from '../powershell/cmdlet.ts'
import { CmdletError } from '../powershell/errors.ts'
import { Item } from '../powershell/values.ts'
import type { Value } from '../powershell/values.ts'
import { changedList } from './fields.ts'
import { byName, notFound } from './session.ts'
import type { Session } from './session.ts'

const IDENTITY = { name: 'Identity', kind: 'string', position: 0 } as const

function switches(session: Session): OrganizationSwitches {
  return session.tenant().organization ?? {}
}

function put(session: Session, change: OrganizationSwitches): void {
  const tenant = session.tenant()
  session.change({ ...tenant, organization: { ...tenant.organization, ...change } })
}

/** There is one object of each policy, and it is called Default. */
function onlyDefault(call: Call): void {
  const identity = call.text('Identity')
  if (identity !== undefined && identity.toLowerCase() !== 'default') throw notFound(identity)
}

/** Some changes need the organisation to be made writable first. */
function writable(session: Session): void {
  if (switches(session).isDehydrated) {
    throw new CmdletError("The command you tried to run isn't currently allowed in your organization. To run this command, you first need to run the command: Enable-OrganizationCustomization.", 'InvalidOperationInDehydratedContextException') // prettier-ignore
  }
}

function organizationConfig(session: Session): Cmdlet[] {
  return [
    {
      name: 'Get-OrganizationConfig',
      parameters: [],
      run: () => {
        const tenant = session.tenant()
        return [
          new Item('Microsoft.Exchange.Data.Directory.Management.OrganizationConfig', [
            ['Name', tenant.moera],
            ['Identity', tenant.moera],
            ['Guid', tenant.id],
            ['IsDehydrated', switches(session).isDehydrated === true],
            ['RejectDirectSend', tenant.rejectDirectSend === true],
          ]),
        ]
      },
    },
    {
      name: 'Set-OrganizationConfig',
      parameters: [{ name: 'RejectDirectSend', kind: 'bool' }],
      shouldProcess: true,
      run: (call) => {
        if (!call.shouldProcess(session.tenant().moera, 'Setting organization configuration')) return []
        if (call.has('RejectDirectSend')) session.change({ ...session.tenant(), rejectDirectSend: call.flag('RejectDirectSend') }) // prettier-ignore
        return []
      },
    },
    {
      name: 'Enable-OrganizationCustomization',
      parameters: [],
      shouldProcess: true,
      run: (call) => {
        if (!switches(session).isDehydrated) {
          throw new CmdletError('This operation is not required. Organization is already enabled for customization.', 'InvalidOrganizationStateException') // prettier-ignore
        }
        if (call.shouldProcess(session.tenant().moera, 'Enabling customization of organization')) put(session, { isDehydrated: false }) // prettier-ignore
        return []
      },
    },
  ]
}

function arcConfig(session: Session): Cmdlet[] {
  return [
    {
      name: 'Get-ArcConfig',
      parameters: [IDENTITY],
      run: (call) => {
        onlyDefault(call)
        const sealers = switches(session).arcTrustedSealers ?? []
        // One text with commas, as the cmdlet gives it.
        return [new Item('ArcConfig', [['Identity', 'Default'], ['ArcTrustedSealers', sealers.length === 0 ? [] : sealers]])] // prettier-ignore
      },
    },
    {
      name: 'Set-ArcConfig',
      parameters: [
        { ...IDENTITY, mandatory: true },
        { name: 'ArcTrustedSealers', kind: 'string[]', mandatory: true },
      ],
      shouldProcess: true,
      run: (call) => {
        onlyDefault(call)
        writable(session)
        const given = (call.list('ArcTrustedSealers') ?? []).flatMap((one) => one.split(','))
        if (given.some((one) => one === '')) {
          throw new CmdletError("Cannot bind argument to parameter 'ArcTrustedSealers' because it is an empty string. Use \" \" to empty the list.", 'ParameterBindingValidationException') // prettier-ignore
        }
        const sealers = given.map((one) => one.trim().toLowerCase()).filter((one) => one !== '')
        // It replaces the list.
        if (call.shouldProcess('Default', 'Setting ARC configuration'))
          put(session, { arcTrustedSealers: sealers })
        return []
      },
    },
  ]
}

function contentFilter(session: Session): Cmdlet[] {
  return [
    {
      name: 'Get-HostedContentFilterPolicy',
      parameters: [IDENTITY],
      run: (call) => {
        onlyDefault(call)
        const value = switches(session).markAsSpamSpfRecordHardFail ?? 'Off'
        return [new Item('HostedContentFilterPolicy', [['Name', 'Default'], ['Identity', 'Default'], ['IsDefault', true], ['MarkAsSpamSpfRecordHardFail', value]])] // prettier-ignore
      },
    },
    {
      name: 'Set-HostedContentFilterPolicy',
      parameters: [
        { ...IDENTITY, mandatory: true },
        { name: 'MarkAsSpamSpfRecordHardFail', kind: ['On', 'Off', 'Test'] },
      ],
      shouldProcess: true,
      run: (call) => {
        onlyDefault(call)
        writable(session)
        const value = call.text('MarkAsSpamSpfRecordHardFail')
        if (value !== undefined && call.shouldProcess('Default', 'Setting spam filter policy')) {
          put(session, {
            markAsSpamSpfRecordHardFail: value === 'On' ? 'On' : value === 'Test' ? 'Test' : 'Off',
          })
        }
        return []
      },
    },
  ]
}

function connectionFilter(session: Session): Cmdlet[] {
  const lists = ['IPAllowList', 'IPBlockList'] as const
  const keys = { IPAllowList: 'ipAllowList', IPBlockList: 'ipBlockList' } as const
  return [
    {
      name: 'Get-HostedConnectionFilterPolicy',
      parameters: [IDENTITY],
      run: (call) => {
        onlyDefault(call)
        const now = switches(session)
        return [
          new Item('HostedConnectionFilterPolicy', [
            ['Name', 'Default'],
            ['Identity', 'Default'],
            ['IPAllowList', now.ipAllowList ?? []],
            ['IPBlockList', now.ipBlockList ?? []],
            ['EnableSafeList', now.enableSafeList === true],
          ]),
        ]
      },
    },
    {
      name: 'Set-HostedConnectionFilterPolicy',
      parameters: [
        { ...IDENTITY, mandatory: true },
        ...lists.map((name) => ({ name, kind: 'string[]' as const, nullable: true })),
        { name: 'EnableSafeList', kind: 'bool' },
      ],
      shouldProcess: true,
      run: (call) => {
        onlyDefault(call)
        writable(session)
        const change: OrganizationSwitches = {}
        for (const name of lists) {
          if (!call.has(name)) continue
          const changed = changedList(switches(session)[keys[name]], call.value(name))
          changed.forEach(checkRange)
          change[keys[name]] = changed
        }
        if (call.has('EnableSafeList')) change.enableSafeList = call.flag('EnableSafeList')
        if (call.shouldProcess('Default', 'Setting connection filter policy')) put(session, change)
        return []
      },
    },
  ]
}

/** IPv4; at most 256 addresses. */
function checkRange(text: string): void {
  const range = rangeOf(text)
  if (range && range.last - range.first < 256) return
  throw new CmdletError(`The IP address or range "${text}" isn't valid. Use IPv4 addresses, ranges of at most 256 addresses, or CIDR ranges of /24 to /32.`, 'InvalidIPRangeException') // prettier-ignore
}

function remoteDomains(session: Session): Cmdlet[] {
  const all = (): RemoteDomain[] => switches(session).remoteDomains ?? [{ name: 'Default', domainName: '*' }]
  const shown = ({ name, domainName, tnefEnabled }: RemoteDomain): Item =>
    new Item('DomainContentConfig', [['Identity', name], ['Name', name], ['DomainName', domainName], ['TNEFEnabled', tnefEnabled ?? null]]) // prettier-ignore
  return [
    {
      name: 'Get-RemoteDomain',
      parameters: [IDENTITY],
      run: (call) => (call.has('Identity') ? [byName(all(), call.text('Identity') ?? '')] : all()).map(shown),
    },
    {
      name: 'Set-RemoteDomain',
      parameters: [
        { ...IDENTITY, mandatory: true },
        { name: 'TNEFEnabled', kind: 'bool', nullable: true },
      ],
      shouldProcess: true,
      run: (call) => {
        const { name, domainName, tnefEnabled } = byName(all(), call.text('Identity') ?? '')
        const value: Value = call.has('TNEFEnabled') ? call.value('TNEFEnabled') : (tnefEnabled ?? null)
        const changed: RemoteDomain = {
          name,
          domainName,
          ...(typeof value === 'boolean' ? { tnefEnabled: value } : {}),
        }
        if (call.shouldProcess(name, 'Setting remote domain')) put(session, { remoteDomains: all().map((one) => (one.name === name ? changed : one)) }) // prettier-ignore
        return []
      },
    },
  ]
}

/** The cmdlets. */
export function organizationCmdlets(session: Session): Cmdlet[] {
  return [
    ...organizationConfig(session),
    ...arcConfig(session),
    ...contentFilter(session),
    ...connectionFilter(session),
    ...remoteDomains(session),
  ]
}
