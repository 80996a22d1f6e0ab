/**
 * An endpoint service for tests: a real HTTPS server on loopback whose answers a test sets.
 */
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { makeCa } from '../../../mail/inbound/testing/certificates.ts'

/** The authority that signed the service. */
export const SERVICE_CA = makeCa('Endpoint CA')
const IDENTITY = SERVICE_CA.issue('localhost', ['localhost'])

/** Ranges as the service gave them in 2026, with one more. */
export const NEWER_RANGES = [
  ...['198.41.0.0/16', '40.92.0.0/15', '40.107.0.0/16', '52.100.0.0/14', '104.47.0.0/17'],
  ...['2a01:111:f400::/48', '2a01:111:f403::/48'],
]

/** Endpoint sets: one of them is the one that counts. */
export function endpointSets(ranges: readonly string[]): object[] {
  return [
    {
      id: 1,
      serviceArea: 'Exchange',
      urls: ['outlook.office.com'],
      ips: ['13.107.6.152/31'],
      tcpPorts: '80,443',
    },
    { id: 8, serviceArea: 'Exchange', urls: ['*.outlook.com'], tcpPorts: '25,80,443' },
    { id: 10, serviceArea: 'Exchange', urls: ['*.mail.protection.outlook.com'], ips: ranges, tcpPorts: '25' },
    { id: 11, serviceArea: 'Skype', ips: ['13.107.64.0/18'], udpPorts: '3478' },
    { id: 12, serviceArea: 'SharePoint', ips: ['13.107.136.0/22'], tcpPorts: '25' },
  ]
}

/** What the service answers. */
export class TestService {
  version = '2026110200'
  ranges: readonly string[] = NEWER_RANGES
  /** Instead of the answers: a status with headers, a text, silence. */
  broken: { status?: number; headers?: Record<string, string>; text?: string; silent?: boolean } | null = null
  readonly asked: string[] = []
  readonly #server: Server

  constructor() {
    this.#server = createServer(
      { cert: IDENTITY.certificateChain, key: IDENTITY.privateKey },
      (request, response) => {
        const url = new URL(request.url ?? '/', 'https://localhost')
        this.asked.push(url.pathname)
        if (this.broken?.silent === true) return
        const isAsked = /^[0-9a-f-]{36}$/.test(url.searchParams.get('clientrequestid') ?? '')
        const answer =
          url.pathname === '/version'
            ? [
                { instance: 'China', latest: '2026120100' },
                { instance: 'Worldwide', latest: this.version },
              ]
            : endpointSets(this.ranges)
        response.writeHead(this.broken?.status ?? (isAsked ? 200 : 400), this.broken?.headers)
        response.end(this.broken?.text ?? JSON.stringify(answer))
      },
    )
  }

  /** Listens; resolves with the base address. */
  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `https://localhost:${(this.#server.address() as AddressInfo).port}`
  }

  /** Ends. */
  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}
