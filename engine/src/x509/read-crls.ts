/**
 * Reads CRL files as people have them: PEM with one or many, DER, or DER one after the other.
 */
import { EngineError } from '../errors.ts'
import { looksLikePem, readPem } from '../der/pem.ts'
import { readPrefix } from '../der/reader.ts'
import { parseCrl } from './crl.ts'
import type { Crl } from './crl.ts'

/** RFC 7468 6, and the older label. */
const LABELS: ReadonlySet<string> = new Set(['X509 CRL', 'CRL'])
/** More CRLs in one file are refused. */
const MAX_CRLS = 10_000

/**
 * All CRLs of a file in order. PEM blocks of another kind are passed over.
 * @param onRefused - told of each CRL that cannot be read, which is then left out
 * @throws EngineError `pem-malformed` if there is none, `asn1-malformed`
 */
export function readCrls(bytes: Buffer, onRefused: (error: EngineError) => void): Crl[] {
  const encoded = looksLikePem(bytes)
    ? readPem(bytes)
        .filter(({ label }) => LABELS.has(label))
        .map((block) => block.bytes)
    : concatenated(bytes)
  if (encoded.length === 0) throw new EngineError('pem-malformed', 'no CRL in the file')
  return parseCrls(encoded, onRefused)
}

/** Parses CRLs; those that cannot be read are reported and left out. */
export function parseCrls(encoded: readonly Buffer[], onRefused: (error: EngineError) => void): Crl[] {
  const crls: Crl[] = []
  for (const bytes of encoded) {
    try {
      crls.push(parseCrl(bytes))
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      onRefused(error)
    }
  }
  return crls
}

function concatenated(bytes: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let rest = bytes; rest.length > 0 && found.length < MAX_CRLS;) {
    const { raw } = readPrefix(rest)
    found.push(raw)
    rest = rest.subarray(raw.length)
  }
  return found
}
