/**
 * Asks Microsoft's endpoint service over HTTPS: the newest version, and the endpoint sets. Bounded in size and time; the
 * certificate is verified, a redirect is an error. It reads JSON and believes nothing of it: the range list decides.
 */
import { randomUUID } from 'node:crypto'
import { request } from 'node:https'
import { rootCertificates } from 'node:tls'

/** The service as the refresher needs it. */
export interface EndpointService {
  /** The answer of `/version`. Rejects with EndpointServiceError. */
  version(): Promise<unknown>
  /** The answer of `/endpoints/Worldwide`. Rejects with EndpointServiceError. */
  endpoints(): Promise<unknown>
}

/** The service could not be asked. Temporary. */
export class EndpointServiceError extends Error {
  override readonly name = 'EndpointServiceError'
}

/** How the service is reached. */
export interface EndpointServiceOptions {
  /** `https://endpoints.office.com`, or a mirror of it. */
  readonly base: string
  /** Anchors beside the runtime's own, PEM. */
  readonly anchors: () => readonly string[]
  /** For one answer as a whole, in milliseconds. */
  readonly timeoutMs?: number
}

const TIMEOUT_MS = 30_000
/** The whole answer has about 100 KB. */
const LARGEST = 4 * 1_048_576

/** Makes the client. The id of the client is new with every process. */
export function createEndpointService(options: EndpointServiceOptions): EndpointService {
  const id = randomUUID()
  const ask = (path: string): Promise<unknown> => {
    const url = new URL(path, options.base)
    url.searchParams.set('clientrequestid', id)
    return getJson(url, options)
  }
  return { version: () => ask('/version'), endpoints: () => ask('/endpoints/Worldwide') }
}

async function getJson(
  url: URL,
  { anchors, timeoutMs = TIMEOUT_MS }: EndpointServiceOptions,
): Promise<unknown> {
  if (url.protocol !== 'https:') throw new EndpointServiceError(`${url.origin} is not an https address`)
  try {
    const text = await get(url, [...rootCertificates, ...anchors()], AbortSignal.timeout(timeoutMs))
    return JSON.parse(text) as unknown
  } catch (error) {
    if (error instanceof EndpointServiceError) throw error
    if (error instanceof SyntaxError) throw new EndpointServiceError('the answer is not JSON')
    const isLate = error instanceof Error && error.name === 'AbortError'
    const code = isLate ? `no answer in ${timeoutMs} ms` : codeOf(error)
    throw new EndpointServiceError(`${url.host}: ${code}`, { cause: error })
  }
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}

function get(url: URL, ca: readonly string[], signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const outgoing = request(
    url,
    { ca: [...ca], agent: false, minVersion: 'TLSv1.2', signal, headers: { accept: 'application/json' } },
    (response) => {
      const parts: Buffer[] = []
      let size = 0
      if (response.statusCode !== 200) {
        response.destroy()
        reject(new EndpointServiceError(`${url.host}: HTTP ${response.statusCode ?? 0}`))
        return
      }
      response.on('data', (part: Buffer) => {
        size += part.length
        if (size <= LARGEST) parts.push(part)
        else {
          reject(new EndpointServiceError(`${url.host}: the answer is too large`))
          response.destroy()
        }
      })
      response.on('error', reject)
      response.on('aborted', () => {
        reject(new EndpointServiceError(`${url.host}: the answer was cut off`))
      })
      response.on('end', () => {
        resolve(Buffer.concat(parts).toString('utf8'))
      })
    },
  )
  outgoing.on('error', reject)
  outgoing.end()
  return promise
}
