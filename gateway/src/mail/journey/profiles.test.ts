/** Tests of profiles on the path: what partners show is learned and used, and no profile is ever gone below. */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import {
  decryptMessage,
  encryptEntity,
  protectHeaders,
  signEntity,
  type DecryptionKey,
  type DecryptResult,
} from '@siegel/engine'
import { entryOf, make, type Made } from '../../keyring/testing/credentials.ts'
import { NO_LEVELS, type Values } from '../policy/levels.ts'
import { mailRoot, withRig, type JourneyRig } from './testing/rig.ts'

const SECRET = 'the price is 4711'
const MAIL = `From: alice@contoso.com\r\nTo: bob@partner.example\r\nSubject: our price\r\nThread-Topic: our price\r\nMIME-Version: 1.0\r\n\r\n${SECRET}\r\n`
const rsa = (modulusLength: number) => ({ keys: generateKeyPairSync('rsa', { modulusLength }) })
const alice = make('Alice', mailRoot, { emails: ['alice@contoso.com'], ...rsa(3072) })
const bob = make('Bob', mailRoot, { emails: ['bob@partner.example'], ...rsa(2048) })
const strongBob = make('Bob', mailRoot, { emails: ['bob@partner.example'], ...rsa(3072) })
const kemBob = make('Bob', mailRoot, {
  emails: ['bob@partner.example'],
  keys: generateKeyPairSync('ml-kem-768'),
  extensions: { keyUsage: ['keyEncipherment'] },
})

/** A signed mail of Bob's. */
function signedByBob(
  signingTime: number,
  options: { by?: Made; capabilities?: boolean; hidden?: boolean } = {},
): Buffer {
  const { by = bob, capabilities = true, hidden = false } = options
  const head = 'From: bob@partner.example\r\nTo: alice@contoso.com\r\nSubject: hello\r\n'
  const message = Buffer.from(`${head}MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nhello\r\n`)
  const entity = hidden
    ? protectHeaders(message, 'clear').entity
    : [Buffer.from('Content-Type: text/plain\r\n\r\nhello\r\n')]
  const signed = signEntity(
    entity,
    { key: by.key, certificate: by.certificate, chain: [] },
    { at: signingTime, capabilities, boundary: 'boundary0123456789' },
  )
  return Buffer.concat([Buffer.from(`${head}MIME-Version: 1.0\r\n`), ...signed])
}

async function fromBob(rig: JourneyRig, mail: Buffer): Promise<void> {
  await rig.receive(mail, { direction: 'inbound' })
  await rig.turn()
}

/** What Bob gets. */
async function answer(
  rig: JourneyRig,
  keys: readonly Made[] = [bob],
): Promise<{ content: Buffer; opened: DecryptResult }> {
  const before = rig.next.hop.heard.length
  await rig.receive(MAIL)
  await rig.turn()
  assert.equal(rig.next.hop.heard.length, before + 1)
  const content = rig.next.hop.heard.at(-1)?.content ?? assert.fail()
  const own: DecryptionKey[] = keys.map(({ key, certificate }) => ({ key, certificate }))
  const opened = decryptMessage(content, own, {
    anchors: [mailRoot.certificate],
    at: rig.fixture.now,
    revocation: 'none',
  })
  return { content, opened }
}

function asking(values: Values): JourneyRig['levels'] {
  return { ...NO_LEVELS, partners: new Map([['bob@partner.example', values]]) }
}

const learned = (rig: JourneyRig) =>
  rig.store.forTenant(rig.tenant.id).capabilities.find('bob@partner.example')

describe('what a partner shows', () => {
  it('is used for the answer, and told with the mail that showed it', () =>
    withRig({}, async (rig) => {
      await rig.keep(entryOf(alice, 'own'), entryOf(bob, 'partner'))
      const first = await answer(rig)
      assert.deepEqual(
        [first.opened.contentEncryption, first.opened.keyEncryption],
        ['aes256-cbc', 'pkcs1v15'],
      )
      await fromBob(rig, signedByBob(rig.fixture.now))
      const second = await answer(rig)
      assert.deepEqual(
        [second.opened.contentEncryption, second.opened.keyEncryption],
        ['aes256-gcm', 'oaep-sha256'],
      )
      assert.equal(second.opened.verified?.status, 'valid')
      assert.ok(second.content.includes('Subject: our price'))
    }))

  it('hides the subject once it was shown that it is read inside', () =>
    withRig({}, async (rig) => {
      await rig.keep(entryOf(alice, 'own'), entryOf(bob, 'partner'))
      await fromBob(rig, signedByBob(rig.fixture.now, { hidden: true }))
      const { content, opened } = await answer(rig)
      assert.ok(!content.includes('our price'))
      assert.ok(content.includes('\r\nSubject: [...]\r\n'))
      const subject = opened.protectedHeaders?.fields.find(({ name }) => name === 'Subject')
      assert.deepEqual([subject?.value, opened.protectedHeaders?.mode], ['our price', 'cipher'])
      assert.equal(opened.verified?.status, 'valid')
    }))

  it('counts only when the mail is valid', () =>
    withRig({}, async (rig) => {
      await rig.keep(entryOf(alice, 'own'), entryOf(bob, 'partner'))
      const stranger = make('Bob', null, { emails: ['bob@partner.example'], rsa: true })
      const eve = make('Eve', mailRoot, { emails: ['eve@partner.example'], rsa: true })
      const changed = Buffer.from(signedByBob(rig.fixture.now).toString('latin1').replace('hello\r\n\r\n--', 'hallo\r\n\r\n--'), 'latin1') // prettier-ignore
      await fromBob(rig, signedByBob(rig.fixture.now, { by: stranger }))
      await fromBob(rig, signedByBob(rig.fixture.now, { by: eve }))
      await fromBob(rig, changed)
      assert.deepEqual(learned(rig), [])
      assert.equal((await answer(rig)).opened.contentEncryption, 'aes256-cbc')
    }))

  it('the mail signed last wins, and none from the future', () =>
    withRig({}, async (rig) => {
      const { now } = rig.fixture
      await fromBob(rig, signedByBob(now))
      const newest = learned(rig)
      assert.deepEqual(newest.map(({ kind, signingTime }) => [kind, Math.floor(signingTime / 1000)]), [['said', Math.floor(now / 1000)]]) // prettier-ignore
      await fromBob(rig, signedByBob(now - 86_400_000))
      await fromBob(rig, signedByBob(now + 86_400_000))
      assert.deepEqual(learned(rig), newest)
    }))

  it('how a mail was encrypted counts where its author says nothing', () =>
    withRig({}, async (rig) => {
      await rig.keep(entryOf(alice, 'own'), entryOf(bob, 'partner'))
      const signed = signedByBob(rig.fixture.now, { capabilities: false })
      const at = signed.indexOf('Content-Type')
      const encrypted = encryptEntity([signed.subarray(at)], {
        recipients: [alice.certificate],
        cipher: 'aes128-gcm',
        keyTransport: 'oaep-sha256',
      })
      await fromBob(rig, Buffer.concat([signed.subarray(0, at), ...encrypted]))
      assert.deepEqual(learned(rig).map(({ kind, ciphers, oaep }) => [kind, ciphers.join(), oaep]), [['used', 'aes128-gcm', true]]) // prettier-ignore
      const { opened } = await answer(rig)
      assert.deepEqual([opened.contentEncryption, opened.keyEncryption], ['aes128-gcm', 'oaep-sha256'])
    }))

  it('is forgotten when asked', () =>
    withRig({}, async (rig) => {
      await fromBob(rig, signedByBob(rig.fixture.now))
      const { capabilities } = rig.store.forTenant(rig.tenant.id)
      assert.equal(await capabilities.forget('bob@partner.example'), 1)
      assert.deepEqual(learned(rig), [])
    }))

  it('a store that fails does not fail the mail', () =>
    withRig({}, async (rig) => {
      const { capabilities } = rig.store.forTenant(rig.tenant.id)
      capabilities.learn = () => Promise.reject(new Error('disk'))
      const mail = await rig.receive(signedByBob(rig.fixture.now), { direction: 'inbound' })
      await rig.turn()
      assert.deepEqual(await rig.states(mail), ['delivered - 1'])
      assert.ok(rig.logged.includes('warn capabilities-not-learned'))
    }))
})

describe('a profile', () => {
  it('keeps mail back rather than going below: the one good certificate is too weak', () =>
    withRig({}, async (rig) => {
      rig.levels = asking({ profile: 'bsi-strict' })
      await rig.keep(entryOf(alice, 'own'), entryOf(bob, 'partner'))
      const mail = await rig.receive(MAIL)
      await rig.turn()
      assert.deepEqual(
        [await rig.states(mail), rig.next.hop.heard.length],
        [['held encryption-awaited 0'], 0],
      )
      await rig.keep(entryOf(strongBob, 'partner'))
      const { opened } = await answer(rig, [strongBob])
      assert.deepEqual([opened.contentEncryption, opened.keyEncryption], ['aes256-gcm', 'oaep-sha256'])
      assert.deepEqual(opened.verified?.signers.map(({ signature }) => signature.includes('pss')), [true]) // prettier-ignore
    }))

  it('pq takes ML-KEM where there is such a certificate, else what modern does', () =>
    withRig({}, async (rig) => {
      rig.levels = asking({ profile: 'pq' })
      await rig.keep(entryOf(alice, 'own'), entryOf(bob, 'partner'))
      const classical = await answer(rig)
      assert.deepEqual([classical.opened.contentEncryption, classical.opened.keyEncryption], ['aes256-gcm', 'oaep-sha256']) // prettier-ignore
      await rig.keep(entryOf(kemBob, 'partner'))
      const { opened } = await answer(rig, [kemBob])
      assert.match(opened.keyEncryption ?? '', /ml-kem-768/)
    }))

  it('pq-hybrid encrypts twice: neither key alone opens it', () =>
    withRig({}, async (rig) => {
      rig.levels = asking({ profile: 'pq-hybrid' })
      await rig.keep(entryOf(alice, 'own'), entryOf(bob, 'partner'), entryOf(kemBob, 'partner'))
      const { opened, content } = await answer(rig, [kemBob, bob])
      assert.deepEqual(opened.layers.slice(0, 2), ['auth-enveloped', 'auth-enveloped'])
      assert.equal(opened.verified?.status, 'valid')
      for (const alone of [kemBob, bob]) {
        const own = [{ key: alone.key, certificate: alone.certificate }]
        const half = decryptMessage(content, own, { anchors: [], at: rig.fixture.now, revocation: 'none' })
        assert.ok(half.entity === null || !half.entity.includes(SECRET))
      }
    }))

  it('pq-hybrid does not leave with one layer', () =>
    withRig({}, async (rig) => {
      rig.levels = asking({ profile: 'pq-hybrid' })
      await rig.keep(entryOf(alice, 'own'), entryOf(bob, 'partner'))
      const mail = await rig.receive(MAIL)
      await rig.turn()
      assert.deepEqual(await rig.states(mail), ['held encryption-awaited 0'])
    }))

  it('edi-energy whose edition nobody has confirmed raises an alarm', () =>
    withRig({}, async (rig) => {
      rig.levels = asking({ profile: 'edi-energy' })
      await rig.receive(MAIL)
      await rig.turn()
      assert.deepEqual(rig.alarms(), ['edi-energy-edition-not-confirmed'])
    }))
})
