// The client against a small HTTPS server that misbehaves in chosen ways: bounds, nonces, rate limits, renewal information. What a
// well-behaved server does is shown with pebble.
import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, test } from 'node:test'
import { makeCertificate } from '../config/testkit.ts'
import { AcmeClient } from './client.ts'
import { AcmeFailure, readProblem } from './failure.ts'
import { AccountKey, bindAccount, type FlattenedJws } from './jose.ts'

const ca = makeCertificate('CA', { ca: true })
const tls = makeCertificate('localhost', { dnsNames: ['localhost'] }, ca)
const NOW = Date.UTC(2026, 10, 24)
const account = AccountKey.generate()
let server: Server
let origin = ''
let answer: (request: IncomingMessage, body: string, response: ServerResponse) => void = () => undefined
let requests: { readonly method: string; readonly url: string; readonly body: string }[] = []

before(async () => {
  server = createServer({ cert: tls.pem, key: tls.keyPem }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      requests.push({ method: request.method ?? '', url: request.url ?? '', body })
      response.setHeader('Replay-Nonce', `nonce-${requests.length}`)
      if (request.url === '/dir')
        response.end(
          JSON.stringify({
            ...{ newNonce: `${origin}/nonce`, newAccount: `${origin}/account`, newOrder: `${origin}/order` },
            renewalInfo: `${origin}/renewal`,
          }),
        )
      else if (request.url === '/nonce') response.end()
      else answer(request, body, response)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  origin = `https://localhost:${(server.address() as AddressInfo).port}`
})
after(() => {
  server.close()
  server.closeAllConnections()
})
beforeEach(() => {
  requests = []
})

function client(url: string | null = `${origin}/account/1`, timeoutMs = 5000): AcmeClient {
  const options = { anchors: [ca.pem], userAgent: 'test', timeoutMs }
  return new AcmeClient(`${origin}/dir`, new AccountKey(account), url, options, () => NOW)
}

const problem = (response: ServerResponse, status: number, type: string, detail = 'because'): void => {
  response.statusCode = status
  response.end(JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail }))
}

test('requests are signed as RFC 7515 has it, each with a nonce of its own and its address', async () => {
  answer = (request, _, response) => {
    response.setHeader('Location', `${origin}${request.url ?? ''}/7`)
    response.end(JSON.stringify({ status: 'pending', authorizations: [], finalize: `${origin}/f` }))
  }
  const order = await client().order('smime.contoso.com')
  assert.equal(order.url, `${origin}/order/7`)
  const sent = JSON.parse(requests.at(-1)?.body ?? '') as FlattenedJws
  const header = JSON.parse(Buffer.from(sent.protected, 'base64url').toString()) as Record<string, unknown>
  assert.deepEqual(header, { alg: 'ES256', nonce: 'nonce-2', url: `${origin}/order`, kid: `${origin}/account/1` }) // prettier-ignore
  const key = createPublicKey({ key: { ...new AccountKey(account).jwk }, format: 'jwk' })
  const signed = Buffer.from(`${sent.protected}.${sent.payload}`)
  const signature = Buffer.from(sent.signature, 'base64url')
  assert.ok(verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature))
})

test('a rejected nonce is replaced by that of the answer, and not for ever', async () => {
  let rejections = 3
  answer = (_, __, response) => {
    if (rejections-- > 0) problem(response, 400, 'badNonce')
    else response.end(JSON.stringify({ status: 'valid', authorizations: [], finalize: `${origin}/f` }))
  }
  assert.equal((await client().orderAt(`${origin}/order/1`)).status, 'valid')
  assert.equal(requests.filter(({ url }) => url === '/nonce').length, 1)
  rejections = Number.POSITIVE_INFINITY
  await assert.rejects(client().orderAt(`${origin}/order/1`), { type: 'badNonce' })
  assert.ok(requests.length < 40, String(requests.length))
})

test('a rate limit says when to try again, in seconds or as a date', async () => {
  for (const [value, expected] of [
    ['120', NOW + 120_000],
    ['Wed, 25 Nov 2026 00:00:00 GMT', NOW + 86_400_000],
    ['soon', null],
  ] as const) {
    answer = (_, __, response) => {
      response.setHeader('Retry-After', value)
      problem(response, 429, 'rateLimited', 'too many certificates')
    }
    await assert.rejects(client().orderAt(`${origin}/order/1`), (error) => {
      assert.ok(error instanceof AcmeFailure)
      assert.deepEqual([error.code, error.retryAt], ['rate-limited', expected])
      assert.equal(error.message, 'rateLimited: too many certificates')
      return true
    })
  }
})

test('answers that are too large, late, redirected, no JSON or without their fields are unreachable servers', async () => {
  const answers: readonly [string, typeof answer][] = [
    ['too large', (_, __, response) => void response.end(Buffer.alloc(300_000))],
    ['late', () => undefined],
    ['cut', (_, __, response) => { response.writeHead(200, { 'Content-Length': 100 }); response.write('{'); response.destroy() }], // prettier-ignore
    ['no JSON', (_, __, response) => void response.end('<html>')],
    ['no fields', (_, __, response) => void response.end('{"status":7}')],
    ['a list without end', (_, __, response) => void response.end(JSON.stringify({ status: 'pending', authorizations: Array(101).fill('x'), finalize: 'x' }))], // prettier-ignore
    ['out of order', (_, __, response) => { response.statusCode = 503; response.end('later') }], // prettier-ignore
  ]
  for (const [name, act] of answers) {
    answer = act
    await assert.rejects(
      client(undefined, 500).orderAt(`${origin}/order/1`),
      (error) => error instanceof AcmeFailure && error.code === 'unreachable',
      name,
    )
  }
  answer = (_, __, response) => void response.writeHead(302, { Location: `${origin}/dir` }).end()
  await assert.rejects(client().orderAt(`${origin}/order/1`), { code: 'refused' })
  assert.equal(requests.at(-1)?.url, '/order/1')
  await assert.rejects(client().orderAt('http://localhost/order/1'), /not an https address/)
})

test('a server whose certificate nobody vouches for is not asked', async () => {
  const options = { anchors: [], userAgent: 'test' }
  const stranger = new AcmeClient(`${origin}/dir`, new AccountKey(account), null, options, () => NOW)
  await assert.rejects(stranger.order('smime.contoso.com'), { code: 'unreachable' })
  assert.deepEqual(requests, [])
})

test('renewal information: its window, and nothing where there is none', async () => {
  answer = (request, _, response) => {
    if (request.url !== '/renewal/aki.serial') response.statusCode = 404
    response.end(JSON.stringify({ suggestedWindow: { start: '2026-12-01T00:00:00Z', end: '2026-12-02T00:00:00Z' } })) // prettier-ignore
  }
  assert.deepEqual(await client().renewalWindow('aki.serial'), {
    start: Date.UTC(2026, 11, 1),
    end: Date.UTC(2026, 11, 2),
  })
  assert.equal(await client().renewalWindow('other.serial'), null)
  answer = (_, __, response) => void response.end('{"suggestedWindow":{"start":"2026-12-02T00:00:00Z"}}')
  assert.equal(await client().renewalWindow('aki.serial'), null)
})

test('problems are told with their parts, and bounded', () => {
  const told = readProblem(
    {
      type: 'urn:ietf:params:acme:error:caa',
      detail: `no\u001b[31m ${'x'.repeat(1000)}`,
      subproblems: [{ type: 'urn:ietf:params:acme:error:dns', detail: 'NXDOMAIN' }],
    },
    '',
  )
  assert.equal(told.code, 'caa')
  assert.ok(told.message.length < 600 && !told.message.includes('\u001b') && told.message.endsWith('dns: NXDOMAIN')) // prettier-ignore
  assert.equal(readProblem('nonsense', 'nothing was said').message, 'nothing was said')
})

test('thumbprint and binding: RFC 7638 order of members, HS256 over the account key', () => {
  const key = new AccountKey(account)
  assert.match(key.thumbprint, /^[A-Za-z0-9_-]{43}$/)
  assert.deepEqual(Object.keys(key.jwk), ['crv', 'kty', 'x', 'y'])
  const bound = bindAccount(key.jwk, 'kid', 'c2VjcmV0', `${origin}/account`)
  assert.deepEqual(JSON.parse(Buffer.from(bound.payload, 'base64url').toString()), key.jwk)
  assert.notEqual(bound.signature, bindAccount(key.jwk, 'kid', 'b3RoZXI', `${origin}/account`).signature)
})
