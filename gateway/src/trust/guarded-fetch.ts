/**
 * Fetches what a stranger's certificate points to: CRLs, OCSP answers, certificates of issuers. It goes to public addresses only, by
 * http, to the very address that was judged, bounded in size and time; each redirect is judged again. The static table `hosts` of
 * siegel.yaml is the list of exceptions, for authorities inside. Judges nothing of what it brings.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { HostLookupError, type HostAddress, type HostLookup } from '../dns/hosts.ts'
import { mayConnect } from '../dns/public-addresses.ts'

/** What to fetch. */
export interface GuardedRequest {
  readonly url: string
  /** Posted, if there is one. */
  readonly body?: { readonly bytes: Buffer; readonly type: string }
  /** The most octets of an answer that are taken. */
  readonly octets: number
}

/** Brings the octets of an answer. Rejects with FetchFailed. */
export type GuardedFetch = (request: GuardedRequest) => Promise<Buffer>

/** Why something was not fetched. */
export type FetchFault =
  | 'url-invalid'
  | 'url-not-http'
  | 'port-not-allowed'
  | 'address-not-public'
  | 'host-not-found'
  | 'redirects-too-many'
  | 'answer-too-large'
  | 'answer-not-ok'
  | 'no-answer'

/** Something was not fetched. Temporary for whoever waits for it: another mail asks again. */
export class FetchFailed extends Error {
  override readonly name = 'FetchFailed'
  readonly fault: FetchFault

  /**
   * @param fault - which rule or misfortune
   * @param message - for the operator
   */
  constructor(fault: FetchFault, message: string) {
    super(message)
    this.fault = fault
  }
}

/** What fetching is made from. */
export interface GuardedFetchOptions {
  /** The addresses of a host; those with a port of their own stand in the operator's static table and are allowed. */
  readonly hosts: HostLookup
  /** For one answer with all its redirects, in milliseconds. */
  readonly timeoutMs: number
}

const LONGEST_URL = 2048
const MAX_REDIRECTS = 3
const MAX_ADDRESSES = 3
const MAX_HEADER = 16 * 1024
const PORTS: ReadonlySet<number> = new Set([80, 443])
/** RFC 9110 15.4.8, 15.4.9: the method stays */
const SAME_METHOD: ReadonlySet<number> = new Set([307, 308])
/** RFC 9110 15.4.2 to 15.4.4 */
const AS_GET: ReadonlySet<number> = new Set([301, 302, 303])

interface Answer {
  readonly status: number
  readonly location: string | null
  readonly bytes: Buffer
}

/** Makes the fetcher. */
export function createGuardedFetch({ hosts, timeoutMs }: GuardedFetchOptions): GuardedFetch {
  return async (request) => {
    const signal = AbortSignal.timeout(timeoutMs)
    let url = readUrl(request.url, null)
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const targets = await within(signal, targetsOf(url, hosts))
      const answer = await askOne(targets, url, request, signal)
      const { status, location } = answer
      const redirects = SAME_METHOD.has(status) || (AS_GET.has(status) && request.body === undefined)
      if (!redirects || location === null) {
        if (status !== 200) throw new FetchFailed('answer-not-ok', `HTTP ${status}`)
        return answer.bytes
      }
      url = readUrl(location, url)
    }
    throw new FetchFailed('redirects-too-many', `more than ${MAX_REDIRECTS} redirects`)
  }
}

/** Numbers as hosts (decimal, octal, hexadecimal) become dotted addresses here, and are judged as such. */
function readUrl(text: string, base: URL | null): URL {
  if (text.length > LONGEST_URL) throw new FetchFailed('url-invalid', 'the address is too long')
  const url = URL.parse(text, base ?? undefined)
  if (url === null) throw new FetchFailed('url-invalid', 'no address')
  if (url.protocol !== 'http:') throw new FetchFailed('url-not-http', `${url.protocol} is not http:`)
  if (url.username !== '' || url.password !== '')
    throw new FetchFailed('url-invalid', 'an address with a name')
  return url
}

/** Where to connect to. One address inside is enough to refuse all of a host: such an answer is no honest one. */
async function targetsOf(url: URL, hosts: HostLookup): Promise<readonly { address: string; port: number }[]> {
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  let found: readonly HostAddress[]
  try {
    found = await hosts(host)
  } catch (error) {
    if (error instanceof HostLookupError) throw new FetchFailed('host-not-found', error.message)
    throw error
  }
  const asked = url.port === '' ? 80 : Number(url.port)
  return found.slice(0, MAX_ADDRESSES).map((one, index) => {
    if (index === 0 && !found.every(mayConnect))
      throw new FetchFailed('address-not-public', `${host} is not of the public Internet`)
    if (one.port === null && !PORTS.has(asked)) throw new FetchFailed('port-not-allowed', `port ${asked}`)
    return { address: one.address, port: one.port ?? asked }
  })
}

/** The first address that answers. */
async function askOne(
  targets: readonly { address: string; port: number }[],
  url: URL,
  request: GuardedRequest,
  signal: AbortSignal,
): Promise<Answer> {
  let failure = new FetchFailed('no-answer', 'no address')
  for (const target of targets)
    try {
      return await ask(target, url, request, signal)
    } catch (error) {
      if (!(error instanceof FetchFailed) || error.fault !== 'no-answer' || signal.aborted) throw error
      failure = error
    }
  throw failure
}

function ask(
  target: { address: string; port: number },
  url: URL,
  { body, octets }: GuardedRequest,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      reject(error instanceof FetchFailed ? error : new FetchFailed('no-answer', causeOf(error, signal)))
    }
    const outgoing = httpRequest({
      // An address, so that nothing is looked up again between judgement and connection.
      host: target.address,
      port: target.port,
      method: body === undefined ? 'GET' : 'POST',
      path: `${url.pathname}${url.search}`,
      headers: {
        host: url.host,
        'user-agent': 'siegel',
        connection: 'close',
        ...(body === undefined ? {} : { 'content-type': body.type, 'content-length': body.bytes.length }),
      },
      ...{ agent: false, setHost: false, signal, maxHeaderSize: MAX_HEADER },
    })
    outgoing.on('error', fail)
    outgoing.on('response', (response) => {
      take(response, octets).then(resolve, (error: unknown) => {
        outgoing.destroy()
        fail(error instanceof Error ? error : new Error('failed'))
      })
    })
    outgoing.end(body?.bytes)
  })
}

async function take(response: IncomingMessage, octets: number): Promise<Answer> {
  const status = response.statusCode ?? 0
  const location = response.headers.location ?? null
  const parts: Buffer[] = []
  let size = 0
  if (status !== 200) {
    response.destroy()
    return { status, location, bytes: Buffer.alloc(0) }
  }
  if ((response.headers['content-encoding'] ?? 'identity') !== 'identity')
    throw new FetchFailed('answer-not-ok', 'the answer is compressed')
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length
    if (size > octets) throw new FetchFailed('answer-too-large', `more than ${octets} octets`)
    parts.push(part)
  }
  return { status, location, bytes: Buffer.concat(parts) }
}

/** A look-up knows no signal: it goes on, and nobody waits for it. */
function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      reject(new FetchFailed('no-answer', 'no answer in time'))
    }
    if (signal.aborted) end()
    signal.addEventListener('abort', end, { once: true })
    work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', end)
    })
  })
}

function causeOf(error: Error, signal: AbortSignal): string {
  if (signal.aborted) return 'no answer in time'
  return 'code' in error && typeof error.code === 'string' ? error.code : 'the connection failed'
}
