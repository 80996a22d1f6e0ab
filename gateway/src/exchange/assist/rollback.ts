/**
 * The script that takes everything away again: first the rules, so that no mail goes to the gateway; later, when the gateway's
 * queue is empty, the connectors by which its mail comes back. Touches only what carries the tenant's mark.
 */
import type { AssistPlan } from './plan.ts'
import { comment, fileText, quoted } from './powershell.ts'

function connectorLines(kind: 'Outbound' | 'Inbound', mark: string): string[] {
  return [
    `    foreach ($connector in @(Get-${kind}Connector -ErrorAction Stop)) {`,
    `        if ($connector.Comment -like ${mark}) {`,
    `            if ($PSCmdlet.ShouldProcess($connector.Name, 'Remove-${kind}Connector')) {`,
    `                Remove-${kind}Connector -Identity $connector.Name -Confirm:$false -ErrorAction Stop`,
    "                Write-Host ('removed: ' + $connector.Name)",
    '            }',
    '        }',
    '    }',
  ]
}

/** The rollback script; it holds no secrets. */
export function makeRollback(plan: AssistPlan): string {
  const mark = quoted(plan.pattern)
  const fqdn = quoted(plan.tenant.fqdn)
  return fileText([
    ...[
      `Siegel: takes away what its script made in the tenant ${plan.tenant.name}. Nothing else is touched.`,
      '  .\\rollback.ps1 -WhatIf       says what it would do',
      '  .\\rollback.ps1               removes the rules: mail no longer goes to the gateway after 30 minutes',
      '  .\\rollback.ps1 -Connectors   removes the connectors too: when the queue of the gateway is empty',
      'The accepted domain stays: other things may depend on it.',
    ].map(comment),
    '[CmdletBinding(SupportsShouldProcess = $true)]',
    'param(',
    '    [switch]$Connectors',
    ')',
    "$ErrorActionPreference = 'Stop'",
    '',
    '$removed = 0',
    'foreach ($rule in @(Get-TransportRule -ResultSize Unlimited -ErrorAction Stop)) {',
    `    if ($rule.Comments -like ${mark}) {`,
    "        if ($PSCmdlet.ShouldProcess($rule.Name, 'Remove-TransportRule')) {",
    '            Remove-TransportRule -Identity $rule.Name -Confirm:$false -ErrorAction Stop',
    "            Write-Host ('removed: ' + $rule.Name)",
    '            $removed = $removed + 1',
    '        }',
    '    }',
    '}',
    '',
    'if ($Connectors) {',
    '    if ($removed -gt 0) {',
    "        Write-Warning 'Rules were removed just now: mail may still be routed for 30 minutes. Run this again with -Connectors then.'",
    '        exit 3',
    '    }',
    ...connectorLines('Outbound', mark),
    ...connectorLines('Inbound', mark),
    ...(plan.options.spam === 'B'
      ? [
          '    $arc = Get-ArcConfig -ErrorAction Stop',
          '    $kept = @()',
          '    $listed = $false',
          '    foreach ($sealer in @($arc.ArcTrustedSealers)) {',
          `        if ([string]$sealer -eq ${fqdn}) { $listed = $true }`,
          "        elseif ([string]$sealer -ne '') { $kept += [string]$sealer }",
          '    }',
          "    if ($kept.Count -eq 0) { $kept = ' ' }",
          `    if ($listed -and $PSCmdlet.ShouldProcess(${fqdn}, 'Set-ArcConfig')) { Set-ArcConfig -Identity Default -ArcTrustedSealers $kept -ErrorAction Stop }`,
        ]
      : []),
    '} else {',
    "    Write-Host 'The connectors stay, so that mail in the gateway can come back. Remove them with -Connectors in 30 minutes or more, when the queue is empty.'",
    '}',
    'exit 0',
  ])
}
