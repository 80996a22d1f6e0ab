/**
 * Reads certificate files as people have them: PEM with one or many, DER, or DER one after the other.
 */
import { EngineError } from '../errors.ts'
import { looksLikePem, readPem } from '../der/pem.ts'
import type { PemBlock } from '../der/pem.ts'
import { readPrefix } from '../der/reader.ts'
import { parseCertificate } from './certificate.ts'
import type { Certificate } from './certificate.ts'
import { readTrustSettings } from './trust-settings.ts'

/** RFC 7468 5.1, and the two older labels. */
const LABELS: ReadonlySet<string> = new Set(['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE'])

/** Told of a certificate that cannot be read, which is then left out. */
export type OnRefused = (error: EngineError) => void

/**
 * All certificates of a file in order. PEM blocks of another kind (keys, CRLs) are passed over.
 * @param onRefused - if given, damaged certificates of PEM files are reported to it and left out
 * @throws EngineError `pem-malformed`, `asn1-malformed`, `certificate-malformed`, `extension-duplicate`; also if there is none
 */
export function readCertificates(bytes: Buffer, onRefused?: OnRefused): Certificate[] {
  if (!looksLikePem(bytes)) return readConcatenated(bytes)
  const blocks = readPem(bytes).filter((block) => LABELS.has(block.label))
  if (blocks.length === 0) throw new EngineError('pem-malformed', 'no certificate in the file')
  const certificates: Certificate[] = []
  for (const block of blocks) {
    try {
      certificates.push(readBlock(block))
    } catch (error) {
      if (!(error instanceof EngineError) || onRefused === undefined) throw error
      onRefused(error)
    }
  }
  return certificates
}

function readBlock({ label, bytes }: PemBlock): Certificate {
  if (label !== 'TRUSTED CERTIFICATE') return parseCertificate(bytes)
  const { raw } = readPrefix(bytes)
  const rest = bytes.subarray(raw.length)
  return parseCertificate(raw, rest.length === 0 ? null : readTrustSettings(rest))
}

function readConcatenated(bytes: Buffer): Certificate[] {
  const certificates: Certificate[] = []
  let rest = bytes
  do {
    const { raw } = readPrefix(rest)
    certificates.push(parseCertificate(raw))
    rest = rest.subarray(raw.length)
  } while (rest.length > 0)
  return certificates
}
