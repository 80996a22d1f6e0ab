# Siegel: Objekte in Exchange Online für den Mandanten contoso, Vorgabe recommended, Stand be0988e69b046e21.
# DIESE DATEI ENTHÄLT GEHEIMNISSE (Stempel und Merkwörter der Regeln). Nur für Sie selbst lesbar halten, nach Gebrauch löschen.
# Zuerst Connect-ExchangeOnline (Modul 3 oder neuer, interaktiv oder mit Zertifikat angemeldet). Dann in dieser Reihenfolge:
#   .\siegel.ps1 -WhatIf                      sieht nach und sagt, was es täte
#   .\siegel.ps1                              legt alles an oder bringt es auf Stand, neue Regeln deaktiviert
#   .\siegel.ps1 -Validate -ValidationRecipient user@partner.example   vorher: siegel exchange window open --to user@partner.example
#   .\siegel.ps1 -Stage pilot -PilotGroup pilots@contoso.com   aktiviert die Regeln für die Mitglieder einer Gruppe
#   .\siegel.ps1 -Stage all                   aktiviert die Regeln für alle
#   .\siegel.ps1 -Stage guard                 eine halbe Stunde später: aktiviert auch die letzte Regel
#   .\siegel.ps1 -Export                      schreibt den Stand für siegel exchange drift
# Im Notfall: -Bypass lässt Mail am Gateway vorbei, -Resume beendet das. Eine Änderung an Regeln braucht bis zu 30 Minuten.
# Exitcodes: 0 fertig, 1 ein Befehl schlug fehl (beheben, was er sagt, noch einmal ausführen), 2 falscher Aufruf, 3 Problem gefunden,
# 4 Eingangsconnector ist aus, 5 akzeptierte Domäne fehlt.
# Erzeugt mit: siegel exchange script --tenant contoso --preset recommended --spam A --inbound crypto --guard reject --exempt OOF,PermissionControlled --gateway-ip 192.0.2.7 --language de --out FILE
# Siegel behält die Optionen für das nächste Skript. Regeln, die nur eine andere Wahl von Optionen hat, werden entfernt.
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
    Write-Warning 'Welche Gruppe? -Stage pilot braucht -PilotGroup mit der Adresse einer Gruppe.'
    exit 2
}
if ($Validate -and $ValidationRecipient -eq '') {
    Write-Warning 'An wen? -Validate braucht -ValidationRecipient mit einer Adresse außerhalb des Mandanten.'
    exit 2
}
if ($Bypass -and $Resume) {
    Write-Warning 'Entweder -Bypass oder -Resume.'
    exit 2
}

# --- Notfall ---
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
                    Write-Host ('deaktiviert: ' + $rule.Name)
                    $count = $count + 1
                }
            }
        }
    }
    if ($WhatIfPreference) { exit 0 }
    if ($found -eq 0) {
        Write-Host 'Keine Regel zum Gateway war aktiv: nichts wurde geändert.'
        exit 0
    }
    if ($count -lt $found) {
        Write-Warning 'Nicht alle Regeln wurden deaktiviert (-Confirm): Mail geht noch zum Gateway.'
        exit 3
    }
    Write-Host 'Das Gateway ist überbrückt. Binnen 30 Minuten geht Mail nach außen UNSIGNIERT UND UNVERSCHLÜSSELT hinaus, und verschlüsselte Mail von'
    Write-Host 'außen kommt so in die Postfächer, wie sie ist. Mail im Gateway kommt weiter durch den Eingangsconnector zurück. Beenden mit -Resume.'
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
                    Write-Host ('aktiviert: ' + $rule.Name)
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
            Write-Host 'Nichts zu beenden: die Regeln sind aktiv.'
            exit 0
        }
        Write-Warning 'Nichts wurde wieder aktiviert: -Bypass hat keine der Regeln deaktiviert, einige fehlen oder sind deaktiviert. Mit -Stage pilot oder -Stage all aktivieren.'
        exit 3
    }
    if ($off.Count -gt 0) {
        Write-Warning 'Einige Regeln fehlen noch oder sind deaktiviert: mit -Stage pilot oder -Stage all aktivieren.'
    }
    Write-Host 'Mail geht binnen 30 Minuten wieder durch das Gateway.'
    foreach ($name in @('Siegel 800 guard', 'Siegel 810 guard, reporting')) {
        foreach ($rule in $rules) {
            if ($rule.Name -eq $name -and $rule.Comments -like '*(bypassed)*' -and $PSCmdlet.ShouldProcess($name, 'Set-TransportRule')) {
                Set-TransportRule -Identity $name -Comments ($rule.Comments.Replace(' (bypassed)', '')) -ErrorAction Stop
                Write-Host 'Der Wächter bleibt bis dahin deaktiviert: frühestens in 30 Minuten mit -Stage guard aktivieren.'
            }
        }
    }
    exit 0
}

# --- Vorprüfung: liest nur ---
$problems = @()
$warnings = @()
try {
    $modules = @(Get-Module -Name ExchangeOnlineManagement -ErrorAction Stop)
    foreach ($module in $modules) {
        if ($module.Version.Major -lt 3) { $problems += 'Das Modul ExchangeOnlineManagement ist älter als 3: aktualisieren.' }
    }
} catch { Write-Warning 'Die Version des Moduls ExchangeOnlineManagement war nicht zu lesen; nötig ist 3 oder neuer.' }

# Was da ist. Ohne Verbindung scheitert das Lesen hier: zuerst Connect-ExchangeOnline (nicht mit -Credential).
$acceptedDomains = @(Get-AcceptedDomain -ErrorAction Stop)
$organization = Get-OrganizationConfig -ErrorAction Stop
$outboundConnectors = @(Get-OutboundConnector -ErrorAction Stop)
$inboundConnectors = @(Get-InboundConnector -ErrorAction Stop)
$rules = @(Get-TransportRule -ResultSize Unlimited -ErrorAction Stop)
$journalRules = @()
try { $journalRules = @(Get-JournalRule -ErrorAction Stop) } catch { Write-Warning 'Die Journalregeln waren nicht zu lesen: von Hand prüfen.' }

$domainNames = @()
foreach ($domain in $acceptedDomains) { $domainNames += ([string]$domain.DomainName).ToLower() }
$configured = @('contoso.com', 'smime-gw.contoso.com')
$shared = 0
foreach ($domain in $configured) {
    if ($domainNames -contains $domain) { $shared = $shared + 1 }
    else { $warnings += ('Siegel hat die akzeptierte Domäne ' + $domain + ', der Mandant nicht: in Microsoft 365 hinzufügen oder beim Mandanten in Siegel herausnehmen.') }
}
foreach ($domain in $domainNames) {
    if ($configured -notcontains $domain) { $warnings += ('Der Mandant hat die akzeptierte Domäne ' + $domain + ', Siegel nicht: Mail von ihr wird nicht signiert, Mail an sie gilt als ausgehend. Beim Mandanten in Siegel eintragen (acceptedDomains; die unter onmicrosoft.com als initialDomain).') }
}
if ($shared -eq 0) {
    Write-Warning 'Keine der Domänen von contoso ist hier akzeptierte Domäne: diese Sitzung ist mit einem anderen Mandanten verbunden. Nichts wurde getan: mit Connect-ExchangeOnline beim richtigen anmelden.'
    exit 3
}
if ($organization.IsDehydrated -eq $true) { $warnings += 'Die Organisation ist dehydriert: wenn ein Befehl es verlangt, einmal Enable-OrganizationCustomization ausführen und eine Stunde warten.' }
if ($organization.RejectDirectSend -eq $true) { $warnings += 'RejectDirectSend ist an: Mail des Gateways wird mit 5.7.68 abgelehnt, wenn der Eingangsconnector sein Zertifikat nicht erkennt.' }

foreach ($connector in $outboundConnectors) {
    if ($connector.Name -eq 'Siegel to gateway') {
        if ($connector.Comment -notlike 'Siegel/* contoso *') { $problems += ('Der ausgehende Connector ' + $connector.Name + ' ist schon da und stammt nicht von diesem Skript.') }
    } elseif (@($connector.SmartHosts) -contains 'smime-gw.contoso.com') { $warnings += ('Der ausgehende Connector ' + $connector.Name + ' hat denselben Smarthost: entfernen, wenn keine Regel ihn verwendet.') }
}
foreach ($connector in $inboundConnectors) {
    if ($connector.Name -eq 'Siegel from gateway') {
        if ($connector.Comment -notlike 'Siegel/* contoso *') { $problems += ('Der Eingangsconnector ' + $connector.Name + ' ist schon da und stammt nicht von diesem Skript.') }
    } elseif ($connector.TlsSenderCertificateName -eq 'smime-gw.contoso.com') {
        $problems += ('Der Eingangsconnector ' + $connector.Name + ' hat denselben Zertifikatsnamen: welcher von beiden gilt, ist nicht festgelegt. Jenen entfernen.')
    }
    if ($connector.ConnectorType -eq 'Partner' -and $connector.Enabled -eq $true -and ($connector.RestrictDomainsToCertificate -eq $true -or $connector.RestrictDomainsToIPAddresses -eq $true)) {
        $warnings += ('Der Partnerconnector ' + $connector.Name + ' lehnt ab, was nicht zu ihm passt (5.7.51): Mail des Gateways wird nur angenommen, solange der Eingangsconnector dieses Skripts sie erkennt.')
    }
}

$ours = @('Siegel 000 strip processed field', 'Siegel 005 strip pass marker', 'Siegel 010 strip secret field', 'Siegel 100 exempt protected mail', 'Siegel 200 outbound to gateway', 'Siegel 310 inbound encrypted to gateway', 'Siegel 320 inbound signed to gateway', 'Siegel 330 inbound pkcs7 to gateway', 'Siegel 800 guard', 'Siegel 900 clean-up')
$otherServices = @('*CodeTwo*', '*Exclaimer*', '*SEPPmail*', '*NoSpamProxy*', '*Proofpoint*', '*Mimecast*', '*CipherMail*', '*Totemo*', '*Zertificon*', '*FTAPI*', '*signature*', '*Signatur*')
$behind = -1
foreach ($rule in $rules) { if ($ours -contains $rule.Name -and $rule.Priority -gt $behind) { $behind = $rule.Priority } }
foreach ($rule in $rules) {
    if ($ours -contains $rule.Name -and $rule.Comments -notlike 'Siegel/* contoso *') { $problems += ('Die Regel ' + $rule.Name + ' ist schon da und stammt nicht von diesem Skript.') }
    if ($rule.Comments -notlike 'Siegel/* contoso *' -and $rule.State -eq 'Enabled') {
        if ($rule.ApplyHtmlDisclaimerText) { $warnings += ('Die Regel ' + $rule.Name + ' fügt einen Haftungsausschluss an: sie läuft in beiden Durchgängen und kann S/MIME-Mail im zweiten nicht ändern. Vor die Regeln des Gateways setzen und ihr deren Ausnahme geben.') }
        if ($rule.StopRuleProcessing -eq $true -and ($behind -lt 0 -or $rule.Priority -lt $behind)) { $warnings += ('Die Regel ' + $rule.Name + ' beendet die Verarbeitung von Regeln: Mail, die sie nimmt, erreicht die Regeln des Gateways dahinter nicht. Nicht beenden lassen oder hinter sie setzen.') }
        if ($rule.RouteMessageOutboundConnector -and $rule.RouteMessageOutboundConnector -ne 'Siegel to gateway') { $warnings += ('Die Regel ' + $rule.Name + ' leitet Mail an den Connector ' + $rule.RouteMessageOutboundConnector + ': Mail kann nur einen Weg nehmen. Klären, welcher Dienst zuerst kommt.') }
        if ($rule.ApplyOME -eq $true -or $rule.ApplyRightsProtectionTemplate) { $warnings += ('Die Regel ' + $rule.Name + ' schützt Mail: was sie schützt, kann das Gateway weder signieren noch lesen. Dort ausnehmen.') }
        foreach ($pattern in $otherServices) {
            if ($rule.Name -like $pattern) { $warnings += ('Die Regel ' + $rule.Name + ' sieht nach einem anderen Maildienst aus: beide ändern Mail, die Reihenfolge muss geklärt sein.') }
        }
    }
}

$certificateDomain = 'smime-gw.contoso.com'
$domainAccepted = $domainNames -contains $certificateDomain
if ($certificateDomain.Length -gt 48) { $problems += ('Der Name ' + $certificateDomain + ' hat mehr als 48 Zeichen: Exchange Online nimmt keinen längeren. Kürzeren FQDN nehmen.') }

if ($Stage -eq 'pilot') {
    $group = Get-Recipient -Identity $PilotGroup -ErrorAction SilentlyContinue
    if ($null -eq $group) {
        Write-Warning ('PROBLEM: es gibt keine Gruppe mit der Adresse ' + $PilotGroup + '. Nichts wurde geändert. Eine E-Mail-aktivierte Gruppe anlegen oder mit -PilotGroup eine andere nennen.')
        exit 3
    }
    if (@('MailUniversalDistributionGroup', 'MailUniversalSecurityGroup', 'MailNonUniversalGroup', 'GroupMailbox') -notcontains [string]$group.RecipientTypeDetails) {
        Write-Warning ('PROBLEM: ' + $PilotGroup + ' ist keine Gruppe, deren Mitglieder eine Regel nachschlagen kann (' + $group.RecipientTypeDetails + '). Nichts wurde geändert. Eine Verteilerliste, eine E-Mail-aktivierte Sicherheitsgruppe oder eine Microsoft-365-Gruppe nehmen.')
        exit 3
    }
}

foreach ($text in $warnings) { Write-Warning $text }
foreach ($text in $problems) { Write-Warning ('PROBLEM: ' + $text) }
if ($problems.Count -gt 0 -and -not $Force -and -not $Export) {
    Write-Host 'Nichts wurde geändert. Die Probleme beheben; -Force macht trotzdem weiter und übernimmt, was da ist.'
    exit 3
}

# --- -Export: der Stand für siegel exchange verify und drift; er enthält keine Geheimnisse ---
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
    Write-Host ('Der Stand liegt in ' + $stateFile + '. Weiter: siegel exchange drift --state ' + $stateFile)
    exit 0
}

# --- Was jetzt da ist, vollständig (kann Geheimnisse von Regeln enthalten: so aufbewahren) ---
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
    Write-Host ('Die Objekte vor der Änderung liegen in ' + $before)
}

# --- Ausgehender Connector ---
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
        Write-Host 'angelegt: Siegel to gateway'
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
        Write-Host 'unverändert: Siegel to gateway'
    } elseif ($PSCmdlet.ShouldProcess('Siegel to gateway', 'Set-OutboundConnector')) {
        Set-OutboundConnector -Identity 'Siegel to gateway' @values -ErrorAction Stop
        Write-Host 'geändert: Siegel to gateway'
    }
}

# --- Regel: strip-processed ---
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
    if ($PSCmdlet.ShouldProcess('Siegel 000 strip processed field', 'New-TransportRule, deaktiviert')) {
        New-TransportRule -Name 'Siegel 000 strip processed field' -Priority 0 -Enabled $false @values -ErrorAction Stop | Out-Null
        Write-Host 'angelegt, deaktiviert: Siegel 000 strip processed field'
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
        Write-Host 'unverändert: Siegel 000 strip processed field'
    } elseif ($PSCmdlet.ShouldProcess('Siegel 000 strip processed field', 'Set-TransportRule')) {
        Set-TransportRule -Identity 'Siegel 000 strip processed field' @values -ErrorAction Stop
        Write-Host 'geändert: Siegel 000 strip processed field'
    }
}

# --- Regel: strip-marker ---
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
    if ($PSCmdlet.ShouldProcess('Siegel 005 strip pass marker', 'New-TransportRule, deaktiviert')) {
        New-TransportRule -Name 'Siegel 005 strip pass marker' -Priority 1 -Enabled $false @values -ErrorAction Stop | Out-Null
        Write-Host 'angelegt, deaktiviert: Siegel 005 strip pass marker'
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
        Write-Host 'unverändert: Siegel 005 strip pass marker'
    } elseif ($PSCmdlet.ShouldProcess('Siegel 005 strip pass marker', 'Set-TransportRule')) {
        Set-TransportRule -Identity 'Siegel 005 strip pass marker' @values -ErrorAction Stop
        Write-Host 'geändert: Siegel 005 strip pass marker'
    }
}

# --- Regel: strip-secret ---
$values = @{
    FromScope = 'NotInOrganization'
    RemoveHeader = 'X-Contoso-Siegel'
    Mode = 'Enforce'
    RuleErrorAction = 'Defer'
    Comments = 'Siegel/1 contoso be0988e69b046e21. Made by siegel exchange; do not edit, change the settings of Siegel and run its script again.'
}
$found = Get-TransportRule -Identity 'Siegel 010 strip secret field' -ErrorAction SilentlyContinue
if ($null -eq $found) {
    if ($PSCmdlet.ShouldProcess('Siegel 010 strip secret field', 'New-TransportRule, deaktiviert')) {
        New-TransportRule -Name 'Siegel 010 strip secret field' -Priority 2 -Enabled $false @values -ErrorAction Stop | Out-Null
        Write-Host 'angelegt, deaktiviert: Siegel 010 strip secret field'
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
        Write-Host 'unverändert: Siegel 010 strip secret field'
    } elseif ($PSCmdlet.ShouldProcess('Siegel 010 strip secret field', 'Set-TransportRule')) {
        Set-TransportRule -Identity 'Siegel 010 strip secret field' @values -ErrorAction Stop
        Write-Host 'geändert: Siegel 010 strip secret field'
    }
}

# --- Regel: exempt ---
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
    if ($PSCmdlet.ShouldProcess('Siegel 100 exempt protected mail', 'New-TransportRule, deaktiviert')) {
        New-TransportRule -Name 'Siegel 100 exempt protected mail' -Enabled $false @values -ErrorAction Stop | Out-Null
        Write-Host 'angelegt, deaktiviert: Siegel 100 exempt protected mail'
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
        Write-Host 'unverändert: Siegel 100 exempt protected mail'
    } elseif ($PSCmdlet.ShouldProcess('Siegel 100 exempt protected mail', 'Set-TransportRule')) {
        Set-TransportRule -Identity 'Siegel 100 exempt protected mail' @values -ErrorAction Stop
        Write-Host 'geändert: Siegel 100 exempt protected mail'
    }
}

# --- Regel: route-outbound ---
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
    if ($PSCmdlet.ShouldProcess('Siegel 200 outbound to gateway', 'New-TransportRule, deaktiviert')) {
        New-TransportRule -Name 'Siegel 200 outbound to gateway' -Enabled $false @values -ErrorAction Stop | Out-Null
        Write-Host 'angelegt, deaktiviert: Siegel 200 outbound to gateway'
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
        Write-Host 'unverändert: Siegel 200 outbound to gateway'
    } elseif ($PSCmdlet.ShouldProcess('Siegel 200 outbound to gateway', 'Set-TransportRule')) {
        Set-TransportRule -Identity 'Siegel 200 outbound to gateway' @values -ErrorAction Stop
        Write-Host 'geändert: Siegel 200 outbound to gateway'
    }
}

# --- Regel: route-inbound-encrypted ---
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
    if ($PSCmdlet.ShouldProcess('Siegel 310 inbound encrypted to gateway', 'New-TransportRule, deaktiviert')) {
        New-TransportRule -Name 'Siegel 310 inbound encrypted to gateway' -Enabled $false @values -ErrorAction Stop | Out-Null
        Write-Host 'angelegt, deaktiviert: Siegel 310 inbound encrypted to gateway'
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
        Write-Host 'unverändert: Siegel 310 inbound encrypted to gateway'
    } elseif ($PSCmdlet.ShouldProcess('Siegel 310 inbound encrypted to gateway', 'Set-TransportRule')) {
        Set-TransportRule -Identity 'Siegel 310 inbound encrypted to gateway' @values -ErrorAction Stop
        Write-Host 'geändert: Siegel 310 inbound encrypted to gateway'
    }
}

# --- Regel: route-inbound-signed ---
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
    if ($PSCmdlet.ShouldProcess('Siegel 320 inbound signed to gateway', 'New-TransportRule, deaktiviert')) {
        New-TransportRule -Name 'Siegel 320 inbound signed to gateway' -Enabled $false @values -ErrorAction Stop | Out-Null
        Write-Host 'angelegt, deaktiviert: Siegel 320 inbound signed to gateway'
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
        Write-Host 'unverändert: Siegel 320 inbound signed to gateway'
    } elseif ($PSCmdlet.ShouldProcess('Siegel 320 inbound signed to gateway', 'Set-TransportRule')) {
        Set-TransportRule -Identity 'Siegel 320 inbound signed to gateway' @values -ErrorAction Stop
        Write-Host 'geändert: Siegel 320 inbound signed to gateway'
    }
}

# --- Regel: route-inbound-type ---
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
    if ($PSCmdlet.ShouldProcess('Siegel 330 inbound pkcs7 to gateway', 'New-TransportRule, deaktiviert')) {
        New-TransportRule -Name 'Siegel 330 inbound pkcs7 to gateway' -Enabled $false @values -ErrorAction Stop | Out-Null
        Write-Host 'angelegt, deaktiviert: Siegel 330 inbound pkcs7 to gateway'
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
        Write-Host 'unverändert: Siegel 330 inbound pkcs7 to gateway'
    } elseif ($PSCmdlet.ShouldProcess('Siegel 330 inbound pkcs7 to gateway', 'Set-TransportRule')) {
        Set-TransportRule -Identity 'Siegel 330 inbound pkcs7 to gateway' @values -ErrorAction Stop
        Write-Host 'geändert: Siegel 330 inbound pkcs7 to gateway'
    }
}

# --- Regel: guard ---
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
    if ($PSCmdlet.ShouldProcess('Siegel 800 guard', 'New-TransportRule, deaktiviert')) {
        New-TransportRule -Name 'Siegel 800 guard' -Enabled $false @values -ErrorAction Stop | Out-Null
        Write-Host 'angelegt, deaktiviert: Siegel 800 guard'
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
        Write-Host 'unverändert: Siegel 800 guard'
    } elseif ($PSCmdlet.ShouldProcess('Siegel 800 guard', 'Set-TransportRule')) {
        Set-TransportRule -Identity 'Siegel 800 guard' @values -ErrorAction Stop
        Write-Host 'geändert: Siegel 800 guard'
    }
}

# --- Regel: clean-up ---
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
    if ($PSCmdlet.ShouldProcess('Siegel 900 clean-up', 'New-TransportRule, deaktiviert')) {
        New-TransportRule -Name 'Siegel 900 clean-up' -Enabled $false @values -ErrorAction Stop | Out-Null
        Write-Host 'angelegt, deaktiviert: Siegel 900 clean-up'
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
        Write-Host 'unverändert: Siegel 900 clean-up'
    } elseif ($PSCmdlet.ShouldProcess('Siegel 900 clean-up', 'Set-TransportRule')) {
        Set-TransportRule -Identity 'Siegel 900 clean-up' @values -ErrorAction Stop
        Write-Host 'geändert: Siegel 900 clean-up'
    }
}

# --- Regeln früherer Optionen gehen ---
$removed = @()
foreach ($rule in $rules) {
    if ($rule.Comments -like 'Siegel/* contoso *' -and $ours -notcontains $rule.Name) {
        if ($PSCmdlet.ShouldProcess($rule.Name, 'Remove-TransportRule')) {
            Remove-TransportRule -Identity $rule.Name -Confirm:$false -ErrorAction Stop
            Write-Host ('entfernt, nicht in diesem Skript: ' + $rule.Name)
            if ($rule.State -eq 'Enabled') { $removed += $rule.Name }
        }
    }
}

# --- Die Reihenfolge der Regeln ---
$last = -1
foreach ($name in $ours) {
    $rule = Get-TransportRule -Identity $name -ErrorAction SilentlyContinue
    if ($null -ne $rule) {
        if ($rule.Priority -lt $last) {
            if ($PSCmdlet.ShouldProcess($name, 'Set-TransportRule -Priority')) {
                $guard = Get-TransportRule -Identity 'Siegel 800 guard' -ErrorAction SilentlyContinue
                if ($null -ne $guard -and $guard.State -eq 'Enabled') {
                    Disable-TransportRule -Identity 'Siegel 800 guard' -Confirm:$false -ErrorAction Stop
                    Write-Warning 'Der Wächter wurde deaktiviert, solange sich die Reihenfolge der Regeln ändert: in 30 Minuten mit -Stage guard aktivieren.'
                }
                Set-TransportRule -Identity $name -Priority $last -ErrorAction Stop
            }
        } else { $last = $rule.Priority }
    }
}

foreach ($name in $removed) {
    Write-Warning ('Die Regel ' + $name + ' galt und ist fort. Sollte das Skript sie haben, es mit den Optionen von vorher erzeugen (Kopf des alten Skripts).')
}
if ($removed.Count -gt 0 -and $Stage -eq 'create') {
    Write-Warning 'Neue Regeln sind deaktiviert: bis -Stage pilot oder -Stage all geht Mail, die nur die alten Regeln geleitet haben, UNSIGNIERT UND UNVERSCHLÜSSELT hinaus.'
}

$inForce = 0
$passedBy = 0
foreach ($rule in $rules) {
    if ($rule.RouteMessageOutboundConnector -eq 'Siegel to gateway') {
        if ($rule.State -eq 'Enabled') { $inForce = $inForce + 1 }
        elseif ($rule.Comments -like '*(bypassed)*') { $passedBy = $passedBy + 1 }
    }
}

# --- Der Name im Zertifikat muss akzeptierte Domäne sein, bevor der Eingangsconnector angelegt wird ---
if (-not $domainAccepted) {
    Write-Warning 'akzeptierte Domäne fehlt: smime-gw.contoso.com'
    Write-Host 'Der Name im Zertifikat des Gateways, smime-gw.contoso.com, ist keine akzeptierte Domäne dieses Mandanten.'
    Write-Host 'Ohne sie ordnet Exchange Online die Mail nicht zu, die das Gateway zurückgibt: interne Kopfzeilen gehen verloren, und Mail mit'
    Write-Host 'leerem Absender (Unzustellbarkeit, Abwesenheit) wird mit 5.7.64 abgelehnt. Hinzufügen und belegen, bevor der Eingangsconnector entsteht:'
    Write-Host '  1. Microsoft 365 Admin Center, Einstellungen, Domänen, Domäne hinzufügen: smime-gw.contoso.com'
    Write-Host '     (oder mit dem Modul Microsoft.Graph: New-MgDomain -Id smime-gw.contoso.com)'
    Write-Host '  2. Den dort gezeigten TXT-Eintrag veröffentlichen; ein MX-Eintrag oder Postfach ist für den Namen nicht nötig.'
    Write-Host '     (Get-MgDomainVerificationDnsRecord -DomainId smime-gw.contoso.com)'
    Write-Host '  3. Überprüfen (Confirm-MgDomain -DomainId smime-gw.contoso.com), keine Dienste wählen, warten, bis Get-AcceptedDomain sie nennt.'
    Write-Host '  4. Dieses Skript noch einmal ausführen.'
    if ($inForce -gt 0) {
        Write-Warning 'Regeln zum Gateway sind AKTIV, und was sie dorthin schicken, kann nicht zurückkommen: sofort -Bypass ausführen, und -Resume, wenn der Eingangsconnector an ist.'
    }
    if (-not $Force -and -not $WhatIfPreference) { exit 5 }
}

# --- Eingangsconnector ---
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
            Write-Warning ('Der Eingangsconnector wurde nicht angelegt: ' + $_.Exception.Message)
            Write-Host 'Nennt der Fehler OrganizationInboundConnectorProhibited, darf dieser Mandant keine Eingangsconnectors vom Typ OnPremises anlegen:'
            Write-Host 'an den Microsoft-Support wenden und die akzeptierte Domäne nennen; Entwicklermandanten können solche nicht haben. Sonst beheben, was er sagt.'
            exit 4
        }
        Write-Host 'angelegt: Siegel from gateway'
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
        Write-Host 'unverändert: Siegel from gateway'
    } elseif ($PSCmdlet.ShouldProcess('Siegel from gateway', 'Set-InboundConnector')) {
        Set-InboundConnector -Identity 'Siegel from gateway' @values -ErrorAction Stop
        Write-Host 'geändert: Siegel from gateway'
    }
}

# --- Noch einmal lesen: neue Mandanten bekommen den Eingangsconnector deaktiviert ---
$inboundOn = $false
$made = Get-InboundConnector -Identity 'Siegel from gateway' -ErrorAction SilentlyContinue
if ($null -ne $made) {
    if ($made.Enabled -eq $true) { $inboundOn = $true }
    else {
        Write-Host 'created disabled: contact support'
        Write-Host 'Microsoft legt eingehende Connectors vom Typ OnPremises in neuen Mandanten deaktiviert an; nur der Support kann sie einschalten.'
        Write-Host 'Im Microsoft 365 Admin Center (Hilfe und Support) einen Fall mit diesem Text eröffnen:'
        Write-Host '  "Please enable the inbound connector ''Siegel from gateway'' in our tenant. It was created in a disabled state. It recognises our own'
        Write-Host '  S/MIME gateway by its TLS certificate smime-gw.contoso.com; the domain smime-gw.contoso.com is a verified accepted domain of our'
        Write-Host '  tenant. The gateway returns mail that our own mail flow rules route to it, and sends nothing else."'
        Write-Host 'Keine Regel aktivieren, bis der Connector an ist; dann dieses Skript noch einmal ausführen. Entwicklermandanten können solche nicht haben.'
        if ($inForce -gt 0) {
            Write-Warning 'Regeln zum Gateway sind AKTIV, und was sie dorthin schicken, kann nicht zurückkommen: sofort -Bypass ausführen, und -Resume, wenn der Eingangsconnector an ist.'
        }
        if (-not $WhatIfPreference) { exit 4 }
    }
}

# --- -Validate: Exchange Online verbindet sich mit dem Gateway und schickt eine Testmail ---
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
            Write-Warning ('Die Validierung schlug fehl: ' + $_.Exception.Message)
            $failed = $true
        }
        if ($failed) {
            Write-Warning 'Nicht validiert; keine Regel wurde aktiviert. 550 5.7.1 Not authorized: auf dem Gateway siegel exchange window open --to ADRESSE'
            Write-Warning 'mit der Adresse von -ValidationRecipient, dann binnen 60 Minuten -Validate. Nicht erreicht: siegel exchange verify.'
            exit 3
        }
        Set-OutboundConnector -Identity 'Siegel to gateway' -IsValidated $true -LastValidationTimestamp (Get-Date).ToUniversalTime() -ErrorAction Stop
        Write-Host 'Der ausgehende Connector ist als validiert vermerkt.'
    }
}

# --- -Stage: erst jetzt wird Mail geleitet ---
if ($Stage -ne 'create') {
    if (-not $inboundOn -and -not $WhatIfPreference) {
        Write-Warning 'Der Eingangsconnector ist aus: was zum Gateway geleitet würde, käme nicht zurück. Keine Regel wurde aktiviert.'
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
        if ($Stage -eq 'pilot') { Write-Host ('Mail der Mitglieder von ' + $PilotGroup + ' geht binnen 30 Minuten zum Gateway.') }
        else { Write-Host 'Alle Mail, die die Regeln nennen, geht binnen 30 Minuten zum Gateway.' }
    } elseif (-not $WhatIfPreference) { Write-Warning 'Einige Regeln fehlen noch oder sind deaktiviert: mit -Stage pilot oder -Stage all aktivieren.' }
    if ($Stage -eq 'guard') {
        if ($PSCmdlet.ShouldProcess('Siegel 800 guard', 'Enable-TransportRule')) {
            Enable-TransportRule -Identity 'Siegel 800 guard' -ErrorAction Stop
            Write-Host 'Der Wächter ist aktiviert; er gilt binnen 30 Minuten.'
        }
    } elseif ($Stage -eq 'all' -and -not $WhatIfPreference) { Write-Host 'Frühestens in 30 Minuten den Wächter aktivieren: -Stage guard.' }
}

# --- Fertig ---
if ($WhatIfPreference) {
    Write-Host '-WhatIf: nichts wurde geändert.'
    exit 0
}
Write-Host 'Spam bei der Rückkehr, Option A (Kopfzeilen behalten): beide Connectors behalten interne Kopfzeilen, das erste Urteil bleibt bestehen.'
Write-Host 'Das Vertrauen beruht allein auf dem Zertifikat. Entschlüsselter Text wird womöglich nicht noch einmal geprüft.'
if ($Stage -eq 'create') {
    if ($passedBy -gt 0) { Write-Warning 'Das Gateway ist überbrückt (-Bypass): Mail nach außen geht unsigniert und unverschlüsselt hinaus. Mit -Resume beenden.' }
    elseif ($inForce -gt 0) { Write-Host 'Was aktiv war, bleibt es, neue Regeln sind deaktiviert: mit der zuletzt ausgeführten Stufe aktivieren (-Stage pilot, all oder guard).' }
    elseif ($Validate) { Write-Host 'Neue Regeln bleiben deaktiviert, was aktiv war, bleibt es. Weiter: -Stage pilot -PilotGroup GRUPPE, später -Stage all.' }
    else { Write-Host 'Neue Regeln bleiben deaktiviert, was aktiv war, bleibt es. Weiter: -Validate, dann -Stage pilot -PilotGroup GRUPPE, später -Stage all.' }
}
Write-Host 'Von außen prüfen: siegel exchange verify. Dann -Export und siegel exchange drift --state DATEI.'
exit 0
