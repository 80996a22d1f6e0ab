/**
 * The part of the PowerShell script that looks before anything is written: the session, the tenant, what stands there already,
 * what is in the way. It only reads; the result is a list of problems (the script stops) and of warnings (it goes on).
 */
import { LONGEST_CERTIFICATE_NAME } from './options.ts'
import type { AssistPlan } from './plan.ts'
import { literal, quoted } from './powershell.ts'

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
function reading(): string[] {
  return [
    '# What is there. Reading fails here when the session is not connected: Connect-ExchangeOnline first (not with -Credential).',
    '$acceptedDomains = @(Get-AcceptedDomain -ErrorAction Stop)',
    '$organization = Get-OrganizationConfig -ErrorAction Stop',
    '$outboundConnectors = @(Get-OutboundConnector -ErrorAction Stop)',
    '$inboundConnectors = @(Get-InboundConnector -ErrorAction Stop)',
    '$rules = @(Get-TransportRule -ResultSize Unlimited -ErrorAction Stop)',
    '$journalRules = @()',
    "try { $journalRules = @(Get-JournalRule -ErrorAction Stop) } catch { Write-Warning 'The journal rules could not be read: check them by hand.' }",
    '',
  ]
}

function session(): string[] {
  return [
    'try {',
    '    $modules = @(Get-Module -Name ExchangeOnlineManagement -ErrorAction Stop)',
    '    foreach ($module in $modules) {',
    "        if ($module.Version.Major -lt 3) { $problems += 'The module ExchangeOnlineManagement is older than 3: update it.' }",
    '    }',
    "} catch { Write-Warning 'The version of the module ExchangeOnlineManagement could not be read; 3 or later is needed.' }",
    '',
  ]
}

function tenantChecks(plan: AssistPlan): string[] {
  return [
    '$domainNames = @()',
    'foreach ($domain in $acceptedDomains) { $domainNames += ([string]$domain.DomainName).ToLower() }',
    `$configured = ${literal(plan.tenant.acceptedDomains)}`,
    '$shared = 0',
    'foreach ($domain in $configured) {',
    '    if ($domainNames -contains $domain) { $shared = $shared + 1 }',
    "    else { $warnings += 'Siegel has the accepted domain ' + $domain + ', the tenant has not.' }",
    '}',
    'foreach ($domain in $domainNames) {',
    "    if ($configured -notcontains $domain) { $warnings += 'The tenant has the accepted domain ' + $domain + ', Siegel has not: mail from it is not signed, mail to it counts as outbound.' }",
    '}',
    'if ($shared -eq 0) {',
    `    Write-Warning ${quoted(`None of the domains of ${plan.tenant.name} is an accepted domain here: this session is connected to another tenant. Nothing was done.`)}`,
    '    exit 3',
    '}',
    "if ($organization.IsDehydrated -eq $true) { $warnings += 'The organisation is dehydrated: if a command below asks for it, run Enable-OrganizationCustomization once and wait an hour.' }",
    "if ($organization.RejectDirectSend -eq $true) { $warnings += 'RejectDirectSend is on: mail from the gateway is refused with 5.7.68 unless the inbound connector recognises its certificate.' }",
    '',
  ]
}

function connectorCollisions(plan: AssistPlan): string[] {
  const { outbound, inbound, pattern } = plan
  const ours = quoted(pattern)
  return [
    'foreach ($connector in $outboundConnectors) {',
    `    if ($connector.Name -eq ${quoted(outbound.name)}) {`,
    `        if ($connector.Comment -notlike ${ours}) { $problems += 'The outbound connector ' + $connector.Name + ' is there already and was not made by this script.' }`,
    `    } elseif (@($connector.SmartHosts) -contains ${quoted(plan.tenant.fqdn)}) { $warnings += 'The outbound connector ' + $connector.Name + ' has the same smart host.' }`,
    '}',
    'foreach ($connector in $inboundConnectors) {',
    `    if ($connector.Name -eq ${quoted(inbound.name)}) {`,
    `        if ($connector.Comment -notlike ${ours}) { $problems += 'The inbound connector ' + $connector.Name + ' is there already and was not made by this script.' }`,
    `    } elseif ($connector.TlsSenderCertificateName -eq ${quoted(plan.options.certificateName)}) {`,
    "        $problems += 'The inbound connector ' + $connector.Name + ' has the same certificate name: which of the two applies is not defined. Remove one.'",
    '    }',
    "    if ($connector.ConnectorType -eq 'Partner' -and $connector.Enabled -eq $true -and ($connector.RestrictDomainsToCertificate -eq $true -or $connector.RestrictDomainsToIPAddresses -eq $true)) {",
    "        $warnings += 'The partner connector ' + $connector.Name + ' refuses what does not match it (5.7.51): mail of the gateway is taken only while the inbound connector above recognises it.'",
    '    }',
    '}',
    '',
  ]
}

function ruleConflicts(plan: AssistPlan): string[] {
  const ours = quoted(plan.pattern)
  return [
    `$ours = ${literal(plan.rules.map(({ name }) => name))}`,
    `$otherServices = ${literal(OTHER_SERVICES)}`,
    'foreach ($rule in $rules) {',
    `    if ($ours -contains $rule.Name -and $rule.Comments -notlike ${ours}) { $problems += 'The rule ' + $rule.Name + ' is there already and was not made by this script.' }`,
    `    if ($rule.Comments -notlike ${ours} -and $rule.State -eq 'Enabled') {`,
    "        if ($rule.ApplyHtmlDisclaimerText) { $warnings += 'The rule ' + $rule.Name + ' adds a disclaimer: it runs on both passes, and on the second it cannot change S/MIME mail. Put it before the rules of the gateway and give it their exception.' }",
    "        if ($rule.StopRuleProcessing -eq $true) { $warnings += 'The rule ' + $rule.Name + ' stops the processing of rules: mail that it takes does not reach the rules of the gateway behind it.' }",
    `        if ($rule.RouteMessageOutboundConnector -and $rule.RouteMessageOutboundConnector -ne ${quoted(plan.outbound.name)}) { $warnings += 'The rule ' + $rule.Name + ' routes mail to the connector ' + $rule.RouteMessageOutboundConnector + ': the mail can take one way only.' }`,
    "        if ($rule.ApplyOME -eq $true -or $rule.ApplyRightsProtectionTemplate) { $warnings += 'The rule ' + $rule.Name + ' protects mail: what it protects cannot be signed or read by the gateway.' }",
    '        foreach ($pattern in $otherServices) {',
    `            if ($rule.Name -like $pattern) { $warnings += 'The rule ' + $rule.Name + ' looks like one of another mail service: both change mail, so the order must be settled.' }`,
    '        }',
    '    }',
    '}',
    'foreach ($journalRule in $journalRules) {',
    "    $warnings += 'Journaling is on (' + $journalRule.Name + '): without header retention (option A) expect each mail twice in the journal.'",
    '}',
    '',
  ]
}

function spamChecks(plan: AssistPlan): string[] {
  if (plan.options.spam !== 'B') return []
  return [
    'try {',
    '    foreach ($filter in @(Get-HostedContentFilterPolicy -ErrorAction Stop)) {',
    "        if ([string]$filter.MarkAsSpamSpfRecordHardFail -eq 'On') { $warnings += 'The filter policy ' + $filter.Name + ' has MarkAsSpamSpfRecordHardFail on: then a trusted ARC sealer is ignored.' }",
    '    }',
    "} catch { Write-Warning 'The spam filter policies could not be read.' }",
    '',
  ]
}

/** What an administrator must do so that the certificate's name is an accepted domain. */
export function acceptedDomainSteps(plan: AssistPlan): string[] {
  const domain = certificateDomain(plan)
  return [
    `The name on the gateway's certificate, ${domain}, is not an accepted domain of this tenant.`,
    'Without it Exchange Online does not attribute the mail that the gateway returns: no internal header is kept, and mail with',
    'an empty sender (bounces, out-of-office replies) is refused with 5.7.64. Add it and prove it before the inbound connector is made:',
    `  1. Microsoft 365 admin center, Settings, Domains, Add domain: ${domain}`,
    `     (or with the module Microsoft.Graph: New-MgDomain -Id ${domain})`,
    '  2. Publish the TXT record that is shown there; no MX record and no mailbox is needed for the name.',
    `     (Get-MgDomainVerificationDnsRecord -DomainId ${domain})`,
    `  3. Verify (Confirm-MgDomain -DomainId ${domain}), choose no services, wait until Get-AcceptedDomain lists it.`,
    '  4. Run this script again.',
  ]
}

function acceptedDomain(plan: AssistPlan): string[] {
  const domain = certificateDomain(plan)
  return [
    `$certificateDomain = ${quoted(domain)}`,
    '$domainAccepted = $domainNames -contains $certificateDomain',
    `if ($certificateDomain.Length -gt ${LONGEST_CERTIFICATE_NAME}) { $problems += 'The name ' + $certificateDomain + ' has more than ${LONGEST_CERTIFICATE_NAME} characters.' }`,
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
function pilotGroup(): string[] {
  return [
    "if ($Stage -eq 'pilot') {",
    '    $group = Get-Recipient -Identity $PilotGroup -ErrorAction SilentlyContinue',
    '    if ($null -eq $group) {',
    "        Write-Warning ('PROBLEM: there is no group with the address ' + $PilotGroup + '. Nothing was changed. Make a mail-enabled group, or name another one with -PilotGroup.')",
    '        exit 3',
    '    }',
    `    if (${literal(GROUPS)} -notcontains [string]$group.RecipientTypeDetails) {`,
    "        Write-Warning ('PROBLEM: ' + $PilotGroup + ' is no group whose members a rule can look up (' + [string]$group.RecipientTypeDetails + '). Nothing was changed. Take a distribution list, a mail-enabled security group or a Microsoft 365 group.')",
    '        exit 3',
    '    }',
    '}',
    '',
  ]
}

/** Reads and judges; afterwards `$rules`, the connectors and `$domainAccepted` are set. Stops on problems unless forced. */
export function preflight(plan: AssistPlan): string[] {
  return [
    '# --- Pre-flight: reads only ---',
    '$problems = @()',
    '$warnings = @()',
    ...session(),
    ...reading(),
    ...tenantChecks(plan),
    ...connectorCollisions(plan),
    ...ruleConflicts(plan),
    ...spamChecks(plan),
    ...acceptedDomain(plan),
    ...pilotGroup(),
    'foreach ($text in $warnings) { Write-Warning $text }',
    "foreach ($text in $problems) { Write-Warning ('PROBLEM: ' + $text) }",
    'if ($problems.Count -gt 0 -and -not $Force) {',
    "    Write-Host 'Nothing was changed. Mend the problems, or take over what is there with -Force.'",
    '    exit 3',
    '}',
    '',
  ]
}
