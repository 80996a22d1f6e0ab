import assert from 'node:assert/strict'
import { createHash, sign as signBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { asBer } from '../../test/ber.ts'
import { NOW, makePerson, root } from '../../test/pki.ts'
import { MemoryTemporaries, bytesOf, choppedSource } from '../../test/streams.ts'
import { encrypt, encryptSource } from '../cms/encrypt.ts'
import { signOpaque } from '../cms/sign.ts'
import { writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { explicit, implicit, integer, octets, oid, sequence, set, tlv } from '../der/writer.ts'
import { encodeBase64Lines } from '../mime/encode.ts'
import { decodeBase64 } from '../mime/decode.ts'
import { signatureAlgorithmFor } from '../x509/sign.ts'
import { decryptCms, decryptCmsSource, decryptMessage, decryptMessageSource } from './decrypt.ts'
import { encryptEntity, encryptEntitySource } from './encrypt.ts'
import {
  canonicalMessage,
  canonicalSource,
  protectedEntityOf,
  protectedEntityOfSource,
  signableSource,
} from './entity.ts'
import { protectHeaders, protectHeadersOfSource } from './protected-headers.ts'
import { signEntity, signEntitySource } from './sign.ts'
import type { VerifyOptions } from './verdict.ts'
import { verifyCms, verifyCmsSource, verifyMessage, verifyMessageSource } from './verify.ts'

const options: VerifyOptions = { anchors: [root], at: NOW, revocation: 'none' }
const alice = makePerson('alice', 'p256')
const bob = makePerson('bob', 'rsa')
const carol = makePerson('carol', 'p256')
const keys = [bob, carol]

const HEADER = Buffer.from(`From: Alice <${alice.email}>\r\nTo: bob@example.org\r\nMIME-Version: 1.0\r\n`)
const TEXT =
  'Content-Type: text/plain\r\n\r\nDear Bob,\r\n\r\nthis is text that is long enough to be cut.\r\n'
const signing = { at: NOW, boundary: 'b0undaryb0undary' }

type Wrap = (entity: Buffer) => Buffer
const inBer = (entity: Buffer, piece: number): Buffer => {
  const body = entity.indexOf('\r\n\r\n') + 4
  return Buffer.concat([
    entity.subarray(0, body),
    encodeBase64Lines([asBer(decodeBase64(entity.subarray(body)), piece)]),
  ])
}
const seal =
  (cipher: 'aes256-cbc' | 'aes256-gcm', person = bob): Wrap =>
  (entity) =>
    Buffer.concat(
      encryptEntity([entity], { recipients: [person.certificate], cipher, keyTransport: 'oaep-sha256' }),
    )
const sign =
  (opaque: boolean): Wrap =>
  (entity) =>
    Buffer.concat(signEntity([entity], alice, { ...signing, opaque }))
const LAYERS: Readonly<Record<string, Wrap>> = {
  clear: sign(false),
  opaque: sign(true),
  'opaque in BER': (entity) => inBer(sign(true)(entity), 40),
  cbc: seal('aes256-cbc'),
  gcm: seal('aes256-gcm', carol),
  'gcm in BER': (entity) => inBer(seal('aes256-gcm')(entity), 100),
  'to somebody else': seal('aes256-gcm', alice),
  'one part of several': (entity) =>
    Buffer.concat([
      Buffer.from('Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n'),
      entity,
      Buffer.from('\r\n--m--\r\n'),
    ]),
  'other line ends': (entity) => Buffer.from(entity.toString('latin1').replaceAll('\r\n', '\n'), 'latin1'),
}

/** What a mail is made of: layers from the inside out, and damage. */
const mails = fc
  .record({
    layers: fc.array(fc.constantFrom(...Object.keys(LAYERS)), { maxLength: 3 }),
    damage: fc.option(fc.record({ at: fc.nat(100), to: fc.integer({ min: 32, max: 126 }) }), { freq: 1 }),
    cut: fc.option(fc.nat(100), { freq: 4 }),
  })
  .map(({ layers, damage, cut }) => {
    let entity: Buffer = Buffer.from(TEXT)
    for (const layer of layers) entity = LAYERS[layer]?.(entity) ?? entity
    const bytes = Buffer.concat([HEADER, entity])
    if (damage !== null) bytes[Math.floor((damage.at / 101) * bytes.length)] = damage.to
    return cut === null ? bytes : bytes.subarray(0, bytes.length - Math.floor((cut / 200) * bytes.length))
  })
const sizes = fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 4 })

describe('messages that are not in memory', () => {
  test('get the same verdict as in memory, whole or damaged, in any chunks', async () => {
    await fc.assert(
      fc.asyncProperty(mails, sizes, async (bytes, chunks) => {
        const streamed = await verifyMessageSource(choppedSource(bytes, chunks), options)
        assert.deepEqual(streamed, verifyMessage(bytes, options))
      }),
      { numRuns: 150 },
    )
  })

  test('are decrypted with the same result, and nothing is left behind', async () => {
    const seen = new Set<string>()
    await fc.assert(
      fc.asyncProperty(mails, sizes, async (bytes, chunks) => {
        const store = new MemoryTemporaries(chunks)
        const streamed = await decryptMessageSource(choppedSource(bytes, chunks), keys, options, store)
        const { message, ...whole } = decryptMessage(bytes, keys, options)
        const entity = streamed.entity === null ? null : await bytesOf(streamed.entity.chunks())
        const result = { ...streamed, entity } as Record<string, unknown>
        delete result['discard']
        assert.deepEqual(result, whole)
        assert.equal(message === null, entity === null)
        assert.equal(store.living.size, entity === null ? 0 : 1)
        await streamed.discard()
        assert.equal(store.living.size, 0)
        seen.add(streamed.status)
      }),
      { numRuns: 150 },
    )
    assert.deepEqual([...seen].sort(), ['decrypted', 'failed', 'not-encrypted'])
  })

  test('bare objects too', async () => {
    const signed = Buffer.concat(signOpaque([Buffer.from(TEXT)], alice, signing))
    const sealed = (content: Buffer) =>
      Buffer.concat(
        encrypt([content], { recipients: [bob.certificate], cipher: 'aes256-cbc', keyTransport: 'pkcs1v15' }),
      )
    const objects = [
      signed,
      sealed(signed),
      sealed(Buffer.from(TEXT)),
      sealed(Buffer.concat([HEADER, sign(false)(Buffer.from(TEXT))])),
    ]
    const all = [
      ...objects,
      ...objects.map((der) => asBer(der, 30)),
      signed.subarray(0, 500),
      Buffer.from([0x30, 0]),
    ]
    for (const bytes of all) {
      const source = choppedSource(bytes, [7, 1, 300])
      assert.deepEqual(await verifyCmsSource(source, options), verifyCms(bytes, options))
      const streamed = await decryptCmsSource(source, keys, options, new MemoryTemporaries())
      const entity = streamed.entity === null ? null : await bytesOf(streamed.entity.chunks())
      const { message, ...whole } = decryptCms(bytes, keys, options)
      assert.equal(message, null)
      const result = { ...streamed, entity } as Record<string, unknown>
      delete result['discard']
      assert.deepEqual(result, whole)
      await streamed.discard()
    }
  })

  test('no octet of plaintext is handed over before its tag was checked', async () => {
    const bytes = Buffer.concat([HEADER, seal('aes256-gcm')(Buffer.from(TEXT.repeat(3000)))])
    // A digit of the last line: the tag.
    const at = bytes.length - 8
    bytes[at] = bytes[at] === 0x41 ? 0x42 : 0x41
    const store = new MemoryTemporaries()
    const result = await decryptMessageSource(choppedSource(bytes, [65_536]), keys, options, store)
    assert.deepEqual([result.status, result.reasons, result.entity], ['failed', ['decrypt-failed'], null])
    assert.equal(store.living.size, 0)
  })

  test('what a source throws passes, and plaintext is erased', async () => {
    const bytes = Buffer.concat([HEADER, seal('aes256-gcm')(Buffer.from(TEXT.repeat(3000)))])
    const store = new MemoryTemporaries()
    let reading = 0
    const whole = choppedSource(bytes, [10_000])
    const source = {
      length: bytes.length,
      async *chunks(start?: number, end?: number) {
        reading++
        for await (const chunk of whole.chunks(start, end)) {
          // Scanned, read, and now decrypted.
          if (reading === 3 && store.living.size > 0) throw new RangeError('disk')
          yield chunk
        }
      },
    }
    await assert.rejects(decryptMessageSource(source, keys, options, store), RangeError)
    assert.equal(store.living.size, 0)
  })

  test('a signer without attributes is judged as long as the content can be held', async () => {
    const small = signedWithoutAttributes(Buffer.alloc(200_000, 'abcdefg\r\n'))
    assert.equal(verifyCms(small, options).status, 'valid')
    assert.equal((await verifyCmsSource(choppedSource(small, [65_536]), options)).status, 'valid')
    const large = signedWithoutAttributes(Buffer.alloc(17_000_000, 'abcdefg\r\n'))
    const verdict = await verifyCmsSource(choppedSource(large, [65_536]), options)
    assert.deepEqual([verdict.status, verdict.reasons], ['invalid', ['content-too-large']])
  })

  test('what is held of an object beside its content is bounded', async () => {
    const certificates = implicit(0, tlv(0x31, Buffer.alloc(17_000_000)))
    const signedData = sequence(integer(1), set(), sequence(oid(Oid.idData)), certificates, set())
    const object = sequence(oid(Oid.idSignedData), explicit(0, signedData))
    const verdict = await verifyCmsSource(choppedSource(object, [65_536]), options)
    assert.deepEqual([verdict.status, verdict.reasons], ['error', ['cms-too-large']])
  })
})

/** RFC 5652 5.3: signedAttrs may be absent when the content is data; old programs sign so. */
function signedWithoutAttributes(content: Buffer): Buffer {
  const digest = writeAlgorithm(Oid.sha256)
  const signature = signBytes('sha256', content, alice.key)
  const signer = sequence(
    integer(1),
    alice.certificate.issuerAndSerial,
    digest,
    signatureAlgorithmFor(alice.key, { digest: 'sha256' }),
    octets(signature),
  )
  const certificates = implicit(0, set(...[alice.certificate, ...alice.chain].map((each) => each.raw)))
  const encapsulated = sequence(oid(Oid.idData), explicit(0, octets(content)))
  const signedData = sequence(integer(1), set(digest), encapsulated, certificates, set(signer))
  return sequence(oid(Oid.idSignedData), explicit(0, signedData))
}

describe('sources are signed and encrypted', () => {
  const message = Buffer.from(
    `From: ${alice.email}\r\nSubject: Secret\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `Content-Transfer-Encoding: 8bit\r\n\r\n${'Gr\u00fc\u00dfe\n=_b0undaryb0undary\r\n'.repeat(400)}`,
  )

  test('and read by the whole-buffer functions', async () => {
    const source = choppedSource(message, [1000, 33])
    const { entity, outer, header } = await protectedEntityOfSource(await signableSource(source))
    assert.deepEqual(
      outer.map((field) => header.toString('latin1', field.start, field.valueStart)),
      ['From:', 'Subject:'],
    )
    for (const opaque of [false, true])
      for (const cipher of ['aes128-cbc', 'aes256-gcm'] as const) {
        const signed = await signEntitySource(entity, alice, { ...signing, opaque })
        const sealed = encryptEntitySource(signed, {
          recipients: [bob.certificate, carol.certificate],
          cipher,
          keyTransport: 'pkcs1v15',
        })
        const first = await bytesOf(sealed.chunks())
        assert.equal(first.length, sealed.length)
        assert.deepEqual(await bytesOf(sealed.chunks()), first, 'read again, it is the same')
        assert.deepEqual(await bytesOf(sealed.chunks(5000, 9000)), first.subarray(5000, 9000))
        const result = decryptMessage(Buffer.concat([HEADER, first]), keys, options)
        assert.deepEqual([result.status, result.reasons, result.verified?.status], ['decrypted', [], 'valid'])
      }
  })

  test('with the same bytes as in memory, but for what is random', async () => {
    const ready = await bytesOf((await signableSource(choppedSource(message, [500]))).chunks())
    const { entity } = protectedEntityOf(ready)
    const source = choppedSource(ready, [999])
    const split = await protectedEntityOfSource(source)
    assert.deepEqual(await bytesOf(split.entity.chunks()), Buffer.concat(entity))
    for (const person of [alice, makePerson('dan', 'p384'), bob]) {
      const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
      const whole = Buffer.concat(signEntity(entity, bob, signing))
      const streamed = await bytesOf((await signEntitySource(split.entity, bob, signing)).chunks())
      assert.equal(hash(streamed), hash(whole))
      assert.equal((await signEntitySource(split.entity, person, signing)).length > ready.length, true)
    }
  })

  test('after their line ends were made canonical, and their header was protected', async () => {
    const canonical = await canonicalSource(choppedSource(message, [77]))
    assert.deepEqual(await bytesOf(canonical.chunks()), canonicalMessage(message))
    const whole = protectHeaders(canonicalMessage(message), 'cipher')
    const streamed = await protectHeadersOfSource(canonical, 'cipher')
    assert.deepEqual(Buffer.concat(streamed.outer), Buffer.concat(whole.outer))
    assert.deepEqual(await bytesOf(streamed.entity.chunks()), Buffer.concat(whole.entity))
  })
})

test('a failure tells nothing of how far it came: not one field of the result', async () => {
  const outer = seal('aes256-gcm')
  const tampered = (entity: Buffer): Buffer => {
    const changed = decodeBase64(entity.subarray(entity.indexOf('\r\n\r\n') + 4))
    changed.writeUInt8((changed.at(-1) ?? 0) ^ 1, changed.length - 1)
    const header = entity.subarray(0, entity.indexOf('\r\n\r\n') + 4)
    return Buffer.concat([header, encodeBase64Lines([changed])])
  }
  const text = Buffer.from(TEXT)
  const failing = [
    tampered(outer(text)),
    outer(tampered(seal('aes256-gcm', carol)(text))),
    outer(seal('aes256-cbc', alice)(text)),
    outer(sign(true)(tampered(seal('aes256-cbc')(text)))),
    outer(Buffer.from('Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nno object')),
    outer(Buffer.from('x'.repeat(70_000))),
  ]
  for (const entity of failing) {
    const mail = Buffer.concat([HEADER, entity])
    const result = decryptMessage(mail, keys, options)
    assert.deepEqual(result, {
      status: 'failed',
      reasons: ['decrypt-failed'],
      layers: ['auth-enveloped'],
      contentEncryption: 'aes256-gcm',
      keyEncryption: 'oaep-sha256',
      authenticated: true,
      entity: null,
      message: null,
      protectedHeaders: null,
      verified: null,
    })
    const temporaries = new MemoryTemporaries()
    const streamed = await decryptMessageSource(choppedSource(mail, [1000]), keys, options, temporaries)
    const { discard, ...found } = streamed
    await discard()
    assert.deepEqual({ ...found, message: null }, result)
  }
})

test('content in AES-CCM is written and read in any size', async () => {
  const content = Buffer.concat([
    Buffer.from('Content-Type: text/plain\r\n\r\n'),
    Buffer.alloc(40_000_000, 'abcdefg\r\n'),
  ])
  const how = { recipients: [carol.certificate], cipher: 'aes256-ccm', keyTransport: 'pkcs1v15' } as const
  const object = encryptSource(choppedSource(content, [65_536]), how)
  const temporaries = new MemoryTemporaries()
  const { status, reasons, entity, discard } = await decryptCmsSource(object, keys, options, temporaries)
  assert.deepEqual([status, reasons], ['decrypted', []])
  assert.ok(entity !== null && (await bytesOf(entity.chunks())).equals(content))
  await discard()
  const inMemory = decryptCms(await bytesOf(object.chunks()), keys, options)
  assert.ok(inMemory.entity?.equals(content))
})
