/**
 * The cases in which DANE is held against Postfix: a kind of hop, the records of its domain, what the records say of its
 * certificate, and what the policy asks for. For tests only. `@` stands for the case's own label, `^` for the hop's address, `:#`
 * for the port with which it is reached; `S` and `P` for the signed and the unsigned zone, `F` for the records that the case's
 * TLSA records are put under.
 */
import type { HopKindName } from './tls-hops.ts'

/** A TLSA record: usage, selector, matching type, and of what. */
export type TlsaOf = readonly [
  usage: number,
  selector: number,
  matching: number,
  of: 'leaf' | 'intermediate' | 'root' | 'stranger' | 'nothing' | 'short' | 'garbage',
]

/** One case. */
export interface DaneCase {
  readonly name: string
  readonly hop: HopKindName
  /** The next hop as written. */
  readonly next: string
  /** What the map says of it. */
  readonly policy: string
  /** Lines of the two zones; `@` is the domain's label. */
  readonly signed: readonly string[]
  readonly unsigned: readonly string[]
  /** The name in the signed zone, and the records under it. */
  readonly tlsa: readonly TlsaOf[]
  /** The records' signatures do not fit. */
  readonly forged: boolean
}

/** What the domain's records look like. */
interface Layout {
  readonly next?: string
  readonly signed: readonly string[]
  readonly unsigned?: readonly string[]
  readonly forged?: boolean
}

const PLAIN: Layout = { signed: ['@ MX 10 mx.@', 'mx.@ A ^', '_#._tcp.mx.@ F'] }

/** Record sets by name. */
const RECORDS: Readonly<Record<string, readonly TlsaOf[]>> = {
  'no records': [],
  'key of the leaf': [[3, 1, 1, 'leaf']],
  'leaf by SHA-512': [[3, 0, 2, 'leaf']],
  'whole leaf': [[3, 0, 0, 'leaf']],
  'whole key of the leaf': [[3, 1, 0, 'leaf']],
  'another key': [[3, 1, 1, 'nothing']],
  'another key or the leaf': [
    [3, 1, 1, 'nothing'],
    [3, 1, 1, 'leaf'],
  ],
  'intermediate as anchor': [[2, 0, 1, 'intermediate']],
  'key of the intermediate as anchor': [[2, 1, 2, 'intermediate']],
  'root as anchor': [[2, 0, 1, 'root']],
  'whole root as anchor': [[2, 0, 0, 'root']],
  'whole key of the root as anchor': [[2, 1, 0, 'root']],
  'stranger as anchor': [[2, 1, 1, 'stranger']],
  'leaf as anchor': [[2, 0, 1, 'leaf']],
  'intermediate as end entity': [[3, 0, 1, 'intermediate']],
  'PKIX usages': [
    [1, 1, 1, 'leaf'],
    [0, 0, 1, 'intermediate'],
  ],
}
/** Sets that are tried on good hops only. */
const ODD_RECORDS: Readonly<Record<string, readonly TlsaOf[]>> = {
  'unknown usage': [[4, 1, 1, 'leaf']],
  'private usage': [[255, 1, 1, 'leaf']],
  'unknown selector': [[3, 2, 1, 'leaf']],
  'unknown matching type': [[3, 1, 3, 'leaf']],
  'short digest': [[3, 1, 1, 'short']],
  'short digest beside a good one': [
    [3, 1, 1, 'short'],
    [3, 1, 1, 'leaf'],
  ],
  'whole garbage': [[3, 0, 0, 'garbage']],
  'garbage as anchor': [[2, 0, 0, 'garbage']],
  'garbage beside a good one': [
    [2, 0, 0, 'garbage'],
    [3, 1, 1, 'leaf'],
  ],
  'strong digest wrong, weak one right': [
    [3, 1, 2, 'nothing'],
    [3, 1, 1, 'leaf'],
  ],
  'strong digest right, weak one wrong': [
    [3, 1, 2, 'leaf'],
    [3, 1, 1, 'nothing'],
  ],
  'strong digest of another selector wrong': [
    [3, 0, 2, 'nothing'],
    [3, 1, 1, 'leaf'],
  ],
  'strong digest of another usage wrong': [
    [2, 1, 2, 'nothing'],
    [3, 1, 1, 'leaf'],
  ],
  'unusable beside wrong': [
    [1, 1, 1, 'leaf'],
    [3, 1, 1, 'nothing'],
  ],
  'anchor wrong, end entity right': [
    [2, 0, 1, 'stranger'],
    [3, 1, 1, 'leaf'],
  ],
  'anchor right, end entity wrong': [
    [2, 0, 1, 'intermediate'],
    [3, 1, 1, 'nothing'],
  ],
}
const KINDS: readonly HopKindName[] = [
  'good',
  'issued by the root',
  'other name',
  'domain only',
  'host only',
  'wildcard',
  'expired',
  'not yet valid',
  'self-signed',
  'untrusted',
  'missing intermediate',
  'chain with strangers',
  'expired intermediate',
  'issued by a leaf',
  'for clients only',
  'no STARTTLS',
  'STARTTLS 454',
  'alert in the handshake',
]
const LEAF: readonly TlsaOf[] = [[3, 1, 1, 'leaf']]
const WRONG: readonly TlsaOf[] = [[3, 1, 1, 'nothing']]
const ANCHOR: readonly TlsaOf[] = [[2, 0, 1, 'intermediate']]

/** Ways in which a domain leads to its host. */
const LAYOUTS: Readonly<Record<string, Layout>> = {
  'a host in brackets': { ...PLAIN, next: '[mx.@.S]:#' },
  'no MX records': { signed: ['@ A ^', '_#._tcp.@ F'] },
  'a host of the unsigned zone': {
    signed: ['@ MX 10 mx.@.P.', '_#._tcp.mx.@ F'],
    unsigned: ['mx.@ A ^', '_#._tcp.mx.@ F'],
  },
  'MX records of the unsigned zone': {
    next: '@.P:#',
    signed: ['mx.@ A ^', '_#._tcp.mx.@ F'],
    unsigned: ['@ MX 10 mx.@.S.'],
  },
  'all in the unsigned zone': {
    next: '@.P:#',
    signed: [],
    unsigned: ['@ MX 10 mx.@', 'mx.@ A ^', '_#._tcp.mx.@ F'],
  },
  'the host is an alias, records at its target': {
    signed: ['@ MX 10 mx.@', 'mx.@ CNAME real.@', 'real.@ A ^', '_#._tcp.real.@ F'],
  },
  'the host is an alias, records at the alias': {
    signed: ['@ MX 10 mx.@', 'mx.@ CNAME real.@', 'real.@ A ^', '_#._tcp.mx.@ F'],
  },
  'the host is an alias into the unsigned zone': {
    signed: ['@ MX 10 mx.@', 'mx.@ CNAME real.@.P.', '_#._tcp.mx.@ F'],
    unsigned: ['real.@ A ^'],
  },
  'the domain is an alias': {
    signed: ['@ CNAME other.@', 'other.@ MX 10 mx.@', 'mx.@ A ^', '_#._tcp.mx.@ F'],
  },
  'the domain is an alias into the unsigned zone': {
    signed: ['@ CNAME other.@.P.', 'mx.@ A ^', '_#._tcp.mx.@ F'],
    unsigned: ['other.@ MX 10 mx.@.S.'],
  },
  'the records are an alias': {
    signed: ['@ MX 10 mx.@', 'mx.@ A ^', '_#._tcp.mx.@ CNAME tlsa.@', 'tlsa.@ F'],
  },
  'the records are an alias into the unsigned zone': {
    signed: ['@ MX 10 mx.@', 'mx.@ A ^', '_#._tcp.mx.@ CNAME tlsa.@.P.'],
    unsigned: ['tlsa.@ F'],
  },
  'the records are forged': { ...PLAIN, forged: true },
  'the records are at another port': { signed: ['@ MX 10 mx.@', 'mx.@ A ^', '_1._tcp.mx.@ F'] },
  'the zone of the host is not valid': { signed: ['@ MX 10 x.bogus.test.', '_#._tcp.mx.@ F'] },
  'one host does not exist': {
    signed: ['@ MX 5 nowhere.@', '@ MX 10 mx.@', 'mx.@ A ^', '_#._tcp.mx.@ F'],
  },
  'one host has wrong records': {
    signed: [
      '@ MX 5 bad.@',
      '@ MX 10 mx.@',
      'bad.@ A ^',
      `_#._tcp.bad.@ TLSA 3 1 1 ${'ab'.repeat(32)}`,
      'mx.@ A ^',
      '_#._tcp.mx.@ F',
    ],
  },
  'the domain takes no mail': { signed: ['@ MX 0 .'] },
  'the domain does not exist': { signed: [] },
  'the domain has no host': { signed: ['@ TXT nothing'] },
  'the host is of the other zone by name in capitals': {
    signed: ['@ MX 10 MX.@', 'mx.@ A ^', '_#._tcp.mx.@ F'],
  },
}

function cased(
  name: string,
  hop: HopKindName,
  policy: string,
  layout: Layout,
  tlsa: readonly TlsaOf[],
): DaneCase {
  const { next = '@.S:#', signed, unsigned = [], forged = false } = layout
  return { name: `${hop} | ${name} | ${policy}`, hop, next, policy, signed, unsigned, tlsa, forged }
}

const BOTH = ['dane', 'dane-only']

/** All cases. Names are unique. */
export const DANE_CASES: readonly DaneCase[] = [
  ...KINDS.flatMap((hop) =>
    Object.entries(RECORDS).flatMap(([name, tlsa]) =>
      // What the level adds is the same at every hop that has records.
      (name === 'no records' || hop === 'good' ? BOTH : ['dane']).map((policy) =>
        cased(name, hop, policy, PLAIN, tlsa),
      ),
    ),
  ),
  ...Object.entries(ODD_RECORDS).flatMap(([name, tlsa]) =>
    BOTH.flatMap((policy) =>
      (['good', 'no STARTTLS'] as const).map((hop) => cased(name, hop, policy, PLAIN, tlsa)),
    ),
  ),
  ...Object.entries(LAYOUTS).flatMap(([name, layout]) =>
    BOTH.flatMap((policy) => [
      cased(name, 'good', policy, layout, LEAF),
      cased(`${name}, wrong`, 'good', policy, layout, WRONG),
      cased(`${name}, anchor`, 'domain only', policy, layout, ANCHOR),
      cased(name, 'no STARTTLS', policy, layout, LEAF),
    ]),
  ),
  ...['may', 'encrypt', 'verify', 'dane protocols=TLSv1.3', 'dane ciphers=high', 'dane match=mx.@.S'].flatMap(
    (policy) => [
      cased('key of the leaf', 'good', policy, PLAIN, LEAF),
      cased('another key', 'good', policy, PLAIN, WRONG),
    ],
  ),
]
