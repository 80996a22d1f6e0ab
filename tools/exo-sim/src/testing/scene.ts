// The scene of the simulator's own tests: certificates, two tenants, the world, and a stand-in for a gateway.
// Only tests import it.
import { issue, makeAuthority } from '../certificates.ts'
import type { ExchangeConfig, TenantConfig, WorldConfig } from '../config.ts'
import { startExchange } from '../exchange.ts'
import type { Exchange } from '../exchange.ts'
import { startWorld } from '../world.ts'
import type { World } from '../world.ts'

/** Root that everybody trusts here. */
export const root = makeAuthority({ commonName: 'Scene Root' })
/** Certificate of the front end. */
const serverCredentials = issue(root, {
  commonName: 'mail.protection.outlook.com',
  dnsNames: ['mail.protection.outlook.com', '*.mail.protection.outlook.com'],
})
/** Client certificate of the outbound leg. */
const clientCredentials = issue(root, { commonName: 'mail.protection.outlook.com' })
/** Certificate of the gateway of contoso, for server and client. */
export const gatewayCredentials = issue(root, { commonName: 'gw.contoso.com' })
/** Certificate of the world. */
export const worldCredentials = issue(root, { commonName: 'mx.world.example' })

/** Tenant ids. */
export const CONTOSO = '11111111-1111-4111-8111-111111111111'
const FABRIKAM = '22222222-2222-4222-8222-222222222222'

/** A tenant with both connectors to its gateway and no rules. */
export function contoso(change: Partial<TenantConfig> = {}): TenantConfig {
  return {
    id: CONTOSO,
    moera: 'contoso.onmicrosoft.com',
    acceptedDomains: ['contoso.com', 'gw.contoso.com'],
    inboundConnectors: [
      {
        name: 'From gateway',
        connectorType: 'OnPremises',
        tlsSenderCertificateName: 'gw.contoso.com',
        cloudServicesMailEnabled: true,
      },
    ],
    outboundConnectors: [
      {
        name: 'To gateway',
        smartHost: 'gw.contoso.com',
        tlsSettings: 'DomainValidation',
        tlsDomain: 'gw.contoso.com',
        isTransportRuleScoped: true,
        cloudServicesMailEnabled: true,
      },
    ],
    ...change,
  }
}

/** Another tenant of the same forest, without connectors. */
export function fabrikam(change: Partial<TenantConfig> = {}): TenantConfig {
  return { id: FABRIKAM, moera: 'fabrikam.onmicrosoft.com', acceptedDomains: ['fabrikam.com'], ...change }
}

/** What runs in a scene. */
export interface Scene extends AsyncDisposable {
  exchange: Exchange
  /** The Internet. */
  world: World
  /** A server at gw.contoso.com that only receives; it sends back with the gateway's client certificate. */
  gateway: World
}

/** Starts a scene. */
export async function startScene(
  change: Partial<ExchangeConfig> = {},
  gatewayChange: Partial<WorldConfig> = {},
): Promise<Scene> {
  const world = await startWorld({ server: worldCredentials, ca: root.root })
  const gateway = await startWorld({
    hostname: 'gw.contoso.com',
    server: gatewayCredentials,
    client: gatewayCredentials,
    ca: root.root,
    ...gatewayChange,
  })
  const exchange = await startExchange({
    tenants: [contoso(), fabrikam()],
    server: serverCredentials,
    client: clientCredentials,
    ca: root.root,
    hosts: { 'gw.contoso.com': gateway.address },
    internet: world.address,
    retryDelay: 50,
    ...change,
  })
  world.setExchange(exchange.address)
  gateway.setExchange(exchange.address)
  const close = async (): Promise<void> => {
    await Promise.all([exchange.close(), world.close(), gateway.close()])
  }
  return { exchange, world, gateway, [Symbol.asyncDispose]: close }
}

/** Sends back to Exchange what the gateway has received, below a Received line of its own, as a gateway does. */
export async function returnToExchange(scene: Scene, number: number): Promise<string> {
  const mail = await scene.gateway.waitFor((message) => message.number === number)
  const received = `Received: from outbound.protection.outlook.com by gw.contoso.com with ESMTPS id x${number}\r\n`
  const result = await scene.gateway.send({
    from: mail.envelope.sender,
    to: mail.envelope.recipients,
    raw: Buffer.concat([Buffer.from(received), mail.raw]),
  })
  return result.reply
}
