/**
 * DSA keys without parameters, which take over their issuer's (RFC 3279 2.3.2): old archives and test suites have them. The
 * parameters found here are a guess until path-rules.ts has compared them with those of the issuer in the path.
 */
import { EngineError } from '../errors.ts'
import type { Certificate } from './certificate.ts'
import { isIssuedBy } from './signature.ts'

/** Signatures verified to find an issuer, for all certificates together. */
const MAX_SIGNATURES = 32

/** Completes the DSA keys among the certificates by those that issued them. */
export function adoptInheritedParameters(certificates: readonly Certificate[]): void {
  let signatures = MAX_SIGNATURES
  let open = certificates.filter((certificate) => waits(certificate))
  while (open.length > 0) {
    for (const certificate of open) {
      for (const issuer of certificates) {
        const parameters = issuer.dsaParameters
        if (parameters === null || !certificate.issuer.equals(issuer.subject)) continue
        if (signatures-- <= 0) return
        if (adopt(certificate, issuer, parameters)) break
      }
    }
    // One more round for those whose issuer was waiting itself
    const left = open.filter((certificate) => waits(certificate))
    if (left.length === open.length) return
    open = left
  }
}

function waits(certificate: Certificate): boolean {
  return certificate.inheritsParameters && certificate.dsaParameters === null
}

function adopt(certificate: Certificate, issuer: Certificate, parameters: Buffer): boolean {
  try {
    if (!isIssuedBy(certificate, issuer)) return false
    certificate.adoptParameters(parameters)
    return true
  } catch (error) {
    // Another kind of signature, or parameters that make no key
    if (error instanceof EngineError) return false
    throw error
  }
}
