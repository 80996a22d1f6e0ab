/**
 * The catalogue of trace codes in German and English: what an event or a reason says to an operator. `{name}` is replaced by
 * an argument, `{a.b}` by one inside another. No logic but the replacing; a code that is not here is printed as it is.
 */
import type { TraceValue } from '../mail/trace.ts'
import { DIRECTORY_TEXTS } from './directory-texts.ts'
import { KEYRING_TEXTS } from './keyring-texts.ts'

/** The languages of the command line. */
export type Language = 'de' | 'en'

type Text = Readonly<Record<Language, string>>

function text(en: string, de: string): Text {
  return { en, de }
}

/** Every text by its code. */
export const TEXTS: Readonly<Record<string, Text>> = {
  // events of a mail
  received: text('received from {peer.address} ({peer.helo}), {size} octets by {via}', 'empfangen von {peer.address} ({peer.helo}), {size} Oktette per {via}'),
  'round-trip-mark': text('test mail of the round trip, {leg}, arrival {pass}', 'Testmail des Rundlaufs, {leg}, Ankunft {pass}'),
  'round-trip-refused': text('a test mail of the round trip was refused: {reason} ({detail}); what to do says siegel exchange verify --round-trip', 'eine Testmail des Rundlaufs wurde abgelehnt: {reason} ({detail}); was zu tun ist, sagt siegel exchange verify --round-trip'),
  planned: text('planned with settings version {settings}', 'geplant mit Einstellungen der Version {settings}'),
  decided: text('decided: {treatment}', 'entschieden: {treatment}'),
  treated: text('treated: {treatment}', 'behandelt: {treatment}'),
  delivered: text('delivered to {hop.host} [{hop.address}]:{hop.port}, {hop.tls.version}: {reply.code} {reply.text}', 'zugestellt an {hop.host} [{hop.address}]:{hop.port}, {hop.tls.version}: {reply.code} {reply.text}'),
  relayed: text('relayed to {hop.host} [{hop.address}]:{hop.port}, which promises no delivery report: {reply.code} {reply.text}', 'weitergegeben an {hop.host} [{hop.address}]:{hop.port}, der keinen Zustellbericht zusagt: {reply.code} {reply.text}'),
  deferred: text('deferred ({status}), next attempt {retryAt}', 'aufgeschoben ({status}), nächster Versuch {retryAt}'),
  'copy-renewed': text('copy {copy} made anew: words or route have changed since', 'Kopie {copy} neu gemacht: Merkwörter oder Route haben sich seither geändert'),
  'onboarding-deferral': text('refused for good ({status}), but tried again: onboarding lasts until {until}', 'endgültig abgelehnt ({status}), wird dennoch wieder versucht: Einführungsphase bis {until}'),
  'onboarding-started': text('onboarding until {until}: what Exchange Online refuses for good is tried again; end it with siegel exchange onboarding end', 'Einführungsphase bis {until}: was Exchange Online endgültig ablehnt, wird wieder versucht; beenden mit siegel exchange onboarding end'),
  'onboarding-ended': text('onboarding ended at {until}: what is refused for good is returned to the sender again', 'Einführungsphase endete {until}: was endgültig abgelehnt wird, geht wieder an den Absender zurück'),
  'attempt-held': text('the next hop refuses for a fault in the configuration ({status})', 'die Gegenstelle lehnt wegen eines Konfigurationsfehlers ab ({status})'),
  held: text('held', 'angehalten'),
  bounced: text('returned to the sender as undeliverable ({status})', 'als unzustellbar an den Absender zurück ({status})'),
  expired: text('given up: its time is over', 'aufgegeben: die Frist ist um'),
  'report-written': text('report about TLS written for {domain}, of {day}', 'Bericht über TLS geschrieben für {domain}, vom {day}'),
  'notice-written': text('a notice about the mail {about}: {kinds}', 'eine Benachrichtigung über die Mail {about}: {kinds}'),
  'notice-sent': text('notice written: mail {notice}', 'Benachrichtigung geschrieben: Mail {notice}'),
  sealed: text('sealed as instance {instance} of the ARC chain (cv={cv}) by {domain}', 'als Glied {instance} der ARC-Kette versiegelt (cv={cv}) durch {domain}'),
  'not-sealed': text('not sealed: the ARC chain is {state} {detail}', 'nicht versiegelt: die ARC-Kette ist {state} {detail}'),
  'seal-waits': text('the keys of the ARC chain cannot be looked up ({detail}), next attempt {retryAt}', 'die Schlüssel der ARC-Kette lassen sich nicht abfragen ({detail}), nächster Versuch {retryAt}'),
  'arc-keys-unanswered': text('waits for a name server: {detail}', 'wartet auf einen Nameserver: {detail}'),
  'dkim-signed': text('signed with DKIM by {domains}', 'mit DKIM signiert durch {domains}'),
  'not-stamped': text('neither signed with DKIM nor sealed: it has bare line ends', 'weder mit DKIM signiert noch versiegelt: sie hat einzelne CR oder LF'),
  // what stands below an event
  'attributed-by': text('attributed by {factors}', 'zugeordnet durch {factors}'),
  'fields-removed': text('header fields removed: {fields}', 'Kopfzeilen entfernt: {fields}'),
  'signed-with': text('signed with the certificate {fingerprint}', 'signiert mit dem Zertifikat {fingerprint}'),
  'encrypted-to': text('encrypted with {cipher} to the certificates {fingerprints}', 'verschlüsselt mit {cipher} für die Zertifikate {fingerprints}'),
  'signature-verdict': text('signature: {status}, by {signers} {reasons}', 'Signatur: {status}, von {signers} {reasons}'),
  'decryption-result': text('decryption: {status} {contentEncryption} {reasons}', 'Entschlüsselung: {status} {contentEncryption} {reasons}'),
  // why a mail or recipient is treated as it is
  loop: text('it has come back {passes} times: a loop', 'sie ist {passes}-mal zurückgekommen: eine Schleife'),
  'second-pass': text('it has passed this gateway before: not treated again', 'sie war schon einmal hier: nicht noch einmal behandelt'),
  'own-report': text('a report about TLS of our own', 'ein eigener Bericht über TLS'),
  'own-notice': text('a notice of our own', 'eine eigene Benachrichtigung'),
  'inbound-inspected': text('inbound: decrypted and verified as far as possible ({protection})', 'eingehend: entschlüsselt und geprüft, soweit möglich ({protection})'),
  'already-protected': text('already protected: {protection}', 'schon geschützt: {protection}'),
  'kind-untouched': text('mail of this kind is left untouched: {kind}', 'Mail dieser Art bleibt unberührt: {kind}'),
  'message-not-understood': text('the MIME structure is damaged or nested beyond the limits, so the message cannot be protected', 'die MIME-Struktur ist beschädigt oder zu tief verschachtelt, die Nachricht kann daher nicht geschützt werden'),
  'from-not-single': text('not exactly one From address ({fields} fields, {addresses} addresses)', 'nicht genau eine Absenderadresse ({fields} Felder, {addresses} Adressen)'),
  'from-not-accepted-domain': text('{from} is in no accepted domain of the tenant', '{from} liegt in keiner akzeptierten Domäne des Mandanten'),
  'author-not-internal': text('Exchange does not vouch for the author: AuthAs {authAs}', 'Exchange bürgt nicht für den Verfasser: AuthAs {authAs}'),
  'nothing-to-do': text('neither a key to sign with nor a certificate to encrypt to', 'weder ein Schlüssel zum Signieren noch ein Zertifikat zum Verschlüsseln'),
  signed: text('signed', 'signiert'),
  'not-signed': text('not signed', 'nicht signiert'),
  encrypted: text('encrypted to the certificate {fingerprint}', 'verschlüsselt für das Zertifikat {fingerprint}'),
  'not-encrypted': text('not encrypted', 'nicht verschlüsselt'),
  'too-large': text('would have {expected} octets after treatment, the next hop takes {limit}', 'hätte nach der Behandlung {expected} Oktette, die Gegenstelle nimmt {limit}'),
  setting: text('{name}: {value}, asked for by {level} {of}', '{name}: {value}, verlangt von {level} {of}'),
  'rule-applies': text('the rule {rule} applies', 'die Regel {rule} trifft zu'),
  'rule-applies-by-group': text('the rule {rule} applies, by the group {groups}', 'die Regel {rule} trifft zu, durch die Gruppe {groups}'),
  'rule-unsure': text('whether the rule {rule} applies cannot be judged: it may only ask for more', 'ob die Regel {rule} zutrifft, ist nicht zu beurteilen: sie darf nur mehr verlangen'),
  'held-by-rule': text('held by the rule {rule}: waits for an operator', 'angehalten durch die Regel {rule}: wartet auf einen Betreuer'),
  'rejected-by-rule': text('returned by the rule {rule}', 'zurückgegeben durch die Regel {rule}'),
  'all-or-nothing': text('encrypted to everybody or to nobody: another recipient asks for it', 'an alle verschlüsselt oder an niemanden: ein anderer Empfänger verlangt es'),
  'all-or-nothing-awaited': text('all or nothing: waits up to {hours} hours from its arrival until {others} other recipient(s) can be encrypted to as well', 'alles oder nichts: wartet bis zu {hours} Stunden ab Eingang, bis auch an {others} weitere(n) Empfänger verschlüsselt werden kann'),
  'all-or-nothing-impossible': text('all or nothing: cannot be encrypted to every recipient ({others} without), so nobody gets it', 'alles oder nichts: nicht an alle Empfänger verschlüsselbar ({others} ohne), darum bekommt es niemand'),
  'encryption-awaited': text('encryption is demanded: waits up to {hours} hours from its arrival for a good certificate', 'Verschlüsselung ist verlangt: wartet bis zu {hours} Stunden ab Eingang auf ein gutes Zertifikat'),
  'encryption-impossible': text('encryption is demanded and there is no good certificate', 'Verschlüsselung ist verlangt, und es gibt kein gutes Zertifikat'),
  'signature-awaited': text('a signature is demanded: waits up to {hours} hours from its arrival for a good key', 'eine Signatur ist verlangt: wartet bis zu {hours} Stunden ab Eingang auf einen guten Schlüssel'),
  'signature-impossible': text('a signature is demanded and there is no good key', 'eine Signatur ist verlangt, und es gibt keinen guten Schlüssel'),
  // the keyring
  'no-own-key': text('we have no key for {address}', 'wir haben keinen Schlüssel für {address}'),
  'no-certificate': text('no certificate for {address}', 'kein Zertifikat für {address}'),
  'key-chosen': text('key chosen: {fingerprint}', 'Schlüssel gewählt: {fingerprint}'),
  'certificate-chosen': text('certificate chosen: {fingerprint}', 'Zertifikat gewählt: {fingerprint}'),
  'credential-not-for-this-use': text('not for this use: {fingerprint}', 'nicht für diesen Zweck: {fingerprint}'),
  'credential-distrusted': text('distrusted by an operator: {fingerprint}', 'von einem Betreuer gesperrt: {fingerprint}'),
  'credential-awaits-approval': text('awaits approval: {fingerprint}', 'wartet auf Freigabe: {fingerprint}'),
  'credential-older': text('an older one: {fingerprint}', 'ein älteres: {fingerprint}'),
  'credential-pinned': text('pinned by an operator: {fingerprint}', 'von einem Betreuer festgelegt: {fingerprint}'),
  'credential-not-pinned': text('good, but another one is pinned: {fingerprint}', 'gut, aber ein anderes ist festgelegt: {fingerprint}'),
  'credential-weaker': text('good, but its key is weaker or of a kind that few can use: {fingerprint}', 'gut, aber sein Schlüssel ist schwächer oder von einer Art, die wenige verwenden können: {fingerprint}'),
  'credential-ends-earlier': text('good, but ends earlier: {fingerprint}', 'gut, endet aber früher: {fingerprint}'),
  'credential-equal': text('as good as the chosen one: {fingerprint}', 'so gut wie das gewählte: {fingerprint}'),
  'credential-same': text('the same certificate in another entry: {fingerprint}', 'dasselbe Zertifikat in einem anderen Eintrag: {fingerprint}'),
  'credential-less-fitting': text('good, but the profile prefers the chosen one: {fingerprint}', 'gut, aber das Profil zieht das gewählte vor: {fingerprint}'),
  'key-below-profile': text('not used, the profile {profile} demands {demand}: {fingerprint}', 'nicht genommen, das Profil {profile} verlangt {demand}: {fingerprint}'),
  'certificate-below-profile': text('not used, the profile {profile} demands {demand}: {fingerprint}', 'nicht genommen, das Profil {profile} verlangt {demand}: {fingerprint}'),
  'no-certificate-of-kind': text('no certificate for {address} of the kind {kind} that the profile {profile} wishes', 'kein Zertifikat für {address} der Art {kind}, die das Profil {profile} wünscht'),
  'two-layers': text('encrypted twice: to {inner} inside, to {outer} around it', 'zweifach verschlüsselt: innen für {inner}, außen für {outer}'),
  'several-certificates': text('{count} good certificates for one address, the profile wants one: the newest is used; have the partner withdraw the others', '{count} gute Zertifikate für eine Adresse, das Profil will eines: das neueste wird genommen; den Partner die anderen zurückziehen lassen'),
  // algorithms
  'profiles-conflict': text('the profiles {profiles} cannot be met together: nothing is left of {over}; give one of those who are named another profile', 'die Profile {profiles} sind zusammen nicht zu erfüllen: von {over} bleibt nichts übrig; einem der Genannten ein anderes Profil geben'),
  'cipher-shown': text('{cipher}: the partner has shown to read it (mail {mail})', '{cipher}: der Partner hat gezeigt, dass er es liest (Mail {mail})'),
  'cipher-below-profile': text('the partner only names ciphers that the profile {profile} does not allow: {ciphers} (mail {mail})', 'der Partner nennt nur Verfahren, die das Profil {profile} nicht erlaubt: {ciphers} (Mail {mail})'),
  'oaep-shown': text('RSAES-OAEP: the partner has shown to read it (mail {mail})', 'RSAES-OAEP: der Partner hat gezeigt, dass er es liest (Mail {mail})'),
  'header-protection-shown': text('the subject is hidden: the partner has shown to read it inside (RFC 9788, mail {mail})', 'der Betreff ist verborgen: der Partner hat gezeigt, dass er ihn innen liest (RFC 9788, Mail {mail})'),
  // EDI@Energy
  'edi-energy-edition-not-confirmed': text('nobody has confirmed that the profile edi-energy is as edition {edition} of the rules (in force from {since}) says; confirmed is {confirmed}: compare siegel profile show edi-energy with the rules, then set ediEnergyEdition of the tenant', 'niemand hat bestätigt, dass das Profil edi-energy der Ausgabe {edition} der Regelungen (gültig ab {since}) entspricht; bestätigt ist {confirmed}: siegel profile show edi-energy mit den Regelungen vergleichen, dann ediEnergyEdition des Mandanten setzen'),
  'edi-energy-attachments': text('EDI@Energy: {count} attachments, the rules want {wanted}', 'EDI@Energy: {count} Anhänge, die Regelungen wollen {wanted}'),
  'edi-energy-attachment-type': text('EDI@Energy: the attachment is {type}, the rules want {wanted}', 'EDI@Energy: der Anhang ist {type}, die Regelungen wollen {wanted}'),
  'edi-energy-subject': text('EDI@Energy: the subject is not the name of the uncompressed file', 'EDI@Energy: der Betreff ist nicht der Name der unkomprimierten Datei'),
  'certificate-not-valid': text('not valid: {fingerprint} ({reasons})', 'nicht gültig: {fingerprint} ({reasons})'),
  // certificates that are looked for outside, or taken from mail
  'directory-answers': text('{source} ({kind}) answers: {certificates} certificates', '{source} ({kind}) antwortet: {certificates} Zertifikate'),
  'directory-has-none': text('{source} ({kind}) has nothing', '{source} ({kind}) hat nichts'),
  'directory-not-answering': text('{source} ({kind}) does not answer: {cause}', '{source} ({kind}) antwortet nicht: {cause}'),
  'found-unreadable': text('{source} gave something that cannot be read ({cause})', '{source} lieferte etwas Unlesbares ({cause})'),
  'found-not-valid': text('found at {source}, but not valid: {fingerprint} ({reasons})', 'bei {source} gefunden, aber nicht gültig: {fingerprint} ({reasons})'),
  'found-distrusted': text('found at {source}, but distrusted by an operator: {fingerprint}', 'bei {source} gefunden, aber von einem Betreuer gesperrt: {fingerprint}'),
  'found-removed': text('found at {source}, but an operator took it out of the keyring: {fingerprint}', 'bei {source} gefunden, aber von einem Betreuer aus dem Schlüsselbund genommen: {fingerprint}'),
  'found-awaiting-approval': text('found at {source}, but it awaits approval: {fingerprint}', 'bei {source} gefunden, wartet aber auf Freigabe: {fingerprint}'),
  'found-taken': text('found at {source} and taken: {fingerprint} (good by {by})', 'bei {source} gefunden und genommen: {fingerprint} (gut durch {by})'),
  'found-passed-over': text('found at {source}, good, but another one is taken: {fingerprint}', 'bei {source} gefunden, gut, aber ein anderes ist genommen: {fingerprint}'),
  'smimea-not-validated': text('{source}: no name server is trusted to validate, so SMIMEA counts for nothing', '{source}: keinem Nameserver wird die Prüfung zugetraut, SMIMEA zählt daher nicht'),
  'smimea-not-secure': text('{source}: there are SMIMEA records, but their zone is not signed', '{source}: es gibt SMIMEA-Einträge, aber ihre Zone ist nicht signiert'),
  'smimea-unusable': text('{source}: {records} SMIMEA records cannot be used', '{source}: {records} SMIMEA-Einträge sind nicht verwendbar'),
  harvested: text('certificate of {address} taken into the keyring: {fingerprint}', 'Zertifikat von {address} in den Schlüsselbund genommen: {fingerprint}'),
  'harvested-for-approval': text('certificate of {address} taken into the keyring, where it awaits approval: {fingerprint}', 'Zertifikat von {address} in den Schlüsselbund genommen, es wartet dort auf Freigabe: {fingerprint}'),
  'harvest-older': text('certificate of {address} not taken, a later mail has another one: {fingerprint}', 'Zertifikat von {address} nicht genommen, eine spätere Mail hat ein anderes: {fingerprint}'),
  'harvest-too-many': text('certificate of {address} not taken, there are too many for a day or this address: {fingerprint}', 'Zertifikat von {address} nicht genommen, es sind zu viele für einen Tag oder diese Adresse: {fingerprint}'),
  'harvest-distrusted': text('certificate of {address} not taken, an operator distrusts it: {fingerprint}', 'Zertifikat von {address} nicht genommen, ein Betreuer hat es gesperrt: {fingerprint}'),
  'harvest-removed': text('certificate of {address} not taken, an operator took it out of the keyring: {fingerprint}', 'Zertifikat von {address} nicht genommen, ein Betreuer hat es aus dem Schlüsselbund genommen: {fingerprint}'),
  'certificate-revoked': text('revoked: {subject} {certificate} ({detail})', 'widerrufen: {subject} {certificate} ({detail})'),
  'revocation-unknown': text('whether it is revoked is not known: {subject} {certificate} ({detail})', 'ob es widerrufen ist, ist nicht bekannt: {subject} {certificate} ({detail})'),
  'certificate-distrusted': text('distrusted by an operator: {subject} {certificate}; see siegel trust show', 'von einem Betreuer für nicht vertrauenswürdig erklärt: {subject} {certificate}; siehe siegel trust show'),
  'certificate-validation': text('validated by its issuer: {type} ({generation})', 'vom Aussteller geprüft: {type} ({generation})'),
  'revocation-source-unreachable': text('the CRL or OCSP responder {url} of an own authority gives nothing ({cause}): its certificates cannot be checked; mend it, or see siegel trust show', 'die Sperrliste oder der OCSP-Dienst {url} einer eigenen Zertifizierungsstelle liefert nichts ({cause}): ihre Zertifikate lassen sich nicht prüfen; beheben, oder siehe siegel trust show'),
  // holds and failures of our own
  'tenant-missing': text('the tenant does not exist any more or its settings are broken', 'den Mandanten gibt es nicht mehr, oder seine Einstellungen sind fehlerhaft'),
  'body-damaged': text('the stored mail is damaged', 'die gespeicherte Mail ist beschädigt'),
  'treatment-failed': text('the treatment failed: {cause}', 'die Behandlung ist gescheitert: {cause}'),
  'key-does-not-open': text('the private key of {fingerprint} cannot be unsealed ({cause}); apply its credential again', 'der private Schlüssel zu {fingerprint} lässt sich nicht öffnen ({cause}); die Zugangsdaten erneut anwenden'),
  'released': text('released by {by}: tried again at once', 'freigegeben von {by}: sofort noch einmal versucht'),
  'too-many-crashes': text('the gateway has crashed {crashes} times with this mail', 'das Gateway ist mit dieser Mail {crashes}-mal abgestürzt'),
  'sender-not-sendable': text('the sender address cannot be sent', 'die Absenderadresse ist nicht sendbar'),
  'recipient-not-sendable': text('the recipient address cannot be sent', 'die Empfängeradresse ist nicht sendbar'),
  'route-invalid': text('the route is not valid: {cause}', 'die Route ist ungültig: {cause}'),
  // the next hop: finding and reaching it
  'host-not-found': text('the host {host} does not exist', 'den Host {host} gibt es nicht'),
  'host-lookup-failed': text('the name {host} cannot be looked up at the moment', 'der Name {host} lässt sich zurzeit nicht auflösen'),
  'connection-refused': text('no connection: {cause}', 'keine Verbindung: {cause}'),
  'connection-lost': text('the connection was lost ({stage})', 'die Verbindung ist abgebrochen ({stage})'),
  'connection-given-up': text('the connection was given up', 'die Verbindung wurde aufgegeben'),
  'connection-closed-by-peer': text('the next hop closes the connection', 'die Gegenstelle schließt die Verbindung'),
  'connect-timeout': text('no connection in time', 'keine Verbindung innerhalb der Frist'),
  'reply-timeout': text('no reply in time ({stage})', 'keine Antwort innerhalb der Frist ({stage})'),
  'reply-bad-code': text('the next hop sends no SMTP reply ({stage})', 'die Gegenstelle sendet keine SMTP-Antwort ({stage})'),
  'reply-mixed-codes': text('the lines of a reply have different codes ({stage})', 'die Zeilen einer Antwort haben verschiedene Codes ({stage})'),
  'reply-line-too-long': text('a line of a reply is too long ({stage})', 'eine Zeile einer Antwort ist zu lang ({stage})'),
  'reply-too-many-lines': text('a reply has too many lines ({stage})', 'eine Antwort hat zu viele Zeilen ({stage})'),
  'too-many-replies': text('the next hop sends replies that nobody asked for', 'die Gegenstelle sendet ungefragt Antworten'),
  'too-many-connections': text('the next hop has too many connections', 'die Gegenstelle hat zu viele Verbindungen'),
  // the next hop: TLS
  'starttls-not-offered': text('{host} does not offer STARTTLS: not sent in clear', '{host} bietet kein STARTTLS an: nicht im Klartext gesendet'),
  'starttls-refused': text('STARTTLS is refused ({code}): not sent in clear', 'STARTTLS wird abgelehnt ({code}): nicht im Klartext gesendet'),
  'starttls-plaintext-injected': text('somebody put text before the TLS handshake', 'jemand hat Text vor den TLS-Handschlag geschoben'),
  'starttls-demanded': text('the next hop demands TLS', 'die Gegenstelle verlangt TLS'),
  'tls-handshake-failed': text('the TLS handshake failed: {cause}', 'der TLS-Handschlag ist gescheitert: {cause}'),
  'tls-certificate-missing': text('the next hop shows no certificate', 'die Gegenstelle zeigt kein Zertifikat'),
  'tls-certificate-expired': text("the next hop's certificate has expired", 'das Zertifikat der Gegenstelle ist abgelaufen'),
  'tls-certificate-not-yet-valid': text("the next hop's certificate is not valid yet", 'das Zertifikat der Gegenstelle gilt noch nicht'),
  'tls-certificate-self-signed': text("the next hop's certificate is self-signed", 'das Zertifikat der Gegenstelle ist selbst signiert'),
  'tls-certificate-untrusted': text("the next hop's certificate leads to no trusted authority: {cause}", 'das Zertifikat der Gegenstelle führt zu keiner vertrauten Stelle: {cause}'),
  'tls-certificate-invalid': text("the next hop's certificate is not valid: {cause}", 'das Zertifikat der Gegenstelle ist ungültig: {cause}'),
  'tls-name-mismatch': text("the next hop's certificate does not name {expected}", 'das Zertifikat der Gegenstelle nennt {expected} nicht'),
  'tls-fingerprint-mismatch': text("the next hop's certificate is not the one expected", 'das Zertifikat der Gegenstelle ist nicht das erwartete'),
  'tls-client-certificate-refused': text('our certificate is refused: {cause}', 'unser Zertifikat wird abgelehnt: {cause}'),
  'tls-dane-not-available': text('the TLS policy demands DANE, and there is none for {host} ({cause}): publish TLSA records in a signed zone or choose the level dane', 'die TLS-Regel verlangt DANE, für {host} gibt es keines ({cause}): TLSA-Einträge in einer signierten Zone veröffentlichen oder die Stufe dane wählen'),
  'tls-tlsa-lookup-failed': text('the TLSA records of {host} cannot be looked up, so nothing is sent there: {cause}', 'die TLSA-Einträge von {host} lassen sich nicht abfragen, darum wird dorthin nichts gesendet: {cause}'),
  'tls-dane-mismatch': text("none of the TLSA records of {base} vouches for the next hop's certificate", 'keiner der TLSA-Einträge von {base} bürgt für das Zertifikat der Gegenstelle'),
  'tls-dane-name-mismatch': text("the next hop's certificate is from the authority in the TLSA records of {base}, but does not name {expected}", 'das Zertifikat der Gegenstelle stammt von der Stelle in den TLSA-Einträgen von {base}, nennt aber {expected} nicht'),
  // how it came to what TLS had to be
  'tls-by-dane': text('DANE: TLS and a certificate by the TLSA records of {base} are due ({records})', 'DANE: TLS und ein Zertifikat nach den TLSA-Einträgen von {base} sind Pflicht ({records})'),
  'tls-dane-unusable': text('DANE: TLS is due, but none of the {count} TLSA records of {host} can be used to check the certificate', 'DANE: TLS ist Pflicht, aber keiner der {count} TLSA-Einträge von {host} taugt zum Prüfen des Zertifikats'),
  'tls-without-dane': text('no DANE for {host}: {cause}', 'kein DANE für {host}: {cause}'),
  'tls-by-sts': text('MTA-STS: TLS and a valid certificate of {host} are due (policy {id})', 'MTA-STS: TLS und ein gültiges Zertifikat von {host} sind Pflicht (Regel {id})'),
  'tls-sts-testing': text('MTA-STS: the domain only tests its policy {id}, {host} need not meet it', 'MTA-STS: die Domäne erprobt ihre Regel {id} nur, {host} muss sie nicht erfüllen'),
  'tls-sts-host-not-listed': text('MTA-STS: the policy {id} of the domain does not name {host}, so nothing is sent there', 'MTA-STS: die Regel {id} der Domäne nennt {host} nicht, darum wird dorthin nichts gesendet'),
  // a domain of the world
  'transport-refuses': text('the map transport refuses the recipient: {text}', 'die Map transport lehnt den Empfänger ab: {text}'),
  'transport-defers': text('the map transport defers the recipient: {text}', 'die Map transport stellt den Empfänger zurück: {text}'),
  'transport-line-at-fault': text('line {line} of the map transport is at fault: mend it', 'Zeile {line} der Map transport ist fehlerhaft: berichtigen'),
  'domain-takes-no-mail': text('the domain {domain} takes no mail', 'die Domäne {domain} nimmt keine Mail an'),
  'domain-not-found': text('the domain {domain} does not exist', 'die Domäne {domain} gibt es nicht'),
  'exchanger-is-ourselves': text('the first mail exchanger of {domain} is this gateway', 'der erste Mailserver von {domain} ist dieses Gateway'),
  'tls-policy-unusable': text('the TLS policy cannot be used: {cause}', 'die TLS-Regel ist unbrauchbar: {cause}'),
  // the next hop: what it cannot carry
  'too-large-for-hop': text('{size} octets are more than the next hop takes ({limit})', '{size} Oktette sind mehr, als die Gegenstelle nimmt ({limit})'),
  'bare-line-ends-need-chunking': text('bare line ends need CHUNKING, which the next hop does not offer', 'einzelne CR oder LF brauchen CHUNKING, das die Gegenstelle nicht anbietet'),
  'nul-needs-chunking': text('NUL needs CHUNKING, which the next hop does not offer', 'NUL braucht CHUNKING, das die Gegenstelle nicht anbietet'),
  'smtputf8-not-offered': text('an address needs SMTPUTF8, which the next hop does not offer', 'eine Adresse braucht SMTPUTF8, das die Gegenstelle nicht anbietet'),
  'eight-bit-needs-8bitmime': text('8-bit content needs 8BITMIME, which the next hop does not offer', '8-Bit-Inhalt braucht 8BITMIME, das die Gegenstelle nicht anbietet'),
  // the next hop: what Office 365 says
  'connector-domain-not-accepted': text("Office 365: the connector's domain is no accepted domain of the tenant: add the name on the client certificate as a domain", 'Office 365: die Domäne des Connectors ist keine akzeptierte Domäne des Mandanten: den Namen im Client-Zertifikat als Domäne hinzufügen'),
  'connector-not-attributed': text('Office 365 does not recognise the tenant: check inbound connector and client certificate (siegel exchange verify tells which)', 'Office 365 erkennt den Mandanten nicht: Eingangsconnector und Client-Zertifikat prüfen (siegel exchange verify sagt, woran es liegt)'),
  'tenant-locked-by-partner-connector': text('Office 365: a partner connector of the tenant refuses this gateway', 'Office 365: ein Partnerconnector des Mandanten lehnt dieses Gateway ab'),
  'direct-send-rejected': text('Office 365: the tenant rejects direct send', 'Office 365: der Mandant lehnt Direct Send ab'),
  'connector-blocked': text('Office 365 has blocked the connector: look for a compromised sender, then release it in Microsoft Defender, Restricted entities', 'Office 365 hat den Connector gesperrt: nach einem gekaperten Absender suchen, dann in Microsoft Defender unter Eingeschränkte Entitäten freigeben'),
  'tenant-threshold-exceeded': text('Office 365: the tenant has exceeded its sending limit: look for a compromised sender and ask Microsoft support', 'Office 365: der Mandant hat seine Versandgrenze überschritten: nach einem gekaperten Absender suchen und den Microsoft-Support fragen'),
  'address-not-accepted': text('Office 365 does not take mail from this IP address', 'Office 365 nimmt von dieser IP-Adresse keine Mail'),
  'unregistered-domains': text('Office 365: too much mail from domains that are not registered', 'Office 365: zu viel Mail von nicht registrierten Domänen'),
  'address-banned': text('Office 365 has banned this IP address: have it taken off the list as the reply says', 'Office 365 hat diese IP-Adresse gesperrt: austragen lassen, wie die Antwort es sagt'),
  'allow-list-conflict': text('Office 365: the IP address is both in a connector and in the allow list', 'Office 365: die IP-Adresse steht im Connector und in der Zulassungsliste'),
  'helo-refused': text('the next hop refuses our name', 'die Gegenstelle lehnt unseren Namen ab'),
  'wrong-host': text("the next hop wants a login: the route must name the tenant's endpoint (…mail.protection.outlook.com), port 25", 'die Gegenstelle verlangt eine Anmeldung: die Route muss den Endpunkt des Mandanten nennen (…mail.protection.outlook.com), Port 25'),
  'wrong-region': text('Office 365: wrong region, check the route', 'Office 365: falsche Region, die Route prüfen'),
  'dmarc-refused': text('Office 365 refuses by DMARC: the inbound connector has not recognised the gateway, or the changed mail needs option A or B (--spam)', 'Office 365 lehnt wegen DMARC ab: der Eingangsconnector hat das Gateway nicht erkannt, oder die veränderte Mail braucht Option A oder B (--spam)'),
  'hop-count-exceeded': text('too many hops: a loop', 'zu viele Stationen: eine Schleife'),
  'ipv6-refused': text('Office 365 does not take this mail over IPv6', 'Office 365 nimmt diese Mail nicht über IPv6'),
  throttled: text('the next hop asks for less mail at a time', 'die Gegenstelle bittet um weniger Mail auf einmal'),
  'mailbox-throttled': text('the mailbox takes no more mail at the moment', 'das Postfach nimmt zurzeit keine weitere Mail'),
  'too-many-recipients': text('too many recipients at a time', 'zu viele Empfänger auf einmal'),
  'tenant-recipient-limit': text('Office 365: the tenant has exceeded its recipient limit', 'Office 365: der Mandant hat seine Empfängergrenze überschritten'),
  'from-refused': text('the From address is refused', 'die Absenderadresse im From wird abgelehnt'),
  'forwarding-not-allowed': text('Office 365: the tenant does not allow forwarding', 'Office 365: der Mandant erlaubt keine Weiterleitung'),
  'sender-refused': text('the sender is refused', 'der Absender wird abgelehnt'),
  'recipient-refused': text('the recipient is refused', 'der Empfänger wird abgelehnt'),
  'message-refused': text('the message is refused', 'die Nachricht wird abgelehnt'),
  'temporarily-refused': text('refused for now', 'vorläufig abgelehnt'),
  'hop-refuses-service': text('the next hop refuses service', 'die Gegenstelle verweigert den Dienst'),
  'protocol-dispute': text('the next hop does not understand a command', 'die Gegenstelle versteht einen Befehl nicht'),
  // the addresses of Office 365
  'address-ranges-stale': text('the list of addresses of Office 365 (version {version}) was last confirmed {days} days ago: new addresses may be refused; switch exchange.addressRanges.refresh on, see to it that the service can be reached, or install a newer release', 'die Liste der Adressen von Office 365 (Version {version}) wurde zuletzt vor {days} Tagen bestätigt: neue Adressen werden womöglich abgewiesen; exchange.addressRanges.refresh einschalten, für einen erreichbaren Dienst sorgen oder eine neuere Fassung einspielen'),
  'address-ranges-refused': text('the endpoint service gave a list of addresses that is not believed ({cause}); the last good one stays in use: look at it, then siegel exchange ranges --refresh --accept-smaller if it is right', 'der Endpunktdienst gab eine Adressliste, die nicht geglaubt wird ({cause}); die letzte gute gilt weiter: ansehen, und wenn sie stimmt, siegel exchange ranges --refresh --accept-smaller'),
  'address-ranges-not-refreshed': text('the endpoint service cannot be asked for the addresses of Office 365: {cause}', 'der Endpunktdienst lässt sich nicht nach den Adressen von Office 365 fragen: {cause}'),
  // our own certificates
  'tls-server-certificate-ends': text('the certificate that the listener presents for {host} ends at {untilAt}: request and import the next one (siegel tls-cert request), or see why ACME does not renew it (siegel tls-cert list)', 'das Zertifikat des Listeners für {host} endet am {untilAt}: das nächste anfordern und importieren (siegel tls-cert request) oder nachsehen, warum ACME es nicht erneuert (siegel tls-cert list)'),
  'tls-server-certificate-ended': text('the certificate that the listener presents for {host} ended at {untilAt}: Exchange Online sends nothing any more; import a new one and activate it', 'das Zertifikat des Listeners für {host} endete am {untilAt}: Exchange Online sendet nichts mehr; ein neues importieren und aktivieren'),
  'tls-client-certificate-ends': text('the certificate that is presented to Office 365 as {host} ends at {untilAt}: request and import the next one (siegel tls-cert request)', 'das Zertifikat gegenüber Office 365 als {host} endet am {untilAt}: das nächste anfordern und importieren (siegel tls-cert request)'),
  'tls-client-certificate-ended': text('the certificate that is presented to Office 365 as {host} ended at {untilAt}: the connector does not recognise the gateway any more; import a new one and activate it', 'das Zertifikat gegenüber Office 365 als {host} endete am {untilAt}: der Connector erkennt das Gateway nicht mehr; ein neues importieren und aktivieren'),
  'smime-certificate-ends': text('the certificate of the credential {credential} ({addresses}) ends at {untilAt}: apply one that follows it', 'das Zertifikat der Zugangsdaten {credential} ({addresses}) endet am {untilAt}: ein nachfolgendes anwenden'),
  'smime-certificate-ended': text('the certificate of the credential {credential} ({addresses}) ended at {untilAt}: mail of these addresses is not signed any more; apply a new one and keep the old one for decryption', 'das Zertifikat der Zugangsdaten {credential} ({addresses}) endete am {untilAt}: Mail dieser Adressen wird nicht mehr signiert; ein neues anwenden, das alte zum Entschlüsseln behalten'),
  'tls-takeover-refused': text('the staged certificate {id} did not take over for {host} ({use}): {cause}; stage another one, or activate it when that is mended', 'das vorgemerkte Zertifikat {id} hat für {host} ({use}) nicht übernommen: {cause}; ein anderes vormerken oder nach der Behebung aktivieren'),
  'acme-unreachable': text('{directory} cannot be reached or is out of order ({cause}): check DNS, firewall (port 443) and TlsAnchor; tried again at {nextAt}', '{directory} ist nicht erreichbar oder gestört ({cause}): DNS, Firewall (Port 443) und TlsAnchor prüfen; nächster Versuch {nextAt}'),
  'acme-refused': text('{directory} refuses a certificate for {host} ({cause}): see what it objects to, change the AcmeIssuer; tried again at {nextAt}', '{directory} lehnt ein Zertifikat für {host} ab ({cause}): den Einwand klären, den AcmeIssuer ändern; nächster Versuch {nextAt}'),
  'acme-rate-limited': text('{directory} has had too many requests ({cause}): wait; tried again at {nextAt}', '{directory} hatte zu viele Anfragen ({cause}): abwarten; nächster Versuch {nextAt}'),
  'acme-challenge-failed': text('{directory} did not find the answer to its challenge for {host} ({cause}): HTTP-01 needs port 80 of {host} to lead to acme.httpListeners, DNS-01 the TXT record in every name server; siegel tls-cert renew tries again at once', '{directory} fand die Antwort auf seine Aufgabe für {host} nicht ({cause}): HTTP-01 braucht Port 80 von {host} bis zu acme.httpListeners, DNS-01 den TXT-Eintrag in allen Nameservern; siegel tls-cert renew versucht es sofort noch einmal'),
  'acme-caa': text('a CAA record of {host} forbids {directory} to issue ({cause}): add the authority to the CAA record, or take another one', 'ein CAA-Eintrag von {host} verbietet {directory} die Ausstellung ({cause}): die Stelle in den CAA-Eintrag aufnehmen oder eine andere nehmen'),
  'acme-account': text('{directory} does not accept the account ({cause}): set termsOfServiceAgreed, contact or externalAccount of the AcmeIssuer', '{directory} nimmt das Konto nicht an ({cause}): termsOfServiceAgreed, contact oder externalAccount des AcmeIssuer setzen'),
  'acme-not-ready': text('the challenge for {host} cannot be answered here ({cause}): check acme.httpListeners and acme.dnsCommand in siegel.yaml; tried again at {nextAt}', 'die Aufgabe für {host} kann hier nicht beantwortet werden ({cause}): acme.httpListeners und acme.dnsCommand in siegel.yaml prüfen; nächster Versuch {nextAt}'),
  'acme-record-wanted': text('for the certificate of {host} a TXT record is awaited: {name} with the value {value}; write it, it is noticed within a minute', 'für das Zertifikat von {host} wird ein TXT-Eintrag erwartet: {name} mit dem Wert {value}; anlegen, er wird binnen einer Minute bemerkt'),
  'acme-not-in-force': text('{directory} issued a certificate for {host} that is not put in force ({cause}): see siegel tls-cert list and check', '{directory} stellte ein Zertifikat für {host} aus, das nicht in Kraft gesetzt wird ({cause}): siegel tls-cert list und check ansehen'),
  accepted: text('taken by the next hop', 'von der Gegenstelle angenommen'),
  'no-verdict': text('the next hop gave no verdict', 'die Gegenstelle gab kein Ergebnis'),
  'unexpected-reply': text('unexpected reply {code} ({stage})', 'unerwartete Antwort {code} ({stage})'),
} // prettier-ignore

/** The value of `a.b.c` in the arguments; undefined when a part is missing. */
function lookUp(args: { readonly [name: string]: TraceValue }, path: string): TraceValue | undefined {
  let value: TraceValue | undefined = args
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    // Array.isArray does not narrow readonly arrays away.
    value = (value as { readonly [name: string]: TraceValue })[part]
  }
  return value
}

/** A value in a sentence. Control characters are replaced: they come from outside and go to a terminal. */
function shown(path: string, value: TraceValue | undefined): string {
  if (value === undefined || value === null) return '?'
  if (path.endsWith('At') && typeof value === 'number') return new Date(value).toISOString()
  return printable(typeof value === 'object' ? JSON.stringify(value) : String(value))
}

/** A text from outside, fit for a terminal. */
export function printable(value: string): string {
  return value.replaceAll(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\u00b7')
}

function fromCatalogue(texts: Readonly<Record<string, Text>>, code: string): Text | undefined {
  return Object.hasOwn(texts, code) ? texts[code] : undefined
}

/** What a code says with its arguments; an unknown code is printed with its arguments. */
export function render(
  code: string,
  args: { readonly [name: string]: TraceValue },
  language: Language,
): string {
  const known =
    fromCatalogue(TEXTS, code) ?? fromCatalogue(KEYRING_TEXTS, code) ?? fromCatalogue(DIRECTORY_TEXTS, code)
  if (known !== undefined)
    return known[language].replaceAll(/\{([A-Za-z.]+)\}/g, (_, path: string) =>
      shown(path, lookUp(args, path)),
    )
  const rest = Object.keys(args).length === 0 ? '' : ` ${JSON.stringify(args)}`
  return printable(`${code}${rest}`)
}

/** The language from `--lang`, else from the environment's LC_ALL, LC_MESSAGES or LANG; English unless it is German. */
export function languageOf(
  option: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Language | null {
  if (option !== undefined) return option === 'de' || option === 'en' ? option : null
  const locale = [environment['LC_ALL'], environment['LC_MESSAGES'], environment['LANG']].find(
    (value) => (value ?? '') !== '',
  )
  return locale?.startsWith('de') === true ? 'de' : 'en'
}
