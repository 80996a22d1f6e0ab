/**
 * Compiles the stored objects into the settings that a worker acts on. Pure: no file, no clock, no store.
 * A broken object is a finding and never an exception: it switches off what it configures. A tenant whose own object or treatment
 * settings are broken, or that claims what another tenant claims, is left out: its mail is neither taken nor sent (fail closed).
 */
import { MAP_NAMES, type AcmeIssuerSpec, type ConfigDocument, type ConfigErrorCode } from '@siegel/contract'
import type { MapFindingCode } from '../maps/finding.ts'
import { inspectMap, type MapName, type Surroundings } from '../maps/inspect.ts'
import { parseTransport } from '../maps/transport.ts'
import type { Directory } from '../keyring/find/directories.ts'
import type { Tenant } from '../mail/tenant.ts'
import { MaterialFailure, keyToPem, readSingleCertificate, readTlsPair, toPem } from './certificates.ts'
import { objectKey, toDocument } from './config-object.ts'
import { readDomainKey } from './domain-keys.ts'
import type { AcmeIssuer, ActiveIdentity, ConfigObject, Settings, TlsIdentity } from './ports.ts'
import { compileTrust, type TrustRules } from '../trust/settings.ts'
import { conflicts, namesHost } from './tenant-conflicts.ts'
import { TreatmentGathering } from './treatment.ts'

/** Something that an operator should know of the configuration. */
export interface Finding {
  readonly code: ConfigErrorCode
  /** error: something is switched off. warning: everything works as configured, perhaps not as meant. */
  readonly severity: 'error' | 'warning'
  /** The object, as `objectKey` writes it; empty for the whole configuration. */
  readonly object: string
  /** For the operator; no secrets. */
  readonly message: string
  /** The place in the text of a map, from 1; left out where it is no line of a map. */
  readonly at?: { readonly line: number; readonly column: number }
}

/** The row keys and marker keys of the tenants, by name. */
export type TenantRows = ReadonlyMap<string, { readonly id: string; readonly markerKey: Buffer }>

type DocumentOf<K extends ConfigDocument['kind']> = Extract<ConfigDocument, { kind: K }>

/** A tenant whose object is good in itself. */
interface Candidate {
  readonly document: DocumentOf<'Tenant'>
  readonly tenant: Tenant
  readonly identity: TlsIdentity | null
}

function identityOf(spec: { readonly chain: string; readonly key: string }): TlsIdentity {
  const pair = readTlsPair(spec)
  return {
    chain: toPem([pair.certificate, ...pair.chain]),
    key: keyToPem(pair.key),
    names: pair.certificate.dnsNames.map((name) => name.toLowerCase()),
  }
}

/** Kinds without which mail could go by weaker settings than were asked for, or to whom is not trusted. */
const UNTREATABLE_WITHOUT: ReadonlySet<string> = new Set([
  'TreatmentDefaults',
  'TreatmentSettings',
  'Rule',
  'TrustSettings',
  'Directory',
])

const HOUR_MS = 3_600_000

/** Reads the objects one by one; what is broken becomes a finding. Keyring entries have rows of their own. */
class Compilation {
  readonly findings: Finding[] = []
  readonly candidates: Candidate[] = []
  readonly maps = new Map<MapName, string>()
  readonly servers: { readonly name: string; readonly identity: TlsIdentity }[] = []
  readonly ranges: string[] = []
  office365 = false
  readonly issuers: (AcmeIssuerSpec & { readonly name: string })[] = []
  readonly tlsAnchors: string[] = []
  readonly mailAnchors = new Map<string, Buffer[]>()
  readonly trust = new Map<string, TrustRules>()
  readonly treatment = new TreatmentGathering()
  readonly directoryAges = new Map<string, number>()
  readonly directories = new Map<string, Directory[]>()
  /** Tenants whose treatment settings cannot be used; null among them stands for all. */
  readonly untreatable = new Set<string | null>()

  find(
    severity: Finding['severity'],
    code: ConfigErrorCode,
    object: ConfigObject | null,
    message: string,
  ): void {
    this.findings.push({ code, severity, object: object === null ? '' : objectKey(object), message })
  }

  /** @param names - of the tenants that have an object; a row alone may be left of a tenant that was deleted */
  take(object: ConfigObject, rows: TenantRows, names: ReadonlySet<string>): void {
    if (object.tenant !== null && !names.has(object.tenant))
      this.find('error', 'tenant-unknown', object, `there is no tenant ${object.tenant}`)
    if (object.kind === 'Credential' || object.kind === 'PartnerCertificate') return
    const parsed = toDocument(object)
    if (!parsed.ok) {
      const [first] = parsed.problems
      if (UNTREATABLE_WITHOUT.has(object.kind)) this.untreatable.add(object.tenant)
      this.find(
        'error',
        'object-broken',
        object,
        `${first?.path.join('.') ?? ''}: ${first?.message ?? 'is not valid'}`,
      )
      return
    }
    try {
      this.#read(parsed.document, object, rows)
    } catch (error) {
      if (!(error instanceof MaterialFailure)) throw error
      this.find('error', error.code, object, `${error.field}: ${error.message}`)
    }
  }

  #read(document: ConfigDocument, object: ConfigObject, rows: TenantRows): void {
    switch (document.kind) {
      case 'Tenant': {
        const row = rows.get(document.name)
        if (row === undefined)
          this.find('error', 'tenant-unknown', object, 'the tenant has no row in the store')
        else this.candidates.push(candidateOf(document, row))
        break
      }
      case 'ServerCertificate':
        this.servers.push({ name: document.name, identity: identityOf(document.spec) })
        break
      case 'TlsAnchor':
        this.tlsAnchors.push(toPem([readSingleCertificate(document.spec.certificate, 'certificate')]))
        break
      case 'MailAnchor': {
        const { raw } = readSingleCertificate(document.spec.certificate, 'certificate')
        const row = rows.get(document.tenant)
        if (row !== undefined) this.mailAnchors.set(row.id, [...(this.mailAnchors.get(row.id) ?? []), raw])
        break
      }
      case 'CertificateDirectory': {
        const row = rows.get(document.tenant)
        const directory = { name: document.name, spec: document.spec }
        if (row !== undefined)
          this.directories.set(row.id, [...(this.directories.get(row.id) ?? []), directory])
        break
      }
      case 'TrustSettings': {
        const id = rows.get(document.tenant)?.id ?? ''
        if (!this.trust.has(id)) this.trust.set(id, compileTrust(document.spec))
        else {
          this.untreatable.add(document.tenant)
          this.find('error', 'settings-twice', object, 'another object is for the tenant')
        }
        break
      }
      case 'Directory': {
        const id = rows.get(document.tenant)?.id ?? ''
        if (!this.directoryAges.has(id)) this.directoryAges.set(id, document.spec.maxAgeHours * HOUR_MS)
        else {
          this.untreatable.add(document.tenant)
          this.find('error', 'settings-twice', object, 'another object is for the tenant')
        }
        break
      }
      case 'TreatmentDefaults':
        this.treatment.takeDefaults(document.spec)
        break
      case 'Rule':
        this.treatment.takeRule(document.tenant, document.name, document.spec)
        break
      case 'TreatmentSettings': {
        const twice = this.treatment.take(document.tenant, document.spec)
        if (twice === null) break
        this.untreatable.add(document.tenant)
        this.find('error', 'settings-twice', object, `another object is for ${twice}`)
        break
      }
      case 'AcmeIssuer':
        this.issuers.push({ name: document.name, ...document.spec })
        break
      case 'AddressRange':
        this.ranges.push(...document.spec.cidrs)
        this.office365 ||= document.spec.office365
        break
      case 'Map':
        for (const name of MAP_NAMES) if (name === document.name) this.maps.set(name, document.spec.text)
        break
      case 'Credential':
      case 'PartnerCertificate':
        break
    }
  }
}

/** What each map has to say of its lines. */
function findingsOfMaps(maps: ReadonlyMap<MapName, string>, tenants: readonly Tenant[]): Finding[] {
  const surroundings: Surroundings = {
    routes: [...tenants.map(({ route }) => route), ...parseTransport(maps.get('transport') ?? '').nextHops],
    direct: tenants.some(({ outboundDelivery }) => outboundDelivery === 'direct'),
    endpointDomains: new Set(tenants.flatMap(({ acceptedDomains }) => acceptedDomains)),
  }
  return [...maps].flatMap(([name, text]) =>
    inspectMap(name, text, surroundings).map(({ severity, code, line, column, detail }) => ({
      severity,
      code:
        severity === 'error'
          ? 'map-line-invalid'
          : WITHOUT_EFFECT.has(code)
            ? 'map-line'
            : 'map-line-doubtful',
      object: `Map ${name}`,
      message: `line ${line}, column ${column}: ${detail} (${code})`,
      at: { line, column },
    })),
  )
}

/** Findings by which a line has no effect; the others speak of lines that work as written. */
const WITHOUT_EFFECT: ReadonlySet<MapFindingCode> = new Set<MapFindingCode>([
  'starts-with-whitespace',
  'no-value',
  'unbalanced-quote',
  'control-character',
  'line-too-long',
  'duplicate-key',
  'policy-invalid',
])

function secretHeaderOf({ secretHeader }: DocumentOf<'Tenant'>['spec']): Tenant['secretHeader'] {
  if (secretHeader === undefined) return null
  const { retired } = secretHeader
  return {
    ...secretHeader,
    retired: retired === undefined ? null : { ...retired, until: Date.parse(retired.until) },
  }
}

function candidateOf(
  document: DocumentOf<'Tenant'>,
  row: { readonly id: string; readonly markerKey: Buffer },
): Candidate {
  const { spec } = document
  const tenant: Tenant = {
    id: row.id,
    name: document.name,
    microsoftTenantId: spec.microsoftTenantId ?? null,
    acceptedDomains: spec.acceptedDomains,
    fqdn: spec.fqdn,
    preset: spec.preset,
    secretHeader: secretHeaderOf(spec),
    rotating: spec.rotation !== undefined && spec.rotation.step !== 'finished',
    processedHeader: spec.processedHeader,
    route: spec.route,
    outboundDelivery: spec.outboundDelivery,
    removeOwnDkim: spec.removeOwnDkim,
    ediEnergyEdition: spec.ediEnergyEdition ?? null,
    initialDomain: spec.initialDomain ?? null,
    arcSealing: spec.arcSealing === undefined ? null : readDomainKey(spec.arcSealing, 'arcSealing'),
    dkimSigning: spec.dkimSigning.map((each, index) => readDomainKey(each, `dkimSigning.${index}`)),
    validation:
      spec.validation === undefined
        ? null
        : { openedAt: Date.parse(spec.validation.openedAt), recipients: spec.validation.recipients },
    roundTrip:
      spec.roundTrip === undefined
        ? null
        : { openedAt: Date.parse(spec.roundTrip.openedAt), markHash: spec.roundTrip.markHash },
    onboarding:
      spec.onboarding === undefined
        ? null
        : {
            startedAt: Date.parse(spec.onboarding.startedAt),
            endsAt: Date.parse(spec.onboarding.startedAt) + spec.onboarding.hours * 3_600_000,
          },
    markerKey: row.markerKey,
    postmaster: spec.postmaster ?? null,
  }
  return {
    document,
    tenant,
    identity: spec.clientCertificate === undefined ? null : identityOf(spec.clientCertificate),
  }
}

/** The identities that lie beside the objects, by row key of the tenant; one that cannot be read is a finding. */
function readActive(
  compilation: Compilation,
  active: readonly ActiveIdentity[],
  use: ActiveIdentity['use'],
): Map<string, TlsIdentity> {
  const found = new Map<string, TlsIdentity>()
  for (const one of active) {
    if (one.use !== use) continue
    try {
      found.set(one.tenantId, identityOf(one))
    } catch (error) {
      if (!(error instanceof MaterialFailure)) throw error
      compilation.find('error', error.code, null, `the ${use} certificate of tls-cert: ${error.message}`)
    }
  }
  return found
}

/**
 * What the listeners present: certificates of `tls-cert` and objects. An object whose every name one of `tls-cert` has is
 * superseded; the one named `default` that is not stays the first.
 */
function serverIdentitiesOf(
  objects: readonly { readonly name: string; readonly identity: TlsIdentity }[],
  active: readonly TlsIdentity[],
): TlsIdentity[] {
  const left = objects.filter(
    ({ identity }) =>
      identity.names.length === 0 ||
      !identity.names.every((name) =>
        active.some(({ names }) => names.includes(name) || namesHost(names, name)),
      ),
  )
  const isDefault = left.filter(({ name }) => name === 'default').map(({ identity }) => identity)
  const others = left.filter(({ name }) => name !== 'default').map(({ identity }) => identity)
  return [...isDefault, ...active, ...others]
}

/** The ACME issuers with the tenants that they serve; of two for one tenant the first by name. */
function issuersOf(compilation: Compilation, good: readonly { readonly tenant: Tenant }[]): AcmeIssuer[] {
  const taken = new Set<string>()
  return compilation.issuers.map(({ tenants, externalAccount, preferredRoot, ...issuer }) => {
    const object = { kind: 'AcmeIssuer', tenant: null, name: issuer.name, spec: null, secrets: {} }
    for (const name of tenants ?? [])
      if (!good.some(({ tenant }) => tenant.name === name))
        compilation.find('warning', 'tenant-unknown', object, `there is no usable tenant ${name}`)
    const served = good.filter(
      ({ tenant }) => (tenants?.includes(tenant.name) ?? true) && !taken.has(tenant.id),
    )
    for (const { tenant } of served) taken.add(tenant.id)
    return {
      ...issuer,
      externalAccount: externalAccount ?? null,
      preferredRoot: preferredRoot ?? null,
      hosts: served.map(({ tenant }) => ({ tenantId: tenant.id, fqdn: tenant.fqdn })),
    }
  })
}

/** Finds tenants whose certificates do not name their host, and a gateway that nobody may connect to. */
function checkNames(
  compilation: Compilation,
  tenants: readonly Compilation['candidates'][number][],
  servers: Settings['serverIdentities'],
): void {
  for (const { tenant, identity } of tenants) {
    const object = { kind: 'Tenant', tenant: null, name: tenant.name, spec: null, secrets: {} }
    if (identity !== null && !namesHost(identity.names, tenant.fqdn))
      compilation.find(
        'warning',
        'certificate-name',
        object,
        `the client certificate does not name ${tenant.fqdn}`,
      )
    if (!servers.some((server) => namesHost(server.names, tenant.fqdn)))
      compilation.find('warning', 'certificate-name', object, `no server certificate names ${tenant.fqdn}`)
  }
  if (compilation.ranges.length === 0 && !compilation.office365)
    compilation.find('warning', 'range-missing', null, 'no address range is configured: nobody may connect')
}

/**
 * Compiles the settings of one version.
 * @param objects - as the store gives them, secrets included
 * @param tenants - row keys and marker keys by tenant name
 * @param active - certificates that `siegel tls-cert` has put in force; they go before those of objects
 */
export function compileSettings(
  version: number,
  objects: readonly ConfigObject[],
  tenants: TenantRows,
  active: readonly ActiveIdentity[] = [],
): { readonly settings: Settings; readonly findings: readonly Finding[] } {
  const compilation = new Compilation()
  // By key, so that the same objects give the same settings in whatever order they come.
  const sorted = objects
    .map((object) => ({ key: objectKey(object), object }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
  const names = new Set(objects.filter(({ kind }) => kind === 'Tenant').map(({ name }) => name))
  for (const { object } of sorted) compilation.take(object, tenants, names)

  const clients = readActive(compilation, active, 'client')
  const candidates = compilation.candidates.map((candidate) => ({
    ...candidate,
    identity: clients.get(candidate.tenant.id) ?? candidate.identity,
  }))
  const clashes = conflicts(candidates)
  for (const clash of clashes)
    compilation.findings.push({
      code: 'tenant-conflict',
      severity: 'error',
      object: `Tenant ${clash.name}`,
      message: clash.message,
    })
  const refused = new Set(clashes.map((clash) => clash.name))
  const { untreatable } = compilation
  const good = candidates.filter(
    ({ tenant }) => !refused.has(tenant.name) && !untreatable.has(tenant.name) && !untreatable.has(null),
  )

  compilation.findings.push(
    ...findingsOfMaps(
      compilation.maps,
      good.map(({ tenant }) => tenant),
    ),
  )

  const ofTenants = readActive(compilation, active, 'server')
  const serverIdentities = serverIdentitiesOf(
    compilation.servers,
    good.flatMap(({ tenant }) => ofTenants.get(tenant.id) ?? []),
  )
  checkNames(compilation, good, serverIdentities)

  const settings: Settings = {
    version,
    tenants: new Map(good.map(({ tenant }) => [tenant.id, tenant])),
    maps: compilation.maps,
    serverIdentities,
    clientIdentities: new Map(
      good.flatMap(({ tenant, identity }) => (identity === null ? [] : [[tenant.id, identity] as const])),
    ),
    addressRanges: compilation.ranges,
    office365Ranges: compilation.office365,
    tlsAnchors: compilation.tlsAnchors,
    mailAnchors: compilation.mailAnchors,
    trust: compilation.trust,
    rules: new Map(good.map(({ tenant }) => [tenant.id, compilation.treatment.rules(tenant.name)])),
    treatment: new Map(good.map(({ tenant }) => [tenant.id, compilation.treatment.levels(tenant.name)])),
    directories: compilation.directories,
    directoryAges: compilation.directoryAges,
    harvest: new Map(good.map(({ tenant, document }) => [tenant.id, document.spec.harvest])),
    acmeIssuers: issuersOf(compilation, good),
  }
  return { settings, findings: compilation.findings }
}
