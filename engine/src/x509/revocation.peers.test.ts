/**
 * Revocation against the real OpenSSL: its CRLs, OCSP responses and requests are read, ours are read by it, and both judge the
 * same chains with the same CRLs the same way.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { AT, make, makeCa, makeLeaf } from '../../test/chain.ts'
import type { Holder } from '../../test/chain.ts'
import { makeCrl } from '../../test/revocation.ts'
import { Oid } from '../der/oid.ts'
import { writePem } from '../der/pem.ts'
import { explicit, ia5, implicit, nil, sequence } from '../der/writer.ts'
import type { Crl } from './crl.ts'
import { readCsr, writeCsr } from './csr.ts'
import type { CrlScope, IssueCrlOptions } from './issue-crl.ts'
import { parseOcspResponse } from './ocsp.ts'
import { writeOcspRequest } from './ocsp-request.ts'
import { judgeOcspResponse } from './ocsp-status.ts'
import { buildPath } from './path.ts'
import { readCrls } from './read-crls.ts'

const HOUR = 3_600_000
const folder = mkdtempSync(join(tmpdir(), 'siegel-revocation-'))
after(() => {
  rmSync(folder, { recursive: true })
})
const path = (name: string): string => join(folder, name)
const openssl = (...args: readonly string[]): string =>
  execFileSync('openssl', args, { encoding: 'utf8', cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })

function write(name: string, ...holders: readonly Holder[]): string {
  writeFileSync(
    path(name),
    holders.map(({ certificate }) => writePem('CERTIFICATE', certificate.raw)).join(''),
  )
  return path(name)
}
function writeKey(name: string, { key }: Holder): string {
  writeFileSync(path(name), key.export({ format: 'pem', type: 'pkcs8' }))
  return path(name)
}

const root = makeCa('Root')
const ca = makeCa('CA', { by: root })
const jane = makeLeaf('jane', ca)
const joe = makeLeaf('joe', ca)
const renewed = makeCa('CA', { by: root })
const signer = makeCa('CA', { by: root, extensions: { keyUsage: ['cRLSign'] } })
const authority = makeCa('CRL Authority', { by: root, extensions: { keyUsage: ['cRLSign'] } })
const forger = makeCa('CA')
const here = makeLeaf('jane', ca, { crlUrls: ['http://x.example/a'] })
const point = sequence(
  explicit(0, explicit(0, implicit(6, ia5('http://x.example/i')))),
  implicit(2, sequence(explicit(4, authority.certificate.subject.raw))),
)
const indirectly = makeLeaf('jane', ca, {
  other: [{ oid: Oid.idCeCrlDistributionPoints, critical: false, value: sequence(point) }],
})

const clean = makeCrl(ca)
const at = (...urls: readonly string[]): Partial<IssueCrlOptions> => ({ scope: { urls } })
const only = (kind: NonNullable<CrlScope['only']>): Partial<IssueCrlOptions> => ({ scope: { only: kind } })
const reasons = (...list: NonNullable<CrlScope['reasons']>): Partial<IssueCrlOptions> => ({
  scope: { reasons: list },
})
const rest = reasons(
  ...(['affiliationChanged', 'superseded', 'cessationOfOperation'] as const),
  ...(['certificateHold', 'privilegeWithdrawn', 'aACompromise'] as const),
)
const indirect: Partial<IssueCrlOptions> = { scope: { indirect: true } }
const listed = { serial: indirectly.certificate.serial, certificateIssuer: ca.certificate.subject }
const hold = { serial: jane.certificate.serial, reason: 'certificateHold' } as const
const release = { serial: jane.certificate.serial, reason: 'removeFromCRL' } as const
// OpenSSL looks for delta CRLs only where the complete one names a place for them
const base: Partial<IssueCrlOptions> = {
  ...{ number: 1, thisUpdate: AT - 10 * HOUR, freshestCrlUrls: ['http://x.example/d'] },
}
const stale: Partial<IssueCrlOptions> = { ...base, nextUpdate: AT - HOUR }
const delta: Partial<IssueCrlOptions> = { number: 2, deltaBase: 1 }
const critical: Partial<IssueCrlOptions> = { other: [{ oid: '1.2.3.4', critical: true, value: nil() }] }

type Case = readonly [name: string, leaf: Holder, crls: readonly Crl[], more?: readonly Holder[]]
/** CRLs beside a clean one of the root; further certificates beside the CA's. */
const cases: readonly Case[] = [
  ['a clean CRL', jane, [clean]],
  ['no CRL', jane, []],
  ['a revoked certificate', jane, [makeCrl(ca, [jane])]],
  ['another revoked certificate', jane, [makeCrl(ca, [joe])]],
  ['a revoked CA', jane, [makeCrl(root, [ca], { number: 2, thisUpdate: AT - 1000 }), clean]],
  ['an expired CRL', jane, [makeCrl(ca, [], stale)]],
  ['a CRL of the future', jane, [makeCrl(ca, [], { thisUpdate: AT + HOUR })]],
  ['a forged CRL', jane, [makeCrl(forger)]],
  ['a CRL with an unknown critical extension', jane, [makeCrl(ca, [], critical)]],
  ['a CRL of a renewed key', jane, [makeCrl(renewed)], [renewed]],
  ['a CRL of a renewed key, revoking', jane, [makeCrl(renewed, [jane])], [renewed]],
  ['a CRL of a separate key', jane, [makeCrl(signer)], [signer]],
  ['a CRL of a separate key that is not there', jane, [makeCrl(signer)]],
  ['a delta that adds', jane, [makeCrl(ca, [], base), makeCrl(ca, [jane], delta)]],
  ['a delta that adds another', jane, [makeCrl(ca, [], base), makeCrl(ca, [joe], delta)]],
  ['a delta that takes away', jane, [makeCrl(ca, [hold], base), makeCrl(ca, [release], delta)]],
  ['a delta without its base', jane, [makeCrl(ca, [], delta)]],
  [
    'a delta for a later base',
    jane,
    [makeCrl(ca, [], base), makeCrl(ca, [jane], { number: 6, deltaBase: 5 })],
  ],
  ['a delta for an expired base', jane, [makeCrl(ca, [], stale), makeCrl(ca, [], delta)]],
  ['a CRL for users', jane, [makeCrl(ca, [], only('user'))]],
  ['a CRL for CAs', jane, [makeCrl(ca, [], only('ca'))]],
  ['a CRL for attribute certificates', jane, [makeCrl(ca, [], only('attribute'))]],
  ['the right partition', here, [makeCrl(ca, [], at('http://x.example/a'))]],
  ['the right partition, revoking', here, [makeCrl(ca, [here], at('http://x.example/a'))]],
  ['another partition', here, [makeCrl(ca, [], at('http://x.example/b'))]],
  ['some reasons', jane, [makeCrl(ca, [], reasons('keyCompromise', 'cACompromise'))]],
  [
    'all reasons in two CRLs',
    jane,
    [makeCrl(ca, [], reasons('keyCompromise', 'cACompromise')), makeCrl(ca, [], rest)],
  ],
  ['an indirect CRL', indirectly, [makeCrl(authority, [], indirect)], [authority]],
  ['an indirect CRL, revoking', indirectly, [makeCrl(authority, [listed], indirect)], [authority]],
  ['an indirect CRL that does not say so', indirectly, [makeCrl(authority)], [authority]],
]
for (const [name, leaf, crls, more = []] of cases) {
  test(`the same verdict as OpenSSL on ${name}`, () => {
    const list = [makeCrl(root, [], base), ...crls]
    writeFileSync(path('crls.pem'), list.map(({ raw }) => writePem('X509 CRL', raw)).join(''))
    const args = [
      ...[
        'verify',
        '-attime',
        String(AT / 1000),
        '-x509_strict',
        '-crl_check_all',
        '-extended_crl',
        '-use_deltas',
      ],
      ...['-CAfile', write('root.pem', root), '-untrusted', write('more.pem', ca, ...more)],
      ...['-CRLfile', path('crls.pem'), write('leaf.pem', leaf)],
    ]
    const theirs = spawnSync('openssl', args, { encoding: 'utf8' })
    const ours = buildPath(leaf.certificate, {
      ...{ anchors: [root.certificate], intermediates: [ca, ...more].map(({ certificate }) => certificate) },
      ...{ at: AT, purpose: 'any', revocation: 'require', crls: list },
    })
    assert.equal(ours.valid, theirs.status === 0, `${ours.reasons.join()} / ${theirs.stdout}${theirs.stderr}`)
  })
}

/** A CA database of OpenSSL: jane is good, joe is revoked. */
function database(): void {
  const date = (ms: number): string => `${new Date(ms).toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`
  const until = date(AT + 100 * 24 * HOUR)
  const hex = ({ certificate }: Holder): string => certificate.serialHex.toUpperCase()
  const lines = [
    `V\t${until}\t\t${hex(jane)}\tunknown\t/CN=jane`,
    `R\t${until}\t${date(AT - HOUR)},keyCompromise\t${hex(joe)}\tunknown\t/CN=joe`,
  ]
  writeFileSync(path('index.txt'), lines.map((line) => `${line}\n`).join(''))
}

test('a CRL that OpenSSL issued is read and judged', () => {
  database()
  writeFileSync(path('number'), '0A\n')
  const settings = [
    ...[
      '[ca]',
      'default_ca = it',
      '[it]',
      `database = ${path('index.txt')}`,
      `crlnumber = ${path('number')}`,
    ],
    ...['default_md = sha256', 'crl_extensions = crl', '[crl]', 'authorityKeyIdentifier = keyid'],
  ]
  writeFileSync(path('ca.cnf'), settings.join('\n'))
  openssl(
    ...[
      'ca',
      '-gencrl',
      '-config',
      'ca.cnf',
      '-cert',
      write('ca.pem', ca),
      '-keyfile',
      writeKey('ca.key', ca),
    ],
    ...['-crldays', '30', '-out', 'theirs.crl'],
  )
  const crls = readCrls(readFileSync(path('theirs.crl')), assert.ifError)
  assert.deepEqual([crls[0]?.number, crls[0]?.entries.count], [10n, 1])
  const judge = (leaf: Holder) =>
    buildPath(leaf.certificate, {
      ...{ anchors: [ca.certificate], at: (crls[0]?.thisUpdate ?? 0) + 1000, purpose: 'any', crls },
      revocation: 'require',
    })
  // The moment is today, where the certificates of these tests may have expired: only revocation is looked at
  const named = (leaf: Holder): readonly string[] =>
    judge(leaf).reasons.filter((reason) => /revo/.test(reason))
  assert.deepEqual(named(jane), [])
  assert.deepEqual(named(joe), ['certificate-revoked'])
  assert.match(
    judge(joe).findings.find(({ reason }) => reason === 'certificate-revoked')?.detail ?? '',
    /keyComp/,
  )
})

test('our CRLs are read by OpenSSL, with reasons and scope', () => {
  const crl = makeCrl(ca, [{ serial: joe.certificate.serial, reason: 'keyCompromise', invalidityDate: AT }], {
    ...at('http://x.example/a'),
    freshestCrlUrls: ['http://x.example/d'],
  })
  writeFileSync(path('ours.crl'), writePem('X509 CRL', crl.raw))
  const text = openssl('crl', '-in', 'ours.crl', '-noout', '-text', '-CAfile', write('ca.pem', ca))
  for (const part of [
    'Key Compromise',
    'Invalidity Date',
    'http://x.example/a',
    'http://x.example/d',
    'critical',
  ])
    assert.ok(text.includes(part), part)
})

const responder = make(
  'Responder',
  {
    extendedKeyUsage: [Oid.idKpOcspSigning],
    keyUsage: ['digitalSignature'],
    other: [{ oid: Oid.idPkixOcspNocheck, critical: false, value: nil() }],
  },
  { by: ca, notAfter: Date.UTC(2099, 0, 1) },
)
const answers: readonly (readonly [string, Holder, readonly string[]])[] = [
  ['by name, from a delegate', responder, []],
  ['by key, from a delegate', responder, ['-resp_key_id']],
  ['by the issuer itself', ca, []],
  ['with a next update and SHA-384', responder, ['-ndays', '2', '-rmd', 'sha384']],
  ['without certificates', ca, ['-resp_no_certs']],
]
for (const [name, by, options] of answers) {
  for (const hash of ['sha1', 'sha256'] as const) {
    test(`our request is answered by OpenSSL and its answer judged: ${name}, ${hash}`, () => {
      database()
      const nonce = Buffer.alloc(32, 3)
      const subjects = [jane, joe].map(({ certificate }) => ({ certificate, issuer: ca.certificate }))
      writeFileSync(path('request.der'), writeOcspRequest(subjects, { hash, nonce }))
      openssl(
        ...['ocsp', '-index', 'index.txt', '-CA', write('ca.pem', ca), '-reqin', 'request.der'],
        ...[
          '-rsigner',
          write('r.pem', by),
          '-rkey',
          writeKey('r.key', by),
          '-respout',
          'response.der',
          ...options,
        ],
      )
      const response = parseOcspResponse(readFileSync(path('response.der')))
      const moment = response.basic?.producedAt ?? 0
      const judge = (leaf: Holder) =>
        judgeOcspResponse(response, {
          ...{ certificate: leaf.certificate, issuer: ca.certificate, at: moment, nonce },
        })
      assert.deepEqual([judge(jane).status, judge(jane).reasons], ['good', []])
      assert.deepEqual([judge(joe).status, judge(joe).answer?.reason], ['revoked', 'keyCompromise'])
      assert.deepEqual(response.basic?.nonce, nonce)
    })
  }
}

test('our certificate request is taken by OpenSSL, and its request by us', () => {
  const der = writeCsr({
    subject: { C: 'DE', O: 'Test', CN: 'Jane' },
    key: jane.key,
    extensions: { emails: ['jane@example.org'], smimeCapabilities: sequence() },
  })
  writeFileSync(path('ours.csr'), writePem('CERTIFICATE REQUEST', der))
  const text = openssl('req', '-in', 'ours.csr', '-noout', '-text', '-verify')
  assert.ok(text.includes('email:jane@example.org') && text.includes('S/MIME Capabilities'))
  openssl(
    ...['req', '-new', '-key', writeKey('jane.key', jane), '-subj', '/O=Test/CN=Jane'],
    ...['-addext', 'subjectAltName=email:jane@example.org', '-out', 'theirs.csr'],
  )
  const csr = readCsr(readFileSync(path('theirs.csr')))
  assert.deepEqual([csr.subject.text, csr.emails.accepted], ['CN=Jane,O=Test', ['jane@example.org']])
  assert.ok(csr.publicKey.equals(jane.certificate.publicKey))
})
