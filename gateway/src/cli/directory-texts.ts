/**
 * What the verb `directory` says to an operator, in German and English. They are no codes of the trace.
 */

type Text = Readonly<Record<'de' | 'en', string>>

function text(en: string, de: string): Text {
  return { en, de }
}

/** Every text by its code. */
// prettier-ignore
export const DIRECTORY_TEXTS: Readonly<Record<string, Text>> = {
  'directory-imported-users': text('{source}: {entries} users with {addresses} addresses in use, {refused} not taken, {shared} addresses claimed by several users, {widened} addresses newly served by own keys', '{source}: {entries} Benutzer mit {addresses} Adressen in Gebrauch, {refused} nicht übernommen, {shared} Adressen von mehreren Benutzern beansprucht, {widened} Adressen neu von eigenen Schlüsseln bedient'),
  'directory-imported-groups': text('{source}: {entries} groups with {addresses} members in use, {refused} not taken', '{source}: {entries} Gruppen mit {addresses} Mitgliedern in Gebrauch, {refused} nicht übernommen'),
  'directory-more-findings': text('and {count} more', 'und {count} weitere'),
  'directory-line': text('line {line}: {text}', 'Zeile {line}: {text}'),
  'row-too-long': text('longer than a mebibyte', 'länger als ein Mebibyte'),
  'quotes-malformed': text('the quotes are not closed, or do not enclose the whole cell', 'die Anführungszeichen sind nicht geschlossen oder umschließen nicht die ganze Zelle'),
  'address-malformed': text('no e-mail address: {detail}', 'keine E-Mail-Adresse: {detail}'),
  'too-many-addresses': text('too many addresses for one user: {detail}', 'zu viele Adressen für einen Benutzer: {detail}'),
  'user-without-address': text('a user without an e-mail address', 'ein Benutzer ohne E-Mail-Adresse'),
  'group-missing': text('names no group', 'nennt keine Gruppe'),
  'group-name-too-long': text('the name of the group is too long: {detail}', 'der Name der Gruppe ist zu lang: {detail}'),
  'member-too-long': text('the member is too long: {detail}', 'das Mitglied ist zu lang: {detail}'),
  'member-unknown': text('a member that is neither an address nor a group of the file; who is not seen in the group may be in it: {detail}', 'ein Mitglied, das weder eine Adresse noch eine Gruppe der Datei ist; wer nicht in der Gruppe steht, kann doch darin sein: {detail}'),
  'member-group-unknown': text('a group within a group that is not in the file; who is not seen in the group may be in it: {detail}', 'eine Gruppe in einer Gruppe, die nicht in der Datei steht; wer nicht in der Gruppe steht, kann doch darin sein: {detail}'),
  'group-too-deep': text('groups within groups more than 20 deep; who is not seen in the group may be in it: {detail}', 'Gruppen in Gruppen, mehr als 20 tief; wer nicht in der Gruppe steht, kann doch darin sein: {detail}'),
  'address-shared': text('{detail} is claimed by several users and serves none of them', '{detail} wird von mehreren Benutzern beansprucht und dient keinem'),
  // why nothing is taken
  'not-utf-8': text('the file is not in UTF-8: write it with Export-Csv -Encoding utf8', 'die Datei ist nicht in UTF-8: mit Export-Csv -Encoding utf8 schreiben'),
  'columns-missing': text('the first line names no column {columns}', 'die erste Zeile nennt keine Spalte {columns}'),
  'directory-empty': text('nothing in the file can be used: the directory stays as it was', 'nichts in der Datei ist brauchbar: das Verzeichnis bleibt, wie es war'),
  'directory-shrunk': text('{now} instead of {before}: more than half is gone; if that is right, --accept-smaller', '{now} statt {before}: mehr als die Hälfte ist weg; wenn das richtig ist, --accept-smaller'),
  'directory-too-large': text('the file holds more than a directory may have', 'die Datei enthält mehr, als ein Verzeichnis haben darf'),
  'directory-incomplete': text('another import has run at the same time: import again', 'gleichzeitig lief ein anderer Import: noch einmal importieren'),
  // status and show
  'directory-part': text('{part}: {entries} ({addresses} addresses) of {syncedAt}, from {source}', '{part}: {entries} ({addresses} Adressen) vom {syncedAt}, aus {source}'),
  'directory-part-missing': text('{part}: never imported', '{part}: nie importiert'),
  'directory-too-old': text('{part}: older than {hours} hours, not believed: import again', '{part}: älter als {hours} Stunden, gilt nicht: neu importieren'),
  'directory-no-groups': text('rules on groups cannot be judged: the safer treatment is chosen', 'Regeln über Gruppen sind nicht zu beurteilen: es gilt die sicherere Behandlung'),
  'directory-unknown': text('{address}: not in the directory', '{address}: nicht im Verzeichnis'),
  'directory-user': text('user: {addresses}', 'Benutzer: {addresses}'),
  'directory-groups': text('groups: {groups}', 'Gruppen: {groups}'),
  'directory-keys': text('own keys that open mail to {address}: {keys}', 'eigene Schlüssel, die Mail an {address} öffnen: {keys}'),
  'directory-group': text('group {name}: {members}', 'Gruppe {name}: {members}'),
  'directory-group-incomplete': text('not all members of the group are known', 'nicht alle Mitglieder der Gruppe sind bekannt'),
}
