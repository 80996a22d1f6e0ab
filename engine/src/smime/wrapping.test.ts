/**
 * A mail that its author signed, and whose unsigned surroundings somebody changed so that some readers show something else
 * than what is signed. None of them may be valid, in memory or streamed.
 */
import assert from 'node:assert/strict'
import { createHash, sign as signBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { NOW, makePerson, root } from '../../test/pki.ts'
import { sourceOf } from '../bytes/source.ts'
import { Oid } from '../der/oid.ts'
import { explicit, implicit, integer, octets, oid, sequence, set, setOf, tlv } from '../der/writer.ts'
import { writeAlgorithm } from '../der/algorithm.ts'
import { writeAttribute } from '../cms/attributes.ts'
import { PlainDelimiters } from '../mime/plain-delimiters.ts'
import { signEntity } from './sign.ts'
import type { VerifyOptions } from './verdict.ts'
import { verifyMessage, verifyMessageSource } from './verify.ts'

const options: VerifyOptions = { anchors: [root], at: NOW, revocation: 'none' }
const alice = makePerson('alice', 'p256')
const BOUNDARY = '=_b0undaryb0undary'
const TEXT = 'Content-Type: text/plain\r\n\r\nPay 10 to Bob\r\n'
const NESTED =
  'Content-Type: multipart/alternative; boundary=in\r\n\r\n--in\r\n\r\nPay 10\r\n--in\r\nContent-Type: text/html\r\n\r\n<b>Pay 10</b>\r\n--in--\r\n'

const signed = (entity: string, opaque = false): string =>
  Buffer.concat(
    signEntity([Buffer.from(entity, 'latin1')], alice, { at: NOW, boundary: 'b0undaryb0undary', opaque }),
  ).toString('latin1')
const CLEAR = signed(NESTED)
const OPAQUE = signed(TEXT, true)

const mail = (entity: string, from: string = alice.email): Buffer =>
  Buffer.from(`From: ${from}\r\nTo: bob@example.org\r\nMIME-Version: 1.0\r\n${entity}`, 'latin1')

/** Replaces what must be there. */
function edit(text: string, from: string | RegExp, to: string): string {
  const changed = text.replace(from, () => to)
  assert.notEqual(changed, text)
  return changed
}

async function verdictOf(bytes: Buffer): Promise<{ status: string; reasons: readonly string[] }> {
  const { status, reasons } = verifyMessage(bytes, options)
  const streamed = await verifyMessageSource(sourceOf(bytes), options)
  assert.deepEqual([streamed.status, streamed.reasons], [status, reasons])
  return { status, reasons }
}

const boundaryAs = (text: string): string => edit(CLEAR, /boundary="[^"]*"/, text)
const EVIL = `\r\n--${BOUNDARY}\r\nContent-Type: text/html\r\n\r\nPay 99 to Eve\r\n--${BOUNDARY}--\r\n`
/** Delimiters that strict readers do not take for such. */
const lax = edit(
  CLEAR.replaceAll(`--${BOUNDARY}\r\n`, `--${BOUNDARY} x\r\n`),
  `--${BOUNDARY}--`,
  `--${BOUNDARY}-- x`,
)

const CASES: readonly (readonly [string, string, string])[] = [
  ['a bare CR hides an inner delimiter', edit(CLEAR, 'Pay 10\r\n--in', 'Pay 10\r--in'), 'digest-mismatch'],
  ['bare CRs hide an inner header', edit(CLEAR, '=in\r\n\r\n', '=in\r\r'), 'digest-mismatch'],
  [
    'the multipart has a transfer encoding',
    `Content-Transfer-Encoding: base64\r\n${CLEAR}`,
    'header-ambiguous',
  ],
  [
    'two transfer encodings',
    edit(OPAQUE, /(?=Content-Disposition)/, 'Content-Transfer-Encoding: 7bit\r\n'),
    'header-ambiguous',
  ],
  ['a line of the header is no field', `Pay 99 to Eve\r\n${CLEAR}`, 'header-ambiguous'],
  ['a bare CR in the header', `Subject: x\rFrom: boss@example.org\r\n${CLEAR}`, 'header-ambiguous'],
  ['a NUL in the header', `Subject: x\0y\r\n${CLEAR}`, 'header-ambiguous'],
  ['text behind a quoted boundary', boundaryAs(`boundary="${BOUNDARY}"x`), 'header-ambiguous'],
  ['an escape in the boundary', boundaryAs('boundary="=_b0und\\aryb0undary"'), 'header-ambiguous'],
  ['a comment before the boundary', boundaryAs(`boundary=(x)"${BOUNDARY}"`), 'header-ambiguous'],
  ['an extended boundary', boundaryAs("boundary*=us-ascii''%3D_b0undaryb0undary"), 'header-ambiguous'],
  ['delimiters with text behind them, and plain ones', lax + EVIL, 'multipart-signed-malformed'],
  [
    'delimiters with text behind much padding',
    edit(CLEAR, `--${BOUNDARY}\r\n`, `--${BOUNDARY}${' '.repeat(300)}x\r\n`),
    'multipart-signed-malformed',
  ],
  ['parts behind the close delimiter', CLEAR + EVIL, 'multipart-signed-malformed'],
  [
    'parts with bare CRs in the preamble',
    edit(CLEAR, '\r\n\r\n', `\r\n\r\n${EVIL.replaceAll('\r\n', '\r')}\r\n`),
    'multipart-signed-malformed',
  ],
  ['a boundary that an inner one begins with', CLEAR.replaceAll(BOUNDARY, 'i'), 'multipart-signed-malformed'],
  [
    'a signature that is shown as HTML',
    edit(CLEAR, /Content-Type: application\/pkcs7-signature[^\r]*/, 'Content-Type: text/html'),
    'multipart-signed-malformed',
  ],
  [
    'a signature that is offered as a document',
    CLEAR.replaceAll('smime.p7s', 'invoice.pdf'),
    'multipart-signed-malformed',
  ],
  [
    'an object that is shown as a document',
    edit(OPAQUE, 'application/pkcs7-mime', 'application/pdf'),
    'not-signed',
  ],
]

describe('a signed mail is not valid', () => {
  for (const [name, entity, reason] of CASES)
    test(`when so: ${name}`, async () => {
      const { status, reasons } = await verdictOf(mail(entity))
      assert.notEqual(status, 'valid')
      assert.ok(reasons.includes(reason), reasons.join())
    })

  const groups = [`"boss@example.org": ${alice.email};`, `Staff: ${alice.email};`]
  const words = ['<boss@example.org>', 'boss@example.org\0', 'boss@example.org\r\n'].flatMap((text) => {
    const bytes = Buffer.from(text)
    return [
      `=?utf-8?b?${bytes.toString('base64')}?=`,
      `=?utf-8?q?${bytes.toString('hex').replaceAll(/../g, '=$&')}?=`,
    ]
  })
  const names = [
    ...words,
    ...words.map((word) => `"${word}"`),
    '=?utf-8?q?=3Cboss?= =?utf-8?q?=40example.org=3E?=',
  ]
  for (const from of [...groups, ...names.map((name) => `${name} <${alice.email}>`)])
    test(`when From is ${from}`, async () => {
      const { status, reasons } = await verdictOf(mail(CLEAR, from))
      assert.deepEqual([status, reasons], ['signer-mismatch', ['from-ambiguous']])
    })

  for (const fields of [
    'From: boss@example.org\r\nFrom: alice@example.org',
    'From: boss@example.org, alice@example.org',
    'From: boss@example.org <',
  ])
    test(`when its protected header has ${JSON.stringify(fields)}`, async () => {
      const { status, reasons } = await verdictOf(
        mail(signed(`${fields}\r\nContent-Type: text/plain; hp="clear"\r\n\r\nHi\r\n`)),
      )
      assert.deepEqual([status, reasons], ['signer-mismatch', ['protected-from-mismatch']])
    })

  test('when something else than a MIME entity was signed', async () => {
    for (const [type, status] of [
      [Oid.idData, 'valid'],
      [TST_INFO, 'invalid'],
    ] as const) {
      const object = signedAs(type, Buffer.from(TEXT)).toString('base64')
      const entity = `Content-Type: application/pkcs7-mime; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n${object}\r\n`
      assert.deepEqual(await verdictOf(mail(entity)), {
        status,
        reasons: status === 'valid' ? [] : ['content-type-mismatch'],
      })
    }
  })
})

/** What time-stamping authorities sign. */
const TST_INFO = '1.2.840.113549.1.9.16.1.4'

/** SignedData with its content, said to be of some type. */
function signedAs(type: string, content: Buffer): Buffer {
  const sha256 = writeAlgorithm(Oid.sha256)
  const digest = createHash('sha256').update(content).digest()
  const attributes = setOf([
    writeAttribute(Oid.idContentType, oid(type)),
    writeAttribute(Oid.idMessageDigest, octets(digest)),
  ])
  const signer = sequence(
    ...[integer(1), alice.certificate.issuerAndSerial, sha256, implicit(0, attributes)],
    ...[writeAlgorithm(Oid.ecdsaWithSha256), octets(signBytes('sha256', attributes, alice.key))],
  )
  const certificates = tlv(0xa0, alice.certificate.raw, ...alice.chain.map(({ raw }) => raw))
  const encapsulated = sequence(oid(type), explicit(0, octets(content)))
  const data = sequence(integer(3), set(sha256), encapsulated, certificates, set(signer))
  return sequence(oid(Oid.idSignedData), explicit(0, data))
}

describe('a signed mail stays valid', () => {
  const harmless: readonly (readonly [string, string])[] = [
    ['a preamble', edit(CLEAR, '\r\n\r\n', '\r\n\r\nThis is an S/MIME signed message\r\n')],
    ['an epilogue', `${CLEAR}\r\n-- \r\nlist footer\r\n`],
    ['blanks behind its delimiters', CLEAR.replaceAll(`--${BOUNDARY}\r\n`, `--${BOUNDARY} \t \r\n`)],
    ['no close delimiter', edit(CLEAR, `\r\n--${BOUNDARY}--\r\n`, '\r\n')],
    ['parameters without quotes', boundaryAs(`boundary=${BOUNDARY};`)],
    ['LF only', CLEAR.replaceAll('\r\n', '\n')],
    [
      'its signature as octets',
      edit(CLEAR, /application\/pkcs7-signature(?=; name)/, 'application/octet-stream'),
    ],
  ]
  for (const [name, entity] of harmless)
    test(`with ${name}`, async () => {
      assert.deepEqual(await verdictOf(mail(entity)), { status: 'valid', reasons: [] })
    })

  for (const from of [
    `=?utf-8?q?Alice_=3Calice=40example.org=3E?= <${alice.email}>`,
    `=?utf-8?q?J=C3=BCrgen?= <${alice.email}>`,
  ])
    test(`with From ${from}`, async () => {
      assert.equal((await verdictOf(mail(CLEAR, from))).status, 'valid')
    })
})

test('delimiters are judged alike however the octets are cut', () => {
  const body = (text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4)
  const bodies = [body(CLEAR), body(lax) + EVIL, body(CLEAR) + EVIL, `--${BOUNDARY}\r\n${body(CLEAR)}`].map(
    (text) => Buffer.from(text, 'latin1'),
  )
  const needle = Buffer.from(`--${BOUNDARY}`)
  const judge = (bytes: Buffer, size: number): boolean => {
    const check = new PlainDelimiters(needle)
    for (let at = 0; at < bytes.length; at += size)
      if (!check.add(bytes.subarray(at, at + size))) return false
    return check.end()
  }
  for (const [n, bytes] of bodies.entries())
    for (const size of [1, 2, 7, 19, 20, 21, 100, 148, 1000, 1e6])
      assert.equal(judge(bytes, size), n === 0, `body ${n} in ${size}`)
})
