import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NOW, makePerson } from '../../test/pki.ts'
import { EngineError } from '../errors.ts'
import { scanMessage } from '../mime/scan.ts'
import { encryptEntity } from './encrypt.ts'
import { canonicalMessage, protectedEntityOf, signableMessage, wrapMessage } from './entity.ts'
import { smimeKind } from './kind.ts'
import { protectHeaders } from './protected-headers.ts'
import { signEntity } from './sign.ts'

const MESSAGE = Buffer.from(
  'Received: a\r\nContent-Type: text/plain;\r\n charset=utf-8\r\nFrom: a@example.org\r\nMIME-Version: 1.0\r\n' +
    'X-MS-Exchange-Organization-AuthAs:  Internal\r\nContent-Transfer-Encoding: 7bit\r\nTo: b@example.org\r\n\r\nText\r\n',
)

test('splits a message into what stays outside and the entity, and puts it together again', () => {
  const { outer, entity } = protectedEntityOf(MESSAGE)
  assert.equal(
    Buffer.concat(entity).toString(),
    'Content-Type: text/plain;\r\n charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\nText\r\n',
  )
  assert.deepEqual(
    outer.map((field) => field.name),
    ['Received', 'From', 'X-MS-Exchange-Organization-AuthAs', 'To'],
  )
  assert.equal(
    Buffer.concat(wrapMessage(MESSAGE, outer, [Buffer.from('Content-Type: x/y\r\n\r\n')])).toString(),
    'Received: a\r\nFrom: a@example.org\r\nX-MS-Exchange-Organization-AuthAs:  Internal\r\nTo: b@example.org\r\n' +
      'MIME-Version: 1.0\r\nContent-Type: x/y\r\n\r\n',
  )
})

test('a message without Content fields is an entity that begins with its empty line', () => {
  const { entity } = protectedEntityOf(Buffer.from('From: a@example.org\r\n\r\nText\r\n'))
  assert.equal(Buffer.concat(entity).toString(), '\r\nText\r\n')
})

test('what is ready to be signed is not copied', () => {
  const ready = signableMessage(MESSAGE)
  assert.equal(ready.buffer, MESSAGE.buffer)
  assert.equal(ready.byteOffset, MESSAGE.byteOffset)
  assert.equal(canonicalMessage(MESSAGE), MESSAGE)
  const eight = signableMessage(Buffer.from('Content-Type: text/plain; charset=utf-8\n\nGrüße\n'))
  assert.ok(!eight.some((octet) => octet > 0x7f))
  assert.ok(!/[^\r]\n/.test(eight.toString()))
})

test('the pieces to be signed stand in the clear-signed result without being copied', () => {
  const alice = makePerson('alice', 'p256')
  const body = Buffer.from('Content-Type: text/plain\r\n\r\nText\r\n')
  const pieces = signEntity([body], alice, { at: NOW, boundary: 'b0undaryb0undary' })
  assert.ok(pieces.includes(body))
})

test('kinds of S/MIME entities are told by content, not by name alone', () => {
  const alice = makePerson('alice', 'rsa')
  const how = { at: NOW, boundary: 'b0undaryb0undary' }
  const entity = [Buffer.from('Content-Type: text/plain\r\n\r\nText\r\n')]
  const to = { recipients: [alice.certificate], keyTransport: 'pkcs1v15' } as const
  const kindOf = (pieces: readonly Buffer[], change: (text: string) => string = (text) => text) => {
    const bytes = Buffer.from(change(Buffer.concat(pieces).toString('latin1')), 'latin1')
    return smimeKind(scanMessage(bytes), bytes)
  }
  const opaque = signEntity(entity, alice, { ...how, opaque: true })
  const clear = signEntity(entity, alice, how)
  assert.equal(kindOf(clear), 'clear-signed')
  assert.equal(kindOf(opaque), 'opaque-signed')
  assert.equal(kindOf(encryptEntity(entity, { ...to, cipher: 'aes128-cbc' })), 'enveloped')
  assert.equal(kindOf(encryptEntity(entity, { ...to, cipher: 'aes128-gcm' })), 'auth-enveloped')
  assert.equal(kindOf(entity), null)
  // The content has the last word over smime-type.
  assert.equal(
    kindOf(opaque, (text) => text.replace('signed-data', 'enveloped-data')),
    'opaque-signed',
  )
  assert.equal(
    kindOf(opaque, (text) => text.replace('pkcs7-mime', 'x-pkcs7-mime')),
    'opaque-signed',
  )
  assert.equal(
    kindOf(opaque, (text) => text.replace(/pkcs7-mime; smime-type=signed-data/, 'octet-stream')),
    'opaque-signed',
  )
  assert.equal(
    kindOf(clear, (text) => text.replace('application/pkcs7-signature', 'application/pgp-signature')),
    null,
  )
  assert.equal(
    kindOf(clear, (text) => text.replace(/protocol="[^"]+";/, '')),
    'clear-signed',
  )
  assert.equal(
    kindOf([Buffer.from('Content-Type: application/pkcs7-mime; smime-type=AuthEnveloped-Data\r\n\r\njunk')]),
    'auth-enveloped',
  )
  assert.equal(kindOf([Buffer.from('Content-Type: application/octet-stream; name=x.p7m\r\n\r\njunk')]), null)
})

test('header protection is refused for what is signed or encrypted already', () => {
  for (const type of ['multipart/signed; boundary=x', 'application/pkcs7-mime', 'multipart/encrypted']) {
    assert.throws(
      () => protectHeaders(Buffer.from(`From: a@example.org\r\nContent-Type: ${type}\r\n\r\n`), 'clear'),
      (error) => error instanceof EngineError && error.code === 'header-protection-refused',
    )
  }
})

test('header protection copies what people read, and leaves transport fields outside', () => {
  const { outer, entity } = protectHeaders(
    Buffer.from('Received: a\r\nFrom: a@example.org\r\nSubject: s\r\nX-Y: z\r\n\r\nText\r\n'),
    'clear',
  )
  assert.equal(
    Buffer.concat(outer).toString(),
    'Received: a\r\nFrom: a@example.org\r\nSubject: s\r\nX-Y: z\r\n',
  )
  assert.equal(
    Buffer.concat(entity).toString(),
    'From: a@example.org\r\nSubject: s\r\nContent-Type: text/plain; charset=us-ascii; hp="clear"\r\n\r\nText\r\n',
  )
})
