/**
 * A next hop that is the simulator of Exchange Online, whose SMTP was written without looking at ours: it takes mail by the gateway's
 * certificate, runs it through its transport and passes it on to the collector. What it delivers to a mailbox of its own stands there too.
 */
import { startExchange, type IssuedCertificate } from '@siegel/exo-sim'
import type { Collector } from './collector.ts'

/** A running hop. */
export interface ExchangeHop {
  readonly port: number
  close(): Promise<void>
}

/** Starts it with one tenant and its connector. */
export async function startExchangeHop(options: {
  readonly server: IssuedCertificate
  readonly client: IssuedCertificate
  readonly anchors: string
  readonly collector: Collector
  readonly tenant: { readonly id: string; readonly domain: string; readonly gateway: string }
}): Promise<ExchangeHop> {
  const { collector, tenant } = options
  const exchange = await startExchange({
    tenants: [
      {
        id: tenant.id,
        moera: 'peers.onmicrosoft.com',
        acceptedDomains: [tenant.domain, tenant.gateway],
        inboundConnectors: [
          {
            name: 'From gateway',
            connectorType: 'OnPremises',
            tlsSenderCertificateName: tenant.gateway,
            cloudServicesMailEnabled: true,
          },
        ],
      },
    ],
    server: options.server,
    client: options.client,
    ca: options.anchors,
    internet: { host: '127.0.0.1', port: collector.port },
    retryDelay: 500,
  })
  exchange.setFaults({
    overrides: [
      { at: 'RCPT', match: 'nobody@', reply: '550 5.1.1 no such user here' },
      { at: 'RCPT', match: 'later@', reply: '451 4.2.1 come again' },
    ],
  })
  const end = exchange.on((event) => {
    if (event.type !== 'delivered') return
    const stored = exchange.mailbox(event.recipient).at(-1)
    if (stored === undefined) return
    collector.add({
      mail: `MAIL FROM:<${stored.sender}>`,
      rcpt: [`RCPT TO:<${stored.recipient}>`],
      content: stored.message.raw,
    })
  })
  return {
    port: exchange.address.port,
    close: () => {
      end()
      return exchange.close()
    },
  }
}
