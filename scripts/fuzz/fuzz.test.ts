import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signEntity, verifyMessage } from '@siegel/engine'
import { check } from './check.ts'
import { mutate, randomOf } from './mutate.ts'
import { AT, makeMaterial, readMaterial, writeMaterial } from './seeds.ts'

const material = makeMaterial()

test('every seed passes, and signed ones are valid', () => {
  for (const seed of material.seeds) check(seed.bytes, seed, material)
  const signed = material.seeds.filter(({ name }) => name === 'clear signed' || name === 'opaque signed')
  assert.equal(signed.length, 2)
  for (const { bytes } of signed)
    assert.equal(verifyMessage(bytes, { anchors: [material.root], at: AT }).status, 'valid')
})

test('a mail with other content that is valid is reported', () => {
  const [alice] = material.keys
  const seed = material.seeds.find(({ name }) => name === 'clear signed')
  assert.ok(alice !== undefined && alice.certificate !== null && seed !== undefined)
  const signer = { key: alice.key, certificate: alice.certificate, chain: [] }
  const entity = Buffer.from('Content-Type: text/plain\r\n\r\nPay 99\r\n')
  const made = signEntity([entity], signer, { at: AT, boundary: '0123456789abcdef' })
  const mail = Buffer.concat([Buffer.from('From: alice@example.org\r\nMIME-Version: 1.0\r\n'), ...made])
  assert.throws(() => {
    check(mail, seed, material)
  }, /changed mail is valid/)
})

test('a seed decides the mutations, and material survives being kept', () => {
  const again = readMaterial(writeMaterial(material))
  assert.deepEqual(
    again.seeds.map(({ bytes }) => bytes),
    material.seeds.map(({ bytes }) => bytes),
  )
  const others = material.seeds.map(({ bytes }) => bytes)
  const one = (index: number) => others.map((bytes) => mutate(bytes, randomOf(7, index), others))
  assert.deepEqual(one(3), one(3))
  assert.notDeepEqual(one(3), one(4))
})
