# Siegel: takes away what its script made in the tenant contoso. Nothing else is touched.
#   .\rollback.ps1 -WhatIf       says what it would do
#   .\rollback.ps1               removes the rules: mail no longer goes to the gateway after 30 minutes
#   .\rollback.ps1 -Connectors   removes the connectors too: when the queue of the gateway is empty
# The accepted domain stays: other things may depend on it.
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
            Write-Host ('removed: ' + $rule.Name)
            $removed = $removed + 1
        }
    }
}

if ($Connectors) {
    if ($removed -gt 0) {
        Write-Warning 'Rules were removed just now: mail may still be routed for 30 minutes. Run this again with -Connectors then.'
        exit 3
    }
    foreach ($connector in @(Get-OutboundConnector -ErrorAction Stop)) {
        if ($connector.Comment -like 'Siegel/* contoso *') {
            if ($PSCmdlet.ShouldProcess($connector.Name, 'Remove-OutboundConnector')) {
                Remove-OutboundConnector -Identity $connector.Name -Confirm:$false -ErrorAction Stop
                Write-Host ('removed: ' + $connector.Name)
                $removed = $removed + 1
            }
        }
    }
    foreach ($connector in @(Get-InboundConnector -ErrorAction Stop)) {
        if ($connector.Comment -like 'Siegel/* contoso *') {
            if ($PSCmdlet.ShouldProcess($connector.Name, 'Remove-InboundConnector')) {
                Remove-InboundConnector -Identity $connector.Name -Confirm:$false -ErrorAction Stop
                Write-Host ('removed: ' + $connector.Name)
                $removed = $removed + 1
            }
        }
    }
    $arc = $null
    try { $arc = Get-ArcConfig -ErrorAction Stop } catch {
        Write-Warning 'The trusted ARC sealers could not be read: check by hand (Get-ArcConfig) that smime-gw.contoso.com is not among them.'
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
    if ($removed -eq 0 -and -not $listed -and -not $WhatIfPreference) { Write-Host 'Nothing in this tenant carries the mark of contoso: nothing was removed. If that surprises you, check which tenant this session is connected to.' }
} else {
    $staying = 0
    foreach ($connector in @(Get-OutboundConnector -ErrorAction Stop)) { if ($connector.Comment -like 'Siegel/* contoso *') { $staying = $staying + 1 } }
    foreach ($connector in @(Get-InboundConnector -ErrorAction Stop)) { if ($connector.Comment -like 'Siegel/* contoso *') { $staying = $staying + 1 } }
    if ($staying -gt 0) { Write-Host 'The connectors stay, so that mail in the gateway can come back. Remove them with -Connectors in 30 minutes or more, when the queue is empty.' }
    elseif ($removed -eq 0 -and -not $WhatIfPreference) { Write-Host 'Nothing in this tenant carries the mark of contoso: nothing was removed. If that surprises you, check which tenant this session is connected to.' }
}
exit 0
