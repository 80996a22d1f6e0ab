/**
 * Holds DANE against Postfix: both ask the same unbound for the same signed zones and deliver to the same next hops. In every
 * case both must end alike: under TLS, in clear, returned, or not at all. Needs Postfix, unbound, ldnsutils and root
 * (scripts/install-peers.sh).
 */
import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { createHostLookup } from '../../dns/hosts.ts'
import { createMxLookup } from '../../dns/mail-exchangers.ts'
import { createResolver } from '../../dns/resolver.ts'
import { serveZones, type ZoneServer } from '../../dns/testing/zones.ts'
import { createTlsaLookup } from '../../dns/tlsa.ts'
import type { Outcome } from '../outcome.ts'
import { createOutbound, type Outbound } from './outbound.ts'
import { DANE_CASES, type DaneCase, type TlsaOf } from './testing/dane-cases.ts'
import { startHop, type Hop } from './testing/hop.ts'
import {
  attemptTwice,
  POSTFIX_SENDER,
  startPostfix,
  type Postfix,
  type PostfixEnd,
} from './testing/postfix.ts'
import { QUICK, requestOf } from './testing/rig.ts'
import { hopScript, makeAuthorities, type Authorities } from './testing/tls-hops.ts'

const PORT = 20_000 + (process.pid % 10_000)
const RESOLVER = { address: `127.44.254.${(process.pid % 250) + 1}`, port: 53 }
const OUR_SENDER = 'siegel@sender.test'
const SIGNED = 'signed.test'
const UNSIGNED = 'plain.test'

/** A case that is set up. */
interface Stage {
  readonly tried: DaneCase
  readonly next: string
  readonly signed: readonly string[]
  readonly unsigned: readonly string[]
  readonly hop: Hop
  readonly recipient: string
}

type End = 'under TLS' | 'in clear' | 'returned' | 'deferred'

function endAt({ hop }: Stage, sender: string, returned: boolean): End {
  const heard = hop.heard.find(({ mail }) => mail.includes(`<${sender}>`))
  if (heard === undefined) return returned ? 'returned' : 'deferred'
  return hop.connections[heard.connection]?.secured === null ? 'in clear' : 'under TLS'
}

describe('DANE, against Postfix', () => {
  let stages: readonly Stage[] = []
  let server: ZoneServer | null = null
  let postfix: Postfix | null = null
  let outbound: Outbound | null = null
  let ends = new Map<string, PostfixEnd>()
  const outcomes = new Map<string, Outcome>()

  before(async () => {
    const authorities = makeAuthorities()
    stages = await Promise.all(DANE_CASES.map((tried, index) => stageOf(tried, index, authorities)))
    server = await serveZones(
      [
        {
          name: SIGNED,
          state: 'signed',
          records: stages.flatMap(({ signed }) => signed),
          forged: [[new RegExp(FORGED, 'g'), `${FORGED.slice(0, -2)}00`]],
        },
        { name: UNSIGNED, state: 'unsigned', records: stages.flatMap(({ unsigned }) => unsigned) },
        { name: 'bogus.test', state: 'mistrusted', records: ['x A 127.44.253.1'] },
      ],
      RESOLVER,
    )
    const map = stages.map(({ next, tried }) => `${next} ${tried.policy}\n`).join('')
    postfix = await startPostfix({
      port: PORT,
      hosts: '',
      policy: map,
      nextHops: new Map(stages.map(({ recipient, next }) => [recipient.split('@')[1] ?? '', next])),
      anchors: authorities.root.pem,
      resolver: RESOLVER.address,
    })
    const { resolve } = createResolver({ servers: [RESOLVER] })
    const settings = {
      maps: new Map([['tls-policy', map]]),
      clientIdentities: new Map(),
      tlsAnchors: [authorities.root.pem],
    }
    outbound = createOutbound({
      hosts: createHostLookup({ resolve }),
      mx: createMxLookup(resolve, Math.random),
      tlsa: createTlsaLookup(resolve),
      settings: () => settings,
      timeouts: { ...QUICK, connect: 5000, tls: 5000, greeting: 5000, ehlo: 5000, final: 5000 },
    })
    ends = await attemptTwice(
      postfix,
      stages.map(({ recipient }) => recipient),
    )
    for (const { next, recipient, tried } of stages) {
      const [outcome] = await outbound.deliver(
        requestOf({ route: next, sender: OUR_SENDER, to: [recipient], direct: true }),
      )
      assert.ok(outcome)
      outcomes.set(tried.name, outcome)
    }
  })
  after(async () => {
    outbound?.close()
    await postfix?.close()
    await server?.close()
    await Promise.all(stages.map(({ hop }) => hop.close()))
  })

  const postfixEnd = (stage: Stage) =>
    endAt(stage, POSTFIX_SENDER, ends.get(stage.recipient)?.status === 'bounced')
  const ourEnd = (stage: Stage) => endAt(stage, OUR_SENDER, outcomes.get(stage.tried.name)?.kind === 'failed')
  const story = (stage: Stage) => {
    const end = ends.get(stage.recipient)
    const outcome = outcomes.get(stage.tried.name)
    return [
      `${stage.tried.name}: Postfix ${postfixEnd(stage)}, we ${ourEnd(stage)}`,
      `  Postfix: ${end?.status ?? ''} ${end?.said ?? ''}`,
      `  Siegel: ${JSON.stringify(outcome?.reason)} ${JSON.stringify(outcome?.hop?.why)}`,
    ].join('\n')
  }

  test('both end alike in every case', () => {
    const differing = stages.filter((stage) => postfixEnd(stage) !== ourEnd(stage))
    assert.deepEqual(differing.map(story), [])
  })

  test('what we sent under DANE names the record that vouches for the certificate', () => {
    for (const { tried } of stages) {
      const { kind, hop } = outcomes.get(tried.name) ?? {}
      if (kind === 'delivered' && hop?.why?.[0]?.code === 'tls-by-dane')
        assert.match(hop.tls?.record ?? '', /^[23] [01] [012] [0-9a-f]+$/, tried.name)
    }
  })

  test('the cases are many, of each end, and no two the same', (context) => {
    const found: Partial<Record<End, readonly Stage[]>> = Object.groupBy(stages, postfixEnd)
    const counts = Object.entries(found).map(([end, of]) => `${of.length} ${end}`)
    context.diagnostic(`${stages.length} cases: ${counts.join(', ')}`)
    assert.equal(new Set(DANE_CASES.map(({ name }) => name)).size, DANE_CASES.length)
    for (const end of ['under TLS', 'in clear', 'deferred', 'returned'] as const)
      assert.ok((found[end]?.length ?? 0) >= 5, end)
  })
})

/** Stands in every record that is forged once it is signed. */
const FORGED = 'f0'.repeat(32)

async function stageOf(tried: DaneCase, index: number, authorities: Authorities): Promise<Stage> {
  const label = `c${index}`
  const address = `127.44.${Math.floor(index / 200)}.${(index % 200) + 1}`
  const domain = tried.next.includes('.P') ? `${label}.${UNSIGNED}` : `${label}.${SIGNED}`
  const script = hopScript(tried.hop, domain, address, authorities)
  const hop = await startHop(script, { address, port: PORT })
  const chain = script.identity?.chain
  const records = tried.tlsa.map((record) => `TLSA ${tlsaText(record, chain, authorities)}`)
  if (tried.forged) records.push(`TLSA 3 1 1 ${FORGED}`)
  const put = (text: string) =>
    text
      .replaceAll('@', label)
      .replaceAll('^', address)
      .replaceAll('#', String(PORT))
      .replaceAll('.S', `.${SIGNED}`)
      .replaceAll('.P', `.${UNSIGNED}`)
  const lines = (zone: readonly string[]) =>
    zone.flatMap((line) =>
      line.endsWith(' F') ? records.map((record) => put(line.slice(0, -1)) + record) : [put(line)],
    )
  return {
    tried,
    next: put(tried.next),
    signed: lines(tried.signed),
    unsigned: lines(tried.unsigned),
    hop,
    recipient: `bob@${label}.world.test`,
  }
}

/** The data of a record in the form of a zone file. */
function tlsaText(
  [usage, selector, matching, of]: TlsaOf,
  chain: string | undefined,
  authorities: Authorities,
): string {
  const data = (): string => {
    if (of === 'short') return 'abcd'
    if (of === 'garbage') return 'ab'.repeat(40)
    if (of === 'nothing' || (of === 'leaf' && chain === undefined))
      return 'cd'.repeat(matching === 2 ? 64 : 32)
    const { raw, publicKey } = new X509Certificate(of === 'leaf' ? (chain ?? '') : authorities[of].pem)
    const octets = selector === 0 ? raw : publicKey.export({ type: 'spki', format: 'der' })
    if (matching === 0) return octets.toString('hex')
    return createHash(matching === 2 ? 'sha512' : 'sha256')
      .update(octets)
      .digest('hex')
  }
  return `${usage} ${selector} ${matching} ${data()}`
}
