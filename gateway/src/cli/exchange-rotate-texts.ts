/**
 * What `siegel exchange rotate` says, in German and English. `{name}` is replaced by an argument. No logic but the replacing; no value
 * of a secret or word ever stands in a text.
 */
import type { Language } from './texts.ts'

function t(en: string, de: string): Readonly<Record<Language, string>> {
  return { en, de }
}

const TEXTS = {
  usage: t(
    'siegel exchange rotate secret or word, then confirm --state FILE, then finish [--force]; abort; status; forget',
    'siegel exchange rotate secret oder word, dann confirm --state DATEI, dann finish [--force]; abort; status; forget',
  ),
  'run-script': t(
    'next: siegel exchange script with the options of before, run it with -WhatIf, without, and with -Export; then siegel exchange rotate confirm --state FILE',
    'weiter: siegel exchange script mit den Optionen von vorher, ausführen mit -WhatIf, ohne, und mit -Export; dann siegel exchange rotate confirm --state DATEI',
  ),
  'only-recommended': t(
    'only the preset recommended has secrets and words',
    'Geheimnisse und Merkwörter gibt es nur mit der Vorgabe recommended',
  ),
  'under-way': t(
    'a change is under way: siegel exchange rotate status',
    'ein Wechsel läuft schon: siegel exchange rotate status',
  ),
  'none-under-way': t(
    'no change is under way: siegel exchange rotate secret or word',
    'es läuft kein Wechsel: siegel exchange rotate secret oder word',
  ),
  'not-one': t(
    'there is not exactly one {direction} {what}: take the old ones out with siegel apply',
    'es gibt nicht genau ein {what} für {direction}: die alten mit siegel apply entfernen',
  ),
  'old-settings': t('the tenant has no good settings', 'die Einstellungen des Mandanten sind fehlerhaft'),
  aborted: t('the old values are the new ones now', 'die alten Werte sind jetzt die neuen'),
  'not-confirmed': t('the rules are not confirmed yet', 'die Regeln sind noch nicht bestätigt'),
  'too-early': t(
    'rules may still be the old ones until {at}: finish then',
    'bis {at} können noch die alten Regeln gelten: finish erst dann',
  ),
  'not-seen': t(
    'no {direction} mail with the new secret has come since {at}: send one through (see siegel exchange rotate status), or finish --force',
    'seit {at} kam keine Mail ({direction}) mit dem neuen Geheimnis: eine hindurchschicken (siehe siegel exchange rotate status), oder finish --force',
  ),
  'forced-warning': t(
    'warning: no {direction} mail with the new secret was seen; if the rules lack it, such mail is refused from {until} on',
    'Warnung: keine Mail ({direction}) mit dem neuen Geheimnis gesehen; fehlt es in den Regeln, wird solche Mail ab {until} abgelehnt',
  ),
  'finished-secret': t(
    'the old secrets are taken until {until}, for mail that waits in Exchange Online; nothing is left to do',
    'die alten Geheimnisse gelten bis {until}, für Mail, die in Exchange Online wartet; es bleibt nichts zu tun',
  ),
  'finished-word': t(
    'the old words are gone here, the old secrets are taken until {until}; next: siegel exchange script with the options of before, run it: the words go from the rules too',
    'die alten Merkwörter sind hier fort, die alten Geheimnisse gelten bis {until}; weiter: siegel exchange script mit den Optionen von vorher und ausführen: die Wörter gehen auch aus den Regeln',
  ),
  forgotten: t('old secrets are taken no more', 'alte Geheimnisse gelten nicht mehr'),
  'nothing-retired': t('there are no old secrets', 'es gibt keine alten Geheimnisse'),
  'confirmed-already': t(
    'confirmed already; next: siegel exchange rotate finish',
    'schon bestätigt; weiter: siegel exchange rotate finish',
  ),
  'state-needed': t(
    'confirm needs --state FILE, which the script writes with -Export',
    'confirm braucht --state DATEI, die das Skript mit -Export schreibt',
  ),
  'state-of-other': t(
    'the state is not of the tenant {name}',
    'der Stand ist nicht der des Mandanten {name}',
  ),
  'state-old': t(
    'the state is older than the change: run the script, then -Export',
    'der Stand ist älter als der Wechsel: das Skript ausführen, dann -Export',
  ),
  confirmed: t(
    'confirmed; next: mail through both ways, then siegel exchange rotate finish, in 30 minutes or more',
    'bestätigt; weiter: Mail in beide Richtungen, dann siegel exchange rotate finish, frühestens in 30 Minuten',
  ),
  moved: t(
    'the configuration was changed meanwhile; try again',
    'die Einstellungen wurden inzwischen geändert; noch einmal versuchen',
  ),
  'status-none': t('no change is under way', 'es läuft kein Wechsel'),
  'status-finished': t(
    '{what} changed at {at}, no change is under way',
    '{what} gewechselt am {at}, es läuft kein Wechsel',
  ),
  'status-added': t('{what}, both values count since {at}', '{what}, beide Werte gelten seit {at}'),
  'status-confirmed': t('{what}, rules confirmed at {at}', '{what}, Regeln bestätigt am {at}'),
  'status-back': t('back to the old values', 'zurück zu den alten Werten'),
  'status-seen': t('{direction}: seen at {at} (trace {mail})', '{direction}: gesehen am {at} (trace {mail})'),
  'status-not-seen': t(
    '{direction}: no mail with the new secret seen since {at}',
    '{direction}: noch keine Mail mit dem neuen Geheimnis seit {at}',
  ),
  'status-retired': t('old secrets are taken until {until}', 'alte Geheimnisse gelten bis {until}'),
  outbound: t('outbound', 'ausgehend'),
  inbound: t('inbound', 'eingehend'),
  secret: t('secret', 'Geheimnis'),
  word: t('word', 'Merkwort'),
} as const

/** A text by its name. */
export type RotateText = keyof typeof TEXTS

/** Says a text in a language. */
export type Say = (name: RotateText, args?: Readonly<Record<string, string>>) => string

/** The texts of one language. */
export function rotateTexts(language: Language): Say {
  return (name, args = {}) =>
    TEXTS[name][language].replaceAll(/\{(\w+)\}/g, (_, key: string) => args[key] ?? '')
}
