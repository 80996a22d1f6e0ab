/**
 * Reads the arguments that say how to judge: certificates, CRLs, OCSP responses, moment, revocation, policies. A damaged file
 * can only be missed, never believed by mistake: it is named on standard error and left out. Fetches nothing.
 */
import {
  EngineError,
  parseOcspResponse,
  readCertificates,
  readCrls,
  type Certificate,
  type Crl,
  type OcspResponse,
} from '@siegel/engine'
import { readMany, UsageError, type Io } from './io.ts'

/** Reads --crl: PEM with any number, DER, or folders of such files. @throws UsageError when a file cannot be read */
export async function readCrlArguments(paths: readonly string[] | undefined, io: Io): Promise<Crl[]> {
  const crls: Crl[] = []
  for (const name of paths ?? [])
    for (const bytes of await readMany(name, io)) {
      const refuse = (error: EngineError): void => {
        io.err(`${name}: a CRL is left out: ${error.message}`)
      }
      try {
        crls.push(...readCrls(bytes, refuse))
      } catch (error) {
        if (!(error instanceof EngineError)) throw error
        refuse(error)
      }
    }
  return crls
}

/** Reads --ocsp: one response for each file, or folders of them. @throws UsageError when a file cannot be read */
export async function readOcspArguments(
  paths: readonly string[] | undefined,
  io: Io,
): Promise<OcspResponse[]> {
  const responses: OcspResponse[] = []
  for (const name of paths ?? [])
    for (const bytes of await readMany(name, io)) {
      try {
        responses.push(parseOcspResponse(bytes))
      } catch (error) {
        if (!(error instanceof EngineError)) throw error
        io.err(`${name}: an OCSP response is left out: ${error.message}`)
      }
    }
  return responses
}

/** Reads certificates: PEM with any number, DER, or folders of such files. @throws UsageError when a file cannot be read */
export async function readCertificateArguments(paths: readonly string[], io: Io): Promise<Certificate[]> {
  const certificates: Certificate[] = []
  for (const name of paths)
    for (const bytes of await readMany(name, io)) {
      const refuse = (error: EngineError): void => {
        io.err(`${name}: a certificate is left out: ${error.message}`)
      }
      try {
        certificates.push(...readCertificates(bytes, refuse))
      } catch (error) {
        if (!(error instanceof EngineError)) throw error
        refuse(error)
      }
    }
  return certificates
}

/** A moment in milliseconds since 1970 (RFC 3339 5.6). @throws UsageError */
export function readTime(text: string): number {
  const form = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/
  const at = form.test(text) ? Date.parse(text.toUpperCase().replace(' ', 'T')) : NaN
  if (Number.isNaN(at)) throw new UsageError(`--at is no RFC 3339 time: ${text}`)
  return at
}

/** Reads --revocation. @throws UsageError */
export function readRevocation(text = 'prefer'): 'none' | 'prefer' | 'require' {
  if (text !== 'none' && text !== 'prefer' && text !== 'require')
    throw new UsageError(`--revocation is none, prefer or require, not ${text}`)
  return text
}

/** Reads one --policy. @throws UsageError */
export function readPolicy(text: string): string {
  if (text === 'anyPolicy') return '2.5.29.32.0'
  if (!/^[0-2](?:\.\d+)+$/.test(text)) throw new UsageError(`--policy is no object identifier: ${text}`)
  return text
}
