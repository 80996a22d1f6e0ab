/**
 * The part of the PowerShell script that looks before anything is written: the session, the tenant, what stands there already,
 * what is in the way. It only reads; the result is a list of problems (the script stops) and of warnings (it goes on).
 */
import { LONGEST_CERTIFICATE_NAME } from './options.ts'
import type { AssistPlan } from './plan.ts'
import { literal, quoted } from './powershell.ts'
import type { ScriptText, ScriptWords } from './script-texts.ts'

/** Names by which other products that change or route mail are known, as PowerShell wildcards. */
const OTHER_SERVICES = [
  '*CodeTwo*',
  '*Exclaimer*',
  '*SEPPmail*',
  '*NoSpamProxy*',
  '*Proofpoint*',
  '*Mimecast*',
  '*CipherMail*',
  '*Totemo*',
  '*Zertificon*',
  '*FTAPI*',
  '*signature*',
  '*Signatur*',
]

/** The domain that must be an accepted domain for the certificate's name to count. */
export function certificateDomain(plan: AssistPlan): string {
  return plan.options.certificateName.replace(/^\*\./, '')
}

/** Reads everything once. */
function reading(words: ScriptWords): string[] {
  return [
    ...words.comments('part-reading'),
    '$acceptedDomains = @(Get-AcceptedDomain -ErrorAction Stop)',
    '$organization = Get-OrganizationConfig -ErrorAction Stop',
    '$outboundConnectors = @(Get-OutboundConnector -ErrorAction Stop)',
    '$inboundConnectors = @(Get-InboundConnector -ErrorAction Stop)',
    '$rules = @(Get-TransportRule -ResultSize Unlimited -ErrorAction Stop)',
    '$journalRules = @()',
    `try { $journalRules = @(Get-JournalRule -ErrorAction Stop) } catch { ${words.warn('journal-unread').join('')} }`,
    '',
  ]
}

function session(words: ScriptWords): string[] {
  return [
    'try {',
    '    $modules = @(Get-Module -Name ExchangeOnlineManagement -ErrorAction Stop)',
    '    foreach ($module in $modules) {',
    `        if ($module.Version.Major -lt 3) { $problems += ${words.text('module-old')} }`,
    '    }',
    `} catch { ${words.warn('module-unread').join('')} }`,
    '',
  ]
}

function tenantChecks(plan: AssistPlan, words: ScriptWords): string[] {
  const { acceptedDomains, initialDomain, name: tenant } = plan.tenant
  const configured = initialDomain === null ? acceptedDomains : [...acceptedDomains, initialDomain]
  return [
    '$domainNames = @()',
    'foreach ($domain in $acceptedDomains) { $domainNames += ([string]$domain.DomainName).ToLower() }',
    `$configured = ${literal(configured)}`,
    '$shared = 0',
    'foreach ($domain in $configured) {',
    '    if ($domainNames -contains $domain) { $shared = $shared + 1 }',
    `    else { $warnings += ${words.text('domain-not-here')} }`,
    '}',
    'foreach ($domain in $domainNames) {',
    `    if ($configured -notcontains $domain) { $warnings += ${words.text('domain-not-there')} }`,
    '}',
    'if ($shared -eq 0) {',
    ...words.warn('other-tenant', '    ', { tenant }),
    '    exit 3',
    '}',
    `if ($organization.IsDehydrated -eq $true) { $warnings += ${words.text('dehydrated')} }`,
    `if ($organization.RejectDirectSend -eq $true) { $warnings += ${words.text('direct-send')} }`,
    '',
  ]
}

function connectorCollisions(plan: AssistPlan, words: ScriptWords): string[] {
  const { outbound, inbound, pattern } = plan
  const ours = quoted(pattern)
  return [
    'foreach ($connector in $outboundConnectors) {',
    `    if ($connector.Name -eq ${quoted(outbound.name)}) {`,
    `        if ($connector.Comment -notlike ${ours}) { $problems += ${words.text('outbound-foreign')} }`,
    `    } elseif (@($connector.SmartHosts) -contains ${quoted(plan.tenant.fqdn)}) { $warnings += ${words.text('outbound-host')} }`,
    '}',
    'foreach ($connector in $inboundConnectors) {',
    `    if ($connector.Name -eq ${quoted(inbound.name)}) {`,
    `        if ($connector.Comment -notlike ${ours}) { $problems += ${words.text('inbound-foreign')} }`,
    `    } elseif ($connector.TlsSenderCertificateName -eq ${quoted(plan.options.certificateName)}) {`,
    `        $problems += ${words.text('inbound-certificate')}`,
    '    }',
    "    if ($connector.ConnectorType -eq 'Partner' -and $connector.Enabled -eq $true -and ($connector.RestrictDomainsToCertificate -eq $true -or $connector.RestrictDomainsToIPAddresses -eq $true)) {",
    `        $warnings += ${words.text('inbound-partner')}`,
    '    }',
    '}',
    '',
  ]
}

function ruleConflicts(plan: AssistPlan, words: ScriptWords): string[] {
  const ours = quoted(plan.pattern)
  const conflict = (condition: string, code: ScriptText, indent = '        ') =>
    `${indent}if (${condition}) { $warnings += ${words.text(code)} }`
  return [
    `$ours = ${literal(plan.rules.map(({ name }) => name))}`,
    `$otherServices = ${literal(OTHER_SERVICES)}`,
    // A rule that stops behind the last one of ours takes nothing from them; new ones go to the end.
    '$behind = -1',
    'foreach ($rule in $rules) { if ($ours -contains $rule.Name -and $rule.Priority -gt $behind) { $behind = $rule.Priority } }',
    'foreach ($rule in $rules) {',
    `    if ($ours -contains $rule.Name -and $rule.Comments -notlike ${ours}) { $problems += ${words.text('rule-foreign')} }`,
    `    if ($rule.Comments -notlike ${ours} -and $rule.State -eq 'Enabled') {`,
    conflict('$rule.ApplyHtmlDisclaimerText', 'rule-disclaimer'),
    conflict(
      '$rule.StopRuleProcessing -eq $true -and ($behind -lt 0 -or $rule.Priority -lt $behind)',
      'rule-stops',
    ),
    conflict(
      `$rule.RouteMessageOutboundConnector -and $rule.RouteMessageOutboundConnector -ne ${quoted(plan.outbound.name)}`,
      'rule-routes',
    ),
    conflict('$rule.ApplyOME -eq $true -or $rule.ApplyRightsProtectionTemplate', 'rule-protects'),
    ...(plan.options.spam === 'C' ? [conflict("[string]$rule.SetSCL -eq '-1'", 'rule-scl')] : []),
    '        foreach ($pattern in $otherServices) {',
    conflict('$rule.Name -like $pattern', 'rule-service', '            '),
    '        }',
    '    }',
    '}',
    // With header retention the second pass is known for what it is.
    ...(plan.options.spam === 'A'
      ? []
      : [`foreach ($journalRule in $journalRules) { $warnings += ${words.text('journaling')} }`]),
    '',
  ]
}

function spamChecks(plan: AssistPlan, words: ScriptWords): string[] {
  if (plan.options.spam !== 'B') return []
  return [
    'try {',
    '    foreach ($filter in @(Get-HostedContentFilterPolicy -ErrorAction Stop)) {',
    `        if ([string]$filter.MarkAsSpamSpfRecordHardFail -eq 'On') { $warnings += ${words.text('filter-spf')} }`,
    '    }',
    `} catch { ${words.warn('filter-unread').join('')} }`,
    '',
  ]
}

function acceptedDomain(plan: AssistPlan, words: ScriptWords): string[] {
  const domain = certificateDomain(plan)
  return [
    `$certificateDomain = ${quoted(domain)}`,
    '$domainAccepted = $domainNames -contains $certificateDomain',
    `if ($certificateDomain.Length -gt ${LONGEST_CERTIFICATE_NAME}) { $problems += ${words.text('name-long', { longest: String(LONGEST_CERTIFICATE_NAME) })} }`,
    '',
  ]
}

/** Kinds of groups that FromMemberOf and SentToMemberOf of a rule take. */
const GROUPS = [
  'MailUniversalDistributionGroup',
  'MailUniversalSecurityGroup',
  'MailNonUniversalGroup',
  'GroupMailbox',
]

/** A group that is not there, or is none, ends the script whatever is forced: the rules could not be limited to it. */
function pilotGroup(words: ScriptWords): string[] {
  return [
    "if ($Stage -eq 'pilot') {",
    '    $group = Get-Recipient -Identity $PilotGroup -ErrorAction SilentlyContinue',
    '    if ($null -eq $group) {',
    ...words.warn('group-missing', '        '),
    '        exit 3',
    '    }',
    `    if (${literal(GROUPS)} -notcontains [string]$group.RecipientTypeDetails) {`,
    ...words.warn('group-none', '        '),
    '        exit 3',
    '    }',
    '}',
    '',
  ]
}

/** Reads and judges; afterwards `$rules`, the connectors and `$domainAccepted` are set. Stops on problems unless forced. */
export function preflight(plan: AssistPlan, words: ScriptWords): string[] {
  return [
    ...words.comments('part-preflight'),
    '$problems = @()',
    '$warnings = @()',
    ...session(words),
    ...reading(words),
    ...tenantChecks(plan, words),
    ...connectorCollisions(plan, words),
    ...ruleConflicts(plan, words),
    ...spamChecks(plan, words),
    ...acceptedDomain(plan, words),
    ...pilotGroup(words),
    'foreach ($text in $warnings) { Write-Warning $text }',
    `foreach ($text in $problems) { ${words.warn('problem').join('')} }`,
    // -Export only reads, and is what shows the problems to drift.
    'if ($problems.Count -gt 0 -and -not $Force -and -not $Export) {',
    ...words.say('problems-end', '    '),
    '    exit 3',
    '}',
    '',
  ]
}
