/** Of several entries for one address: who goes first, and the reason of every other; the same whatever the order they come in. */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { issueCertificate, parseCertificate } from '@siegel/engine'
import type { TrustVerdict } from '../trust/trust.ts'
import type { Candidate } from './ports.ts'
import { select, type Fitness, type LoadedCandidate } from './selection.ts'
import { Verdicts } from './verdicts.ts'

const DAY = 86_400_000
const NOW = Date.UTC(2026, 10, 1)
const keys = {
  ec: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  long: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  short: generateKeyPairSync('rsa', { modulusLength: 1024 }),
}

/** One entry; `rest` of the row. */
function entry(
  name: string,
  rest: Partial<Candidate> = {},
  key: keyof typeof keys = 'ec',
): LoadedCandidate & { name: string } {
  const notBefore = rest.notBefore ?? NOW - 10 * DAY
  const notAfter = rest.notAfter ?? NOW + 300 * DAY
  const { publicKey, privateKey } = keys[key]
  const certificate = parseCertificate(
    issueCertificate({
      ...{ subject: { CN: name }, issuer: { key: privateKey }, publicKey, notBefore, notAfter },
      extensions: { emails: ['bob@partner.example'] },
    }),
  )
  const credential: Candidate = {
    ...{ id: name, tenantId: 'T', kind: 'smime', owner: 'partner', addresses: ['bob@partner.example'] },
    ...{ sign: true, encrypt: true, notBefore, notAfter, fingerprint: certificate.fingerprint },
    ...{ certificate: certificate.raw, chain: [], distrusted: false, pinned: false, state: 'active' },
    ...{ origin: 'imported', ...rest },
  }
  return { name, credential, certificate, chain: [] }
}

function verdict(valid: boolean, until = Infinity): Promise<TrustVerdict> {
  return Promise.resolve({ valid, reasons: valid ? [] : ['weak-key'], notes: [], path: [], until })
}

async function outcome(
  entries: readonly (LoadedCandidate & { name: string })[],
  bad: readonly string[] = [],
) {
  const seen: (readonly [string, string])[][] = []
  // In every order of two, and the reverse of the rest.
  for (const order of [entries, entries.toReversed(), [...entries.slice(1), ...entries.slice(0, 1)]]) {
    const { reasons } = await select(
      order,
      { use: 'encrypt', address: 'bob@partner.example' },
      ({ credential }) => verdict(!bad.includes(credential.id)),
    )
    seen.push(
      reasons.map(({ code, arguments: { fingerprint } }) => [
        entries.find(({ credential }) => credential.fingerprint === fingerprint)?.name ?? '',
        code,
      ]),
    )
  }
  for (const one of seen) assert.deepEqual(one, seen[0])
  return seen[0]
}

test('a pin goes before all, then a key that all can use, then the latest, then the one that ends last', async () => {
  const entries = [
    entry('pinned', { pinned: true, notBefore: NOW - 100 * DAY }),
    entry('newest', { notBefore: NOW - DAY }),
    entry('short', { notBefore: NOW - DAY / 2 }, 'short'),
    entry('rsa', { notBefore: NOW - 5 * DAY }, 'long'),
    entry('same day, ends later', { notBefore: NOW - 20 * DAY, notAfter: NOW + 400 * DAY }),
    entry('same day', { notBefore: NOW - 20 * DAY }),
  ]
  assert.deepEqual(await outcome(entries), [
    ['pinned', 'certificate-chosen'],
    ['pinned', 'credential-pinned'],
    ['newest', 'credential-not-pinned'],
    ['rsa', 'credential-not-pinned'],
    ['same day, ends later', 'credential-not-pinned'],
    ['same day', 'credential-not-pinned'],
    ['short', 'credential-not-pinned'],
  ])
  assert.deepEqual(await outcome(entries, ['pinned', 'newest']), [
    ['pinned', 'certificate-not-valid'],
    ['newest', 'certificate-not-valid'],
    ['rsa', 'certificate-chosen'],
    ['same day, ends later', 'credential-older'],
    ['same day', 'credential-older'],
    ['short', 'credential-weaker'],
  ])
  assert.deepEqual((await outcome(entries, ['pinned', 'newest', 'rsa', 'short']))?.slice(3, 5), [
    ['same day, ends later', 'certificate-chosen'],
    ['same day', 'credential-ends-earlier'],
  ])
})

test('purpose, distrust and approval rule out before anybody is asked for a verdict', async () => {
  const entries = [
    entry('other use', { encrypt: false, pinned: true }),
    entry('distrusted', { distrusted: true, notBefore: NOW - DAY }),
    entry('waiting', { state: 'awaiting-approval', notBefore: NOW - 2 * DAY }),
  ]
  const { chosen, reasons } = await select(
    entries,
    { use: 'encrypt', address: 'bob@partner.example' },
    () => {
      throw new Error('nobody may be asked')
    },
  )
  assert.equal(chosen, null)
  assert.deepEqual(
    reasons.map(({ code }) => code),
    ['credential-not-for-this-use', 'credential-distrusted', 'credential-awaits-approval'],
  )
})

test('the same certificate from two sources is one choice', async () => {
  const first = entry('a')
  const second = { ...first, name: 'b', credential: { ...first.credential, id: 'b' } }
  const { chosen, reasons } = await select([second, first], { use: 'encrypt', address: 'x' }, () =>
    verdict(true),
  )
  assert.equal(chosen?.credential.id, 'a')
  assert.deepEqual(
    reasons.map(({ code }) => code),
    ['certificate-chosen', 'credential-same'],
  )
})

test('a verdict is kept for a second, never beyond an end of validity, and never for a time before', async () => {
  const verdicts = new Verdicts(2)
  let asked = 0
  const ask = (at: number, validity = { notBefore: NOW - DAY, notAfter: NOW + DAY }, key = 'k') =>
    verdicts.get(key, at, validity, () => {
      asked += 1
      return verdict(true)
    })
  await ask(NOW)
  await ask(NOW + 999)
  assert.equal(asked, 1)
  await ask(NOW + 1000)
  assert.equal(asked, 2)
  await ask(NOW)
  assert.equal(asked, 3)
  await ask(NOW + DAY - 10)
  await ask(NOW + DAY + 10)
  assert.equal(asked, 5)
  await ask(NOW, undefined, 'l')
  await ask(NOW, undefined, 'm')
  assert.equal(asked, 7)
  await ask(NOW + DAY + 10)
  assert.equal(asked, 8, 'the least recently used one has gone')
  const shortly = (at: number, until: number) =>
    verdicts.get('n', at, { notBefore: NOW - DAY, notAfter: NOW + DAY }, () => {
      asked += 1
      return verdict(true, until)
    })
  await shortly(NOW, NOW + 100)
  await shortly(NOW + 99, 0)
  assert.equal(asked, 9)
  await shortly(NOW + 100, 0)
  await shortly(NOW + 101, 0)
  assert.equal(asked, 11, 'not beyond what is known of revocation, and not when nothing is known')
})

test('what does not fit is out, and of what fits the one that is preferred goes first, but for a pinned one', async () => {
  const entries = [entry('plain'), entry('wished', {}, 'long'), entry('unfit', {}, 'short')]
  const fitness: Fitness = {
    refusal: ({ fingerprint }) =>
      fingerprint === entries[2]?.credential.fingerprint
        ? { code: 'certificate-below-profile', arguments: { fingerprint } }
        : null,
    rank: ({ fingerprint }) => Number(fingerprint === entries[1]?.credential.fingerprint),
  }
  const codes = async (candidates: readonly LoadedCandidate[]) => {
    const wanted = { use: 'encrypt' as const, address: 'x', fitness }
    const { chosen, reasons } = await select(candidates, wanted, () => verdict(true))
    return [chosen?.credential.id, ...reasons.map(({ code }) => code)]
  }
  const rest = ['certificate-below-profile']
  assert.deepEqual(await codes(entries), ['wished', 'certificate-chosen', 'credential-less-fitting', ...rest])
  const [plain, ...others] = entries
  assert.ok(plain)
  const pinned = { ...plain, credential: { ...plain.credential, pinned: true } }
  assert.deepEqual(await codes([pinned, ...others]), [
    ...['plain', 'certificate-chosen', 'credential-pinned', 'credential-not-pinned'],
    ...rest,
  ])
})
