/**
 * Reads the certificates of an answer: DER, PEM, or a CMS object that carries them. Takes a bounded number; what cannot be read is
 * said and left out. Judges nothing.
 */
import { EngineError, parseCertificate, readCertificates, readContentInfo, readPem } from '@siegel/engine'
import type { Certificate } from '@siegel/engine'
import type { KeyReason } from '../keyring.ts'
import type { FoundCertificate } from './finder.ts'

/** Octets of one answer that are read. */
export const LARGEST_ANSWER = 256 * 1024
/** Certificates of one answer that are looked at. */
const MOST_CERTIFICATES = 32

/** Certificates that could be read, and why others could not. */
export interface ReadAnswer {
  readonly certificates: readonly FoundCertificate[]
  readonly reasons: readonly KeyReason[]
}

/** Reads pieces that hold certificates each, such as the values of an attribute. */
export function readAnswer(pieces: readonly Buffer[]): ReadAnswer {
  const found = new Map<string, Certificate>()
  const reasons: KeyReason[] = []
  for (const piece of pieces) {
    if (found.size >= MOST_CERTIFICATES) break
    try {
      for (const certificate of certificatesIn(piece)) found.set(certificate.fingerprint, certificate)
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      reasons.push({ code: 'found-unreadable', arguments: { cause: error.code } })
    }
  }
  const all = [...found.values()].slice(0, MOST_CERTIFICATES)
  return {
    certificates: all
      .filter(({ basicConstraints }) => basicConstraints?.ca !== true)
      .map((certificate) => ({ certificate, chain: all.filter((other) => other !== certificate) })),
    reasons: reasons.slice(0, MOST_CERTIFICATES),
  }
}

function certificatesIn(piece: Buffer): Certificate[] {
  if (piece.length > LARGEST_ANSWER)
    throw new EngineError('certificate-malformed', 'an answer that is too large')
  if (piece.subarray(0, 1024).includes('-----BEGIN')) {
    const cms = readPem(piece).find(({ label }) => label === 'PKCS7' || label === 'CMS')
    return cms === undefined ? readCertificates(piece, () => undefined) : ofCms(cms.bytes)
  }
  // A certificate begins with the sequence of what is signed, a ContentInfo with an object identifier. RFC 5652 3
  return isContentInfo(piece) ? ofCms(piece) : readCertificates(piece)
}

function isContentInfo(der: Buffer): boolean {
  const length = der[1] ?? 0
  return der[0] === 0x30 && der[length >= 0x80 ? 2 + (length & 0x7f) : 2] === 0x06
}

/** RFC 8551 3.8: a SignedData that only carries certificates; a signed capability list carries them too. RFC 2798 2.8 */
function ofCms(der: Buffer): Certificate[] {
  const info = readContentInfo(der)
  if (info.kind !== 'signed-data') throw new EngineError('cms-malformed', 'no SignedData')
  return info.certificates.slice(0, MOST_CERTIFICATES).map((raw) => parseCertificate(raw))
}
