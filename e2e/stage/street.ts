/**
 * A street: one gateway and one Exchange Online with many tenants, each with its own name, client certificate, connectors, rules,
 * keyring and trust, and the rest of the world. For scenarios about who must never meet whom.
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  asDocumentedRules,
  issue,
  recommendedRules,
  startExchange,
  startWorld,
  type Exchange,
  type IssuedCertificate,
  type TenantConfig,
  type World,
} from '@siegel/exo-sim'
import { makePerson, makeStageCertificates, type StageCertificates } from './certificates.ts'
import { StageGateway, type StageObject } from './gateway.ts'
import { makeSecrets, type Preset, type Secrets } from './objects.ts'
import { freePort } from './ports.ts'
import type { Person } from './stage.ts'

/** One tenant of the street. */
export interface House {
  /** Name of the tenant in the gateway. */
  readonly name: string
  /** Microsoft's tenant id. */
  readonly id: string
  readonly domain: string
  readonly moera: string
  readonly fqdn: string
  readonly endpoint: string
  readonly preset: Preset
  readonly tls: IssuedCertificate
  readonly secrets: Secrets
}

/** How a street differs from the usual one. */
export interface StreetOptions {
  /** Number of tenants. */
  readonly houses: number
  /** The preset of each; default: both in turn. */
  readonly preset?: Preset
  /** Further settings of siegel.yaml. */
  readonly settings?: object
  /** How often Exchange Online tries again, in milliseconds. */
  readonly retryDelay?: number
}

const CONNECTOR = 'To S/MIME gateway'

/** Everything on the street. */
export class Street {
  readonly folder: string
  readonly exchange: Exchange
  readonly world: World
  readonly gateway: StageGateway
  readonly certificates: StageCertificates
  readonly houses: readonly House[]
  readonly #objects: StageObject[]

  constructor(
    parts: Pick<Street, 'folder' | 'exchange' | 'world' | 'gateway' | 'certificates' | 'houses'>,
    objects: StageObject[],
  ) {
    this.folder = parts.folder
    this.exchange = parts.exchange
    this.world = parts.world
    this.gateway = parts.gateway
    this.certificates = parts.certificates
    this.houses = parts.houses
    this.#objects = objects
  }

  /** The n-th tenant. */
  house(at: number): House {
    const found = this.houses[at]
    if (found === undefined) throw new Error(`no house ${at}`)
    return found
  }

  /** Somebody with an e-mail certificate that nobody knows yet. */
  person(address: string): Person {
    return { address, certificate: makePerson(this.certificates.mail, address, 'p256') }
  }

  /** Gives a tenant the key of somebody inside. Takes effect with `applyObjects`. */
  giveKey(house: House, { address, certificate: { certificate, key } }: Person): void {
    this.#objects.push({
      kind: 'Credential',
      tenant: house.name,
      name: address.replaceAll(/[^a-z0-9]+/g, '-'),
      spec: { certificate, key },
    })
  }

  /** Tells a tenant the certificate of somebody outside. Takes effect with `applyObjects`. */
  giveCertificate(house: House, { address, certificate: { certificate } }: Person): void {
    this.#objects.push({
      kind: 'PartnerCertificate',
      tenant: house.name,
      name: address.replaceAll(/[^a-z0-9]+/g, '-'),
      spec: { certificate },
    })
  }

  /** Writes all objects into the gateway. */
  applyObjects(): void {
    this.gateway.apply(this.#objects)
  }

  /** Ends everything and removes the folder. */
  async close(): Promise<void> {
    await this.gateway.end('SIGTERM')
    await this.exchange.close()
    await this.world.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function secretField(house: House): string {
  return `X-${house.name}-Route`
}

function processedField(house: House): string {
  return `X-${house.name}-Processed`
}

/** What Exchange Online knows of a tenant. */
function tenantConfig(house: House): TenantConfig {
  const { secrets, fqdn } = house
  return {
    id: house.id,
    moera: house.moera,
    acceptedDomains: [house.domain, fqdn],
    inboundConnectors: [
      {
        name: 'From S/MIME gateway',
        connectorType: 'OnPremises',
        tlsSenderCertificateName: fqdn,
        cloudServicesMailEnabled: true,
      },
    ],
    outboundConnectors: [
      {
        name: CONNECTOR,
        smartHost: fqdn,
        tlsSettings: 'DomainValidation',
        tlsDomain: fqdn,
        cloudServicesMailEnabled: true,
        isTransportRuleScoped: true,
      },
    ],
    rules:
      house.preset === 'as-documented'
        ? asDocumentedRules({ gatewayFqdn: fqdn, connector: CONNECTOR })
        : recommendedRules({
            connector: CONNECTOR,
            secretHeader: secretField(house),
            outboundSecret: `out:${secrets.outbound}`,
            inboundSecret: `in:${secrets.inbound}`,
            processedHeader: processedField(house),
            processedWords: { outbound: [secrets.processedOutbound], inbound: [secrets.processedInbound] },
          }),
  }
}

/** What the gateway knows of a tenant. */
function objectsOf(house: House, certificates: StageCertificates): StageObject[] {
  const { name, secrets, tls } = house
  const identity = { chain: tls.cert, key: tls.key }
  const words =
    house.preset === 'as-documented'
      ? {}
      : {
          secretHeader: {
            name: secretField(house),
            outbound: [secrets.outbound],
            inbound: [secrets.inbound],
          },
          processedHeader: {
            name: processedField(house),
            outbound: [secrets.processedOutbound],
            inbound: [secrets.processedInbound],
          },
        }
  return [
    {
      kind: 'Tenant',
      name,
      spec: {
        microsoftTenantId: house.id,
        acceptedDomains: [house.domain, house.fqdn, house.moera],
        fqdn: house.fqdn,
        preset: house.preset,
        route: `[${house.endpoint}]:25`,
        clientCertificate: identity,
        postmaster: `postmaster@${house.domain}`,
        ...words,
      },
    },
    { kind: 'ServerCertificate', name, spec: identity },
    { kind: 'MailAnchor', tenant: name, name: 'street', spec: { certificate: certificates.mail.root } },
  ]
}

function makeHouses(options: StreetOptions, certificates: StageCertificates): House[] {
  return Array.from({ length: options.houses }, (_, at): House => {
    const name = `tenant${at}`
    const domain = `${name}.example`
    const fqdn = `smime-gw.${domain}`
    return {
      name,
      domain,
      fqdn,
      id: randomUUID(),
      moera: `${name}.onmicrosoft.com`,
      endpoint: `${name}-example.mail.protection.outlook.com`,
      preset: options.preset ?? (at % 2 === 0 ? 'as-documented' : 'recommended'),
      tls: issue(certificates.tls, { commonName: fqdn, dnsNames: [fqdn], keyType: 'rsa2048' }),
      secrets: makeSecrets(),
    }
  })
}

/** Opens a street: builds it, lets `people` move in, applies the objects and starts the gateway. */
export async function openStreet(
  options: StreetOptions,
  people: (street: Street) => void = () => undefined,
): Promise<Street> {
  const folder = mkdtempSync(join(tmpdir(), 'siegel-street-'))
  const certificates = makeStageCertificates('gateway.street.example')
  const houses = makeHouses(options, certificates)
  const port = await freePort()
  const world = await startWorld({
    server: certificates.world,
    ca: certificates.tls.root,
    acceptBareLf: true,
  })
  const exchange = await startExchange({
    tenants: houses.map(tenantConfig),
    server: certificates.exchangeServer,
    client: certificates.exchangeClient,
    ca: certificates.tls.root,
    hosts: Object.fromEntries(houses.map(({ fqdn }) => [fqdn, { host: '127.0.0.1', port }])),
    internet: world.address,
    retryDelay: options.retryDelay ?? 500,
    retention: { events: 200_000 },
  })
  world.setExchange(exchange.address)
  const gateway = new StageGateway({
    folder,
    fqdn: 'gateway.street.example',
    port,
    hosts: Object.fromEntries(houses.map(({ endpoint }) => [endpoint, `127.0.0.1:${exchange.address.port}`])),
    ...(options.settings === undefined ? {} : { settings: options.settings }),
  })
  const street = new Street({ folder, exchange, world, gateway, certificates, houses }, [
    { kind: 'TlsAnchor', name: 'street', spec: { certificate: certificates.tls.root } },
    { kind: 'AddressRange', name: 'loopback', spec: { cidrs: ['127.0.0.0/8'] } },
    ...houses.flatMap((house) => objectsOf(house, certificates)),
  ])
  try {
    people(street)
    street.applyObjects()
    await gateway.start()
    return street
  } catch (error) {
    await street.close()
    throw error
  }
}
