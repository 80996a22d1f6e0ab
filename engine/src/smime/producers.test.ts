/**
 * Mails as unusual producers and transports make them: wrong types, missing parameters, names only in the file name, line
 * ends changed on the way, BER in chunks. They are read as what they are; nothing is read as more than it is.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NOW, makePerson, root } from '../../test/pki.ts'
import { readElement } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { decryptMessage } from './decrypt.ts'
import { encryptEntity } from './encrypt.ts'
import { signEntity } from './sign.ts'
import type { VerifyOptions } from './verdict.ts'
import { verifyMessage } from './verify.ts'

const options: VerifyOptions = { anchors: [root], at: NOW, revocation: 'none' }
const alice = makePerson('alice', 'p256')
const bob = makePerson('bob', 'p256')
const HEADER = `From: ${alice.email}\r\nTo: bob@example.org\r\nMIME-Version: 1.0\r\n`
const ENTITY = 'Content-Type: text/plain\r\n\r\nFirst line\r\n\r\nLast line \r\n'

const how = { at: NOW, boundary: 'b0undaryb0undary' }
const clear = (entity = ENTITY) =>
  Buffer.concat(signEntity([Buffer.from(entity)], alice, how)).toString('latin1')
const opaque = () =>
  Buffer.concat(signEntity([Buffer.from(ENTITY)], alice, { ...how, opaque: true })).toString('latin1')
const sealed = (entity = ENTITY) =>
  Buffer.concat(
    encryptEntity([Buffer.from(entity)], {
      recipients: [bob.certificate],
      cipher: 'aes128-gcm',
      keyTransport: 'pkcs1v15',
    }),
  ).toString('latin1')
const statusOf = (entity: string, header = HEADER): string =>
  verifyMessage(Buffer.from(header + entity, 'latin1'), options).status
const open = (entity: string) => decryptMessage(Buffer.from(HEADER + entity, 'latin1'), [bob], options)

/** Puts other Content fields over the body of an application/pkcs7-mime entity. */
const relabelled = (entity: string, ...fields: string[]): string =>
  [...fields, 'Content-Transfer-Encoding: base64', '', entity.split('\r\n\r\n')[1] ?? ''].join('\r\n')

const LABELS: readonly (readonly string[])[] = [
  ['Content-Type: application/pkcs7-mime'],
  ['Content-Type: APPLICATION/PKCS7-MIME; SMIME-TYPE=Enveloped-Data'],
  ['Content-Type: application/x-pkcs7-mime; name=smime.p7m'],
  ['Content-Type: application/x-pkcs7-mime; smime-type=signed-data; name="smime.p7m"'],
  ['Content-Type: application/octet-stream; name="smime.p7m"'],
  ['Content-Type: application/octet-stream', 'Content-Disposition: attachment; filename="SMIME.P7M"'],
  ['Content-Type: application/octet-stream', "Content-Disposition: attachment; filename*=utf-8''smime.p7m"],
  ['Content-Type: application/binary; name=smime.p7m', 'Content-Description: x'],
]

for (const label of LABELS)
  test(`${label.join(' ')} is opened as what its content is`, () => {
    assert.equal(statusOf(relabelled(opaque(), ...label)), 'valid')
    const result = open(relabelled(sealed(), ...label))
    assert.deepEqual([result.status, result.entity?.toString()], ['decrypted', ENTITY])
  })

test('a name alone makes nothing signed or encrypted', () => {
  const text = relabelled(
    `\r\n\r\n${Buffer.from('just text, no object').toString('base64')}`,
    ...(LABELS[4] ?? []),
  )
  assert.equal(statusOf(text), 'unsigned')
  assert.equal(open(text).status, 'not-encrypted')
})

test('old names of the signature part, and no protocol, are understood', () => {
  const signed = clear()
  const changes: [string, string][] = [
    ['application/pkcs7-signature', 'application/x-pkcs7-signature'],
    [' protocol="application/pkcs7-signature";', ''],
    ['micalg=sha-256', 'micalg=md5'],
    ['Content-Disposition: attachment; filename="smime.p7s"\r\n', ''],
    ['protocol="application/pkcs7-signature"', 'protocol=application/x-pkcs7-signature'],
  ]
  for (const [from, to] of changes) {
    const changed = signed.replaceAll(from, to)
    assert.notEqual(changed, signed)
    assert.equal(statusOf(changed), 'valid', to)
  }
})

test('a detached signature holds when the transport turned CRLF into LF, or the producer signed LF', () => {
  const lineFeeds = (text: string) => text.replaceAll('\r\n', '\n')
  assert.equal(statusOf(lineFeeds(clear()), lineFeeds(HEADER)), 'valid')
  const signedWithLf = clear(lineFeeds(ENTITY))
  assert.equal(statusOf(signedWithLf), 'valid')
  assert.equal(statusOf(lineFeeds(signedWithLf), lineFeeds(HEADER)), 'valid')
  assert.equal(statusOf(lineFeeds(signedWithLf).replaceAll('\n', '\r\n')), 'valid')
})

test('no other change is forgiven: white space, empty lines, a line more or less', () => {
  for (const base of [clear(), clear(ENTITY.replaceAll('\r\n', '\n'))])
    for (const eol of ['\r\n', '\n']) {
      const text = base.replaceAll('\r\n', '\n').replaceAll('\n', eol)
      const header = HEADER.replaceAll('\r\n', eol)
      assert.equal(statusOf(text, header), 'valid')
      const changes: [string, string][] = [
        ['Last line ', 'Last line'],
        ['Last line ', 'Last line  '],
        ['First', ' First'],
        [`First line${eol}${eol}`, `First line${eol}`],
        [`First line${eol}${eol}`, `First line${eol}${eol}${eol}`],
        ['First line', `First${eol}line`],
        [`Last line ${eol}`, 'Last line '],
      ]
      for (const [from, to] of changes)
        assert.equal(statusOf(text.replace(from, to), header), 'invalid', JSON.stringify([from, to]))
    }
})

/** The same value with indefinite lengths, and long octet strings in chunks, as old gateways wrote it (X.690 8.1.3.6). */
function asBer(element: Element): Buffer {
  const tag = element.raw.subarray(0, 1)
  const end = Buffer.alloc(2)
  const octetString = element.is(0, 4) && element.length > 40
  if (!element.constructed && !octetString) return Buffer.from(element.raw)
  const parts = element.constructed
    ? element.children().map(asBer)
    : [0, 20].map((at) => {
        const chunk = element.content.subarray(at, at === 0 ? 20 : undefined)
        const length = chunk.length < 0x80 ? [chunk.length] : [0x82, chunk.length >> 8, chunk.length & 0xff]
        return Buffer.concat([Buffer.from([0x04, ...length]), chunk])
      })
  const first = Buffer.from([(tag[0] ?? 0) | 0x20, 0x80])
  return Buffer.concat([first, ...parts, end])
}

test('BER with indefinite lengths and chunked octet strings is read, signed and encrypted', () => {
  const signed = (text: string) => {
    assert.equal(statusOf(text), 'valid')
  }
  const encrypted = (text: string) => {
    assert.equal(open(text).entity?.toString(), ENTITY)
  }
  for (const [entity, read] of [
    [opaque(), signed],
    [sealed(), encrypted],
  ] as const) {
    const der = Buffer.from(entity.split('\r\n\r\n')[1] ?? '', 'base64')
    // Certificates and signed attributes are DER in BER as well: only the layers around are loosened.
    const [type, explicit] = readElement(der).children()
    assert.ok(type !== undefined && explicit !== undefined)
    const [inner] = explicit.children()
    assert.ok(inner !== undefined)
    const loose = inner.children().map((child) => (child.is(0, 16) ? asBer(child) : Buffer.from(child.raw)))
    const end = Buffer.alloc(2)
    const bytes = [
      Buffer.from([0x30, 0x80]),
      type.raw,
      Buffer.from([0xa0, 0x80, 0x30, 0x80]),
      ...loose,
      end,
      end,
      end,
    ]
    const ber = Buffer.concat(bytes)
    assert.notDeepEqual(ber, der)
    read(
      `${entity.split('\r\n\r\n')[0] ?? ''}\r\n\r\n` +
        (ber.toString('base64').match(/.{1,76}/g) ?? []).join('\r\n'),
    )
  }
})

test('an encrypted entity beside other parts is reported and left closed', () => {
  const part = (...parts: string[]) =>
    `Content-Type: multipart/mixed; boundary=o\r\n\r\n${parts.map((each) => `--o\r\n${each}\r\n`).join('')}--o--\r\n`
  const footer = 'Content-Type: text/plain\r\n\r\nDisclaimer\r\n'
  for (const entity of [
    part(sealed(), footer),
    part(footer, sealed()),
    part(sealed()),
    part(part(sealed())),
  ]) {
    const result = open(entity)
    assert.deepEqual(
      [result.status, result.reasons, result.entity],
      ['not-encrypted', ['encrypted-part-not-root'], null],
    )
    const { status, reasons } = verifyMessage(Buffer.from(HEADER + entity), options)
    assert.deepEqual([status, reasons], ['unsigned', ['not-signed', 'encrypted-part-not-root']])
  }
})

test('a footer behind the signed entity leaves it partial, a list that rewrote the text invalid', () => {
  const inside = clear().replace('First line', 'First line [list]')
  assert.equal(statusOf(inside), 'invalid')
  const around = `Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n${clear()}\r\n--o\r\n\r\nfooter\r\n--o--\r\n`
  assert.equal(statusOf(around), 'partial')
})
