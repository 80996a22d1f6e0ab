/**
 * Hands a report to the web server that a domain names. Follows no redirect, connects to no address that is not public but for hosts of
 * the static table, and believes no certificate that is not good for the name.
 */
import { request } from 'node:https'
import type { HostLookup } from '../dns/hosts.ts'
import { mayConnect } from '../dns/public-addresses.ts'

/** What handing over needs. */
export interface WebPorts {
  readonly hosts: HostLookup
  /** Anchors for the web servers, PEM, asked for each time. */
  readonly anchors: () => readonly string[]
}

const TIMEOUT_MS = 10_000
const HTTPS_PORT = 443

/**
 * Posts a compressed report. RFC 8460 5.4
 * @param url - https
 * @throws Error when the server did not take it, or could not be asked
 */
export async function postReport(url: string, report: Buffer, { hosts, anchors }: WebPorts): Promise<void> {
  const { protocol, hostname: host, port, pathname, search } = new URL(url)
  if (protocol !== 'https:') throw new Error('not an https address')
  const target = (await hosts(host)).find(mayConnect)
  if (target === undefined) throw new Error(`${host} has no public address`)
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  const asked = request({
    ...{ host: target.address, port: target.port ?? (port === '' ? HTTPS_PORT : Number(port)) },
    ...{ path: `${pathname}${search}`, method: 'POST', servername: host, agent: false },
    headers: {
      host: port === '' ? host : `${host}:${port}`,
      'content-type': 'application/tlsrpt+gzip',
      'content-length': report.length,
    },
    ca: [...anchors()],
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  asked.once('error', reject)
  asked.once('response', ({ statusCode = 0 }) => {
    if (statusCode >= 200 && statusCode < 300) resolve(undefined)
    else reject(new Error(`HTTP ${statusCode}`))
    // What else it says is of no use.
    asked.destroy()
  })
  asked.end(report)
  await promise
}
