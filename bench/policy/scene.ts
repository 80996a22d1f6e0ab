/**
 * What the benchmark of decisions is about: addresses by number, settings and rules of one large tenant, and the mail. Pure: the same
 * numbers give the same scene in every process. Makes no key and opens nothing.
 */
import { scanHeader, scanMessage } from '@siegel/engine'
import { toPem } from '../../gateway/src/config/certificates.ts'
import type { ConfigObject } from '../../gateway/src/config/ports.ts'
import { measure } from '../../gateway/src/mail/measure.ts'
import type { GatheredMail } from '../../gateway/src/mail/policy/gather.ts'
import type { ScannedMessage } from '../../gateway/src/mail/policy/scanned-message.ts'
import type { Certificate } from '@siegel/engine'

/** How much there is of everything. */
export interface Scale {
  readonly partners: number
  /** Own addresses with their keys. */
  readonly users: number
  /** Domains with settings: half of them our own, half of partners. */
  readonly domains: number
  readonly rules: number
}

/** Accepted domains of a tenant at most. */
const OWN_DOMAINS = 5000
const PARTNER_DOMAINS = 20_000
const TENANT = 'contoso'
const RECIPIENTS = 5
const HOST = 'gw.contoso.example'

/** The address of a partner, by number from 0. */
export function partnerAddress(index: number): string {
  return `person${index}@partner${index % PARTNER_DOMAINS}.example`
}

/** The address of a user, by number from 0. */
export function userAddress(index: number): string {
  return `user${index}@unit${index % OWN_DOMAINS}.contoso.example`
}

function objectOf(kind: string, name: string, spec: object): ConfigObject {
  return { kind, name, tenant: kind === 'Tenant' ? null : TENANT, spec, secrets: {} }
}

/** The tenant and its authority: what an empty store has too. */
export function tenantObjects(anchor: Certificate): ConfigObject[] {
  return [
    objectOf('Tenant', TENANT, {
      microsoftTenantId: '4f2b1c9e-7d5a-4e0b-9c33-1a2b3c4d5e6f',
      acceptedDomains: [
        HOST,
        ...Array.from({ length: OWN_DOMAINS - 1 }, (_, at) => `unit${at}.contoso.example`),
      ],
      fqdn: HOST,
      preset: 'as-documented',
      route: '[contoso.mail.protection.outlook.com]:25',
    }),
    objectOf('MailAnchor', 'bench', { certificate: toPem([anchor]) }),
  ]
}

/** Settings of domains and partners, and rules of every kind. */
export function treatmentObjects({ domains, rules }: Scale): ConfigObject[] {
  const half = Math.floor(domains / 2)
  const numbers = (count: number) => Array.from({ length: count }, (_, at) => at)
  return [
    ...numbers(half).map((at) =>
      objectOf('TreatmentSettings', `domain-${at}`, {
        domain: `unit${at}.contoso.example`,
        sign: 'always',
        holdHours: 24 + (at % 24),
      }),
    ),
    ...numbers(domains - half).map((at) =>
      objectOf('TreatmentSettings', `partner-${at}`, {
        partner: `${at % 2 === 0 ? '' : '*.'}partner${at}.example`,
        encrypt: at % 3 === 0 ? 'always' : 'if-possible',
      }),
    ),
    ...numbers(rules).map((at) => objectOf('Rule', `rule-${at}`, ruleSpec(at))),
  ]
}

/** What rules ask for, in turn: people, domains, words, fields, attachments, size, kinds. */
function ruleSpec(at: number): object {
  const list = (one: (index: number) => string) =>
    Array.from({ length: 20 }, (_, each) => one(at * 20 + each))
  const conditions = [
    { recipient: list(partnerAddress) },
    { recipient: list((index) => `partner${index % PARTNER_DOMAINS}.example`) },
    { sender: list(userAddress) },
    { recipient: list((index) => `*.partner${index}.example`), subject: [`contract ${at}`] },
    { subject: [`[secret ${at}]`, `confidential-${at}`] },
    { header: [{ name: 'msip_labels', contains: `SiteId=${at}-` }] },
    { attachment: [`.x${at}`, `application/vnd.bench-${at}`] },
    { sender: list((index) => `unit${index % OWN_DOMAINS}.contoso.example`), kind: ['list'] },
    { largerThan: 20_000_000 + at },
    { kind: ['tnef'], sensitivity: ['private'] },
  ]
  return { order: at + 1, when: conditions[at % conditions.length], then: { encrypt: 'always' } }
}

/** A mail as policy sees it. */
export interface SceneMail {
  readonly mail: GatheredMail
  readonly message: ScannedMessage
  readonly recipients: readonly string[]
}

const BODY =
  '--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n' +
  'The quick brown fox jumps over the lazy dog and runs into the woods again\r\n'.repeat(20) +
  '--b\r\nContent-Type: application/pdf; name="offer.pdf"\r\nContent-Disposition: attachment; filename="offer.pdf"\r\n' +
  `Content-Transfer-Encoding: base64\r\n\r\n${`${'QUJD'.repeat(19)}\r\n`.repeat(20)}--b--\r\n`

/** A mail of a user to five partners, read as the path of a mail reads it. */
export function sceneMail(user: number, partners: readonly number[], now: number): SceneMail {
  const sender = userAddress(user)
  const recipients = partners.slice(0, RECIPIENTS).map(partnerAddress)
  const bytes = Buffer.from(
    `From: User <${sender}>\r\nTo: ${recipients.map((address) => `<${address}>`).join(',\r\n ')}\r\nSubject: Our offer\r\n` +
      `Message-ID: <${user}.${partners.join('.')}@bench.example>\r\nDate: Tue, 24 Nov 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\n` +
      `msip_labels: MSIP_Label_1_Enabled=true;MSIP_Label_1_SiteId=none\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n${BODY}`,
    'latin1',
  )
  const { fields, bodyStart } = scanHeader(bytes)
  const measured = measure([bytes.subarray(0, bodyStart)], [bytes.subarray(bodyStart)])
  return {
    mail: {
      direction: 'outbound',
      attribution: null,
      receivedAt: now,
      envelope: { sender },
      body: { ...measured, nul: false },
    },
    message: { bytes, root: scanMessage(bytes), fields },
    recipients,
  }
}
