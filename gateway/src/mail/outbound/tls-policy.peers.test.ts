/**
 * Holds the TLS policy map against Postfix: a Postfix of our own and our outbound step get the same map and deliver to the same
 * next hops. In every case both must end alike: under TLS, in clear, or not at all. Needs Postfix and root
 * (scripts/install-peers.sh). The levels dane and dane-only with DNSSEC are compared in dane.peers.test.ts.
 */
import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile, chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createHostLookup } from '../../dns/hosts.ts'
import { createOutbound, type Outbound } from './outbound.ts'
import { startHop, type Hop } from './testing/hop.ts'
import { attemptTwice, POSTFIX_SENDER, startPostfix, type Postfix } from './testing/postfix.ts'
import { QUICK, requestOf } from './testing/rig.ts'
import { KNOWN_DIFFERENCES, TLS_CASES, type TlsCase } from './testing/tls-cases.ts'
import { hopScript, makeAuthorities } from './testing/tls-hops.ts'

const PORT = 20_000 + (process.pid % 10_000)
const OUR_SENDER = 'siegel@sender.test'

/** A case that is set up. */
interface Stage {
  readonly tried: TlsCase
  readonly domain: string
  readonly address: string
  readonly next: string
  readonly map: string
  readonly hop: Hop
}

/** How a mail came to its hop, or that it did not. */
type End = 'under TLS' | 'in clear' | 'deferred'

/** What of a sender's mail the hop has. */
function endAt({ hop }: Stage, sender: string): End {
  const heard = hop.heard.find(({ mail }) => mail.includes(`<${sender}>`))
  if (heard === undefined) return 'deferred'
  return hop.connections[heard.connection]?.secured === null ? 'in clear' : 'under TLS'
}

/** The hosts of a case, all of them one server. */
const hostsOf = (domain: string) => [domain, `mx.${domain}`, `a.b.${domain}`]

describe('TLS policies, against Postfix', () => {
  let folder = ''
  let stages: readonly Stage[] = []
  let postfix: Postfix | null = null
  let outbound: Outbound | null = null
  /** What was said by either of a case that ended other than alike, for whoever reads the failure. */
  const said = new Map<string, string>()

  before(async () => {
    const authorities = makeAuthorities()
    folder = await mkdtemp(join(tmpdir(), 'siegel-tls-policy-'))
    await chmod(folder, 0o755)
    for (const name of ['root', 'intermediate', 'stranger'] as const)
      await writeFile(join(folder, `${name}.pem`), authorities[name].pem)
    await writeFile(join(folder, 'none.pem'), 'no certificate\n')
    stages = await Promise.all(
      TLS_CASES.map(async (tried, index): Promise<Stage> => {
        const domain = `c${index}.test`
        const address = `127.44.${Math.floor(index / 200)}.${(index % 200) + 1}`
        const script = hopScript(tried.hop, domain, address, authorities)
        const put = (text: string) =>
          text
            .replaceAll(':#', `:${PORT}`)
            .replaceAll('@', domain)
            .replaceAll('~', folder)
            .replaceAll('^', address)
            .replaceAll('%', () => digests(script.identity?.chain).certificate)
            .replaceAll('$', () => digests(script.identity?.chain).key)
        const hop = await startHop(script, { address, port: PORT })
        return { tried, domain, address, next: put(tried.next), map: put(tried.map), hop }
      }),
    )
    const map = stages.map((stage) => stage.map).join('\n')
    postfix = await startPostfix({
      port: PORT,
      hosts: stages.map(({ domain, address }) => `${address} ${hostsOf(domain).join(' ')}\n`).join(''),
      policy: map,
      nextHops: new Map(stages.map(({ domain, next }) => [domain, next])),
      anchors: authorities.root.pem,
    })
    outbound = createOutbound({
      hosts: createHostLookup({
        table: new Map(
          stages.flatMap(({ domain, address }) =>
            hostsOf(domain).map((host): [string, string[]] => [host, [`${address}:${PORT}`]]),
          ),
        ),
      }),
      settings: () => settings,
      readAnchorFile: (path) => readFile(path, 'utf8'),
      timeouts: { ...QUICK, connect: 5000, tls: 5000, greeting: 5000, ehlo: 5000, final: 5000 },
    })
    const settings = {
      maps: new Map([['tls-policy', map]]),
      clientIdentities: new Map(),
      tlsAnchors: [authorities.root.pem],
    }
    await throughPostfix(postfix)
    await throughUs(outbound)
  })
  after(async () => {
    outbound?.close()
    await postfix?.close()
    await Promise.all(stages.map(({ hop }) => hop.close()))
    await rm(folder, { recursive: true })
  })

  async function throughPostfix(instance: Postfix): Promise<void> {
    const ends = await attemptTwice(
      instance,
      stages.map(({ domain }) => `bob@${domain}`),
    )
    for (const { domain, tried } of stages) {
      const end = ends.get(`bob@${domain}`)
      said.set(tried.name, `Postfix: ${end?.status ?? ''} ${end?.said ?? ''}`)
    }
  }

  async function throughUs(step: Outbound): Promise<void> {
    for (const { domain, next, tried } of stages) {
      const [outcome] = await step.deliver(
        requestOf({ route: next, sender: OUR_SENDER, to: [`bob@${domain}`], floor: null }),
      )
      assert.ok(outcome?.kind === 'delivered' || outcome?.kind === 'deferred', JSON.stringify(outcome))
      said.set(tried.name, `${said.get(tried.name) ?? ''}\n  Siegel: ${outcome.kind} ${outcome.reason.code}`)
    }
  }

  const differing = () => stages.filter((stage) => endAt(stage, POSTFIX_SENDER) !== endAt(stage, OUR_SENDER))

  test('both end alike in every case but those that are listed with a reason', () => {
    const known = new Set(Object.values(KNOWN_DIFFERENCES).flat())
    const unknown = differing().filter(({ tried }) => !known.has(tried.name))
    assert.deepEqual(
      unknown.map(
        (stage) =>
          `${stage.tried.name}: Postfix ${endAt(stage, POSTFIX_SENDER)}, we ${endAt(stage, OUR_SENDER)}\n  ${said.get(stage.tried.name) ?? ''}`,
      ),
      [],
    )
  })

  test('every listed difference is one', () => {
    const found = new Set(differing().map(({ tried }) => tried.name))
    assert.deepEqual(
      Object.values(KNOWN_DIFFERENCES)
        .flat()
        .filter((name) => !found.has(name)),
      [],
    )
  })

  test('the log of Postfix says of each mail what the hop has of it', async () => {
    const ends = (await postfix?.ends()) ?? new Map<string, never>()
    for (const stage of stages)
      assert.equal(
        ends.get(`bob@${stage.domain}`)?.status === 'sent',
        endAt(stage, POSTFIX_SENDER) !== 'deferred',
        stage.tried.name,
      )
  })

  test('no word of a mail stands in clear but at the hops that got it in clear', () => {
    for (const stage of stages)
      for (const sender of [POSTFIX_SENDER, OUR_SENDER]) {
        const heard = stage.hop.connections.some(({ plain }) => plain.includes(`MAIL FROM:<${sender}>`))
        assert.equal(heard, endAt(stage, sender) === 'in clear', `${sender} ${stage.tried.name}`)
      }
  })

  test('where the line requires TLS, nothing goes in clear', () => {
    const required = stages.filter(({ tried }) =>
      /^\S+ (?:encrypt|verify|secure|fingerprint)\b/i.test(tried.map),
    )
    const exact = required.filter(({ tried }) => tried.map.startsWith(`${tried.next} `))
    assert.ok(exact.length >= 200)
    for (const stage of exact)
      if (!/ may\b/.test(stage.tried.map))
        for (const sender of [POSTFIX_SENDER, OUR_SENDER])
          assert.notEqual(endAt(stage, sender), 'in clear', `${sender} ${stage.tried.name}`)
  })

  test('the cases are many, of each end, and no two the same', (context) => {
    const ends: Partial<Record<End, readonly Stage[]>> = Object.groupBy(stages, (stage) =>
      endAt(stage, POSTFIX_SENDER),
    )
    const counts = Object.entries(ends).map(([end, of]) => `${of.length} ${end}`)
    context.diagnostic(`${stages.length} cases: ${counts.join(', ')}`)
    assert.equal(new Set(TLS_CASES.map(({ name }) => name)).size, TLS_CASES.length)
    assert.ok(stages.length >= 400)
    for (const end of ['under TLS', 'in clear', 'deferred'] as const)
      assert.ok((ends[end]?.length ?? 0) >= 15, end)
  })
})

/** SHA-256 of a certificate and of its key, as the level fingerprint wants them. */
function digests(chain: string | undefined): { certificate: string; key: string } {
  if (chain === undefined) return { certificate: '', key: '' }
  const { raw, publicKey } = new X509Certificate(chain)
  const digest = (octets: Buffer) =>
    createHash('sha256').update(octets).digest('hex').toUpperCase().match(/../g)?.join(':') ?? ''
  return { certificate: digest(raw), key: digest(publicKey.export({ type: 'spki', format: 'der' })) }
}
