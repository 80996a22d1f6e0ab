/**
 * What `siegel profile check` and `siegel partner capabilities` say, in English and German. They are in no trace.
 */
import type { Language } from './texts.ts'

/** English, German. `{name}` is replaced by an argument. */
export const PROFILE_TEXTS = {
  'capability-said': ['says that it reads {what} (mail {mail}, signed {at})', 'sagt, dass er {what} liest (Mail {mail}, signiert {at})'],
  'capability-used': ['has encrypted with {what} (mail {mail}, signed {at})', 'hat mit {what} verschlüsselt (Mail {mail}, signiert {at})'],
  'capability-header-protection': ['has protected header fields by RFC 9788 (mail {mail}, signed {at})', 'hat Kopfzeilen nach RFC 9788 geschützt (Mail {mail}, signiert {at})'],
  'profile-check-signed-and-encrypted': ['the Plan signs and encrypts: {found}', 'der Plan signiert und verschlüsselt: {found}'],
  'profile-check-content-encryption': ['content encryption: {found}', 'Inhaltsverschlüsselung: {found}'],
  'profile-check-key-encryption': ['key encryption: {found}', 'Schlüsselverschlüsselung: {found}'],
  'profile-check-layers': ['layers of encryption: {found}', 'Schichten der Verschlüsselung: {found}'],
  'profile-check-digest': ['digest: {found}', 'Hashverfahren: {found}'],
  'profile-check-signature': ['signature: {found}', 'Signatur: {found}'],
  'profile-check-chain': ['signatures of the certificates: {found}', 'Signaturen der Zertifikate: {found}'],
  'profile-check-opens': ['the partner opens it: {found}', 'der Partner öffnet sie: {found}'],
  'profile-check-verifies': ['the partner verifies it: {found}', 'der Partner prüft sie: {found}'],
  'profile-check-refused': ['a certificate that is refused: {found}', 'ein Zertifikat, das abgelehnt wird: {found}'],
  'profile-check-own-key': ['own key: {found}', 'eigener Schlüssel: {found}'],
  'profile-check-partner-certificate': ['certificate of a partner: {found}', 'Zertifikat eines Partners: {found}'],
  'profile-check-one-certificate': ['more than one good certificate for one address: {found}', 'mehr als ein gutes Zertifikat für eine Adresse: {found}'],
  'profile-check-edition': ['edition of the rules that is confirmed: {found}', 'bestätigte Ausgabe der Regelungen: {found}'],
} as const // prettier-ignore

/** One text in a language, filled in. */
export function profileText(
  code: keyof typeof PROFILE_TEXTS,
  args: Readonly<Record<string, string>>,
  language: Language,
): string {
  const [en, de] = PROFILE_TEXTS[code]
  return (language === 'de' ? de : en).replaceAll(/\{(\w+)\}/g, (_, name: string) => args[name] ?? '')
}
