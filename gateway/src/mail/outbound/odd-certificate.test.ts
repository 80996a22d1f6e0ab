/**
 * Hops of the world with certificates that no authority would issue: without any name, with dates that are none. Whoever takes mail
 * chooses what is presented; the mail must have an outcome all the same, or the turn fails and others get theirs twice.
 */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, test } from 'node:test'
import { issueCertificate } from '@siegel/engine'
import type { TlsIdentity } from '../../config/ports.ts'
import { pemOf } from './testing/certificates.ts'
import { makeWorld, startRig } from './testing/rig.ts'

const DAY = 86_400_000
const UTC_TIME = Buffer.from([0x17, 13])

function identity(change: (der: Buffer) => void, subject: Record<string, string> = {}): TlsIdentity {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const der = issueCertificate({
    ...{ subject, issuer: { key: privateKey }, publicKey, extensions: {} },
    ...{ notBefore: Date.now() - DAY, notAfter: Date.now() + DAY },
  })
  change(der)
  return { chain: pemOf(der), key: privateKey.export({ type: 'pkcs8', format: 'pem' }), names: [] }
}

/** Writes over the end of the validity. */
function endsAt(text: string): (der: Buffer) => void {
  return (der) => {
    der.write(text, der.lastIndexOf(UTC_TIME) + UTC_TIME.length, 'latin1')
  }
}

const ODD: Readonly<Record<string, TlsIdentity>> = {
  'no name at all': identity(() => undefined),
  'an end that is no date': identity(endsAt('xxxxxxxxxxxxZ'), { CN: 'x' }),
  'an end in month 99': identity(endsAt('269999999999Z'), { CN: 'x' }),
  'an end of zeros': identity(endsAt('\0'.repeat(13)), { CN: 'x' }),
}

describe('a certificate of the world', () => {
  const world = makeWorld()
  for (const [what, odd] of Object.entries(ODD)) {
    test(`${what}: where nothing is demanded of it, the mail goes`, async (t) => {
      const rig = await startRig(world, { identity: odd })
      t.after(() => rig.close())
      const [outcome] = await rig.deliver({ route: 'hop.example', direct: true })
      assert.deepEqual([outcome?.kind, outcome?.hop?.tls?.verified], ['delivered', false])
    })

    test(`${what}: where it must be good, the mail waits`, async (t) => {
      const rig = await startRig(world, { identity: odd })
      t.after(() => rig.close())
      rig.settings.maps = new Map([['tls-policy', 'hop.example secure']])
      const [outcome] = await rig.deliver({ route: 'hop.example', direct: true })
      assert.deepEqual([outcome?.kind, outcome?.status], ['deferred', '4.7.5'])
      assert.match(outcome?.reason.code ?? '', /^tls-certificate-/)
      assert.equal(rig.hop.heard.length, 0)
    })
  }
})
