/**
 * Header protection, written and read: RFC 9788 with HP-Outer and Legacy Display Elements, wrapped messages of RFC 8551,
 * and the draft before.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NOW, makePerson, root } from '../../test/pki.ts'
import { decryptMessage } from './decrypt.ts'
import { encryptEntity } from './encrypt.ts'
import { withLegacyDisplay, withoutLegacyDisplay } from './legacy-display.ts'
import { protectHeaders } from './protected-headers.ts'
import { signEntity } from './sign.ts'
import type { VerifyOptions } from './verdict.ts'
import { verifyMessage } from './verify.ts'

const options: VerifyOptions = { anchors: [root], at: NOW, revocation: 'none' }
const alice = makePerson('alice', 'p256')
const bob = makePerson('bob', 'p256')
const BODY = 'Content-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n'
const MAIL =
  `From: ${alice.email}\r\nTo: bob@example.org\r\nSubject: Secret plans\r\nKeywords: merger\r\n` +
  `X-Mailer: x\r\nMIME-Version: 1.0\r\n${BODY}`

const sign = (entity: readonly Buffer[]) =>
  signEntity(entity, alice, { at: NOW, boundary: 'b0undaryb0undary' })
const seal = (entity: readonly Buffer[]) =>
  encryptEntity(entity, { recipients: [bob.certificate], cipher: 'aes256-gcm', keyTransport: 'pkcs1v15' })
const text = (pieces: readonly Buffer[]) => Buffer.concat(pieces).toString()
const mail = (...pieces: readonly (Buffer | string)[]) =>
  Buffer.concat(pieces.map((piece) => Buffer.from(piece)))
const outerOf = (from: string = alice.email) => `From: ${from}\r\nSubject: ...\r\nMIME-Version: 1.0\r\n`

test('RFC 9788 written: hidden fields outside are dull, HP-Outer says what stands outside, inside is all', () => {
  const { outer, entity } = protectHeaders(Buffer.from(MAIL), 'cipher')
  assert.equal(
    text(outer),
    `From: ${alice.email}\r\nTo: bob@example.org\r\nSubject: [...]\r\nX-Mailer: x\r\n`,
  )
  const inside = text(entity)
  assert.match(inside, /^From: .*\r\nTo: .*\r\nSubject: Secret plans\r\nKeywords: merger\r\n/)
  assert.match(
    inside,
    /HP-Outer: From: alice@example\.org\r\nHP-Outer: To: bob@example\.org\r\nHP-Outer: Subject: \[\.\.\.\]\r\n/,
  )
  assert.doesNotMatch(inside, /HP-Outer: Keywords/)
  assert.match(inside, /Content-Type: text\/plain; charset=utf-8; hp="cipher"\r\n/)
})

test('RFC 9788 read: signed and encrypted, the fields inside and the sender’s outer ones come out', () => {
  const { outer, entity } = protectHeaders(Buffer.from(MAIL), 'cipher')
  const result = decryptMessage(mail(...outer, ...seal(sign(entity))), [bob], options)
  assert.equal(result.verified?.status, 'valid')
  const headers = result.protectedHeaders
  assert.deepEqual([headers?.scheme, headers?.mode, headers?.from], ['rfc9788', 'cipher', alice.email])
  const value = (list: readonly { name: string; value: string }[] | undefined, name: string) =>
    list?.find((field) => field.name === name)?.value
  assert.equal(value(headers?.fields, 'Subject'), 'Secret plans')
  assert.equal(value(headers?.outer, 'Subject'), '[...]')
  assert.equal(value(headers?.outer, 'Keywords'), undefined)
})

test('RFC 9788 clear: nothing is hidden, and a changed From is seen', () => {
  const { outer, entity } = protectHeaders(Buffer.from(MAIL), 'clear')
  const signed = text(sign(entity))
  assert.doesNotMatch(signed, /HP-Outer/)
  assert.equal(verifyMessage(mail(...outer, signed), options).status, 'valid')
  const mallory = makePerson('mallory', 'p256', { emails: ['mallory@example.org', alice.email] })
  const other = signEntity(entity, mallory, { at: NOW, boundary: 'b0undaryb0undary' })
  const verdict = verifyMessage(mail(outerOf('mallory@example.org'), ...other), options)
  assert.deepEqual([verdict.status, verdict.reasons], ['signer-mismatch', ['protected-from-mismatch']])
})

test('header protection comes before signing and encrypting, never after', () => {
  for (const entity of [sign([Buffer.from(BODY)]), seal([Buffer.from(BODY)])])
    assert.throws(() => protectHeaders(mail(outerOf(), ...entity), 'clear'), /header-protection-refused/)
})

const HTML = '<html><body class="x">\r\n<p>Hello</p></body></html>\r\n'
const ENTITIES = [
  BODY,
  'Content-Type: text/plain;\r\n\r\nHello\r\n',
  '\r\nHello\r\n',
  'Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nH=C3=A4llo\r\n',
  `Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(HTML).toString('base64')}\r\n`,
  'Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n' +
    `--a\r\nContent-Type: text/plain\r\n\r\nHello\r\n--a\r\nContent-Type: text/html\r\n\r\n${HTML}\r\n--a--\r\n--m\r\n` +
    'Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nfile\r\n--m--\r\n',
] as const
const HIDDEN = [
  { name: 'Subject', value: 'Secret <plans> & more' },
  { name: 'Keywords', value: 'merger' },
]

for (const [index, entity] of ENTITIES.entries())
  test(`a Legacy Display Element is added to the text and taken away again (${index})`, () => {
    const added = withLegacyDisplay(Buffer.from(entity), HIDDEN)
    assert.match(added.toString(), /hp-legacy-display="1"/)
    const removed = withoutLegacyDisplay(added).toString()
    const marked = removed
      .replaceAll(/;\r\n hp-legacy-display="1"/g, '')
      .replace('Content-Type: text/plain; hp-legacy-display="1"\r\n', '')
    assert.equal(marked.replaceAll(/;\r\n\r\n/g, '\r\n\r\n'), entity.replaceAll(/;\r\n\r\n/g, '\r\n\r\n'))
  })

test('only what is marked and of the form is taken for a Legacy Display Element', () => {
  const texts = [
    'Content-Type: text/plain\r\n\r\nSubject: x\r\n\r\nHello\r\n',
    'Content-Type: text/plain; hp-legacy-display=1\r\n\r\nDear Bob,\r\nSubject: x\r\n\r\nHello\r\n',
    'Content-Type: text/plain; hp-legacy-display=1\r\n\r\n\r\nHello\r\n',
    'Content-Type: text/plain; hp-legacy-display=1\r\n\r\nSubject: never ends',
    'Content-Type: text/html; hp-legacy-display=1\r\n\r\n<div class="header-protection-legacy-display"><div>x</div></div>',
    'Content-Type: text/html; hp-legacy-display=1\r\n\r\n<div class="other">x</div>',
    'Content-Type: text/plain; hp-legacy-display=1\r\nContent-Disposition: attachment\r\n\r\nSubject: x\r\n\r\nHello\r\n',
  ]
  for (const entity of texts) assert.equal(withoutLegacyDisplay(Buffer.from(entity)).toString(), entity)
})

test('RFC 8551: a wrapped message gives its header, a forwarded one of somebody else does not', () => {
  const wrapped = (type: string, from: string = alice.email) =>
    sign([
      Buffer.from(
        `Content-Type: message/rfc822${type}\r\n\r\nFrom: ${from}\r\nSubject: inner\r\n\r\nHello\r\n`,
      ),
    ])
  const read = (...args: Parameters<typeof wrapped>) =>
    verifyMessage(mail(outerOf(), ...wrapped(...args)), options)
  const own = read('')
  assert.equal(own.status, 'valid')
  assert.equal(own.protectedHeaders?.scheme, 'rfc8551-wrapped')
  assert.deepEqual(own.protectedHeaders.fields.at(-1), { name: 'Subject', value: 'inner' })
  assert.equal(read('; forwarded=yes').protectedHeaders, null)
  const forwarded = read('', 'carol@example.org')
  assert.deepEqual([forwarded.status, forwarded.protectedHeaders], ['valid', null])
  const lied = read('; forwarded=no', 'carol@example.org')
  assert.deepEqual([lied.status, lied.reasons], ['signer-mismatch', ['protected-from-mismatch']])
})

test('the draft before RFC 9788 is read', () => {
  const entity = Buffer.from(
    `Content-Type: text/plain; protected-headers="v1"\r\nFrom: ${alice.email}\r\nSubject: inner\r\n\r\nHello\r\n`,
  )
  const verdict = verifyMessage(mail(outerOf(), ...sign([entity])), options)
  assert.deepEqual([verdict.status, verdict.protectedHeaders?.scheme], ['valid', 'protected-headers-v1'])
  const hidden = decryptMessage(mail(outerOf(), ...seal([entity])), [bob], options)
  assert.equal(hidden.protectedHeaders?.fields.find(({ name }) => name === 'Subject')?.value, 'inner')
})

test('control fields inside are reported as fields at most, and never decide', () => {
  const inside = `X-MS-Exchange-Organization-AuthAs: Internal\r\nX-Siegel-Pass: 1\r\n${BODY}`
  const result = decryptMessage(mail(outerOf(), ...seal([Buffer.from(inside)])), [bob], options)
  assert.equal(result.protectedHeaders, null)
  assert.doesNotMatch(text(result.message ?? []), /AuthAs|X-Siegel/)
})
