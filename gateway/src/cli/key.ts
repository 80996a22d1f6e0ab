/**
 * `siegel key`: makes own S/MIME keys with the request for their certificate, and joins the authority's reply with the key. The key
 * never leaves the store.
 */
import { parseCertificate, readCertificates, sourceOf, writePem, type Certificate } from '@siegel/engine'
import { toDocument } from '../config/config-object.ts'
import { makeKey } from '../identity/request.ts'
import type { KeyRequest } from '../keyring/issuing-ports.ts'
import { completeReply, OwnKeyRefused, requestForAddresses } from '../keyring/own-keys.ts'
import { writeFrom } from './files.ts'
import { readInput, readMany, UsageError, type Command, type ExitCode, type Io } from './io.ts'
import { addressOf, deedOf, KEYRING_OPTIONS, withKeyring, type KeyringContext } from './keyring-context.ts'
import { readOptions } from './options.ts'
import { printable, render } from './texts.ts'

const KINDS = ['rsa-3072', 'rsa-4096', 'rsa-2048', 'p-256', 'p-384'] as const
const MOST_ADDRESSES = 100

/** The kind of key that is wanted; RSA with 3072 bits is what every partner reads. */
export function kindOf(text: string | undefined): (typeof KINDS)[number] {
  const kind = KINDS.find((one) => one === (text ?? 'rsa-3072'))
  if (kind === undefined) throw new UsageError(`--key must be one of ${KINDS.join(', ')}`)
  return kind
}

/** The addresses that are named; at least one. */
export function addressesOf(texts: readonly string[]): readonly [string, ...string[]] {
  const [first, ...rest] = [...new Set(texts.map(addressOf))]
  if (first === undefined) throw new UsageError('for whom? --address A')
  if (rest.length >= MOST_ADDRESSES) throw new UsageError(`at most ${MOST_ADDRESSES} addresses`)
  return [first, ...rest]
}

/** What was refused, as a line of its own; exit 1. */
export async function saying(
  { language }: KeyringContext,
  io: Io,
  work: () => Promise<ExitCode>,
): Promise<ExitCode> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof OwnKeyRefused)) throw error
    io.err(`siegel: ${render(error.code, { detail: error.message }, language)}`)
    return 1
  }
}

const WITH_KEY = {
  ...KEYRING_OPTIONS,
  address: { type: 'string', multiple: true },
  name: { type: 'string' },
  key: { type: 'string' },
  out: { type: 'string' },
} as const

async function generate(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, WITH_KEY, 0)
  const keyKind = kindOf(options.text('key'))
  const addresses = addressesOf(options.texts('address'))
  return withKeyring(options, async ({ store, tenant, language }) => {
    const { issuing } = store.forTenant(tenant.id)
    const key = await makeKey(keyKind)
    const der = requestForAddresses(key, options.text('name') ?? addresses[0], addresses)
    const csr = writePem('CERTIFICATE REQUEST', der)
    const request: KeyRequest = { id: issuing.newId(), addresses, keyKind, csr, createdAt: io.now() }
    const privateKey = key.export({ type: 'pkcs8', format: 'der' })
    await issuing.keepRequest(request, privateKey, deedOf('key-generated'))
    const out = options.text('out')
    if (out !== undefined) await writeFrom(out, sourceOf(Buffer.from(csr)))
    if (options.has('json')) io.out(JSON.stringify({ id: request.id, addresses, keyKind, csr }))
    else if (out === undefined) io.out(csr.trimEnd())
    if (!options.has('json')) io.err(render('key-awaits-certificate', { id: request.id }, language))
    return 0
  })
}

async function list(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, KEYRING_OPTIONS, 0)
  return withKeyring(options, ({ store, tenant }) => {
    const requests = store.forTenant(tenant.id).issuing.requests()
    if (options.has('json')) io.out(JSON.stringify(requests))
    else
      for (const { id, keyKind, addresses, createdAt } of requests)
        io.out(
          `${id}  ${new Date(createdAt).toISOString().slice(0, 10)}  ${keyKind}  ${printable(addresses.join(' '))}`,
        )
    return Promise.resolve(0)
  })
}

/** The authorities that the tenant trusts: a reply may leave out what they are. */
async function anchorsOf({ store, tenant }: KeyringContext): Promise<Certificate[]> {
  const { objects } = await store.config.read()
  return objects.flatMap((object) => {
    const parsed = object.kind === 'MailAnchor' && object.tenant === tenant.name ? toDocument(object) : null
    if (parsed?.ok !== true || parsed.document.kind !== 'MailAnchor') return []
    const text = parsed.document.spec.certificate
    const pem = text.includes('-----BEGIN ')
    return pem ? readCertificates(Buffer.from(text)) : [parseCertificate(Buffer.from(text, 'base64'))]
  })
}

async function importReply(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, { ...KEYRING_OPTIONS, chain: { type: 'string', multiple: true } }, 1)
  const [path] = options.positionals
  if (path === undefined) throw new UsageError('which file? siegel key import-reply FILE')
  const reply = certificatesOf(await readInput(path, io), path)
  const files = await Promise.all(options.texts('chain').map((one) => readMany(one, io)))
  const chain = files.flat().flatMap((bytes) => certificatesOf(bytes, '--chain'))
  return withKeyring(options, (context) =>
    saying(context, io, async () => {
      const { issuing, keyring } = context.store.forTenant(context.tenant.id)
      const awaiting = issuing.requests().flatMap(({ id, addresses }) => {
        const privateKey = issuing.requestKey(id)
        return privateKey === null ? [] : [{ id, addresses, privateKey }]
      })
      const further = [...chain, ...(await anchorsOf(context))]
      const { request, entry } = completeReply(reply, further, awaiting, path)
      const [kept] = await keyring.add([entry], deedOf('key-certified', { request }))
      // After the entry: a crash in between leaves both, and the reply can be imported again.
      await issuing.removeRequest(request, deedOf('request-done'))
      const { fingerprint, addresses } = entry
      const id = kept?.id ?? ''
      if (options.has('json')) io.out(JSON.stringify({ id, request, fingerprint, addresses }))
      else io.out(render('key-certified', { id, addresses: addresses.join(' ') }, context.language))
      return 0
    }),
  )
}

function certificatesOf(bytes: Buffer, name: string): Certificate[] {
  try {
    return readCertificates(bytes)
  } catch (error) {
    throw new UsageError(`${name}: ${error instanceof Error ? error.message : 'no certificate'}`)
  }
}

async function remove(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, KEYRING_OPTIONS, 1)
  const [id] = options.positionals
  if (id === undefined) throw new UsageError('which key? siegel key remove ID')
  return withKeyring(options, async ({ store, tenant, language }) => {
    const { issuing } = store.forTenant(tenant.id)
    const done = await issuing.removeRequest(id.toUpperCase(), deedOf('request-removed'))
    io.out(render(done ? 'request-removed' : 'nothing-to-change', { id }, language))
    return done ? 0 : 1
  })
}

const FORMS: Readonly<Record<string, Command>> = { generate, list, 'import-reply': importReply, remove }

/** The verb `key`. */
export const key: Command = async (args, io) => {
  const [name, ...rest] = args
  const form = name !== undefined && Object.hasOwn(FORMS, name) ? FORMS[name] : undefined
  if (form === undefined) throw new UsageError(`which form? ${Object.keys(FORMS).join(', ')}`)
  return form(rest, io)
}
