// Accepted domains, recipients and groups. A domain is added and verified by Graph's cmdlets, as in Microsoft 365:
// Exchange Online itself has no New-AcceptedDomain.
import type { AcceptedDomain } from '../config.ts'
import type { Cmdlet } from '../powershell/cmdlet.ts'
import { CmdletError } from '../powershell/errors.ts'
import { Item } from '../powershell/values.ts'
import { checkDomain } from './inbound-connector.ts'
import { byName, notFound } from './session.ts'
import type { Session } from './session.ts'

/** Domains that were added and not verified yet, by tenant. */
type Pending = Map<string, Set<string>>

const ID = { name: 'DomainId', kind: 'string', mandatory: true } as const

function whole(domain: string | AcceptedDomain): AcceptedDomain {
  return typeof domain === 'string' ? { name: domain } : domain
}

function shown(domain: AcceptedDomain, isDefault: boolean): Item {
  return new Item('Microsoft.Exchange.Data.Directory.SystemConfiguration.AcceptedDomain', [
    ['Identity', domain.name],
    ['Name', domain.name],
    ['DomainName', domain.name],
    ['DomainType', domain.domainType ?? 'Authoritative'],
    ['Default', isDefault],
    ['MatchSubDomains', domain.matchSubDomains === true],
    ['InitialDomain', domain.name.endsWith('.onmicrosoft.com')],
  ])
}

function acceptedDomains(session: Session): Cmdlet[] {
  const all = (): AcceptedDomain[] => [session.tenant().moera, ...session.tenant().acceptedDomains].map(whole)
  return [
    {
      name: 'Get-AcceptedDomain',
      parameters: [
        { name: 'Identity', kind: 'string', position: 0 },
        { name: 'ResultSize', kind: 'string' },
      ],
      run: (call) => {
        const list = all()
        const chosen = call.has('Identity') ? [byName(list, call.text('Identity') ?? '')] : list
        const first = list[1] ?? list[0]
        return chosen.map((one) => shown(one, one.name === first?.name))
      },
    },
    {
      name: 'Set-AcceptedDomain',
      parameters: [
        { name: 'Identity', kind: 'string', position: 0, mandatory: true },
        { name: 'DomainType', kind: ['Authoritative', 'InternalRelay'] },
        { name: 'MatchSubDomains', kind: 'bool' },
      ],
      shouldProcess: true,
      run: (call) => {
        const before = byName(all(), call.text('Identity') ?? '')
        const relay = call.has('DomainType') ? call.text('DomainType') === 'InternalRelay' : before.domainType === 'InternalRelay' // prettier-ignore
        const changed: AcceptedDomain = {
          ...before,
          domainType: relay ? 'InternalRelay' : 'Authoritative',
          matchSubDomains: call.has('MatchSubDomains')
            ? call.flag('MatchSubDomains')
            : before.matchSubDomains === true,
        }
        if (changed.matchSubDomains && !relay) {
          throw new CmdletError(
            'MatchSubDomains can be $true only if DomainType is InternalRelay.',
            'MatchSubDomainsException',
          )
        }
        if (!call.shouldProcess(before.name, 'Setting accepted domain')) return []
        const tenant = session.tenant()
        session.change({ ...tenant, acceptedDomains: tenant.acceptedDomains.map((one) => (whole(one).name === before.name ? changed : one)) }) // prettier-ignore
        return []
      },
    },
  ]
}

function verification(session: Session, pending: Pending): Cmdlet[] {
  const waiting = (): Set<string> => {
    const { id } = session.tenant()
    const known = pending.get(id) ?? new Set<string>()
    pending.set(id, known)
    return known
  }
  const token = (domain: string): string => `MS=ms${String(Array.from(domain).reduce((sum, one) => (sum * 31 + (one.codePointAt(0) ?? 0)) % 99_999_989, 7)).padStart(8, '0')}` // prettier-ignore
  const accepted = (domain: string): boolean => session.tenant().acceptedDomains.some((one) => whole(one).name.toLowerCase() === domain) // prettier-ignore
  const shownDomain = (domain: string): Item => new Item('MicrosoftGraphDomain', [['Id', domain], ['IsVerified', accepted(domain)]]) // prettier-ignore
  return [
    { name: 'Connect-MgGraph', parameters: [{ name: 'Scopes', kind: 'string[]' }, { name: 'NoWelcome', kind: 'switch' }, { name: 'TenantId', kind: 'string' }], run: () => [] }, // prettier-ignore
    { name: 'Disconnect-MgGraph', parameters: [], run: () => [] },
    {
      name: 'New-MgDomain',
      parameters: [{ name: 'Id', kind: 'string', mandatory: true }],
      shouldProcess: true,
      run: (call) => {
        const domain = (call.text('Id') ?? '').toLowerCase()
        checkDomain(domain, 'Id')
        if (accepted(domain) || waiting().has(domain) || session.taken(domain)) {
          throw new CmdletError(
            'Another object with the same value for property name already exists.',
            'ObjectConflict',
          )
        }
        if (!call.shouldProcess(domain, 'New-MgDomain_Create')) return []
        waiting().add(domain)
        return [shownDomain(domain)]
      },
    },
    {
      name: 'Get-MgDomain',
      parameters: [{ ...ID, mandatory: false }],
      run: (call) => {
        const all = [session.tenant().moera, ...session.tenant().acceptedDomains].map((one) => whole(one).name.toLowerCase()) // prettier-ignore
        const list = [...all, ...waiting()]
        const wanted = call.text('DomainId')?.toLowerCase()
        if (wanted !== undefined && !list.includes(wanted)) throw notFound(wanted)
        return list.filter((one) => wanted === undefined || one === wanted).map(shownDomain)
      },
    },
    {
      name: 'Get-MgDomainVerificationDnsRecord',
      parameters: [ID],
      run: (call) => {
        const domain = (call.text('DomainId') ?? '').toLowerCase()
        if (!waiting().has(domain) && !accepted(domain)) throw notFound(domain)
        const text = token(domain)
        return [
          new Item('MicrosoftGraphDomainDnsTxtRecord', [
            ['RecordType', 'Txt'],
            ['Label', domain],
            ['Text', text],
            ['Ttl', 3600],
            ['AdditionalProperties', new Item('Properties', [['text', text]])],
          ]),
        ]
      },
    },
    {
      // There is no DNS here: the record counts as there.
      name: 'Confirm-MgDomain',
      parameters: [ID],
      shouldProcess: true,
      run: (call) => {
        const domain = (call.text('DomainId') ?? '').toLowerCase()
        if (!waiting().has(domain)) throw notFound(domain)
        if (!call.shouldProcess(domain, 'Confirm-MgDomain_Verify')) return []
        waiting().delete(domain)
        const tenant = session.tenant()
        session.change({ ...tenant, acceptedDomains: [...tenant.acceptedDomains, domain] })
        return [shownDomain(domain)]
      },
    },
  ]
}

function directory(session: Session): Cmdlet[] {
  const groups = (): { name: string; members: string[] }[] => Object.entries(session.tenant().groups ?? {}).map(([name, members]) => ({ name, members })) // prettier-ignore
  const identity = { name: 'Identity', kind: 'string', position: 0 } as const
  const size = { name: 'ResultSize', kind: 'string' } as const
  const item = (type: string, address: string): Item => new Item(type, [['Identity', address], ['Name', address], ['PrimarySmtpAddress', address]]) // prettier-ignore
  return [
    {
      name: 'Get-DistributionGroup',
      parameters: [identity, size],
      run: (call) => (call.has('Identity') ? [byName(groups(), call.text('Identity') ?? '')] : groups()).map(({ name }) => item('DistributionGroup', name)), // prettier-ignore
    },
    {
      name: 'Get-DistributionGroupMember',
      parameters: [{ ...identity, mandatory: true }, size],
      run: (call) =>
        byName(groups(), call.text('Identity') ?? '').members.map((one) => item('Recipient', one)),
    },
    {
      name: 'Get-Recipient',
      parameters: [identity, size],
      run: (call) => {
        const kinds = [
          ...(session.tenant().recipients ?? []).map((name) => ({ name, kind: 'UserMailbox' })),
          ...groups().map(({ name }) => ({ name, kind: 'MailUniversalDistributionGroup' })),
        ]
        const found = call.has('Identity') ? [byName(kinds, call.text('Identity') ?? '')] : kinds
        return found.map(({ name, kind }) => new Item('Recipient', [['Identity', name], ['Name', name], ['PrimarySmtpAddress', name], ['RecipientTypeDetails', kind]])) // prettier-ignore
      },
    },
    { name: 'Get-JournalRule', parameters: [identity], run: () => [] },
  ]
}

/** The cmdlets. */
export function domainCmdlets(session: Session, pending: Pending): Cmdlet[] {
  return [...acceptedDomains(session), ...verification(session, pending), ...directory(session)]
}
