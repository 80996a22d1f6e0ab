/**
 * OpenSSL as authority: its OCSP responder answers and its CRLs are read over http, before and after it revokes a certificate; and
 * OpenSSL's own verify says the same of the same CRL.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { writePem } from '@siegel/engine'
import { createHostLookup } from '../dns/hosts.ts'
import { makeRoot, type Made } from '../keyring/testing/credentials.ts'
import { createGuardedFetch } from './guarded-fetch.ts'
import { StatusService } from './status-service.ts'
import { makePointing, SourcesInMemory, startWeb, WEB_HOST, type Web } from './testing/authority.ts'
import { createTrust } from './trust.ts'

describe('an authority run with OpenSSL', () => {
  const folder = mkdtempSync(join(tmpdir(), 'siegel-authority-'))
  const root = makeRoot()
  const byOcsp = makePointing(root, 'ocsp@partner.example', { ocsp: `http://${WEB_HOST}/ocsp` })
  const byCrl = makePointing(root, 'crl@partner.example', { crl: `http://${WEB_HOST}/ca.crl` })
  let web: Web
  const openssl = (...args: readonly string[]): string =>
    execFileSync('openssl', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  const put = (name: string, text: string | Buffer): void => {
    writeFileSync(join(folder, name), text)
  }
  before(async () => {
    web = await startWeb()
    put('ca.pem', writePem('CERTIFICATE', root.certificate.raw))
    put('ca.key', root.key.export({ type: 'pkcs8', format: 'pem' }))
    put('ocsp.pem', writePem('CERTIFICATE', byOcsp.certificate.raw))
    put('crl.pem', writePem('CERTIFICATE', byCrl.certificate.raw))
    put('number', '01\n')
    put('index.txt', '')
    put('ca.conf', '[ca]\ndefault_ca=x\n[x]\ndatabase=index.txt\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=2\ncertificate=ca.pem\nprivate_key=ca.key\n') // prettier-ignore
    for (const name of ['ocsp', 'crl']) openssl('ca', '-config', 'ca.conf', '-valid', `${name}.pem`)
    web.paths.set('/ca.crl', () => {
      openssl('ca', '-config', 'ca.conf', '-gencrl', '-out', 'crl-list.pem')
      openssl('crl', '-in', 'crl-list.pem', '-outform', 'DER', '-out', 'ca.crl')
      return readFileSync(join(folder, 'ca.crl'))
    })
    web.paths.set('/ocsp', (body) => {
      put('request.der', body)
      const args = [
        '-index',
        'index.txt',
        '-CA',
        'ca.pem',
        '-rsigner',
        'ca.pem',
        '-rkey',
        'ca.key',
        '-ndays',
        '1',
      ]
      openssl('ocsp', ...args, '-reqin', 'request.der', '-respout', 'answer.der')
      return readFileSync(join(folder, 'answer.der'))
    })
  })
  after(async () => {
    await web.close()
    rmSync(folder, { recursive: true })
  })

  const verdictOn = async ({ certificate }: Made) => {
    const hosts = createHostLookup({ table: new Map([[WEB_HOST, [`127.0.0.1:${web.port}`]]]) })
    const fetch = createGuardedFetch({ hosts, timeoutMs: 5000 })
    const failed = (cause: string) => assert.fail(cause)
    const status = new StatusService({ store: new SourcesInMemory(), fetch, now: Date.now, failed })
    const trust = createTrust({ version: 1, anchors: [root.certificate.raw], status })
    return trust.verdict(certificate, [], 'encrypt', null, Date.now())
  }

  it('is believed: good, then revoked', async () => {
    for (const one of [byOcsp, byCrl]) {
      const { valid, reasons } = await verdictOn(one)
      assert.deepEqual([valid, reasons], [true, []])
    }
    for (const name of ['ocsp', 'crl'])
      openssl('ca', '-config', 'ca.conf', '-revoke', `${name}.pem`, '-crl_reason', 'superseded')
    for (const one of [byOcsp, byCrl]) {
      const { valid, reasons, notes } = await verdictOn(one)
      assert.deepEqual([valid, reasons], [false, ['certificate-revoked']])
      assert.match(notes[0]?.arguments['detail'] ?? '', /superseded since 20/)
    }
    const args = ['verify', '-CAfile', 'ca.pem', '-CRLfile', 'crl-list.pem', '-crl_check', 'crl.pem']
    assert.match(spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' }).stderr, /certificate revoked/)
  })
})
