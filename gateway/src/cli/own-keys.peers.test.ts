/**
 * Own keys and the pilot authority with OpenSSL as the other side: it reads our requests and issues for them, checks what we issue,
 * its name constraints, and the CRL.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { Installation } from './testing/installation.ts'

const TENANT = {
  kind: 'Tenant',
  name: 'contoso',
  spec: {
    microsoftTenantId: '5f1c9f2e-7a3b-4f0e-9c53-0d4c4a2f6b11',
    acceptedDomains: ['contoso.com', 'sub.contoso.com'],
    fqdn: 'smime.contoso.com',
    preset: 'as-documented',
    route: '[contoso-com.mail.protection.outlook.com]:25',
  },
}

describe('own keys and the pilot authority, judged by OpenSSL', () => {
  let installation: Installation
  const path = (name: string) => installation.path(name)
  const openssl = (...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8' })
    return { ok: status === 0, text: `${stdout}${stderr}` }
  }
  const run = (...argv: readonly string[]) => installation.run(...argv)
  /** The verdict on our own entry for an address. */
  const explained = async (from: string) =>
    (await run('explain', '--from', from, '--to', 'bob@partner.example', '--json')).out

  before(async () => {
    installation = await Installation.make([TENANT])
    const made = openssl(
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=Root', '-days', '30'],
      ...['-keyout', path('root.key'), '-out', path('root.pem')],
    )
    assert.ok(made.ok, made.text)
  })
  after(() => installation.remove())

  for (const kind of ['rsa-2048', 'p-256'])
    it(`a request with ${kind} is certified by OpenSSL, and the reply is joined with its key`, async () => {
      const address = `${kind}@contoso.com`
      const made = await run('key', 'generate', '--address', address, '--key', kind, '--out', path('csr'))
      assert.equal(made.code, 0, made.err)
      const read = openssl('req', '-in', path('csr'), '-verify', '-noout', '-text')
      assert.ok(read.ok, read.text)
      assert.match(read.text, new RegExp(`email:${address}`))
      const issued = openssl(
        ...['x509', '-req', '-in', path('csr'), '-CA', path('root.pem'), '-CAkey', path('root.key')],
        ...['-copy_extensions', 'copyall', '-days', '20', '-out', path('reply.pem')],
      )
      assert.ok(issued.ok, issued.text)
      const without = await run('key', 'import-reply', path('reply.pem'))
      assert.equal(without.code, 1, 'the chain does not reach a root')
      assert.match(without.err, /--chain/)
      const stranger = await run('key', 'import-reply', path('root.pem'))
      assert.match(stranger.err, /fits/)
      const joined = await run(
        'key',
        'import-reply',
        path('reply.pem'),
        '--chain',
        path('root.pem'),
        '--json',
      )
      assert.equal(joined.code, 0, joined.err)
      assert.deepEqual((JSON.parse(joined.out) as { addresses: string[] }).addresses, [address])
      assert.equal((await run('key', 'list')).out, '')
    })

  it('the pilot authority certifies users, and OpenSSL agrees about chain, purpose and constraints', async () => {
    const made = await run('ca', 'create', '--key', 'p-256', '--out', path('ca.pem'))
    assert.equal(made.code, 0, made.err)
    const ca = openssl('x509', '-in', path('ca.pem'), '-noout', '-text').text
    assert.match(ca, /CA:TRUE, pathlen:0/)
    assert.match(ca, /email:contoso\.com/)
    for (const address of ['alice@contoso.com', 'bob@sub.contoso.com']) {
      const out = path('user.pem')
      const issued = await run('ca', 'issue', '--address', address, '--key', 'rsa-2048', '--out', out)
      assert.equal(issued.code, 0, issued.err)
      for (const purpose of ['smimesign', 'smimeencrypt']) {
        const verified = openssl(
          'verify',
          '-x509_strict',
          '-purpose',
          purpose,
          '-CAfile',
          path('ca.pem'),
          out,
        )
        assert.ok(verified.ok, verified.text)
      }
      assert.match(await explained(address), /"key-chosen"/)
    }
    const outside = await run('ca', 'issue', '--address', 'eve@partner.example')
    assert.equal(outside.code, 1)
    assert.match(outside.err, /eve@partner\.example/)
  })

  it('what is revoked is on the CRL, and no longer used here', async () => {
    openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      '/CN=x',
      '-keyout',
      path('k'),
      '-out',
      path('x.csr'),
    )
    const issued = await run(
      ...[
        'ca',
        'issue',
        '--address',
        'carol@contoso.com',
        '--csr',
        path('x.csr'),
        '--out',
        path('carol.pem'),
      ],
      ...['--crl-url', 'http://crl.contoso.com/pilot.crl'],
    )
    assert.equal(issued.code, 0, issued.err)
    const check = async () => {
      assert.equal((await run('ca', 'crl', '--out', path('pilot.crl'))).code, 0)
      openssl('crl', '-inform', 'DER', '-in', path('pilot.crl'), '-out', path('pilot.pem'))
      const crl = ['-crl_check', '-CRLfile', path('pilot.pem'), '-CAfile', path('ca.pem')]
      return openssl('verify', ...crl, path('carol.pem'), path('user.pem'))
    }
    const before = await check()
    assert.ok(before.ok, before.text)
    const list = JSON.parse((await run('ca', 'list', '--json')).out) as {
      serial: string
      addresses: string[]
    }[]
    const serial = list.find(({ addresses }) => addresses.includes('carol@contoso.com'))?.serial ?? ''
    assert.equal((await run('ca', 'revoke', serial, '--reason', 'keyCompromise')).code, 0)
    assert.equal((await run('ca', 'revoke', serial)).code, 1)
    const alice = list.find(({ addresses }) => addresses.includes('alice@contoso.com'))?.serial ?? ''
    assert.equal((await run('ca', 'revoke', alice)).code, 0)
    const after = await check()
    assert.match(after.text, /carol\.pem: verification failed|certificate revoked/)
    const crl = openssl('crl', '-in', path('pilot.pem'), '-noout', '-text').text
    assert.match(crl, /Key Compromise/)
    assert.match(crl, /CRL Number:\s*2/)
    assert.match(await explained('alice@contoso.com'), /credential-distrusted/)
  })

  it('nothing of it shows a private key', async () => {
    const text = readFileSync(path('ca.pem'), 'utf8') + (await run('keyring', 'list', '--json')).out
    writeFileSync(path('seen'), text)
    assert.ok(!text.includes('PRIVATE KEY'))
  })
})
