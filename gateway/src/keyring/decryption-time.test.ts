/**
 * Tests of when a failed decryption is seen. That the moment tells nothing is measured by `npm run test:timing`.
 */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { decryptionTime, openInTime } from './decryption-time.ts'

const keyOf = (modulusLength: number) => ({
  key: generateKeyPairSync('rsa', { modulusLength }).privateKey,
  certificate: null,
})
const curve = { key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, certificate: null }

async function timed(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await run()
  return performance.now() - started
}

describe('the time of a failed decryption', () => {
  it('follows from the size and the slowest kind of key, and is the same without a key', () => {
    const small = decryptionTime(0, [])
    assert.equal(decryptionTime(0, [curve]), small)
    assert.equal(decryptionTime(0, [keyOf(2048)]), small)
    assert.ok(decryptionTime(0, [curve, keyOf(3072)]) > small)
    assert.ok(decryptionTime(1_000_000, [curve]) > small)
  })

  it('passes before the failure is seen, and so does a multiple of it', async () => {
    assert.ok((await timed(() => openInTime(40, () => ({ status: 'failed' })))) >= 40)
    const slow = async () => {
      await sleep(50)
      return { status: 'failed' }
    }
    assert.ok((await timed(() => openInTime(40, slow))) >= 80)
  })

  it('lets others work meanwhile', async () => {
    let turns = 0
    const ticking = setInterval(() => turns++, 1)
    await openInTime(100, () => ({ status: 'failed' }))
    clearInterval(ticking)
    assert.ok(turns > 5, `${turns} turns`)
  })

  it('keeps neither success nor a failure of the machine waiting', async () => {
    const day = 86_400_000
    assert.equal((await openInTime(day, () => ({ status: 'decrypted' }))).status, 'decrypted')
    await assert.rejects(
      openInTime(day, () => Promise.reject(new Error('disk'))),
      /disk/,
    )
  })
})
