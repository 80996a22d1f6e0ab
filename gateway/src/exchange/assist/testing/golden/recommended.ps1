# Siegel: objects in Exchange Online for the tenant contoso, preset recommended, generation be0988e69b046e21.
# THIS FILE HOLDS SECRETS (the stamp and the words of the rules). Keep it readable for yourself only; delete it after use.
# Connect-ExchangeOnline first (module 3 or later, signed in interactively or with a certificate). Then, in this order:
#   .\siegel.ps1 -WhatIf                      looks and says what it would do
#   .\siegel.ps1                              makes or updates everything, new rules disabled
#   .\siegel.ps1 -Validate -ValidationRecipient user@partner.example   first: siegel exchange window open --to user@partner.example
#   .\siegel.ps1 -Stage pilot -PilotGroup pilots@contoso.com   enables the rules for the members of a group
#   .\siegel.ps1 -Stage all                   enables the rules for everybody
#   .\siegel.ps1 -Stage guard                 half an hour later: enables the last rule too
#   .\siegel.ps1 -Export                      writes the state for siegel exchange drift
# In an emergency: -Bypass lets mail pass by the gateway, -Resume ends that. A change of rules takes up to 30 minutes.
# Exit codes: 0 done, 1 a command failed (mend what it says, run again), 2 wrong call, 3 problem found, 4 inbound connector is off,
# 5 accepted domain missing.
# Made by: siegel exchange script --tenant contoso --preset recommended --spam A --inbound crypto --guard reject --exempt OOF,PermissionControlled --gateway-ip 192.0.2.7 --language en --out FILE
# Siegel keeps the options for the next script. Rules that only another choice of options has are removed.
[CmdletBinding(SupportsShouldProcess = $true)]
param(
    [ValidateSet('create', 'pilot', 'all', 'guard')]
    [string]$Stage = 'create',
    [string]$PilotGroup = '',
    [switch]$Validate,
    [string]$ValidationRecipient = '',
    [switch]$Export,
    [switch]$Bypass,
    [switch]$Resume,
    [string]$Folder = '.',
    [switch]$Force
)
$ErrorActionPreference = 'Stop'

if ($Stage -eq 'pilot' -and $PilotGroup -eq '') {
    Write-Warning 'Which group? -Stage pilot needs -PilotGroup with the address of a group.'
    exit 2
}
if ($Validate -and $ValidationRecipient -eq '') {
    Write-Warning 'To whom? -Validate needs -ValidationRecipient with an address outside of the tenant.'
    exit 2
}
if ($Bypass -and $Resume) {
    Write-Warning 'Either -Bypass or -Resume.'
    exit 2
}

# --- Emergency ---
if ($Bypass -or $Resume) { $rules = @(Get-TransportRule -ResultSize Unlimited -ErrorAction Stop) }
if ($Bypass) {
    $found = 0
    $count = 0
    foreach ($name in @('Siegel 800 guard', 'Siegel 810 guard, reporting', 'S/MIME eingehend', 'S/MIME ausgehend', 'Siegel 200 outbound to gateway', 'Siegel 300 inbound to gateway', 'Siegel 310 inbound encrypted to gateway', 'Siegel 320 inbound signed to gateway', 'Siegel 330 inbound pkcs7 to gateway')) {
        foreach ($rule in $rules) {
            if ($rule.Name -eq $name -and $rule.State -eq 'Enabled') {
                $found = $found + 1
                if ($PSCmdlet.ShouldProcess($name, 'Disable-TransportRule')) {
                    Set-TransportRule -Identity $name -Comments ([string]$rule.Comments + ' (bypassed)') -ErrorAction Stop
                    Disable-TransportRule -Identity $name -Confirm:$false -ErrorAction Stop
                    Write-Host ('disabled: ' + $rule.Name)
                    $count = $count + 1
                }
            }
        }
    }
    if ($WhatIfPreference) { exit 0 }
    if ($found -eq 0) {
        Write-Host 'No rule that leads to the gateway was enabled: nothing was changed.'
        exit 0
    }
    if ($count -lt $found) {
        Write-Warning 'Not all rules were disabled (-Confirm): mail still goes to the gateway.'
        exit 3
    }
    Write-Host 'The gateway is bypassed. Within 30 minutes mail to the outside leaves UNSIGNED AND UNENCRYPTED, and encrypted mail from outside'
    Write-Host 'reaches the mailboxes as it is. Mail that is in the gateway still comes back through the inbound connector. End it with -Resume.'
    exit 0
}
if ($Resume) {
    $count = 0
    $off = @(@('Siegel 200 outbound to gateway', 'Siegel 310 inbound encrypted to gateway', 'Siegel 320 inbound signed to gateway', 'Siegel 330 inbound pkcs7 to gateway'))
    foreach ($name in @('S/MIME eingehend', 'S/MIME ausgehend', 'Siegel 200 outbound to gateway', 'Siegel 300 inbound to gateway', 'Siegel 310 inbound encrypted to gateway', 'Siegel 320 inbound signed to gateway', 'Siegel 330 inbound pkcs7 to gateway')) {
        foreach ($rule in $rules) {
            if ($rule.Name -eq $name) {
                $on = ($rule.State -eq 'Enabled')
                if ($rule.Comments -like '*(bypassed)*' -and $PSCmdlet.ShouldProcess($name, 'Enable-TransportRule')) {
                    Enable-TransportRule -Identity $name -ErrorAction Stop
                    Set-TransportRule -Identity $name -Comments ($rule.Comments.Replace(' (bypassed)', '')) -ErrorAction Stop
                    Write-Host ('enabled: ' + $rule.Name)
                    $count = $count + 1
                    $on = $true
                }
                if ($on) { $off = @($off | Where-Object { $_ -ne $name }) }
            }
        }
    }
    if ($WhatIfPreference) { exit 0 }
    if ($count -eq 0) {
        if ($off.Count -eq 0) {
            Write-Host 'Nothing to resume: the rules are enabled.'
            exit 0
        }
        Write-Warning 'Nothing was resumed: -Bypass has disabled none of the rules, and some are missing or disabled. Enable them with -Stage pilot or -Stage all.'
        exit 3
    }
    if ($off.Count -gt 0) {
        Write-Warning 'Some rules are still missing or disabled: enable them with -Stage pilot or -Stage all.'
    }
    Write-Host 'Mail goes through the gateway again within 30 minutes.'
    foreach ($name in @('Siegel 800 guard', 'Siegel 810 guard, reporting')) {
        foreach ($rule in $rules) {
            if ($rule.Name -eq $name -and $rule.Comments -like '*(bypassed)*' -and $PSCmdlet.ShouldProcess($name, 'Set-TransportRule')) {
                Set-TransportRule -Identity $name -Comments ($rule.Comments.Replace(' (bypassed)', '')) -ErrorAction Stop
                Write-Host 'The guard stays disabled until then: enable it with -Stage guard in 30 minutes or more.'
            }
        }
    }
    exit 0
}

# --- Pre-flight: reads only ---
$problems = @()
$warnings = @()
try {
    $modules = @(Get-Module -Name ExchangeOnlineManagement -ErrorAction Stop)
    foreach ($module in $modules) {
        if ($module.Version.Major -lt 3) { $problems += 'The module ExchangeOnlineManagement is older than 3: update it.' }
    }
} catch { Write-Warning 'The version of the module ExchangeOnlineManagement could not be read; 3 or later is needed.' }

# What is there. Reading fails here when the session is not connected: Connect-ExchangeOnline first (not with -Credential).
$acceptedDomains = @(Get-AcceptedDomain -ErrorAction Stop)
$organization = Get-OrganizationConfig -ErrorAction Stop
$outboundConnectors = @(Get-OutboundConnector -ErrorAction Stop)
$inboundConnectors = @(Get-InboundConnector -ErrorAction Stop)
$rules = @(Get-TransportRule -ResultSize Unlimited -ErrorAction Stop)
$journalRules = @()
try { $journalRules = @(Get-JournalRule -ErrorAction Stop) } catch { Write-Warning 'The journal rules could not be read: check them by hand.' }

$domainNames = @()
foreach ($domain in $acceptedDomains) { $domainNames += ([string]$domain.DomainName).ToLower() }
$configured = @('contoso.com', 'smime-gw.contoso.com')
$shared = 0
foreach ($domain in $configured) {
    if ($domainNames -contains $domain) { $shared = $shared + 1 }
    else { $warnings += ('Siegel has the accepted domain ' + $domain + ', the tenant has not: add it in Microsoft 365, or take it out of the tenant in Siegel.') }
}
foreach ($domain in $domainNames) {
    if ($configured -notcontains $domain) { $warnings += ('The tenant has the accepted domain ' + $domain + ', Siegel has not: mail from it is not signed, mail to it counts as outbound. Add it to the tenant in Siegel (acceptedDomains; the one below onmicrosoft.com as initialDomain).') }
}
if ($shared -eq 0) {
    Write-Warning 'None of the domains of contoso is an accepted domain here: this session is connected to another tenant. Nothing was done: sign in to the right one with Connect-ExchangeOnline.'
    exit 3
}
if ($organization.IsDehydrated -eq $true) { $warnings += 'The organisation is dehydrated: if a command below asks for it, run Enable-OrganizationCustomization once and wait an hour.' }
if ($organization.RejectDirectSend -eq $true) { $warnings += 'RejectDirectSend is on: mail from the gateway is refused with 5.7.68 unless the inbound connector recognises its certificate.' }

foreach ($connector in $outboundConnectors) {
    if ($connector.Name -eq 'Siegel to gateway') {
        if ($connector.Comment -notlike 'Siegel/* contoso *') { $problems += ('The outbound connector ' + $connector.Name + ' is there already and was not made by this script.') }
    } elseif (@($connector.SmartHosts) -contains 'smime-gw.contoso.com') { $warnings += ('The outbound connector ' + $connector.Name + ' has the same smart host: remove it if no rule uses it.') }
}
foreach ($connector in $inboundConnectors) {
    if ($connector.Name -eq 'Siegel from gateway') {
        if ($connector.Comment -notlike 'Siegel/* contoso *') { $problems += ('The inbound connector ' + $connector.Name + ' is there already and was not made by this script.') }
    } elseif ($connector.TlsSenderCertificateName -eq 'smime-gw.contoso.com') {
        $problems += ('The inbound connector ' + $connector.Name + ' has the same certificate name: which of the two applies is not defined. Remove that one.')
    }
    if ($connector.ConnectorType -eq 'Partner' -and $connector.Enabled -eq $true -and ($connector.RestrictDomainsToCertificate -eq $true -or $connector.RestrictDomainsToIPAddresses -eq $true)) {
        $warnings += ('The partner connector ' + $connector.Name + ' refuses what does not match it (5.7.51): mail of the gateway is taken only while the inbound connector of this script recognises it.')
    }
}

$ours = @('Siegel 000 strip processed field', 'Siegel 005 strip pass marker', 'Siegel 010 strip secret field', 'Siegel 100 exempt protected mail', 'Siegel 200 outbound to gateway', 'Siegel 310 inbound encrypted to gateway', 'Siegel 320 inbound signed to gateway', 'Siegel 330 inbound pkcs7 to gateway', 'Siegel 800 guard', 'Siegel 900 clean-up')
$otherServices = @('*CodeTwo*', '*Exclaimer*', '*SEPPmail*', '*NoSpamProxy*', '*Proofpoint*', '*Mimecast*', '*CipherMail*', '*Totemo*', '*Zertificon*', '*FTAPI*', '*signature*', '*Signatur*')
$behind = -1
foreach ($rule in $rules) { if ($ours -contains $rule.Name -and $rule.Priority -gt $behind) { $behind = $rule.Priority } }
foreach ($rule in $rules) {
    if ($ours -contains $rule.Name -and $rule.Comments -notlike 'Siegel/* contoso *') { $problems += ('The rule ' + $rule.Name + ' is there already and was not made by this script.') }
    if ($rule.Comments -notlike 'Siegel/* contoso *' -and $rule.State -eq 'Enabled') {
        if ($rule.ApplyHtmlDisclaimerText) { $warnings += ('The rule ' + $rule.Name + ' adds a disclaimer: it runs on both passes, and on the second it cannot change S/MIME mail. Put it before the rules of the gateway and give it their exception.') }
        if ($rule.StopRuleProcessing -eq $true -and ($behind -lt 0 -or $rule.Priority -lt $behind)) { $warnings += ('The rule ' + $rule.Name + ' stops the processing of rules: mail that it takes does not reach the rules of the gateway behind it. Let it not stop, or move it behind them.') }
        if ($rule.RouteMessageOutboundConnector -and $rule.RouteMessageOutboundConnector -ne 'Siegel to gateway') { $warnings += ('The rule ' + $rule.Name + ' routes mail to the connector ' + $rule.RouteMessageOutboundConnector + ': the mail can take one way only. Settle which service comes first.') }
        if ($rule.ApplyOME -eq $true -or $rule.ApplyRightsProtectionTemplate) { $warnings += ('The rule ' + $rule.Name + ' protects mail: what it protects cannot be signed or read by the gateway. Exempt it there.') }
        foreach ($pattern in $otherServices) {
            if ($rule.Name -like $pattern) { $warnings += ('The rule ' + $rule.Name + ' looks like one of another mail service: both change mail, so the order must be settled.') }
        }
    }
}

$certificateDomain = 'smime-gw.contoso.com'
$domainAccepted = $domainNames -contains $certificateDomain
if ($certificateDomain.Length -gt 48) { $problems += ('The name ' + $certificateDomain + ' has more than 48 characters: Exchange Online takes no longer one. Take a shorter FQDN.') }

if ($Stage -eq 'pilot') {
    $group = Get-Recipient -Identity $PilotGroup -ErrorAction SilentlyContinue
    if ($null -eq $group) {
        Write-Warning ('PROBLEM: there is no group with the address ' + $PilotGroup + '. Nothing was changed. Make a mail-enabled group, or name another one with -PilotGroup.')
        exit 3
    }
    if (@('MailUniversalDistributionGroup', 'MailUniversalSecurityGroup', 'MailNonUniversalGroup', 'GroupMailbox') -notcontains [string]$group.RecipientTypeDetails) {
        Write-Warning ('PROBLEM: ' + $PilotGroup + ' is no group whose members a rule can look up (' + $group.RecipientTypeDetails + '). Nothing was changed. Take a distribution list, a mail-enabled security group or a Microsoft 365 group.')
        exit 3
    }
}

foreach ($text in $warnings) { Write-Warning $text }
foreach ($text in $problems) { Write-Warning ('PROBLEM: ' + $text) }
if ($problems.Count -gt 0 -and -not $Force -and -not $Export) {
    Write-Host 'Nothing was changed. Mend the problems; -Force goes on all the same and takes over what is there.'
    exit 3
}

# --- -Export: the state for siegel exchange verify and drift; it holds no secrets ---
if ($Export) {
    $outboundStates = @()
    foreach ($connector in $outboundConnectors) {
        $outboundStates += @{
        Name = [string]$connector.Name
        Comment = [string]$connector.Comment
        ConnectorType = @($connector.ConnectorType | ForEach-Object { [string]$_ })
        IsTransportRuleScoped = @($connector.IsTransportRuleScoped | ForEach-Object { [string]$_ })
        UseMXRecord = @($connector.UseMXRecord | ForEach-Object { [string]$_ })
        SmartHosts = @($connector.SmartHosts | ForEach-Object { [string]$_ })
        TlsSettings = @($connector.TlsSettings | ForEach-Object { [string]$_ })
        TlsDomain = @($connector.TlsDomain | ForEach-Object { [string]$_ })
        CloudServicesMailEnabled = @($connector.CloudServicesMailEnabled | ForEach-Object { [string]$_ })
        Enabled = @($connector.Enabled | ForEach-Object { [string]$_ })
        }
    }
    $inboundStates = @()
    foreach ($connector in $inboundConnectors) {
        $inboundStates += @{
        Name = [string]$connector.Name
        Comment = [string]$connector.Comment
        ConnectorType = @($connector.ConnectorType | ForEach-Object { [string]$_ })
        SenderDomains = @($connector.SenderDomains | ForEach-Object { [string]$_ })
        RequireTls = @($connector.RequireTls | ForEach-Object { [string]$_ })
        RestrictDomainsToCertificate = @($connector.RestrictDomainsToCertificate | ForEach-Object { [string]$_ })
        TlsSenderCertificateName = @($connector.TlsSenderCertificateName | ForEach-Object { [string]$_ })
        CloudServicesMailEnabled = @($connector.CloudServicesMailEnabled | ForEach-Object { [string]$_ })
        EFSkipLastIP = @($connector.EFSkipLastIP | ForEach-Object { [string]$_ })
        Enabled = @($connector.Enabled | ForEach-Object { [string]$_ })
        }
    }
    $ruleStates = @()
    foreach ($rule in $rules) {
        $stamp = ''
        $missing = 0
        $extra = 0
        if ($rule.Name -eq 'Siegel 100 exempt protected mail') {
            if ($rule.SetHeaderValue -ceq 'abcdefghijklmnopqrstuvwxyz') { $stamp = 'same' } else { $stamp = 'other' }
        }
        if ($rule.Name -eq 'Siegel 200 outbound to gateway') {
            if ($rule.SetHeaderValue -ceq 'out:0123456789abcdef0123456789abcd01') { $stamp = 'same' } else { $stamp = 'other' }
            $expected = @('abcdefghijklmnopqrstuvwxyz')
            foreach ($word in $expected) { if (@($rule.ExceptIfHeaderContainsWords) -notcontains $word) { $missing = $missing + 1 } }
            foreach ($word in @($rule.ExceptIfHeaderContainsWords)) { if ($expected -notcontains $word) { $extra = $extra + 1 } }
        }
        if ($rule.Name -eq 'Siegel 310 inbound encrypted to gateway') {
            if ($rule.SetHeaderValue -ceq 'in:0123456789abcdef0123456789abcd02') { $stamp = 'same' } else { $stamp = 'other' }
            $expected = @('bcdefghijklmnopqrstuvwxyza')
            foreach ($word in $expected) { if (@($rule.ExceptIfHeaderContainsWords) -notcontains $word) { $missing = $missing + 1 } }
            foreach ($word in @($rule.ExceptIfHeaderContainsWords)) { if ($expected -notcontains $word) { $extra = $extra + 1 } }
        }
        if ($rule.Name -eq 'Siegel 320 inbound signed to gateway') {
            if ($rule.SetHeaderValue -ceq 'in:0123456789abcdef0123456789abcd02') { $stamp = 'same' } else { $stamp = 'other' }
            $expected = @('bcdefghijklmnopqrstuvwxyza')
            foreach ($word in $expected) { if (@($rule.ExceptIfHeaderContainsWords) -notcontains $word) { $missing = $missing + 1 } }
            foreach ($word in @($rule.ExceptIfHeaderContainsWords)) { if ($expected -notcontains $word) { $extra = $extra + 1 } }
        }
        if ($rule.Name -eq 'Siegel 330 inbound pkcs7 to gateway') {
            if ($rule.SetHeaderValue -ceq 'in:0123456789abcdef0123456789abcd02') { $stamp = 'same' } else { $stamp = 'other' }
            $expected = @('bcdefghijklmnopqrstuvwxyza')
            foreach ($word in $expected) { if (@($rule.ExceptIfHeaderContainsWords) -notcontains $word) { $missing = $missing + 1 } }
            foreach ($word in @($rule.ExceptIfHeaderContainsWords)) { if ($expected -notcontains $word) { $extra = $extra + 1 } }
        }
        if ($rule.Name -eq 'Siegel 800 guard') {
            $expected = @('abcdefghijklmnopqrstuvwxyz')
            foreach ($word in $expected) { if (@($rule.ExceptIfHeaderContainsWords) -notcontains $word) { $missing = $missing + 1 } }
            foreach ($word in @($rule.ExceptIfHeaderContainsWords)) { if ($expected -notcontains $word) { $extra = $extra + 1 } }
        }
        if ($rule.Name -eq 'Siegel 900 clean-up') {
            $expected = @('abcdefghijklmnopqrstuvwxyz', 'bcdefghijklmnopqrstuvwxyza')
            foreach ($word in $expected) { if (@($rule.HeaderContainsWords) -notcontains $word) { $missing = $missing + 1 } }
            foreach ($word in @($rule.HeaderContainsWords)) { if ($expected -notcontains $word) { $extra = $extra + 1 } }
        }
        $ruleStates += @{
        Name = [string]$rule.Name
        State = [string]$rule.State
        Priority = [int]$rule.Priority
        Comments = [string]$rule.Comments
        Stamp = $stamp
        WordsMissing = $missing
        WordsExtra = $extra
        PilotGroups = @(@($rule.FromMemberOf) + @($rule.SentToMemberOf) | ForEach-Object { [string]$_ })
        Disclaimer = [bool]$rule.ApplyHtmlDisclaimerText
        Protects = ($rule.ApplyOME -eq $true -or [bool]$rule.ApplyRightsProtectionTemplate)
        FromScope = @($rule.FromScope | ForEach-Object { [string]$_ })
        SentToScope = @($rule.SentToScope | ForEach-Object { [string]$_ })
        MessageTypeMatches = @($rule.MessageTypeMatches | ForEach-Object { [string]$_ })
        HeaderMatchesMessageHeader = @($rule.HeaderMatchesMessageHeader | ForEach-Object { [string]$_ })
        HeaderMatchesPatterns = @($rule.HeaderMatchesPatterns | ForEach-Object { [string]$_ })
        HeaderContainsMessageHeader = @($rule.HeaderContainsMessageHeader | ForEach-Object { [string]$_ })
        ExceptIfHeaderContainsMessageHeader = @($rule.ExceptIfHeaderContainsMessageHeader | ForEach-Object { [string]$_ })
        ExceptIfMessageTypeMatches = @($rule.ExceptIfMessageTypeMatches | ForEach-Object { [string]$_ })
        ExceptIfSenderIpRanges = @($rule.ExceptIfSenderIpRanges | ForEach-Object { [string]$_ })
        SenderIpRanges = @($rule.SenderIpRanges | ForEach-Object { [string]$_ })
        SetHeaderName = @($rule.SetHeaderName | ForEach-Object { [string]$_ })
        RemoveHeader = @($rule.RemoveHeader | ForEach-Object { [string]$_ })
        RouteMessageOutboundConnector = @($rule.RouteMessageOutboundConnector | ForEach-Object { [string]$_ })
        StopRuleProcessing = @($rule.StopRuleProcessing | ForEach-Object { [string]$_ })
        SetSCL = @($rule.SetSCL | ForEach-Object { [string]$_ })
        RejectMessageEnhancedStatusCode = @($rule.RejectMessageEnhancedStatusCode | ForEach-Object { [string]$_ })
        GenerateIncidentReport = @($rule.GenerateIncidentReport | ForEach-Object { [string]$_ })
        Mode = @($rule.Mode | ForEach-Object { [string]$_ })
        RuleErrorAction = @($rule.RuleErrorAction | ForEach-Object { [string]$_ })
        }
    }
    $domainStates = @()
    foreach ($domain in $acceptedDomains) { $domainStates += @{ DomainName = [string]$domain.DomainName; DomainType = [string]$domain.DomainType } }
    $journalNames = @()
    foreach ($journalRule in $journalRules) { $journalNames += [string]$journalRule.Name }
    $state = @{
        Format = 'siegel-exchange-state/1'
        Tenant = 'contoso'
        Preset = 'recommended'
        Generation = 'be0988e69b046e21'
        Options = '{"spam":"A","inbound":"crypto","guard":"reject","reportTo":null,"exempt":["OOF","PermissionControlled"],"pilotGroup":null,"gatewayAddresses":["192.0.2.7"],"certificateName":"smime-gw.contoso.com"}'
        TakenAt = (Get-Date).ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ssZ')
        IsDehydrated = ($organization.IsDehydrated -eq $true)
        RejectDirectSend = ($organization.RejectDirectSend -eq $true)
        AcceptedDomains = @($domainStates)
        OutboundConnectors = @($outboundStates)
        InboundConnectors = @($inboundStates)
        Rules = @($ruleStates)
        JournalRules = @($journalNames)
    }
    $stateFile = Join-Path $Folder 'siegel-state-contoso.json'
    ConvertTo-Json -InputObject $state -Depth 6 | Out-File -FilePath $stateFile -Encoding utf8
    Write-Host ('The state is in ' + $stateFile + '. Next: siegel exchange drift --state ' + $stateFile)
    exit 0
}

# --- What is there now, complete (it may hold secrets of rules: keep it as such) ---
$before = Join-Path $Folder ('siegel-before-contoso-' + (Get-Date).ToString('yyyyMMdd-HHmmss-fff') + '.xml')
if ($PSCmdlet.ShouldProcess($before, 'Export-Clixml')) {
    $all = @{
        AcceptedDomains = $acceptedDomains
        OutboundConnectors = $outboundConnectors
        InboundConnectors = $inboundConnectors
        TransportRules = $rules
        JournalRules = $journalRules
        Organization = $organization
    }
    $all | Export-Clixml -Path $before -NoClobber -ErrorAction Stop
    Write-Host ('The objects before the change are in ' + $before)
}

# --- Outbound connector ---
$values = @{
    ConnectorType = 'OnPremises'
    IsTransportRuleScoped = $true
    UseMXRecord = $false
    SmartHosts = @('smime-gw.contoso.com')
    TlsSettings = 'DomainValidation'
    TlsDomain = 'smime-gw.contoso.com'
    CloudServicesMailEnabled = $true
    Enabled = $true
    Comment = 'Siegel/1 contoso be0988e69b046e21. Made by siegel exchange; do not edit, change the settings of Siegel and run its script again.'
}
$found = Get-OutboundConnector -Identity 'Siegel to gateway' -ErrorAction SilentlyContinue
if ($null -eq $found) {
    if ($PSCmdlet.ShouldProcess('Siegel to gateway', 'New-OutboundConnector')) {
        New-OutboundConnector -Name 'Siegel to gateway' @values -ErrorAction Stop | Out-Null
        Write-Host 'made: Siegel to gateway'
    }
} else {
    $different = $false
    if ((@($found.ConnectorType | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['ConnectorType'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.IsTransportRuleScoped | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['IsTransportRuleScoped'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.UseMXRecord | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['UseMXRecord'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.SmartHosts | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['SmartHosts'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.TlsSettings | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['TlsSettings'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.TlsDomain | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['TlsDomain'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.CloudServicesMailEnabled | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['CloudServicesMailEnabled'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.Enabled | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['Enabled'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.Comment | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['Comment'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if (-not $different) {
        Write-Host 'unchanged: Siegel to gateway'
    } elseif ($PSCmdlet.ShouldProcess('Siegel to gateway', 'Set-OutboundConnector')) {
        Set-OutboundConnector -Identity 'Siegel to gateway' @values -ErrorAction Stop
        Write-Host 'updated: Siegel to gateway'
    }
}

# --- Rule: strip-processed ---
$values = @{
    FromScope = 'NotInOrganization'
    ExceptIfSenderIpRanges = @('192.0.2.7')
    RemoveHeader = 'X-Siegel-Processed'
    Mode = 'Enforce'
    RuleErrorAction = 'Defer'
    Comments = 'Siegel/1 contoso be0988e69b046e21. Made by siegel exchange; do not edit, change the settings of Siegel and run its script again.'
}
$found = Get-TransportRule -Identity 'Siegel 000 strip processed field' -ErrorAction SilentlyContinue
if ($null -eq $found) {
    if ($PSCmdlet.ShouldProcess('Siegel 000 strip processed field', 'New-TransportRule, disabled')) {
        New-TransportRule -Name 'Siegel 000 strip processed field' -Priority 0 -Enabled $false @values -ErrorAction Stop | Out-Null
        Write-Host 'made, disabled: Siegel 000 strip processed field'
    }
} else {
    if ($Stage -eq 'create' -and $found.Comments -like '*(bypassed)*') { $values['Comments'] = $values['Comments'] + ' (bypassed)' }
    $different = $false
    if ((@($found.FromScope | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['FromScope'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.ExceptIfSenderIpRanges | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['ExceptIfSenderIpRanges'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.RemoveHeader | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['RemoveHeader'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.Mode | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['Mode'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.RuleErrorAction | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['RuleErrorAction'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.Comments | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['Comments'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if (-not $different) {
        Write-Host 'unchanged: Siegel 000 strip processed field'
    } elseif ($PSCmdlet.ShouldProcess('Siegel 000 strip processed field', 'Set-TransportRule')) {
        Set-TransportRule -Identity 'Siegel 000 strip processed field' @values -ErrorAction Stop
        Write-Host 'updated: Siegel 000 strip processed field'
    }
}

# --- Rule: strip-marker ---
$values = @{
    FromScope = 'NotInOrganization'
    ExceptIfSenderIpRanges = @('192.0.2.7')
    RemoveHeader = 'X-Siegel-Pass'
    Mode = 'Enforce'
    RuleErrorAction = 'Defer'
    Comments = 'Siegel/1 contoso be0988e69b046e21. Made by siegel exchange; do not edit, change the settings of Siegel and run its script again.'
}
$found = Get-TransportRule -Identity 'Siegel 005 strip pass marker' -ErrorAction SilentlyContinue
if ($null -eq $found) {
    if ($PSCmdlet.ShouldProcess('Siegel 005 strip pass marker', 'New-TransportRule, disabled')) {
        New-TransportRule -Name 'Siegel 005 strip pass marker' -Priority 1 -Enabled $false @values -ErrorAction Stop | Out-Null
        Write-Host 'made, disabled: Siegel 005 strip pass marker'
    }
} else {
    if ($Stage -eq 'create' -and $found.Comments -like '*(bypassed)*') { $values['Comments'] = $values['Comments'] + ' (bypassed)' }
    $different = $false
    if ((@($found.FromScope | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['FromScope'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.ExceptIfSenderIpRanges | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['ExceptIfSenderIpRanges'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.RemoveHeader | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['RemoveHeader'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.Mode | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['Mode'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.RuleErrorAction | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['RuleErrorAction'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.Comments | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['Comments'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if (-not $different) {
        Write-Host 'unchanged: Siegel 005 strip pass marker'
    } elseif ($PSCmdlet.ShouldProcess('Siegel 005 strip pass marker', 'Set-TransportRule')) {
        Set-TransportRule -Identity 'Siegel 005 strip pass marker' @values -ErrorAction Stop
        Write-Host 'updated: Siegel 005 strip pass marker'
    }
}

# --- Rule: strip-secret ---
$values = @{
    FromScope = 'NotInOrganization'
    RemoveHeader = 'X-Contoso-Siegel'
    Mode = 'Enforce'
    RuleErrorAction = 'Defer'
    Comments = 'Siegel/1 contoso be0988e69b046e21. Made by siegel exchange; do not edit, change the settings of Siegel and run its script again.'
}
$found = Get-TransportRule -Identity 'Siegel 010 strip secret field' -ErrorAction SilentlyContinue
if ($null -eq $found) {
    if ($PSCmdlet.ShouldProcess('Siegel 010 strip secret field', 'New-TransportRule, disabled')) {
        New-TransportRule -Name 'Siegel 010 strip secret field' -Priority 2 -Enabled $false @values -ErrorAction Stop | Out-Null
        Write-Host 'made, disabled: Siegel 010 strip secret field'
    }
} else {
    if ($Stage -eq 'create' -and $found.Comments -like '*(bypassed)*') { $values['Comments'] = $values['Comments'] + ' (bypassed)' }
    $different = $false
    if ((@($found.FromScope | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['FromScope'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.RemoveHeader | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['RemoveHeader'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.Mode | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['Mode'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.RuleErrorAction | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['RuleErrorAction'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.Comments | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['Comments'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if (-not $different) {
        Write-Host 'unchanged: Siegel 010 strip secret field'
    } elseif ($PSCmdlet.ShouldProcess('Siegel 010 strip secret field', 'Set-TransportRule')) {
        Set-TransportRule -Identity 'Siegel 010 strip secret field' @values -ErrorAction Stop
        Write-Host 'updated: Siegel 010 strip secret field'
    }
}

# --- Rule: exempt ---
$values = @{
    FromScope = 'InOrganization'
    SentToScope = 'NotInOrganization'
    MessageTypeMatches = 'PermissionControlled'
    SetHeaderName = 'X-Siegel-Processed'
    SetHeaderValue = 'abcdefghijklmnopqrstuvwxyz'
    Mode = 'Enforce'
    RuleErrorAction = 'Defer'
    Comments = 'Siegel/1 contoso be0988e69b046e21. Made by siegel exchange; do not edit, change the settings of Siegel and run its script again.'
}
$found = Get-TransportRule -Identity 'Siegel 100 exempt protected mail' -ErrorAction SilentlyContinue
if ($null -eq $found) {
    if ($PSCmdlet.ShouldProcess('Siegel 100 exempt protected mail', 'New-TransportRule, disabled')) {
        New-TransportRule -Name 'Siegel 100 exempt protected mail' -Enabled $false @values -ErrorAction Stop | Out-Null
        Write-Host 'made, disabled: Siegel 100 exempt protected mail'
    }
} else {
    if ($Stage -eq 'create' -and $found.Comments -like '*(bypassed)*') { $values['Comments'] = $values['Comments'] + ' (bypassed)' }
    $different = $false
    if ((@($found.FromScope | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['FromScope'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.SentToScope | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['SentToScope'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.MessageTypeMatches | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['MessageTypeMatches'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.SetHeaderName | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['SetHeaderName'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.SetHeaderValue | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['SetHeaderValue'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.Mode | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['Mode'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.RuleErrorAction | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['RuleErrorAction'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.Comments | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['Comments'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if (-not $different) {
        Write-Host 'unchanged: Siegel 100 exempt protected mail'
    } elseif ($PSCmdlet.ShouldProcess('Siegel 100 exempt protected mail', 'Set-TransportRule')) {
        Set-TransportRule -Identity 'Siegel 100 exempt protected mail' @values -ErrorAction Stop
        Write-Host 'updated: Siegel 100 exempt protected mail'
    }
}

# --- Rule: route-outbound ---
$values = @{
    FromScope = 'InOrganization'
    SentToScope = 'NotInOrganization'
    ExceptIfMessageTypeMatches = 'OOF'
    ExceptIfHeaderContainsMessageHeader = 'X-Siegel-Processed'
    ExceptIfHeaderContainsWords = @('abcdefghijklmnopqrstuvwxyz')
    SetHeaderName = 'X-Contoso-Siegel'
    SetHeaderValue = 'out:0123456789abcdef0123456789abcd01'
    RouteMessageOutboundConnector = 'Siegel to gateway'
    StopRuleProcessing = $true
    Mode = 'Enforce'
    RuleErrorAction = 'Defer'
    Comments = 'Siegel/1 contoso be0988e69b046e21. Made by siegel exchange; do not edit, change the settings of Siegel and run its script again.'
}
$found = Get-TransportRule -Identity 'Siegel 200 outbound to gateway' -ErrorAction SilentlyContinue
if ($null -eq $found) {
    if ($PSCmdlet.ShouldProcess('Siegel 200 outbound to gateway', 'New-TransportRule, disabled')) {
        New-TransportRule -Name 'Siegel 200 outbound to gateway' -Enabled $false @values -ErrorAction Stop | Out-Null
        Write-Host 'made, disabled: Siegel 200 outbound to gateway'
    }
} else {
    if ($Stage -eq 'create' -and $found.Comments -like '*(bypassed)*') { $values['Comments'] = $values['Comments'] + ' (bypassed)' }
    $different = $false
    if ((@($found.FromScope | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['FromScope'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.SentToScope | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['SentToScope'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.ExceptIfMessageTypeMatches | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['ExceptIfMessageTypeMatches'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.ExceptIfHeaderContainsMessageHeader | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['ExceptIfHeaderContainsMessageHeader'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.ExceptIfHeaderContainsWords | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['ExceptIfHeaderContainsWords'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.SetHeaderName | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['SetHeaderName'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.SetHeaderValue | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['SetHeaderValue'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.RouteMessageOutboundConnector | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['RouteMessageOutboundConnector'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.StopRuleProcessing | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['StopRuleProcessing'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.Mode | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['Mode'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.RuleErrorAction | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['RuleErrorAction'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.Comments | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['Comments'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if (-not $different) {
        Write-Host 'unchanged: Siegel 200 outbound to gateway'
    } elseif ($PSCmdlet.ShouldProcess('Siegel 200 outbound to gateway', 'Set-TransportRule')) {
        Set-TransportRule -Identity 'Siegel 200 outbound to gateway' @values -ErrorAction Stop
        Write-Host 'updated: Siegel 200 outbound to gateway'
    }
}

# --- Rule: route-inbound-encrypted ---
$values = @{
    FromScope = 'NotInOrganization'
    SentToScope = 'InOrganization'
    MessageTypeMatches = 'Encrypted'
    ExceptIfHeaderContainsMessageHeader = 'X-Siegel-Processed'
    ExceptIfHeaderContainsWords = @('bcdefghijklmnopqrstuvwxyza')
    SetHeaderName = 'X-Contoso-Siegel'
    SetHeaderValue = 'in:0123456789abcdef0123456789abcd02'
    RouteMessageOutboundConnector = 'Siegel to gateway'
    StopRuleProcessing = $true
    Mode = 'Enforce'
    RuleErrorAction = 'Defer'
    Comments = 'Siegel/1 contoso be0988e69b046e21. Made by siegel exchange; do not edit, change the settings of Siegel and run its script again.'
}
$found = Get-TransportRule -Identity 'Siegel 310 inbound encrypted to gateway' -ErrorAction SilentlyContinue
if ($null -eq $found) {
    if ($PSCmdlet.ShouldProcess('Siegel 310 inbound encrypted to gateway', 'New-TransportRule, disabled')) {
        New-TransportRule -Name 'Siegel 310 inbound encrypted to gateway' -Enabled $false @values -ErrorAction Stop | Out-Null
        Write-Host 'made, disabled: Siegel 310 inbound encrypted to gateway'
    }
} else {
    if ($Stage -eq 'create' -and $found.Comments -like '*(bypassed)*') { $values['Comments'] = $values['Comments'] + ' (bypassed)' }
    $different = $false
    if ((@($found.FromScope | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['FromScope'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.SentToScope | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['SentToScope'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.MessageTypeMatches | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['MessageTypeMatches'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.ExceptIfHeaderContainsMessageHeader | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['ExceptIfHeaderContainsMessageHeader'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.ExceptIfHeaderContainsWords | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['ExceptIfHeaderContainsWords'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.SetHeaderName | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['SetHeaderName'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.SetHeaderValue | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['SetHeaderValue'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.RouteMessageOutboundConnector | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['RouteMessageOutboundConnector'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.StopRuleProcessing | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['StopRuleProcessing'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.Mode | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['Mode'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.RuleErrorAction | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['RuleErrorAction'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.Comments | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['Comments'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if (-not $different) {
        Write-Host 'unchanged: Siegel 310 inbound encrypted to gateway'
    } elseif ($PSCmdlet.ShouldProcess('Siegel 310 inbound encrypted to gateway', 'Set-TransportRule')) {
        Set-TransportRule -Identity 'Siegel 310 inbound encrypted to gateway' @values -ErrorAction Stop
        Write-Host 'updated: Siegel 310 inbound encrypted to gateway'
    }
}

# --- Rule: route-inbound-signed ---
$values = @{
    FromScope = 'NotInOrganization'
    SentToScope = 'InOrganization'
    MessageTypeMatches = 'Signed'
    ExceptIfHeaderContainsMessageHeader = 'X-Siegel-Processed'
    ExceptIfHeaderContainsWords = @('bcdefghijklmnopqrstuvwxyza')
    SetHeaderName = 'X-Contoso-Siegel'
    SetHeaderValue = 'in:0123456789abcdef0123456789abcd02'
    RouteMessageOutboundConnector = 'Siegel to gateway'
    StopRuleProcessing = $true
    Mode = 'Enforce'
    RuleErrorAction = 'Defer'
    Comments = 'Siegel/1 contoso be0988e69b046e21. Made by siegel exchange; do not edit, change the settings of Siegel and run its script again.'
}
$found = Get-TransportRule -Identity 'Siegel 320 inbound signed to gateway' -ErrorAction SilentlyContinue
if ($null -eq $found) {
    if ($PSCmdlet.ShouldProcess('Siegel 320 inbound signed to gateway', 'New-TransportRule, disabled')) {
        New-TransportRule -Name 'Siegel 320 inbound signed to gateway' -Enabled $false @values -ErrorAction Stop | Out-Null
        Write-Host 'made, disabled: Siegel 320 inbound signed to gateway'
    }
} else {
    if ($Stage -eq 'create' -and $found.Comments -like '*(bypassed)*') { $values['Comments'] = $values['Comments'] + ' (bypassed)' }
    $different = $false
    if ((@($found.FromScope | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['FromScope'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.SentToScope | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['SentToScope'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.MessageTypeMatches | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['MessageTypeMatches'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.ExceptIfHeaderContainsMessageHeader | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['ExceptIfHeaderContainsMessageHeader'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.ExceptIfHeaderContainsWords | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['ExceptIfHeaderContainsWords'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.SetHeaderName | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['SetHeaderName'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.SetHeaderValue | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['SetHeaderValue'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.RouteMessageOutboundConnector | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['RouteMessageOutboundConnector'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.StopRuleProcessing | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['StopRuleProcessing'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.Mode | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['Mode'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.RuleErrorAction | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['RuleErrorAction'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.Comments | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['Comments'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if (-not $different) {
        Write-Host 'unchanged: Siegel 320 inbound signed to gateway'
    } elseif ($PSCmdlet.ShouldProcess('Siegel 320 inbound signed to gateway', 'Set-TransportRule')) {
        Set-TransportRule -Identity 'Siegel 320 inbound signed to gateway' @values -ErrorAction Stop
        Write-Host 'updated: Siegel 320 inbound signed to gateway'
    }
}

# --- Rule: route-inbound-type ---
$values = @{
    FromScope = 'NotInOrganization'
    SentToScope = 'InOrganization'
    HeaderMatchesMessageHeader = 'Content-Type'
    HeaderMatchesPatterns = @('pkcs7-mime', 'pkcs7-signature')
    ExceptIfHeaderContainsMessageHeader = 'X-Siegel-Processed'
    ExceptIfHeaderContainsWords = @('bcdefghijklmnopqrstuvwxyza')
    SetHeaderName = 'X-Contoso-Siegel'
    SetHeaderValue = 'in:0123456789abcdef0123456789abcd02'
    RouteMessageOutboundConnector = 'Siegel to gateway'
    StopRuleProcessing = $true
    Mode = 'Enforce'
    RuleErrorAction = 'Defer'
    Comments = 'Siegel/1 contoso be0988e69b046e21. Made by siegel exchange; do not edit, change the settings of Siegel and run its script again.'
}
$found = Get-TransportRule -Identity 'Siegel 330 inbound pkcs7 to gateway' -ErrorAction SilentlyContinue
if ($null -eq $found) {
    if ($PSCmdlet.ShouldProcess('Siegel 330 inbound pkcs7 to gateway', 'New-TransportRule, disabled')) {
        New-TransportRule -Name 'Siegel 330 inbound pkcs7 to gateway' -Enabled $false @values -ErrorAction Stop | Out-Null
        Write-Host 'made, disabled: Siegel 330 inbound pkcs7 to gateway'
    }
} else {
    if ($Stage -eq 'create' -and $found.Comments -like '*(bypassed)*') { $values['Comments'] = $values['Comments'] + ' (bypassed)' }
    $different = $false
    if ((@($found.FromScope | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['FromScope'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.SentToScope | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['SentToScope'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.HeaderMatchesMessageHeader | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['HeaderMatchesMessageHeader'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.HeaderMatchesPatterns | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['HeaderMatchesPatterns'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.ExceptIfHeaderContainsMessageHeader | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['ExceptIfHeaderContainsMessageHeader'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.ExceptIfHeaderContainsWords | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['ExceptIfHeaderContainsWords'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.SetHeaderName | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['SetHeaderName'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.SetHeaderValue | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['SetHeaderValue'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.RouteMessageOutboundConnector | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['RouteMessageOutboundConnector'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.StopRuleProcessing | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['StopRuleProcessing'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.Mode | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['Mode'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.RuleErrorAction | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['RuleErrorAction'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.Comments | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['Comments'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if (-not $different) {
        Write-Host 'unchanged: Siegel 330 inbound pkcs7 to gateway'
    } elseif ($PSCmdlet.ShouldProcess('Siegel 330 inbound pkcs7 to gateway', 'Set-TransportRule')) {
        Set-TransportRule -Identity 'Siegel 330 inbound pkcs7 to gateway' @values -ErrorAction Stop
        Write-Host 'updated: Siegel 330 inbound pkcs7 to gateway'
    }
}

# --- Rule: guard ---
$values = @{
    FromScope = 'InOrganization'
    SentToScope = 'NotInOrganization'
    ExceptIfHeaderContainsMessageHeader = 'X-Siegel-Processed'
    ExceptIfHeaderContainsWords = @('abcdefghijklmnopqrstuvwxyz')
    ExceptIfMessageTypeMatches = 'OOF'
    RejectMessageEnhancedStatusCode = '5.7.900'
    RejectMessageReasonText = 'This mail did not pass the S/MIME gateway and was not sent. Please tell your administrator. / Diese Mail lief nicht durch das S/MIME-Gateway und wurde nicht gesendet. Bitte Ihrer Administration melden.'
    Mode = 'Enforce'
    RuleErrorAction = 'Defer'
    Comments = 'Siegel/1 contoso be0988e69b046e21. Made by siegel exchange; do not edit, change the settings of Siegel and run its script again.'
}
$found = Get-TransportRule -Identity 'Siegel 800 guard' -ErrorAction SilentlyContinue
if ($null -eq $found) {
    if ($PSCmdlet.ShouldProcess('Siegel 800 guard', 'New-TransportRule, disabled')) {
        New-TransportRule -Name 'Siegel 800 guard' -Enabled $false @values -ErrorAction Stop | Out-Null
        Write-Host 'made, disabled: Siegel 800 guard'
    }
} else {
    if ($Stage -eq 'create' -and $found.Comments -like '*(bypassed)*') { $values['Comments'] = $values['Comments'] + ' (bypassed)' }
    $different = $false
    if ((@($found.FromScope | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['FromScope'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.SentToScope | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['SentToScope'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.ExceptIfHeaderContainsMessageHeader | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['ExceptIfHeaderContainsMessageHeader'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.ExceptIfHeaderContainsWords | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['ExceptIfHeaderContainsWords'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.ExceptIfMessageTypeMatches | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['ExceptIfMessageTypeMatches'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.RejectMessageEnhancedStatusCode | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['RejectMessageEnhancedStatusCode'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.RejectMessageReasonText | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['RejectMessageReasonText'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.Mode | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['Mode'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.RuleErrorAction | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['RuleErrorAction'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.Comments | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['Comments'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if (-not $different) {
        Write-Host 'unchanged: Siegel 800 guard'
    } elseif ($PSCmdlet.ShouldProcess('Siegel 800 guard', 'Set-TransportRule')) {
        Set-TransportRule -Identity 'Siegel 800 guard' @values -ErrorAction Stop
        Write-Host 'updated: Siegel 800 guard'
    }
}

# --- Rule: clean-up ---
$values = @{
    HeaderContainsMessageHeader = 'X-Siegel-Processed'
    HeaderContainsWords = @('abcdefghijklmnopqrstuvwxyz', 'bcdefghijklmnopqrstuvwxyza')
    RemoveHeader = 'X-Siegel-Processed'
    Mode = 'Enforce'
    RuleErrorAction = 'Defer'
    Comments = 'Siegel/1 contoso be0988e69b046e21. Made by siegel exchange; do not edit, change the settings of Siegel and run its script again.'
}
$found = Get-TransportRule -Identity 'Siegel 900 clean-up' -ErrorAction SilentlyContinue
if ($null -eq $found) {
    if ($PSCmdlet.ShouldProcess('Siegel 900 clean-up', 'New-TransportRule, disabled')) {
        New-TransportRule -Name 'Siegel 900 clean-up' -Enabled $false @values -ErrorAction Stop | Out-Null
        Write-Host 'made, disabled: Siegel 900 clean-up'
    }
} else {
    if ($Stage -eq 'create' -and $found.Comments -like '*(bypassed)*') { $values['Comments'] = $values['Comments'] + ' (bypassed)' }
    $different = $false
    if ((@($found.HeaderContainsMessageHeader | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['HeaderContainsMessageHeader'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.HeaderContainsWords | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['HeaderContainsWords'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.RemoveHeader | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['RemoveHeader'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.Mode | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['Mode'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.RuleErrorAction | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['RuleErrorAction'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.Comments | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['Comments'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if (-not $different) {
        Write-Host 'unchanged: Siegel 900 clean-up'
    } elseif ($PSCmdlet.ShouldProcess('Siegel 900 clean-up', 'Set-TransportRule')) {
        Set-TransportRule -Identity 'Siegel 900 clean-up' @values -ErrorAction Stop
        Write-Host 'updated: Siegel 900 clean-up'
    }
}

# --- Rules of earlier options go ---
$removed = @()
foreach ($rule in $rules) {
    if ($rule.Comments -like 'Siegel/* contoso *' -and $ours -notcontains $rule.Name) {
        if ($PSCmdlet.ShouldProcess($rule.Name, 'Remove-TransportRule')) {
            Remove-TransportRule -Identity $rule.Name -Confirm:$false -ErrorAction Stop
            Write-Host ('removed, not in this script: ' + $rule.Name)
            if ($rule.State -eq 'Enabled') { $removed += $rule.Name }
        }
    }
}

# --- The order of the rules ---
$last = -1
foreach ($name in $ours) {
    $rule = Get-TransportRule -Identity $name -ErrorAction SilentlyContinue
    if ($null -ne $rule) {
        if ($rule.Priority -lt $last) {
            if ($PSCmdlet.ShouldProcess($name, 'Set-TransportRule -Priority')) {
                $guard = Get-TransportRule -Identity 'Siegel 800 guard' -ErrorAction SilentlyContinue
                if ($null -ne $guard -and $guard.State -eq 'Enabled') {
                    Disable-TransportRule -Identity 'Siegel 800 guard' -Confirm:$false -ErrorAction Stop
                    Write-Warning 'The guard was disabled while the order of the rules changes: enable it with -Stage guard in 30 minutes.'
                }
                Set-TransportRule -Identity $name -Priority $last -ErrorAction Stop
            }
        } else { $last = $rule.Priority }
    }
}

foreach ($name in $removed) {
    Write-Warning ('The rule ' + $name + ' was in force and is gone. If the script was to have it, make it with the options of before (head of the old script).')
}
if ($removed.Count -gt 0 -and $Stage -eq 'create') {
    Write-Warning 'New rules are disabled: until -Stage pilot or -Stage all mail that only the old rules routed leaves UNSIGNED AND UNENCRYPTED.'
}

$inForce = 0
$passedBy = 0
foreach ($rule in $rules) {
    if ($rule.RouteMessageOutboundConnector -eq 'Siegel to gateway') {
        if ($rule.State -eq 'Enabled') { $inForce = $inForce + 1 }
        elseif ($rule.Comments -like '*(bypassed)*') { $passedBy = $passedBy + 1 }
    }
}

# --- The name on the certificate must be an accepted domain before the inbound connector is made ---
if (-not $domainAccepted) {
    Write-Warning 'accepted domain missing: smime-gw.contoso.com'
    Write-Host 'The name on the gateway''s certificate, smime-gw.contoso.com, is not an accepted domain of this tenant.'
    Write-Host 'Without it Exchange Online does not attribute the mail that the gateway returns: no internal header is kept, and mail with'
    Write-Host 'an empty sender (bounces, out-of-office replies) is refused with 5.7.64. Add it and prove it before the inbound connector is made:'
    Write-Host '  1. Microsoft 365 admin center, Settings, Domains, Add domain: smime-gw.contoso.com'
    Write-Host '     (or with the module Microsoft.Graph: New-MgDomain -Id smime-gw.contoso.com)'
    Write-Host '  2. Publish the TXT record that is shown there; no MX record and no mailbox is needed for the name.'
    Write-Host '     (Get-MgDomainVerificationDnsRecord -DomainId smime-gw.contoso.com)'
    Write-Host '  3. Verify (Confirm-MgDomain -DomainId smime-gw.contoso.com), choose no services, wait until Get-AcceptedDomain lists it.'
    Write-Host '  4. Run this script again.'
    if ($inForce -gt 0) {
        Write-Warning 'Rules that lead to the gateway are ENABLED, and what they send there cannot come back: run -Bypass at once, and -Resume when the inbound connector is on.'
    }
    if (-not $Force -and -not $WhatIfPreference) { exit 5 }
}

# --- Inbound connector ---
$values = @{
    ConnectorType = 'OnPremises'
    SenderDomains = @('*')
    RequireTls = $true
    RestrictDomainsToCertificate = $true
    TlsSenderCertificateName = 'smime-gw.contoso.com'
    CloudServicesMailEnabled = $true
    EFSkipLastIP = $false
    Comment = 'Siegel/1 contoso be0988e69b046e21. Made by siegel exchange; do not edit, change the settings of Siegel and run its script again.'
}
$found = Get-InboundConnector -Identity 'Siegel from gateway' -ErrorAction SilentlyContinue
if ($null -eq $found) {
    if ($PSCmdlet.ShouldProcess('Siegel from gateway', 'New-InboundConnector')) {
        try {
            New-InboundConnector -Name 'Siegel from gateway' @values -ErrorAction Stop | Out-Null
        } catch {
            Write-Warning ('The inbound connector was not made: ' + $_.Exception.Message)
            Write-Host 'If the error says OrganizationInboundConnectorProhibited, this tenant may not make inbound connectors of type OnPremises:'
            Write-Host 'contact Microsoft support and name your accepted domain; developer tenants cannot have such connectors. Otherwise mend what it says.'
            exit 4
        }
        Write-Host 'made: Siegel from gateway'
    }
} else {
    $different = $false
    if ((@($found.ConnectorType | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['ConnectorType'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.SenderDomains | ForEach-Object { [string]$_ }) -join ',').Replace('smtp:', '').Replace(';1', '') -cne (@($values['SenderDomains'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.RequireTls | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['RequireTls'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.RestrictDomainsToCertificate | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['RestrictDomainsToCertificate'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.TlsSenderCertificateName | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['TlsSenderCertificateName'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.CloudServicesMailEnabled | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['CloudServicesMailEnabled'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.EFSkipLastIP | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['EFSkipLastIP'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if ((@($found.Comment | ForEach-Object { [string]$_ }) -join ',') -cne (@($values['Comment'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }
    if (-not $different) {
        Write-Host 'unchanged: Siegel from gateway'
    } elseif ($PSCmdlet.ShouldProcess('Siegel from gateway', 'Set-InboundConnector')) {
        Set-InboundConnector -Identity 'Siegel from gateway' @values -ErrorAction Stop
        Write-Host 'updated: Siegel from gateway'
    }
}

# --- Read again: new tenants get the inbound connector disabled ---
$inboundOn = $false
$made = Get-InboundConnector -Identity 'Siegel from gateway' -ErrorAction SilentlyContinue
if ($null -ne $made) {
    if ($made.Enabled -eq $true) { $inboundOn = $true }
    else {
        Write-Host 'created disabled: contact support'
        Write-Host 'Microsoft creates inbound connectors of type OnPremises disabled in new tenants, and only its support can enable them.'
        Write-Host 'Open a case in the Microsoft 365 admin center (Help and support) with this text:'
        Write-Host '  "Please enable the inbound connector ''Siegel from gateway'' in our tenant. It was created in a disabled state. It recognises our own'
        Write-Host '  S/MIME gateway by its TLS certificate smime-gw.contoso.com; the domain smime-gw.contoso.com is a verified accepted domain of our'
        Write-Host '  tenant. The gateway returns mail that our own mail flow rules route to it, and sends nothing else."'
        Write-Host 'Enable no rule until the connector is on; then run this script again. Developer tenants cannot have such connectors.'
        if ($inForce -gt 0) {
            Write-Warning 'Rules that lead to the gateway are ENABLED, and what they send there cannot come back: run -Bypass at once, and -Resume when the inbound connector is on.'
        }
        if (-not $WhatIfPreference) { exit 4 }
    }
}

# --- -Validate: Exchange Online connects to the gateway and sends a test mail ---
if ($Validate) {
    if ($PSCmdlet.ShouldProcess('Siegel to gateway', 'Validate-OutboundConnector')) {
        $failed = $false
        try {
            $results = @(Validate-OutboundConnector -Identity 'Siegel to gateway' -Recipients $ValidationRecipient -ErrorAction Stop)
            foreach ($result in $results) {
                Write-Host ($result | Format-List | Out-String)
                if ($result.IsTaskSuccessful -eq $false) { $failed = $true }
            }
        } catch {
            Write-Warning ('The validation failed: ' + $_.Exception.Message)
            $failed = $true
        }
        if ($failed) {
            Write-Warning 'Not validated; no rule was enabled. 550 5.7.1 Not authorized: on the gateway siegel exchange window open --to ADDRESS'
            Write-Warning 'with the address of -ValidationRecipient, then -Validate within 60 minutes. Not reached: siegel exchange verify.'
            exit 3
        }
        Set-OutboundConnector -Identity 'Siegel to gateway' -IsValidated $true -LastValidationTimestamp (Get-Date).ToUniversalTime() -ErrorAction Stop
        Write-Host 'The outbound connector is marked as validated.'
    }
}

# --- -Stage: only now mail is routed ---
if ($Stage -ne 'create') {
    if (-not $inboundOn -and -not $WhatIfPreference) {
        Write-Warning 'The inbound connector is off: what is routed to the gateway could not come back. No rule was enabled.'
        exit 4
    }
    if ($Stage -eq 'pilot' -and $PSCmdlet.ShouldProcess('Siegel 800 guard', 'Disable-TransportRule')) { Disable-TransportRule -Identity 'Siegel 800 guard' -Confirm:$false -ErrorAction Stop }
    if ($PSCmdlet.ShouldProcess('Siegel 200 outbound to gateway', 'Set-TransportRule -FromMemberOf')) {
        if ($Stage -eq 'pilot') { Set-TransportRule -Identity 'Siegel 200 outbound to gateway' -FromMemberOf $PilotGroup -ErrorAction Stop }
        else { Set-TransportRule -Identity 'Siegel 200 outbound to gateway' -FromMemberOf $null -ErrorAction Stop }
    }
    if ($PSCmdlet.ShouldProcess('Siegel 310 inbound encrypted to gateway', 'Set-TransportRule -SentToMemberOf')) {
        if ($Stage -eq 'pilot') { Set-TransportRule -Identity 'Siegel 310 inbound encrypted to gateway' -SentToMemberOf $PilotGroup -ErrorAction Stop }
        else { Set-TransportRule -Identity 'Siegel 310 inbound encrypted to gateway' -SentToMemberOf $null -ErrorAction Stop }
    }
    if ($PSCmdlet.ShouldProcess('Siegel 320 inbound signed to gateway', 'Set-TransportRule -SentToMemberOf')) {
        if ($Stage -eq 'pilot') { Set-TransportRule -Identity 'Siegel 320 inbound signed to gateway' -SentToMemberOf $PilotGroup -ErrorAction Stop }
        else { Set-TransportRule -Identity 'Siegel 320 inbound signed to gateway' -SentToMemberOf $null -ErrorAction Stop }
    }
    if ($PSCmdlet.ShouldProcess('Siegel 330 inbound pkcs7 to gateway', 'Set-TransportRule -SentToMemberOf')) {
        if ($Stage -eq 'pilot') { Set-TransportRule -Identity 'Siegel 330 inbound pkcs7 to gateway' -SentToMemberOf $PilotGroup -ErrorAction Stop }
        else { Set-TransportRule -Identity 'Siegel 330 inbound pkcs7 to gateway' -SentToMemberOf $null -ErrorAction Stop }
    }
    if ($PSCmdlet.ShouldProcess('Siegel 000 strip processed field', 'Enable-TransportRule')) {
        Enable-TransportRule -Identity 'Siegel 000 strip processed field' -ErrorAction Stop
    }
    if ($PSCmdlet.ShouldProcess('Siegel 005 strip pass marker', 'Enable-TransportRule')) {
        Enable-TransportRule -Identity 'Siegel 005 strip pass marker' -ErrorAction Stop
    }
    if ($PSCmdlet.ShouldProcess('Siegel 010 strip secret field', 'Enable-TransportRule')) {
        Enable-TransportRule -Identity 'Siegel 010 strip secret field' -ErrorAction Stop
    }
    if ($PSCmdlet.ShouldProcess('Siegel 100 exempt protected mail', 'Enable-TransportRule')) {
        Enable-TransportRule -Identity 'Siegel 100 exempt protected mail' -ErrorAction Stop
    }
    if ($PSCmdlet.ShouldProcess('Siegel 900 clean-up', 'Enable-TransportRule')) {
        Enable-TransportRule -Identity 'Siegel 900 clean-up' -ErrorAction Stop
    }
    $routed = 0
    if ($PSCmdlet.ShouldProcess('Siegel 200 outbound to gateway', 'Enable-TransportRule')) {
        Enable-TransportRule -Identity 'Siegel 200 outbound to gateway' -ErrorAction Stop
        $routed = $routed + 1
    }
    if ($PSCmdlet.ShouldProcess('Siegel 310 inbound encrypted to gateway', 'Enable-TransportRule')) {
        Enable-TransportRule -Identity 'Siegel 310 inbound encrypted to gateway' -ErrorAction Stop
        $routed = $routed + 1
    }
    if ($PSCmdlet.ShouldProcess('Siegel 320 inbound signed to gateway', 'Enable-TransportRule')) {
        Enable-TransportRule -Identity 'Siegel 320 inbound signed to gateway' -ErrorAction Stop
        $routed = $routed + 1
    }
    if ($PSCmdlet.ShouldProcess('Siegel 330 inbound pkcs7 to gateway', 'Enable-TransportRule')) {
        Enable-TransportRule -Identity 'Siegel 330 inbound pkcs7 to gateway' -ErrorAction Stop
        $routed = $routed + 1
    }
    if ($routed -eq 4) {
        if ($Stage -eq 'pilot') { Write-Host ('Mail of the members of ' + $PilotGroup + ' goes to the gateway within 30 minutes.') }
        else { Write-Host 'All mail that the rules name goes to the gateway within 30 minutes.' }
    } elseif (-not $WhatIfPreference) { Write-Warning 'Some rules are still missing or disabled: enable them with -Stage pilot or -Stage all.' }
    if ($Stage -eq 'guard') {
        if ($PSCmdlet.ShouldProcess('Siegel 800 guard', 'Enable-TransportRule')) {
            Enable-TransportRule -Identity 'Siegel 800 guard' -ErrorAction Stop
            Write-Host 'The guard is enabled; it is in force within 30 minutes.'
        }
    } elseif ($Stage -eq 'all' -and -not $WhatIfPreference) { Write-Host 'In 30 minutes or more enable the guard: -Stage guard.' }
}

# --- Done ---
if ($WhatIfPreference) {
    Write-Host '-WhatIf: nothing was changed.'
    exit 0
}
Write-Host 'Spam on re-entry, option A (header retention): both connectors keep internal headers, so the verdict of the first pass holds.'
Write-Host 'Trust rests on the certificate alone. Decrypted text may not be scanned a second time.'
if ($Stage -eq 'create') {
    if ($passedBy -gt 0) { Write-Warning 'The gateway is bypassed (-Bypass): mail to the outside leaves unsigned and unencrypted. End it with -Resume.' }
    elseif ($inForce -gt 0) { Write-Host 'What was enabled stays so, new rules are disabled: enable them with the stage that was run last (-Stage pilot, all or guard).' }
    elseif ($Validate) { Write-Host 'New rules stay disabled, what was enabled stays so. Next: -Stage pilot -PilotGroup GROUP, later -Stage all.' }
    else { Write-Host 'New rules stay disabled, what was enabled stays so. Next: -Validate, then -Stage pilot -PilotGroup GROUP, later -Stage all.' }
}
Write-Host 'Check from outside: siegel exchange verify. Then -Export and siegel exchange drift --state FILE.'
exit 0
