/**
 * The part of a notice that people read, and its subject: German, then English, in plain words by status code (RFC 3463). What a
 * remote host said is quoted, indented, as text.
 */
import { encodeQuotedPrintable, foldHeader } from '@siegel/engine'
import { mailDate } from './date.ts'
import type { NoticeInput, NoticeKind, NoticeRecipient } from './input.ts'
import type { Part } from './part.ts'
import { statusOf, withoutControls } from './status-part.ts'

type Language = 'de' | 'en'
type Words = Readonly<Record<Language, string>>

const KINDS: readonly NoticeKind[] = ['failed', 'delayed', 'relayed']

/** Encoded words where German has letters beyond US-ASCII. RFC 2047 2 */
const SUBJECTS: Readonly<Record<NoticeKind, string>> = {
  failed: 'Nicht zugestellt / Undeliverable',
  delayed: '=?UTF-8?Q?Zustellung_verz=C3=B6gert?= / Delivery delayed',
  relayed: 'Weitergeleitet / Relayed',
}

const INTRODUCTION: Words = {
  de: 'Dies ist eine automatische Nachricht des Mail-Gateways',
  en: 'This is an automatic message of the mail gateway',
}

const ABOUT: Words = { de: 'Sie betrifft Ihre Nachricht vom', en: 'It is about your message of' }

const HEADINGS: Readonly<Record<NoticeKind, Words>> = {
  failed: {
    de: 'Ihre Nachricht konnte nicht zugestellt werden; es wird nicht weiter versucht:',
    en: 'Your message could not be delivered, and there will be no further attempt:',
  },
  delayed: {
    de: 'Die Zustellung Ihrer Nachricht verzögert sich; Sie brauchen nichts zu tun:',
    en: 'The delivery of your message is delayed; there is nothing you need to do:',
  },
  relayed: {
    de: 'Ihre Nachricht wurde an ein System übergeben, das die Zustellung nicht bestätigt:',
    en: 'Your message was handed to a system that does not confirm its delivery:',
  },
}

const LABELS = {
  cause: { de: 'Grund', en: 'Reason' },
  remote: { de: 'Antwort von', en: 'Reply of' },
  unnamed: { de: 'der Gegenstelle', en: 'the remote host' },
  until: { de: 'Es wird weiter versucht bis', en: 'Attempts go on until' },
} as const satisfies Readonly<Record<string, Words>>

/** Subject and detail of a status, or the subject alone, and what it means. RFC 3463 3.2 to 3.8 */
const CAUSES: ReadonlyMap<string, Words> = new Map([
  ['1', { de: 'Die Adresse wurde nicht angenommen.', en: 'The address was not accepted.' }],
  ['1.1', { de: 'Die Adresse gibt es dort nicht.', en: 'The address does not exist there.' }],
  ['1.2', { de: 'Die Domain der Adresse nimmt keine Post an.', en: 'The domain takes no mail.' }],
  ['2', { de: 'Das Postfach nimmt die Nachricht nicht an.', en: 'The mailbox does not take the message.' }],
  ['2.2', { de: 'Das Postfach ist voll.', en: 'The mailbox is full.' }],
  ['2.3', { de: 'Die Nachricht ist zu groß.', en: 'The message is too large.' }],
  ['3', { de: 'Das Mailsystem ist gestört.', en: 'The mail system has a fault.' }],
  ['3.4', { de: 'Die Nachricht ist zu groß.', en: 'The message is too large.' }],
  ['4', { de: 'Das Zielsystem war nicht erreichbar.', en: 'The destination could not be reached.' }],
  ['4.7', { de: 'Die Frist für die Zustellung ist abgelaufen.', en: 'The time for the delivery is over.' }],
  ['6', { de: 'Form oder Inhalt wurde nicht angenommen.', en: 'Format or content was not accepted.' }],
  ['7.5', { de: 'Die verlangte Verschlüsselung oder Signatur ist nicht möglich.', en: 'The encryption or signature that is demanded is not possible.' }], // prettier-ignore
  ['7', { de: 'Sicherheitsvorgaben lassen es nicht zu.', en: 'A security policy does not allow it.' }],
])
const UNKNOWN_CAUSE: Words = { de: 'Ein Grund wurde nicht genannt.', en: 'No reason was given.' }

/** The subject: of the gravest kind that occurs. */
export function subjectOf(recipients: readonly NoticeRecipient[]): string {
  return SUBJECTS[KINDS.find((kind) => recipients.some((told) => told.kind === kind)) ?? 'failed']
}

/** Writes the part. RFC 6522 3: first a text for people */
export function humanPart(input: NoticeInput): Part {
  const lines = [...textIn('de', input), '', '-'.repeat(40), '', ...textIn('en', input), '']
  return {
    fields: [
      foldHeader('Content-Type', 'text/plain; charset=utf-8'),
      foldHeader('Content-Language', 'de, en'),
      foldHeader('Content-Transfer-Encoding', 'quoted-printable'),
    ],
    encoding: 'quoted-printable',
    content: [encodeQuotedPrintable(Buffer.from(lines.join('\r\n')))],
  }
}

function textIn(language: Language, { mail, tenant, recipients }: NoticeInput): string[] {
  const lines = [
    `${INTRODUCTION[language]} ${tenant.fqdn}.`,
    `${ABOUT[language]} ${mailDate(mail.receivedAt)}.`,
  ]
  for (const kind of KINDS) {
    const concerned = recipients.filter((told) => told.kind === kind)
    if (concerned.length === 0) continue
    lines.push('', HEADINGS[kind][language])
    for (const told of concerned) lines.push('', ...recipientLines(language, told))
  }
  return lines
}

function recipientLines(language: Language, told: NoticeRecipient): string[] {
  const { recipient, kind, reply, remoteHost, willRetryUntil, reason } = told
  const lines = [`  ${withoutControls(recipient.address)}`]
  const status = statusOf(told)
  if (kind !== 'relayed')
    lines.push(
      `    ${LABELS.cause[language]}: ${causeOf(status)[language]} (${status}, ${withoutControls(reason.code)})`,
    )
  if (kind === 'delayed' && willRetryUntil !== null)
    lines.push(`    ${LABELS.until[language]} ${mailDate(willRetryUntil)}.`)
  if (reply !== null && kind !== 'relayed') {
    const host = remoteHost === null ? LABELS.unnamed[language] : withoutControls(remoteHost)
    lines.push(`    ${LABELS.remote[language]} ${host}:`)
    for (const line of `${reply.code} ${reply.text}`.split('\n')) lines.push(`      ${withoutControls(line)}`)
  }
  return lines
}

function causeOf(status: string): Words {
  const [, subject = '', detail = ''] = status.split('.')
  return CAUSES.get(`${subject}.${detail}`) ?? CAUSES.get(subject) ?? UNKNOWN_CAUSE
}
