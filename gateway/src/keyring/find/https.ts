/**
 * Looks certificates up on a web server: one address made from a template, answers of a bounded size, few redirects and only to
 * https. Connects to no address that is not public unless the operator named that host and said so. Knows no other protocol.
 */
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { isIP } from 'node:net'
import type { HostLookup } from '../../dns/hosts.ts'
import { mayConnect } from '../../dns/public-addresses.ts'
import { NOTHING, type Answer, type CertificateFinder } from './finder.ts'
import { LARGEST_ANSWER, readAnswer } from './read-answer.ts'

/** Where a web server is asked. */
export interface HttpsSource {
  /** With `{address}` in it. */
  readonly url: string
  /** The host of `url` itself may have an address that is not public. */
  readonly privateNetwork: boolean
}

/** What asking needs. */
export interface HttpsPorts {
  readonly hosts: HostLookup
  /** Anchors for web servers, PEM, asked for each time. */
  readonly anchors: () => readonly string[]
}

const MOST_REDIRECTS = 3
const HTTPS_PORT = 443
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
/** RFC 9110 15.5.5, 15.5.11 */
const NOT_THERE: ReadonlySet<number> = new Set([404, 410])

/** Makes a finder. */
export function createHttpsFinder(source: HttpsSource, ports: HttpsPorts): CertificateFinder {
  return { find: (address, signal) => ask(source, ports, address, signal) }
}

/** The address to ask for; what the mail address holds has no meaning in it. RFC 3986 2.1 */
export function urlFor(template: string, address: string): URL {
  // encodeURIComponent leaves some that have a meaning in RFC 3986 2.2.
  const encoded = encodeURIComponent(address).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return new URL(template.replaceAll('{address}', () => encoded))
}

async function ask(
  { url: template, privateNetwork }: HttpsSource,
  ports: HttpsPorts,
  address: string,
  signal: AbortSignal,
): Promise<Answer> {
  const first = urlFor(template, address)
  let url = first
  for (let redirects = 0; ; redirects++) {
    const answer = await get(url, ports, privateNetwork && url.host === first.host, signal)
    if ('body' in answer) return { ...readAnswer([answer.body]), associations: [] }
    if (answer.location === null) return NOTHING
    if (redirects === MOST_REDIRECTS) throw new Error('too many redirects')
    const next = URL.parse(answer.location, url.href)
    if (next?.protocol !== 'https:') throw new Error('a redirect to something that is not https')
    url = next
  }
}

/** A body, a redirect, or (location null) the word that there is nothing. */
type Heard = { readonly body: Buffer } | { readonly location: string | null }

async function get(
  url: URL,
  { hosts, anchors }: HttpsPorts,
  mayBePrivate: boolean,
  signal: AbortSignal,
): Promise<Heard> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const addresses = await hosts(host)
  signal.throwIfAborted()
  const target = mayBePrivate ? addresses[0] : addresses.find(mayConnect)
  if (target === undefined) throw new Error(`${host} has no public address`)
  const { promise, resolve, reject } = Promise.withResolvers<Heard>()
  const asked = request({
    ...{ host: target.address, port: target.port ?? (url.port === '' ? HTTPS_PORT : Number(url.port)) },
    ...{ path: `${url.pathname}${url.search}`, method: 'GET', agent: false },
    // RFC 6066 3: an address is no server name; the certificate must then be good for the address.
    servername: isIP(host) === 0 ? host : '',
    headers: {
      host: url.host,
      accept: 'application/pkix-cert, application/pkcs7-mime, application/x-pem-file, */*;q=0.1',
    },
    ca: [...anchors()],
    signal,
  })
  asked.once('error', reject)
  asked.once('response', (answer) => {
    const { statusCode = 0, headers } = answer
    if (NOT_THERE.has(statusCode)) resolve({ location: null })
    else if (REDIRECTS.has(statusCode) && headers.location !== undefined)
      resolve({ location: headers.location })
    else if (statusCode === 200) {
      collect(answer).then((body) => {
        resolve({ body })
      }, reject)
      return
    } else reject(new Error(`HTTP ${statusCode}`))
    asked.destroy()
  })
  asked.end()
  return promise
}

/** Octets of an answer. Rejects when they are too many. */
async function collect(answer: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of answer) {
    const octets = piece as Buffer
    size += octets.length
    if (size > LARGEST_ANSWER) throw new Error('the answer is too large')
    pieces.push(octets)
  }
  return Buffer.concat(pieces)
}
