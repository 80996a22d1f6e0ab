// The cmdlets of Exchange Online against a running tenant: what they change, what they refuse and in which words.
import assert from 'node:assert/strict'
import test from 'node:test'
import type { TenantConfig } from '../config.ts'
import { startExchange } from '../exchange.ts'
import type { Exchange } from '../exchange.ts'
import type { ScriptResult } from '../powershell/interpreter.ts'
import {
  CONTOSO,
  contoso,
  fabrikam,
  returnToExchange,
  root,
  startScene,
  worldCredentials,
} from '../testing/scene.ts'

/** A tenant with nothing set up. */
const bare: TenantConfig = { id: CONTOSO, moera: 'contoso.onmicrosoft.com', acceptedDomains: ['contoso.com'] }
const withGateway = contoso({ rules: [{ name: 'First' }, { name: 'Second', stopRuleProcessing: true }], groups: { 'pilot@contoso.com': ['ann@contoso.com'] } }) // prettier-ignore

async function start(tenant: TenantConfig): Promise<Exchange> {
  return await startExchange({ tenants: [tenant, fabrikam()], server: worldCredentials, ca: root.root })
}

async function run(tenant: TenantConfig, script: string): Promise<ScriptResult & { config: TenantConfig }> {
  await using exchange = await start(tenant)
  return { ...(await exchange.powershell(CONTOSO, script)), config: exchange.tenant(CONTOSO) }
}

const newInbound = "New-InboundConnector -Name 'In' -SenderDomains * -ConnectorType OnPremises -RequireTls $true -RestrictDomainsToCertificate $true -TlsSenderCertificateName gw.contoso.com" // prettier-ignore
const newOutbound = "New-OutboundConnector -Name 'Out' -ConnectorType OnPremises -IsTransportRuleScoped $true -UseMxRecord $false -SmartHosts gw.contoso.com -TlsSettings DomainValidation -TlsDomain gw.contoso.com" // prettier-ignore

test("Microsoft's reference commands make connectors and rule", async () => {
  const { errors, output, config } = await run(bare, `
${newOutbound} -CloudServicesMailEnabled $true | Out-Null
New-TransportRule -Name 'To gateway' -FromScope InOrganization -RouteMessageOutboundConnector 'out' \`
  -ExceptIfHeaderContainsMessageHeader X-Done -ExceptIfHeaderContainsWords 'abc','def' -StopRuleProcessing $true -Enabled $false | Out-Null
${newInbound} -CloudServicesMailEnabled $true | Out-Null
$r = Get-TransportRule 'To gateway'
"$($r.State) $($r.Priority) $($r.Mode) $($r.RuleErrorAction) $($r.ExceptIfHeaderContainsWords -join '+') $($r.RouteMessageOutboundConnector)"
$i = Get-InboundConnector -Identity In
"$($i.Enabled) $($i.ConnectorType) $($i.SenderDomains)"
$o = Get-OutboundConnector Out
"$($o.UseMXRecord) $($o.SmartHosts) $($o.IsValidated) $($o.SmtpDaneMode)"`) // prettier-ignore
  assert.deepEqual(errors, [])
  assert.equal(output, 'Disabled 0 Enforce Ignore abc+def Out\nTrue OnPremises *\nFalse gw.contoso.com False Opportunistic\n') // prettier-ignore
  assert.equal(config.outboundConnectors?.[0]?.smartHost, 'gw.contoso.com')
  assert.equal(config.rules?.[0]?.enabled, false)
})

/** Scripts and the refusal of their last command. */
const REFUSED: [string, RegExp, TenantConfig?][] = [
  [`${newInbound} -Nonsense 1`, /A parameter cannot be found that matches parameter name 'Nonsense'\./],
  ['New-InboundConnector -Name In', /missing mandatory parameters: SenderDomains\./],
  [`New-InboundConnector -Name ${'x'.repeat(65)} -SenderDomains *`, /The length of the property is too long\. The maximum length is 64 and the length of the value provided is 65\./],
  [newInbound.replace("'In'", "'From gateway'"), /already exists/, withGateway],
  [`${newInbound} -SenderIPAddresses 192.0.2.0/23`, /"192\.0\.2\.0\/23" isn't valid for SenderIPAddresses/],
  [`${newInbound} -SenderIPAddresses 2001:db8::1`, /IPv6 isn't supported/],
  [newInbound.replace('gw.contoso.com', 'gw.*.contoso.com'), /isn't a valid SMTP domain/],
  [`${newInbound} -EFTestMode $true`, /'EFTestMode' is reserved for internal Microsoft use/],
  [`${newInbound} -EFSkipMailGateway gw`, /reserved/],
  [`${newInbound} -ScanAndDropRecipients a@b.c`, /reserved/],
  [`${newInbound} -EFSkipIPs 10.1.2.3`, /isn't valid for EFSkipIPs/],
  [`${newInbound} -EFSkipIPs 40.92.3.4`, /isn't valid for EFSkipIPs/],
  [`${newInbound} -TreatMessagesAsInternal $true -CloudServicesMailEnabled $true`, /TreatMessagesAsInternal can be \$true only/],
  ['New-InboundConnector P -SenderDomains * -TreatMessagesAsInternal $true', /TreatMessagesAsInternal can be \$true only/],
  ['New-InboundConnector P -SenderDomains * -RestrictDomainsToIPAddresses $true', /needs SenderIPAddresses/],
  [newInbound, /Inbound connectors can't be created/, { ...bare, newInboundConnectors: 'prohibited' }],
  ['New-OutboundConnector O -UseMXRecord $false', /SmartHosts is required/],
  ['New-OutboundConnector O -SmartHosts gw.contoso.com', /only when UseMXRecord is \$false/],
  [newOutbound.replace('DomainValidation', 'CertificateValidation'), /TlsDomain can be used only when TlsSettings is DomainValidation/],
  [newOutbound.replace('DomainValidation', 'Strict'), /Unable to match the identifier name Strict .*EncryptionOnly, CertificateValidation, DomainValidation/],
  [`${newOutbound} -LinkForModifiedConnector x`, /reserved/],
  ['New-OutboundConnector O -ConnectorType Partner -AllAcceptedDomains $true', /only on a connector of type OnPremises/],
  ["Remove-OutboundConnector 'To gateway'", /does not support user interaction/, withGateway],
  ["New-TransportRule R -RouteMessageOutboundConnector 'To gateway' | Out-Null; Remove-OutboundConnector 'To gateway' -Confirm:$false", /can't be removed because a mail flow rule uses it/, withGateway],
  ["New-TransportRule R -RouteMessageOutboundConnector 'From gateway'", /outbound connector "From gateway" couldn't be found\. A mail flow rule can route messages to an outbound connector only/, withGateway],
  [`New-TransportRule ${'x'.repeat(65)} -DeleteMessage $true`, /maximum length is 64/],
  [`New-TransportRule R -DeleteMessage $true -Comments ${'x'.repeat(1025)}`, /maximum length is 1024/],
  ['New-TransportRule R -FromScope InOrganization', /at least one action/],
  ['New-TransportRule R -DeleteMessage $true -HeaderContainsMessageHeader X', /HeaderContainsMessageHeader and HeaderContainsWords must be used together/],
  ['New-TransportRule R -DeleteMessage $true -ExceptIfHeaderMatchesPatterns x', /ExceptIfHeaderMatchesMessageHeader and ExceptIfHeaderMatchesPatterns must be used together/],
  ['New-TransportRule R -SetHeaderName X-A', /SetHeaderName and SetHeaderValue must be used together/],
  ['New-TransportRule R -SetHeaderName "X A" -SetHeaderValue b', /header name "X A" isn't valid/],
  ['New-TransportRule R -SetSCL 10', /SetSCL isn't valid/],
  ['New-TransportRule R -DeleteMessage $true -SubjectMatchesPatterns "("', /regular expression "\(" isn't valid/],
  ['New-TransportRule R -DeleteMessage $true -SubjectContainsWords " a"', /begins or ends with a space/],
  ['New-TransportRule R -DeleteMessage $true -SubjectContainsWords (1..80 | ForEach-Object { "$_" + "x" * 110 })', /The rule cannot be created because it is too large\. It has \d+ characters and the maximum number of characters is 8192\./],
  ['New-TransportRule R -RejectMessageEnhancedStatusCode 5.7.2', /"5\.7\.2" isn't valid\. Use 5\.7\.1 or/],
  ['New-TransportRule R -RejectMessageEnhancedStatusCode 5.7.899', /isn't valid/],
  ['New-TransportRule R -DeleteMessage $true -FromMemberOf nobody@contoso.com', /object 'nobody@contoso\.com' couldn't be found/],
  ['New-TransportRule R -DeleteMessage $true -SentToScope ExternalPartner', /InOrganization, NotInOrganization/],
  ['New-TransportRule R -DeleteMessage $true -MessageTypeMatches Encrypted,Signed', /Unable to match the identifier name/],
  ['New-TransportRule R -DeleteMessage $true -SenderIpRanges 1.2.3', /"1\.2\.3" isn't valid/],
  ['New-TransportRule R -DeleteMessage $true -Priority 3', /must be between 0 and 2/, withGateway],
  ['New-TransportRule R -DeleteMessage $true -ExceptIfAttachmentSizeOver 1MB', /'ExceptIfAttachmentSizeOver' exists in Exchange Online, but this simulator does not know it/],
  ['Set-TransportRule First -Enabled $true', /matches parameter name 'Enabled'/, withGateway],
  ['Get-TransportRule Nope', /The operation couldn't be performed because object 'Nope' couldn't be found on '/],
  ['Set-HostedConnectionFilterPolicy Default -IPAllowList @{ Add = "192.0.2.0/16" }', /isn't valid/],
  ['Set-ArcConfig -Identity Default -ArcTrustedSealers ""', /empty string/],
  ['Set-ArcConfig -Identity Default -ArcTrustedSealers a.example', /first need to run the command: Enable-OrganizationCustomization/, { ...bare, organization: { isDehydrated: true } }],
  ['Set-AcceptedDomain contoso.com -MatchSubDomains $true', /only if DomainType is InternalRelay/],
  ['New-AcceptedDomain -Name x -DomainName x.example', /The term 'New-AcceptedDomain' is not recognized/],
  ['New-MgDomain -Id fabrikam.com', /Another object with the same value/],
  ['Confirm-MgDomain -DomainId new.contoso.com', /couldn't be found/],
  ['Disconnect-ExchangeOnline -Confirm:$false; Get-InboundConnector', /The term 'Get-InboundConnector' is not recognized/],
  ['Connect-ExchangeOnline -Credential $null', /Credential is not available any longer/],
  ['Test-Message -Sender ann@contoso.com -Recipients b@c.example', /at least one of the switches/],
  ['New-OutboundConnector O -Enabled $false | Out-Null; Validate-OutboundConnector O -Recipients a@b.example', /The domain of the recipient is not configured as part of connector\./],
] // prettier-ignore

for (const [script, expected, tenant] of REFUSED) {
  test(`refused: ${script.slice(0, 120)}`, async () => {
    const { errors, config } = await run(tenant ?? bare, script)
    assert.equal(errors.length, 1, JSON.stringify(errors))
    assert.match(errors[0] ?? '', expected)
    const objects = (one: TenantConfig): number =>
      (one.rules ?? []).length + (one.inboundConnectors ?? []).length + (one.outboundConnectors ?? []).length
    // What stands before a refused command may have made one.
    const made = (script.match(/\| Out-Null/g) ?? []).length
    assert.equal(objects(config), objects(tenant ?? bare) + made)
  })
}

test('in a new tenant the connector is made disabled and nobody but the support enables it', async () => {
  const { warnings, output, errors } = await run(
    { ...bare, newInboundConnectors: 'disabled' },
    `
$c = ${newInbound}
"made: $($c.Enabled)"
Set-InboundConnector In -Enabled $true -Comment 'x'
$c = Get-InboundConnector In
"set: $($c.Enabled) $($c.Comment)"
(New-InboundConnector Partner -SenderDomains partner.example).Enabled`,
  )
  assert.deepEqual(errors, [])
  assert.deepEqual(warnings, [
    'Inbound connector for this service offering is created in a disabled state. Contact Support to enable it.',
    "For this service offering, you can't enable an inbound connector. Contact Support to enable it.",
  ])
  assert.equal(output, 'made: False\nset: False x\nTrue\n')
})

test('priorities shift, -WhatIf changes nothing, $null takes a condition away', async () => {
  const { output, errors, config } = await run(
    withGateway,
    `
New-TransportRule Zero -DeleteMessage $true -FromScope InOrganization -Priority 0 | Out-Null
New-TransportRule Last -DeleteMessage $true | Out-Null
(Get-TransportRule | ForEach-Object { "$($_.Priority)=$($_.Name)" }) -join ' '
Set-TransportRule Zero -Priority 3 -FromScope $null -Comments 'moved'
Set-TransportRule Last -Priority 1
(Get-TransportRule).Name -join ' '
Disable-TransportRule Last -Confirm:$false
(Get-TransportRule -State Disabled).Name
Enable-TransportRule Last -Mode Audit
New-TransportRule Never -DeleteMessage $true -WhatIf
Set-TransportRule Zero -Name Changed -WhatIf
Remove-TransportRule Zero -Confirm:$false -WhatIf
Remove-TransportRule First -Confirm:$false
(Get-TransportRule).Name -join ' '`,
  )
  assert.deepEqual(errors, [])
  const lines = output.trim().split('\n')
  assert.deepEqual(lines.slice(0, 3), ['0=Zero 1=First 2=Second 3=Last', 'First Last Second Zero', 'Last'])
  assert.equal(lines.filter((line) => line.startsWith('What if: ')).length, 3)
  assert.equal(lines.at(-1), 'Last Second Zero')
  assert.deepEqual(config.rules?.find(({ name }) => name === 'Zero'), { name: 'Zero', deleteMessage: true, priority: 2, comments: 'moved' }) // prettier-ignore
  assert.deepEqual(config.rules.find(({ name }) => name === 'Last'), { name: 'Last', deleteMessage: true, priority: 0, enabled: true, mode: 'Audit' }) // prettier-ignore
})

test('the switches of the organisation', async () => {
  const { output, errors, config } = await run(
    { ...bare, organization: { isDehydrated: true } },
    `
(Get-OrganizationConfig).IsDehydrated
Enable-OrganizationCustomization
Set-OrganizationConfig -RejectDirectSend $true
Set-ArcConfig -Identity Default -ArcTrustedSealers 'a.example', 'B.example'
$sealers = @(Get-ArcConfig | Select-Object -ExpandProperty ArcTrustedSealers)
Set-ArcConfig -Identity Default -ArcTrustedSealers ($sealers + 'gw.contoso.com')
(Get-ArcConfig).ArcTrustedSealers -join '|'
Set-ArcConfig -Identity Default -ArcTrustedSealers ' '
@(Get-ArcConfig | Select-Object -ExpandProperty ArcTrustedSealers).Count
Set-HostedConnectionFilterPolicy Default -IPAllowList @{ Add = '192.0.2.1', '198.51.100.0/24' }
Set-HostedConnectionFilterPolicy Default -IPAllowList @{ Add = '192.0.2.2'; Remove = '192.0.2.1' }
(Get-HostedConnectionFilterPolicy Default).IPAllowList -join '|'
Set-HostedContentFilterPolicy Default -MarkAsSpamSpfRecordHardFail Off
(Get-HostedContentFilterPolicy).MarkAsSpamSpfRecordHardFail
$null -eq (Get-RemoteDomain Default).TNEFEnabled
Set-RemoteDomain Default -TNEFEnabled $false
(Get-RemoteDomain Default).TNEFEnabled
Set-AcceptedDomain contoso.com -DomainType InternalRelay
(Get-AcceptedDomain | ForEach-Object { "$($_.DomainName)/$($_.DomainType)/$($_.Default)" }) -join ' '
[bool](Get-ManagementRole -Cmdlet New-InboundConnector)
(Get-Module ExchangeOnlineManagement -ListAvailable).Version -ge [version]'3.0.0'`,
  )
  assert.deepEqual(errors, [])
  assert.deepEqual(output.trim().split('\n'), ['True', 'a.example|b.example|gw.contoso.com', '0', '198.51.100.0/24|192.0.2.2', 'Off', 'True', 'False', 'contoso.onmicrosoft.com/Authoritative/False contoso.com/InternalRelay/True', 'True', 'True']) // prettier-ignore
  assert.equal(config.rejectDirectSend, true)
})

test('a domain is added, proved and verified before it is accepted', async () => {
  const { output, errors, config } = await run(
    bare,
    `
Connect-MgGraph -Scopes Domain.ReadWrite.All -NoWelcome
New-MgDomain -Id gw.contoso.com | Out-Null
@(Get-AcceptedDomain | Where-Object DomainName -eq gw.contoso.com).Count
$record = Get-MgDomainVerificationDnsRecord -DomainId gw.contoso.com | Where-Object RecordType -eq 'Txt'
$record.AdditionalProperties.text -match '^MS=ms\\d{8}$'
(Confirm-MgDomain -DomainId gw.contoso.com).IsVerified
@(Get-AcceptedDomain | Where-Object DomainName -eq gw.contoso.com).Count`,
  )
  assert.deepEqual(errors, [])
  assert.deepEqual(output.trim().split('\n'), ['0', 'True', 'True', '1'])
  assert.deepEqual(config.acceptedDomains, ['contoso.com', 'gw.contoso.com'])
})

const setUp = `
[CmdletBinding(SupportsShouldProcess)]
param([Parameter(Mandatory)][string]$Gateway)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
if (-not (Get-ConnectionInformation)) { Connect-ExchangeOnline -ShowBanner:$false }
$outbound = @{
  Name = 'To gateway'; ConnectorType = 'OnPremises'; IsTransportRuleScoped = $true; UseMxRecord = $false
  SmartHosts = $Gateway; TlsSettings = 'DomainValidation'; TlsDomain = $Gateway; CloudServicesMailEnabled = $true
}
if (Get-OutboundConnector | Where-Object { $_.Name -eq $outbound.Name }) { throw 'exists' }
$null = New-OutboundConnector @outbound
foreach ($one in @(
    @{ Name = 'S/MIME inbound'; From = 'NotInOrganization'; To = 'InOrganization' }
    @{ Name = 'S/MIME outbound'; From = 'InOrganization'; To = 'NotInOrganization' }
  )) {
  $null = New-TransportRule -Name $one.Name -FromScope $one.From -SentToScope $one.To \`
    -RouteMessageOutboundConnector $outbound.Name -StopRuleProcessing $true -RuleErrorAction Defer \`
    -ExceptIfHeaderContainsMessageHeader Received -ExceptIfHeaderContainsWords $Gateway
}
$null = New-InboundConnector -Name 'From gateway' -SenderDomains * -ConnectorType OnPremises -RequireTls $true \`
  -RestrictDomainsToCertificate $true -TlsSenderCertificateName $Gateway -CloudServicesMailEnabled $true
Write-Output "done for $Gateway"
`

test('a script sets the tenant up; mail then goes through the gateway, both ways, and the trace tells', async () => {
  const domains = { acceptedDomains: ['contoso.com', 'gw.contoso.com'] }
  await using scene = await startScene({ tenants: [{ ...bare, ...domains }, fabrikam()] })
  const { exchange, gateway, world } = scene
  const result = await exchange.powershell(CONTOSO, setUp, { arguments: { Gateway: 'gw.contoso.com' }, connected: false }) // prettier-ignore
  assert.deepEqual(result, { output: 'done for gw.contoso.com\n', warnings: [], errors: [], exitCode: 0 })
  const messageId = exchange.submit({ tenant: CONTOSO, from: 'ann@contoso.com', to: 'bob@partner.example', headers: { From: 'ann@contoso.com' }, body: '' }) // prettier-ignore
  await gateway.waitFor(() => true)
  await returnToExchange(scene, 1)
  await world.waitFor(() => true)
  await world.send({ from: 'bob@partner.example', to: 'ann@contoso.com', headers: { From: 'bob@partner.example' }, body: '' }) // prettier-ignore
  await gateway.waitFor(({ number }) => number === 2)
  await returnToExchange(scene, 2)
  await exchange.waitForMail('ann@contoso.com')
  await exchange.idle({ empty: true })
  const trace = await exchange.powershell(
    CONTOSO,
    `
$t = Get-MessageTraceV2 -MessageId '${messageId}'
"$($t.Status) $($t.SenderAddress)"
$t | Get-MessageTraceDetailV2 | ForEach-Object { $_.Event + ': ' + $_.Detail }`,
  )
  assert.match(trace.output, /^Delivered ann@contoso\.com\nSubmit: .*\nTransport rule: Transport rules: S\/MIME outbound\. Outbound connector: To gateway\.\nSend external: Message transferred to: gw\.contoso\.com using TLS\. Outbound connector: To gateway\. .*\nReceive: .*Inbound connector: From gateway\.\nTransport rule: Transport rules: -\. .*\nSend external: .*mx\.internet/) // prettier-ignore
  const again = await exchange.powershell(CONTOSO, setUp, { arguments: { Gateway: 'gw.contoso.com' } })
  assert.equal(again.exitCode, 1)
  assert.match(again.errors.join(), /exists/)
})

test('the validation mail goes through the connector past all rules; failures are told', async () => {
  await using scene = await startScene({
    tenants: [contoso({ rules: [{ name: 'All', deleteMessage: true }] })],
  })
  const { exchange, gateway } = scene
  const validate = "Validate-OutboundConnector 'To gateway' -Recipients ok@partner.example, no@partner.example | ForEach-Object { \"$($_.IsTaskSuccessful) $($_.TaskName)\" }" // prettier-ignore
  gateway.setFaults({ overrides: [{ at: 'RCPT', match: 'no@', reply: '550 5.7.1 No' }] })
  const good = await exchange.powershell(CONTOSO, `${validate}\n(Get-OutboundConnector).IsValidated\nSet-OutboundConnector 'To gateway' -IsValidated $true -LastValidationTimestamp (Get-Date).ToUniversalTime()\n(Get-OutboundConnector).IsValidated`) // prettier-ignore
  assert.deepEqual(good.errors, [])
  assert.equal(good.output, 'True Check connectivity\nTrue Send test email to ok@partner.example\nFalse Send test email to no@partner.example\nFalse\nTrue\n') // prettier-ignore
  const mail = await gateway.waitFor(() => true)
  assert.equal(mail.envelope.sender, 'O365ConnectorValidation@contoso.com')
  assert.deepEqual(mail.recipients, ['ok@partner.example'])
  assert.equal(mail.message.value('X-MS-Exchange-CrossTenant-Id'), undefined)
  gateway.setFaults({ noStartTls: true })
  gateway.dropConnections()
  const bad = await exchange.powershell(CONTOSO, "Validate-OutboundConnector 'To gateway' -Recipients ok@partner.example | Format-List") // prettier-ignore
  assert.match(bad.output, /IsTaskSuccessful : False\nDetails +: 450 4\.4\.317 .*STARTTLS is required/)
  await exchange.idle({ empty: true })
})

test('Test-Message tells which rules would apply and changes nothing', async () => {
  await using scene = await startScene({ tenants: [contoso({ rules: [{ name: 'Out', fromScope: 'InOrganization', sentToScope: 'NotInOrganization', routeMessageOutboundConnector: 'To gateway' }] })] }) // prettier-ignore
  const { exchange } = scene
  const result = await exchange.powershell(
    CONTOSO,
    `
Test-Message -Sender ann@contoso.com -Recipients bob@partner.example, cy@contoso.com -SendReportTo admin@contoso.com -TransportRules |
  ForEach-Object { "$($_.Recipients): $($_.MatchedRules) -> $($_.OutboundConnector)" }`,
  )
  assert.deepEqual(result.errors, [])
  assert.equal(result.output, 'bob@partner.example: Out -> To gateway\ncy@contoso.com:  -> \n')
  const script = `$mail = "From: x@contoso.com\`r\`nX-Done: yes\`r\`n\`r\`n"
(Test-Message -Sender ann@contoso.com -Recipients bob@partner.example -TransportRules -MessageFileData ([Text.Encoding]::UTF8.GetBytes($mail))).MatchedRules.Count`
  const given = (change: object): void => {
    exchange.setTenant({ ...exchange.tenant(CONTOSO), rules: [{ name: 'Out', routeMessageOutboundConnector: 'To gateway', ...change }] }) // prettier-ignore
  }
  given({ exceptIfHeaderContainsMessageHeader: 'X-Done', exceptIfHeaderContainsWords: ['no'] })
  assert.equal((await exchange.powershell(CONTOSO, script)).output, '1\n')
  given({ exceptIfHeaderContainsMessageHeader: 'X-Done', exceptIfHeaderContainsWords: ['yes'] })
  assert.equal((await exchange.powershell(CONTOSO, script)).output, '0\n')
  assert.match((await exchange.waitForMail('admin@contoso.com')).message.body.toString(), /Out -> To gateway/)
  assert.equal(exchange.queue().length + exchange.mailbox('cy@contoso.com').length, 0)
})

test('a change takes effect after the propagation delay', async () => {
  await using scene = await startScene({ tenants: [contoso({ groups: {} })], propagationDelay: 60_000 })
  const { exchange } = scene
  const made = await exchange.powershell(CONTOSO, 'New-TransportRule Drop -DeleteMessage $true | Out-Null; (Get-TransportRule).Name') // prettier-ignore
  assert.deepEqual([made.output, made.errors], ['Drop\n', []])
  const mail = { tenant: CONTOSO, from: 'ann@contoso.com', to: 'cy@contoso.com', headers: {}, body: '' }
  exchange.submit(mail)
  assert.equal(exchange.mailbox('cy@contoso.com').length, 1)
  exchange.propagate()
  exchange.submit(mail)
  assert.equal(exchange.mailbox('cy@contoso.com').length, 1)
})

test('a change that waits does not undo what was set at once after it', async () => {
  await using scene = await startScene({ tenants: [contoso()], propagationDelay: 100 })
  const { exchange } = scene
  await exchange.powershell(CONTOSO, 'New-TransportRule Drop -DeleteMessage $true | Out-Null')
  exchange.setRules(CONTOSO, [])
  await new Promise((resolve) => setTimeout(resolve, 200))
  exchange.submit({ tenant: CONTOSO, from: 'ann@contoso.com', to: 'cy@contoso.com', headers: {}, body: '' })
  assert.equal(exchange.mailbox('cy@contoso.com').length, 1)
  await exchange.powershell(CONTOSO, 'New-TransportRule Drop -DeleteMessage $true | Out-Null')
  await new Promise((resolve) => setTimeout(resolve, 200))
  exchange.submit({ tenant: CONTOSO, from: 'ann@contoso.com', to: 'cy@contoso.com', headers: {}, body: '' })
  assert.equal(exchange.mailbox('cy@contoso.com').length, 1)
})

test('cmdlets that do not see the preferences of a script need to be told', async () => {
  await using scene = await startScene({ tenants: [bare], assumptions: { cmdletsSeePreferences: false } })
  const { exchange } = scene
  const script = '$ErrorActionPreference = "Stop"; $WhatIfPreference = $true; try { Get-TransportRule x } catch { "caught" }; New-TransportRule R -DeleteMessage $true | Out-Null' // prettier-ignore
  const result = await exchange.powershell(CONTOSO, script)
  assert.equal(result.output, '')
  assert.equal(result.errors.length, 1)
  assert.equal(exchange.tenant(CONTOSO).rules?.length, 1)
})
