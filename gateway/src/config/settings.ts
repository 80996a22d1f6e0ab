/**
 * Compiles the stored objects into the settings that a worker acts on. Pure: no file, no clock, no store.
 * A broken object is a finding and never an exception: it switches off what it configures. A tenant whose own object is
 * broken, or that claims what another tenant claims, is left out: its mail is neither taken nor sent (fail closed).
 */
import type { ConfigDocument, ConfigErrorCode } from '@siegel/contract'
import { parseTable } from '../maps/table.ts'
import type { Tenant } from '../mail/tenant.ts'
import { MaterialFailure, keyToPem, readSingleCertificate, readTlsPair, toPem } from './certificates.ts'
import { objectKey, toDocument } from './config-object.ts'
import type { ConfigObject, Settings, TlsIdentity } from './ports.ts'
import { conflicts, namesHost } from './tenant-conflicts.ts'

/** Something that an operator should know of the configuration. */
export interface Finding {
  readonly code: ConfigErrorCode
  /** error: something is switched off. warning: everything works as configured, perhaps not as meant. */
  readonly severity: 'error' | 'warning'
  /** The object, as `objectKey` writes it; empty for the whole configuration. */
  readonly object: string
  /** For the operator; no secrets. */
  readonly message: string
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

/** Reads the objects one by one; what is broken becomes a finding. Keyring entries have rows of their own. */
class Compilation {
  readonly findings: Finding[] = []
  readonly candidates: Candidate[] = []
  readonly maps = new Map<string, string>()
  readonly servers: { readonly name: string; readonly identity: TlsIdentity }[] = []
  readonly ranges: string[] = []
  readonly tlsAnchors: string[] = []
  readonly mailAnchors = new Map<string, Buffer[]>()

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
      case 'AddressRange':
        this.ranges.push(...document.spec.cidrs)
        break
      case 'Map':
        this.maps.set(document.name, document.spec.text)
        for (const fault of parseTable(document.spec.text).faults)
          this.find('warning', 'map-line', object, `line ${fault.line} has no effect: ${fault.code}`)
        break
      case 'Credential':
      case 'PartnerCertificate':
        break
    }
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
    secretHeader: spec.secretHeader ?? null,
    processedHeader: spec.processedHeader,
    route: spec.route,
    outboundDelivery: spec.outboundDelivery,
    removeOwnDkim: spec.removeOwnDkim,
    validation:
      spec.validation === undefined
        ? null
        : { openedAt: Date.parse(spec.validation.openedAt), recipients: spec.validation.recipients },
    markerKey: row.markerKey,
    postmaster: spec.postmaster ?? null,
  }
  return {
    document,
    tenant,
    identity: spec.clientCertificate === undefined ? null : identityOf(spec.clientCertificate),
  }
}

/**
 * Compiles the settings of one version.
 * @param objects - as the store gives them, secrets included
 * @param tenants - row keys and marker keys by tenant name
 */
export function compileSettings(
  version: number,
  objects: readonly ConfigObject[],
  tenants: TenantRows,
): { readonly settings: Settings; readonly findings: readonly Finding[] } {
  const compilation = new Compilation()
  // By key, so that the same objects give the same settings in whatever order they come.
  const sorted = objects
    .map((object) => ({ key: objectKey(object), object }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
  const names = new Set(objects.filter(({ kind }) => kind === 'Tenant').map(({ name }) => name))
  for (const { object } of sorted) compilation.take(object, tenants, names)

  const clashes = conflicts(compilation.candidates)
  for (const clash of clashes)
    compilation.findings.push({
      code: 'tenant-conflict',
      severity: 'error',
      object: `Tenant ${clash.name}`,
      message: clash.message,
    })
  const refused = new Set(clashes.map((clash) => clash.name))
  const good = compilation.candidates.filter(({ tenant }) => !refused.has(tenant.name))

  const servers = compilation.servers.toSorted(
    (a, b) => Number(b.name === 'default') - Number(a.name === 'default'),
  )
  const serverIdentities = servers.map((server) => server.identity)
  for (const { tenant, identity } of good) {
    const object = { kind: 'Tenant', tenant: null, name: tenant.name, spec: null, secrets: {} }
    if (identity !== null && !namesHost(identity.names, tenant.fqdn))
      compilation.find(
        'warning',
        'certificate-name',
        object,
        `the client certificate does not name ${tenant.fqdn}`,
      )
    if (!serverIdentities.some((server) => namesHost(server.names, tenant.fqdn)))
      compilation.find('warning', 'certificate-name', object, `no server certificate names ${tenant.fqdn}`)
  }
  if (compilation.ranges.length === 0)
    compilation.find('warning', 'range-missing', null, 'no address range is configured: nobody may connect')

  const settings: Settings = {
    version,
    tenants: new Map(good.map(({ tenant }) => [tenant.id, tenant])),
    maps: compilation.maps,
    serverIdentities,
    clientIdentities: new Map(
      good.flatMap(({ tenant, identity }) => (identity === null ? [] : [[tenant.id, identity] as const])),
    ),
    addressRanges: compilation.ranges,
    tlsAnchors: compilation.tlsAnchors,
    mailAnchors: compilation.mailAnchors,
  }
  return { settings, findings: compilation.findings }
}
