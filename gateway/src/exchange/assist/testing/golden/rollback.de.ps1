# Siegel: baut ab, was sein Skript im Mandanten contoso angelegt hat. Nichts anderes wird berührt.
#   .\rollback.ps1 -WhatIf       sagt, was es täte
#   .\rollback.ps1               entfernt die Regeln: nach 30 Minuten geht keine Mail mehr zum Gateway
#   .\rollback.ps1 -Connectors   entfernt auch die Connectors: wenn die Warteschlange des Gateways leer ist
# Die akzeptierte Domäne bleibt: anderes kann an ihr hängen.
[CmdletBinding(SupportsShouldProcess = $true)]
param(
    [switch]$Connectors
)
$ErrorActionPreference = 'Stop'

$removed = 0
foreach ($rule in @(Get-TransportRule -ResultSize Unlimited -ErrorAction Stop)) {
    if ($rule.Comments -like 'Siegel/* contoso *') {
        if ($PSCmdlet.ShouldProcess($rule.Name, 'Remove-TransportRule')) {
            Remove-TransportRule -Identity $rule.Name -Confirm:$false -ErrorAction Stop
            Write-Host ('entfernt: ' + $rule.Name)
            $removed = $removed + 1
        }
    }
}

if ($Connectors) {
    if ($removed -gt 0) {
        Write-Warning 'Regeln wurden eben erst entfernt: noch 30 Minuten kann Mail geleitet werden. Dann noch einmal mit -Connectors ausführen.'
        exit 3
    }
    foreach ($connector in @(Get-OutboundConnector -ErrorAction Stop)) {
        if ($connector.Comment -like 'Siegel/* contoso *') {
            if ($PSCmdlet.ShouldProcess($connector.Name, 'Remove-OutboundConnector')) {
                Remove-OutboundConnector -Identity $connector.Name -Confirm:$false -ErrorAction Stop
                Write-Host ('entfernt: ' + $connector.Name)
                $removed = $removed + 1
            }
        }
    }
    foreach ($connector in @(Get-InboundConnector -ErrorAction Stop)) {
        if ($connector.Comment -like 'Siegel/* contoso *') {
            if ($PSCmdlet.ShouldProcess($connector.Name, 'Remove-InboundConnector')) {
                Remove-InboundConnector -Identity $connector.Name -Confirm:$false -ErrorAction Stop
                Write-Host ('entfernt: ' + $connector.Name)
                $removed = $removed + 1
            }
        }
    }
    $arc = $null
    try { $arc = Get-ArcConfig -ErrorAction Stop } catch {
        Write-Warning 'Die vertrauten ARC-Versiegler waren nicht zu lesen: von Hand prüfen (Get-ArcConfig), dass smime-gw.contoso.com nicht darunter ist.'
    }
    $kept = @()
    $listed = $false
    if ($null -ne $arc) {
        foreach ($sealer in @($arc.ArcTrustedSealers)) {
            if ([string]$sealer -eq 'smime-gw.contoso.com') { $listed = $true }
            elseif ([string]$sealer -ne '') { $kept += [string]$sealer }
        }
    }
    if ($kept.Count -eq 0) { $kept = ' ' }
    if ($listed -and $PSCmdlet.ShouldProcess('smime-gw.contoso.com', 'Set-ArcConfig')) { Set-ArcConfig -Identity Default -ArcTrustedSealers $kept -ErrorAction Stop }
    if ($removed -eq 0 -and -not $listed -and -not $WhatIfPreference) { Write-Host 'Nichts in diesem Mandanten trägt die Marke von contoso: nichts wurde entfernt. Wenn das überrascht: prüfen, mit welchem Mandanten diese Sitzung verbunden ist.' }
} else {
    $staying = 0
    foreach ($connector in @(Get-OutboundConnector -ErrorAction Stop)) { if ($connector.Comment -like 'Siegel/* contoso *') { $staying = $staying + 1 } }
    foreach ($connector in @(Get-InboundConnector -ErrorAction Stop)) { if ($connector.Comment -like 'Siegel/* contoso *') { $staying = $staying + 1 } }
    if ($staying -gt 0) { Write-Host 'Die Connectors bleiben, damit Mail im Gateway zurückkommen kann. Frühestens in 30 Minuten mit -Connectors entfernen, wenn die Warteschlange leer ist.' }
    elseif ($removed -eq 0 -and -not $WhatIfPreference) { Write-Host 'Nichts in diesem Mandanten trägt die Marke von contoso: nichts wurde entfernt. Wenn das überrascht: prüfen, mit welchem Mandanten diese Sitzung verbunden ist.' }
}
exit 0
