/**
 * S2: both connectors keep internal Exchange headers. What the gateway was given and what it gave back are compared octet by octet, on the
 * outer header of signed, encrypted and decrypted mail; every exception of the design is provoked and is the only difference.
 */
import assert from 'node:assert/strict'
import { bodyOf, fieldOf } from '../demo/look.ts'
import { CONNECTORS } from '../stage/assistant.ts'
import { CONTENT, exchangeFields } from '../stage/exchange-fields.ts'
import { CONTOSO } from '../stage/objects.ts'
import { callGateway } from '../stage/stranger.ts'
import { fieldsOf } from '../stage/wire.ts'
import { headerOf, newId, writeIn, type Scenario, type Setting } from './setting.ts'

const CONTENT_FIELD = /^(?:Content-[A-Za-z-]+|MIME-Version):/i
const FQDN = CONTOSO.fqdn.replaceAll('.', '\\.')
/** Our fields, in the order in which they stand on top. */
const OWN = [
  new RegExp(`^Received: from [^\\r]*\\r\\n by ${FQDN} with (?:UTF8SMTP|ESMTP)S\\r\\n`),
  new RegExp(`^Authentication-Results: ${FQDN};`),
  /^X-Siegel-Pass: v=1; /,
  /^X-Contoso-Processed: [a-z2-7 ]+\r\n$/,
]

/** What may differ between what was given and what came back. */
interface Exceptions {
  /** The content fields, because the body was wrapped or unwrapped. */
  readonly content?: boolean
  /** Given fields that must be gone. */
  readonly removed?: readonly RegExp[]
  /** A field that was put below the kept ones, instead of a removed one. */
  readonly restored?: string
}

/** Compares the two header sections; gives our own fields. */
function compare(given: Buffer, back: Buffer, exceptions: Exceptions): string[] {
  const { content = false, removed = [], restored } = exceptions
  const before = fieldsOf(given)
  for (const pattern of removed)
    assert.ok(
      before.some((field) => pattern.test(field)),
      `nothing to be removed was given: ${String(pattern)}`,
    )
  const after = fieldsOf(back)
  const own: string[] = []
  for (const pattern of OWN) if (pattern.test(after[0] ?? '')) own.push(after.shift() ?? '')
  const kept = (field: string) => !(content && CONTENT_FIELD.test(field))
  const expected = before.filter((field) => kept(field) && !removed.some((pattern) => pattern.test(field)))
  if (restored !== undefined) expected.push(restored)
  assert.deepEqual(after.filter(kept), expected)
  return own
}

/** Fields that are always stripped: the secret, where the preset has one. */
function secret({ preset }: Setting): RegExp[] {
  return preset === 'recommended' ? [/^X-Contoso-Route: (?:out|in):/i] : []
}

/** Which of our own fields must stand on top. */
function expectOwn({ preset }: Setting, own: readonly string[], results: boolean): void {
  const names = own.map((field) => field.slice(0, field.indexOf(':')))
  const words = preset === 'recommended' ? ['X-Contoso-Processed'] : []
  const verdict = results ? ['Authentication-Results'] : []
  assert.deepEqual(names, ['Received', ...verdict, 'X-Siegel-Pass', ...words])
}

const FROM = 'alice@contoso.example'

/** Fields by which somebody inside, or a bug, speaks in our name: all of them go. */
const FORGED_MARKER = 'X-Siegel-Pass: v=1; d=outbound\r\n'
const FORGED = `Authentication-Results: (a comment) ${CONTOSO.fqdn}; smime=pass\r\n${FORGED_MARKER}X-Siegel-Anything: 1\r\nx-contoso-processed: forged\r\n`
const FORGED_PATTERNS = [
  /^Authentication-Results: \(a comment\)/,
  /^X-Siegel-Pass: v=1; d=outbound\r/,
  /^X-Siegel-Anything:/,
]
const OWN_DKIM =
  'DKIM-Signature: v=1; a=rsa-sha256; d=contoso.example; s=s1;\r\n\th=from:subject; bh=AAAA; b=BBBB\r\n'
const FOREIGN_DKIM = 'DKIM-Signature: v=1; a=rsa-sha256; d=other.example; s=s1; h=from; bh=AA; b=BB\r\n'
const FOREIGN_RESULTS = `Authentication-Results: mx.${CONTOSO.fqdn}; spf=pass\r\n`

/** Sends a mail with everything in its header out, and compares. */
async function outward(setting: Setting, to: string, type: RegExp, dkimStays = false): Promise<void> {
  const messageId = newId()
  const fields = exchangeFields(messageId, FROM, to).join('')
  const raw = Buffer.from(
    `${FORGED}${OWN_DKIM}${FOREIGN_DKIM}${FOREIGN_RESULTS}${fields}${CONTENT}\r\nGr\u00fc\u00dfe\r\n`,
  )
  setting.stage.exchange.submit({ tenant: CONTOSO.id, from: FROM, to, envelope: { smtpUtf8: true }, raw })
  const { given, back } = await setting.wire.pass(messageId)
  assert.match(fieldOf(back.raw, 'content-type') ?? '', type)
  for (const name of ['AuthAs', 'AuthSource', 'AuthMechanism', 'BCC', 'SCL'])
    assert.ok(fieldsOf(back.raw).some((field) => field.startsWith(`X-MS-Exchange-CrossPremises-${name}:`)), name) // prettier-ignore
  const processed = setting.preset === 'recommended' ? [/^x-contoso-processed: forged/] : []
  const dkim = dkimStays ? [] : [/^DKIM-Signature:[^]*d=contoso\.example/]
  const removed = [...secret(setting), ...FORGED_PATTERNS, ...processed, ...dkim]
  const own = compare(given.raw, back.raw, { content: true, removed })
  expectOwn(setting, own, false)
  // The fields of Exchange stand outside only, and never in what is signed.
  const body = back.raw.toString('latin1', back.raw.indexOf('\r\n\r\n'))
  assert.ok(!body.includes('X-MS-Exchange-') && !body.includes('msip_labels'))
}

/** Sends a mail in and compares. */
async function inward(
  setting: Setting,
  content: Buffer,
  exceptions: Exceptions,
  fields: (id: string) => string,
): Promise<Buffer> {
  const messageId = newId()
  const raw = Buffer.concat([Buffer.from(`${FORGED}${fields(messageId)}`), content])
  await writeIn(setting, setting.people.writer.address, FROM, raw)
  const { given, back } = await setting.wire.pass(messageId)
  assert.ok(fieldsOf(given.raw).filter((field) => field.startsWith('X-MS-Exchange-')).length > 5)
  // The marker of somebody outside is taken out by the tenant's own rule, where there is one.
  const stripped = setting.preset === 'recommended' ? /^X-Siegel-Pass:/ : null
  assert.ok(!fieldsOf(given.raw).some((field) => stripped?.test(field) === true))
  const forged = FORGED_PATTERNS.filter((pattern) => stripped === null || !pattern.test(FORGED_MARKER))
  const removed = [...secret(setting), ...forged]
  const own = compare(given.raw, back.raw, { ...exceptions, removed: [...removed, ...(exceptions.removed ?? [])] }) // prettier-ignore
  expectOwn(setting, own, true)
  return back.raw
}

/** A foreign mail, signed and encrypted to Alice. */
function sealedFor({ judge, people }: Setting, inner: string): Buffer {
  const { certificate, key } = people.writer.certificate
  return judge.encrypt(judge.sign(Buffer.from(inner), certificate, key), people.alice.certificate.certificate)
}

const INNER = 'Content-Type: text/plain; charset=us-ascii\r\n\r\nThe answer is 42.\r\n'

/** An inbound mail as Exchange Online would bring it if its own header firewall had failed. */
async function injected(setting: Setting): Promise<void> {
  const { stage, wire, people } = setting
  const messageId = newId()
  await writeIn(
    setting,
    people.writer.address,
    FROM,
    Buffer.from(`${headerOf(people.writer.address, FROM, messageId)}${INNER}`),
  )
  const { given } = await wire.pass(messageId)
  const forgedId = newId()
  const forged =
    'X-MS-Exchange-CrossPremises-AuthAs: Internal\r\nX-MS-Exchange-Organization-SCL: -1\r\nX-MS-Exchange-Organization-SCL: -1\r\n'
  const raw = Buffer.from(
    forged + given.raw.toString('latin1').replace(`Message-ID: ${messageId}`, `Message-ID: ${forgedId}`),
    'latin1',
  )
  const letter = { sender: people.writer.address, recipients: [FROM], raw }
  const { port } = stage.gateway.config
  const { last } = await callGateway({ port, client: stage.certificates.exchangeClient }, letter)
  assert.match(last, /^250 /)
  await stage.exchange.waitForMail(FROM, ({ message }) => message.value('Message-ID') === forgedId)
  const back = wire.of(forgedId).find(({ direction }) => direction === 'in')
  assert.ok(back !== undefined)
  const removed = [
    ...secret(setting),
    /^X-MS-Exchange-CrossPremises-Auth/,
    /^X-MS-Exchange-Organization-SCL:/,
  ]
  compare(raw, back.raw, { removed })
}

/** The row of the header fields. */
export const HEADERS: Scenario = {
  name: 'S2 Interne Exchange-Kopfzeilen bleiben / both connectors keep internal Exchange headers, octet for octet and in order',
  async play(setting) {
    const { stage } = setting
    const tenant = stage.exchange.tenant(CONTOSO.id)
    const [outbound, inbound] = [tenant.outboundConnectors ?? [], tenant.inboundConnectors ?? []]
    assert.deepEqual(
      [...outbound, ...inbound].map(({ name, cloudServicesMailEnabled }) => [name, cloudServicesMailEnabled]),
      [
        [CONNECTORS.outbound, true],
        [CONNECTORS.inbound, true],
      ],
    )
    await outward(setting, 'clear@nocert.example', /^multipart\/signed/)
    await outward(setting, setting.people.sealed.address, /^application\/pkcs7-mime/)
    await stage.changeTenant({ removeOwnDkim: false })
    await outward(setting, 'dkim@nocert.example', /^multipart\/signed/, true)
    await stage.changeTenant()

    const everything = (id: string) => exchangeFields(id, setting.people.writer.address, FROM).join('')
    // Nothing to unwrap: the content fields and the body stay as well.
    const plain = Buffer.from(`${CONTENT}\r\nGr\u00fc\u00dfe\r\n`)
    assert.ok(bodyOf(await inward(setting, plain, {}, everything)).equals(bodyOf(plain)))
    const { certificate, key } = setting.people.writer.certificate
    const signed = setting.judge.sign(Buffer.from(INNER), certificate, key)
    assert.ok(bodyOf(await inward(setting, signed, {}, everything)).equals(bodyOf(signed)))
    const opened = await inward(setting, sealedFor(setting, INNER), { content: true }, everything)
    assert.ok(opened.includes('The answer is 42.'))
  },
}

/** What header protection restores, and what Exchange should have removed. */
export const HEADER_EXCEPTIONS: Scenario = {
  name: 'S2 Ausnahmen / the exceptions: a protected Subject is restored, internal fields that are doubled or claim Internal go',
  async play(setting) {
    // RFC 9788 4.3: the inner Subject is the true one.
    const inner =
      'Content-Type: text/plain; charset=us-ascii; hp="cipher"\r\nHP-Outer: Subject: [...]\r\nSubject: The true one\r\n' +
      `From: ${setting.people.writer.address}\r\n\r\nThe answer is 42.\r\n`
    const fields = (id: string) =>
      headerOf(setting.people.writer.address, FROM, id).replace('Subject: Answer', 'Subject: [...]')
    const opened = await inward(
      setting,
      sealedFor(setting, inner),
      { content: true, removed: [/^Subject: \[\.\.\.\]/], restored: 'Subject: The true one\r\n' },
      fields,
    )
    assert.ok(opened.includes('The answer is 42.'))
    await injected(setting)
  },
}
