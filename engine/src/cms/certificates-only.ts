/**
 * Writes SignedData that signs nothing and only carries certificates (RFC 8551 3.2.2, 3.8): how a certificate is sent to somebody.
 */
import { Oid } from '../der/oid.ts'
import { explicit, implicit, integer, oid, sequence, set, setOf } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import type { Certificate } from '../x509/certificate.ts'

/**
 * Puts certificates into a ContentInfo in DER, without content and signers.
 * @throws EngineError `request-invalid` when there are none
 */
export function certificatesOnly(certificates: readonly Certificate[]): Buffer {
  if (certificates.length === 0) throw new EngineError('request-invalid', 'no certificates')
  // RFC 5652 5.2: in the degenerate case the content type is id-data, and the content is left out
  const signedData = sequence(
    integer(1),
    set(),
    sequence(oid(Oid.idData)),
    implicit(0, setOf(certificates.map(({ raw }) => raw))),
    set(),
  )
  return sequence(oid(Oid.idSignedData), explicit(0, signedData))
}
