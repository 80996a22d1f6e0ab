/**
 * The PowerShell script that makes a tenant's objects: idempotent, `-WhatIf` first, rules disabled until a stage enables them.
 * Plain statements from top to bottom, so that an administrator can read what will be done. Pure: plan in, text out.
 */
import type { AssistPlan, PlannedConnector, PlannedRule } from './plan.ts'
import type { Language } from './language.ts'
import { fileText, hashtable, quoted, type Value } from './powershell.ts'
import { preState, stateExport } from './script-export.ts'
import { BYPASSED, emergency } from './script-emergency.ts'
import { certificateDomain, preflight } from './script-preflight.ts'
import { ScriptWords, type ScriptText } from './script-texts.ts'
import { spamConsequences } from './spam.ts'

/** A script as it is made: what for, and in which language it speaks. */
interface Draft {
  readonly plan: AssistPlan
  readonly words: ScriptWords
}

function isRoute({ purpose }: PlannedRule): boolean {
  return purpose.startsWith('route-')
}

/** The command that makes this script again. */
function commandLine({ plan: { tenant, options }, words }: Draft): string {
  const { spam, inbound, guard, reportTo, exempt, pilotGroup, gatewayAddresses, certificateName } = options
  return [
    `siegel exchange script --tenant ${tenant.name} --preset ${tenant.preset} --spam ${spam} --inbound ${inbound} --guard ${guard}`,
    ...(reportTo === null ? [] : [`--report-to ${reportTo}`]),
    `--exempt ${exempt.length === 0 ? 'none' : exempt.join(',')}`,
    ...(pilotGroup === null ? [] : [`--pilot-group ${pilotGroup}`]),
    ...gatewayAddresses.map((address) => `--gateway-ip ${address}`),
    ...(certificateName === tenant.fqdn ? [] : [`--certificate-name ${certificateName}`]),
    `--language ${words.language} --out FILE`,
  ].join(' ')
}

function head(draft: Draft): string[] {
  const { plan, words } = draft
  const { tenant, options, generation } = plan
  const { name, preset } = tenant
  const guarded = plan.rules.some(({ stage }) => stage === 'guard')
  return [
    ...words.comments('title', { tenant: name, preset, generation }),
    ...(preset === 'recommended' ? words.comments('secrets') : []),
    ...words.comments('how-to'),
    ...(guarded ? words.comments('how-to-guard') : []),
    ...words.comments('how-to-end', { command: commandLine(draft) }),
    '[CmdletBinding(SupportsShouldProcess = $true)]',
    'param(',
    "    [ValidateSet('create', 'pilot', 'all', 'guard')]",
    "    [string]$Stage = 'create',",
    `    [string]$PilotGroup = ${quoted(options.pilotGroup ?? '')},`,
    '    [switch]$Validate,',
    "    [string]$ValidationRecipient = '',",
    '    [switch]$Export,',
    '    [switch]$Bypass,',
    '    [switch]$Resume,',
    "    [string]$Folder = '.',",
    '    [switch]$Force',
    ')',
    "$ErrorActionPreference = 'Stop'",
    '',
    ...wrongCalls(guarded, words),
    '',
  ]
}

/** Calls that cannot be meant, told before anything is read. */
function wrongCalls(guarded: boolean, words: ScriptWords): string[] {
  const wrong = (condition: string, code: ScriptText) => [
    `if (${condition}) {`,
    ...words.warn(code, '    '),
    '    exit 2',
    '}',
  ]
  return [
    ...wrong("$Stage -eq 'pilot' -and $PilotGroup -eq ''", 'which-group'),
    ...(guarded ? [] : wrong("$Stage -eq 'guard'", 'no-guard')),
    ...wrong("$Validate -and $ValidationRecipient -eq ''", 'to-whom'),
    ...wrong('$Bypass -and $Resume', 'bypass-or-resume'),
  ]
}

/**
 * Sets `$different` where `$found` is not as `$values` says. What Exchange Online prints in another form than it was given counts as
 * different: it is written once more, which does no harm.
 */
function comparison(values: Readonly<Record<string, Value>>, cleared: readonly string[]): string[] {
  const now = (name: string) => `(@($found.${name} | ForEach-Object { [string]$_ }) -join ',')`
  return [
    '    $different = $false',
    ...Object.keys(values).map((name) => {
      // It prints `*` of SenderDomains as `smtp:*;1`.
      const there =
        name === 'SenderDomains' ? `${now(name)}.Replace('smtp:', '').Replace(';1', '')` : now(name)
      return `    if (${there} -cne (@($values['${name}'] | ForEach-Object { [string]$_ }) -join ',')) { $different = $true }`
    }),
    ...cleared.map((name) => `    if (${now(name)} -cne '') { $different = $true }`),
  ]
}

/** Makes or updates one connector. */
function connector(kind: 'Outbound' | 'Inbound', planned: PlannedConnector, words: ScriptWords): string[] {
  const label = { name: planned.name }
  const name = quoted(planned.name)
  return [
    ...words.comments(kind === 'Outbound' ? 'part-outbound' : 'part-inbound'),
    `$values = ${hashtable(planned.values)}`,
    `$found = Get-${kind}Connector -Identity ${name} -ErrorAction SilentlyContinue`,
    'if ($null -eq $found) {',
    `    if ($PSCmdlet.ShouldProcess(${name}, 'New-${kind}Connector')) {`,
    ...(kind === 'Outbound'
      ? [`        New-OutboundConnector -Name ${name} @values -ErrorAction Stop | Out-Null`]
      : [
          '        try {',
          `            New-InboundConnector -Name ${name} @values -ErrorAction Stop | Out-Null`,
          '        } catch {',
          ...words.warn('inbound-failed', '            '),
          ...words.say('prohibited', '            '),
          '            exit 4',
          '        }',
        ]),
    ...words.say('made', '        ', label),
    '    }',
    '} else {',
    ...comparison(planned.values, []),
    '    if (-not $different) {',
    ...words.say('unchanged', '        ', label),
    `    } elseif ($PSCmdlet.ShouldProcess(${name}, 'Set-${kind}Connector')) {`,
    `        Set-${kind}Connector -Identity ${name} @values -ErrorAction Stop`,
    ...words.say('updated', '        ', label),
    '    }',
    '}',
    '',
  ]
}

/** Makes or updates one rule; what is enabled stays enabled, what is bypassed stays so. */
function ruleLines(rule: PlannedRule, top: number | null, words: ScriptWords): string[] {
  const label = { name: rule.name }
  const name = quoted(rule.name)
  const cleared = Object.fromEntries(rule.cleared.map((parameter) => [parameter, null]))
  const clears = rule.cleared.length > 0
  return [
    ...words.comments('part-rule', { purpose: rule.purpose }),
    `$values = ${hashtable(rule.values)}`,
    ...(clears ? [`$cleared = ${hashtable(cleared)}`] : []),
    `$found = Get-TransportRule -Identity ${name} -ErrorAction SilentlyContinue`,
    'if ($null -eq $found) {',
    `    if ($PSCmdlet.ShouldProcess(${name}, ${words.text('new-rule')})) {`,
    `        New-TransportRule -Name ${name}${top === null ? '' : ` -Priority ${top}`} -Enabled $false @values -ErrorAction Stop | Out-Null`,
    ...words.say('made-disabled', '        ', label),
    '    }',
    '} else {',
    `    if ($Stage -eq 'create' -and $found.Comments -like ${quoted(`*${BYPASSED}*`)}) { $values['Comments'] = $values['Comments'] + ${quoted(` ${BYPASSED}`)} }`,
    ...comparison(rule.values, rule.cleared),
    '    if (-not $different) {',
    ...words.say('unchanged', '        ', label),
    `    } elseif ($PSCmdlet.ShouldProcess(${name}, 'Set-TransportRule')) {`,
    `        Set-TransportRule -Identity ${name} @values${clears ? ' @cleared' : ''} -ErrorAction Stop`,
    ...words.say('updated', '        ', label),
    '    }',
    '}',
    '',
  ]
}

/** Rules of an earlier choice of options go, and the order is put right; a guard must never stand before what it guards. */
function order({ plan, words }: Draft): string[] {
  const guard = plan.rules.find(({ purpose }) => purpose === 'guard')
  return [
    ...words.comments('part-earlier'),
    '$removed = @()',
    'foreach ($rule in $rules) {',
    `    if ($rule.Comments -like ${quoted(plan.pattern)} -and $ours -notcontains $rule.Name) {`,
    "        if ($PSCmdlet.ShouldProcess($rule.Name, 'Remove-TransportRule')) {",
    '            Remove-TransportRule -Identity $rule.Name -Confirm:$false -ErrorAction Stop',
    ...words.say('removed-rule', '            '),
    "            if ($rule.State -eq 'Enabled') { $removed += $rule.Name }",
    '        }',
    '    }',
    '}',
    '',
    ...words.comments('part-order'),
    '$last = -1',
    'foreach ($name in $ours) {',
    '    $rule = Get-TransportRule -Identity $name -ErrorAction SilentlyContinue',
    '    if ($null -ne $rule) {',
    '        if ($rule.Priority -lt $last) {',
    "            if ($PSCmdlet.ShouldProcess($name, 'Set-TransportRule -Priority')) {",
    ...(guard === undefined
      ? []
      : [
          `                $guard = Get-TransportRule -Identity ${quoted(guard.name)} -ErrorAction SilentlyContinue`,
          "                if ($null -ne $guard -and $guard.State -eq 'Enabled') {",
          `                    Disable-TransportRule -Identity ${quoted(guard.name)} -Confirm:$false -ErrorAction Stop`,
          ...words.warn('guard-paused', '                    '),
          '                }',
        ]),
    '                Set-TransportRule -Identity $name -Priority $last -ErrorAction Stop',
    '            }',
    '        } else { $last = $rule.Priority }',
    '    }',
    '}',
    '',
  ]
}

/** What was in force and is gone must be known before the administrator goes home. */
function goneRules(words: ScriptWords): string[] {
  return [
    'foreach ($name in $removed) {',
    ...words.warn('rule-gone', '    '),
    '}',
    "if ($removed.Count -gt 0 -and $Stage -eq 'create') {",
    ...words.warn('rules-gone', '    '),
    '}',
    '',
  ]
}

/** Whether rules that route are in force, and how many are bypassed; sets `$inForce` and `$passedBy`. */
function inForce(plan: AssistPlan): string[] {
  return [
    '$inForce = 0',
    '$passedBy = 0',
    'foreach ($rule in $rules) {',
    `    if ($rule.RouteMessageOutboundConnector -eq ${quoted(plan.outbound.name)}) {`,
    "        if ($rule.State -eq 'Enabled') { $inForce = $inForce + 1 }",
    `        elseif ($rule.Comments -like ${quoted(`*${BYPASSED}*`)}) { $passedBy = $passedBy + 1 }`,
    '    }',
    '}',
    '',
  ]
}

/** Mail that is routed while it cannot come back must be stopped at once. */
function noReturn(words: ScriptWords, indent: string): string[] {
  return [`${indent}if ($inForce -gt 0) {`, ...words.warn('no-return', `${indent}    `), `${indent}}`]
}

function domainStop({ plan, words }: Draft): string[] {
  const domain = certificateDomain(plan)
  return [
    ...words.comments('part-domain'),
    'if (-not $domainAccepted) {',
    ...words.warn('domain-missing', '    ', { domain }),
    ...words.say('domain-steps', '    ', { domain }),
    ...noReturn(words, '    '),
    '    if (-not $Force -and -not $WhatIfPreference) { exit 5 }',
    '}',
    '',
  ]
}

/** What to do about a connector that Microsoft made disabled. */
export function supportText(plan: AssistPlan, language: Language): string[] {
  const request = [
    `  "Please enable the inbound connector '${plan.inbound.name}' in our tenant. It was created in a disabled state. It recognises our own`,
    `  S/MIME gateway by its TLS certificate ${plan.options.certificateName}; the domain ${certificateDomain(plan)} is a verified accepted domain of our`,
    '  tenant. The gateway returns mail that our own mail flow rules route to it, and sends nothing else."',
  ]
  return language === 'de'
    ? [
        'created disabled: contact support',
        'Microsoft legt eingehende Connectors vom Typ OnPremises in neuen Mandanten deaktiviert an; nur der Support kann sie einschalten.',
        'Im Microsoft 365 Admin Center (Hilfe und Support) einen Fall mit diesem Text eröffnen:',
        ...request,
        'Keine Regel aktivieren, bis der Connector an ist; dann dieses Skript noch einmal ausführen. Entwicklermandanten können solche nicht haben.',
      ]
    : [
        'created disabled: contact support',
        'Microsoft creates inbound connectors of type OnPremises disabled in new tenants, and only its support can enable them.',
        'Open a case in the Microsoft 365 admin center (Help and support) with this text:',
        ...request,
        'Enable no rule until the connector is on; then run this script again. Developer tenants cannot have such connectors.',
      ]
}

function connectorState({ plan, words }: Draft): string[] {
  return [
    ...words.comments('part-read-again'),
    '$inboundOn = $false',
    `$made = Get-InboundConnector -Identity ${quoted(plan.inbound.name)} -ErrorAction SilentlyContinue`,
    'if ($null -ne $made) {',
    '    if ($made.Enabled -eq $true) { $inboundOn = $true }',
    '    else {',
    ...supportText(plan, words.language).map((line) => `        Write-Host ${quoted(line)}`),
    ...noReturn(words, '        '),
    '        if (-not $WhatIfPreference) { exit 4 }',
    '    }',
    '}',
    '',
  ]
}

function validation({ plan, words }: Draft): string[] {
  const name = quoted(plan.outbound.name)
  return [
    ...words.comments('part-validate'),
    'if ($Validate) {',
    `    if ($PSCmdlet.ShouldProcess(${name}, 'Validate-OutboundConnector')) {`,
    '        $failed = $false',
    '        try {',
    `            $results = @(Validate-OutboundConnector -Identity ${name} -Recipients $ValidationRecipient -ErrorAction Stop)`,
    '            foreach ($result in $results) {',
    '                Write-Host ($result | Format-List | Out-String)',
    '                if ($result.IsTaskSuccessful -eq $false) { $failed = $true }',
    '            }',
    '        } catch {',
    ...words.warn('validation-failed', '            '),
    '            $failed = $true',
    '        }',
    '        if ($failed) {',
    ...words.warn('not-validated', '            '),
    '            exit 3',
    '        }',
    `        Set-OutboundConnector -Identity ${name} -IsValidated $true -LastValidationTimestamp (Get-Date).ToUniversalTime() -ErrorAction Stop`,
    ...words.say('validated', '        '),
    '    }',
    '}',
    '',
  ]
}

function enabling({ plan, words }: Draft): string[] {
  const guards = plan.rules.filter(({ stage }) => stage === 'guard').map(({ name }) => name)
  const always = plan.rules.filter((rule) => !isRoute(rule) && rule.stage === 'pilot').map(({ name }) => name)
  const enable = (name: string, indent: string, then: readonly string[] = []) => [
    `${indent}if ($PSCmdlet.ShouldProcess(${quoted(name)}, 'Enable-TransportRule')) {`,
    `${indent}    Enable-TransportRule -Identity ${quoted(name)} -ErrorAction Stop`,
    ...then,
    `${indent}}`,
  ]
  const routes = plan.rules.filter(isRoute)
  // All groups before any enabling: a group that is not there must not leave half of the rules enabled.
  const groups = routes.flatMap(({ name, pilot }) =>
    pilot === null
      ? []
      : [
          `    if ($PSCmdlet.ShouldProcess(${quoted(name)}, 'Set-TransportRule -${pilot}')) {`,
          `        if ($Stage -eq 'pilot') { Set-TransportRule -Identity ${quoted(name)} -${pilot} $PilotGroup -ErrorAction Stop }`,
          `        else { Set-TransportRule -Identity ${quoted(name)} -${pilot} $null -ErrorAction Stop }`,
          '    }',
        ],
  )
  return [
    ...words.comments('part-stage'),
    "if ($Stage -ne 'create') {",
    '    if (-not $inboundOn -and -not $WhatIfPreference) {',
    ...words.warn('stage-off', '        '),
    '        exit 4',
    '    }',
    ...guards.flatMap((name) => [
      `    if ($Stage -eq 'pilot' -and $PSCmdlet.ShouldProcess(${quoted(name)}, 'Disable-TransportRule')) { Disable-TransportRule -Identity ${quoted(name)} -Confirm:$false -ErrorAction Stop }`,
    ]),
    ...groups,
    ...always.flatMap((name) => enable(name, '    ')),
    // Under -WhatIf, or after a no to -Confirm, nothing of this is so.
    '    $routed = 0',
    ...routes.flatMap(({ name }) => enable(name, '    ', ['        $routed = $routed + 1'])),
    `    if ($routed -eq ${routes.length}) {`,
    `        if ($Stage -eq 'pilot') { ${words.say('stage-pilot').join('')} }`,
    `        else { ${words.say('stage-all').join('')} }`,
    `    } elseif (-not $WhatIfPreference) { ${words.warn('resume-part').join('')} }`,
    ...(guards.length === 0
      ? []
      : [
          // Rules come into force one by one: a guard that is there first would catch what is not routed yet.
          "    if ($Stage -eq 'guard') {",
          ...guards.flatMap((name) => enable(name, '        ', words.say('guard-on', '            '))),
          `    } elseif ($Stage -eq 'all' -and -not $WhatIfPreference) { ${words.say('guard-next').join('')} }`,
        ]),
    '}',
    '',
  ]
}

function arcSealer({ plan, words }: Draft): string[] {
  if (plan.options.spam !== 'B') return []
  const domain = quoted(plan.tenant.fqdn)
  return [
    ...words.comments('part-sealer'),
    '$arc = Get-ArcConfig -ErrorAction Stop',
    '$sealers = @()',
    "foreach ($sealer in @($arc.ArcTrustedSealers)) { if ([string]$sealer -ne '') { $sealers += [string]$sealer } }",
    `if ($sealers -notcontains ${domain}) {`,
    `    $sealers += ${domain}`,
    `    if ($PSCmdlet.ShouldProcess(${domain}, 'Set-ArcConfig')) { Set-ArcConfig -Identity Default -ArcTrustedSealers $sealers -ErrorAction Stop }`,
    '}',
    '',
  ]
}

function ending({ plan, words }: Draft): string[] {
  return [
    ...words.comments('part-done'),
    'if ($WhatIfPreference) {',
    ...words.say('what-if', '    '),
    '    exit 0',
    '}',
    ...spamConsequences(plan.options.spam, words.language).map((line) => `Write-Host ${quoted(line)}`),
    "if ($Stage -eq 'create') {",
    `    if ($passedBy -gt 0) { ${words.warn('still-bypassed').join('')} }`,
    `    elseif ($inForce -gt 0) { ${words.say('next-again').join('')} }`,
    `    elseif ($Validate) { ${words.say('next-stage').join('')} }`,
    `    else { ${words.say('next-validate').join('')} }`,
    '}',
    ...words.say('check'),
    'exit 0',
  ]
}

/** The script for a plan, speaking one language; what it makes is the same in both. It holds the secrets of the tenant. */
export function makeScript(plan: AssistPlan, language: Language): string {
  const words = new ScriptWords(language)
  const draft: Draft = { plan, words }
  let top = 0
  return fileText([
    ...head(draft),
    ...emergency(plan, words),
    ...preflight(plan, words),
    ...stateExport(plan, words),
    ...preState(plan, words),
    ...connector('Outbound', plan.outbound, words),
    ...plan.rules.flatMap((rule) => ruleLines(rule, rule.first ? top++ : null, words)),
    ...order(draft),
    ...goneRules(words),
    ...inForce(plan),
    ...domainStop(draft),
    ...connector('Inbound', plan.inbound, words),
    ...arcSealer(draft),
    ...connectorState(draft),
    ...validation(draft),
    ...enabling(draft),
    ...ending(draft),
  ])
}
