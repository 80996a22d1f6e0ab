/**
 * What the PowerShell scripts say to the administrator: comments, messages, warnings and the words of -WhatIf and -Confirm, in
 * German and in English. Makes PowerShell source of them; no statements. Names of objects, parameters and marks stand in no text
 * here: they are the same in both languages, so that a script in one goes on where a script in the other has ended.
 *
 * Umlauts: Windows PowerShell 5.1 takes a file without byte order mark as ANSI. `fileText` begins every file that is not pure
 * ASCII with the mark, which PowerShell 7 reads too; a single-quoted literal knows no escapes that could be had instead.
 */
import type { Language } from './language.ts'
import { comment, quoted } from './powershell.ts'

/** `{name}` is filled in when the script is made, `{$rule.Name}` when it runs. */
const t = (en: string, de: string) => ({ en, de })

const TEXTS = {
  // the head of the script
  title: t('Siegel: objects in Exchange Online for the tenant {tenant}, preset {preset}, generation {generation}.', 'Siegel: Objekte in Exchange Online für den Mandanten {tenant}, Vorgabe {preset}, Stand {generation}.'),
  secrets: t('THIS FILE HOLDS SECRETS (the stamp and the words of the rules). Keep it readable for yourself only; delete it after use.', 'DIESE DATEI ENTHÄLT GEHEIMNISSE (Stempel und Merkwörter der Regeln). Nur für Sie selbst lesbar halten, nach Gebrauch löschen.'),
  'how-to': t(
    'Connect-ExchangeOnline first (module 3 or later, signed in interactively or with a certificate). Then, in this order:\n  .\\siegel.ps1 -WhatIf                      looks and says what it would do\n  .\\siegel.ps1                              makes or updates everything, new rules disabled\n  .\\siegel.ps1 -Validate -ValidationRecipient user@partner.example   first: siegel exchange window open --to user@partner.example\n  .\\siegel.ps1 -Stage pilot -PilotGroup pilots@contoso.com   enables the rules for the members of a group\n  .\\siegel.ps1 -Stage all                   enables the rules for everybody',
    'Zuerst Connect-ExchangeOnline (Modul 3 oder neuer, interaktiv oder mit Zertifikat angemeldet). Dann in dieser Reihenfolge:\n  .\\siegel.ps1 -WhatIf                      sieht nach und sagt, was es täte\n  .\\siegel.ps1                              legt alles an oder bringt es auf Stand, neue Regeln deaktiviert\n  .\\siegel.ps1 -Validate -ValidationRecipient user@partner.example   vorher: siegel exchange window open --to user@partner.example\n  .\\siegel.ps1 -Stage pilot -PilotGroup pilots@contoso.com   aktiviert die Regeln für die Mitglieder einer Gruppe\n  .\\siegel.ps1 -Stage all                   aktiviert die Regeln für alle',
  ),
  'how-to-guard': t('  .\\siegel.ps1 -Stage guard                 half an hour later: enables the last rule too', '  .\\siegel.ps1 -Stage guard                 eine halbe Stunde später: aktiviert auch die letzte Regel'),
  'how-to-end': t(
    '  .\\siegel.ps1 -Export                      writes the state for siegel exchange drift\nIn an emergency: -Bypass lets mail pass by the gateway, -Resume ends that. A change of rules takes up to 30 minutes.\nExit codes: 0 done, 1 a command failed (mend what it says, run again), 2 wrong call, 3 problem found, 4 inbound connector is off,\n5 accepted domain missing.\nMade by: {command}\nSiegel keeps the options for the next script. Rules that only another choice of options has are removed.',
    '  .\\siegel.ps1 -Export                      schreibt den Stand für siegel exchange drift\nIm Notfall: -Bypass lässt Mail am Gateway vorbei, -Resume beendet das. Eine Änderung an Regeln braucht bis zu 30 Minuten.\nExitcodes: 0 fertig, 1 ein Befehl schlug fehl (beheben, was er sagt, noch einmal ausführen), 2 falscher Aufruf, 3 Problem gefunden,\n4 Eingangsconnector ist aus, 5 akzeptierte Domäne fehlt.\nErzeugt mit: {command}\nSiegel behält die Optionen für das nächste Skript. Regeln, die nur eine andere Wahl von Optionen hat, werden entfernt.',
  ),
  'which-group': t('Which group? -Stage pilot needs -PilotGroup with the address of a group.', 'Welche Gruppe? -Stage pilot braucht -PilotGroup mit der Adresse einer Gruppe.'),
  'no-guard': t('This script has no guard, nothing was done: make it with siegel exchange script --guard reject or --guard report.', 'Dieses Skript hat keinen Wächter, nichts wurde getan: mit siegel exchange script --guard reject oder --guard report erzeugen.'),
  'to-whom': t('To whom? -Validate needs -ValidationRecipient with an address outside of the tenant.', 'An wen? -Validate braucht -ValidationRecipient mit einer Adresse außerhalb des Mandanten.'),
  'bypass-or-resume': t('Either -Bypass or -Resume.', 'Entweder -Bypass oder -Resume.'),
  // emergency
  'part-emergency': t('--- Emergency ---', '--- Notfall ---'),
  disabled: t('disabled: {$rule.Name}', 'deaktiviert: {$rule.Name}'),
  enabled: t('enabled: {$rule.Name}', 'aktiviert: {$rule.Name}'),
  'bypass-nothing': t('No rule that leads to the gateway was enabled: nothing was changed.', 'Keine Regel zum Gateway war aktiv: nichts wurde geändert.'),
  'bypass-part': t('Not all rules were disabled (-Confirm): mail still goes to the gateway.', 'Nicht alle Regeln wurden deaktiviert (-Confirm): Mail geht noch zum Gateway.'),
  bypassed: t(
    'The gateway is bypassed. Within 30 minutes mail to the outside leaves UNSIGNED AND UNENCRYPTED, and encrypted mail from outside\nreaches the mailboxes as it is. Mail that is in the gateway still comes back through the inbound connector. End it with -Resume.',
    'Das Gateway ist überbrückt. Binnen 30 Minuten geht Mail nach außen UNSIGNIERT UND UNVERSCHLÜSSELT hinaus, und verschlüsselte Mail von\naußen kommt so in die Postfächer, wie sie ist. Mail im Gateway kommt weiter durch den Eingangsconnector zurück. Beenden mit -Resume.',
  ),
  'resume-nothing': t('Nothing to resume: the rules are enabled.', 'Nichts zu beenden: die Regeln sind aktiv.'),
  'resume-none': t('Nothing was resumed: -Bypass has disabled none of the rules, and some are missing or disabled. Enable them with -Stage pilot or -Stage all.', 'Nichts wurde wieder aktiviert: -Bypass hat keine der Regeln deaktiviert, einige fehlen oder sind deaktiviert. Mit -Stage pilot oder -Stage all aktivieren.'),
  'resume-part': t('Some rules are still missing or disabled: enable them with -Stage pilot or -Stage all.', 'Einige Regeln fehlen noch oder sind deaktiviert: mit -Stage pilot oder -Stage all aktivieren.'),
  resumed: t('Mail goes through the gateway again within 30 minutes.', 'Mail geht binnen 30 Minuten wieder durch das Gateway.'),
  'resume-guard': t('The guard stays disabled until then: enable it with -Stage guard in 30 minutes or more.', 'Der Wächter bleibt bis dahin deaktiviert: frühestens in 30 Minuten mit -Stage guard aktivieren.'),
  // pre-flight
  'part-preflight': t('--- Pre-flight: reads only ---', '--- Vorprüfung: liest nur ---'),
  'part-reading': t('What is there. Reading fails here when the session is not connected: Connect-ExchangeOnline first (not with -Credential).', 'Was da ist. Ohne Verbindung scheitert das Lesen hier: zuerst Connect-ExchangeOnline (nicht mit -Credential).'),
  'journal-unread': t('The journal rules could not be read: check them by hand.', 'Die Journalregeln waren nicht zu lesen: von Hand prüfen.'),
  'module-old': t('The module ExchangeOnlineManagement is older than 3: update it.', 'Das Modul ExchangeOnlineManagement ist älter als 3: aktualisieren.'),
  'module-unread': t('The version of the module ExchangeOnlineManagement could not be read; 3 or later is needed.', 'Die Version des Moduls ExchangeOnlineManagement war nicht zu lesen; nötig ist 3 oder neuer.'),
  'domain-not-here': t('Siegel has the accepted domain {$domain}, the tenant has not: add it in Microsoft 365, or take it out of the tenant in Siegel.', 'Siegel hat die akzeptierte Domäne {$domain}, der Mandant nicht: in Microsoft 365 hinzufügen oder beim Mandanten in Siegel herausnehmen.'),
  'domain-not-there': t('The tenant has the accepted domain {$domain}, Siegel has not: mail from it is not signed, mail to it counts as outbound. Add it to the tenant in Siegel (acceptedDomains; the one below onmicrosoft.com as initialDomain).', 'Der Mandant hat die akzeptierte Domäne {$domain}, Siegel nicht: Mail von ihr wird nicht signiert, Mail an sie gilt als ausgehend. Beim Mandanten in Siegel eintragen (acceptedDomains; die unter onmicrosoft.com als initialDomain).'),
  'other-tenant': t('None of the domains of {tenant} is an accepted domain here: this session is connected to another tenant. Nothing was done: sign in to the right one with Connect-ExchangeOnline.', 'Keine der Domänen von {tenant} ist hier akzeptierte Domäne: diese Sitzung ist mit einem anderen Mandanten verbunden. Nichts wurde getan: mit Connect-ExchangeOnline beim richtigen anmelden.'),
  dehydrated: t('The organisation is dehydrated: if a command below asks for it, run Enable-OrganizationCustomization once and wait an hour.', 'Die Organisation ist dehydriert: wenn ein Befehl es verlangt, einmal Enable-OrganizationCustomization ausführen und eine Stunde warten.'),
  'direct-send': t('RejectDirectSend is on: mail from the gateway is refused with 5.7.68 unless the inbound connector recognises its certificate.', 'RejectDirectSend ist an: Mail des Gateways wird mit 5.7.68 abgelehnt, wenn der Eingangsconnector sein Zertifikat nicht erkennt.'),
  'outbound-foreign': t('The outbound connector {$connector.Name} is there already and was not made by this script.', 'Der ausgehende Connector {$connector.Name} ist schon da und stammt nicht von diesem Skript.'),
  'outbound-host': t('The outbound connector {$connector.Name} has the same smart host: remove it if no rule uses it.', 'Der ausgehende Connector {$connector.Name} hat denselben Smarthost: entfernen, wenn keine Regel ihn verwendet.'),
  'inbound-foreign': t('The inbound connector {$connector.Name} is there already and was not made by this script.', 'Der Eingangsconnector {$connector.Name} ist schon da und stammt nicht von diesem Skript.'),
  'inbound-certificate': t('The inbound connector {$connector.Name} has the same certificate name: which of the two applies is not defined. Remove that one.', 'Der Eingangsconnector {$connector.Name} hat denselben Zertifikatsnamen: welcher von beiden gilt, ist nicht festgelegt. Jenen entfernen.'),
  'inbound-partner': t('The partner connector {$connector.Name} refuses what does not match it (5.7.51): mail of the gateway is taken only while the inbound connector of this script recognises it.', 'Der Partnerconnector {$connector.Name} lehnt ab, was nicht zu ihm passt (5.7.51): Mail des Gateways wird nur angenommen, solange der Eingangsconnector dieses Skripts sie erkennt.'),
  'rule-foreign': t('The rule {$rule.Name} is there already and was not made by this script.', 'Die Regel {$rule.Name} ist schon da und stammt nicht von diesem Skript.'),
  'rule-disclaimer': t('The rule {$rule.Name} adds a disclaimer: it runs on both passes, and on the second it cannot change S/MIME mail. Put it before the rules of the gateway and give it their exception.', 'Die Regel {$rule.Name} fügt einen Haftungsausschluss an: sie läuft in beiden Durchgängen und kann S/MIME-Mail im zweiten nicht ändern. Vor die Regeln des Gateways setzen und ihr deren Ausnahme geben.'),
  'rule-stops': t('The rule {$rule.Name} stops the processing of rules: mail that it takes does not reach the rules of the gateway behind it. Let it not stop, or move it behind them.', 'Die Regel {$rule.Name} beendet die Verarbeitung von Regeln: Mail, die sie nimmt, erreicht die Regeln des Gateways dahinter nicht. Nicht beenden lassen oder hinter sie setzen.'),
  'rule-routes': t('The rule {$rule.Name} routes mail to the connector {$rule.RouteMessageOutboundConnector}: the mail can take one way only. Settle which service comes first.', 'Die Regel {$rule.Name} leitet Mail an den Connector {$rule.RouteMessageOutboundConnector}: Mail kann nur einen Weg nehmen. Klären, welcher Dienst zuerst kommt.'),
  'rule-protects': t('The rule {$rule.Name} protects mail: what it protects cannot be signed or read by the gateway. Exempt it there.', 'Die Regel {$rule.Name} schützt Mail: was sie schützt, kann das Gateway weder signieren noch lesen. Dort ausnehmen.'),
  'rule-service': t('The rule {$rule.Name} looks like one of another mail service: both change mail, so the order must be settled.', 'Die Regel {$rule.Name} sieht nach einem anderen Maildienst aus: beide ändern Mail, die Reihenfolge muss geklärt sein.'),
  'rule-scl': t('The rule {$rule.Name} sets SCL -1: with it enhanced filtering (option C) does nothing. Take that out.', 'Die Regel {$rule.Name} setzt SCL -1: damit bewirkt die erweiterte Filterung (Option C) nichts. Herausnehmen.'),
  journaling: t('Journaling is on ({$journalRule.Name}) and internal headers are not kept: expect each mail twice in the journal, or choose --spam A.', 'Journaling ist an ({$journalRule.Name}), interne Kopfzeilen werden nicht behalten: jede Mail zweimal im Journal erwarten oder --spam A wählen.'),
  'filter-spf': t('The filter policy {$filter.Name} has MarkAsSpamSpfRecordHardFail on: then a trusted ARC sealer is ignored. Switch it off, or choose another option than --spam B.', 'Die Filterrichtlinie {$filter.Name} hat MarkAsSpamSpfRecordHardFail an: dann wird ein vertrauter ARC-Versiegler übergangen. Abschalten oder eine andere Option als --spam B wählen.'),
  'filter-unread': t('The spam filter policies could not be read: check by hand that MarkAsSpamSpfRecordHardFail is off.', 'Die Spamfilterrichtlinien waren nicht zu lesen: von Hand prüfen, dass MarkAsSpamSpfRecordHardFail aus ist.'),
  'name-long': t('The name {$certificateDomain} has more than {longest} characters: Exchange Online takes no longer one. Take a shorter FQDN.', 'Der Name {$certificateDomain} hat mehr als {longest} Zeichen: Exchange Online nimmt keinen längeren. Kürzeren FQDN nehmen.'),
  'group-missing': t('PROBLEM: there is no group with the address {$PilotGroup}. Nothing was changed. Make a mail-enabled group, or name another one with -PilotGroup.', 'PROBLEM: es gibt keine Gruppe mit der Adresse {$PilotGroup}. Nichts wurde geändert. Eine E-Mail-aktivierte Gruppe anlegen oder mit -PilotGroup eine andere nennen.'),
  'group-none': t('PROBLEM: {$PilotGroup} is no group whose members a rule can look up ({$group.RecipientTypeDetails}). Nothing was changed. Take a distribution list, a mail-enabled security group or a Microsoft 365 group.', 'PROBLEM: {$PilotGroup} ist keine Gruppe, deren Mitglieder eine Regel nachschlagen kann ({$group.RecipientTypeDetails}). Nichts wurde geändert. Eine Verteilerliste, eine E-Mail-aktivierte Sicherheitsgruppe oder eine Microsoft-365-Gruppe nehmen.'),
  problem: t('PROBLEM: {$text}', 'PROBLEM: {$text}'),
  'problems-end': t('Nothing was changed. Mend the problems; -Force goes on all the same and takes over what is there.', 'Nichts wurde geändert. Die Probleme beheben; -Force macht trotzdem weiter und übernimmt, was da ist.'),
  // export and state before
  'part-export': t('--- -Export: the state for siegel exchange verify and drift; it holds no secrets ---', '--- -Export: der Stand für siegel exchange verify und drift; er enthält keine Geheimnisse ---'),
  exported: t('The state is in {$stateFile}. Next: siegel exchange drift --state {$stateFile}', 'Der Stand liegt in {$stateFile}. Weiter: siegel exchange drift --state {$stateFile}'),
  'part-before': t('--- What is there now, complete (it may hold secrets of rules: keep it as such) ---', '--- Was jetzt da ist, vollständig (kann Geheimnisse von Regeln enthalten: so aufbewahren) ---'),
  before: t('The objects before the change are in {$before}', 'Die Objekte vor der Änderung liegen in {$before}'),
  // connectors and rules
  'part-outbound': t('--- Outbound connector ---', '--- Ausgehender Connector ---'),
  'part-inbound': t('--- Inbound connector ---', '--- Eingangsconnector ---'),
  'part-rule': t('--- Rule: {purpose} ---', '--- Regel: {purpose} ---'),
  made: t('made: {name}', 'angelegt: {name}'),
  'made-disabled': t('made, disabled: {name}', 'angelegt, deaktiviert: {name}'),
  unchanged: t('unchanged: {name}', 'unverändert: {name}'),
  updated: t('updated: {name}', 'geändert: {name}'),
  'new-rule': t('New-TransportRule, disabled', 'New-TransportRule, deaktiviert'),
  'inbound-failed': t('The inbound connector was not made: {$_.Exception.Message}', 'Der Eingangsconnector wurde nicht angelegt: {$_.Exception.Message}'),
  prohibited: t(
    'If the error says OrganizationInboundConnectorProhibited, this tenant may not make inbound connectors of type OnPremises:\ncontact Microsoft support and name your accepted domain; developer tenants cannot have such connectors. Otherwise mend what it says.',
    'Nennt der Fehler OrganizationInboundConnectorProhibited, darf dieser Mandant keine Eingangsconnectors vom Typ OnPremises anlegen:\nan den Microsoft-Support wenden und die akzeptierte Domäne nennen; Entwicklermandanten können solche nicht haben. Sonst beheben, was er sagt.',
  ),
  'part-earlier': t('--- Rules of earlier options go ---', '--- Regeln früherer Optionen gehen ---'),
  'removed-rule': t('removed, not in this script: {$rule.Name}', 'entfernt, nicht in diesem Skript: {$rule.Name}'),
  'part-order': t('--- The order of the rules ---', '--- Die Reihenfolge der Regeln ---'),
  'guard-paused': t('The guard was disabled while the order of the rules changes: enable it with -Stage guard in 30 minutes.', 'Der Wächter wurde deaktiviert, solange sich die Reihenfolge der Regeln ändert: in 30 Minuten mit -Stage guard aktivieren.'),
  'rule-gone': t('The rule {$name} was in force and is gone. If the script was to have it, make it with the options of before (head of the old script).', 'Die Regel {$name} galt und ist fort. Sollte das Skript sie haben, es mit den Optionen von vorher erzeugen (Kopf des alten Skripts).'),
  'rules-gone': t('New rules are disabled: until -Stage pilot or -Stage all mail that only the old rules routed leaves UNSIGNED AND UNENCRYPTED.', 'Neue Regeln sind deaktiviert: bis -Stage pilot oder -Stage all geht Mail, die nur die alten Regeln geleitet haben, UNSIGNIERT UND UNVERSCHLÜSSELT hinaus.'),
  // the accepted domain and the inbound connector
  'part-domain': t('--- The name on the certificate must be an accepted domain before the inbound connector is made ---', '--- Der Name im Zertifikat muss akzeptierte Domäne sein, bevor der Eingangsconnector angelegt wird ---'),
  'domain-missing': t('accepted domain missing: {domain}', 'akzeptierte Domäne fehlt: {domain}'),
  'domain-steps': t(
    "The name on the gateway's certificate, {domain}, is not an accepted domain of this tenant.\nWithout it Exchange Online does not attribute the mail that the gateway returns: no internal header is kept, and mail with\nan empty sender (bounces, out-of-office replies) is refused with 5.7.64. Add it and prove it before the inbound connector is made:\n  1. Microsoft 365 admin center, Settings, Domains, Add domain: {domain}\n     (or with the module Microsoft.Graph: New-MgDomain -Id {domain})\n  2. Publish the TXT record that is shown there; no MX record and no mailbox is needed for the name.\n     (Get-MgDomainVerificationDnsRecord -DomainId {domain})\n  3. Verify (Confirm-MgDomain -DomainId {domain}), choose no services, wait until Get-AcceptedDomain lists it.\n  4. Run this script again.",
    'Der Name im Zertifikat des Gateways, {domain}, ist keine akzeptierte Domäne dieses Mandanten.\nOhne sie ordnet Exchange Online die Mail nicht zu, die das Gateway zurückgibt: interne Kopfzeilen gehen verloren, und Mail mit\nleerem Absender (Unzustellbarkeit, Abwesenheit) wird mit 5.7.64 abgelehnt. Hinzufügen und belegen, bevor der Eingangsconnector entsteht:\n  1. Microsoft 365 Admin Center, Einstellungen, Domänen, Domäne hinzufügen: {domain}\n     (oder mit dem Modul Microsoft.Graph: New-MgDomain -Id {domain})\n  2. Den dort gezeigten TXT-Eintrag veröffentlichen; ein MX-Eintrag oder Postfach ist für den Namen nicht nötig.\n     (Get-MgDomainVerificationDnsRecord -DomainId {domain})\n  3. Überprüfen (Confirm-MgDomain -DomainId {domain}), keine Dienste wählen, warten, bis Get-AcceptedDomain sie nennt.\n  4. Dieses Skript noch einmal ausführen.',
  ),
  'part-read-again': t('--- Read again: new tenants get the inbound connector disabled ---', '--- Noch einmal lesen: neue Mandanten bekommen den Eingangsconnector deaktiviert ---'),
  // -Validate and -Stage
  'part-validate': t('--- -Validate: Exchange Online connects to the gateway and sends a test mail ---', '--- -Validate: Exchange Online verbindet sich mit dem Gateway und schickt eine Testmail ---'),
  'validation-failed': t('The validation failed: {$_.Exception.Message}', 'Die Validierung schlug fehl: {$_.Exception.Message}'),
  'not-validated': t(
    'Not validated; no rule was enabled. 550 5.7.1 Not authorized: on the gateway siegel exchange window open --to ADDRESS\nwith the address of -ValidationRecipient, then -Validate within 60 minutes. Not reached: siegel exchange verify.',
    'Nicht validiert; keine Regel wurde aktiviert. 550 5.7.1 Not authorized: auf dem Gateway siegel exchange window open --to ADRESSE\nmit der Adresse von -ValidationRecipient, dann binnen 60 Minuten -Validate. Nicht erreicht: siegel exchange verify.',
  ),
  validated: t('The outbound connector is marked as validated.', 'Der ausgehende Connector ist als validiert vermerkt.'),
  'part-stage': t('--- -Stage: only now mail is routed ---', '--- -Stage: erst jetzt wird Mail geleitet ---'),
  'stage-off': t('The inbound connector is off: what is routed to the gateway could not come back. No rule was enabled.', 'Der Eingangsconnector ist aus: was zum Gateway geleitet würde, käme nicht zurück. Keine Regel wurde aktiviert.'),
  'stage-pilot': t('Mail of the members of {$PilotGroup} goes to the gateway within 30 minutes.', 'Mail der Mitglieder von {$PilotGroup} geht binnen 30 Minuten zum Gateway.'),
  'stage-all': t('All mail that the rules name goes to the gateway within 30 minutes.', 'Alle Mail, die die Regeln nennen, geht binnen 30 Minuten zum Gateway.'),
  'guard-next': t('In 30 minutes or more enable the guard: -Stage guard.', 'Frühestens in 30 Minuten den Wächter aktivieren: -Stage guard.'),
  'guard-on': t('The guard is enabled; it is in force within 30 minutes.', 'Der Wächter ist aktiviert; er gilt binnen 30 Minuten.'),
  'part-sealer': t('--- Trusted ARC sealer: the list is read, added to and written back ---', '--- Vertrauter ARC-Versiegler: die Liste wird gelesen, ergänzt und zurückgeschrieben ---'),
  // the end
  'part-done': t('--- Done ---', '--- Fertig ---'),
  'what-if': t('-WhatIf: nothing was changed.', '-WhatIf: nichts wurde geändert.'),
  'next-validate': t('New rules stay disabled, what was enabled stays so. Next: -Validate, then -Stage pilot -PilotGroup GROUP, later -Stage all.', 'Neue Regeln bleiben deaktiviert, was aktiv war, bleibt es. Weiter: -Validate, dann -Stage pilot -PilotGroup GRUPPE, später -Stage all.'),
  'next-stage': t('New rules stay disabled, what was enabled stays so. Next: -Stage pilot -PilotGroup GROUP, later -Stage all.', 'Neue Regeln bleiben deaktiviert, was aktiv war, bleibt es. Weiter: -Stage pilot -PilotGroup GRUPPE, später -Stage all.'),
  'next-again': t('What was enabled stays so, new rules are disabled: enable them with the stage that was run last (-Stage pilot, all or guard).', 'Was aktiv war, bleibt es, neue Regeln sind deaktiviert: mit der zuletzt ausgeführten Stufe aktivieren (-Stage pilot, all oder guard).'),
  'still-bypassed': t('The gateway is bypassed (-Bypass): mail to the outside leaves unsigned and unencrypted. End it with -Resume.', 'Das Gateway ist überbrückt (-Bypass): Mail nach außen geht unsigniert und unverschlüsselt hinaus. Mit -Resume beenden.'),
  'no-return': t('Rules that lead to the gateway are ENABLED, and what they send there cannot come back: run -Bypass at once, and -Resume when the inbound connector is on.', 'Regeln zum Gateway sind AKTIV, und was sie dorthin schicken, kann nicht zurückkommen: sofort -Bypass ausführen, und -Resume, wenn der Eingangsconnector an ist.'),
  check: t('Check from outside: siegel exchange verify. Then -Export and siegel exchange drift --state FILE.', 'Von außen prüfen: siegel exchange verify. Dann -Export und siegel exchange drift --state DATEI.'),
  // the rollback
  'rollback-head': t(
    'Siegel: takes away what its script made in the tenant {tenant}. Nothing else is touched.\n  .\\rollback.ps1 -WhatIf       says what it would do\n  .\\rollback.ps1               removes the rules: mail no longer goes to the gateway after 30 minutes\n  .\\rollback.ps1 -Connectors   removes the connectors too: when the queue of the gateway is empty\nThe accepted domain stays: other things may depend on it.',
    'Siegel: baut ab, was sein Skript im Mandanten {tenant} angelegt hat. Nichts anderes wird berührt.\n  .\\rollback.ps1 -WhatIf       sagt, was es täte\n  .\\rollback.ps1               entfernt die Regeln: nach 30 Minuten geht keine Mail mehr zum Gateway\n  .\\rollback.ps1 -Connectors   entfernt auch die Connectors: wenn die Warteschlange des Gateways leer ist\nDie akzeptierte Domäne bleibt: anderes kann an ihr hängen.',
  ),
  'removed-connector': t('removed: {$connector.Name}', 'entfernt: {$connector.Name}'),
  'removed-own-rule': t('removed: {$rule.Name}', 'entfernt: {$rule.Name}'),
  'rules-just-removed': t('Rules were removed just now: mail may still be routed for 30 minutes. Run this again with -Connectors then.', 'Regeln wurden eben erst entfernt: noch 30 Minuten kann Mail geleitet werden. Dann noch einmal mit -Connectors ausführen.'),
  'sealer-unread': t('The trusted ARC sealers could not be read: check by hand (Get-ArcConfig) that {fqdn} is not among them.', 'Die vertrauten ARC-Versiegler waren nicht zu lesen: von Hand prüfen (Get-ArcConfig), dass {fqdn} nicht darunter ist.'),
  'nothing-left': t('Nothing in this tenant carries the mark of {tenant}: nothing was removed. If that surprises you, check which tenant this session is connected to.', 'Nichts in diesem Mandanten trägt die Marke von {tenant}: nichts wurde entfernt. Wenn das überrascht: prüfen, mit welchem Mandanten diese Sitzung verbunden ist.'),
  'connectors-stay': t('The connectors stay, so that mail in the gateway can come back. Remove them with -Connectors in 30 minutes or more, when the queue is empty.', 'Die Connectors bleiben, damit Mail im Gateway zurückkommen kann. Frühestens in 30 Minuten mit -Connectors entfernen, wenn die Warteschlange leer ist.'),
} as const // prettier-ignore

/** The name of a text. */
export type ScriptText = keyof typeof TEXTS

/** All of them. */
export const SCRIPT_TEXTS: Readonly<Record<ScriptText, Readonly<Record<Language, string>>>> = TEXTS

type Args = Readonly<Record<string, string>>

const PLACE = /\{(\$?[A-Za-z_.]+)\}/
const EVERY_PLACE = new RegExp(PLACE, 'g')

/** The texts of one language as PowerShell source. */
export class ScriptWords {
  readonly language: Language

  constructor(language: Language) {
    this.language = language
  }

  /** The lines of a text that needs no variable of the script. */
  lines(code: ScriptText, args: Args = {}): string[] {
    const filled = SCRIPT_TEXTS[code][this.language].replaceAll(
      EVERY_PLACE,
      (_, name: string) => args[name] ?? '?',
    )
    return filled.split('\n')
  }

  /** A text as comments, a line each. */
  comments(code: ScriptText, args: Args = {}): string[] {
    return this.lines(code, args).map(comment)
  }

  /**
   * A text of one line as an expression: a literal, or literals and variables joined, in parentheses.
   * @throws PowerShellError for more than one line
   */
  text(code: ScriptText, args: Args = {}): string {
    // Every other piece is the name of a place; what fills one is data and is not looked at for places again.
    const pieces = SCRIPT_TEXTS[code][this.language].split(PLACE)
    const parts: string[] = []
    let literal = ''
    const close = () => {
      // A text at the left makes the joining one of texts, whatever the variable holds.
      if (literal !== '' || parts.length === 0) parts.push(quoted(literal))
      literal = ''
    }
    for (const [index, piece] of pieces.entries())
      if (index % 2 === 0) literal += piece
      else if (!piece.startsWith('$')) literal += args[piece] ?? '?'
      else {
        close()
        parts.push(piece)
      }
    if (literal !== '' || parts.length === 0) close()
    return parts.length === 1 ? (parts[0] ?? '') : `(${parts.join(' + ')})`
  }

  /** Statements that print a text. */
  say(code: ScriptText, indent = '', args: Args = {}): string[] {
    const { language } = this
    if (!SCRIPT_TEXTS[code][language].includes('\n')) return [`${indent}Write-Host ${this.text(code, args)}`]
    return this.lines(code, args).map((line) => `${indent}Write-Host ${quoted(line)}`)
  }

  /** Statements that warn. */
  warn(code: ScriptText, indent = '', args: Args = {}): string[] {
    return this.say(code, indent, args).map((line) => line.replace('Write-Host', 'Write-Warning'))
  }
}
