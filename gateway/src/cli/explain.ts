/**
 * `siegel explain`: what would become of a mail, and why, without sending it: the Plan that the gateway would make now, with every
 * setting and where it comes from, and every key and certificate that was looked at. Reads; changes nothing.
 */
import { scanHeader, scanMessage, type MimeNode } from '@siegel/engine'
import { toLookupAddress } from '@siegel/contract'
import { shownBy } from '../keyring/capabilities.ts'
import { createFindingKeyring } from '../keyring/find/finding-keyring.ts'
import { createKeyring } from '../keyring/keyring.ts'
import type { Plan, Reason, RecipientPlan, Treatment } from '../mail/plan.ts'
import { decide } from '../mail/policy/decide.ts'
import type { Facts } from '../mail/policy/facts.ts'
import { gather } from '../mail/policy/gather.ts'
import { NO_LEVELS, type AskedTreatment } from '../mail/policy/levels.ts'
import { measure } from '../mail/measure.ts'
import { domainOf } from '../smtp/address.ts'
import { directoryOf } from './directory-context.ts'
import { readLanguage, TENANT_OPTIONS, withTenant, type AssistContext } from './exchange-tenant.ts'
import { readInput, UsageError, type ExitCode, type Io } from './io.ts'
import { readOptions, type Options } from './options.ts'
import { printable, render, type Language } from './texts.ts'
import { lookingOutside } from './looking-outside.ts'
import { trustAtHand } from './trust-context.ts'

const OPTIONS = {
  ...TENANT_OPTIONS,
  from: { type: 'string' },
  to: { type: 'string', multiple: true },
  header: { type: 'string', multiple: true },
  file: { type: 'string' },
  json: { type: 'boolean' },
} as const

/** What Exchange Online and most hops take; what a hop has said since is not known here. */
const SIZE_LIMIT = 157_286_400
const LARGEST_FILE = 32 * 1024 * 1024

const WORDS = {
  en: {
    ...{ outbound: 'outbound', inbound: 'inbound', notice: 'a notice of our own', report: 'a report about TLS of our own' },
    ...{ pass: 'passes as it is', inspect: 'is decrypted and verified', hold: 'is held', bounce: 'goes back' },
    ...{ sign: 'is signed', encrypt: 'is encrypted', both: 'is signed and encrypted', settings: 'settings' },
    ...{ factory: 'factory', global: 'all tenants', tenant: 'tenant', domain: 'domain', user: 'user', rule: 'rule', partner: 'partner' },
  },
  de: {
    ...{ outbound: 'ausgehend', inbound: 'eingehend', notice: 'eine eigene Benachrichtigung', report: 'ein eigener Bericht über TLS' },
    ...{ pass: 'geht unverändert durch', inspect: 'wird entschlüsselt und geprüft', hold: 'wird angehalten', bounce: 'geht zurück' },
    ...{ sign: 'wird signiert', encrypt: 'wird verschlüsselt', both: 'wird signiert und verschlüsselt', settings: 'Einstellungen' },
    ...{ factory: 'Werk', global: 'alle Mandanten', tenant: 'Mandant', domain: 'Domäne', user: 'Benutzer', rule: 'Regel', partner: 'Partner' },
  },
} as const // prettier-ignore

/** A mail as the question describes it. */
interface Question {
  readonly bytes: Buffer
  readonly sender: string
  readonly recipients: readonly string[]
}

/** Reads the question. @throws UsageError */
async function readQuestion(options: Options, io: Io): Promise<Question> {
  const file = options.text('file')
  const recipients = options.texts('to')
  const sender = options.text('from')
  if (recipients.length === 0) throw new UsageError('to whom? --to ADDRESS, as often as there are recipients')
  for (const address of [...recipients, ...(sender === undefined ? [] : [sender])])
    if (toLookupAddress(address) === null)
      throw new UsageError(`no e-mail address: ${JSON.stringify(address)}`)
  if (file === undefined) {
    if (sender === undefined) throw new UsageError('from whom? --from ADDRESS, or --file MAIL')
    return { bytes: written(sender, recipients, options.texts('header')), sender, recipients }
  }
  if (options.texts('header').length > 0) throw new UsageError('--header goes with --from, not with --file')
  const bytes = await readInput(file, io)
  if (bytes.length > LARGEST_FILE) throw new UsageError(`the file is larger than ${LARGEST_FILE} octets`)
  return { bytes, sender: sender ?? '', recipients }
}

/** A mail of nothing but its header. */
function written(sender: string, recipients: readonly string[], headers: readonly string[]): Buffer {
  for (const header of headers)
    if (!/^[!-9;-~]+:[^\r\n]*$/.test(header))
      throw new UsageError(`no header field: ${JSON.stringify(header)}`)
  const given = new Set(headers.map((header) => header.slice(0, header.indexOf(':')).toLowerCase()))
  const fields = [
    ...(given.has('from') ? [] : [`From: <${sender}>`]),
    ...(given.has('to') ? [] : [`To: ${recipients.map((address) => `<${address}>`).join(', ')}`]),
    ...headers,
  ]
  return Buffer.from(`${fields.join('\r\n')}\r\n\r\n`)
}

/** What the gateway would decide now. */
async function planOf(
  { bytes, sender, recipients }: Question,
  context: AssistContext,
  now: number,
): Promise<{ readonly facts: Facts; readonly plan: Plan }> {
  const { tenant, settings, credentials, store } = context
  const trust = trustAtHand(context, now)
  const keyring = createFindingKeyring({
    keyring: createKeyring({ store: credentials, trust: () => trust }),
    // What is found is shown, and kept only by the gateway.
    ...{ ...lookingOutside(context, trust, now), store: null, now: () => now },
  })
  const { fields, bodyStart } = scanHeader(bytes)
  let root: MimeNode | null = null
  try {
    root = scanMessage(bytes)
  } catch {
    // As on the path of a mail: what cannot be read is a fact.
  }
  const { size, eightBit, bareLineEnds, longestLine } = measure(
    [bytes.subarray(0, bodyStart)],
    [bytes.subarray(bodyStart)],
  )
  const inside = recipients.every((address) => tenant.acceptedDomains.includes(domainOf(address)))
  const mail = {
    direction: inside ? ('inbound' as const) : ('outbound' as const),
    attribution: null,
    receivedAt: now,
    envelope: { sender },
    body: { size, eightBit, bareLineEnds, longestLine, nul: bytes.includes(0, bodyStart) },
  }
  const deliveries = recipients.map((address, number) => ({
    number,
    recipient: { address },
    released: false,
  }))
  const facts = await gather(mail, { bytes, root, fields }, deliveries, {
    ...{ tenant, keyring, now, settingsVersion: settings.version, sizeLimit: SIZE_LIMIT, apart: 0 },
    capabilities: (address) => shownBy(store.forTenant(tenant.id).capabilities.find(address)),
    levels: settings.treatment.get(tenant.id) ?? NO_LEVELS,
    rules: settings.rules.get(tenant.id) ?? [],
    groups: directoryOf(context.store, settings, tenant.id, now).membership(),
  })
  return { facts, plan: decide(facts) }
}

function doneWords(treatment: Treatment, language: Language): string {
  const words = WORDS[language]
  if (treatment.kind === 'bounce') return `${words.bounce} (${treatment.status})`
  if (treatment.kind !== 'protect') return words[treatment.kind]
  const { sign, encrypt, profile } = treatment
  const done = sign === null ? words.encrypt : encrypt === null ? words.sign : words.both
  return `${done} (${profile.name})`
}

function askedLine(asked: AskedTreatment, language: Language): string {
  const words = WORDS[language]
  const each = (['sign', 'encrypt', 'impossible', 'holdHours', 'profile'] as const).map((name) => {
    const { value, origin } = asked[name]
    return `${name} ${value} (${`${words[origin.level]} ${origin.of}`.trim()})`
  })
  return `${words.settings}: ${each.join('; ')}`
}

function reasonLines(reasons: readonly Reason[], language: Language): string[] {
  // Settings stand in a line of their own, those of the factory too.
  return reasons
    .filter(({ code }) => code !== 'setting')
    .map(({ code, arguments: args }) => render(code, args, language))
}

function recipientLines(
  recipient: RecipientPlan,
  address: string,
  asked: AskedTreatment | null,
  language: Language,
): string[] {
  const lines = [
    ...(asked === null ? [] : [askedLine(asked, language)]),
    ...reasonLines(recipient.reasons, language),
    ...recipient.means.flatMap(({ reasons }) => reasonLines(reasons, language)),
  ]
  return [
    `${printable(address)}: ${doneWords(recipient.treatment, language)}`,
    ...lines.map((line) => `  ${line}`),
  ]
}

/** `siegel explain`. */
export async function explain(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, OPTIONS, 0)
  const language = readLanguage(options)
  const question = await readQuestion(options, io)
  return withTenant<ExitCode>(options, async (context) => {
    const { facts, plan } = await planOf(question, context, io.now())
    if (options.has('json')) {
      io.out(JSON.stringify({ tenant: context.tenant.name, facts, plan }))
      return 0
    }
    const head = [
      context.tenant.name,
      WORDS[language][facts.direction],
      ...reasonLines(plan.reasons, language),
    ]
    io.out(head.join('; '))
    for (const recipient of plan.recipients) {
      const known = facts.recipients.find(({ delivery }) => delivery === recipient.delivery)
      for (const line of recipientLines(recipient, known?.address ?? '', known?.asked ?? null, language))
        io.out(line)
    }
    return 0
  })
}
