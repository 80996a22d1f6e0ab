/**
 * Reports about TLS from the session to the mailbox and the web server: real hops, name server, queue, store and HTTPS. mailauth judges
 * the signature.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { authenticate } from 'mailauth'
import { createMailAuthentication } from '../authentication/index.ts'
import { lookupOf, rsaKey, tableOf } from '../authentication/testing/keys.ts'
import { createHostLookup } from '../dns/hosts.ts'
import { createMxLookup } from '../dns/mail-exchangers.ts'
import { createResolver, type Resolve } from '../dns/resolver.ts'
import { startNameServer, type NameServerRig, type Said } from '../dns/testing/name-server.ts'
import { newMailId } from '../mail/id.ts'
import { JourneyRig } from '../mail/journey/testing/rig.ts'
import { createOutbound, type Outbound } from '../mail/outbound/outbound.ts'
import { authority, leaf } from '../mail/outbound/testing/certificates.ts'
import { startHop, type Hop } from '../mail/outbound/testing/hop.ts'
import { QUICK } from '../mail/outbound/testing/rig.ts'
import type { Log } from '../observe/log.ts'
import { SessionCounter } from './counter.ts'
import { DAY_MS, dayName, dayOf } from './day.ts'
import { Reporter, type ReporterPorts } from './reporter.ts'
import { postReport } from './web.ts'

const root = authority('Root')
const web = leaf({ names: ['collector.example'], issuer: root })
const key = rsaKey('contoso.com')
const DNS = lookupOf(tableOf(key))
const MINUTE = 60_000
const MAIL =
  'From: alice@contoso.com\r\nTo: bob@fabrikam.com\r\nSubject: x\r\nMessage-ID: <1@contoso.com>\r\n\r\nhello\r\n'

describe('reports about TLS', () => {
  let names: NameServerRig
  let collector: Server
  let status = 201
  let posted: { headers: IncomingHttpHeaders; url: string; body: Buffer }[] = []
  const zone = new Map<string, Said>()
  let rig: JourneyRig
  let hop: Hop
  let outbound: Outbound
  let counter: SessionCounter
  let resolve: Resolve
  let logged: string[] = []
  const note = (event: string) => void logged.push(event)
  const log: Log = { debug: note, info: note, warn: note, error: note }

  before(async () => {
    names = await startNameServer(zone)
    collector = createServer({ cert: web.chain, key: web.key }, (request, response) => {
      const pieces: Buffer[] = []
      request.on('data', (piece: Buffer) => pieces.push(piece))
      request.on('end', () => {
        posted.push({ headers: request.headers, url: request.url ?? '', body: Buffer.concat(pieces) })
        response.writeHead(status, { location: 'https://collector.example/other' }).end('thanks')
      })
    })
    collector.listen(0, '127.0.0.1')
    await once(collector, 'listening')
  })
  after(async () => {
    collector.close()
    await names.close()
  })
  beforeEach(async () => {
    rig = await JourneyRig.start()
    rig.fixture.now = dayOf(Date.now()) + 12 * 60 * MINUTE
    rig.current = { ...rig.tenant, outboundDelivery: 'direct', dkimSigning: [key] }
    hop = await startHop()
    posted = []
    logged = []
    status = 201
    zone.clear()
    for (const domain of ['fabrikam.com', 'reports.example']) {
      const data = { preference: 1, exchange: 'hop.example' }
      zone.set(`${domain} MX`, { answers: [{ type: 'MX', name: domain, data }] })
    }
    const now = () => rig.fixture.now
    resolve = createResolver({ servers: [names.server], timeoutMs: 300, now }).resolve
    counter = new SessionCounter({ store: rig.store.tlsReports, now, log })
    outbound = makeOutbound(counter)
  })
  afterEach(async () => {
    outbound.close()
    await hop.close()
    await rig.end()
  })
  const table = () =>
    new Map([
      ['hop.example', [`127.0.0.1:${hop.port}`]],
      ['collector.example', [`127.0.0.1:${(collector.address() as AddressInfo).port}`]],
    ])
  function makeOutbound(sessions?: SessionCounter): Outbound {
    return createOutbound({
      hosts: createHostLookup({ table: table(), resolve }),
      mx: createMxLookup(resolve, Math.random),
      ...(sessions === undefined ? {} : { sessions }),
      settings: () => ({ maps: new Map(), clientIdentities: new Map(), tlsAnchors: [root.pem] }),
      ...{ timeouts: QUICK, keep: { mails: 1 } },
    })
  }
  function reporter(rest: Partial<ReporterPorts> = {}): Reporter {
    const { store } = rig
    const hosts = createHostLookup({ table: table() })
    return new Reporter({
      settings: {
        ...{ organisation: 'Contoso', contact: 'postmaster@contoso.com' },
        ...{ sender: 'tls-reports@contoso.com', tenant: 'contoso' },
      },
      ...{ store: store.tlsReports, queue: store.queue, bodies: store.bodies, resolve, log },
      flush: () => counter.flush(),
      tenants: () => (rig.current === null ? [] : [rig.current]),
      authentication: createMailAuthentication(DNS),
      post: (url, report) => postReport(url, report, { hosts, anchors: () => [root.pem] }),
      wake: () => undefined,
      newId: () => newMailId(rig.fixture.now),
      now: () => rig.fixture.now,
      random: () => 0.5,
      ...rest,
    })
  }
  async function carry(): Promise<void> {
    const worker = rig.worker('w', { outbound })
    for (const mail of await rig.claim()) await worker.carry(mail)
  }
  /** One mail in the clear, one with TLS. */
  async function twoSessions(): Promise<void> {
    for (const identity of [null, web]) {
      hop.script.identity = identity
      await rig.receive(MAIL, { to: ['bob@fabrikam.com'] })
      await carry()
    }
    assert.equal(hop.heard.length, 2)
    hop.heard.length = 0
  }
  function want(rua: string): void {
    const name = '_smtp._tls.fabrikam.com'
    const data = `v=TLSRPTv1; rua=${rua}`
    zone.set(`${name} TXT`, { answers: [{ type: 'TXT', name, data }] })
  }
  const states = () => rig.store.tlsReports.days().map(({ domain, count, state }) => [domain, count, state])
  /** The morning after, half of four hours past midnight. */
  const nextMorning = () => {
    rig.fixture.now = dayOf(rig.fixture.now) + DAY_MS + 120 * MINUTE
  }

  test('the mail of the day after: its form, its signature and its report', async () => {
    const day = dayOf(rig.fixture.now)
    await twoSessions()
    want('mailto:tls@reports.example')
    const reports = reporter()
    await reports.look()
    assert.deepEqual(states(), [['fabrikam.com', 2, null]])
    nextMorning()
    rig.fixture.now -= 1
    await reports.look()
    assert.deepEqual([states(), await rig.claim()], [[['fabrikam.com', 2, 'waiting']], []])
    rig.fixture.now += 1
    await reports.look()
    assert.deepEqual(states(), [['fabrikam.com', 2, 'sent']])
    hop.script.identity = null
    await carry()
    const [heard, ...others] = hop.heard
    assert.ok(heard)
    assert.deepEqual(others, [])
    assert.match(heard.mail, /<tls-reports@contoso\.com>/)
    assert.match(heard.rcpt.join(), /<tls@reports\.example>/)

    const { dkim } = await authenticate(heard.content, { ip: '192.0.2.1', helo: 'gw', mta: 'mx', sender: 'tls-reports@contoso.com', resolver: DNS }) // prettier-ignore
    assert.deepEqual(
      dkim.results.map(({ status: { result }, signingDomain }) => [result, signingDomain]),
      [['pass', 'contoso.com']],
    )
    const text = heard.content.toString('latin1')
    const unfolded = text.replaceAll(/\r\n[ \t]+/g, ' ')
    const signature = /^DKIM-Signature: (.*)$/m.exec(unfolded)?.[1] ?? ''
    assert.match(signature, /tls-report-domain:tls-report-submitter/)
    assert.doesNotMatch(signature, /(?:^|;) *l=/)

    const field = (name: string) => new RegExp(`^${name}: (.*)\r$`, 'm').exec(unfolded)?.[1] ?? ''
    const subject =
      /^Report Domain: fabrikam\.com Submitter: contoso\.com Report-ID: <([A-Z0-9]+)@contoso\.com>$/
    const id = subject.exec(field('Subject'))?.[1] ?? assert.fail(field('Subject'))
    assert.equal(field('TLS-Report-Domain'), 'fabrikam.com')
    assert.equal(field('TLS-Report-Submitter'), 'contoso.com')
    assert.match(field('Content-Type'), /^multipart\/report; report-type="tlsrpt"; boundary=/)
    const [start, end] = [day / 1000, day / 1000 + 86_399]
    assert.match(
      unfolded,
      new RegExp(`filename="contoso\\.com!fabrikam\\.com!${start}!${end}!${id}\\.json\\.gz"`),
    )
    const data = /application\/tlsrpt\+gzip[^]*?\r\n\r\n([A-Za-z0-9+/=\r\n]+)\r\n--/.exec(text)?.[1] ?? ''
    assert.deepEqual(JSON.parse(gunzipSync(Buffer.from(data, 'base64')).toString()), expected(day, id))

    // The session of the report is not counted, and the report is sent once.
    await reports.look()
    await carry()
    assert.deepEqual([states(), hop.heard.length], [[['fabrikam.com', 2, 'sent']], 1])
  })

  function expected(day: number, id: string): object {
    const name = dayName(day)
    const failure = {
      ...{ 'result-type': 'starttls-not-supported', 'sending-mta-ip': '127.0.0.1' },
      ...{ 'receiving-mx-hostname': 'hop.example', 'receiving-ip': '127.0.0.1' },
      ...{ 'failure-reason-code': 'starttls-not-offered', 'failed-session-count': 1 },
    }
    return {
      'organization-name': 'Contoso',
      'date-range': { 'start-datetime': `${name}T00:00:00Z`, 'end-datetime': `${name}T23:59:59Z` },
      'contact-info': 'postmaster@contoso.com',
      'report-id': id,
      policies: [
        {
          policy: { 'policy-type': 'no-policy-found', 'policy-domain': 'fabrikam.com' },
          summary: { 'total-successful-session-count': 1, 'total-failure-session-count': 1 },
          'failure-details': [failure],
        },
      ],
    }
  }

  test('by HTTPS: posted once; what is refused or redirected is tried again, the mail beside it is not', async () => {
    const day = dayOf(rig.fixture.now)
    await twoSessions()
    want('https://collector.example/in?x=1,mailto:tls@reports.example')
    nextMorning()
    const reports = reporter()
    for (status of [302, 500]) {
      await reports.look()
      await reports.look()
      assert.deepEqual(states(), [['fabrikam.com', 2, 'waiting']])
      rig.fixture.now += 30 * MINUTE
    }
    assert.equal(posted.length, 2)
    status = 201
    await reports.look()
    assert.deepEqual(states(), [['fabrikam.com', 2, 'sent']])
    const { headers, url, body } = posted[2] ?? assert.fail()
    assert.deepEqual([url, headers['content-type']], ['/in?x=1', 'application/tlsrpt+gzip'])
    const sent = JSON.parse(gunzipSync(body).toString()) as { 'report-id': string }
    assert.deepEqual(sent, expected(day, sent['report-id']))
    await carry()
    assert.deepEqual([hop.heard.length, posted.length], [1, 3])
  })

  test('it is given up after a day', async () => {
    await twoSessions()
    want('https://collector.example/in')
    nextMorning()
    status = 500
    const reports = reporter()
    await reports.look()
    rig.fixture.now += DAY_MS
    await reports.look()
    assert.deepEqual([states(), posted.length], [[['fabrikam.com', 2, 'failed']], 1])
  })

  test('a web server whose address is not public, or whose certificate is not good, gets nothing', async () => {
    const hosts = createHostLookup({ table: new Map([['collector.example', ['127.0.0.1']]]) })
    const port = (collector.address() as AddressInfo).port
    const url = `https://collector.example:${port}/in`
    const parts = { hosts, anchors: () => [root.pem] }
    await assert.rejects(postReport(url, Buffer.from('x'), parts), /no public address/)
    const open = { hosts: createHostLookup({ table: table() }), anchors: () => [authority('Other').pem] }
    await assert.rejects(postReport(url, Buffer.from('x'), open), /certificate/)
    assert.deepEqual(posted, [])
  })

  test('without a key for the domain, or a tenant that delivers directly, nothing is sent, and it is said why', async () => {
    await twoSessions()
    want('mailto:tls@reports.example')
    nextMorning()
    const { current } = rig
    assert.ok(current)
    for (const broken of [{ ...current, dkimSigning: [] }, { ...current, outboundDelivery: 'office365' as const }, null]) {
      rig.current = broken
      await reporter().look()
      rig.fixture.now += 30 * MINUTE
    } // prettier-ignore
    assert.deepEqual(logged, [
      'tls-report-not-possible',
      'tls-report-not-possible',
      'tls-report-not-possible',
    ])
    assert.deepEqual([states(), await rig.claim()], [[['fabrikam.com', 2, 'waiting']], []])
    rig.current = current
    await reporter().look()
    assert.deepEqual(states(), [['fabrikam.com', 2, 'sent']])
  })

  test('a domain without a record gets none', async () => {
    await twoSessions()
    nextMorning()
    await reporter().look()
    assert.deepEqual([states(), await rig.claim()], [[['fabrikam.com', 2, 'unasked']], []])
  })

  test('where nobody wants reports nothing is counted', async () => {
    outbound.close()
    outbound = makeOutbound()
    await twoSessions()
    await counter.flush()
    assert.deepEqual(states(), [])
  })

  test('counts outlive the process, are bounded, and go after three days', async () => {
    const kind = (n: number) => ({
      ...{ domain: 'a.example', policy: { type: 'sts' as const, strings: ['x'.repeat(999)], mxHosts: [] } },
      ...{ mx: `mx${n}`, address: '192.0.2.1', localAddress: null },
      ...{ result: 'validation-failure' as const, reason: 'tls-handshake-failed' },
    })
    for (let n = 0; n < 150; n++) counter.note(kind(n))
    counter.note(kind(0))
    await counter.stop()
    counter.note(kind(0))
    counter.note(kind(149))
    await counter.stop()
    const { store } = rig
    const counts = store.tlsReports.counts(dayOf(rig.fixture.now), 'a.example')
    assert.deepEqual([counts.length, counts[0]?.session.policy.strings[0]?.length], [100, 300])
    assert.equal(counts.find(({ session }) => session.mx === 'mx0')?.count, 3)
    rig.fixture.now += 4 * DAY_MS
    counter.note({ ...kind(0), domain: 'b.example' })
    await counter.stop()
    assert.deepEqual(states(), [['b.example', 1, null]])
  })
})
