/**
 * Makes sources from `CertificateDirectory` objects and keeps them over changes of the settings that do not concern them: what they
 * remember, and whether they are being left alone, is not forgotten because somebody changed a rule.
 */
import type { CertificateDirectorySpec } from '@siegel/contract'
import type { HostLookup } from '../../dns/hosts.ts'
import type { Resolver } from '../../dns/resolver.ts'
import type { CertificateFinder } from './finder.ts'
import { createHttpsFinder } from './https.ts'
import { createLdapFinder } from './ldap.ts'
import { createSmimeaFinder } from './smimea.ts'
import { Source } from './source.ts'

/** A directory as it is configured. Holds a password: never logged. */
export interface Directory {
  /** Name of its object. */
  readonly name: string
  readonly spec: CertificateDirectorySpec
}

/** What sources need. */
export interface DirectoryPorts {
  readonly hosts: HostLookup
  readonly resolver: Resolver
  /** Anchors for servers, PEM, asked for each time. */
  readonly anchors: () => readonly string[]
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const LDAPS_PORT = 636
const LDAP_PORT = 389

interface Made {
  readonly shape: string
  readonly source: Source
}

/** The sources of all tenants. */
export class Directories {
  readonly #ports: DirectoryPorts
  #sources = new Map<string, Made>()
  #byTenant = new Map<string, readonly Source[]>()

  constructor(ports: DirectoryPorts) {
    this.#ports = ports
  }

  /**
   * Takes new settings over.
   * @param directories - by row key of the tenant
   */
  adopt(directories: ReadonlyMap<string, readonly Directory[]>): void {
    const sources = new Map<string, Made>()
    this.#byTenant = new Map(
      [...directories].map(([tenant, list]) => [
        tenant,
        list.map((directory) => {
          const key = `${tenant} ${directory.name}`
          const shape = JSON.stringify(directory.spec)
          const known = this.#sources.get(key)
          const source = known?.shape === shape ? known.source : sourceOf(directory, this.#ports)
          sources.set(key, { shape, source })
          return source
        }),
      ]),
    )
    this.#sources = sources
  }

  /** The sources of a tenant. */
  of(tenant: string): readonly Source[] {
    return this.#byTenant.get(tenant) ?? []
  }
}

/** Makes one source. */
export function sourceOf({ name, spec }: Directory, ports: DirectoryPorts): Source {
  const { type: kind, domains, keep, timeoutSeconds, notFoundMinutes } = spec
  return new Source(
    {
      ...{ name, kind, keep },
      serves: (domain) => domains === undefined || domains.some((pattern) => covers(pattern, domain)),
      timeoutMs: timeoutSeconds * 1000,
      notFoundMs: notFoundMinutes * 60_000,
    },
    finderOf(spec, ports),
    ports.now,
  )
}

function covers(pattern: string, domain: string): boolean {
  return pattern.startsWith('*.') ? domain.endsWith(pattern.slice(1)) : domain === pattern
}

function finderOf(spec: CertificateDirectorySpec, ports: DirectoryPorts): CertificateFinder {
  switch (spec.type) {
    case 'ldap': {
      const {
        server = '',
        port,
        tls = 'ldaps',
        baseDn = '',
        filter = '(mail={address})',
        bindDn,
        password,
      } = spec
      return createLdapFinder(
        {
          ...{ server, tls, baseDn, filter },
          port: port ?? (tls === 'ldaps' ? LDAPS_PORT : LDAP_PORT),
          bind: bindDn === undefined || password === undefined ? null : { dn: bindDn, password },
        },
        ports,
      )
    }
    case 'https':
      return createHttpsFinder({ url: spec.url ?? '', privateNetwork: spec.privateNetwork === true }, ports)
    case 'smimea':
      return createSmimeaFinder(ports.resolver)
  }
}
