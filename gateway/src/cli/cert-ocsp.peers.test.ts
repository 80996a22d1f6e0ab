/** Tests of cert-ocsp.ts and of --crl and --ocsp: the fixed form of `siegel cert ocsp`, its output and its exit codes. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import {
  issueCertificate,
  issueCrl,
  Oid,
  parseCertificate,
  writeOcspRequest,
  writePem,
  type Certificate,
  type IssueExtensions,
} from '@siegel/engine'
import { cert } from './cert.ts'
import { UsageError } from './io.ts'

const NOW = Date.now()
const DAY = 86_400_000
const folder = mkdtempSync(join(tmpdir(), 'siegel-ocsp-'))
after(() => {
  rmSync(folder, { recursive: true })
})
const file = (name: string, content: string | Buffer): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
interface Holder {
  readonly key: ReturnType<typeof newKey>
  readonly certificate: Certificate
  readonly path: string
}
function make(CN: string, extensions: IssueExtensions, by: Holder | null): Holder {
  const key = newKey()
  const der = issueCertificate({
    ...{ subject: { CN }, issuer: by ?? { key }, publicKey: key, extensions },
    ...{ notBefore: NOW - DAY, notAfter: NOW + DAY },
  })
  return { key, certificate: parseCertificate(der), path: file(`${CN}.pem`, writePem('CERTIFICATE', der)) }
}
const root = make('root', { ca: true }, null)
const ca = make('ca', { ca: true }, root)
const jane = make('jane', { emails: ['jane@example.org'] }, ca)
const joe = make('joe', { emails: ['joe@example.org'] }, ca)
const stranger = make('stranger', { ca: true }, null)
const responder = make('responder', { extendedKeyUsage: [Oid.idKpOcspSigning] }, ca)

const day = (ms: number): string => `${new Date(ms).toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`
const serial = ({ certificate }: Holder): string => certificate.serialHex.toUpperCase()
file(
  'index.txt',
  `V\t${day(NOW + DAY)}\t\t${serial(jane)}\tunknown\t/CN=jane\n` +
    `R\t${day(NOW + DAY)}\t${day(NOW - DAY / 2)},superseded\t${serial(joe)}\tunknown\t/CN=joe\n`,
)
file('responder.key', responder.key.export({ format: 'pem', type: 'pkcs8' }))
const subject = ({ certificate }: Holder) => ({ certificate, issuer: ca.certificate })
file('request.der', writeOcspRequest([subject(jane), subject(joe)]))
execFileSync(
  'openssl',
  [
    ...['ocsp', '-index', 'index.txt', '-CA', 'ca.pem', '-reqin', 'request.der', '-respout', 'response.der'],
    ...['-rsigner', 'responder.pem', '-rkey', 'responder.key', '-ndays', '1'],
  ],
  { cwd: folder, stdio: 'ignore' },
)
const response = join(folder, 'response.der')

async function run(...args: readonly string[]) {
  const out: string[] = []
  const err: string[] = []
  const code = await cert(args, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    now: () => NOW,
    standardInput: () => Promise.resolve(readFileSync(response)),
  })
  return { code, out, err }
}
const ocsp = (...more: readonly string[]) => run('ocsp', '--response', response, '--issuer', ca.path, ...more)
async function judged(...more: readonly string[]) {
  const { code, out } = await ocsp(...more, '--json')
  return [code, JSON.parse(out.join('')) as unknown]
}

test('good, revoked, and both together', async () => {
  assert.deepEqual(await judged('--cert', jane.path), [0, { status: 'good', reasons: [] }])
  const revoked = { status: 'revoked', reasons: ['certificate-revoked'] }
  assert.deepEqual(await judged('--cert', joe.path), [1, revoked])
  assert.deepEqual(await judged(), [1, revoked])
  const text = await ocsp('--cert', joe.path)
  assert.match(
    text.out.join('\n'),
    /^revoked: superseded since .*\n {2}certificate-revoked: .*\nthis update: /,
  )
})

test('the moment counts', async () => {
  const at = (ms: number) => judged('--cert', jane.path, '--at', new Date(ms).toISOString())
  assert.deepEqual(await at(NOW - DAY / 2), [1, { status: 'invalid', reasons: ['ocsp-not-yet-valid'] }])
  assert.deepEqual(await at(NOW + 2 * DAY), [
    1,
    { status: 'invalid', reasons: ['ocsp-responder-unauthorized'] },
  ])
})

test('another certificate, another issuer, another root', async () => {
  assert.deepEqual(await judged('--cert', responder.path), [
    1,
    { status: 'invalid', reasons: ['ocsp-certificate-mismatch'] },
  ])
  assert.deepEqual(await judged('--cert', root.path), [
    1,
    { status: 'invalid', reasons: ['certificate-signature-invalid'] },
  ])
  assert.deepEqual(await judged('--cert', jane.path, '--trust', root.path), [
    0,
    { status: 'good', reasons: [] },
  ])
  assert.deepEqual(await judged('--cert', jane.path, '--trust', stranger.path), [
    1,
    { status: 'invalid', reasons: ['issuer-not-found'] },
  ])
  const foreign = await run('ocsp', '--response', '-', '--issuer', stranger.path, '--json')
  assert.equal(foreign.code, 1)
})

test('what is no answer is invalid', async () => {
  const later = file('later.der', Buffer.from('30030a0103', 'hex'))
  const refused = await run('ocsp', '--response', later, '--issuer', ca.path, '--json')
  assert.deepEqual(JSON.parse(refused.out.join('')), { status: 'invalid', reasons: ['ocsp-try-later'] })
  const damaged = file('damaged.der', Buffer.from('3000', 'hex'))
  const broken = await run('ocsp', '--response', damaged, '--issuer', ca.path, '--json')
  assert.deepEqual(
    [broken.code, JSON.parse(broken.out.join(''))],
    [1, { status: 'invalid', reasons: ['asn1-malformed'] }],
  )
})

test('wrong calls', async () => {
  await assert.rejects(ocsp('--unknown'), UsageError)
  await assert.rejects(ocsp('extra'), UsageError)
  await assert.rejects(ocsp('--at', 'x'), UsageError)
  await assert.rejects(run('ocsp', '--response', response), UsageError)
})

const crl = (by: Holder, ...listed: readonly Holder[]): Buffer =>
  issueCrl({
    ...{ issuer: by, thisUpdate: NOW - 1000, nextUpdate: NOW + DAY, number: 1 },
    entries: listed.map(({ certificate }) => ({ serial: certificate.serial, revocationDate: NOW - 1000 })),
  })

test('cert path takes CRLs and OCSP responses; a damaged one is named and left out', async () => {
  const rootCrl = file('root.crl', crl(root))
  const caCrl = file('ca.crl', writePem('X509 CRL', crl(ca, joe)))
  const path = (leaf: Holder, ...more: readonly string[]) =>
    run(
      ...[
        'path',
        '--leaf',
        leaf.path,
        '--trust',
        root.path,
        '--intermediates',
        ca.path,
        '--purpose',
        'email',
      ],
      ...['--revocation', 'require', '--crl', rootCrl, ...more],
    )
  assert.equal((await path(jane, '--crl', caCrl)).code, 0)
  assert.equal((await path(joe, '--crl', caCrl)).code, 1)
  assert.equal((await path(jane)).code, 1)
  assert.equal((await path(jane, '--ocsp', response)).code, 0)
  const damaged = file('damaged.crl', Buffer.from('3000', 'hex'))
  const { code, err } = await path(jane, '--crl', caCrl, '--crl', damaged, '--ocsp', damaged)
  assert.deepEqual([code, err.length], [0, 2])
})
