/**
 * The kinds of next hops that TLS policies are tried on: certificates good and bad in every way, servers that refuse, break or
 * do not know TLS. For tests only. In the names of a certificate `@` stands for the case's own domain.
 */
import { authority, leaf, type Authority, type LeafOptions } from './certificates.ts'
import { OFFERS, type HopScript } from './hop.ts'

const DAY = 86_400_000
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'

/** The authorities of the hops. */
export interface Authorities {
  /** The one that is trusted. */
  readonly root: Authority
  readonly intermediate: Authority
  readonly stranger: Authority
  readonly agedIntermediate: Authority
  /** A leaf that issues. */
  readonly impostor: Authority
}

/** Makes the authorities. */
export function makeAuthorities(): Authorities {
  const root = authority('Root')
  const intermediate = authority('Intermediate', root)
  return {
    root,
    intermediate,
    stranger: authority('Stranger'),
    agedIntermediate: authority('Aged', root, { notAfter: Date.now() - DAY }),
    impostor: authority('Impostor', root, { ca: false }),
  }
}

/** What a kind's certificate has of its own; `address`: the hop's address as a name. */
type KindOptions = Partial<LeafOptions> & { readonly address?: boolean }

/** One kind of hop: its certificate for a domain and address, and how it behaves. */
export interface HopKind {
  readonly leaf: (authorities: Authorities) => KindOptions
  readonly script: Partial<HopScript>
}

const certified = (choose: (authorities: Authorities) => KindOptions): HopKind => ({
  leaf: choose,
  script: {},
})
const named = (...names: string[]): HopKind => certified(() => ({ names }))
const behaving = (script: Partial<HopScript>): HopKind => ({ leaf: () => ({}), script })

/** A hop that answers STARTTLS with this, and never makes a handshake. */
const refusing = (reply: string | null): HopKind =>
  behaving({ answer: (command) => (/^STARTTLS$/i.test(command) ? reply : undefined) })

/** A hop that promises TLS and answers the first octets of the handshake with these. */
const breaking = (octets: Buffer): HopKind =>
  behaving({
    answer: (command, connection) => {
      if (!/^STARTTLS$/i.test(command)) return undefined
      connection.socket.once('data', () => connection.socket.end(octets))
      return '220 go ahead\r\n'
    },
  })

/** All kinds by name. The good one has `mx.@` and `@` in its certificate, and presents its intermediate. */
export const HOP_KINDS = {
  good: certified(() => ({})),
  'issued by the root': certified(({ root }) => ({ issuer: root, intermediates: [] })),
  'names in capitals': named('MX.@'),
  'host only': named('mx.@'),
  'domain only': named('@'),
  wildcard: named('*.@'),
  'partial wildcard': named('m*.@'),
  'inner wildcard': named('mx.*.test'),
  'bare wildcard': named('*'),
  'wildcard for a top level': named('*.test'),
  'other name': named('other.test'),
  'sibling name': named('mx2.@'),
  'name below': named('a.mx.@'),
  'name with the domain in front': named('@.evil.test', 'mx.@.evil.test'),
  'many names': named(...Array.from({ length: 60 }, (_, i) => `n${i}.test`), 'mx.@'),
  'common name only': certified(() => ({ names: [], commonName: 'mx.@' })),
  'common name beside another name': certified(() => ({ names: ['other.test'], commonName: 'mx.@' })),
  'common name beside an address': certified(() => ({
    names: [],
    commonName: 'mx.@',
    extensions: { ipAddresses: ['192.0.2.1'] },
  })),
  'address only': certified(({ root }) => ({ names: [], address: true, issuer: root, intermediates: [] })),
  'wildcard common name': certified(() => ({ names: [], commonName: '*.@' })),
  expired: certified(() => ({ notBefore: Date.now() - 9 * DAY, notAfter: Date.now() - DAY })),
  'not yet valid': certified(() => ({ notBefore: Date.now() + DAY })),
  'self-signed': certified(() => ({ issuer: null, intermediates: [] })),
  untrusted: certified(({ stranger }) => ({ issuer: stranger, intermediates: [] })),
  'untrusted with its root': certified(({ stranger }) => ({
    issuer: stranger,
    intermediates: [stranger.pem],
  })),
  'missing intermediate': certified(() => ({ intermediates: [] })),
  'chain with strangers': certified(({ intermediate, stranger, root }) => ({
    intermediates: [stranger.pem, root.pem, intermediate.pem],
  })),
  'expired intermediate': certified(({ agedIntermediate }) => ({
    issuer: agedIntermediate,
    intermediates: [agedIntermediate.pem],
  })),
  'issued by a leaf': certified(({ impostor }) => ({ issuer: impostor, intermediates: [impostor.pem] })),
  'for clients only': certified(() => ({ extensions: { extendedKeyUsage: [CLIENT_AUTH] } })),
  'for servers only': certified(() => ({ extensions: { extendedKeyUsage: [SERVER_AUTH] } })),
  'for code signing': certified(() => ({ extensions: { extendedKeyUsage: ['1.3.6.1.5.5.7.3.3'] } })),
  'key agreement only': certified(() => ({ extensions: { keyUsage: ['keyAgreement'] } })),
  'no STARTTLS': behaving({ identity: null }),
  'STARTTLS 454': behaving({ identity: null, offers: [...OFFERS, 'STARTTLS'] }),
  'STARTTLS 502': refusing('502 5.5.1 no\r\n'),
  'STARTTLS 554': refusing('554 5.7.1 no\r\n'),
  'drops at STARTTLS': refusing(null),
  'closes in the handshake': breaking(Buffer.alloc(0)),
  'alert in the handshake': breaking(Buffer.from('15030300020228', 'hex')),
  'text in the handshake': breaking(Buffer.from('500 5.5.2 what?\r\n')),
  'HELO only': behaving({ answer: (command) => (/^EHLO/i.test(command) ? '502 5.5.1 no\r\n' : undefined) }),
  'TLS 1.0 only': behaving({ minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' }),
  'TLS 1.1 only': behaving({ minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }),
  'TLS 1.2 only': behaving({ maxVersion: 'TLSv1.2' }),
  'TLS 1.3 only': behaving({ minVersion: 'TLSv1.3' }),
  'CBC only': behaving({ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' }),
  'AES-GCM only': behaving({ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' }),
  'anonymous only': behaving({ maxVersion: 'TLSv1.2', ciphers: 'AECDH-AES256-SHA:@SECLEVEL=0' }),
  'no encryption only': behaving({ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0' }),
} as const satisfies Record<string, HopKind>

/** The name of a kind. */
export type HopKindName = keyof typeof HOP_KINDS

/** What a hop of a kind is started with. */
export function hopScript(
  kind: HopKindName,
  domain: string,
  address: string,
  authorities: Authorities,
): Partial<HopScript> {
  const { leaf: choose, script } = HOP_KINDS[kind]
  const put = (name: string) => name.replaceAll('@', domain)
  const { names = ['mx.@', '@'], commonName = 'hop', address: named = false, ...rest } = choose(authorities)
  const identity = leaf({
    issuer: authorities.intermediate,
    intermediates: [authorities.intermediate.pem],
    ...(named ? { extensions: { ipAddresses: [address] } } : {}),
    ...rest,
    names: names.map(put),
    commonName: put(commonName),
  })
  return { identity, ...script }
}
