/** Tests of cert.ts: the fixed forms of `siegel cert`, their output and their exit codes. */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { issueCertificate, parseCertificate, writePem, writePkcs12 } from '@siegel/engine'
import { cert } from './cert.ts'
import { UsageError } from './io.ts'

const NOW = Date.UTC(2026, 5, 1)
const DAY = 86_400_000
const folder = mkdtempSync(join(tmpdir(), 'siegel-cert-'))
after(() => {
  rmSync(folder, { recursive: true })
})
const file = (name: string, content: string | Buffer): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const rootKey = generateKeyPairSync('ed25519')
const janeKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const validity = { notBefore: NOW - DAY, notAfter: NOW + DAY }
const rootDer = issueCertificate({
  subject: { CN: 'Root' },
  issuer: { key: rootKey.privateKey },
  publicKey: rootKey.publicKey,
  extensions: { ca: true },
  ...validity,
})
const janeDer = issueCertificate({
  subject: { CN: 'Jane' },
  issuer: { certificate: parseCertificate(rootDer), key: rootKey.privateKey },
  publicKey: janeKey.publicKey,
  extensions: { emails: ['jane@example.org'], policies: ['1.2.3'] },
  ...validity,
})
const root = file('root.pem', writePem('CERTIFICATE', rootDer))
const jane = file('jane.der', janeDer)
const broken = file('broken.pem', writePem('CERTIFICATE', Buffer.from('3000', 'hex')))

async function run(args: readonly string[]) {
  const out: string[] = []
  const err: string[] = []
  const code = await cert(args, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    now: () => NOW,
    standardInput: () => Promise.resolve(janeDer),
  })
  return { code, out, err, json: () => JSON.parse(out.join('\n')) as Record<string, unknown> }
}

const path = (...more: readonly string[]) =>
  run(['path', '--leaf', jane, '--trust', root, '--purpose', 'email', ...more])

test('a valid path: exit 0, the chain and what is not known', async () => {
  const { code, json } = await path('--email', 'jane@example.org', '--json')
  assert.equal(code, 0)
  const result = json()
  assert.equal(result['valid'], true)
  assert.deepEqual(result['reasons'], ['revocation-unknown'])
  const chain = result['path'] as readonly Record<string, unknown>[]
  assert.deepEqual(
    chain.map(({ subject }) => subject),
    ['CN=Jane', 'CN=Root'],
  )
})

test('an invalid path: exit 1 and the reason', async () => {
  for (const [reason, ...args] of [
    ['address-mismatch', '--email', 'john@example.org'],
    ['certificate-expired', '--at', '2027-01-01T00:00:00Z'],
    ['certificate-not-yet-valid', '--at', '2026-01-01T00:00:00+02:00'],
    ['revocation-unknown', '--revocation', 'require'],
    ['policy-mismatch', '--policy', '1.2.4', '--explicit-policy'],
  ] as const) {
    const { code, json } = await path(...args, '--json')
    assert.equal(code, 1, reason)
    assert.ok((json()['reasons'] as readonly string[]).includes(reason), reason)
  }
})

test('policies, revocation and depth are passed on', async () => {
  for (const args of [
    ['--policy', '1.2.3', '--explicit-policy'],
    ['--policy', 'anyPolicy', '--inhibit-any', '--inhibit-map'],
    ['--revocation', 'none'],
    ['--max-depth', '0'],
    ['--allow-weak'],
  ])
    assert.equal((await path(...args)).code, 0, args.join(' '))
})

test('without --json the verdict is for people', async () => {
  const { out } = await path()
  assert.equal(out[0], 'valid')
  assert.ok(out.some((line) => line.includes('CN=Jane')))
})

test('folders, several files and standard input', async () => {
  const trust = join(folder, 'trust')
  mkdirSync(trust)
  writeFileSync(join(trust, 'a.pem'), writePem('CERTIFICATE', rootDer))
  const { code } = await run([
    'path',
    '--leaf',
    '-',
    '--trust',
    trust,
    '--trust',
    root,
    '--intermediates',
    jane,
    '--purpose',
    'any',
  ])
  assert.equal(code, 0)
})

test('a damaged certificate is named and left out; a damaged leaf is invalid', async () => {
  const { code, err } = await path('--trust', broken, '--intermediates', broken)
  assert.equal(code, 0)
  assert.equal(err.filter((line) => line.includes('asn1-malformed')).length, 2)
  const leaf = await run(['path', '--leaf', broken, '--trust', root, '--purpose', 'any', '--json'])
  assert.equal(leaf.code, 1)
  assert.deepEqual(leaf.json()['reasons'], ['asn1-malformed'])
})

test('a wrong call is a usage error, and what cannot be honoured is not ignored', async () => {
  const calls: readonly (readonly string[])[] = [
    [],
    ['other'],
    ['path'],
    ['path', '--leaf', jane, '--purpose', 'any'],
    ['path', '--leaf', jane, '--trust', root],
    ['path', '--leaf', join(folder, 'none'), '--trust', root, '--purpose', 'any'],
    ['ocsp', '--response', jane],
    ['ocsp', '--response', join(folder, 'none'), '--issuer', root],
    ['ocsp', '--response', jane, '--issuer', broken],
    ['p12'],
    ['p12', jane, '--pass', 'a', '--pass-file', jane],
  ]
  for (const args of calls) await assert.rejects(run(args), UsageError, args.join(' '))
  for (const args of [
    ['--purpose', 'x'],
    ['--at', 'now'],
    ['--max-depth', '-1'],
    ['--revocation', 'x'],
    ['--policy', 'x'],
    ['--email', 'a', '--dns', 'b'],
    ['--crl', join(folder, 'none')],
    ['--ocsp', join(folder, 'none')],
    ['--unknown'],
    ['extra'],
  ])
    await assert.rejects(path(...args), UsageError, args.join(' '))
})

const p12 = file(
  'jane.p12',
  writePkcs12({
    key: janeKey.privateKey,
    certificates: [parseCertificate(janeDer), parseCertificate(rootDer)],
    password: 'secret',
    iterations: 2,
    macIterations: 2,
  }),
)

test('a PKCS#12 file is listed', async () => {
  const { code, json } = await run(['p12', p12, '--pass', 'secret', '--json'])
  assert.equal(code, 0)
  assert.deepEqual(json(), {
    ok: true,
    keys: [{ algorithm: 'ec', bits: 256 }],
    certificates: [
      { subject: 'CN=Jane', emails: ['jane@example.org'], notAfter: '2026-06-02T00:00:00.000Z' },
      { subject: 'CN=Root', emails: [], notAfter: '2026-06-02T00:00:00.000Z' },
    ],
    reasons: [],
  })
  const password = file('password', 'secret\n')
  const { out } = await run(['p12', p12, '--pass-file', password])
  assert.deepEqual(out.slice(0, 2), ['ok', 'key: ec 256 bits'])
})

test('a wrong password and a broken file: exit 1 and the reason', async () => {
  const wrong = await run(['p12', p12, '--json'])
  assert.deepEqual([wrong.code, wrong.json()['reasons']], [1, ['pkcs12-password']])
  const rubbish = await run(['p12', root, '--json'])
  assert.deepEqual([rubbish.code, rubbish.json()['reasons']], [1, ['pkcs12-malformed']])
})
