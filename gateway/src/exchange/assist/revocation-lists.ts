/**
 * Whether the revocation list of a certificate can be had, as Exchange Online must have it to trust the certificate, and whether the
 * certificate is on it. Fetches by http only, bounded in size and time; for an operator's own certificates.
 */
import { crlStatus, distributionPointsOf, EngineError, parseCrl, type Certificate } from '@siegel/engine'
import { check, type Check } from './checks.ts'

const TIMEOUT = 10_000
const LARGEST = 16 * 1024 * 1024

/** Gives the octets of a URL; rejects when they cannot be had. */
export type Fetch = (url: string) => Promise<Buffer>

/** Fetches by http, at most 16 MiB in 10 s. */
export const fetchList: Fetch = async (url) => {
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT) })
  if (!response.ok || response.body === null) throw new Error(`HTTP ${response.status}`)
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of response.body as AsyncIterable<Uint8Array>) {
    size += part.length
    if (size > LARGEST) throw new Error('too large')
    parts.push(part)
  }
  return Buffer.concat(parts)
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const { cause } = error
  return cause instanceof Error && 'code' in cause ? String(cause.code) : error.message
}

/** RFC 5280 4.2.1.13: the addresses of the certificate's list by http. */
function addressesOf(certificate: Certificate): string[] {
  return distributionPointsOf(certificate)
    .flatMap(({ name }) => (name?.kind === 'full' ? name.names : []))
    .flatMap((name) => (name.kind === 'uri' && /^http:\/\//i.test(name.text) ? [name.text] : []))
}

async function oneList(
  which: string,
  url: string,
  leaf: Certificate,
  issuer: Certificate | undefined,
  get: Fetch,
  now: number,
): Promise<Check> {
  try {
    const crl = parseCrl(await get(url))
    if (crl.nextUpdate !== null && crl.nextUpdate < now)
      return check('bad', 'crl-unusable', { which, url, cause: 'out of date' })
    const { status } = crlStatus(leaf, {
      crls: [crl],
      at: now,
      allowWeak: true,
      signerOf: (one) =>
        issuer !== undefined && one.issuer.raw.equals(issuer.subject.raw) ? issuer : 'another issuer',
    })
    return status === 'revoked'
      ? check('bad', 'crl-revoked', { which, url })
      : check('good', 'crl-reached', { which, url })
  } catch (error) {
    const cause = error instanceof EngineError ? error.code : causeOf(error)
    return check('bad', 'crl-unusable', { which, url, cause })
  }
}

/**
 * Checks the lists of a certificate; one without a list by http has nothing to check.
 * @param sent - the chain, leaf first
 */
export async function revocationChecks(
  which: string,
  sent: readonly Certificate[],
  get: Fetch,
  now: number,
): Promise<Check[]> {
  const [leaf, issuer] = sent
  if (leaf === undefined) return []
  let urls: string[]
  try {
    urls = addressesOf(leaf).slice(0, 4)
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    return [check('bad', 'crl-unusable', { which, url: '-', cause: error.code })]
  }
  return Promise.all(urls.map((url) => oneList(which, url, leaf, issuer, get, now)))
}
