/**
 * `siegel cert ocsp` judges one OCSP response for a certificate, or for all certificates of the issuer that it speaks of. Reads
 * files, connects to nothing. Exit 0 for good, 1 for revoked, unknown and invalid, 2 for usage or I/O.
 */
import { parseArgs } from 'node:util'
import {
  buildPath,
  EngineError,
  isIssuedBy,
  judgeOcspResponse,
  parseOcspResponse,
  readCertificates,
  REASONS,
  type Certificate,
  type OcspResponse,
  type OcspVerdict,
  type Reason,
} from '@siegel/engine'
import { readInput, UsageError, type Command, type Io } from './io.ts'
import { readCertificateArguments, readTime } from './judging-arguments.ts'

/** How it is called. */
export const OCSP_USAGE =
  'usage: siegel cert ocsp --response F --issuer F [--cert F] [--trust F…] [--at T] [--allow-weak] [--json]'

const TEXT = { type: 'string' } as const
const TEXTS = { type: 'string', multiple: true } as const
const FLAG = { type: 'boolean' } as const
const OPTIONS = {
  ...{ response: TEXT, issuer: TEXT, cert: TEXT, trust: TEXTS, at: TEXT },
  ...{ 'allow-weak': FLAG, json: FLAG },
} as const

/** The form `siegel cert ocsp`. */
export const ocsp: Command = async (args, io) => {
  const values = readValues(args)
  const { response: file, issuer: issuerFile, cert: certFile } = values
  if (file === undefined || issuerFile === undefined) throw new UsageError(OCSP_USAGE)
  const at = values.at === undefined ? io.now() : readTime(values.at)
  const [issuer, ...more] = await readCertificateFile(issuerFile, io)
  const [certificate = null] = certFile === undefined ? [] : await readCertificateFile(certFile, io)
  const trust = values.trust === undefined ? null : await readCertificateArguments(values.trust, io)
  const bytes = await readInput(file, io)
  if (issuer === undefined) throw new UsageError(`${issuerFile}: no certificate`)
  const allowWeak = values['allow-weak'] === true
  const verdict = judge(bytes, { certificate, issuer, more, trust, at, allowWeak })
  const { status, reasons } = verdict
  if (values.json === true) io.out(JSON.stringify({ status, reasons }))
  else print(verdict, io)
  return status === 'good' ? 0 : 1
}

function readValues(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true }).values
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : 'bad arguments'}\n${OCSP_USAGE}`)
  }
}

async function readCertificateFile(path: string, io: Io): Promise<Certificate[]> {
  const bytes = await readInput(path, io)
  try {
    return readCertificates(bytes)
  } catch (error) {
    if (error instanceof EngineError) throw new UsageError(`${path}: ${error.message}`)
    throw error
  }
}

interface Question {
  readonly certificate: Certificate | null
  readonly issuer: Certificate
  /** Untrusted certificates beside the issuer in its file. */
  readonly more: readonly Certificate[]
  /** Null: the issuer is trusted because the operator names it. */
  readonly trust: readonly Certificate[] | null
  readonly at: number
  readonly allowWeak: boolean
}

function judge(bytes: Buffer, question: Question): OcspVerdict {
  const { certificate, issuer, trust, at, allowWeak } = question
  try {
    const response = parseOcspResponse(bytes)
    const problem = issuerProblem(response, question)
    if (problem !== null) return problem
    const responders = trust ?? []
    return judgeOcspResponse(response, { certificate, issuer, responders, at, allowWeak })
  } catch (error) {
    if (error instanceof EngineError) return invalid([error.code], error.message)
    throw error
  }
}

/** Why the issuer does not count: it did not issue the certificate, or nothing under --trust vouches for it. */
function issuerProblem(response: OcspResponse, question: Question): OcspVerdict | null {
  const { certificate, issuer, more, trust, at, allowWeak } = question
  if (certificate !== null && !isIssuedBy(certificate, issuer))
    return invalid(['certificate-signature-invalid'], 'the certificate is not by this issuer')
  if (trust === null) return null
  const path = buildPath(issuer, {
    ...{ anchors: trust, intermediates: [...more, ...(response.basic?.certificates ?? [])], at, allowWeak },
    ...{ purpose: 'any', revocation: 'none' },
  })
  return path.valid ? null : invalid(path.reasons, path.findings.map(({ detail }) => detail).join(', '))
}

function invalid(reasons: readonly Reason[], detail: string): OcspVerdict {
  return { status: 'invalid', reasons, detail, answer: null }
}

function print({ status, reasons, detail, answer }: OcspVerdict, io: Io): void {
  io.out(`${status}: ${detail}`)
  for (const reason of reasons) io.out(`  ${reason}: ${REASONS[reason]}`)
  if (answer === null) return
  const text = (ms: number | null): string => (ms === null ? 'not said' : new Date(ms).toISOString())
  io.out(`this update: ${text(answer.thisUpdate)}`)
  io.out(`next update: ${text(answer.nextUpdate)}`)
  if (answer.archiveCutoff !== null) io.out(`archive cutoff: ${text(answer.archiveCutoff)}`)
}
