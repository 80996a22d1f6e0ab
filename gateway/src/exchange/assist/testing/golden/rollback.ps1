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
            }
        }
    }
    foreach ($connector in @(Get-InboundConnector -ErrorAction Stop)) {
        if ($connector.Comment -like 'Siegel/* contoso *') {
            if ($PSCmdlet.ShouldProcess($connector.Name, 'Remove-InboundConnector')) {
                Remove-InboundConnector -Identity $connector.Name -Confirm:$false -ErrorAction Stop
                Write-Host ('removed: ' + $connector.Name)
            }
        }
    }
} else {
    Write-Host 'The connectors stay, so that mail in the gateway can come back. Remove them with -Connectors in 30 minutes or more, when the queue is empty.'
}
exit 0
