/**
 * The scene: one gateway with a tenant for every next hop, an Exim, a Postfix, a Node smtp-server and the simulator of Exchange Online
 * as these next hops, the first two also as clients, and one collector behind all of them. The sender's domain says which hop a mail takes.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { issue, makeAuthority, type Authority, type IssuedCertificate } from '@siegel/exo-sim'
import { makePerson } from '../stage/certificates.ts'
import { StageGateway, type StageObject } from '../stage/gateway.ts'
import { freePort } from '../stage/ports.ts'
import { Collector } from './collector.ts'
import { startExchangeHop } from './exchange-hop.ts'
import { startExim } from './exim.ts'
import type { ForeignServer } from './foreign-server.ts'
import { startNodeHop, type NodeHop } from './node-hop.ts'
import { startPostfix } from './postfix.ts'

/** The foreign next hops, and the tenants that send through them. */
export const HOPS = ['exim', 'postfix', 'node'] as const
/** These and the simulator, which adds fields of its own and takes bounces into its mailboxes. */
export const ALL_HOPS = [...HOPS, 'exchange'] as const
/** A next hop. */
export type HopName = (typeof ALL_HOPS)[number]

/** The name under which every client reaches the gateway. */
export const GATEWAY_HOST = 'gw.peers.example'
/** Octets of a mail that Exim and Postfix take as next hops. */
export const HOP_SIZE_LIMIT = 400_000
/** Octets of a mail that the gateway takes. */
export const GATEWAY_SIZE_LIMIT = 1_000_000

/** Microsoft's id of the tenant of a hop. */
const tenantIdOf = (hop: HopName): string => `00000000-0000-4000-8000-00000000000${ALL_HOPS.indexOf(hop) + 1}`

/** The header line by which Exchange Online names the tenant. */
export const tenantHeader = (hop: HopName): string => `X-MS-Exchange-CrossTenant-Id: ${tenantIdOf(hop)}\r\n`

/** The address inside the tenant of a hop whose mail is not signed. */
export const aliceOf = (hop: HopName): string => `alice@${hop}.example`
/** The address inside the tenant of a hop whose mail is signed. */
export const signerOf = (hop: HopName): string => `signer@${hop}.example`

/** Everything that runs. */
export interface Scene {
  readonly gateway: StageGateway
  readonly collector: Collector
  readonly exim: ForeignServer
  readonly postfix: ForeignServer
  readonly node: NodeHop
  /** Exchange Online's certificate as a client. */
  readonly client: IssuedCertificate
  /** PEM that verifies the gateway. */
  readonly anchors: string
  /** PEM that verifies signed mail. */
  readonly mailAnchor: string
  close(): Promise<void>
}

function objects(authority: Authority, mailAuthority: Authority): StageObject[] {
  const { cert, key: serverKey } = issue(authority, { commonName: GATEWAY_HOST, keyType: 'rsa2048' })
  return [
    { kind: 'ServerCertificate', name: 'gateway', spec: { chain: cert, key: serverKey } },
    { kind: 'TlsAnchor', name: 'test', spec: { certificate: authority.root } },
    { kind: 'AddressRange', name: 'loopback', spec: { cidrs: ['127.0.0.0/8'] } },
    ...ALL_HOPS.flatMap((hop): StageObject[] => {
      const { certificate, key } = makePerson(mailAuthority, signerOf(hop))
      const own = issue(authority, { commonName: `gw.${hop}.example`, keyType: 'rsa2048' })
      return [
        {
          kind: 'Tenant',
          name: hop,
          spec: {
            microsoftTenantId: tenantIdOf(hop),
            acceptedDomains: [`${hop}.example`, `gw.${hop}.example`],
            fqdn: `gw.${hop}.example`,
            preset: 'as-documented',
            route: `[${hop}.mail.protection.outlook.com]:25`,
            clientCertificate: { chain: own.cert, key: own.key },
            postmaster: `postmaster@${hop}.example`,
          },
        },
        { kind: 'Credential', tenant: hop, name: 'signer', spec: { certificate, key } },
        { kind: 'MailAnchor', tenant: hop, name: 'test', spec: { certificate: mailAuthority.root } },
      ]
    }),
  ]
}

/** Starts everything. */
export async function openScene(): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'siegel-smtp-peers-'))
  const authority = makeAuthority({ commonName: 'Peers TLS Authority', keyType: 'rsa2048' })
  const mailAuthority = makeAuthority({ commonName: 'Peers Mail Authority', keyType: 'rsa2048' })
  const exchange = { commonName: 'mail.protection.outlook.com', keyType: 'rsa2048' } as const
  const client = issue(authority, exchange)
  const server = issue(authority, {
    ...exchange,
    dnsNames: ['mail.protection.outlook.com', '*.mail.protection.outlook.com'],
  })
  const closing: (() => Promise<void> | void)[] = [
    () => {
      rmSync(folder, { recursive: true, force: true })
    },
  ]
  const close = async () => {
    for (const end of closing.reverse()) await end()
  }
  try {
    const collector = await Collector.start()
    closing.push(() => collector.close())
    const port = await freePort()
    const options = {
      gateway: { host: GATEWAY_HOST, port },
      collectorPort: collector.port,
      anchors: authority.root,
      server,
      client,
      sizeLimit: HOP_SIZE_LIMIT,
    }
    const exim = await startExim(options)
    closing.push(() => exim.close())
    const postfix = await startPostfix(options)
    closing.push(() => postfix.close())
    const node = await startNodeHop({ server, anchors: authority.root, collector, sizeLimit: HOP_SIZE_LIMIT })
    closing.push(() => node.close())
    const exchangeHop = await startExchangeHop({
      ...{ server, client, collector, anchors: authority.root },
      tenant: { id: tenantIdOf('exchange'), domain: 'exchange.example', gateway: 'gw.exchange.example' },
    })
    closing.push(() => exchangeHop.close())
    const ports = {
      exim: exim.hopPort,
      postfix: postfix.hopPort,
      node: node.port,
      exchange: exchangeHop.port,
    }
    const gateway = new StageGateway({
      folder,
      fqdn: GATEWAY_HOST,
      port,
      hosts: Object.fromEntries(
        ALL_HOPS.map((hop) => [`${hop}.mail.protection.outlook.com`, `127.0.0.1:${ports[hop]}`]),
      ),
      settings: {
        limits: { messageSize: GATEWAY_SIZE_LIMIT },
        queue: { retryFirst: '500ms', retryLongest: '1s' },
      },
    })
    gateway.apply(objects(authority, mailAuthority))
    await gateway.start()
    closing.push(() => gateway.end('SIGTERM'))
    const { root: anchors } = authority
    return { gateway, collector, exim, postfix, node, client, anchors, mailAnchor: mailAuthority.root, close }
  } catch (error) {
    await close()
    throw error
  }
}
