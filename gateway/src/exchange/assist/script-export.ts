/**
 * The part of the script that writes down what is there: the objects before the change, complete, for a restore; and the state
 * for `siegel exchange verify` and `drift`, in which the script itself has compared the secrets, so that the file holds none.
 */
import type { AssistPlan, PlannedRule } from './plan.ts'
import { literal, quoted } from './powershell.ts'
import type { ScriptWords } from './script-texts.ts'

/** Name and version of the state's form. */
export const STATE_FORMAT = 'siegel-exchange-state/1'

/** The objects as they are before anything is changed. */
export function preState(plan: AssistPlan, words: ScriptWords): string[] {
  return [
    ...words.comments('part-before'),
    `$before = Join-Path $Folder (${quoted(`siegel-before-${plan.tenant.name}-`)} + (Get-Date).ToString('yyyyMMdd-HHmmss-fff') + '.xml')`,
    "if ($PSCmdlet.ShouldProcess($before, 'Export-Clixml')) {",
    '    $all = @{',
    '        AcceptedDomains = $acceptedDomains',
    '        OutboundConnectors = $outboundConnectors',
    '        InboundConnectors = $inboundConnectors',
    '        TransportRules = $rules',
    '        JournalRules = $journalRules',
    '        Organization = $organization',
    '    }',
    // A run never takes the place of what another one has saved.
    '    $all | Export-Clixml -Path $before -NoClobber -ErrorAction Stop',
    ...words.say('before', '    '),
    '}',
    '',
  ]
}

/** Fields of a rule that are compared as they stand; none of them holds a secret or a processed word. */
export const COMPARED_RULE_FIELDS = [
  'FromScope',
  'SentToScope',
  'MessageTypeMatches',
  'HeaderMatchesMessageHeader',
  'HeaderMatchesPatterns',
  'HeaderContainsMessageHeader',
  'ExceptIfHeaderContainsMessageHeader',
  'ExceptIfMessageTypeMatches',
  'ExceptIfSenderIpRanges',
  'SenderIpRanges',
  'SetHeaderName',
  'RemoveHeader',
  'RouteMessageOutboundConnector',
  'StopRuleProcessing',
  'SetSCL',
  'RejectMessageEnhancedStatusCode',
  'GenerateIncidentReport',
  'Mode',
  'RuleErrorAction',
] as const

/** Fields of connectors that are compared. */
export const COMPARED_OUTBOUND_FIELDS = [
  'ConnectorType',
  'IsTransportRuleScoped',
  'UseMXRecord',
  'SmartHosts',
  'TlsSettings',
  'TlsDomain',
  'CloudServicesMailEnabled',
  'Enabled',
] as const

/** Likewise of inbound connectors. */
export const COMPARED_INBOUND_FIELDS = [
  'ConnectorType',
  'SenderDomains',
  'RequireTls',
  'RestrictDomainsToCertificate',
  'TlsSenderCertificateName',
  'CloudServicesMailEnabled',
  'EFSkipLastIP',
  'Enabled',
] as const

function fields(names: readonly string[], variable: string): string[] {
  return names.map((name) => `        ${name} = @($${variable}.${name} | ForEach-Object { [string]$_ })`)
}

/** Compares the secret parts of one rule: what is expected is in this script, so only the verdict leaves it. */
function secrets(rule: PlannedRule): string[] {
  const words = rule.values['ExceptIfHeaderContainsWords'] ?? rule.values['HeaderContainsWords'] ?? null
  const property =
    'HeaderContainsWords' in rule.values ? 'HeaderContainsWords' : 'ExceptIfHeaderContainsWords'
  const value = rule.values['SetHeaderValue'] ?? null
  return [
    `        if ($rule.Name -eq ${quoted(rule.name)}) {`,
    ...(value === null
      ? []
      : [
          `            if ($rule.SetHeaderValue -ceq ${literal(value)}) { $stamp = 'same' } else { $stamp = 'other' }`,
        ]),
    ...(words === null
      ? []
      : [
          `            $expected = ${literal(words)}`,
          `            foreach ($word in $expected) { if (@($rule.${property}) -notcontains $word) { $missing = $missing + 1 } }`,
          `            foreach ($word in @($rule.${property})) { if ($expected -notcontains $word) { $extra = $extra + 1 } }`,
        ]),
    '        }',
  ]
}

function ruleStates(plan: AssistPlan): string[] {
  return [
    '    $ruleStates = @()',
    '    foreach ($rule in $rules) {',
    "        $stamp = ''",
    '        $missing = 0',
    '        $extra = 0',
    ...plan.rules
      .filter((rule) => /Words|SetHeaderValue/.test(Object.keys(rule.values).join()))
      .flatMap(secrets),
    '        $ruleStates += @{',
    '        Name = [string]$rule.Name',
    '        State = [string]$rule.State',
    '        Priority = [int]$rule.Priority',
    '        Comments = [string]$rule.Comments',
    '        Stamp = $stamp',
    '        WordsMissing = $missing',
    '        WordsExtra = $extra',
    '        PilotGroups = @(@($rule.FromMemberOf) + @($rule.SentToMemberOf) | ForEach-Object { [string]$_ })',
    '        Disclaimer = [bool]$rule.ApplyHtmlDisclaimerText',
    '        Protects = ($rule.ApplyOME -eq $true -or [bool]$rule.ApplyRightsProtectionTemplate)',
    ...fields(COMPARED_RULE_FIELDS, 'rule'),
    '        }',
    '    }',
  ]
}

/** `-Export`: writes the state as JSON and ends. */
export function stateExport(plan: AssistPlan, words: ScriptWords): string[] {
  const file = `siegel-state-${plan.tenant.name}.json`
  const connectors = (variable: string, list: string, names: readonly string[]) => [
    `    $${variable} = @()`,
    `    foreach ($connector in $${list}) {`,
    `        $${variable} += @{`,
    '        Name = [string]$connector.Name',
    '        Comment = [string]$connector.Comment',
    ...fields(names, 'connector'),
    '        }',
    '    }',
  ]
  return [
    ...words.comments('part-export'),
    'if ($Export) {',
    ...connectors('outboundStates', 'outboundConnectors', COMPARED_OUTBOUND_FIELDS),
    ...connectors('inboundStates', 'inboundConnectors', COMPARED_INBOUND_FIELDS),
    ...ruleStates(plan),
    '    $domainStates = @()',
    '    foreach ($domain in $acceptedDomains) { $domainStates += @{ DomainName = [string]$domain.DomainName; DomainType = [string]$domain.DomainType } }',
    '    $journalNames = @()',
    '    foreach ($journalRule in $journalRules) { $journalNames += [string]$journalRule.Name }',
    '    $state = @{',
    `        Format = ${quoted(STATE_FORMAT)}`,
    `        Tenant = ${quoted(plan.tenant.name)}`,
    `        Preset = ${quoted(plan.tenant.preset)}`,
    `        Generation = ${quoted(plan.generation)}`,
    `        Options = ${quoted(JSON.stringify(plan.options))}`,
    "        TakenAt = (Get-Date).ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ssZ')",
    '        IsDehydrated = ($organization.IsDehydrated -eq $true)',
    '        RejectDirectSend = ($organization.RejectDirectSend -eq $true)',
    '        AcceptedDomains = @($domainStates)',
    '        OutboundConnectors = @($outboundStates)',
    '        InboundConnectors = @($inboundStates)',
    '        Rules = @($ruleStates)',
    '        JournalRules = @($journalNames)',
    '    }',
    `    $stateFile = Join-Path $Folder ${quoted(file)}`,
    '    ConvertTo-Json -InputObject $state -Depth 6 | Out-File -FilePath $stateFile -Encoding utf8',
    ...words.say('exported', '    '),
    '    exit 0',
    '}',
    '',
  ]
}
