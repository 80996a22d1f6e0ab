/**
 * Reads the arguments of `siegel smime`: trust and moment of a verification, private keys with their certificates,
 * recipients' certificates, and what kind of thing FILE is.
 */
import { createPublicKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { parseArgs, type ParseArgsConfig } from 'node:util'
import {
  contentKind,
  EngineError,
  readCertificates,
  readPem,
  readPkcs12,
  readPrivateKey,
  readStart,
  scanHeaderOfSource,
  sourceOf,
  type ByteSource,
  type Certificate,
  type DecryptionKey,
  type VerifyOptions,
} from '@siegel/engine'
import {
  readCertificateArguments,
  readCrlArguments,
  readOcspArguments,
  readPolicy,
  readRevocation,
  readTime,
} from './judging-arguments.ts'
import { openInput, type InputFile } from './files.ts'
import { readInput, readMany, UsageError, type Io } from './io.ts'

export const TEXT = { type: 'string' } as const
export const TEXTS = { type: 'string', multiple: true } as const
export const FLAG = { type: 'boolean' } as const

/** Options that say how to judge signatures. */
export const VERIFY_OPTIONS = {
  ...{ trust: TEXTS, intermediates: TEXTS, crl: TEXTS, ocsp: TEXTS, at: TEXT, 'allow-weak': FLAG },
  ...{ revocation: TEXT, policy: TEXTS, 'explicit-policy': FLAG, 'inhibit-any': FLAG, 'inhibit-map': FLAG },
} as const

/** Options that say where a private key is. */
export const KEY_OPTIONS = { key: TEXT, pass: TEXT, 'pass-file': TEXT, cert: TEXTS } as const

/** What `parseArguments` gives for the options above. */
export interface VerifyValues {
  readonly trust?: string[]
  readonly intermediates?: string[]
  readonly crl?: string[]
  readonly ocsp?: string[]
  readonly at?: string
  readonly 'allow-weak'?: boolean
  readonly revocation?: string
  readonly policy?: string[]
  readonly 'explicit-policy'?: boolean
  readonly 'inhibit-any'?: boolean
  readonly 'inhibit-map'?: boolean
}

/** What `parseArguments` gives for KEY_OPTIONS. */
export interface KeyValues {
  readonly key?: string
  readonly pass?: string
  readonly 'pass-file'?: string
  readonly cert?: string[]
}

/** Reads options and the one FILE. @throws UsageError */
export function parseArguments<const T extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: T,
  usage: string,
) {
  const parsed = parseOrRefuse(args, options, usage)
  const [file, ...more] = parsed.positionals
  if (file === undefined || more.length > 0) throw new UsageError(usage)
  return { file, values: parsed.values }
}

function parseOrRefuse<const T extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: T,
  usage: string,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : 'bad arguments'}\n${usage}`)
  }
}

/** FILE, recognised by its content: a bare CMS object in DER (BER), or a mail. */
export interface Input extends InputFile {
  readonly kind: 'cms' | 'mail'
}

const CMS_LABELS: ReadonlySet<string> = new Set(['CMS', 'PKCS7', 'PKCS #7 SIGNED DATA'])

/** Opens FILE. @throws UsageError when it cannot be read */
export async function openFileArgument(file: string, io: Io): Promise<Input> {
  const input = await openInput(file, io)
  try {
    const { source } = input
    const start = await readStart(source, 64)
    if (start[0] === 0x30 && contentKind(start) !== null) return { ...input, kind: 'cms' }
    // RFC 7468 2: text may stand before the PEM; a mail begins with a header field, even if its body holds PEM
    if (await hasHeader(source)) return { ...input, kind: 'mail' }
    const bytes = await readStart(source, source.length)
    if (bytes.indexOf('-----BEGIN ') < 0) return { ...input, kind: 'mail' }
    const block = refusing(file, () => readPem(bytes)).find(({ label }) => CMS_LABELS.has(label))
    if (block === undefined) throw new UsageError(`${file}: neither a mail nor a CMS object`)
    return { ...input, kind: 'cms', source: sourceOf(block.bytes) }
  } catch (error) {
    await input.close()
    throw error
  }
}

async function hasHeader(source: ByteSource): Promise<boolean> {
  try {
    return (await scanHeaderOfSource(source)).fields.length > 0
  } catch (error) {
    // A header beyond all limits is one; the verdict says what is wrong with it.
    if (error instanceof EngineError) return true
    throw error
  }
}

/** The same as `refusing` for what has to be waited for. */
export async function refusingLater<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof EngineError) throw new UsageError(`${what}: ${error.message}`)
    throw error
  }
}

/** Turns what the engine says about an argument into a UsageError that names it. */
export function refusing<T>(what: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (error instanceof EngineError) throw new UsageError(`${what}: ${error.message}`)
    throw error
  }
}

/** How to judge signatures, from the options. @throws UsageError */
export async function readVerifyOptions(values: VerifyValues, io: Io): Promise<VerifyOptions> {
  return {
    anchors: await readCertificateArguments(values.trust ?? [], io),
    intermediates: await readCertificateArguments(values.intermediates ?? [], io),
    crls: await readCrlArguments(values.crl, io),
    ocspResponses: await readOcspArguments(values.ocsp, io),
    at: values.at === undefined ? io.now() : readTime(values.at),
    allowWeak: values['allow-weak'] === true,
    revocation: readRevocation(values.revocation),
    policies: (values.policy ?? []).map(readPolicy),
    explicitPolicy: values['explicit-policy'] === true,
    inhibitAnyPolicy: values['inhibit-any'] === true,
    inhibitPolicyMapping: values['inhibit-map'] === true,
  }
}

/** Private keys of a file with the certificates that fit them, and all certificates at hand. */
export interface KeyMaterial {
  readonly keys: readonly DecryptionKey[]
  readonly certificates: readonly Certificate[]
}

/** Reads --key, --pass, --pass-file and --cert. @throws UsageError */
export async function readKeys(values: KeyValues, usage: string, io: Io): Promise<KeyMaterial> {
  const { key: path } = values
  if (path === undefined) throw new UsageError(`--key is missing\n${usage}`)
  const bytes = await readInput(path, io)
  const password = await readPassword(values)
  const own = refusing(path, () => readKeyFile(bytes, password))
  const given: Certificate[] = []
  for (const name of values.cert ?? [])
    for (const each of await readMany(name, io)) given.push(...refusing(name, () => readCertificates(each)))
  const certificates = [...given, ...own.certificates]
  const keys = own.keys.flatMap((key): readonly DecryptionKey[] => {
    const fitting = certificates.filter((certificate) => fits(certificate, key))
    return fitting.length === 0
      ? [{ key, certificate: null }]
      : fitting.map((certificate) => ({ key, certificate }))
  })
  if (given.length > 0 && !given.some((certificate) => keys.some((each) => each.certificate === certificate)))
    throw new UsageError('--cert: no certificate in it belongs to the key')
  return { keys, certificates }
}

type PrivateKey = DecryptionKey['key']

function fits(certificate: Certificate, key: PrivateKey): boolean {
  try {
    // Not KeyObject.equals: for keys of different types it leaves an error behind that fails the next key import (Node 26).
    return spkiOf(certificate.publicKey).equals(spkiOf(createPublicKey(key)))
  } catch (error) {
    // A certificate with a key of an unknown kind belongs to no key that can be used.
    if (error instanceof EngineError) return false
    throw error
  }
}

function spkiOf(key: PrivateKey): Buffer {
  return key.export({ type: 'spki', format: 'der' })
}

function readKeyFile(
  bytes: Buffer,
  password: string | undefined,
): { readonly keys: readonly PrivateKey[]; readonly certificates: readonly Certificate[] } {
  if (bytes[0] !== 0x30) {
    const key = readPrivateKey(bytes, password)
    const certificates = readPem(bytes).some(({ label }) => label.endsWith('CERTIFICATE'))
    return { keys: [key], certificates: certificates ? readCertificates(bytes) : [] }
  }
  try {
    const { keys, certificates } = readPkcs12(bytes, password ?? '')
    if (keys.length === 0) throw new UsageError('the PKCS#12 file holds no private key')
    return { keys: keys.map(({ key }) => key), certificates }
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'pkcs12-malformed') throw error
    return { keys: [readPrivateKey(bytes, password)], certificates: [] }
  }
}

async function readPassword(values: KeyValues): Promise<string | undefined> {
  const { pass, 'pass-file': path } = values
  if (path === undefined) return pass
  if (pass !== undefined) throw new UsageError('only one of --pass and --pass-file')
  try {
    return (await readFile(path, 'utf8')).split(/\r?\n/, 1)[0]
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${(error as NodeJS.ErrnoException).code ?? 'error'}`)
  }
}

/**
 * Reads --to: one recipient for each file. A file with several certificates is one person's with their CAs.
 * @throws UsageError
 */
export async function readRecipients(paths: readonly string[], io: Io): Promise<Certificate[]> {
  const recipients: Certificate[] = []
  for (const name of paths)
    for (const bytes of await readMany(name, io)) {
      const all = refusing(name, () => readCertificates(bytes))
      const people = all.filter((certificate) => certificate.basicConstraints?.ca !== true)
      const [first] = people.length === 0 ? all : people
      if (first === undefined || people.length > 1)
        throw new UsageError(
          `--to ${name}: which of its ${people.length} certificates? One file for each recipient`,
        )
      recipients.push(first)
    }
  return recipients
}
