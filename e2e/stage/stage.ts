/**
 * The stage: Exchange Online (simulated), the gateway (real), the rest of the world (simulated), wired on loopback with
 * certificates made for this run. Scenarios and the demo play on it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  startExchange,
  startWorld,
  type AuthenticationConfig,
  type Exchange,
  type InboundConnector,
  type IssuedCertificate,
  type KeyType,
  type World,
} from '@siegel/exo-sim'
import { makePerson, makeStageCertificates, type StageCertificates } from './certificates.ts'
import { StageGateway, type CommandResult, type StageObject } from './gateway.ts'
import {
  baseObjects,
  CONTOSO,
  credentialObject,
  makeSecrets,
  outboundSecretField,
  partnerObject,
  rules,
  tlsPolicyMap,
  type Preset,
  type Secrets,
} from './objects.ts'
import { freePort } from './ports.ts'

/** How a stage differs from the usual one. */
export interface StageOptions {
  /** Default `as-documented`: the two rules of the how-to. */
  readonly preset?: Preset
  /** Exchange does not know the gateway: what comes back is judged as mail of a stranger. */
  readonly withoutInboundConnector?: boolean
  /** Leave the loop exceptions out of the rules. */
  readonly withoutExceptions?: boolean
  /** Text of the TLS policy map; null for none. Default: the seed's line. */
  readonly tlsPolicy?: string | null
  /** Further settings of siegel.yaml. */
  readonly settings?: object
  /** Further entries of its static table of hosts. */
  readonly hosts?: Readonly<Record<string, string>>
  readonly environment?: Readonly<Record<string, string>>
  /** Exchange judges, signs and seals, with this DNS and these keys. */
  readonly authentication?: AuthenticationConfig
  /** Domains whose ARC seals the tenant trusts. */
  readonly trustedSealers?: string[]
  /** Further settings of the Tenant object. */
  readonly tenantSpec?: object
  /** How often the simulator tries again, in milliseconds. */
  readonly retryDelay?: number
  /** How long PowerShell's changes take to be in force in the simulator, in milliseconds. */
  readonly propagationDelay?: number
  /** Ranges from which the gateway takes connections. Default: loopback, all of it. */
  readonly addressRanges?: readonly string[]
  /** Where the world sends from. Default 127.0.0.1, like everybody. */
  readonly worldAddress?: string
}

/** A person with an e-mail certificate. */
export interface Person {
  readonly address: string
  readonly certificate: IssuedCertificate
}

/** Everything on the stage. */
export class Stage {
  readonly folder: string
  readonly exchange: Exchange
  readonly world: World
  readonly gateway: StageGateway
  readonly certificates: StageCertificates
  readonly options: StageOptions
  readonly #secrets: Secrets
  readonly #objects: StageObject[] = []

  constructor(
    parts: Pick<Stage, 'folder' | 'exchange' | 'world' | 'gateway' | 'certificates' | 'options'>,
    secrets: Secrets,
  ) {
    this.folder = parts.folder
    this.exchange = parts.exchange
    this.world = parts.world
    this.gateway = parts.gateway
    this.certificates = parts.certificates
    this.options = parts.options
    this.#secrets = secrets
    this.#objects.push(...baseObjects(this.certificates, secrets, this.options))
  }

  /** The secret header field that the tenant's outbound rule stamps, with its line end; only with preset `recommended`. */
  get outboundSecret(): string {
    return outboundSecretField(this.#secrets)
  }

  /** Gives a person inside the tenant a key in the gateway's keyring. Takes effect with `applyObjects`. */
  addEmployee(address: string, keyType: KeyType = 'rsa2048'): Person {
    const certificate = makePerson(this.certificates.mail, address, keyType)
    this.#objects.push(credentialObject(address, certificate))
    return { address, certificate }
  }

  /** Makes somebody outside whose certificate the gateway knows. Takes effect with `applyObjects`. */
  addPartner(address: string, keyType: KeyType = 'rsa2048'): Person {
    const certificate = makePerson(this.certificates.mail, address, keyType)
    this.#objects.push(partnerObject(address, certificate))
    return { address, certificate }
  }

  /** Somebody outside whose certificate the gateway does not know. */
  stranger(address: string, keyType: KeyType = 'rsa2048'): Person {
    return { address, certificate: makePerson(this.certificates.mail, address, keyType) }
  }

  /** Adds an object of any kind. Takes effect with `applyObjects`. */
  addObject(object: StageObject): void {
    this.#objects.push(object)
  }

  /** Writes all objects into the gateway while it runs; resolves when it works by them. */
  async changeObjects(): Promise<void> {
    await this.gateway.change(this.#objects)
  }

  /** Writes all objects into the gateway. */
  applyObjects(): void {
    this.gateway.apply(this.#objects)
  }

  /** Replaces the TLS policy map; null removes it. Gives what the command said of it. */
  async setTlsPolicy(text: string | null): Promise<CommandResult> {
    const others = this.#objects.filter((object) => object.kind !== 'Map')
    this.#objects.splice(0, this.#objects.length, ...others, ...(text === null ? [] : [tlsPolicyMap(text)]))
    return this.gateway.change(this.#objects, ['--prune'])
  }

  /** Applies the tenant with other settings for now; without any, as it was. */
  async changeTenant(settings: object = {}): Promise<void> {
    await this.gateway.change(
      this.#objects
        .filter((object) => object.kind === 'Tenant')
        .map((object) => ({ ...object, spec: { ...object.spec, ...settings } })),
    )
  }

  /** The tenant's rules, with or without their loop exceptions. */
  setRules(withExceptions: boolean): void {
    this.exchange.setRules(
      CONTOSO.id,
      rules(this.options.preset ?? 'as-documented', this.#secrets, withExceptions),
    )
  }

  /** Ends everything and removes the folder. */
  async close(): Promise<void> {
    await this.gateway.end('SIGTERM')
    await this.exchange.close()
    await this.world.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

const INBOUND_CONNECTOR: InboundConnector = {
  name: 'From S/MIME gateway',
  connectorType: 'OnPremises',
  tlsSenderCertificateName: CONTOSO.fqdn,
  cloudServicesMailEnabled: true,
}

/** Builds the stage; the gateway is not started and has no objects yet: call `open`. */
async function build(options: StageOptions): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'siegel-stage-'))
  const certificates = makeStageCertificates(CONTOSO.fqdn)
  const port = await freePort()
  const secrets = makeSecrets()
  const world = await startWorld({
    server: certificates.world,
    ca: certificates.tls.root,
    acceptBareLf: true,
    ...(options.worldAddress === undefined ? {} : { sendFrom: options.worldAddress }),
  })
  const exchange = await startExchange({
    tenants: [
      {
        id: CONTOSO.id,
        moera: CONTOSO.moera,
        acceptedDomains: [CONTOSO.domain, CONTOSO.fqdn],
        inboundConnectors: options.withoutInboundConnector === true ? [] : [INBOUND_CONNECTOR],
        outboundConnectors: [
          {
            name: CONTOSO.connector,
            smartHost: CONTOSO.fqdn,
            tlsSettings: 'DomainValidation',
            tlsDomain: CONTOSO.fqdn,
            cloudServicesMailEnabled: true,
            isTransportRuleScoped: true,
          },
        ],
        rules: rules(options.preset ?? 'as-documented', secrets, options.withoutExceptions !== true),
        ...(options.trustedSealers === undefined
          ? {}
          : { organization: { arcTrustedSealers: options.trustedSealers } }),
      },
    ],
    ...(options.authentication === undefined ? {} : { authentication: options.authentication }),
    server: certificates.exchangeServer,
    client: certificates.exchangeClient,
    ca: certificates.tls.root,
    hosts: { [CONTOSO.fqdn]: { host: '127.0.0.1', port } },
    internet: world.address,
    retryDelay: options.retryDelay ?? 500,
    ...(options.propagationDelay === undefined ? {} : { propagationDelay: options.propagationDelay }),
  })
  world.setExchange(exchange.address)
  const gateway = new StageGateway({
    folder,
    fqdn: CONTOSO.fqdn,
    port,
    hosts: { [CONTOSO.endpoint]: `127.0.0.1:${exchange.address.port}`, ...options.hosts },
    ...(options.settings === undefined ? {} : { settings: options.settings }),
    ...(options.environment === undefined ? {} : { environment: options.environment }),
  })
  return new Stage({ folder, exchange, world, gateway, certificates, options }, secrets)
}

/**
 * Opens a stage: builds it, lets `cast` add people, applies the objects and starts the gateway.
 */
export async function openStage(
  options: StageOptions = {},
  cast: (stage: Stage) => void = () => undefined,
): Promise<Stage> {
  const stage = await build(options)
  try {
    cast(stage)
    stage.applyObjects()
    await stage.gateway.start()
    return stage
  } catch (error) {
    await stage.close()
    throw error
  }
}
