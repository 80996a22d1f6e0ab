/**
 * `siegel tls-cert`: the certificates that a tenant's host presents, from the request to the removal. Works on the store; a running
 * gateway follows within a second. Nothing bad is put in force, nothing is removed without a yes.
 */
import { readFile } from 'node:fs/promises'
import type { IdentityFinding } from '../identity/findings.ts'
import { acceptable } from '../identity/findings.ts'
import { certificateById, slotFor, type Host } from '../identity/identities.ts'
import { readMaterial, type Material } from '../identity/material.ts'
import { KEY_KINDS } from '../identity/request.ts'
import { USES, type KeptCertificate, type Use } from '../identity/ports.ts'
import type { Tenant } from '../mail/tenant.ts'
import { sourceOf } from '@siegel/engine'
import { confirmed } from './confirm.ts'
import { writeFrom } from './files.ts'
import { readInput, UsageError, type Command, type ExitCode, type Io } from './io.ts'
import { readOptions, type Options } from './options.ts'
import {
  CERTIFICATE_OPTIONS,
  tenantMeant,
  tenantsMeant,
  usesMeant,
  withCertificates,
  type CertificateContext,
} from './tls-cert-context.ts'
import { findingLines, findingValues, listed, listedLines, orderValue } from './tls-cert-report.ts'

const WITH_USE = { ...CERTIFICATE_OPTIONS, use: { type: 'string' } } as const

function hostOf({ id, fqdn }: Tenant): Host {
  return { tenantId: id, fqdn }
}

/** A time of the command line. */
function momentOf(text: string): number {
  const at = /^\d{4}-\d{2}-\d{2}T.*(?:Z|[+-]\d{2}:\d{2})$/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(at)) throw new UsageError('--at must be a time such as 2026-05-01T03:00:00Z')
  return at
}

function report(
  options: Options,
  io: Io,
  { language }: CertificateContext,
  done: string,
  id: string,
  findings: readonly IdentityFinding[],
): void {
  if (options.has('json')) io.out(JSON.stringify({ id, done, findings: findingValues(findings, language) }))
  else {
    for (const line of findingLines(findings, language)) io.out(line)
    io.out(`${done} ${id}`)
  }
}

/** The certificate that is named, of the tenant that has it. */
function named(
  context: CertificateContext,
  wanted: string | undefined,
  id: string,
): { tenant: Tenant; certificate: KeptCertificate } {
  const state = context.identities.state()
  for (const tenant of tenantsMeant(context, wanted)) {
    const certificate = certificateById(state, tenant.id, id.toUpperCase())
    if (certificate !== null) return { tenant, certificate }
  }
  throw new UsageError(`there is no certificate ${JSON.stringify(id)}; siegel tls-cert list shows them`)
}

/** `request`: a new key, and the request for its certificate. */
async function request(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(
    args,
    { ...CERTIFICATE_OPTIONS, key: { type: 'string' }, out: { type: 'string' } },
    0,
  )
  const kind = KEY_KINDS.find((one) => one === (options.text('key') ?? 'rsa-2048'))
  if (kind === undefined) throw new UsageError(`--key must be one of ${KEY_KINDS.join(', ')}`)
  return withCertificates(options, io, async (context) => {
    const tenant = tenantMeant(context, options.text('tenant'))
    const { id, csr } = await context.identities.request(hostOf(tenant), kind)
    const out = options.text('out')
    if (out !== undefined) await writeFrom(out, sourceOf(Buffer.from(csr ?? '')))
    if (options.has('json')) io.out(JSON.stringify({ id, tenant: tenant.name, names: [tenant.fqdn], csr }))
    else {
      if (out === undefined) io.out((csr ?? '').trimEnd())
      io.err(`${id}: give the request to the authority, then siegel tls-cert import FILE`)
    }
    return 0
  })
}

async function passwordOf(options: Options): Promise<string> {
  const file = options.text('pass-file')
  if (file === undefined) return options.text('pass') ?? ''
  try {
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '')
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? 'error'}`)
  }
}

async function materialOf(options: Options, io: Io): Promise<Material> {
  const [file, key] = [options.positionals[0], options.text('key')]
  if (file === undefined) throw new UsageError('which file? siegel tls-cert import FILE')
  const password = await passwordOf(options)
  const paths = [file, ...options.texts('chain'), ...(key === undefined ? [] : [key])]
  const parts: Material[] = []
  for (const path of paths) parts.push(readMaterial(await readInput(path, io), password))
  return {
    certificates: parts.flatMap(({ certificates }) => certificates),
    keys: parts.flatMap(({ keys }) => keys),
  }
}

/** `import`: a certificate for a request, or one that brings its key. */
async function take(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(
    args,
    {
      ...WITH_USE,
      chain: { type: 'string', multiple: true },
      key: { type: 'string' },
      pass: { type: 'string' },
      'pass-file': { type: 'string' },
      activate: { type: 'boolean' },
    },
    1,
  )
  const uses = usesMeant(options)
  return withCertificates(options, io, async (context) => {
    const { identities } = context
    const host = hostOf(tenantMeant(context, options.text('tenant')))
    const { certificate, findings } = await identities.take(host, await materialOf(options, io), uses)
    const good = acceptable(findings)
    const activate = options.has('activate') && good
    if (activate) await identities.activate(host, certificate.id, uses)
    report(options, io, context, activate ? 'in force' : 'kept', certificate.id, findings)
    if (!good) io.err(`siegel: ${certificate.id} is kept, but cannot be put in force as it is`)
    else if (!activate && !options.has('json'))
      io.err(`next: siegel tls-cert activate ${certificate.id}, or stage ${certificate.id} --at TIME`)
    return good ? 0 : 1
  })
}

async function list(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, CERTIFICATE_OPTIONS, 0)
  return withCertificates(options, io, (context) => {
    const state = context.identities.state()
    const tenants = tenantsMeant(context, options.text('tenant'))
    const certificates = tenants.flatMap((tenant) => listed(state, tenant))
    const orders = context.store.identities.orders().flatMap((order) => {
      const tenant = tenants.find(({ id }) => id === order.tenantId)
      return tenant === undefined ? [] : [{ order, name: tenant.name }]
    })
    if (options.has('json')) {
      const acme = orders.map(({ order, name }) => orderValue(order, name))
      io.out(JSON.stringify({ certificates, acme }))
    } else {
      for (const one of certificates) for (const line of listedLines(one)) io.out(line)
      for (const { order, name } of orders)
        io.out(
          `${name}  ACME ${order.directory}  next at ${new Date(order.nextAt).toISOString()}${order.problem === null ? '' : `  ${order.problem}`}`,
        )
    }
    return Promise.resolve(0)
  })
}

/** `check`: what is to be said of a kept certificate, now or at a time. */
async function check(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, { ...WITH_USE, at: { type: 'string' } }, 1)
  const [id] = options.positionals
  const at = options.text('at')
  if (id === undefined) throw new UsageError('which one? siegel tls-cert check ID')
  return withCertificates(options, io, (context) => {
    const { tenant, certificate } = named(context, options.text('tenant'), id)
    const moment = at === undefined ? io.now() : momentOf(at)
    const findings = context.identities.check(hostOf(tenant), certificate, usesMeant(options), moment)
    report(options, io, context, 'checked', certificate.id, findings)
    return Promise.resolve(acceptable(findings) ? 0 : 1)
  })
}

async function activate(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, WITH_USE, 1)
  const [id] = options.positionals
  const uses = usesMeant(options)
  return withCertificates(options, io, async (context) => {
    if (id === undefined) {
      const tenant = tenantMeant(context, options.text('tenant'))
      const before = context.identities.state()
      const next = uses.map((use) => slotFor(before, tenant.id, use).next).find((one) => one !== null)
      const findings = await context.identities.activateNext(hostOf(tenant), uses)
      report(options, io, context, 'in force', next ?? '', findings)
      return 0
    }
    const { tenant, certificate } = named(context, options.text('tenant'), id)
    const findings = await context.identities.activate(hostOf(tenant), certificate.id, uses)
    report(options, io, context, 'in force', certificate.id, findings)
    return 0
  })
}

async function stage(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, { ...WITH_USE, at: { type: 'string' } }, 1)
  const [id] = options.positionals
  const at = options.text('at')
  if (id === undefined) throw new UsageError('which one? siegel tls-cert stage ID [--at TIME]')
  const moment = at === undefined ? null : momentOf(at)
  return withCertificates(options, io, async (context) => {
    const { tenant, certificate } = named(context, options.text('tenant'), id)
    const findings = await context.identities.stage(
      hostOf(tenant),
      certificate.id,
      usesMeant(options),
      moment,
    )
    report(options, io, context, 'staged', certificate.id, findings)
    return 0
  })
}

async function rollBack(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, WITH_USE, 0)
  return withCertificates(options, io, async (context) => {
    const tenant = tenantMeant(context, options.text('tenant'))
    const slots = await context.identities.rollBack(hostOf(tenant), usesMeant(options))
    if (options.has('json')) io.out(JSON.stringify(slots.map(({ use, active }) => ({ use, active }))))
    else for (const { use, active } of slots) io.out(`in force as ${use}: ${active ?? ''}`)
    return 0
  })
}

async function remove(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, { ...CERTIFICATE_OPTIONS, yes: { type: 'boolean' } }, 1)
  const [id] = options.positionals
  if (id === undefined) throw new UsageError('which one? siegel tls-cert remove ID')
  return withCertificates(options, io, async (context) => {
    const { tenant, certificate } = named(context, options.text('tenant'), id)
    const state = context.identities.state()
    const active = USES.filter((use: Use) => slotFor(state, tenant.id, use).active === certificate.id)
    const what =
      active.length === 0
        ? 'it is not in force.'
        : `it is in force as ${active.join(' and ')}; afterwards the certificates of the configuration objects apply, or none.`
    const question = `Remove ${certificate.id} (${certificate.names.join(', ')}) with its private key for good? ${what}`
    if (!options.has('yes') && !(await confirmed(question, io))) {
      io.err('siegel: nothing was removed')
      return 1
    }
    await context.identities.remove(hostOf(tenant), certificate.id)
    io.out(
      options.has('json')
        ? JSON.stringify({ id: certificate.id, removed: true })
        : `removed ${certificate.id}`,
    )
    return 0
  })
}

/** `renew`: has the gateway ask the authority at its next look, whatever was wrong before. */
async function renew(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, CERTIFICATE_OPTIONS, 0)
  return withCertificates(options, io, async (context) => {
    const tenant = tenantMeant(context, options.text('tenant'))
    const issuer = context.settings.acmeIssuers.find(({ hosts }) =>
      hosts.some(({ tenantId }) => tenantId === tenant.id),
    )
    if (issuer === undefined) throw new UsageError(`no AcmeIssuer serves ${tenant.name}`)
    const { store } = context
    const kept = store.identities.orders().find(({ tenantId }) => tenantId === tenant.id)
    const host = hostOf(tenant)
    const awaited = kept?.certificateId ?? (await context.identities.request(host, issuer.key, 'acme')).id
    await store.identities.keepOrder({
      ...{ tenantId: tenant.id, directory: issuer.directory, url: kept?.url ?? null },
      ...{ certificateId: awaited, nextAt: 0, failures: kept?.failures ?? 0, problem: kept?.problem ?? null },
    })
    if (options.has('json')) io.out(JSON.stringify({ tenant: tenant.name, issuer: issuer.name, id: awaited }))
    else io.out(`${tenant.name}: a running gateway asks ${issuer.name} within a minute`)
    return 0
  })
}

const ACTIONS: Readonly<Record<string, (args: readonly string[], io: Io) => Promise<ExitCode>>> = {
  ...{ request, import: take, list, check, activate, stage, rollback: rollBack, remove, renew },
}

/** The verb `tls-cert`. */
export const tlsCert: Command = (args, io) => {
  const [action, ...rest] = args
  const run = action !== undefined && Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined
  if (run === undefined) throw new UsageError(`siegel tls-cert ${Object.keys(ACTIONS).join('|')}`)
  return run(rest, io)
}
