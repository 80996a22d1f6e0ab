/**
 * The four ways in which the spam verdict of the first pass survives the second, with what each one costs. Texts only.
 */
import type { Language } from './language.ts'
import type { SpamOption } from './options.ts'

const TEXTS: Readonly<Record<SpamOption, Readonly<Record<Language, readonly string[]>>>> = {
  A: {
    en: [
      'Spam on re-entry, option A (header retention): both connectors keep internal headers, so the verdict of the first pass holds.',
      'Trust rests on the certificate alone. Decrypted text may not be scanned a second time.',
    ],
    de: [
      'Spam bei der Rückkehr, Option A (Kopfzeilen behalten): beide Connectors behalten interne Kopfzeilen, das erste Urteil bleibt bestehen.',
      'Das Vertrauen beruht allein auf dem Zertifikat. Entschlüsselter Text wird womöglich nicht noch einmal geprüft.',
    ],
  },
  B: {
    en: [
      'Spam on re-entry, option B (trusted ARC sealer): the gateway must seal with ARC under its FQDN: set arcSealing of the tenant, with',
      'the FQDN as its domain, and publish the key in DNS. It is ignored while the policy MarkAsSpamSpfRecordHardFail is on.',
    ],
    de: [
      'Spam bei der Rückkehr, Option B (vertrauter ARC-Versiegler): das Gateway muss unter seinem FQDN mit ARC versiegeln: arcSealing des',
      'Mandanten setzen, mit dem FQDN als Domäne, und den Schlüssel im DNS veröffentlichen. Mit MarkAsSpamSpfRecordHardFail wird sie übergangen.',
    ],
  },
  C: {
    en: [
      'Spam on re-entry, option C (enhanced filtering): the last hop is skipped when the sender is judged. Not supported together with',
      'centralized transport; how it behaves when the hop behind the gateway is Exchange Online is undocumented. No rule may set SCL -1.',
    ],
    de: [
      'Spam bei der Rückkehr, Option C (erweiterte Filterung): beim Beurteilen des Absenders wird die letzte Station übersprungen. Nicht mit',
      'zentralisiertem Transport; undokumentiert, wenn vor dem Gateway Exchange Online steht. Keine Regel darf SCL -1 setzen.',
    ],
  },
  D: {
    en: [
      'Spam on re-entry, option D (SCL -1 by rule): most filtering is skipped for mail with the processed word. Decrypted text is not',
      'scanned for spam again; malware and high-confidence phishing still are. Microsoft calls the value an input, not a decision.',
    ],
    de: [
      'Spam bei der Rückkehr, Option D (SCL -1 durch Regel): für Mail mit dem Merkwort entfällt das meiste Filtern. Entschlüsselter Text wird',
      'nicht erneut auf Spam geprüft, wohl aber auf Schadcode und sicheres Phishing. Microsoft nennt den Wert eine Eingabe, keine Entscheidung.',
    ],
  },
}

/** What follows from an option. */
export function spamConsequences(option: SpamOption, language: Language): readonly string[] {
  return TEXTS[option][language]
}
