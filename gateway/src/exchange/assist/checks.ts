/**
 * The results of the assistant's checks: a code with arguments, a verdict, and what to do, rendered in German or English.
 */
import type { Language } from './language.ts'

/** good: as it should be. warning: works, or cannot be told. bad: does not work or is not safe. */
export type CheckVerdict = 'good' | 'warning' | 'bad'

/** One result. */
export interface Check {
  readonly code: keyof typeof TEXTS
  readonly verdict: CheckVerdict
  readonly args: Readonly<Record<string, string>>
}

/** Makes a result. */
export function check(
  verdict: CheckVerdict,
  code: Check['code'],
  args: Readonly<Record<string, string>> = {},
): Check {
  return { code, verdict, args }
}

/** What is so, and what to do about it (empty where nothing is to be done). */
const t = (en: string, enTodo: string, de: string, deTodo: string) => ({
  en: { text: en, todo: enTodo },
  de: { text: de, todo: deTodo },
})

const RERUN = {
  en: 'run the script of siegel exchange script',
  de: 'das Skript von siegel exchange script ausführen',
} as const

const TEXTS = {
  // what the exported state says
  'state-age': t('the state is from {takenAt}', 'export it again with -Export', 'der Stand ist von {takenAt}', 'mit -Export neu ausgeben'),
  'state-current': t('the script that made the state fits the settings ({generation})', '', 'das Skript, das den Stand ausgab, passt zu den Einstellungen ({generation})', ''),
  'state-generation': t('the state was made by a script of other settings ({generation})', 'make a new script, run it, export again', 'den Stand gab ein Skript zu anderen Einstellungen aus ({generation})', 'neues Skript erzeugen, ausführen, neu ausgeben'),
  'accepted-domain': t('{domain} is an accepted domain', '', '{domain} ist akzeptierte Domäne', ''),
  'accepted-domain-missing': t('accepted domain missing: {domain}', "the name on the gateway's certificate must be an accepted domain: add it in the Microsoft 365 admin center, Domains, and prove it by TXT record", 'akzeptierte Domäne fehlt: {domain}', 'der Name im Zertifikat des Gateways muss akzeptierte Domäne sein: im Microsoft 365 Admin Center unter Domänen hinzufügen und per TXT-Eintrag belegen'),
  'domain-not-in-tenant': t('{domain} is in the settings, but no accepted domain', 'remove it from the settings, or add it in Microsoft 365', '{domain} steht in den Einstellungen, ist aber keine akzeptierte Domäne', 'aus den Einstellungen nehmen oder in Microsoft 365 hinzufügen'),
  'domain-not-in-settings': t('{domain} is an accepted domain, but not in the settings', 'add it to acceptedDomains of the tenant', '{domain} ist akzeptierte Domäne, fehlt aber in den Einstellungen', 'in acceptedDomains des Mandanten aufnehmen'),
  'initial-domain-unset': t('{domain} is the domain below onmicrosoft.com, but initialDomain is not set', 'add initialDomain: {domain} to the tenant; of several, the one with Initial in Get-AcceptedDomain', '{domain} ist die Domäne unter onmicrosoft.com, initialDomain ist aber nicht gesetzt', 'initialDomain: {domain} beim Mandanten eintragen; von mehreren die mit Initial in Get-AcceptedDomain'),
  connector: t('connector {name} is as it should be', '', 'Connector {name} ist, wie er sein soll', ''),
  'connector-missing': t('connector {name} is missing', RERUN.en, 'Connector {name} fehlt', RERUN.de),
  'connector-disabled-by-microsoft': t('inbound connector {name}: created disabled: contact support', 'if one of you has switched it off: Set-InboundConnector -Identity "{name}" -Enabled $true; else ask Microsoft support to enable it, the script prints the text for the case', 'Eingangsconnector {name}: created disabled: contact support', 'wer ihn selbst ausgeschaltet hat: Set-InboundConnector -Identity "{name}" -Enabled $true; sonst den Microsoft-Support um Einschalten bitten, den Text dafür gibt das Skript aus'),
  'connector-waits': t('connector {name} is not made yet: it waits for the accepted domain', 'nothing before the domain is accepted; then run the script of siegel exchange script', 'Connector {name} ist noch nicht angelegt: er wartet auf die akzeptierte Domäne', 'nichts, bevor die Domäne akzeptiert ist; dann das Skript von siegel exchange script ausführen'),
  'connector-off': t('connector {name} is off', RERUN.en, 'Connector {name} ist aus', RERUN.de),
  'connector-changed': t('connector {name}: {field} is {actual}, should be {expected}', RERUN.en, 'Connector {name}: {field} ist {actual}, soll {expected} sein', RERUN.de),
  'connector-same-certificate': t('connector {name} has the same certificate name as ours', 'remove it: which of the two applies is not defined', 'Connector {name} hat denselben Zertifikatsnamen wie unserer', 'entfernen: welcher von beiden gilt, ist nicht festgelegt'),
  rule: t('rule {name} is as it should be', '', 'Regel {name} ist, wie sie sein soll', ''),
  'rule-missing': t('rule {name} is missing', RERUN.en, 'Regel {name} fehlt', RERUN.de),
  'rule-disabled': t('rule {name} is disabled', 'enable it with {stage}', 'Regel {name} ist deaktiviert', 'mit {stage} aktivieren'),
  'rule-waits': t('rule {name} is disabled, as it must be until mail can come back through the inbound connector', 'enable it with {stage} when the domain is accepted and the connector on', 'Regel {name} ist deaktiviert, wie es sein muss, bis Mail durch den Eingangsconnector zurückkommen kann', 'mit {stage} aktivieren, wenn die Domäne akzeptiert und der Connector an ist'),
  'rules-no-return': t('mail is routed to the gateway ({names}), but cannot come back', 'run the script with -Bypass until the domain is accepted and the inbound connector on, then -Resume', 'Mail wird zum Gateway geleitet ({names}), kann aber nicht zurückkommen', 'das Skript mit -Bypass ausführen, bis die Domäne akzeptiert und der Eingangsconnector an ist, dann mit -Resume'),
  'rule-bypassed': t('rule {name} is bypassed (-Bypass)', 'end it with -Resume: mail passes by the gateway', 'Regel {name} ist überbrückt (-Bypass)', 'mit -Resume beenden: Mail geht am Gateway vorbei'),
  'rule-changed': t('rule {name}: {field} is {actual}, should be {expected}', RERUN.en, 'Regel {name}: {field} ist {actual}, soll {expected} sein', RERUN.de),
  'rule-stamp': t('rule {name} stamps a wrong secret', 'mail is refused as unproven: run the script of siegel exchange script', 'Regel {name} stempelt ein falsches Geheimnis', 'Mail wird als unbelegt abgelehnt: das Skript von siegel exchange script ausführen'),
  'rule-words-missing': t('rule {name} lacks {count} word(s): wrong words', 'mail would loop: run the script of siegel exchange script', 'Regel {name} fehlen {count} Wörter: falsche Merkwörter', 'Mail liefe im Kreis: das Skript von siegel exchange script ausführen'),
  'rule-words-extra': t('rule {name} has {count} word(s) too many', 'who knows an old word passes by the gateway: run the script of siegel exchange script', 'Regel {name} hat {count} Wörter zu viel', 'wer ein altes Wort kennt, kommt am Gateway vorbei: das Skript von siegel exchange script ausführen'),
  'rule-generation': t('rule {name} was made for other settings', RERUN.en, 'Regel {name} entstand zu anderen Einstellungen', RERUN.de),
  'rule-left-over': t('rule {name} is left over from other options', RERUN.en, 'Regel {name} ist von anderen Optionen übrig', RERUN.de),
  'rule-pilot': t('rule {name} applies to {groups} only', 'for everybody: -Stage all', 'Regel {name} gilt nur für {groups}', 'für alle: -Stage all'),
  'options-differ': t('the script that made the state had {actual}, the last one that was made has {expected}', 'run the last script, then export with it; or make one with the options that are wanted', 'das Skript, das den Stand ausgab, hatte {actual}, das zuletzt erzeugte hat {expected}', 'das zuletzt erzeugte ausführen und mit ihm ausgeben; oder eines mit den gewünschten Optionen erzeugen'),
  'pilot-uneven': t('the rules that lead to the gateway apply to different people ({groups})', 'run the script with -Stage pilot or -Stage all', 'die Regeln zum Gateway gelten für verschiedene Leute ({groups})', 'das Skript mit -Stage pilot oder -Stage all ausführen'),
  'pilot-other': t('the pilot is {groups}, the script was made for {expected}', 'run the script with -Stage pilot, or make it with --pilot-group', 'Pilot ist {groups}, das Skript wurde für {expected} erzeugt', 'das Skript mit -Stage pilot ausführen oder mit --pilot-group erzeugen'),
  'guard-too-early': t('the guard {name} is enabled, but not all mail is routed to the gateway: it strikes mail of the others', 'disable it at once: -Stage pilot does, later -Stage all and -Stage guard', 'der Wächter {name} ist aktiv, aber nicht alle Mail läuft zum Gateway: er trifft die Mail der anderen', 'sofort deaktivieren: -Stage pilot tut es, später -Stage all und -Stage guard'),
  'rules-order': t('rule {name} stands before {other}', RERUN.en, 'Regel {name} steht vor {other}', RERUN.de),
  'conflict-disclaimer': t('rule {name} adds a disclaimer and runs on both passes', "put it before the gateway's rules and give it their exception", 'Regel {name} fügt einen Haftungsausschluss an und läuft in beiden Durchgängen', 'vor die Regeln des Gateways setzen und ihr deren Ausnahme geben'),
  'conflict-stop': t("rule {name} stops the processing before the gateway's rules", 'let it not stop, or move it behind them', 'Regel {name} beendet die Verarbeitung vor den Regeln des Gateways', 'nicht beenden lassen oder dahinter setzen'),
  'conflict-route': t('rule {name} routes to the connector {connector}', 'settle which service is first', 'Regel {name} leitet an den Connector {connector}', 'klären, welcher Dienst zuerst kommt'),
  'conflict-protect': t('rule {name} protects mail, which the gateway then cannot read', 'exempt what it protects', 'Regel {name} schützt Mail, die das Gateway dann nicht lesen kann', 'ausnehmen, was sie schützt'),
  'conflict-journal': t('journaling is on ({name}) without header retention', 'expect each mail twice in the journal, or choose --spam A', 'Journaling ist an ({name}), Kopfzeilen werden nicht behalten', 'jede Mail zweimal im Journal erwarten oder --spam A wählen'),
  'direct-send': t('RejectDirectSend is on', 'nothing, as long as the inbound connector recognises the gateway', 'RejectDirectSend ist an', 'nichts, solange der Eingangsconnector das Gateway erkennt'),
  // what the settings leave open
  'preset-open': t('with the preset as-documented the tenant id is the only proof of the tenant, and the Received exception can be forged', 'change to the preset recommended, which has secrets for both', 'mit der Vorgabe as-documented belegt nur die Mandanten-Id den Mandanten, und die Received-Ausnahme ist fälschbar', 'zur Vorgabe recommended wechseln, die für beides Geheimnisse hat'),
  // what is seen from outside
  'name-length': t('{name} has at most 48 characters', '', '{name} hat höchstens 48 Zeichen', ''),
  'name-too-long': t('{name} has more than 48 characters', 'take a shorter FQDN: Exchange Online takes no longer certificate name', '{name} hat mehr als 48 Zeichen', 'kürzeren FQDN nehmen: Exchange Online nimmt keinen längeren Zertifikatsnamen'),
  'fqdn-resolves': t('{name} resolves to {addresses}', '', '{name} wird zu {addresses} aufgelöst', ''),
  'fqdn-unresolved': t('{name} does not resolve', 'publish an A record: it is the smart host', '{name} wird nicht aufgelöst', 'A-Eintrag veröffentlichen: es ist der Smarthost'),
  'route-is-endpoint': t('the route {route} is the MX of {domain}', '', 'die Route {route} ist der MX von {domain}', ''),
  'route-differs': t('the MX of {domain} is {mx}, the route is {route}', 'set the route to [{mx}]:25', 'der MX von {domain} ist {mx}, die Route {route}', 'die Route auf [{mx}]:25 setzen'),
  'mx-elsewhere': t('the MX of {domain} is not at Microsoft ({mx})', 'take the route from the Microsoft 365 admin center, Domains', 'der MX von {domain} liegt nicht bei Microsoft ({mx})', 'die Route dem Microsoft 365 Admin Center, Domänen, entnehmen'),
  'mx-none': t('{domain} has no MX record', 'if mail from outside is to reach it: publish the MX that the Microsoft 365 admin center shows, Domains', '{domain} hat keinen MX-Eintrag', 'wenn sie Mail von außen bekommen soll: den MX veröffentlichen, den das Microsoft 365 Admin Center unter Domänen zeigt'),
  'mx-unknown': t('the MX of {domain} could not be found: {cause}', 'check the DNS', 'der MX von {domain} war nicht zu finden: {cause}', 'DNS prüfen'),
  'route-port': t('the route {route} does not go to port 25', 'Exchange Online takes mail on port 25 only', 'die Route {route} geht nicht an Port 25', 'Exchange Online nimmt Mail nur auf Port 25'),
  'route-not-a-name': t('the route {route} is an IP address or no endpoint of Exchange Online', 'set the route to the name from the MX record, in brackets', 'die Route {route} ist eine IP-Adresse oder kein Endpunkt von Exchange Online', 'die Route auf den Namen aus dem MX-Eintrag setzen, in Klammern'),
  'certificate-missing': t('no {which} certificate for {name}', 'apply one', 'kein {which}-Zertifikat für {name}', 'eines anwenden'),
  'certificate-name': t('the {which} certificate names {name}', '', 'das {which}-Zertifikat nennt {name}', ''),
  'certificate-other-name': t('the {which} certificate names {names}, not {name}', 'get one whose SAN has the name', 'das {which}-Zertifikat nennt {names}, nicht {name}', 'eines mit diesem Namen im SAN besorgen'),
  'certificate-dates': t('the {which} certificate is good until {until}', '', 'das {which}-Zertifikat gilt bis {until}', ''),
  'certificate-ends-soon': t('the {which} certificate ends on {until}', 'renew it now', 'das {which}-Zertifikat endet am {until}', 'jetzt erneuern'),
  'certificate-expired': t('the {which} certificate ended on {until}', 'renew it', 'das {which}-Zertifikat endete am {until}', 'erneuern'),
  'certificate-not-yet': t('the {which} certificate begins on {from}', 'check the clock', 'das {which}-Zertifikat beginnt am {from}', 'die Uhr prüfen'),
  'certificate-chain': t('the {which} chain is complete up to a public root', '', 'die {which}-Kette reicht bis zu einer öffentlichen Wurzel', ''),
  'certificate-chain-private': t('the {which} chain ends at an own TlsAnchor, not at a public root', 'Exchange Online trusts public authorities only', 'die {which}-Kette endet an einem eigenen TlsAnchor, nicht an einer öffentlichen Wurzel', 'Exchange Online vertraut nur öffentlichen Stellen'),
  'certificate-chain-broken': t('the {which} chain leads to no root: {cause}', 'add the intermediates to the chain: Exchange Online fetches none', 'die {which}-Kette führt zu keiner Wurzel: {cause}', 'Zwischenzertifikate in die Kette aufnehmen: Exchange Online holt keine'),
  'certificate-sha1': t('the {which} chain has a SHA-1 or MD5 signature ({subject})', 'get a new certificate: Exchange Online refuses it', 'in der {which}-Kette steht eine SHA-1- oder MD5-Signatur ({subject})', 'neues Zertifikat besorgen: Exchange Online lehnt es ab'),
  'certificate-digests': t('no SHA-1 in the {which} chain', '', 'kein SHA-1 in der {which}-Kette', ''),
  'certificate-usage': t('the {which} certificate allows {usage}', '', 'das {which}-Zertifikat erlaubt {usage}', ''),
  'certificate-no-client-usage': t('the client certificate does not allow clientAuth', 'whether Exchange Online insists on it is not known: confirm it in your tenant, or get one that allows it', 'das Client-Zertifikat erlaubt clientAuth nicht', 'ob Exchange Online darauf besteht, ist nicht bekannt: im Mandanten bestätigen oder eines besorgen, das es erlaubt'),
  'certificate-no-server-usage': t('the server certificate does not allow serverAuth', 'get one that does: Exchange Online would not connect', 'das Server-Zertifikat erlaubt serverAuth nicht', 'eines besorgen, das es erlaubt: Exchange Online verbände sich nicht'),
  'certificate-not-rsa': t('the server certificate has no RSA key', 'RSA with 2048 bits or more is what Exchange Online surely speaks', 'das Server-Zertifikat hat keinen RSA-Schlüssel', 'RSA ab 2048 Bit versteht Exchange Online sicher'),
  'crl-reached': t('the revocation list of the {which} certificate can be had ({url})', '', 'die Sperrliste des {which}-Zertifikats ist erreichbar ({url})', ''),
  'crl-unusable': t('the revocation list of the {which} certificate is of no use ({url}: {cause})', 'Exchange Online may not trust the certificate: tell its authority', 'die Sperrliste des {which}-Zertifikats ist unbrauchbar ({url}: {cause})', 'Exchange Online traut dem Zertifikat womöglich nicht: der Zertifizierungsstelle melden'),
  'crl-revoked': t('the {which} certificate is revoked ({url})', 'get a new one', 'das {which}-Zertifikat ist gesperrt ({url})', 'ein neues besorgen'),
  'host-reached': t('{which} {host}: STARTTLS with {protocol}, certificate for {name}', '', '{which} {host}: STARTTLS mit {protocol}, Zertifikat für {name}', ''),
  'host-unreachable': t('{which} {host}: {cause}', 'check address, firewall and that it runs', '{which} {host}: {cause}', 'Adresse, Firewall und Betrieb prüfen'),
  'host-screens': t('{which} {host} answers, and refuses this machine ({greeting})', 'as it should where only Office 365 may connect; look from an address in the ranges to see its TLS', '{which} {host} antwortet und lehnt diese Maschine ab ({greeting})', 'richtig so, wenn nur Office 365 sich verbinden darf; für einen Blick auf TLS von einer Adresse der Bereiche aus prüfen'),
  'host-no-starttls': t('{which} {host} offers no STARTTLS', 'mail is not sent without it', '{which} {host} bietet kein STARTTLS', 'ohne wird keine Mail gesendet'),
  'host-tls-failed': t('{which} {host}: TLS fails: {cause}', 'check its certificate and that nothing between changes the connection', '{which} {host}: TLS scheitert: {cause}', 'sein Zertifikat prüfen und ob dazwischen etwas die Verbindung ändert'),
  'host-untrusted': t('{which} {host}: certificate not trusted: {cause}', 'complete the chain, or check who answers there', '{which} {host}: Zertifikat nicht vertraut: {cause}', 'Kette vervollständigen oder prüfen, wer dort antwortet'),
  'host-name': t('{which} {host}: the certificate is for {names}, not for {name}', 'check who answers there', '{which} {host}: das Zertifikat ist für {names}, nicht für {name}', 'prüfen, wer dort antwortet'),
  'host-lacks': t('{which} {host} does not offer {missing}', 'something between removes it: switch that off', '{which} {host} bietet {missing} nicht', 'etwas dazwischen entfernt es: abschalten'),
  'inbound-recognised': t('Office 365 recognises the gateway by {name} as that of a tenant', '', 'Office 365 erkennt das Gateway an {name} als das eines Mandanten', ''),
  'inbound-not-recognised': t('no inbound connector that is on recognises the gateway by {name} ({reply})', 'run the script of siegel exchange script; if it says created disabled: contact support. Which it is tells drift, or verify with --state', 'kein eingeschalteter Eingangsconnector erkennt das Gateway an {name} ({reply})', 'das Skript von siegel exchange script ausführen; sagt es created disabled: contact support. Woran es liegt, sagt drift oder verify mit --state'),
  'inbound-unknown': t('whether Office 365 recognises the gateway by {name} cannot be told ({reply})', 'try again later', 'ob Office 365 das Gateway an {name} erkennt, ist nicht zu sagen ({reply})', 'später noch einmal versuchen'),
  'state-not-given': t('connectors and rules were not looked at: there is no state', 'run the script with -Export and give the file with --state', 'Connectors und Regeln wurden nicht angesehen: es gibt keinen Stand', 'das Skript mit -Export ausführen und die Datei mit --state angeben'),
  // what the traces say
  'connector-validated': t('the outbound connector was validated at {at}', '', 'der ausgehende Connector wurde am {at} validiert', ''),
  'connector-not-validated': t('no connector validation has come through yet', 'siegel exchange window open --to ADDRESS, then the script with -Validate', 'noch keine Connector-Validierung ist durchgekommen', 'siegel exchange window open --to ADRESSE, dann das Skript mit -Validate'),
  // what a round trip shows: hops, then expectations
  'hop-arrival': t('arrival {pass} as {mail} from {address} ({helo}), {tls}', '', 'Ankunft {pass} als {mail} von {address} ({helo}), {tls}', ''),
  'hop-client-certificate': t('client certificate of Exchange Online accepted', '', 'Client-Zertifikat von Exchange Online angenommen', ''),
  'hop-attribution': t('attributed by {factors}', '', 'zugeordnet durch {factors}', ''),
  'hop-refused': t('refused at its arrival: {reason} ({detail}), {count} times', '', 'bei der Ankunft abgelehnt: {reason} ({detail}), {count}-mal', ''),
  'hop-treatment': t('{recipient}: {treatment} ({why})', '', '{recipient}: {treatment} ({why})', ''),
  'hop-handed-over': t('{recipient}: handed over to {host}, {tls}, certificate {certificate}: {reply}', '', '{recipient}: übergeben an {host}, {tls}, Zertifikat {certificate}: {reply}', ''),
  'hop-not-taken': t('{recipient}: {outcome} at {host}, {tls}, certificate {certificate}: {cause}, {reply}', '', '{recipient}: {outcome} bei {host}, {tls}, Zertifikat {certificate}: {cause}, {reply}', ''),
  'hop-state': t('{recipient}: {state}', '', '{recipient}: {state}', ''),
  'trip-arrived': t('{which}: the mail came from {address}, {tls}, and its client certificate was accepted', '', '{which}: die Mail kam von {address}, {tls}, ihr Client-Zertifikat wurde angenommen', ''),
  'trip-attributed': t('{which}: it was attributed to the tenant by {factors}', '', '{which}: sie wurde dem Mandanten zugeordnet durch {factors}', ''),
  'trip-outbound-missing': t('{which}: the test mail never came to the gateway, so Exchange Online did not route it here', 'look whether the rule to the outside is enabled, for this sender too (pilot group), and the outbound connector on and valid: export the state and siegel exchange verify --state FILE; then the message trace of Exchange Online. If the log says connection-refused: the address ranges', '{which}: die Testmail kam nie am Gateway an, Exchange Online hat sie also nicht hierher geleitet', 'prüfen, ob die Regel nach außen aktiviert ist, auch für diesen Absender (Pilotgruppe), und der ausgehende Connector an und gültig: Stand ausgeben und siegel exchange verify --state DATEI; dann die Nachrichtenverfolgung von Exchange Online. Steht im Protokoll connection-refused: die Adressbereiche'),
  'trip-inbound-missing': t('{which}: the test mail never came to the gateway', 'look whether it was sent to Microsoft 365 (MX) and not caught there, whether the rule from the outside is enabled, for this recipient too (pilot group), and whether it takes S/MIME only (--inbound crypto): then send the test mail signed. siegel exchange verify --state FILE; then the message trace of Exchange Online', '{which}: die Testmail kam nie am Gateway an', 'prüfen, ob sie an Microsoft 365 ging (MX) und dort nicht hängen blieb, ob die Regel von außen aktiviert ist, auch für diesen Empfänger (Pilotgruppe), und ob sie nur S/MIME nimmt (--inbound crypto): dann die Testmail signiert senden. siegel exchange verify --state DATEI; dann die Nachrichtenverfolgung von Exchange Online'),
  'trip-refused-secret': t('{which}: the gateway refused the mail: the rule stamps a wrong secret ({detail})', RERUN.en, '{which}: das Gateway hat die Mail abgelehnt: die Regel stempelt ein falsches Geheimnis ({detail})', RERUN.de),
  'trip-refused-no-secret': t('{which}: the gateway refused the mail: no rule stamped the secret ({detail})', 'another rule or connector leads here, or the rule stamps nothing: run the script of siegel exchange script', '{which}: das Gateway hat die Mail abgelehnt: keine Regel hat das Geheimnis gestempelt ({detail})', 'eine andere Regel oder ein anderer Connector führt hierher, oder die Regel stempelt nichts: das Skript von siegel exchange script ausführen'),
  'trip-refused-tenant': t('{which}: the gateway refused the mail: nothing proves the tenant ({reason}: {detail})', 'compare microsoftTenantId of the tenant with the Microsoft 365 admin center', '{which}: das Gateway hat die Mail abgelehnt: nichts belegt den Mandanten ({reason}: {detail})', 'microsoftTenantId des Mandanten mit dem Microsoft 365 Admin Center vergleichen'),
  'trip-refused-certificate': t('{which}: the gateway refused the mail: {reason} ({detail})', 'the sender was not Exchange Online, or something between ends its TLS: switch that off', '{which}: das Gateway hat die Mail abgelehnt: {reason} ({detail})', 'der Absender war nicht Exchange Online, oder etwas dazwischen beendet dessen TLS: abschalten'),
  'trip-refused': t('{which}: the gateway refused the mail: {reason} ({detail})', 'compare rules and settings: siegel exchange verify --state FILE', '{which}: das Gateway hat die Mail abgelehnt: {reason} ({detail})', 'Regeln und Einstellungen vergleichen: siegel exchange verify --state DATEI'),
  'trip-handed-over': t('{which}: {host} took the mail, {tls}, certificate {certificate} ({reply})', '', '{which}: {host} hat die Mail angenommen, {tls}, Zertifikat {certificate} ({reply})', ''),
  'trip-connector': t('{which}: {cause} ({reply})', 'look whether the inbound connector is there and on, names the certificate of the gateway, and that name is an accepted domain: siegel exchange verify; the mail is held, afterwards: siegel queue release {mail}', '{which}: {cause} ({reply})', 'prüfen, ob der Eingangsconnector da und an ist, das Zertifikat des Gateways nennt und dieser Name akzeptierte Domäne ist: siegel exchange verify; die Mail ist angehalten, danach: siegel queue release {mail}'),
  'trip-held': t('{which}: the mail is held: {cause} ({reply})', 'mend the cause, then siegel queue release {mail}', '{which}: die Mail ist angehalten: {cause} ({reply})', 'Ursache beheben, dann siegel queue release {mail}'),
  'trip-deferred': t('{which}: the mail was not taken yet and is tried again: {cause} ({reply})', 'siegel exchange verify looks at the endpoint; siegel trace show {mail} tells what comes of it', '{which}: die Mail wurde noch nicht angenommen und wird wieder versucht: {cause} ({reply})', 'siegel exchange verify prüft den Endpunkt; was daraus wird, zeigt siegel trace show {mail}'),
  'trip-bounced': t('{which}: the mail went back to its sender: {cause} ({reply})', 'the reply says who refused what: mend that and send a new test mail; siegel trace show {mail}', '{which}: die Mail ging an den Absender zurück: {cause} ({reply})', 'die Antwort sagt, wer was ablehnt: beheben und eine neue Testmail senden; siegel trace show {mail}'),
  'trip-unfinished': t('{which}: the mail is at the gateway and was offered to nobody yet', 'siegel trace show {mail}; look whether the gateway runs', '{which}: die Mail liegt im Gateway und wurde noch niemandem angeboten', 'siegel trace show {mail}; prüfen, ob das Gateway läuft'),
  'trip-once': t('{which}: it came once, so the exception of the rule works', '', '{which}: sie kam einmal, die Ausnahme der Regel wirkt also', ''),
  'trip-loop': t('{which}: the mail came back, arrival {pass}: the exception of the rule is missing or wrong', 'disable the rule at once, then run the script of siegel exchange script, which sets the exception', '{which}: die Mail kam zurück, Ankunft {pass}: die Ausnahme der Regel fehlt oder ist falsch', 'die Regel sofort deaktivieren, dann das Skript von siegel exchange script ausführen, das die Ausnahme setzt'),
  'listener-port': t('the listener answers on port {port}', 'Exchange Online connects to port 25 only', 'der Listener antwortet auf Port {port}', 'Exchange Online verbindet sich nur mit Port 25'),
} as const // prettier-ignore

/** Names of the certificates and hosts in arguments. */
const WHICH: Readonly<Record<string, Readonly<Record<Language, string>>>> = {
  client: { en: 'client', de: 'Client' },
  server: { en: 'server', de: 'Server' },
  listener: { en: 'own listener', de: 'eigener Listener' },
  endpoint: { en: 'Office 365', de: 'Office 365' },
  outbound: { en: 'outbound', de: 'ausgehend' },
  inbound: { en: 'inbound', de: 'eingehend' },
}

const VERDICTS: Readonly<Record<CheckVerdict, Readonly<Record<Language, string>>>> = {
  good: { en: 'good', de: 'gut' },
  warning: { en: 'look', de: 'Achtung' },
  bad: { en: 'bad', de: 'schlecht' },
}

function filled(text: string, args: Check['args'], language: Language): string {
  return text
    .replaceAll(/\{([A-Za-z]+)\}/g, (_, name: string) => {
      const value = args[name] ?? '?'
      return name === 'which' ? (WHICH[value]?.[language] ?? value) : value
    })
    .replaceAll(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '\u00b7')
}

/** What a result says and what to do; `todo` is empty when nothing is to be done. */
export function explained(one: Check, language: Language): { readonly text: string; readonly todo: string } {
  const { text, todo } = TEXTS[one.code][language]
  return {
    text: filled(text, one.args, language),
    todo: one.verdict === 'good' ? '' : filled(todo, one.args, language),
  }
}

/** A result as one line. */
export function checkLine(one: Check, language: Language): string {
  const width = Math.max(...Object.values(VERDICTS).map((names) => names[language].length))
  const { text, todo } = explained(one, language)
  return `${VERDICTS[one.verdict][language].padEnd(width)}  ${text}${todo === '' ? '' : ` -> ${todo}`}`
}
