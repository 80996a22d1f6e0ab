/**
 * Looks certificates up in an LDAP directory: always under TLS whose certificate is good for the server's name, with a filter in
 * which the address is escaped, and with bounds of entries, octets and time. Follows no referral.
 */
import { Client } from 'ldapts'
import { domainToASCII } from 'node:url'
import type { HostLookup } from '../../dns/hosts.ts'
import type { Answer, CertificateFinder } from './finder.ts'
import { LARGEST_ANSWER, readAnswer } from './read-answer.ts'

/** Where a directory is and how it is asked. Holds a password: never logged. */
export interface LdapSource {
  /** Host name. */
  readonly server: string
  readonly port: number
  readonly tls: 'ldaps' | 'starttls'
  readonly baseDn: string
  /** With `{address}` in it. */
  readonly filter: string
  readonly bind: { readonly dn: string; readonly password: string } | null
}

/** What asking needs. */
export interface LdapPorts {
  readonly hosts: HostLookup
  /** Anchors for the server, PEM, asked for each time. */
  readonly anchors: () => readonly string[]
}

/** RFC 4523 4.1 has userCertificate, RFC 2798 2.8 userSMIMECertificate, a CMS object with certificates; not every server has the option. */
const ATTRIBUTES = [
  'userCertificate;binary',
  'userSMIMECertificate;binary',
  'userCertificate',
  'userSMIMECertificate',
]
const NAMES: ReadonlySet<string> = new Set(ATTRIBUTES.map((name) => name.toLowerCase()))
const MOST_ENTRIES = 10
const MOST_VALUES = 32
const MAX_SECONDS = 30

/** RFC 4515 3: what has a meaning in a filter, and what is not ASCII, as two hexadecimal digits for each octet */
export function escapeFilter(text: string): string {
  return Array.from(Buffer.from(text, 'utf8'), (octet) =>
    octet < 0x20 || octet > 0x7e || '*()\\'.includes(String.fromCharCode(octet))
      ? `\\${octet.toString(16).padStart(2, '0')}`
      : String.fromCharCode(octet),
  ).join('')
}

/** Makes a finder. */
export function createLdapFinder(source: LdapSource, ports: LdapPorts): CertificateFinder {
  return { find: (address, signal) => ask(source, ports, address, signal) }
}

async function ask(
  source: LdapSource,
  { hosts, anchors }: LdapPorts,
  address: string,
  signal: AbortSignal,
): Promise<Answer> {
  const [target] = await hosts(source.server)
  signal.throwIfAborted()
  if (target === undefined) throw new Error(`${source.server} has no address`)
  const host = target.address.includes(':') ? `[${target.address}]` : target.address
  const secure = {
    ca: [...anchors()],
    servername: domainToASCII(source.server),
    minVersion: 'TLSv1.2' as const,
  }
  const client = new Client({
    url: `${source.tls === 'ldaps' ? 'ldaps' : 'ldap'}://${host}:${target.port ?? source.port}`,
    timeout: MAX_SECONDS * 1000,
    connectTimeout: MAX_SECONDS * 1000,
    ...(source.tls === 'ldaps' ? { tlsOptions: secure } : {}),
  })
  const end = (): void => {
    client.unbind().catch(() => undefined)
  }
  signal.addEventListener('abort', end, { once: true })
  try {
    if (source.tls === 'starttls') await client.startTLS(secure)
    if (source.bind !== null) await client.bind(source.bind.dn, source.bind.password)
    const { searchEntries } = await client.search(source.baseDn, {
      scope: 'sub',
      filter: source.filter.replaceAll('{address}', () => escapeFilter(address)),
      attributes: ATTRIBUTES,
      explicitBufferAttributes: ATTRIBUTES,
      sizeLimit: MOST_ENTRIES,
      timeLimit: MAX_SECONDS,
    })
    return { ...readAnswer(searchEntries.slice(0, MOST_ENTRIES).flatMap(valuesOf)), associations: [] }
  } finally {
    signal.removeEventListener('abort', end)
    end()
  }
}

function valuesOf(entry: Readonly<Record<string, unknown>>): Buffer[] {
  return Object.entries(entry)
    .filter(([name]) => NAMES.has(name.toLowerCase()))
    .flatMap(([, value]): unknown[] => (Array.isArray(value) ? value : [value]))
    .filter((value) => Buffer.isBuffer(value) && value.length > 0 && value.length <= LARGEST_ANSWER)
    .slice(0, MOST_VALUES) as Buffer[]
}
