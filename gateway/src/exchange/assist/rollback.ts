/**
 * The script that takes everything away again: first the rules, so that no mail goes to the gateway; later, when the gateway's
 * queue is empty, the connectors by which its mail comes back. Touches only what carries the tenant's mark.
 */
import type { AssistPlan } from './plan.ts'
import type { Language } from './language.ts'
import { fileText, quoted } from './powershell.ts'
import { ScriptWords } from './script-texts.ts'

function connectorLines(kind: 'Outbound' | 'Inbound', mark: string, words: ScriptWords): string[] {
  return [
    `    foreach ($connector in @(Get-${kind}Connector -ErrorAction Stop)) {`,
    `        if ($connector.Comment -like ${mark}) {`,
    `            if ($PSCmdlet.ShouldProcess($connector.Name, 'Remove-${kind}Connector')) {`,
    `                Remove-${kind}Connector -Identity $connector.Name -Confirm:$false -ErrorAction Stop`,
    ...words.say('removed-connector', '                '),
    '                $removed = $removed + 1',
    '            }',
    '        }',
    '    }',
  ]
}

/** The sealer goes whatever the options are now: an earlier choice may have left it. */
function sealerLines(fqdn: string, words: ScriptWords): string[] {
  const name = quoted(fqdn)
  return [
    '    $arc = $null',
    '    try { $arc = Get-ArcConfig -ErrorAction Stop } catch {',
    ...words.warn('sealer-unread', '        ', { fqdn }),
    '    }',
    '    $kept = @()',
    '    $listed = $false',
    '    if ($null -ne $arc) {',
    '        foreach ($sealer in @($arc.ArcTrustedSealers)) {',
    `            if ([string]$sealer -eq ${name}) { $listed = $true }`,
    "            elseif ([string]$sealer -ne '') { $kept += [string]$sealer }",
    '        }',
    '    }',
    "    if ($kept.Count -eq 0) { $kept = ' ' }",
    `    if ($listed -and $PSCmdlet.ShouldProcess(${name}, 'Set-ArcConfig')) { Set-ArcConfig -Identity Default -ArcTrustedSealers $kept -ErrorAction Stop }`,
  ]
}

/** The rollback script, speaking one language; it holds no secrets. */
export function makeRollback(plan: AssistPlan, language: Language): string {
  const words = new ScriptWords(language)
  const mark = quoted(plan.pattern)
  const tenant = plan.tenant.name
  return fileText([
    ...words.comments('rollback-head', { tenant }),
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
    ...words.say('removed-own-rule', '            '),
    '            $removed = $removed + 1',
    '        }',
    '    }',
    '}',
    '',
    'if ($Connectors) {',
    '    if ($removed -gt 0) {',
    ...words.warn('rules-just-removed', '        '),
    '        exit 3',
    '    }',
    ...connectorLines('Outbound', mark, words),
    ...connectorLines('Inbound', mark, words),
    ...sealerLines(plan.tenant.fqdn, words),
    `    if ($removed -eq 0 -and -not $listed -and -not $WhatIfPreference) { ${words.say('nothing-left', '', { tenant }).join('')} }`,
    '} else {',
    '    $staying = 0',
    ...['Outbound', 'Inbound'].flatMap((kind) => [
      `    foreach ($connector in @(Get-${kind}Connector -ErrorAction Stop)) { if ($connector.Comment -like ${mark}) { $staying = $staying + 1 } }`,
    ]),
    `    if ($staying -gt 0) { ${words.say('connectors-stay').join('')} }`,
    `    elseif ($removed -eq 0 -and -not $WhatIfPreference) { ${words.say('nothing-left', '', { tenant }).join('')} }`,
    '}',
    'exit 0',
  ])
}
