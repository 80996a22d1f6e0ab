/**
 * `siegel ca`: a small authority of a tenant's own, so that S/MIME can be tried without buying certificates. It certifies addresses in
 * the tenant's accepted domains only. Partners trust it if they import its certificate; no public authority stands behind it.
 */
import { createPrivateKey } from 'node:crypto'
import { parseCertificate, readCsr, sourceOf, writePem } from '@siegel/engine'
import { toDocument } from '../config/config-object.ts'
import { makeKey } from '../identity/request.ts'
import type { PilotAuthority } from '../keyring/issuing-ports.ts'
import {
  createAuthority,
  issuedEntry,
  issueForUser,
  revocationList,
  type SigningAuthority,
} from '../keyring/own-keys.ts'
import { writeFrom } from './files.ts'
import { readInput, UsageError, type Command, type ExitCode, type Io } from './io.ts'
import { addressesOf, kindOf, saying } from './key.ts'
import { deedOf, KEYRING_OPTIONS, withKeyring, type KeyringContext } from './keyring-context.ts'
import { readOptions, type Options } from './options.ts'
import { printable, render } from './texts.ts'

/** RFC 5280 5.3.1; what can become of the certificate of a user. */
const REASONS = [
  ...(['keyCompromise', 'affiliationChanged', 'superseded', 'cessationOfOperation'] as const),
  ...(['privilegeWithdrawn'] as const),
]

function daysOf(options: Options, otherwise: number, most: number): number {
  const days = Number(options.text('days') ?? otherwise)
  if (!Number.isInteger(days) || days < 1 || days > most)
    throw new UsageError(`--days must be a number from 1 to ${most}`)
  return days
}

function authorityOf({
  store,
  tenant,
}: KeyringContext): PilotAuthority & { readonly signing: SigningAuthority } {
  const { issuing } = store.forTenant(tenant.id)
  const authority = issuing.authority()
  const key = authority === null ? null : issuing.authorityKey(authority.id)
  if (authority === null || key === null)
    throw new UsageError('there is no authority yet: siegel ca create makes one')
  const signing = {
    certificate: parseCertificate(authority.certificate),
    key: createPrivateKey({ key, format: 'der', type: 'pkcs8' }),
  }
  return { ...authority, signing }
}

/** The tenant's accepted domains. */
async function domainsOf({ store, tenant }: KeyringContext): Promise<readonly string[]> {
  const { objects } = await store.config.read()
  const object = objects.find(({ kind, name }) => kind === 'Tenant' && name === tenant.name)
  const parsed = object === undefined ? null : toDocument(object)
  if (parsed?.ok !== true || parsed.document.kind !== 'Tenant')
    throw new UsageError(`the tenant ${tenant.name} cannot be read: siegel apply it again`)
  return parsed.document.spec.acceptedDomains
}

async function create(args: readonly string[], io: Io): Promise<ExitCode> {
  const table = {
    ...KEYRING_OPTIONS,
    name: { type: 'string' },
    days: { type: 'string' },
    key: { type: 'string' },
    out: { type: 'string' },
  } as const
  const options = readOptions(args, table, 0)
  const kind = kindOf(options.text('key'))
  return withKeyring(options, async (context) => {
    const { store, tenant, language } = context
    const { issuing } = store.forTenant(tenant.id)
    const key = await makeKey(kind)
    const name = options.text('name') ?? `${tenant.name} pilot authority`
    const certificate = createAuthority(
      key,
      name,
      await domainsOf(context),
      io.now(),
      daysOf(options, 1095, 3650),
    )
    const id = issuing.newId()
    const privateKey = key.export({ type: 'pkcs8', format: 'der' })
    const authority = { id, certificate: certificate.raw, createdAt: io.now() }
    await issuing.keepAuthority(authority, privateKey, deedOf('authority-created', { name }))
    const pem = writePem('CERTIFICATE', certificate.raw)
    const anchor = `pilot-${id.toLowerCase()}`
    const object = {
      kind: 'MailAnchor',
      tenant: tenant.name,
      name: anchor,
      spec: { certificate: pem },
      secrets: {},
    }
    await store.config.change({ put: [{ object, credentials: [] }], remove: [] })
    await writeFrom(options.text('out') ?? '-', sourceOf(Buffer.from(pem)))
    io.err(render('authority-created', { name, anchor, fingerprint: certificate.fingerprint }, language))
    return 0
  })
}

async function issue(args: readonly string[], io: Io): Promise<ExitCode> {
  const table = {
    ...KEYRING_OPTIONS,
    address: { type: 'string', multiple: true },
    name: { type: 'string' },
    days: { type: 'string' },
    key: { type: 'string' },
    csr: { type: 'string' },
    out: { type: 'string' },
    'crl-url': { type: 'string', multiple: true },
  } as const
  const options = readOptions(args, table, 0)
  const addresses = addressesOf(options.texts('address'))
  const csr = options.text('csr')
  const foreign = csr === undefined ? null : readCsr(await readInput(csr, io)).publicKey
  const kind = kindOf(options.text('key'))
  const days = daysOf(options, 365, 825)
  return withKeyring(options, (context) =>
    saying(context, io, async () => {
      const { id: authorityId, signing } = authorityOf(context)
      const { issuing, keyring } = context.store.forTenant(context.tenant.id)
      const own = foreign === null ? await makeKey(kind) : null
      const wish = {
        ...{ name: options.text('name') ?? addresses[0], addresses, days },
        crlUrls: options.texts('crl-url'),
      }
      const key = foreign ?? own
      if (key === null) return 1
      const certificate = issueForUser(signing, { ...wish, key }, io.now())
      const { fingerprint, serialHex: serial, notAfter } = certificate
      const record = {
        serial,
        fingerprint,
        addresses,
        issuedAt: io.now(),
        notAfter,
        revokedAt: null,
        reason: null,
      }
      // Before the certificate is out: what is not recorded could not be revoked.
      await issuing.keepIssued(authorityId, record, deedOf('certificate-issued'))
      if (own !== null)
        await keyring.add([issuedEntry(certificate, own, 'siegel ca issue')], deedOf('key-certified'))
      const out = options.text('out') ?? (own === null ? '-' : undefined)
      if (out !== undefined)
        await writeFrom(out, sourceOf(Buffer.from(writePem('CERTIFICATE', certificate.raw))))
      if (options.has('json')) io.out(JSON.stringify({ serial, fingerprint, addresses }))
      else io.err(render('certificate-issued', { serial, addresses: addresses.join(' ') }, context.language))
      return 0
    }),
  )
}

async function revoke(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, { ...KEYRING_OPTIONS, reason: { type: 'string' } }, 1)
  const [named] = options.positionals
  if (named === undefined) throw new UsageError('which certificate? siegel ca revoke SERIAL|FINGERPRINT')
  const reason = REASONS.find((one) => one === (options.text('reason') ?? 'superseded'))
  if (reason === undefined) throw new UsageError(`--reason must be one of ${REASONS.join(', ')}`)
  return withKeyring(options, async (context) => {
    const { id } = authorityOf(context)
    const { issuing, keyring } = context.store.forTenant(context.tenant.id)
    const wanted = named.replaceAll(':', '').toLowerCase()
    const found = issuing
      .issued(id, false)
      .find(({ serial, fingerprint }) => serial === wanted || fingerprint === wanted)
    const done =
      found !== undefined && (await issuing.revoke(id, found.serial, reason, deedOf('certificate-revoked')))
    // Our own gateway does not wait for the CRL.
    if (found !== undefined && done)
      await keyring.distrust(found.fingerprint, `revoked: ${reason}`, deedOf('certificate-distrusted'))
    const code = done ? 'certificate-revoked' : 'nothing-to-change'
    io.out(render(code, { serial: found?.serial ?? wanted }, context.language))
    return done ? 0 : 1
  })
}

async function crl(args: readonly string[], io: Io): Promise<ExitCode> {
  const table = { ...KEYRING_OPTIONS, out: { type: 'string' }, days: { type: 'string' } } as const
  const options = readOptions(args, table, 0)
  const out = options.text('out')
  if (out === undefined) throw new UsageError('where to? --out FILE')
  return withKeyring(options, async (context) => {
    const { id, signing } = authorityOf(context)
    const { issuing } = context.store.forTenant(context.tenant.id)
    const number = await issuing.nextCrlNumber(id)
    const days = daysOf(options, 7, 365)
    const der = revocationList(signing, issuing.issued(id, true), number, io.now(), days)
    await writeFrom(out, sourceOf(der))
    return 0
  })
}

async function list(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, KEYRING_OPTIONS, 0)
  return withKeyring(options, (context) => {
    const { id } = authorityOf(context)
    const issued = context.store.forTenant(context.tenant.id).issuing.issued(id, false)
    if (options.has('json')) io.out(JSON.stringify(issued))
    else
      for (const { serial, addresses, notAfter, revokedAt, reason } of issued) {
        const end = new Date(notAfter).toISOString().slice(0, 10)
        const mark = revokedAt === null ? '' : `  [${reason ?? 'revoked'}]`
        io.out(`${serial}  ${end}  ${printable(addresses.join(' '))}${mark}`)
      }
    return Promise.resolve(0)
  })
}

const FORMS: Readonly<Record<string, Command>> = { create, issue, revoke, crl, list }

/** The verb `ca`. */
export const ca: Command = async (args, io) => {
  const [name, ...rest] = args
  const form = name !== undefined && Object.hasOwn(FORMS, name) ? FORMS[name] : undefined
  if (form === undefined) throw new UsageError(`which form? ${Object.keys(FORMS).join(', ')}`)
  return form(rest, io)
}
