/**
 * One bounded HTTPS exchange: octets, time and redirects (none) have limits. RFC 8555 6.1: nothing but https.
 */
import { request } from 'node:https'
import { AcmeFailure } from './failure.ts'

/** Largest answer in octets: a certificate chain has some thousand. */
const LARGEST_ANSWER = 256 * 1024
const TIMEOUT_MS = 30_000

/** An answer, whatever its status. */
export interface HttpsAnswer {
  readonly status: number
  header(name: string): string | null
  /** All values of a header that may repeat. */
  headers(name: string): readonly string[]
  readonly body: Buffer
}

/** What to ask. */
export interface HttpsQuestion {
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly url: string
  readonly body?: string
}

/** How exchanges are made. */
export interface HttpsOptions {
  /** PEM certificates that may vouch for the server. */
  readonly anchors: readonly string[]
  /** RFC 8555 6.1 wants one. */
  readonly userAgent: string
  readonly timeoutMs?: number
}

/**
 * Makes an exchange.
 * @throws AcmeFailure `unreachable`
 */
export function exchange(question: HttpsQuestion, options: HttpsOptions): Promise<HttpsAnswer> {
  const { method, url, body } = question
  const target = URL.parse(url)
  if (target?.protocol !== 'https:')
    return Promise.reject(new AcmeFailure('unreachable', `not an https address: ${url.slice(0, 200)}`))
  const { promise, resolve, reject } = Promise.withResolvers<HttpsAnswer>()
  const fail = (cause: string): void => {
    reject(new AcmeFailure('unreachable', `${target.host}: ${cause}`))
  }
  const signal = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS)
  const sent = request(
    target,
    {
      method,
      // Each exchange is its own connection: they are few, and nothing is left over.
      agent: false,
      ca: [...options.anchors],
      minVersion: 'TLSv1.2',
      signal,
      headers: {
        'User-Agent': options.userAgent,
        // RFC 8555 6.2
        ...(body === undefined
          ? {}
          : { 'Content-Type': 'application/jose+json', 'Content-Length': Buffer.byteLength(body) }),
      },
    },
    (response) => {
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length > LARGEST_ANSWER) {
          fail(`answers with more than ${LARGEST_ANSWER} octets`)
          sent.destroy()
        } else chunks.push(chunk)
      })
      response.on('end', () => {
        const all = (name: string): readonly string[] => response.headersDistinct[name.toLowerCase()] ?? []
        resolve({
          status: response.statusCode ?? 0,
          headers: all,
          header: (name) => all(name)[0] ?? null,
          body: Buffer.concat(chunks),
        })
      })
      response.on('error', (error) => {
        fail(error.message)
      })
    },
  )
  sent.on('error', (error: NodeJS.ErrnoException) => {
    fail(signal.aborted ? 'no answer in time' : (error.code ?? error.message))
  })
  sent.end(body)
  return promise
}
