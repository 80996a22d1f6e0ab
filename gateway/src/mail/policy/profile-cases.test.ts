// Runs the tables in profile-cases.md: real keys and certificates through keyring, gather and decide.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { scanMessage } from '@siegel/engine'
import type { ShownCapabilities } from '../../keyring/capabilities.ts'
import { createKeyring } from '../../keyring/keyring.ts'
import { entryOf, make, makeRoot, type Made, type MadeOptions } from '../../keyring/testing/credentials.ts'
import { createTrust } from '../../trust/trust.ts'
import type { RecipientPlan } from '../plan.ts'
import { decide } from './decide.ts'
import { gather } from './gather.ts'
import { NO_LEVELS, type Values } from './levels.ts'

const ALICE = 'alice@contoso.com'
const BOB = 'bob@partner.example'
const rootKeys = generateKeyPairSync('rsa', { modulusLength: 2048 })
const root: Made = { ...makeRoot(), ...make('Root', null, { keys: rootKeys, extensions: { ca: true } }) }
const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength })
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve })
const kem = { extensions: { keyUsage: ['keyEncipherment'] } } as const
const made = (email: string, keys: NonNullable<MadeOptions['keys']>, rest: MadeOptions = {}) =>
  make(email, root, { emails: [email], keys, ...rest })

const OWN = { rsa: made(ALICE, rsa(3072)), 'ml-dsa': made(ALICE, generateKeyPairSync('ml-dsa-65')) }
const PARTNER: Readonly<Record<string, Made>> = {
  rsa2048: made(BOB, rsa(2048)),
  'rsa2048 pss': made(BOB, rsa(2048), { pss: true }),
  rsa3072: made(BOB, rsa(3072)),
  p256: made(BOB, ec('P-256')),
  brainpool256: made(BOB, ec('brainpoolP256r1')),
  x25519: made(BOB, generateKeyPairSync('x25519'), { extensions: { keyUsage: ['keyAgreement'] } }),
  kem: made(BOB, generateKeyPairSync('ml-kem-768'), kem),
}
const NAMES = new Map(
  Object.entries(PARTNER).map(([name, { certificate }]) => [certificate.fingerprint, name]),
)

function shownOf(text: string): ShownCapabilities | null {
  if (text === '-') return null
  const words = text.split(', ')
  return {
    ciphers: words.filter((word) => word.startsWith('aes')),
    oaep: words.includes('oaep'),
    headerProtection: words.includes('hp'),
    mails: { algorithms: 'M', headerProtection: 'M' },
  }
}

const trust = createTrust({ version: 1, anchors: [root.certificate.raw] })

async function planOf(profiles: string, have: string, shown: string): Promise<RecipientPlan> {
  const [user = '', partner] = profiles.split('; ')
  const partners = have === '-' ? [] : have.split(', ').map((name) => PARTNER[name] ?? assert.fail(name))
  const all = [
    ...Object.values(OWN).map((each) => ({ ...entryOf(each, 'own', { addresses: [ALICE] }), tenantId: 't' })),
    ...partners.map((each) => ({ ...entryOf(each, 'partner', { addresses: [BOB] }), tenantId: 't' })),
  ].map((entry) => ({
    ...{ ...entry, id: entry.fingerprint },
    ...{ pinned: false, state: 'active' as const, origin: 'imported' as const },
  }))
  const keyring = createKeyring({
    trust: () => trust,
    store: {
      version: () => 0,
      byAddress: (owner) => Promise.resolve(all.filter((each) => each.owner === owner)),
      byId: (id) => Promise.resolve(all.find((each) => each.id === id) ?? null),
      privateKey: () => Promise.resolve(null),
    },
  })
  const bytes = Buffer.from(`From: ${ALICE}\r\nTo: ${BOB}\r\nSubject: x\r\n\r\nx\r\n`)
  const mime = scanMessage(bytes)
  const now = Date.now()
  const asked = (profile: string | undefined): Map<string, Values>[] =>
    profile === undefined ? [new Map<string, Values>()] : [new Map<string, Values>([[BOB, { profile }]])]
  const [partnersAsked = new Map<string, Values>()] = asked(partner)
  const facts = await gather(
    {
      ...{ direction: 'outbound', attribution: null, receivedAt: now, envelope: { sender: ALICE } },
      body: { size: bytes.length, eightBit: false, bareLineEnds: false, nul: false, longestLine: 70 },
    },
    { bytes, root: mime, fields: mime.headers },
    [{ number: 0, recipient: { address: BOB }, released: false }],
    {
      ...{ keyring, now, settingsVersion: 1, sizeLimit: 1_000_000, rules: [], apart: 0, groups: null },
      tenant: { acceptedDomains: ['contoso.com'], ediEnergyEdition: null },
      capabilities: () => shownOf(shown),
      levels: { ...NO_LEVELS, users: new Map([[ALICE, { profile: user }]]), partners: partnersAsked },
    },
  )
  return decide(facts).recipients[0] ?? assert.fail()
}

function thenOf({ treatment, reasons, means }: RecipientPlan): string {
  const told = [...reasons, ...means.flatMap(({ reasons: why }) => why)].map(({ code }) => code)
  if (treatment.kind === 'hold') {
    const why =
      treatment.reason.code === 'signature-awaited'
        ? ['key-below-profile']
        : ['certificate-below-profile', 'no-certificate-of-kind', 'no-certificate']
    return `hold: ${treatment.reason.code} (${why.find((code) => told.includes(code)) ?? '-'})`
  }
  if (treatment.kind !== 'protect') return treatment.kind
  const { sign, encrypt, inner, profile } = treatment
  const signer = sign === OWN['ml-dsa'].certificate.fingerprint ? ' ml-dsa' : profile.pss ? ' pss' : ''
  if (encrypt === null) return sign === null ? 'pass' : `sign${signer}`
  const [name = ''] = encrypt.map((id) => NAMES.get(id) ?? '')
  const [within = ''] = (inner ?? []).map((id) => NAMES.get(id) ?? '')
  const kind = profile.name !== 'compatible' && name === 'kem' ? ' ml-kem' : ''
  const inside = within === '' ? '' : `, ${within.startsWith('rsa') ? 'rsa' : 'ec'} inside`
  const hidden = profile.headerProtection === true ? ' hidden' : ''
  return `sign${signer}, encrypt: ${profile.cipher} ${profile.keyTransport}${kind}${inside}${hidden}`
}

const CASES = readFileSync(join(import.meta.dirname, 'profile-cases.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('|') && !/^\| (?:profile|-+) /.test(line))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )

describe('what becomes of a mail by its profile', () => {
  it('the tables were read', () => {
    assert.ok(CASES.length >= 50 && CASES.every((cells) => cells.length === 4))
  })
  for (const [profiles = '', have = '', shown = '', then = ''] of CASES)
    it(`${profiles}; we have ${have}; shown ${shown}: ${then}`, async () => {
      assert.equal(thenOf(await planOf(profiles, have, shown)), then)
    })
})
