// The module and its connection. Signing in is not simulated: whoever names a way that exists is in.
import type { Cmdlet } from '../powershell/cmdlet.ts'
import { CmdletError } from '../powershell/errors.ts'
import { version } from '../powershell/types.ts'
import { Item } from '../powershell/values.ts'
import type { Session } from './session.ts'

const MODULE = 'ExchangeOnlineManagement'

function moduleItem(): Item {
  return new Item('System.Management.Automation.PSModuleInfo', [['Name', MODULE], ['Version', version('3.9.0')]]) // prettier-ignore
}

/** The cmdlets; `names` are those that come with a connection. */
export function connectionCmdlets(session: Session, names: () => readonly string[]): Cmdlet[] {
  return [
    {
      name: 'Connect-ExchangeOnline',
      parameters: [
        { name: 'UserPrincipalName', kind: 'string' },
        { name: 'Organization', kind: 'string' },
        { name: 'DelegatedOrganization', kind: 'string' },
        { name: 'AppId', kind: 'string' },
        { name: 'CertificateThumbprint', kind: 'string' },
        { name: 'CertificateFilePath', kind: 'string' },
        { name: 'CertificatePassword', kind: 'any' },
        { name: 'ManagedIdentity', kind: 'switch' },
        { name: 'Device', kind: 'switch' },
        { name: 'ShowBanner', kind: 'switch' },
        { name: 'ShowProgress', kind: 'bool' },
        { name: 'SkipLoadingFormatData', kind: 'switch' },
        { name: 'CommandName', kind: 'string[]' },
        { name: 'Credential', kind: 'any' },
      ],
      run: (call) => {
        if (call.has('Credential')) {
          throw new CmdletError('The parameter Credential is not available any longer. Sign in interactively or with a certificate.', 'AuthenticationException') // prettier-ignore
        }
        if (call.has('AppId') && !call.has('Organization')) throw new CmdletError('AppId needs Organization.', 'ArgumentException') // prettier-ignore
        session.connected = true
        return []
      },
    },
    {
      name: 'Disconnect-ExchangeOnline',
      parameters: [],
      shouldProcess: true,
      run: (call) => {
        if (call.shouldProcess('all connections', 'Disconnecting')) session.connected = false
        return []
      },
    },
    {
      name: 'Get-ConnectionInformation',
      parameters: [],
      run: () => {
        const { id, moera } = session.tenant()
        return session.connected ? [new Item('ConnectionInformation', [['State', 'Connected'], ['TokenStatus', 'Active'], ['TenantID', id], ['Organization', moera], ['UserPrincipalName', `admin@${moera}`], ['Name', 'ExchangeOnline_1']])] : [] // prettier-ignore
      },
    },
    {
      name: 'Get-Module',
      parameters: [
        { name: 'Name', kind: 'string[]', position: 0 },
        { name: 'ListAvailable', kind: 'switch' },
      ],
      run: (call) => {
        const wanted = call.list('Name')
        return wanted === undefined || wanted.some((one) => one.toLowerCase() === MODULE.toLowerCase()) ? [moduleItem()] : [] // prettier-ignore
      },
    },
    {
      name: 'Import-Module',
      parameters: [
        { name: 'Name', kind: 'string', position: 0, mandatory: true },
        { name: 'MinimumVersion', kind: 'version' },
        { name: 'Force', kind: 'switch' },
      ],
      run: (call) => {
        const name = call.text('Name') ?? ''
        if (name.toLowerCase() === MODULE.toLowerCase() || /^microsoft\.graph/i.test(name)) return []
        throw new CmdletError(`The specified module '${name}' was not loaded because no valid module file was found in any module directory.`, 'FileNotFoundException') // prettier-ignore
      },
    },
    {
      name: 'Get-ManagementRole',
      parameters: [
        { name: 'Identity', kind: 'string', position: 0 },
        { name: 'Cmdlet', kind: 'string' },
        { name: 'CmdletParameters', kind: 'string[]' },
      ],
      run: (call) => {
        const known = call.text('Cmdlet')?.toLowerCase()
        return known === undefined || names().some((one) => one.toLowerCase() === known) ? [new Item('ExchangeRole', [['Name', 'Mail Flow']])] : [] // prettier-ignore
      },
    },
  ]
}
