/**
 * `-Bypass` and `-Resume` of the script: they need nothing but the rules, for they must work when everything else is broken. They
 * know the rules of every choice of options, since the script at hand may not be the one that was run last.
 */
import { GUARD_NAMES, ROUTE_NAMES, type AssistPlan } from './plan.ts'
import { literal, quoted } from './powershell.ts'
import type { ScriptWords } from './script-texts.ts'

/** The mark in a rule's comment while the gateway is bypassed. */
export const BYPASSED = '(bypassed)'

const MARKED = quoted(`*${BYPASSED}*`)
const ADDED = quoted(` ${BYPASSED}`)

function bypass(words: ScriptWords): string[] {
  return [
    'if ($Bypass) {',
    '    $found = 0',
    '    $count = 0',
    // The guards first, so that nothing is rejected in between.
    `    foreach ($name in ${literal([...GUARD_NAMES, ...ROUTE_NAMES])}) {`,
    '        foreach ($rule in $rules) {',
    "            if ($rule.Name -eq $name -and $rule.State -eq 'Enabled') {",
    '                $found = $found + 1',
    "                if ($PSCmdlet.ShouldProcess($name, 'Disable-TransportRule')) {",
    `                    Set-TransportRule -Identity $name -Comments ([string]$rule.Comments + ${ADDED}) -ErrorAction Stop`,
    '                    Disable-TransportRule -Identity $name -Confirm:$false -ErrorAction Stop',
    ...words.say('disabled', '                    '),
    '                    $count = $count + 1',
    '                }',
    '            }',
    '        }',
    '    }',
    '    if ($WhatIfPreference) { exit 0 }',
    '    if ($found -eq 0) {',
    ...words.say('bypass-nothing', '        '),
    '        exit 0',
    '    }',
    '    if ($count -lt $found) {',
    ...words.warn('bypass-part', '        '),
    '        exit 3',
    '    }',
    ...words.say('bypassed', '    '),
    '    exit 0',
    '}',
  ]
}

/** The rules that route come back at once; a guard only loses the mark, for it must not be in force before they are. */
function resume(plan: AssistPlan, words: ScriptWords): string[] {
  const routes = plan.rules.filter(({ purpose }) => purpose.startsWith('route-')).map(({ name }) => name)
  return [
    'if ($Resume) {',
    '    $count = 0',
    `    $off = @(${literal(routes)})`,
    `    foreach ($name in ${literal(ROUTE_NAMES)}) {`,
    '        foreach ($rule in $rules) {',
    '            if ($rule.Name -eq $name) {',
    "                $on = ($rule.State -eq 'Enabled')",
    `                if ($rule.Comments -like ${MARKED} -and $PSCmdlet.ShouldProcess($name, 'Enable-TransportRule')) {`,
    '                    Enable-TransportRule -Identity $name -ErrorAction Stop',
    `                    Set-TransportRule -Identity $name -Comments ($rule.Comments.Replace(${ADDED}, '')) -ErrorAction Stop`,
    ...words.say('enabled', '                    '),
    '                    $count = $count + 1',
    '                    $on = $true',
    '                }',
    '                if ($on) { $off = @($off | Where-Object { $_ -ne $name }) }',
    '            }',
    '        }',
    '    }',
    '    if ($WhatIfPreference) { exit 0 }',
    '    if ($count -eq 0) {',
    '        if ($off.Count -eq 0) {',
    ...words.say('resume-nothing', '            '),
    '            exit 0',
    '        }',
    ...words.warn('resume-none', '        '),
    '        exit 3',
    '    }',
    '    if ($off.Count -gt 0) {',
    ...words.warn('resume-part', '        '),
    '    }',
    ...words.say('resumed', '    '),
    `    foreach ($name in ${literal(GUARD_NAMES)}) {`,
    '        foreach ($rule in $rules) {',
    `            if ($rule.Name -eq $name -and $rule.Comments -like ${MARKED} -and $PSCmdlet.ShouldProcess($name, 'Set-TransportRule')) {`,
    `                Set-TransportRule -Identity $name -Comments ($rule.Comments.Replace(${ADDED}, '')) -ErrorAction Stop`,
    ...words.say('resume-guard', '                '),
    '            }',
    '        }',
    '    }',
    '    exit 0',
    '}',
  ]
}

/** Both forms; each ends the script. Reading the rules fails loudly: "nothing was enabled" must not be said unseen. */
export function emergency(plan: AssistPlan, words: ScriptWords): string[] {
  return [
    ...words.comments('part-emergency'),
    'if ($Bypass -or $Resume) { $rules = @(Get-TransportRule -ResultSize Unlimited -ErrorAction Stop) }',
    ...bypass(words),
    ...resume(plan, words),
    '',
  ]
}
