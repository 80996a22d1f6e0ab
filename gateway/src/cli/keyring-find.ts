/**
 * `siegel keyring find` asks each place where certificates are looked for and shows what it says; `siegel keyring smimea` prints our own
 * certificates as records for DNS (RFC 8162). Keeps nothing that is found, and publishes nothing.
 */
import { parseCertificate } from '@siegel/engine'
import { toLookupAddress } from '@siegel/contract'
import { look } from '../keyring/find/finding.ts'
import { smimeaLine } from '../keyring/find/smimea.ts'
import type { ListedCredential } from '../keyring/ports.ts'
import { TENANT_OPTIONS, readLanguage, withTenant, type AssistContext } from './exchange-tenant.ts'
import { UsageError, type ExitCode, type Io } from './io.ts'
import { lookingOutside } from './looking-outside.ts'
import { readOptions } from './options.ts'
import { render } from './texts.ts'
import { trustAtHand } from './trust-context.ts'

const FIND_OPTIONS = { ...TENANT_OPTIONS, json: { type: 'boolean' } } as const
const SMIMEA_OPTIONS = { ...TENANT_OPTIONS, domain: { type: 'string' } } as const
const PAGE = 500

/** `siegel keyring find ADDRESS`: exits with 1 when there is nothing to encrypt to. */
export async function keyringFind(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, FIND_OPTIONS, 1)
  const language = readLanguage(options)
  const [address] = options.positionals
  if (address === undefined || toLookupAddress(address) === null)
    throw new UsageError('siegel keyring find needs an e-mail address')
  return withTenant<ExitCode>(options, async (context) => {
    const { taken, reasons } = await lookOutside(context, address, io.now())
    if (options.has('json')) {
      const certificate = taken?.certificate
      io.out(
        JSON.stringify({
          address,
          found:
            certificate === undefined
              ? null
              : {
                  fingerprint: certificate.fingerprint,
                  subject: certificate.subject.text,
                  notAfter: new Date(certificate.notAfter).toISOString(),
                  source: taken?.source.settings.name,
                  by: taken?.by,
                },
          reasons,
        }),
      )
    } else for (const { code, arguments: values } of reasons) io.out(render(code, values, language))
    return taken === null ? 1 : 0
  })
}

function lookOutside(context: AssistContext, address: string, at: number) {
  const { tenant, settings } = context
  if ((settings.directories.get(tenant.id) ?? []).length === 0)
    throw new UsageError(`tenant ${tenant.name} has no CertificateDirectory`)
  return look(lookingOutside(context, trustAtHand(context, at), at), address, at)
}

/** `siegel keyring smimea`: exits with 1 when there is nothing to publish. */
export async function keyringSmimea(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, SMIMEA_OPTIONS, 0)
  return withTenant<ExitCode>(options, async ({ tenant, store }) => {
    const domain = options.text('domain')?.toLowerCase()
    if (domain !== undefined && !tenant.acceptedDomains.includes(domain))
      throw new UsageError(`${domain} is no accepted domain of tenant ${tenant.name}`)
    const domains = domain === undefined ? tenant.acceptedDomains : [domain]
    const now = io.now()
    let lines = 0
    for (let after: string | null = null; ;) {
      const page = await store
        .forTenant(tenant.id)
        .keyring.list({ owner: 'own', state: 'active' }, after, PAGE)
      for (const entry of page.entries)
        for (const line of linesOf(entry, domains, now)) {
          io.out(line)
          lines++
        }
      after = page.next
      if (after === null) return lines === 0 ? 1 : 0
    }
  })
}

/** The records of one entry, for the addresses in the domains. */
function linesOf(entry: ListedCredential, domains: readonly string[], now: number): string[] {
  if (!entry.encrypt || entry.distrusted || entry.notAfter <= now || entry.notBefore > now) return []
  const certificate = parseCertificate(entry.certificate)
  return entry.addresses
    .filter((address) => domains.includes(address.slice(address.lastIndexOf('@') + 1)))
    .flatMap((address) => {
      const line = smimeaLine(address, certificate)
      return line === null ? [] : [`; ${address} until ${new Date(entry.notAfter).toISOString()}`, line]
    })
}
