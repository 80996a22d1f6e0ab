/**
 * `siegel cert path` judges a certificate path, `siegel cert p12` lists a PKCS#12 file, `siegel cert ocsp` is in cert-ocsp.ts, `siegel cert status`,
 * the only one that asks the network, in cert-status.ts. Exit 0 when the path is valid or the file opens, 1 when not, 2 for usage or I/O.
 */
import { parseArgs, type ParseArgsConfig } from 'node:util'
import {
  buildPath,
  EngineError,
  readCertificates,
  readPkcs12,
  type PathOptions,
  type PathResult,
  type Pkcs12,
  type Purpose,
  type Reason,
  type WantedAddress,
} from '@siegel/engine'
import { OCSP_USAGE, ocsp } from './cert-ocsp.ts'
import { certStatus, STATUS_USAGE } from './cert-status.ts'
import { readInput, UsageError, type Command, type ExitCode, type Io } from './io.ts'
import {
  readCertificateArguments,
  readCrlArguments,
  readOcspArguments,
  readPolicy,
  readRevocation,
  readTime,
} from './judging-arguments.ts'

const PATH_USAGE =
  'usage: siegel cert path --leaf F --trust F… [--intermediates F…] [--crl F…] [--ocsp F…] [--at T] --purpose P\n' +
  '       [--email A|--dns D|--ip I] [--max-depth N] [--allow-weak] [--min-strength BITS] [--profile strict|public|tolerant]\n' +
  '       [--revocation none|prefer|require]\n' +
  '       [--policy OID… --explicit-policy --inhibit-any --inhibit-map] [--json]\n' +
  '       P: email, email-sign, email-encrypt, tls-server, tls-client, time-stamping, code-signing, any'
const P12_USAGE = 'usage: siegel cert p12 FILE [--pass TEXT|--pass-file F] [--json]'

/** The command `siegel cert`. */
export const cert: Command = async (args, io) => {
  const [form, ...rest] = args
  switch (form) {
    case 'path':
      return path(rest, io)
    case 'p12':
      return p12(rest, io)
    case 'ocsp':
      return ocsp(rest, io)
    case 'status':
      return certStatus(rest, io)
    default:
      throw new UsageError(`${PATH_USAGE}\n${OCSP_USAGE}\n${P12_USAGE}\n${STATUS_USAGE}`)
  }
}

const TEXT = { type: 'string' } as const
const TEXTS = { type: 'string', multiple: true } as const
const FLAG = { type: 'boolean' } as const

function parse<const T extends NonNullable<ParseArgsConfig['options']>>(
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

async function path(args: readonly string[], io: Io): Promise<ExitCode> {
  const { values, positionals } = parse(
    args,
    {
      ...{ leaf: TEXT, trust: TEXTS, intermediates: TEXTS, crl: TEXTS, ocsp: TEXTS, at: TEXT, purpose: TEXT },
      ...{ email: TEXT, dns: TEXT, ip: TEXT, 'max-depth': TEXT, 'allow-weak': FLAG, revocation: TEXT },
      ...{ 'min-strength': TEXT, profile: TEXT },
      ...{ policy: TEXTS, 'explicit-policy': FLAG, 'inhibit-any': FLAG, 'inhibit-map': FLAG, json: FLAG },
    },
    PATH_USAGE,
  )
  const { leaf, trust = [], intermediates = [] } = values
  if (positionals.length > 0 || leaf === undefined || trust.length === 0) throw new UsageError(PATH_USAGE)
  const options = {
    ...{
      crls: await readCrlArguments(values.crl, io),
      ocspResponses: await readOcspArguments(values.ocsp, io),
    },
    ...{ purpose: readPurpose(values.purpose), at: values.at === undefined ? io.now() : readTime(values.at) },
    ...readAddress(values),
    ...(values['max-depth'] === undefined ? {} : { maxDepth: readDepth(values['max-depth']) }),
    ...{ allowWeak: values['allow-weak'] === true, revocation: readRevocation(values.revocation) },
    ...(values['min-strength'] === undefined
      ? {}
      : { minimumStrength: readStrength(values['min-strength']) }),
    ...(values.profile === undefined ? {} : { profile: readProfile(values.profile) }),
    ...{
      policies: (values.policy ?? []).map(readPolicy),
      explicitPolicy: values['explicit-policy'] === true,
    },
    ...{
      inhibitAnyPolicy: values['inhibit-any'] === true,
      inhibitPolicyMapping: values['inhibit-map'] === true,
    },
  } satisfies Omit<PathOptions, 'anchors' | 'intermediates'>
  const result = await judge(leaf, trust, intermediates, options, io)
  if (values.json === true) io.out(JSON.stringify(pathJson(result)))
  else printPath(result, io)
  return result.valid ? 0 : 1
}

async function judge(
  leaf: string,
  trust: readonly string[],
  intermediates: readonly string[],
  options: Omit<PathOptions, 'anchors' | 'intermediates'>,
  io: Io,
): Promise<PathResult> {
  const leafBytes = await readInput(leaf, io)
  const anchors = await readCertificateArguments(trust, io)
  const untrusted = await readCertificateArguments(intermediates, io)
  try {
    // Certificates behind the leaf in its own file are untrusted material
    const [first, ...more] = readCertificates(leafBytes)
    if (first === undefined) throw new EngineError('pem-malformed', 'no certificate in the file')
    return buildPath(first, { ...options, anchors, intermediates: [...untrusted, ...more] })
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    const finding = { reason: error.code, certificate: null, detail: error.message }
    return { valid: false, reasons: [error.code], findings: [finding], path: [], weak: [] }
  }
}

const PURPOSES: readonly Purpose[] = [
  'email',
  'email-sign',
  'email-encrypt',
  'tls-server',
  'tls-client',
  'time-stamping',
  'code-signing',
  'any',
]

function readPurpose(text: string | undefined): Purpose {
  const purpose = PURPOSES.find((name) => name === text)
  if (purpose === undefined) throw new UsageError(`--purpose is one of ${PURPOSES.join(', ')}\n${PATH_USAGE}`)
  return purpose
}

function readAddress(values: { readonly email?: string; readonly dns?: string; readonly ip?: string }): {
  readonly address?: WantedAddress
} {
  const given: WantedAddress[] = []
  if (values.email !== undefined) given.push({ email: values.email })
  if (values.dns !== undefined) given.push({ dns: values.dns })
  if (values.ip !== undefined) given.push({ ip: values.ip })
  const [address, ...more] = given
  if (more.length > 0) throw new UsageError('only one of --email, --dns and --ip')
  return address === undefined ? {} : { address }
}

function readDepth(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new UsageError(`--max-depth is no number up to 999: ${text}`)
  return Number(text)
}

function readStrength(text: string): number {
  if (!/^\d{1,3}$/.test(text) || Number(text) > 256)
    throw new UsageError(`--min-strength is no number of bits up to 256: ${text}`)
  return Number(text)
}

function readProfile(text: string): 'strict' | 'public' | 'tolerant' {
  if (text !== 'strict' && text !== 'public' && text !== 'tolerant')
    throw new UsageError(`--profile is strict, public or tolerant, not ${text}`)
  return text
}

function pathJson(result: PathResult) {
  const path = result.path.map((certificate) => ({
    subject: certificate.subject.text,
    issuer: certificate.issuer.text,
    serial: certificate.serialHex,
    emails: certificate.emails,
    notBefore: new Date(certificate.notBefore).toISOString(),
    notAfter: new Date(certificate.notAfter).toISOString(),
    fingerprint: certificate.fingerprint,
  }))
  const findings = result.findings.map(({ reason, certificate, detail }) => {
    return { reason, subject: certificate?.subject.text ?? null, detail }
  })
  return { valid: result.valid, reasons: result.reasons, path, findings }
}

function printPath(result: PathResult, io: Io): void {
  io.out(result.valid ? 'valid' : 'invalid')
  for (const { reason, certificate, detail } of result.findings)
    io.out(`  ${reason}${certificate === null ? '' : ` (${certificate.subject.text})`}: ${detail}`)
  for (const [index, certificate] of result.path.entries())
    io.out(`${index}: ${certificate.subject.text}, until ${new Date(certificate.notAfter).toISOString()}`)
}

async function p12(args: readonly string[], io: Io): Promise<ExitCode> {
  const { values, positionals } = parse(args, { pass: TEXT, 'pass-file': TEXT, json: FLAG }, P12_USAGE)
  const [file, ...more] = positionals
  if (file === undefined || more.length > 0) throw new UsageError(P12_USAGE)
  if (values.pass !== undefined && values['pass-file'] !== undefined)
    throw new UsageError('only one of --pass and --pass-file')
  const passFile = values['pass-file']
  const password =
    passFile === undefined
      ? (values.pass ?? '')
      : (await readInput(passFile, io)).toString('utf8').replace(/\r?\n$/, '')
  const result = open(await readInput(file, io), password)
  if (values.json === true) io.out(JSON.stringify(result))
  else printP12(result, io)
  return result.ok ? 0 : 1
}

interface P12Result {
  readonly ok: boolean
  readonly keys: readonly { readonly algorithm: string; readonly bits: number | null }[]
  readonly certificates: readonly {
    readonly subject: string
    readonly emails: readonly string[]
    readonly notAfter: string
  }[]
  readonly reasons: readonly Reason[]
}

function open(bytes: Buffer, password: string): P12Result {
  try {
    return p12Json(readPkcs12(bytes, password))
  } catch (error) {
    if (error instanceof EngineError) return { ok: false, keys: [], certificates: [], reasons: [error.code] }
    throw error
  }
}

function p12Json(file: Pkcs12): P12Result {
  const keys = file.keys.map(({ key }) => {
    const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {}
    const size = /(\d{3})/.exec(namedCurve ?? key.asymmetricKeyType ?? '')?.[1]
    const algorithm = key.asymmetricKeyType ?? 'unknown'
    if (algorithm === 'ed25519' || algorithm === 'x25519') return { algorithm, bits: 256 }
    return { algorithm, bits: modulusLength ?? (size === undefined ? null : Number(size)) }
  })
  const certificates = file.certificates.map((certificate) => ({
    subject: certificate.subject.text,
    emails: certificate.emails,
    notAfter: new Date(certificate.notAfter).toISOString(),
  }))
  return { ok: true, keys, certificates, reasons: [...new Set(file.refused.map(({ code }) => code))] }
}

function printP12(result: P12Result, io: Io): void {
  io.out(result.ok ? 'ok' : 'not readable')
  for (const reason of result.reasons) io.out(`  ${reason}`)
  for (const { algorithm, bits } of result.keys)
    io.out(`key: ${algorithm}${bits === null ? '' : ` ${bits} bits`}`)
  for (const { subject, emails, notAfter } of result.certificates)
    io.out(
      `certificate: ${subject}${emails.length === 0 ? '' : ` <${emails.join('>, <')}>`}, until ${notAfter}`,
    )
}
