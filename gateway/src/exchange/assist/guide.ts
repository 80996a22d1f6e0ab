/**
 * The click-by-click guide through the Exchange admin center in German and English, with the tenant's own values, in the order of
 * the customer's how-to (S1 to S7), and where that errs. Secrets stand in it only if asked for. Texts only.
 */
import type { Language } from './language.ts'
import type { AssistPlan, PlannedRule } from './plan.ts'
import { certificateDomain } from './script-preflight.ts'
import { supportText } from './script.ts'
import type { Value } from './powershell.ts'

/** What stands for a secret on a screen. */
const HIDDEN: Readonly<Record<Language, string>> = {
  en: '(secret: in the file of `siegel exchange guide --out FILE`)',
  de: '(geheim: in der Datei von `siegel exchange guide --out DATEI`)',
}

/** Names of conditions, actions and exceptions in the Exchange admin center. */
const NAMES: Readonly<Record<string, Readonly<Record<Language, string>>>> = {
  FromScope: { en: 'If: The sender > is external/internal', de: 'Wenn: Der Absender > ist extern/intern' },
  SentToScope: { en: 'If: The recipient > is external/internal', de: 'Wenn: Der Empfänger > ist extern/intern' },
  MessageTypeMatches: { en: 'If: The message properties > include the message type', de: 'Wenn: Die Nachrichteneigenschaften > enthalten den Nachrichtentyp' },
  HeaderMatchesMessageHeader: { en: 'If: The message headers > match these text patterns: header', de: 'Wenn: Die Nachrichtenkopfzeilen > stimmen mit diesen Textmustern überein: Kopfzeile' },
  HeaderMatchesPatterns: { en: '     patterns', de: '     Muster' },
  HeaderContainsMessageHeader: { en: 'If: The message headers > include any of these words: header', de: 'Wenn: Die Nachrichtenkopfzeilen > enthalten eines dieser Wörter: Kopfzeile' },
  HeaderContainsWords: { en: '     words', de: '     Wörter' },
  SenderIpRanges: { en: 'If: The sender > IP address is in any of these ranges', de: 'Wenn: Der Absender > IP-Adresse liegt in einem dieser Bereiche' },
  SetHeaderName: { en: 'Do: Modify the message properties > set a message header', de: 'Aktion: Nachrichteneigenschaften ändern > Nachrichtenkopfzeile festlegen' },
  SetHeaderValue: { en: '     to the value', de: '     auf den Wert' },
  RemoveHeader: { en: 'Do: Modify the message properties > remove a message header', de: 'Aktion: Nachrichteneigenschaften ändern > Nachrichtenkopfzeile entfernen' },
  SetSCL: { en: 'Do: Modify the message properties > set the spam confidence level (SCL)', de: 'Aktion: Nachrichteneigenschaften ändern > SCL-Bewertung festlegen' },
  RouteMessageOutboundConnector: { en: 'Do: Redirect the message to > the following connector', de: 'Aktion: Nachricht umleiten an > den folgenden Connector' },
  RejectMessageReasonText: { en: 'Do: Block the message > reject the message and include an explanation', de: 'Aktion: Nachricht blockieren > mit Erklärung ablehnen' },
  RejectMessageEnhancedStatusCode: { en: '     with the enhanced status code', de: '     mit dem erweiterten Statuscode' },
  GenerateIncidentReport: { en: 'Do: Generate an incident report and send it to', de: 'Aktion: Schadensbericht erzeugen und senden an' },
  IncidentReportContent: { en: '     with', de: '     mit' },
  ExceptIfHeaderContainsMessageHeader: { en: 'Except if: The message headers > include any of these words: header', de: 'Außer wenn: Die Nachrichtenkopfzeilen > enthalten eines dieser Wörter: Kopfzeile' },
  ExceptIfHeaderContainsWords: { en: '     words', de: '     Wörter' },
  ExceptIfMessageTypeMatches: { en: 'Except if: The message properties > include the message type', de: 'Außer wenn: Die Nachrichteneigenschaften > enthalten den Nachrichtentyp' },
  ExceptIfSenderIpRanges: { en: 'Except if: The sender > IP address is in any of these ranges', de: 'Außer wenn: Der Absender > IP-Adresse liegt in einem dieser Bereiche' },
  StopRuleProcessing: { en: 'Settings: Stop processing more rules', de: 'Einstellungen: Keine weiteren Regeln verarbeiten' },
  RuleErrorAction: { en: 'Settings: Defer the message if rule processing does not complete', de: 'Einstellungen: Nachricht zurückstellen, wenn die Regelverarbeitung nicht abgeschlossen wird' },
  Mode: { en: 'Settings: Rule mode', de: 'Einstellungen: Regelmodus' },
} // prettier-ignore

const VALUES: Readonly<Record<string, Readonly<Record<Language, string>>>> = {
  InOrganization: { en: 'internal (inside the organization)', de: 'intern (innerhalb der Organisation)' },
  NotInOrganization: { en: 'external (outside the organization)', de: 'extern (außerhalb der Organisation)' },
  OOF: { en: 'Automatic reply', de: 'Automatische Antwort' },
  PermissionControlled: { en: 'Permission protected', de: 'Durch Berechtigungen geschützt' },
  Encrypted: { en: 'Encrypted', de: 'Verschlüsselt' },
  Signed: { en: 'Signed', de: 'Signiert' },
  Enforce: { en: 'Enforce', de: 'Erzwingen' },
  true: { en: 'tick', de: 'Haken setzen' },
  Defer: { en: 'tick', de: 'Haken setzen' },
}

/** Choices of one guide. */
export interface GuideOptions {
  readonly language: Language
  /** Whether secrets are written out; only for a file that nobody else reads. */
  readonly secrets: boolean
}

function shown(plan: AssistPlan, name: string, value: Value, { language, secrets }: GuideOptions): string {
  const secret =
    name === 'SetHeaderValue' || (/ContainsWords$/.test(name) && plan.tenant.preset === 'recommended')
  if (secret && !secrets) return HIDDEN[language]
  if (Array.isArray(value)) return value.map((one: string) => `\`${one}\``).join(', ')
  const text = String(value)
  return VALUES[text]?.[language] ?? `\`${text}\``
}

function ruleSteps(plan: AssistPlan, rule: PlannedRule, options: GuideOptions): string[] {
  const de = options.language === 'de'
  const rows = Object.entries(rule.values)
    .filter(([name]) => name !== 'Comments')
    .map(
      ([name, value]) =>
        `   - ${NAMES[name]?.[options.language] ?? name}: ${shown(plan, name, value, options)}`,
    )
  return [
    de
      ? `1. Nachrichtenfluss > Regeln > Regel hinzufügen > Neue Regel erstellen, Name: \`${rule.name}\``
      : `1. Mail flow > Rules > Add a rule > Create a new rule, name: \`${rule.name}\``,
    ...rows,
    de
      ? `2. Weiter, Fertig stellen. Die Regel bleibt ausgeschaltet${rule.first ? '; Priorität 0 (ganz oben)' : ''}.`
      : `2. Next, Finish. Leave the rule switched off${rule.first ? '; priority 0 (at the top)' : ''}.`,
    '',
  ]
}

function inboundConnector(plan: AssistPlan, { language }: GuideOptions): string[] {
  const { inbound, options } = plan
  const domain = certificateDomain(plan)
  const retained = inbound.values['CloudServicesMailEnabled'] === true
  return language === 'de'
    ? [
        '## S1, S2: Eingehender Connector',
        '',
        `**Vorher (fehlt in der Anleitung):** der Name im Zertifikat, \`${domain}\`, muss akzeptierte Domäne des Mandanten sein: Microsoft 365`,
        'Admin Center > Einstellungen > Domänen > Domäne hinzufügen, TXT-Eintrag veröffentlichen, überprüfen. Sonst werden interne Kopfzeilen',
        'nicht übernommen, und Mail mit leerem Absender wird mit 5.7.64 abgelehnt.',
        '',
        '1. Exchange Admin Center (admin.exchange.microsoft.com) > Nachrichtenfluss > Connectors > Connector hinzufügen',
        '2. Verbindung von: *E-Mail-Server Ihrer Organisation*, Verbindung mit: Office 365; Weiter',
        `3. Name: \`${inbound.name}\`; *Einschalten*: ja; *Interne Exchange-E-Mail-Kopfzeilen beibehalten*: **${retained ? 'ja' : 'nein'}**`,
        `4. *Antragstellername des TLS-Zertifikats* prüfen: \`${options.certificateName}\``,
        '5. Speichern und **noch einmal öffnen**: steht der Status auf *Aus*, hat Microsoft ihn deaktiviert angelegt (fehlt in der Anleitung):',
        ...supportText(plan, language).map((line) => `   > ${line}`),
        '',
      ]
    : [
        '## S1, S2: inbound connector',
        '',
        `**Before (missing in the how-to):** the name on the certificate, \`${domain}\`, must be an accepted domain of the tenant: Microsoft 365`,
        'admin center > Settings > Domains > Add domain, publish the TXT record, verify. Else no internal header is promoted, and mail with an',
        'empty sender is refused with 5.7.64.',
        '',
        '1. Exchange admin center (admin.exchange.microsoft.com) > Mail flow > Connectors > Add a connector',
        "2. Connection from: *Your organization's email server*, connection to: Office 365; Next",
        `3. Name: \`${inbound.name}\`; *Turn it on*: yes; *Retain internal Exchange email headers*: **${retained ? 'yes' : 'no'}**`,
        `4. Verify the *subject name on the TLS certificate*: \`${options.certificateName}\``,
        '5. Save and **open it again**: if the status is *Off*, Microsoft created it disabled (missing in the how-to):',
        ...supportText(plan, language).map((line) => `   > ${line}`),
        '',
      ]
}

function outboundConnector(plan: AssistPlan, { language }: GuideOptions): string[] {
  const { outbound, tenant } = plan
  const retained = outbound.values['CloudServicesMailEnabled'] === true
  return language === 'de'
    ? [
        '## S2, S3, S4: Ausgehender Connector',
        '',
        '1. Connectors > Connector hinzufügen; Verbindung von: Office 365, Verbindung mit: *E-Mail-Server Ihrer Organisation*',
        `2. Name: \`${outbound.name}\`; *Einschalten*: ja; *Interne Exchange-E-Mail-Kopfzeilen beibehalten*: **${retained ? 'ja' : 'nein'}** (wie beim eingehenden)`,
        '3. *Nur, wenn ich eine Transportregel eingerichtet habe, die Nachrichten an diesen Connector umleitet*',
        `4. Smarthost: \`${tenant.fqdn}\` (ein Name, keine IP-Adresse)`,
        '5. *Immer TLS verwenden*; *Von einer vertrauenswürdigen Zertifizierungsstelle ausgestellt*; *und der Antragstellername stimmt überein mit*:',
        `   \`${tenant.fqdn}\``,
        '6. Auf dem Gateway `siegel exchange window open --to ADRESSE` aufrufen, dann *Überprüfen* mit dieser Adresse: Exchange Online verbindet',
        '   sich und schickt eine Testmail von `O365ConnectorValidation@…`. Danach `siegel exchange window close`.',
        '',
      ]
    : [
        '## S2, S3, S4: outbound connector',
        '',
        "1. Connectors > Add a connector; connection from: Office 365, connection to: *Your organization's email server*",
        `2. Name: \`${outbound.name}\`; *Turn it on*: yes; *Retain internal Exchange email headers*: **${retained ? 'yes' : 'no'}** (as on the inbound one)`,
        '3. *Only when I have a transport rule set up that redirects messages to this connector*',
        `4. Smart host: \`${tenant.fqdn}\` (a name, no IP address)`,
        '5. *Always use TLS*; *Issued by a trusted certificate authority*; *and the subject name matches*:',
        `   \`${tenant.fqdn}\``,
        '6. On the gateway run `siegel exchange window open --to ADDRESS`, then *Validate* with this address: Exchange Online connects and sends',
        '   a test mail from `O365ConnectorValidation@…`. Afterwards `siegel exchange window close`.',
        '',
      ]
}

function mapStep(plan: AssistPlan, { language }: GuideOptions): string[] {
  const line = `${plan.tenant.route} verify match=mail.protection.outlook.com`
  return language === 'de'
    ? ['## S5: MTA, Maps, `tls-policy`', '', 'Auf dem Gateway gehört in die Map `tls-policy` die Zeile:', '', '```', line, '```', '', 'Prüfen: `siegel tls-policy check`. Auch ohne sie gilt gegenüber Office 365 dieses Mindestmaß.', '']
    : ['## S5: MTA, Maps, `tls-policy`', '', 'On the gateway the map `tls-policy` gets the line:', '', '```', line, '```', '', 'Check it: `siegel tls-policy check`. Towards Office 365 this much holds without it too.', ''] // prettier-ignore
}

function rules(plan: AssistPlan, options: GuideOptions): string[] {
  const de = options.language === 'de'
  const inbound = plan.rules.filter(({ purpose }) => purpose.startsWith('route-inbound'))
  const outbound = plan.rules.filter(({ purpose }) => purpose === 'route-outbound')
  const others = plan.rules.filter(({ purpose }) => !purpose.startsWith('route-'))
  return [
    de ? '## S6: Regel für eingehende Mail' : '## S6: rule for inbound mail',
    '',
    de
      ? `**Fehler der Anleitung:** sie leitet an den *eingehenden* Connector. Eine Regel kann nur an einen ausgehenden leiten: \`${plan.outbound.name}\`.`
      : `**Mistake of the how-to:** it routes to the *inbound* connector. A rule can only route to an outbound one: \`${plan.outbound.name}\`.`,
    '',
    ...inbound.flatMap((rule) => ruleSteps(plan, rule, options)),
    de ? '## S7: Regel für ausgehende Mail' : '## S7: rule for outbound mail',
    '',
    ...outbound.flatMap((rule) => ruleSteps(plan, rule, options)),
    ...(others.length === 0
      ? []
      : [
          de
            ? '## Weitere Regeln (nicht in der Anleitung; in der Reihenfolge der Nummern)'
            : '## Further rules (not in the how-to; in the order of their numbers)',
          '',
          ...others.flatMap((rule) => ruleSteps(plan, rule, options)),
        ]),
  ]
}

function ending(plan: AssistPlan, { language }: GuideOptions): string[] {
  const off = plan.rules.map(({ name }) => `\`${name}\``).join(', ')
  return language === 'de'
    ? [
        '## Einschalten',
        '',
        'Zuerst in den Leitregeln die Bedingung *Der Absender/Empfänger ist Mitglied dieser Gruppe* mit einer Pilotgruppe setzen und einschalten;',
        `nach bestandenem Test die Bedingung entfernen. Regeln: ${off}. Änderungen wirken nach bis zu 30 Minuten.`,
        'Notfall: die Leitregeln ausschalten; dann geht Mail **unverschlüsselt** hinaus. Prüfen: `siegel exchange verify`.',
      ]
    : [
        '## Switching on',
        '',
        'First give the routing rules the condition *The sender/recipient is a member of this group* with a pilot group and switch them on;',
        `after the test remove the condition. Rules: ${off}. Changes take up to 30 minutes.`,
        'Emergency: switch the routing rules off; then mail leaves **unencrypted**. Check: `siegel exchange verify`.',
      ]
}

/** The guide as Markdown. */
export function makeGuide(plan: AssistPlan, options: GuideOptions): string {
  const { tenant, generation } = plan
  const title =
    options.language === 'de'
      ? `# Exchange Online für Siegel: ${tenant.name} (Vorgabe ${tenant.preset}, Stand ${generation})`
      : `# Exchange Online for Siegel: ${tenant.name} (preset ${tenant.preset}, generation ${generation})`
  return `${[
    title,
    '',
    options.language === 'de'
      ? 'Dasselbe macht das Skript von `siegel exchange script`; nur was das Skript angelegt hat, kann `siegel exchange drift` ganz prüfen.'
      : 'The script of `siegel exchange script` does the same; only what the script made can be checked in full by `siegel exchange drift`.',
    '',
    ...inboundConnector(plan, options),
    ...outboundConnector(plan, options),
    ...mapStep(plan, options),
    ...rules(plan, options),
    ...ending(plan, options),
  ].join('\n')}\n`
}
