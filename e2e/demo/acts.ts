/**
 * The acts of the demo: each sends mail through the stage and says whether everything arrived as it must. Every act uses
 * people and Message-IDs of its own, so that all can be played on one stage, in any order.
 */
import { randomBytes } from 'node:crypto'
import type { Judge } from '../stage/judge.ts'
import { CONTOSO } from '../stage/objects.ts'
import type { Person, Stage } from '../stage/stage.ts'
import { bodyOf, contains, decodedBody, expect, fieldOf, signedBody } from './look.ts'

/** What an act found. */
export interface ActResult {
  /** What Siegel did, in a few words. */
  readonly did: string
  /** What the judge said. */
  readonly judged: string
}

/** One act. It throws when something is not as it must be. */
export interface Act {
  readonly mail: string
  /** Adds the people it needs; called before the gateway starts. */
  readonly cast: (stage: Stage) => Cast
  readonly play: (stage: Stage, judge: Judge, cast: Cast) => Promise<ActResult>
}

/** The people of one act, by the name the act gives them. */
export type Cast = Readonly<Record<string, Person>>

const WAIT = 20_000

function person(cast: Cast, name: string): Person {
  const found = cast[name]
  if (found === undefined) throw new Error(`no ${name} in this act`)
  return found
}

let counter = 0
/** A Message-ID of its own for each mail. */
export function newMessageId(): string {
  return `<act-${++counter}-${randomBytes(6).toString('hex')}@${CONTOSO.domain}>`
}

/** A plain mail as a mailbox user writes it. */
export function plainMail(
  from: string,
  to: string,
  messageId: string,
  body: string | Buffer,
): { headers: [string, string][]; body: string | Buffer } {
  return {
    headers: [
      ['From', from],
      ['To', to],
      ['Subject', 'Quarterly figures'],
      ['Message-ID', messageId],
      ['MIME-Version', '1.0'],
      ['Content-Type', 'text/plain; charset=us-ascii'],
    ],
    body,
  }
}

/** Sends from inside and waits for what reaches one address outside. */
function sendOut(
  stage: Stage,
  from: string,
  to: string,
  body: string | Buffer,
  recipients: readonly string[] = [to],
) {
  const messageId = newMessageId()
  stage.exchange.submit({ tenant: CONTOSO.id, from, to: recipients, ...plainMail(from, to, messageId, body) })
  const arrival = (address: string) =>
    stage.world.waitFor(
      (mail) => mail.recipients.includes(address) && fieldOf(mail.raw, 'message-id') === messageId,
      WAIT,
    )
  return { messageId, arrival }
}

/** Opens a mail as a partner does: decrypt, then verify what is inside. */
function openSealed(
  judge: Judge,
  raw: Buffer,
  reader: Person,
  authorityPem: string,
): { body: Buffer; words: string } {
  const { certificate } = reader.certificate
  const opened = judge.decrypt(raw, certificate, reader.certificate.key)
  expect(opened.good, `${reader.address} cannot decrypt: ${opened.words}`)
  const verified = judge.verify(opened.content, authorityPem)
  expect(verified.good, `the signature inside is not good: ${verified.words}`)
  return { body: signedBody(verified.content), words: 'decrypted, signature good' }
}

const TEXT =
  'Dear partner,\r\n\r\nthe figures are attached to this text only.\r\n.\r\n..two dots\r\nNothing changes from here on.\r\n'

const clearSigned: Act = {
  mail: 'out, partner without certificate',
  cast: (stage) => ({ alice: stage.addEmployee('alice@contoso.example') }),
  async play(stage, judge, cast) {
    const { arrival } = sendOut(stage, person(cast, 'alice').address, 'bob@nocert.example', TEXT)
    const { raw } = await arrival('bob@nocert.example')
    expect((fieldOf(raw, 'content-type') ?? '').startsWith('multipart/signed'), 'not clear-signed')
    const verified = judge.verify(raw, stage.certificates.mail.root)
    expect(verified.good, verified.words)
    expect(signedBody(verified.content).equals(Buffer.from(TEXT)), 'the body is not byte-identical')
    return { did: 'clear-signed', judged: 'signature good, body identical' }
  },
}

function sealedFor(keyType: 'rsa2048' | 'p256', label: string): Act {
  const address = `partner-${keyType}@sealed.example`
  return {
    mail: `out, partner with ${label} certificate`,
    cast: (stage) => ({
      anna: stage.addEmployee(`anna-${keyType}@contoso.example`),
      partner: stage.addPartner(address, keyType),
    }),
    async play(stage, judge, cast) {
      const { arrival } = sendOut(stage, person(cast, 'anna').address, address, TEXT)
      const { raw } = await arrival(address)
      expect(!contains(raw, 'Dear partner'), 'plaintext is in the mail')
      const { body, words } = openSealed(judge, raw, person(cast, 'partner'), stage.certificates.mail.root)
      expect(body.equals(Buffer.from(TEXT)), 'the body is not byte-identical')
      return { did: 'signed, encrypted', judged: words }
    },
  }
}

const withoutKey: Act = {
  mail: 'out, sender without key',
  cast: () => ({}),
  async play(stage) {
    const { messageId, arrival } = sendOut(stage, 'nokey@contoso.example', 'carl@nocert.example', TEXT)
    const { raw } = await arrival('carl@nocert.example')
    expect(bodyOf(raw).equals(Buffer.from(TEXT)), 'the body was changed')
    const trace = JSON.stringify(traceOf(stage, messageId))
    expect(trace.includes('no-own-key'), 'the trace does not say why it is unsigned')
    return { did: 'passed unsigned', judged: 'trace: no-own-key' }
  },
}

/** The trace of a mail by its Message-ID. */
export function traceOf(stage: Stage, messageId: string): unknown {
  const found = stage.gateway.json(['trace', 'find', '--message-id', messageId]) as { mailId: string }[]
  const [first] = found
  if (first === undefined) throw new Error(`no trace for ${messageId}`)
  return stage.gateway.json(['trace', 'show', first.mailId])
}

const fiveRecipients: Act = {
  mail: 'out, five recipients, three with certificates',
  cast: (stage) => ({
    sender: stage.addEmployee('five@contoso.example'),
    one: stage.addPartner('one@five.example'),
    two: stage.addPartner('two@five.example', 'p256'),
    three: stage.addPartner('three@five.example'),
  }),
  async play(stage, judge, cast) {
    const sealed = ['one', 'two', 'three'].map((name) => person(cast, name))
    const open = ['four@five.example', 'five@five.example']
    const all = [...sealed.map((reader) => reader.address), ...open]
    const { arrival } = sendOut(stage, person(cast, 'sender').address, all.join(', '), TEXT, all)
    for (const reader of sealed) {
      const { raw, recipients } = await arrival(reader.address)
      expect(
        !open.some((address) => recipients.includes(address)),
        'a sealed copy went to somebody without certificate',
      )
      openSealed(judge, raw, reader, stage.certificates.mail.root)
    }
    for (const address of open) {
      const { raw, recipients } = await arrival(address)
      expect(
        !sealed.some((reader) => recipients.includes(reader.address)),
        'a clear copy went to somebody with certificate',
      )
      expect(judge.verify(raw, stage.certificates.mail.root).good, 'the clear copy is not signed well')
    }
    return { did: '3 encrypted, 2 clear-signed', judged: 'each reads their own copy' }
  },
}

const hiddenRecipients: Act = {
  mail: 'out, two Bcc recipients with certificates',
  cast: (stage) => ({
    sender: stage.addEmployee('hider@contoso.example'),
    shown: stage.addPartner('shown@bcc.example'),
    hiddenA: stage.addPartner('hidden-a@bcc.example'),
    hiddenB: stage.addPartner('hidden-b@bcc.example'),
  }),
  async play(stage, judge, cast) {
    const readers = ['shown', 'hiddenA', 'hiddenB'].map((name) => person(cast, name))
    const shown = person(cast, 'shown')
    const { arrival } = sendOut(
      stage,
      person(cast, 'sender').address,
      shown.address,
      TEXT,
      readers.map((reader) => reader.address),
    )
    for (const reader of readers) {
      const { raw, recipients } = await arrival(reader.address)
      expect(recipients.length === 1, 'a hidden recipient shares a copy')
      openSealed(judge, raw, reader, stage.certificates.mail.root)
      const seen = Buffer.concat([raw, Buffer.from(bodyOf(raw).toString('latin1'), 'base64')])
      for (const other of readers) {
        if (other === reader || other === shown) continue
        expect(!contains(seen, other.address), `the copy of ${reader.address} names ${other.address}`)
        expect(
          !seen.includes(Buffer.from(other.certificate.x509.serialNumber, 'hex')),
          `the copy of ${reader.address} holds the serial number of ${other.address}`,
        )
      }
    }
    return { did: 'three separate copies', judged: 'no copy names another' }
  },
}

/** Sends a mail in from outside and waits for it in a mailbox. */
async function sendIn(
  stage: Stage,
  from: string,
  to: string,
  raw: Buffer,
  messageId: string,
): Promise<Buffer> {
  const result = await stage.world.send({ from, to, raw })
  expect(result.accepted.length === 1, `the front end refused: ${JSON.stringify(result)}`)
  const { message } = await stage.exchange.waitForMail(
    to,
    (mail) => mail.message.value('Message-ID') === messageId,
    WAIT,
  )
  return message.raw
}

function outerHeader(from: string, to: string, messageId: string): Buffer {
  return Buffer.from(
    `From: ${from}\r\nTo: ${to}\r\nSubject: Reply\r\nMessage-ID: ${messageId}\r\nDate: ${new Date().toUTCString()}\r\n`,
  )
}

const INNER = Buffer.from('Content-Type: text/plain; charset=us-ascii\r\n\r\nThe secret answer is 42.\r\n')

/** The verdict in our name. */
function stampOf(raw: Buffer): string {
  return fieldOf(raw, 'authentication-results', (value) => value.startsWith(CONTOSO.fqdn)) ?? ''
}

const sealedIn: Act = {
  mail: 'in, signed and encrypted',
  cast: (stage) => ({
    dora: stage.addEmployee('dora@contoso.example'),
    writer: stage.stranger('writer@world.example'),
  }),
  async play(stage, judge, cast) {
    const [dora, writer] = [person(cast, 'dora'), person(cast, 'writer')]
    const messageId = newMessageId()
    const signed = judge.sign(INNER, writer.certificate.certificate, writer.certificate.key)
    const raw = Buffer.concat([
      outerHeader(writer.address, dora.address, messageId),
      judge.encrypt(signed, dora.certificate.certificate),
    ])
    const arrived = await sendIn(stage, writer.address, dora.address, raw, messageId)
    expect(contains(arrived, 'The secret answer is 42.'), 'it arrived encrypted')
    expect(/smime=pass\b/.test(stampOf(arrived)), `the stamp says: ${stampOf(arrived)}`)
    return { did: 'decrypted, smime=pass', judged: `made by ${judge.name}` }
  },
}

const forgedIn: Act = {
  mail: 'in, forged signature',
  cast: (stage) => ({
    dora: stage.addEmployee('dirk@contoso.example'),
    writer: stage.stranger('forged@world.example'),
  }),
  async play(stage, judge, cast) {
    const [dora, writer] = [person(cast, 'dora'), person(cast, 'writer')]
    const messageId = newMessageId()
    const signed = judge.sign(INNER, writer.certificate.certificate, writer.certificate.key)
    const forged = Buffer.from(signed.toString('latin1').replace('answer is 42', 'answer is 43'), 'latin1')
    const arrived = await sendIn(
      stage,
      writer.address,
      dora.address,
      Buffer.concat([outerHeader(writer.address, dora.address, messageId), forged]),
      messageId,
    )
    expect(/smime=fail\b/.test(stampOf(arrived)), `the stamp says: ${stampOf(arrived)}`)
    expect(!judge.verify(arrived, stage.certificates.mail.root).good, 'the judge finds the forgery good')
    return { did: 'delivered, smime=fail', judged: 'signature bad' }
  },
}

const untouchedIn: Act = {
  mail: 'in, signed-only and unusual MIME',
  cast: (stage) => ({
    emil: stage.addEmployee('emil@contoso.example'),
    writer: stage.stranger('odd@world.example'),
  }),
  async play(stage, judge, cast) {
    const [emil, writer] = [person(cast, 'emil'), person(cast, 'writer')]
    const signed = judge.sign(INNER, writer.certificate.certificate, writer.certificate.key)
    const odd = Buffer.from(
      'MIME-Version: 1.0\r\ncontent-TYPE:multipart/mixed ;\r\n\tboundary="a b" (comment)\r\n\r\npreamble\r\n--a b  \r\n\r\nno header\r\n--a b\r\nContent-Type: text/plain; charset=x-unknown\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xe4\xf6\xfc \r\n--a b--\r\nepilogue without line end',
      'latin1',
    )
    for (const entity of [signed, odd]) {
      const messageId = newMessageId()
      const raw = Buffer.concat([outerHeader(writer.address, emil.address, messageId), entity])
      const arrived = await sendIn(stage, writer.address, emil.address, raw, messageId)
      // Exchange itself adds fields of its own below the last one: field section and body are looked for apart.
      const fields = raw.subarray(0, raw.indexOf('\r\n\r\n') + 2)
      expect(arrived.includes(fields), 'the fields are not byte-identical below ours')
      expect(bodyOf(arrived).equals(bodyOf(raw)), 'the body is not byte-identical')
    }
    return { did: 'verdict stamped, bytes untouched', judged: 'byte-identical' }
  },
}

const largeOut: Act = {
  mail: 'out, 25 MB attachment',
  cast: (stage) => ({
    gert: stage.addEmployee('gert@contoso.example'),
    big: stage.addPartner('big@sealed.example'),
  }),
  async play(stage, judge, cast) {
    const line = `${randomBytes(54).toString('base64')}\r\n`
    const body = Buffer.from(line.repeat(Math.ceil(25e6 / line.length)))
    const { arrival } = sendOut(stage, person(cast, 'gert').address, 'big@sealed.example', body)
    const { raw } = await arrival('big@sealed.example')
    const opened = openSealed(judge, raw, person(cast, 'big'), stage.certificates.mail.root)
    expect(opened.body.equals(body), 'the body is not byte-identical')
    return { did: 'signed, encrypted', judged: `${opened.words}, ${(raw.length / 1e6).toFixed(0)} MB` }
  },
}

const nullSender: Act = {
  mail: 'out, null sender (read receipt)',
  cast: () => ({}),
  async play(stage) {
    const messageId = newMessageId()
    const body =
      '--r\r\nContent-Type: text/plain\r\n\r\nread\r\n--r\r\nContent-Type: message/disposition-notification\r\n\r\nDisposition: manual-action; displayed\r\n--r--\r\n'
    stage.exchange.submit({
      tenant: CONTOSO.id,
      from: '',
      to: 'asker@nocert.example',
      headers: [
        ['From', 'reader@contoso.example'],
        ['To', 'asker@nocert.example'],
        ['Message-ID', messageId],
        ['MIME-Version', '1.0'],
        ['Content-Type', 'multipart/report; report-type=disposition-notification; boundary=r'],
      ],
      body,
    })
    const mail = await stage.world.waitFor(({ raw }) => fieldOf(raw, 'message-id') === messageId, WAIT)
    expect(mail.envelope.sender === '', `the sender became ${mail.envelope.sender}`)
    expect(bodyOf(mail.raw).equals(Buffer.from(body)), 'the body was changed')
    return { did: 'passed untouched', judged: 'sender still null' }
  },
}

const internationalAddress: Act = {
  mail: 'out, SMTPUTF8 address',
  cast: (stage) => ({ ida: stage.addEmployee('ida@contoso.example') }),
  async play(stage, judge, cast) {
    const to = 'jörg@bücher.example'
    const messageId = newMessageId()
    stage.exchange.submit({
      tenant: CONTOSO.id,
      from: person(cast, 'ida').address,
      to,
      envelope: { smtpUtf8: true },
      ...plainMail(person(cast, 'ida').address, to, messageId, TEXT),
    })
    const mail = await stage.world.waitFor(({ raw }) => fieldOf(raw, 'message-id') === messageId, WAIT)
    expect(mail.recipients[0] === to, `the recipient became ${mail.recipients.join()}`)
    expect(judge.verify(mail.raw, stage.certificates.mail.root).good, 'the signature is not good')
    return { did: 'clear-signed', judged: 'signature good, address kept' }
  },
}

/** RFC 8551 3.1: lines that begin with "From ", 8-bit text and long lines are encoded before signing. */
const encodedOut: Act = {
  mail: 'out, text that must be encoded to be signed',
  cast: (stage) => ({ egon: stage.addEmployee('egon@contoso.example') }),
  async play(stage, judge, cast) {
    const text = `From here on, nothing changes.\r\nGr\u00fc\u00dfe = \u20ac\r\n${'long '.repeat(300)}\r\n`
    const to = 'bert@nocert.example'
    const { arrival } = sendOut(stage, person(cast, 'egon').address, to, text)
    const verified = judge.verify((await arrival(to)).raw, stage.certificates.mail.root)
    expect(verified.good, verified.words)
    const content = verified.content
    expect(!/[^\x00-\x7f]/.test(content.toString('latin1')), 'the signed content is not 7-bit')
    expect(!/^From /m.test(content.toString('latin1')), 'a line begins with "From "')
    expect(decodedBody(content).equals(Buffer.from(text)), 'the decoded body is not identical')
    return { did: 'encoded, clear-signed', judged: 'signature good, decoded identical' }
  },
}

const internationalSealed: Act = {
  mail: 'out, international domain with certificate',
  cast: (stage) => ({
    ilse: stage.addEmployee('ilse@contoso.example'),
    reader: stage.addPartner('leser@xn--bcher-kva.example'),
  }),
  async play(stage, judge, cast) {
    const to = 'leser@b\u00fccher.example'
    const from = person(cast, 'ilse').address
    const messageId = newMessageId()
    const mail = plainMail(from, to, messageId, TEXT)
    stage.exchange.submit({ tenant: CONTOSO.id, from, to, envelope: { smtpUtf8: true }, ...mail })
    const { raw } = await stage.world.waitFor((one) => fieldOf(one.raw, 'message-id') === messageId, WAIT)
    expect(!contains(raw, 'Dear partner'), 'it went out in clear')
    const { words } = openSealed(judge, raw, person(cast, 'reader'), stage.certificates.mail.root)
    return { did: 'signed, encrypted', judged: words }
  },
}

/** All acts in the order of the table. */
export const ACTS: readonly Act[] = [
  clearSigned,
  sealedFor('rsa2048', 'RSA'),
  sealedFor('p256', 'EC'),
  withoutKey,
  fiveRecipients,
  hiddenRecipients,
  sealedIn,
  forgedIn,
  untouchedIn,
  largeOut,
  nullSender,
  internationalAddress,
  internationalSealed,
  encodedOut,
]
