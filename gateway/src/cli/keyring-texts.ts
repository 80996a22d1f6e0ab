/**
 * What the verbs of the keyring, of own keys and of the master key say to an operator, in German and English. They are no codes of
 * the trace: those stand in texts.ts.
 */

type Text = Readonly<Record<'de' | 'en', string>>

function text(en: string, de: string): Text {
  return { en, de }
}

/** Every text by its code. */
// prettier-ignore
export const KEYRING_TEXTS: Readonly<Record<string, Text>> = {
  // what an operator does with the keyring
  'import-summary': text('{name}: {entries} entries: {added} added, {known} there already, {refused} not taken', '{name}: {entries} Einträge: {added} hinzugefügt, {known} schon vorhanden, {refused} nicht übernommen'),
  'certificate-known': text('there already, as entry {detail}', 'schon vorhanden, als Eintrag {detail}'),
  'certificate-merged': text('there already; its addresses or chain were added to entry {detail}', 'schon vorhanden; Adressen oder Kette im Eintrag {detail} ergänzt'),
  'certificate-approved': text('was waiting for approval and is in use now, as entry {detail}', 'wartete auf Freigabe und ist jetzt in Gebrauch, als Eintrag {detail}'),
  'certificate-restored': text('had been removed and is in use again, as entry {detail}', 'war entfernt und ist wieder in Gebrauch, als Eintrag {detail}'),
  'entry-too-large': text('larger than {detail} octets', 'größer als {detail} Oktette'),
  'base64-malformed': text('no valid base64', 'kein gültiges Base64'),
  'pem-block-open': text('the PEM block has no end', 'der PEM-Block hat kein Ende'),
  'pem-label-not-taken': text('neither a certificate nor CMS: {detail}', 'weder ein Zertifikat noch CMS: {detail}'),
  'private-key-not-taken': text('a private key without its certificate: use a PKCS#12 file', 'ein privater Schlüssel ohne sein Zertifikat: eine PKCS#12-Datei verwenden'),
  'ldif-line-malformed': text('the LDIF value cannot be read: {detail}', 'der LDIF-Wert ist nicht lesbar: {detail}'),
  'ldif-url-not-taken': text('the LDIF value is a URL, which is not followed', 'der LDIF-Wert ist eine URL, ihr wird nicht gefolgt'),
  'certificate-malformed': text('no readable certificate: {detail}', 'kein lesbares Zertifikat: {detail}'),
  'pkcs12-unusable': text('the PKCS#12 file cannot be used: {detail} (is the password right? --password-file)', 'die PKCS#12-Datei ist nicht verwendbar: {detail} (stimmt das Passwort? --password-file)'),
  'archive-damaged': text('the archive cannot be read: {detail}', 'das Archiv ist nicht lesbar: {detail}'),
  'archive-member-refused': text('not taken from the archive: {detail}', 'nicht aus dem Archiv übernommen: {detail}'),
  'nothing-found': text('no certificate in it', 'kein Zertifikat darin'),
  'certificate-of-authority': text("an authority's certificate: it belongs under MailAnchor, or in the chain of a key", 'das Zertifikat einer Zertifizierungsstelle: es gehört in MailAnchor oder in die Kette eines Schlüssels'),
  'certificate-expired': text('expired since {detail}', 'abgelaufen seit {detail}'),
  'certificate-not-for-encryption': text('its key may not be used to encrypt', 'sein Schlüssel ist nicht zum Verschlüsseln bestimmt'),
  'address-missing': text('names no e-mail address', 'nennt keine E-Mail-Adresse'),
  'list-goes-on': text('there are more: --after {after}', 'es gibt mehr: --after {after}'),
  'certificates-exported': text('{count} certificates', '{count} Zertifikate'),
  'entry-awaiting-approval': text('awaits approval', 'wartet auf Freigabe'),
  'entry-removed': text('removed', 'entfernt'),
  'entry-distrusted': text('distrusted', 'gesperrt'),
  'entry-pinned': text('pinned', 'festgelegt'),
  'nothing-to-change': text('nothing to change', 'nichts zu ändern'),
  'certificate-distrusted': text('distrusted: {fingerprint}', 'gesperrt: {fingerprint}'),
  'certificate-trusted': text('no longer distrusted: {fingerprint}', 'nicht mehr gesperrt: {fingerprint}'),
  'certificate-pinned': text('pinned to {address}: {fingerprint}', 'für {address} festgelegt: {fingerprint}'),
  'certificate-unpinned': text('no longer pinned to {address}: {fingerprint}', 'für {address} nicht mehr festgelegt: {fingerprint}'),
  'entry-removed-now': text('removed: {id}; siegel keyring restore takes it back for 90 days', 'entfernt: {id}; siegel keyring restore holt es 90 Tage lang zurück'),
  'entry-restored': text('restored: {id}', 'wiederhergestellt: {id}'),
  'entry-approved': text('in use now: {id}', 'jetzt in Gebrauch: {id}'),
  'key-awaits-certificate': text('{id}: give the request to the authority, then siegel key import-reply FILE', '{id}: den Antrag der Zertifizierungsstelle geben, dann siegel key import-reply DATEI'),
  'key-certified': text('in use now: {id}, for {addresses}', 'jetzt in Gebrauch: {id}, für {addresses}'),
  'request-removed': text('the key {id} is gone', 'der Schlüssel {id} ist gelöscht'),
  'reply-fits-no-request': text('no certificate of the reply fits a key that waits for one: siegel key list shows them', 'kein Zertifikat der Antwort passt zu einem wartenden Schlüssel: siegel key list zeigt sie'),
  'reply-names-no-address': text('the certificate names none of the addresses that were asked for: {detail}', 'das Zertifikat nennt keine der beantragten Adressen: {detail}'),
  'chain-incomplete': text('the certificate of the issuer is missing: {detail}; give it with --chain', 'das Zertifikat des Ausstellers fehlt: {detail}; mit --chain angeben'),
  'domain-not-accepted': text('{detail} is in no domain that the authority may certify', '{detail} liegt in keiner Domäne, für die die Zertifizierungsstelle ausstellen darf'),
  'authority-created': text('{name}: certificate {fingerprint}; trusted here by MailAnchor {anchor}: keep that object when you apply with --prune', '{name}: Zertifikat {fingerprint}; hier vertraut durch MailAnchor {anchor}: das Objekt behalten, wenn mit --prune angewandt wird'),
  'certificate-issued': text('issued: {serial}, for {addresses}', 'ausgestellt: {serial}, für {addresses}'),
  'certificate-revoked': text('revoked: {serial}; write the CRL anew with siegel ca crl', 'widerrufen: {serial}; die Sperrliste mit siegel ca crl neu schreiben'),
  'master-key-rotated': text('{count} data keys are wrapped with the new master key: set masterKey to it before the gateway starts', '{count} Datenschlüssel sind mit dem neuen Hauptschlüssel umhüllt: masterKey darauf setzen, bevor das Gateway startet'),
  'master-key-rotated-before': text('the data is sealed under the new master key already: set masterKey to it', 'die Daten sind schon unter dem neuen Hauptschlüssel versiegelt: masterKey darauf setzen'),
}
