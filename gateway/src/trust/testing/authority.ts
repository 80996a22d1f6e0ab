/**
 * An authority for tests with a web server on loopback that gives its CRL, answers OCSP and hands out its certificate. The answers are
 * OpenSSL's or the engine's own CRLs, by what a test wants. For tests only.
 */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { issueCrl, type CrlReason, type Certificate, type Extension } from '@siegel/engine'
import { make, type Made } from '../../keyring/testing/credentials.ts'
import type { KeptSource, SourceStore } from '../ports.ts'

/** The name under which the server is known; it stands in the static table. */
export const WEB_HOST = 'pki.authority.example'

/** What is said at a path. */
export type Say = (body: Buffer) => Buffer | number | { readonly location: string } | Promise<Buffer>

/** A web server whose paths a test fills. */
export interface Web {
  readonly port: number
  readonly paths: Map<string, Say>
  /** Paths that were asked, in order. */
  readonly asked: string[]
  close(): Promise<void>
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
  return Buffer.concat(parts)
}

/** Starts a server on loopback. */
export async function startWeb(): Promise<Web> {
  const paths = new Map<string, Say>()
  const asked: string[] = []
  const server = createServer((request, response) => {
    void bodyOf(request).then(async (body) => {
      asked.push(request.url ?? '')
      const said = await paths.get(request.url ?? '')?.(body)
      if (said === undefined) response.writeHead(404).end()
      else if (typeof said === 'number') response.writeHead(said).end()
      else if ('location' in said) response.writeHead(302, { location: said.location }).end()
      else response.end(said)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.closeAllConnections()
      server.close(() => {
        resolve()
      })
    })
  return { port, paths, asked, close }
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const length = content.length < 128 ? [content.length] : [0x82, content.length >> 8, content.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}

/** The extension authorityInfoAccess. */
export function accessExtension(places: { readonly ocsp?: string; readonly issuer?: string }): Extension {
  const method = (last: number, url: string | undefined): Buffer[] =>
    url === undefined
      ? []
      : [der(0x30, Buffer.from([6, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, last]), der(0x86, Buffer.from(url)))]
  const value = der(0x30, ...method(1, places.ocsp), ...method(2, places.issuer))
  return { oid: '1.3.6.1.5.5.7.1.1', critical: false, value }
}

/** A person's certificate that points to the server. */
export function makePointing(
  issuer: Made,
  email: string,
  places: { readonly crl?: string; readonly ocsp?: string; readonly issuer?: string },
): Made {
  return make(email, issuer, {
    emails: [email],
    rsa: true,
    extensions: {
      ...(places.crl === undefined ? {} : { crlUrls: [places.crl] }),
      ...(places.ocsp === undefined && places.issuer === undefined
        ? {}
        : { other: [accessExtension(places)] }),
    },
  })
}

/** A CRL of an authority. */
export function crlOf(
  { key, certificate }: Made,
  revoked: readonly Certificate[],
  times: { readonly thisUpdate: number; readonly nextUpdate: number; readonly number?: bigint },
  reason: CrlReason = 'keyCompromise',
): Buffer {
  return issueCrl({
    issuer: { certificate, key },
    thisUpdate: times.thisUpdate,
    nextUpdate: times.nextUpdate,
    number: times.number ?? 1n,
    entries: revoked.map(({ serial }) => ({ serial, revocationDate: times.thisUpdate, reason })),
  })
}

/** A place for sources in memory; the real one is tested with the store. */
export class SourcesInMemory implements SourceStore {
  readonly rows = new Map<string, KeptSource & { usedAt: number }>()

  find(key: string, now: number): KeptSource | null {
    const row = this.rows.get(key)
    return row === undefined || row.expiresAt <= now ? null : row
  }

  fetchedAt(key: string): number | null {
    return this.rows.get(key)?.fetchedAt ?? null
  }

  due(time: number, usedSince: number): string[] {
    return [...this.rows.values()]
      .filter(({ refreshAt, usedAt }) => refreshAt < time && usedAt >= usedSince)
      .map(({ key }) => key)
  }

  keep(source: KeptSource): Promise<void> {
    this.rows.set(source.key, { ...source, usedAt: source.fetchedAt })
    return Promise.resolve()
  }

  touch(key: string, at: number): Promise<void> {
    const row = this.rows.get(key)
    if (row !== undefined) row.usedAt = at
    return Promise.resolve()
  }

  list() {
    return [...this.rows.values()].map((row) => ({ ...row, octets: row.content.length }))
  }
}
