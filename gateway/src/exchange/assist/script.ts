/**
 * The PowerShell script that makes a tenant's objects: idempotent, `-WhatIf` first, rules disabled until a stage enables them.
 * Plain statements from top to bottom, so that an administrator can read what will be done. Pure: plan in, text out.
 */
import type { AssistPlan, PlannedConnector, PlannedRule } from './plan.ts'
import type { Language } from './language.ts'
import { comment, fileText, hashtable, literal, quoted, type Value } from './powershell.ts'
import { preState, stateExport } from './script-export.ts'
import { acceptedDomainSteps, certificateDomain, preflight } from './script-preflight.ts'
import { spamConsequences } from './spam.ts'

/** The mark in a rule's comment while the gateway is bypassed. */
const BYPASSED = '(bypassed)'

/** Lines that print a text. */
function say(lines: readonly string[], indent = ''): string[] {
  return lines.map((line) => `${indent}Write-Host ${quoted(line)}`)
}

function isRoute({ purpose }: PlannedRule): boolean {
  return purpose.startsWith('route-')
}

/** The command that makes this script again. */
function commandLine({ tenant, options }: AssistPlan): string {
  const { spam, inbound, guard, reportTo, exempt, pilotGroup, gatewayAddresses, certificateName } = options
  return [
    `siegel exchange script --tenant ${tenant.name} --preset ${tenant.preset} --spam ${spam} --inbound ${inbound} --guard ${guard}`,
    ...(reportTo === null ? [] : [`--report-to ${reportTo}`]),
    `--exempt ${exempt.length === 0 ? 'none' : exempt.join(',')}`,
    ...(pilotGroup === null ? [] : [`--pilot-group ${pilotGroup}`]),
    ...gatewayAddresses.map((address) => `--gateway-ip ${address}`),
    ...(certificateName === tenant.fqdn ? [] : [`--certificate-name ${certificateName}`]),
    '--out FILE',
  ].join(' ')
}

function head(plan: AssistPlan): string[] {
  const { tenant, options, generation } = plan
  const notes = [
    `Siegel: objects in Exchange Online for the tenant ${tenant.name}, preset ${tenant.preset}, generation ${generation}.`,
    ...(tenant.preset === 'recommended'
      ? [
          'THIS FILE HOLDS SECRETS (the stamp and the words of the rules). Keep it readable for yourself only; delete it after use.',
        ]
      : []),
    'Connect-ExchangeOnline first (module 3 or later, signed in interactively or with a certificate). Then, in this order:',
    '  .\\siegel.ps1 -WhatIf                      looks and says what it would do',
    '  .\\siegel.ps1                              makes or updates everything, new rules disabled',
    '  .\\siegel.ps1 -Validate -ValidationRecipient user@partner.example   first: siegel exchange window open --to user@partner.example',
    '  .\\siegel.ps1 -Stage pilot -PilotGroup pilots@contoso.com   enables the rules for the members of a group',
    '  .\\siegel.ps1 -Stage all                   enables the rules for everybody',
    ...(plan.rules.some(({ stage }) => stage === 'guard')
      ? ['  .\\siegel.ps1 -Stage guard                 half an hour later: enables the last rule too']
      : []),
    '  .\\siegel.ps1 -Export                      writes the state for siegel exchange drift',
    'In an emergency: -Bypass lets mail pass by the gateway, -Resume ends that. A change of rules takes up to 30 minutes.',
    'Exit codes: 0 done, 1 a command failed (mend what it says, run again), 2 wrong call, 3 problem found, 4 inbound connector is off,',
    '5 accepted domain missing.',
    `Made by: ${commandLine(plan)}`,
    'Siegel keeps the options for the next script. Rules that only another choice of options has are removed.',
  ]
  return [
    ...notes.map(comment),
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
    "if ($Stage -eq 'pilot' -and $PilotGroup -eq '') {",
    "    Write-Warning 'Which group? -Stage pilot needs -PilotGroup with the address of a group.'",
    '    exit 2',
    '}',
    ...(plan.rules.some(({ stage }) => stage === 'guard')
      ? []
      : [
          "if ($Stage -eq 'guard') {",
          "    Write-Warning 'This script has no guard, nothing was done: make it with siegel exchange script --guard reject or --guard report.'",
          '    exit 2',
          '}',
        ]),
    "if ($Validate -and $ValidationRecipient -eq '') {",
    "    Write-Warning 'To whom? -Validate needs -ValidationRecipient with an address outside of the tenant.'",
    '    exit 2',
    '}',
    'if ($Bypass -and $Resume) {',
    "    Write-Warning 'Either -Bypass or -Resume.'",
    '    exit 2',
    '}',
    '',
  ]
}

/** Rules that an emergency switches: those that route, and the guard behind them. */
function switched(plan: AssistPlan): readonly string[] {
  const rules = plan.rules.filter((rule) => isRoute(rule) || rule.purpose === 'guard')
  // The guard first when switching off, so that nothing is rejected in between.
  return [...rules.filter((rule) => !isRoute(rule)), ...rules.filter(isRoute)].map(({ name }) => name)
}

/** `-Bypass` and `-Resume` need nothing but the rules: they must work when everything else is broken. */
function emergency(plan: AssistPlan): string[] {
  const off = switched(plan)
  const routes = plan.rules.filter(isRoute).map(({ name }) => name)
  const guard = plan.rules.find(({ purpose }) => purpose === 'guard')
  const mark = quoted(`*${BYPASSED}*`)
  return [
    '# --- Emergency ---',
    'if ($Bypass) {',
    '    $count = 0',
    `    foreach ($name in ${literal(off)}) {`,
    '        $rule = Get-TransportRule -Identity $name -ErrorAction SilentlyContinue',
    "        if ($null -ne $rule -and $rule.State -eq 'Enabled') {",
    "            if ($PSCmdlet.ShouldProcess($name, 'Disable-TransportRule')) {",
    `                Set-TransportRule -Identity $name -Comments ($rule.Comments + ${quoted(` ${BYPASSED}`)}) -ErrorAction Stop`,
    '                Disable-TransportRule -Identity $name -Confirm:$false -ErrorAction Stop',
    "                Write-Host ('disabled: ' + $name)",
    '                $count = $count + 1',
    '            }',
    '        }',
    '    }',
    '    if ($WhatIfPreference) { exit 0 }',
    '    if ($count -eq 0) {',
    "        Write-Host 'No rule of this script was enabled: nothing was changed, and no rule sends mail to the gateway.'",
    '        exit 0',
    '    }',
    ...say(
      [
        'The gateway is bypassed. Within 30 minutes mail to the outside leaves UNSIGNED AND UNENCRYPTED, and encrypted mail from outside',
        'reaches the mailboxes as it is. Mail that is in the gateway still comes back through the inbound connector. End it with -Resume.',
      ],
      '    ',
    ),
    '    exit 0',
    '}',
    'if ($Resume) {',
    '    $count = 0',
    '    $off = 0',
    `    foreach ($name in ${literal(routes)}) {`,
    '        $rule = Get-TransportRule -Identity $name -ErrorAction SilentlyContinue',
    "        if ($null -eq $rule -or $rule.State -ne 'Enabled') { $off = $off + 1 }",
    `        if ($null -ne $rule -and $rule.Comments -like ${mark}) {`,
    "            if ($PSCmdlet.ShouldProcess($name, 'Enable-TransportRule')) {",
    '                Enable-TransportRule -Identity $name -ErrorAction Stop',
    `                Set-TransportRule -Identity $name -Comments ($rule.Comments.Replace(${quoted(` ${BYPASSED}`)}, '')) -ErrorAction Stop`,
    "                Write-Host ('enabled: ' + $name)",
    '                $count = $count + 1',
    '            }',
    '        }',
    '    }',
    '    if ($WhatIfPreference) { exit 0 }',
    '    if ($count -eq 0) {',
    '        if ($off -eq 0) {',
    "            Write-Host 'Nothing to resume: the rules are enabled.'",
    '            exit 0',
    '        }',
    "        Write-Warning 'Nothing was resumed: -Bypass has disabled none of the rules, and some are missing or disabled. Enable them with -Stage pilot or -Stage all.'",
    '        exit 3',
    '    }',
    "    if ($off -gt $count) { Write-Warning 'Some rules are still missing or disabled: enable them with -Stage pilot or -Stage all.' }",
    "    Write-Host 'Mail goes through the gateway again within 30 minutes.'",
    ...(guard === undefined
      ? []
      : [
          `    $rule = Get-TransportRule -Identity ${quoted(guard.name)} -ErrorAction SilentlyContinue`,
          `    if ($null -ne $rule -and $rule.Comments -like ${mark} -and $PSCmdlet.ShouldProcess(${quoted(guard.name)}, 'Set-TransportRule')) {`,
          `        Set-TransportRule -Identity ${quoted(guard.name)} -Comments ($rule.Comments.Replace(${quoted(` ${BYPASSED}`)}, '')) -ErrorAction Stop`,
          "        Write-Host 'The guard stays disabled until then: enable it with -Stage guard in 30 minutes or more.'",
          '    }',
        ]),
    '    exit 0',
    '}',
    '',
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
function connector(kind: 'Outbound' | 'Inbound', planned: PlannedConnector): string[] {
  const name = quoted(planned.name)
  return [
    `# --- ${kind} connector ---`,
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
          "            Write-Warning ('The inbound connector was not made: ' + $_.Exception.Message)",
          ...say(prohibited(), '            '),
          '            exit 4',
          '        }',
        ]),
    `        Write-Host ${quoted(`made: ${planned.name}`)}`,
    '    }',
    '} else {',
    ...comparison(planned.values, []),
    '    if (-not $different) {',
    `        Write-Host ${quoted(`unchanged: ${planned.name}`)}`,
    `    } elseif ($PSCmdlet.ShouldProcess(${name}, 'Set-${kind}Connector')) {`,
    `        Set-${kind}Connector -Identity ${name} @values -ErrorAction Stop`,
    `        Write-Host ${quoted(`updated: ${planned.name}`)}`,
    '    }',
    '}',
    '',
  ]
}

/** Makes or updates one rule; what is enabled stays enabled, what is bypassed stays so. */
function ruleLines(rule: PlannedRule, top: number | null): string[] {
  const name = quoted(rule.name)
  const cleared = Object.fromEntries(rule.cleared.map((parameter) => [parameter, null]))
  const clears = rule.cleared.length > 0
  return [
    `# --- Rule: ${rule.purpose} ---`,
    `$values = ${hashtable(rule.values)}`,
    ...(clears ? [`$cleared = ${hashtable(cleared)}`] : []),
    `$found = Get-TransportRule -Identity ${name} -ErrorAction SilentlyContinue`,
    'if ($null -eq $found) {',
    `    if ($PSCmdlet.ShouldProcess(${name}, 'New-TransportRule, disabled')) {`,
    `        New-TransportRule -Name ${name}${top === null ? '' : ` -Priority ${top}`} -Enabled $false @values -ErrorAction Stop | Out-Null`,
    `        Write-Host ${quoted(`made, disabled: ${rule.name}`)}`,
    '    }',
    '} else {',
    `    if ($Stage -eq 'create' -and $found.Comments -like ${quoted(`*${BYPASSED}*`)}) { $values['Comments'] = $values['Comments'] + ${quoted(` ${BYPASSED}`)} }`,
    ...comparison(rule.values, rule.cleared),
    '    if (-not $different) {',
    `        Write-Host ${quoted(`unchanged: ${rule.name}`)}`,
    `    } elseif ($PSCmdlet.ShouldProcess(${name}, 'Set-TransportRule')) {`,
    `        Set-TransportRule -Identity ${name} @values${clears ? ' @cleared' : ''} -ErrorAction Stop`,
    `        Write-Host ${quoted(`updated: ${rule.name}`)}`,
    '    }',
    '}',
    '',
  ]
}

/** Rules of an earlier choice of options go, and the order is put right; a guard must never stand before what it guards. */
function order(plan: AssistPlan): string[] {
  const guard = plan.rules.find(({ purpose }) => purpose === 'guard')
  return [
    '# --- Rules of earlier options go ---',
    '$removed = @()',
    'foreach ($rule in $rules) {',
    `    if ($rule.Comments -like ${quoted(plan.pattern)} -and $ours -notcontains $rule.Name) {`,
    "        if ($PSCmdlet.ShouldProcess($rule.Name, 'Remove-TransportRule')) {",
    '            Remove-TransportRule -Identity $rule.Name -Confirm:$false -ErrorAction Stop',
    "            Write-Host ('removed, not in this script: ' + $rule.Name)",
    "            if ($rule.State -eq 'Enabled') { $removed += $rule.Name }",
    '        }',
    '    }',
    '}',
    '',
    '# --- The order of the rules ---',
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
          "                    Write-Warning 'The guard was disabled while the order of the rules changes: enable it with -Stage guard in 30 minutes.'",
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
function goneRules(): string[] {
  return [
    'foreach ($name in $removed) {',
    "    Write-Warning ('The rule ' + $name + ' was in force and is gone. If the script was to have it, make it with the options of before (head of the old script).')",
    '}',
    "if ($removed.Count -gt 0 -and $Stage -eq 'create') {",
    "    Write-Warning 'New rules are disabled: until -Stage pilot or -Stage all mail that only the old rules routed leaves UNSIGNED AND UNENCRYPTED.'",
    '}',
    '',
  ]
}

function domainStop(plan: AssistPlan): string[] {
  return [
    '# --- The name on the certificate must be an accepted domain before the inbound connector is made ---',
    'if (-not $domainAccepted) {',
    `    Write-Warning ${quoted(`accepted domain missing: ${certificateDomain(plan)}`)}`,
    ...say(acceptedDomainSteps(plan), '    '),
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
        'Bis dahin bleiben die Regeln aus. Entwicklermandanten können solche Connectors nicht haben.',
      ]
    : [
        'created disabled: contact support',
        'Microsoft creates inbound connectors of type OnPremises disabled in new tenants, and only its support can enable them.',
        'Open a case in the Microsoft 365 admin center (Help and support) with this text:',
        ...request,
        'The rules stay disabled until the connector is on; then run this script again. Developer tenants cannot have such connectors.',
      ]
}

function prohibited(): string[] {
  return [
    'If the error says OrganizationInboundConnectorProhibited, this tenant may not make inbound connectors of type OnPremises:',
    'contact Microsoft support and name your accepted domain; developer tenants cannot have such connectors.',
  ]
}

function connectorState(plan: AssistPlan): string[] {
  return [
    '# --- Read again: new tenants get the inbound connector disabled ---',
    '$inboundOn = $false',
    `$made = Get-InboundConnector -Identity ${quoted(plan.inbound.name)} -ErrorAction SilentlyContinue`,
    'if ($null -ne $made) {',
    '    if ($made.Enabled -eq $true) { $inboundOn = $true }',
    '    else {',
    ...say(supportText(plan, 'en'), '        '),
    '        if (-not $WhatIfPreference) { exit 4 }',
    '    }',
    '}',
    '',
  ]
}

function validation(plan: AssistPlan): string[] {
  const name = quoted(plan.outbound.name)
  return [
    '# --- -Validate: Exchange Online connects to the gateway and sends a test mail ---',
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
    "            Write-Warning ('The validation failed: ' + $_.Exception.Message)",
    '            $failed = $true',
    '        }',
    '        if ($failed) {',
    "            Write-Warning 'Not validated; no rule was changed. 550 5.7.1 Not authorized: on the gateway siegel exchange window open --to ADDRESS'",
    "            Write-Warning 'with the address of -ValidationRecipient, then -Validate within 60 minutes. Not reached: siegel exchange verify.'",
    '            exit 3',
    '        }',
    `        Set-OutboundConnector -Identity ${name} -IsValidated $true -LastValidationTimestamp (Get-Date).ToUniversalTime() -ErrorAction Stop`,
    "        Write-Host 'The outbound connector is marked as validated.'",
    '    }',
    '}',
    '',
  ]
}

function enabling(plan: AssistPlan): string[] {
  const guards = plan.rules.filter(({ stage }) => stage === 'guard').map(({ name }) => name)
  const always = plan.rules.filter((rule) => !isRoute(rule) && rule.stage === 'pilot').map(({ name }) => name)
  const enable = (name: string, indent = '    ') => [
    `${indent}if ($PSCmdlet.ShouldProcess(${quoted(name)}, 'Enable-TransportRule')) { Enable-TransportRule -Identity ${quoted(name)} -ErrorAction Stop }`,
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
    '# --- -Stage: only now mail is routed ---',
    "if ($Stage -ne 'create') {",
    '    if (-not $inboundOn -and -not $WhatIfPreference) {',
    "        Write-Warning 'The inbound connector is off: what is routed to the gateway could not come back. No rule was enabled.'",
    '        exit 4',
    '    }',
    ...guards.flatMap((name) => [
      `    if ($Stage -eq 'pilot' -and $PSCmdlet.ShouldProcess(${quoted(name)}, 'Disable-TransportRule')) { Disable-TransportRule -Identity ${quoted(name)} -Confirm:$false -ErrorAction Stop }`,
    ]),
    ...groups,
    ...always.flatMap((name) => enable(name)),
    ...routes.flatMap(({ name }) => enable(name)),
    "    if ($Stage -eq 'pilot') { Write-Host ('Mail of the members of ' + $PilotGroup + ' goes to the gateway within 30 minutes.') }",
    "    else { Write-Host 'All mail that the rules name goes to the gateway within 30 minutes.' }",
    ...(guards.length === 0
      ? []
      : [
          // Rules come into force one by one: a guard that is there first would catch what is not routed yet.
          "    if ($Stage -eq 'guard') {",
          ...guards.flatMap((name) => enable(name, '        ')),
          "    } elseif ($Stage -eq 'all') { Write-Host 'In 30 minutes or more enable the guard: -Stage guard.' }",
        ]),
    '}',
    '',
  ]
}

function arcSealer(plan: AssistPlan): string[] {
  if (plan.options.spam !== 'B') return []
  const domain = quoted(plan.tenant.fqdn)
  return [
    '# --- Trusted ARC sealer: the list is read, added to and written back ---',
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

function ending(plan: AssistPlan): string[] {
  return [
    '# --- Done ---',
    ...say(spamConsequences(plan.options.spam, 'en')),
    "if ($Stage -eq 'create') { Write-Host 'New rules stay disabled, what was enabled stays so. Next: -Validate, then -Stage pilot -PilotGroup GROUP, later -Stage all.' }",
    "Write-Host 'Check from outside: siegel exchange verify. Then -Export and siegel exchange drift --state FILE.'",
    'exit 0',
  ]
}

/** The script for a plan. It holds the secrets of the tenant. */
export function makeScript(plan: AssistPlan): string {
  let top = 0
  return fileText([
    ...head(plan),
    ...emergency(plan),
    ...preflight(plan),
    ...stateExport(plan),
    ...preState(plan),
    ...connector('Outbound', plan.outbound),
    ...plan.rules.flatMap((rule) => ruleLines(rule, rule.first ? top++ : null)),
    ...order(plan),
    ...goneRules(),
    ...domainStop(plan),
    ...connector('Inbound', plan.inbound),
    ...arcSealer(plan),
    ...connectorState(plan),
    ...validation(plan),
    ...enabling(plan),
    ...ending(plan),
  ])
}
