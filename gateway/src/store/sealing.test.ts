// Sealed values: they open in their place with their key, and nowhere else, whatever is altered.
import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { StoreRefused, type StoreRefusal } from '../observe/failures.ts'
import { newRowId } from './row-id.ts'
import { seal, sealedWith, takeMasterKey, unseal, unwrapKey, wrapKey, type SealingKey } from './sealing.ts'

const PLACE = { tenantId: 't', table: 'secret', row: 'r', column: 'sealed' }

function newKey(): SealingKey {
  return { id: newRowId(Date.now()), key: createSecretKey(randomBytes(32)) }
}

function refusal(code: StoreRefusal): (error: unknown) => boolean {
  return (error) => error instanceof StoreRefused && error.code === code
}

describe('sealing', () => {
  it('opens what it sealed, names its key, and never seals to the same bytes', () => {
    const key = newKey()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (value) => {
        const sealed = seal(key, PLACE, Buffer.from(value))
        assert.equal(sealedWith(sealed), key.id)
        assert.deepEqual(unseal(key, PLACE, sealed), Buffer.from(value))
        assert.notDeepEqual(seal(key, PLACE, Buffer.from(value)), sealed)
      }),
      { numRuns: 50 },
    )
  })

  it('does not open in another place or with another key', () => {
    const key = newKey()
    const sealed = seal(key, PLACE, Buffer.from('secret'))
    for (const field of ['tenantId', 'table', 'row', 'column'])
      assert.throws(() => unseal(key, { ...PLACE, [field]: 'other' }, sealed), refusal('secret-damaged'))
    assert.throws(() => unseal({ ...newKey(), id: key.id }, PLACE, sealed), refusal('secret-damaged'))
    assert.throws(() => unseal(newKey(), PLACE, sealed), refusal('secret-damaged'))
  })

  it('does not mix up places whose names run into each other', () => {
    const key = newKey()
    const sealed = seal(key, { ...PLACE, table: 'a', row: 'bc' }, Buffer.from('secret'))
    assert.throws(() => unseal(key, { ...PLACE, table: 'ab', row: 'c' }, sealed), refusal('secret-damaged'))
  })

  it('does not open after any change, cut or addition', () => {
    const key = newKey()
    const sealed = seal(key, PLACE, Buffer.from('secret'))
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed)
      changed[at] = (changed[at] ?? 0) ^ 1
      assert.throws(() => unseal(key, PLACE, changed), refusal('secret-damaged'), `octet ${at}`)
      assert.throws(() => unseal(key, PLACE, sealed.subarray(0, at)), refusal('secret-damaged'))
    }
    assert.throws(() => unseal(key, PLACE, Buffer.concat([sealed, Buffer.of(0)])), refusal('secret-damaged'))
  })

  it('tells a wrong master key from a damaged sealing key', () => {
    const master = takeMasterKey(randomBytes(32))
    const bytes = randomBytes(32)
    const wrapped = wrapKey(master, 't', 'k', bytes)
    assert.ok(unwrapKey(master, 't', 'k', wrapped).key.equals(createSecretKey(bytes)))
    const other = takeMasterKey(randomBytes(32))
    assert.throws(() => unwrapKey(other, 't', 'k', wrapped), refusal('master-key-wrong'))
    assert.throws(() => unwrapKey(master, 'u', 'k', wrapped), refusal('secret-damaged'))
    assert.throws(() => unwrapKey(master, 't', 'j', wrapped), refusal('secret-damaged'))
    wrapped[30] = (wrapped[30] ?? 0) ^ 1
    assert.throws(() => unwrapKey(master, 't', 'k', wrapped), refusal('secret-damaged'))
  })

  it('takes a master key of 32 octets only', () => {
    assert.throws(() => takeMasterKey(Buffer.alloc(0)), refusal('master-key-missing'))
    assert.throws(() => takeMasterKey(randomBytes(31)), refusal('master-key-malformed'))
    const bytes = randomBytes(32)
    assert.equal(takeMasterKey(bytes).id, takeMasterKey(Buffer.from(bytes)).id)
    assert.ok(!bytes.toString('hex').includes(takeMasterKey(bytes).id))
  })
})
