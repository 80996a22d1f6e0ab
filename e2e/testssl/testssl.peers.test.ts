/**
 * testssl.sh looks at the listener of a running gateway: nothing that it finds may be above LOW, but for what is excused by name.
 * Needs Debian's testssl.sh (scripts/install-peers.sh). Takes about a minute.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { issue } from '@siegel/exo-sim'
import { CONTOSO } from '../stage/objects.ts'
import { openStage, type Stage } from '../stage/stage.ts'
import { EXCUSES, unexcused, type Finding } from './excuses.ts'

const YEAR = 365 * 86_400_000
/** Without these the scan has not looked: protocols, ciphers, the chain, and every attack that the tool knows. */
const LOOKED_AT = [
  ...['SSLv2', 'SSLv3', 'TLS1', 'TLS1_1', 'TLS1_2', 'TLS1_3'],
  ...['cipherlist_NULL', 'cipherlist_aNULL', 'cipherlist_EXPORT', 'cipherlist_LOW', 'cipherlist_3DES_IDEA'],
  ...[
    'cipherlist_STRONG',
    'cipher_order',
    'PFS',
    'cert_trust',
    'cert_chain_of_trust',
    'cert_signatureAlgorithm',
  ],
  ...['heartbleed', 'CCS', 'ROBOT', 'secure_renego', 'secure_client_renego', 'CRIME_TLS'],
  ...['POODLE_SSL', 'fallback_SCSV', 'SWEET32', 'FREAK', 'DROWN', 'LOGJAM', 'BEAST', 'LUCKY13', 'RC4'],
]

/** Runs the tool; its exit code counts findings and is no verdict. */
function scan(folder: string, port: number): Promise<{ findings: Finding[]; said: string }> {
  const file = join(folder, 'findings.json')
  const args = [
    ...['--quiet', '--warnings', 'batch', '--color', '0', '--openssl', '/usr/bin/openssl'],
    ...['--starttls', 'smtp', '--add-ca', join(folder, 'ca.pem'), '--nodns', 'none', '--ip', '127.0.0.1'],
    ...['--jsonfile', file, `${CONTOSO.fqdn}:${port}`],
  ]
  return new Promise((resolve, reject) => {
    execFile('testssl', args, { cwd: folder, maxBuffer: 1 << 26, timeout: 480_000 }, (_, out, err) => {
      try {
        resolve({ findings: JSON.parse(readFileSync(file, 'utf8')) as Finding[], said: out })
      } catch (error) {
        reject(new Error(`testssl: ${out}${err}`, { cause: error }))
      }
    })
  })
}

describe('testssl.sh on the listener', () => {
  let stage: Stage
  let folder = ''
  let findings: readonly Finding[] = []
  let said = ''
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'siegel-testssl-'))
    stage = await openStage({})
    // A lifetime as public authorities give it, so that nothing is said of its end.
    const server = issue(stage.certificates.tls, {
      commonName: CONTOSO.fqdn,
      dnsNames: [CONTOSO.fqdn],
      keyType: 'rsa2048',
      notAfter: new Date(Date.now() + YEAR),
    })
    stage.gateway.apply([
      { kind: 'ServerCertificate', name: 'contoso', spec: { chain: server.cert, key: server.key } },
    ])
    writeFileSync(join(folder, 'ca.pem'), stage.certificates.tls.root)
    ;({ findings, said } = await scan(folder, stage.gateway.config.port))
  })
  after(async () => {
    await stage.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('finds nothing above LOW that is not excused', () => {
    assert.deepEqual(unexcused(findings), [], said)
  })

  it('has looked at everything', () => {
    const ids = new Set(findings.map(({ id }) => id))
    assert.deepEqual(
      LOOKED_AT.filter((id) => !ids.has(id)),
      [],
    )
    assert.ok(findings.length >= 90, String(findings.length))
  })

  it('trusts the chain for the name, and sees TLS 1.2 and 1.3 and nothing older', () => {
    const verdict = (id: string) => findings.find((finding) => finding.id === id)
    for (const id of [
      'cert_trust',
      'cert_chain_of_trust',
      'TLS1_2',
      'TLS1_3',
      'SSLv2',
      'SSLv3',
      'TLS1',
      'TLS1_1',
    ])
      assert.match(verdict(id)?.severity ?? 'missing', /^(?:OK|INFO)$/, JSON.stringify(verdict(id)))
    for (const id of ['TLS1_2', 'TLS1_3']) assert.match(verdict(id)?.finding ?? '', /^offered/)
    for (const id of ['SSLv2', 'SSLv3', 'TLS1', 'TLS1_1'])
      assert.match(verdict(id)?.finding ?? '', /^not offered/)
  })

  it('is judged by a list that excuses no more than it must', (context) => {
    assert.deepEqual(
      unexcused([{ id: 'heartbleed', severity: 'CRITICAL', finding: 'vulnerable' }]).map(({ id }) => id),
      ['heartbleed'],
    )
    const used = Object.keys(EXCUSES).filter((id) => findings.some((finding) => finding.id === id))
    context.diagnostic(`${findings.length} findings; excused: ${used.join(', ')}`)
    assert.ok(used.includes('cert_revocation'))
  })
})
