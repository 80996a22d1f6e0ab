/**
 * The answers to an authority's challenges: a small HTTP listener for HTTP-01, and DNS records for DNS-01, written by the
 * administrator's command or by hand and waited for by look-up. Answers nothing else and runs nothing else.
 */
import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { base64url } from './jose.ts'

const PATH = '/.well-known/acme-challenge/'
/** Tokens that are answered at once. */
const MOST_TOKENS = 1000
const MOST_CONNECTIONS = 100
const TIMEOUT_MS = 10_000

/** RFC 8555 8.1: base64url; anything else is no token and might be a path. */
export function isToken(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,512}$/.test(text)
}

/** Answers HTTP-01. RFC 8555 8.3 */
export class HttpResponder {
  readonly #answers = new Map<string, string>()
  readonly #servers: Server[] = []

  /** Begins to listen on all the addresses. Rejects when one cannot be had. */
  async listen(addresses: readonly { readonly address: string; readonly port: number }[]): Promise<void> {
    for (const { address, port } of addresses) {
      const server = createServer(
        { requestTimeout: TIMEOUT_MS, headersTimeout: TIMEOUT_MS, maxHeaderSize: 8192 },
        (request, response) => {
          const [path = ''] = (request.url ?? '').split('?')
          const answer = path.startsWith(PATH) ? this.#answers.get(path.slice(PATH.length)) : undefined
          const known = answer !== undefined && (request.method === 'GET' || request.method === 'HEAD')
          const text = known ? answer : 'not found\n'
          // Nothing but the answer: who else looks learns nothing of the product.
          response.writeHead(known ? 200 : 404, {
            'Content-Type': known ? 'application/octet-stream' : 'text/plain',
            'Content-Length': Buffer.byteLength(text),
            Connection: 'close',
          })
          response.end(text)
        },
      )
      server.maxConnections = MOST_CONNECTIONS
      server.setTimeout(TIMEOUT_MS)
      const { promise, resolve, reject } = Promise.withResolvers<undefined>()
      server.once('error', reject)
      server.listen({ host: address, port }, () => {
        server.off('error', reject)
        resolve(undefined)
      })
      await promise
      this.#servers.push(server)
    }
  }

  /** Where it listens. */
  get addresses(): readonly { readonly address: string; readonly port: number }[] {
    return this.#servers.map((server) => server.address() as AddressInfo)
  }

  /** Answers a token from now on. */
  set(token: string, answer: string): void {
    if (this.#answers.size >= MOST_TOKENS) this.#answers.clear()
    this.#answers.set(token, answer)
  }

  /** Ends answering a token. */
  clear(token: string): void {
    this.#answers.delete(token)
  }

  /** Ends listening. */
  async close(): Promise<void> {
    await Promise.all(
      this.#servers.map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => {
              resolve()
            })
            server.closeAllConnections()
          }),
      ),
    )
  }
}

/** A TXT record that an authority wants to see. RFC 8555 8.4 */
export interface DnsRecord {
  /** `_acme-challenge.` and the host. */
  readonly name: string
  readonly value: string
}

/** The record that answers a challenge. RFC 8555 8.4 */
export function dnsRecord(domain: string, keyAuthorization: string): DnsRecord {
  return {
    name: `_acme-challenge.${domain}`,
    value: base64url(createHash('sha256').update(keyAuthorization).digest()),
  }
}

/** Looks whether a TXT record can be seen; CNAMEs are followed by the name server. */
export type TxtLookup = (record: DnsRecord) => Promise<boolean>

/**
 * Makes a look-up.
 * @param texts - the texts under a name, asked for afresh each time; may reject
 */
export function createTxtLookup(texts: (name: string) => Promise<readonly string[]>): TxtLookup {
  return async ({ name, value }) => {
    try {
      return (await texts(name)).includes(value)
    } catch {
      // Not there, or nobody could say: both mean that it cannot be seen yet.
      return false
    }
  }
}
