// What answers challenges: the listener answers tokens and nothing else, the administrator's command is run without a shell, bounded.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { dnsRecord, HttpResponder, isToken } from './challenges.ts'
import { createDnsCommand } from './dns-command.ts'
import { AcmeFailure } from './failure.ts'

const responder = new HttpResponder()
let port = 0
before(async () => {
  await responder.listen([{ address: '127.0.0.1', port: 0 }])
  port = responder.addresses[0]?.port ?? 0
})
after(() => responder.close())

/** Sends octets and reads to the end. */
async function raw(text: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' })
  let said = ''
  socket.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')))
  socket.end(text)
  await once(socket, 'close')
  return said
}

test('the listener answers tokens and nothing else', async () => {
  responder.set('token-1', 'token-1.thumb')
  const path = '/.well-known/acme-challenge'
  const asked = await raw(`GET ${path}/token-1 HTTP/1.1\r\nHost: smime.contoso.com\r\n\r\n`)
  assert.match(asked, /^HTTP\/1\.1 200 OK\r\n/)
  assert.ok(asked.endsWith('\r\n\r\ntoken-1.thumb'))
  const others = [
    '/',
    `${path}/`,
    `${path}/token-2`,
    `${path}/../token-1`,
    `/x${path}/token-1`,
    `${path}/token-1/`,
  ]
  for (const target of others)
    assert.match(await raw(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`), /^HTTP\/1\.1 404 /, target)
  assert.match(await raw(`POST ${path}/token-1 HTTP/1.1\r\nHost: a\r\n\r\n`), /^HTTP\/1\.1 404 /)
  assert.match(await raw(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(9000)}\r\n\r\n`), /^HTTP\/1\.1 431 /)
  responder.clear('token-1')
  assert.match(await raw(`GET ${path}/token-1 HTTP/1.1\r\nHost: a\r\n\r\n`), /^HTTP\/1\.1 404 /)
})

test('tokens that are none', () => {
  for (const bad of ['', '../x', 'a/b', 'a b', 'ä', 'x'.repeat(513)]) assert.ok(!isToken(bad), bad)
  assert.ok(isToken('evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA'))
})

test('the record of RFC 8555 8.4 is the digest of the key authorization', () => {
  const record = dnsRecord('www.example.org', 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.thumb')
  assert.equal(record.name, '_acme-challenge.www.example.org')
  assert.match(record.value, /^[A-Za-z0-9_-]{43}$/)
})

const record = { name: '_acme-challenge.smime.contoso.com', value: 'x'.repeat(43) }
const running = (script: string, timeoutMs?: number) =>
  createDnsCommand([process.execPath, '-e', script, '--', 'fixed'], timeoutMs)

test('the command gets its arguments, no shell and none of our environment', async () => {
  process.env['SIEGEL_MASTER_KEY'] = 'secret'
  await running(
    `const seen = process.argv.slice(1).join(' ')
     const fits = seen === 'fixed present _acme-challenge.smime.contoso.com ' + 'x'.repeat(43)
     process.exit(fits && process.env.SIEGEL_MASTER_KEY === undefined ? 0 : 1)`,
  )('present', record)
})

test('a command that fails, hangs or is not there', async () => {
  const failing = running('console.error("no such zone"); process.exit(3)')
  await assert.rejects(failing('present', record), (error) => {
    assert.ok(error instanceof AcmeFailure)
    return error.code === 'not-ready' && /present failed \(3\): no such zone/.test(error.message)
  })
  await assert.rejects(running('setInterval(() => 0, 1000)', 300)('cleanup', record), /SIGKILL/)
  await assert.rejects(createDnsCommand(['/does/not/exist'])('present', record), /ENOENT/)
})

test('what is no record reaches no program', async () => {
  const command = running('process.exit(0)')
  for (const bad of [
    { name: '-rf', value: record.value },
    { name: '_acme-challenge.a;b', value: record.value },
    { name: record.name, value: '$(id)' },
  ])
    await assert.rejects(command('present', bad), /wrong form/)
})
