/**
 * Gathers the facts of one mail: reads the header and the MIME shape, asks the keyring. Decides nothing.
 * A header that cannot be read without doubt is reported as such in the facts, never guessed.
 */
import {
  fieldsNamed,
  headerValue,
  parseAddresses,
  carriesCms,
  smimeKind,
  type MimeNode,
} from '@siegel/engine'
import type { GroupMembership } from '../../directory/ports.ts'
import type { ShownCapabilities } from '../../keyring/capabilities.ts'
import { lookupForm, type Keyring } from '../../keyring/keyring.ts'
import { domainOf } from '../../smtp/address.ts'
import type { Recipient } from '../envelope.ts'
import { VALIDATION_WINDOW, type ReceivedMail } from '../message.ts'
import type { Tenant } from '../tenant.ts'
import type { Facts, MessageKind, Protection, RecipientFacts } from './facts.ts'
import { askedTreatment, type TreatmentLevels } from './levels.ts'
import { profileReasons } from './profile-reasons.ts'
import { demandsOf } from './profiles.ts'
import { recipientKeys, signerFor, type SignerFound } from './profile-keys.ts'
import { ruledMail } from './ruled-mail.ts'
import { RuleTrial, type Rule } from './rules.ts'
import type { ScannedMessage } from './scanned-message.ts'

/** What gathering asks of a mail. */
export type GatheredMail = Pick<ReceivedMail, 'direction' | 'attribution' | 'receivedAt'> & {
  readonly envelope: Pick<ReceivedMail['envelope'], 'sender'>
  readonly body: Pick<ReceivedMail['body'], 'size' | 'eightBit' | 'bareLineEnds' | 'nul' | 'longestLine'>
}

/** What gathering needs beside the mail. */
export interface GatherContext {
  readonly tenant: Pick<Tenant, 'acceptedDomains' | 'ediEnergyEdition'>
  readonly settingsVersion: number
  readonly keyring: Keyring
  /** What an address has shown to be able to read; null when nothing is known. */
  readonly capabilities?: (address: string) => ShownCapabilities | null
  /** What is asked for outbound mail. */
  readonly levels: TreatmentLevels
  /** The rules for outbound mail that are enabled, in their order. */
  readonly rules: readonly Rule[]
  /** The tenant's directory; null when there is none that can be believed. */
  readonly groups: GroupMembership | null
  /** What the next hop takes at most, in octets. */
  readonly sizeLimit: number
  /** Recipients of the mail who are not among those to be planned, and for whom nothing has been made yet. */
  readonly apart: number
  /** Milliseconds since 1970. */
  readonly now: number
}

/** Characters of a From field that is read, and of a field with recipients: 1000 recipients fit. */
const LONGEST_FROM = 16_384
const LONGEST_RECIPIENTS = 262_144
/** Text lines longer than this must be encoded before signing. RFC 5322 2.1.1 */
const LONGEST_LINE = 998

/**
 * Gathers the facts.
 * @param deliveries - those to be planned
 * @throws whatever the keyring throws: a broken entry is not "no certificate"
 */
export async function gather(
  mail: GatheredMail,
  message: ScannedMessage,
  deliveries: readonly {
    readonly number: number
    readonly recipient: Pick<Recipient, 'address'>
    readonly released: boolean
  }[],
  context: GatherContext,
): Promise<Facts> {
  const from = readFrom(message)
  const single =
    from.fields === 1 && from.addresses.length === 1 && !from.ambiguous ? (from.addresses[0] ?? null) : null
  const fromAccepted = single !== null && context.tenant.acceptedDomains.includes(domainOf(single))
  const protection = protectionOf(message, mail)
  const kind = kindOf(message, mail)
  const senders = sendersOf(from, mail.envelope.sender)
  const trial = trialOf(mail, message, context, { senders, kind, protection })
  const ordinary = mail.direction === 'outbound' && protection === 'none' && kind === 'ordinary'
  const signer = ordinary && single !== null ? await context.keyring.signer(single, context.now) : null
  const visible = visibleAddresses(message)
  const tried = deliveries.map((delivery) => {
    const known = lookupForm(delivery.recipient.address)
    const asked = askedTreatment(context.levels, senders, known)
    return { ...delivery, known, ruled: trial?.apply(known, asked) ?? null }
  })
  const whole = tried.some(({ ruled }) => ruled?.asked.encrypt.value === 'all-or-nothing')
  const signers = new Map<string, SignerFound>()
  // All at once: what has to be asked for outside takes its time.
  const recipients = await Promise.all(
    tried.map(async ({ number, recipient, released, known, ruled }): Promise<RecipientFacts> => {
      const profile = ruled?.asked.profile.value ?? 'compatible'
      const both = demandsOf(profile).signAndEncrypt
      const demanded = whole || both || ruled?.asked.encrypt.value === 'always'
      const outside = whole || both || ruled?.asked.encrypt.value !== 'never'
      const keys =
        ordinary || (trial !== null && demanded)
          ? await recipientKeys(recipient.address, profile, context, outside)
          : NO_KEYS
      return {
        delivery: number,
        address: recipient.address,
        visible: visible.has(known),
        ...keys,
        ...(ordinary && single !== null ? await signerFor(single, profile, context, signers) : {}),
        ...(keys.certificate === null ? {} : shownBy(known, context)),
        ...profileReasons(message, profile, context.tenant, ordinary),
        asked: ruled?.asked ?? null,
        rules: ruled?.found ?? [],
        action: ruled?.action ?? null,
        released,
      }
    }),
  )
  const { body } = mail
  return {
    version: 2,
    settingsVersion: context.settingsVersion,
    direction: mail.direction,
    sender: mail.envelope.sender,
    from,
    fromAccepted,
    authAs: authAsOf(message),
    kind,
    protection,
    earlierPasses: mail.attribution?.earlierPasses ?? 0,
    age: Math.max(0, context.now - mail.receivedAt),
    size: body.size,
    needsEncoding: body.eightBit || body.bareLineEnds || body.nul || body.longestLine > LONGEST_LINE,
    sizeLimit: context.sizeLimit,
    signer:
      signer !== null && signer.credential !== null && signer.fingerprint !== null
        ? { credential: signer.credential, fingerprint: signer.fingerprint }
        : null,
    signerReasons: [...(signer?.reasons ?? [])],
    apart: context.apart,
    recipients,
  }
}

/** The rules, ready to be tried on an outbound mail; null for any other. */
function trialOf(
  { direction, body, envelope }: GatheredMail,
  message: ScannedMessage,
  { rules, groups }: GatherContext,
  known: { readonly senders: readonly string[]; readonly kind: MessageKind; readonly protection: Protection },
): RuleTrial | null {
  if (direction !== 'outbound') return null
  const nullSender = envelope.sender === ''
  return new RuleTrial(rules, ruledMail(message, { ...known, groups, size: body.size, nullSender }))
}

const NO_KEYS = { certificate: null, certificateReasons: [] } as const

function shownBy(address: string, context: GatherContext): Pick<RecipientFacts, 'capabilities'> {
  const capabilities = context.capabilities?.(address) ?? null
  return capabilities === null ? {} : { capabilities }
}

/** Who may have sent the mail: its author, and where that is not said without doubt everybody who is named, and the envelope. */
function sendersOf({ addresses, fields, ambiguous }: Facts['from'], envelope: string): string[] {
  const authors = addresses.map(lookupForm)
  if (fields === 1 && authors.length === 1 && !ambiguous) return authors
  return [...new Set([...authors, ...(envelope === '' ? [] : [lookupForm(envelope)])])]
}

function valueOf(message: ScannedMessage, lower: string): string | null {
  const [field] = fieldsNamed(message.fields, lower)
  return field === undefined ? null : headerValue(message.bytes, field).trim()
}

/** Exchange's fields that say who the author is to it. */
const AUTH_AS = ['crosstenant', 'organization', 'crosspremises'].map(
  (family) => `x-ms-exchange-${family}-authas`,
)

/** What Exchange says of the author: of several fields the one that vouches least; null when there is none. */
function authAsOf(message: ScannedMessage): string | null {
  const values = AUTH_AS.flatMap((name) => fieldsNamed(message.fields, name)).map((field) =>
    headerValue(message.bytes, field).trim(),
  )
  return values.find((value) => value.toLowerCase() !== 'internal') ?? values[0] ?? null
}

function readFrom(message: ScannedMessage): Facts['from'] {
  const fields = fieldsNamed(message.fields, 'from')
  const values = fields.map((field) => headerValue(message.bytes, field))
  // One author has a short field; a long one is not read for the time that it would take.
  if (values.some((value) => value.length > LONGEST_FROM))
    return { addresses: [], fields: fields.length, ambiguous: true }
  const lists = values.map((value) => parseAddresses(value))
  return {
    addresses: lists.flatMap((list) => list.mailboxes.map((mailbox) => mailbox.address)).slice(0, 100),
    fields: fields.length,
    ambiguous: lists.some((list) => list.ambiguous),
  }
}

/** Addresses in To and Cc, in look-up form. */
function visibleAddresses(message: ScannedMessage): Set<string> {
  const visible = new Set<string>()
  for (const name of ['to', 'cc'])
    for (const field of fieldsNamed(message.fields, name)) {
      const value = headerValue(message.bytes, field)
      // Whom a longer one names is not known: each recipient then has a copy of their own.
      if (value.length > LONGEST_RECIPIENTS) continue
      for (const mailbox of parseAddresses(value).mailboxes) visible.add(lookupForm(mailbox.address))
    }
  return visible
}

/**
 * How the mail is protected already. A label alone is no protection: what only calls itself encrypted, and compressed content
 * going out, would else leave in clear although the recipient's certificate is known.
 */
function protectionOf({ root, bytes }: ScannedMessage, { direction }: GatheredMail): Protection {
  if (root === null) return 'damaged'
  const kind = smimeKind(root, bytes)
  if (kind === null) return isOpenPgp(root) ? 'openpgp' : 'none'
  if (direction === 'inbound' || kind === 'clear-signed') return kind
  return kind !== 'compressed' && carriesCms(root, bytes) ? kind : 'none'
}

/** RFC 3156 4 and 5: the protocol, and the part that it asks for in its place. */
function isOpenPgp({ type, params, parts }: MimeNode): boolean {
  const protocol = params['protocol']?.toLowerCase()
  if (type === 'multipart/encrypted')
    return protocol === 'application/pgp-encrypted' && parts[0]?.type === protocol
  return (
    type === 'multipart/signed' && protocol === 'application/pgp-signature' && parts[1]?.type === protocol
  )
}

/** Decides by the standard marks only; a mail without any is ordinary. */
function kindOf(message: ScannedMessage, mail: GatheredMail): MessageKind {
  if (mail.attribution?.factors.includes(VALIDATION_WINDOW) === true) return 'connector-validation'
  const root = message.root
  if (root === null) return 'ordinary'
  if (root.type === 'multipart/report') {
    const report = (root.params['report-type'] ?? '').toLowerCase()
    // RFC 3464 2 and RFC 8098 3
    if (report === 'delivery-status') return 'delivery-status'
    if (report === 'disposition-notification') return 'disposition'
  }
  // Microsoft's rights-protected message: a single attachment that only its own clients can open.
  if (
    fieldsNamed(message.fields, 'content-class').length > 0 &&
    /rpmsg/i.test(valueOf(message, 'content-class') ?? '')
  )
    return 'protected-rights'
  if (isCalendar(root)) return 'calendar'
  // RFC 3834 5: auto-replied is an answer to one mail; Exchange marks out-of-office with auto-generated and a null sender.
  const automatic = (valueOf(message, 'auto-submitted') ?? 'no').toLowerCase()
  if (automatic.startsWith('auto-replied')) return 'out-of-office'
  if (automatic.startsWith('auto-generated') && mail.envelope.sender === '') return 'out-of-office'
  return 'ordinary'
}

/** RFC 6047 2.4: an iMIP object is text/calendar with a method, alone or as an alternative. */
function isCalendar(root: MimeNode): boolean {
  const scheduling = (node: MimeNode): boolean =>
    node.type === 'text/calendar' && node.params['method'] !== undefined
  if (scheduling(root)) return true
  if (!root.type.startsWith('multipart/')) return false
  return root.parts.some(
    (part) =>
      scheduling(part) ||
      (part.type.startsWith('multipart/') && part.parts.some((inner) => scheduling(inner))),
  )
}
