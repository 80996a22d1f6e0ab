/**
 * What is found at a certificate before it is put in force: codes with arguments, verdict, text and remedy in German and English.
 * Finds nothing itself.
 */

/** good: as it should be. warning: works, perhaps not as meant. bad: it is not put in force. */
export type FindingVerdict = 'good' | 'warning' | 'bad'

/** One finding. */
export interface IdentityFinding {
  readonly code: FindingCode
  readonly verdict: FindingVerdict
  readonly args: Readonly<Record<string, string>>
}

type Language = 'de' | 'en'

const t = (en: string, enTodo: string, de: string, deTodo: string) => ({
  en: { text: en, todo: enTodo },
  de: { text: de, todo: deTodo },
})

const TEXTS = {
  'names-host': t('names {host}', '', 'nennt {host}', ''),
  'name-missing': t('names {names}, not {host}', 'have it issued anew with {host} as DNS name in the SAN; the common name does not count', 'nennt {names}, nicht {host}', 'neu ausstellen lassen, mit {host} als DNS-Name im SAN; der Common Name zählt nicht'),
  valid: t('valid until {until}', '', 'gültig bis {until}', ''),
  'ends-soon': t('ends on {until}', 'request the next one now', 'endet am {until}', 'jetzt das nächste anfordern'),
  expired: t('ended on {until}', 'get a new one', 'endete am {until}', 'ein neues besorgen'),
  'not-yet-valid': t('begins on {from}', 'stage it for that time, or check the clock', 'beginnt am {from}', 'auf diese Zeit vormerken oder die Uhr prüfen'),
  'server-usage': t('allows serverAuth', '', 'erlaubt serverAuth', ''),
  'server-usage-missing': t('does not allow serverAuth: Exchange Online would not connect', 'have it issued anew as TLS server certificate, or use it with --use client', 'erlaubt serverAuth nicht: Exchange Online verbände sich nicht', 'als TLS-Server-Zertifikat neu ausstellen lassen oder nur mit --use client verwenden'),
  'client-usage': t('allows clientAuth', '', 'erlaubt clientAuth', ''),
  'client-usage-missing': t('does not allow clientAuth; public authorities no longer grant it, and whether Exchange Online insists on it is not documented', 'watch the first mails to Office 365 (siegel trace find); if the connector does not recognise the gateway, keep a certificate with clientAuth by --use client, or an inbound connector by IP address (then bounces and mail of foreign senders are not relayed)', 'erlaubt clientAuth nicht; öffentliche Stellen gewähren es nicht mehr, und ob Exchange Online darauf besteht, ist nicht dokumentiert', 'die ersten Mails an Office 365 beobachten (siegel trace find); erkennt der Connector das Gateway nicht, ein Zertifikat mit clientAuth über --use client behalten oder einen Eingangsconnector nach IP-Adresse (der leitet Unzustellbarkeitsmeldungen und Mail fremder Absender nicht weiter)'),
  'key-usage-refused': t('its key usage does not allow TLS', 'have it issued anew with digitalSignature', 'die Schlüsselverwendung erlaubt kein TLS', 'mit digitalSignature neu ausstellen lassen'),
  'is-authority': t('it is the certificate of an authority', 'import the certificate of the host', 'es ist das Zertifikat einer Zertifizierungsstelle', 'das Zertifikat des Hosts importieren'),
  'chain-public': t('its chain of {length} ends at the public root {root}', '', 'die Kette aus {length} endet an der öffentlichen Wurzel {root}', ''),
  'chain-private': t('its chain ends at the own TlsAnchor {root}', 'Exchange Online trusts public authorities only: not for a real tenant', 'die Kette endet am eigenen TlsAnchor {root}', 'Exchange Online vertraut nur öffentlichen Stellen: nicht für einen echten Mandanten'),
  'chain-incomplete': t('no chain from {issuer} to a root: {cause}', 'import it again together with the intermediates of its authority (--chain FILE): Exchange Online fetches none', 'keine Kette von {issuer} zu einer Wurzel: {cause}', 'zusammen mit den Zwischenzertifikaten der Stelle neu importieren (--chain DATEI): Exchange Online holt keine'),
  'chain-reordered': t('the certificates of the file were put in order, leaf first', '', 'die Zertifikate der Datei wurden geordnet, das eigene zuerst', ''),
  'chain-completed': t('{count} certificate(s) added to the chain from what was at hand', '', '{count} Zertifikat(e) der Kette aus Vorhandenem ergänzt', ''),
  'chain-reduced': t('{count} certificate(s) left out: roots, and what does not belong to the chain', '', '{count} Zertifikat(e) weggelassen: Wurzeln und was nicht zur Kette gehört', ''),
  'key-good': t('key: {key}', '', 'Schlüssel: {key}', ''),
  'key-not-rsa': t('key: {key}', 'RSA from 2048 bits is what Exchange Online surely speaks as client', 'Schlüssel: {key}', 'RSA ab 2048 Bit spricht Exchange Online als Client sicher'),
  'key-refused': t('key: {key}', 'make a new request: RSA from 2048 bits, P-256 or P-384', 'Schlüssel: {key}', 'neue Anforderung: RSA ab 2048 Bit, P-256 oder P-384'),
  'signature-old': t('{subject} is signed with SHA-1 or MD5', 'get a new certificate: Exchange Online refuses it', '{subject} ist mit SHA-1 oder MD5 signiert', 'neues Zertifikat besorgen: Exchange Online lehnt es ab'),
} as const // prettier-ignore

/** The codes of findings. */
export type FindingCode = keyof typeof TEXTS

/** Makes a finding. */
export function finding(
  verdict: FindingVerdict,
  code: FindingCode,
  args: Readonly<Record<string, string>> = {},
): IdentityFinding {
  return { code, verdict, args }
}

/** Whether nothing stands in the way. */
export function acceptable(findings: readonly IdentityFinding[]): boolean {
  return !findings.some(({ verdict }) => verdict === 'bad')
}

/** What a finding says and what to do; `todo` is empty when nothing is to be done. Control characters are replaced. */
export function explainFinding(
  { code, args, verdict }: IdentityFinding,
  language: Language,
): { readonly text: string; readonly todo: string } {
  const filled = (text: string): string =>
    text
      .replaceAll(/\{([A-Za-z]+)\}/g, (_, name: string) => args[name] ?? '?')
      .replaceAll(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '\u00b7')
  const { text, todo } = TEXTS[code][language]
  return { text: filled(text), todo: verdict === 'good' ? '' : filled(todo) }
}
