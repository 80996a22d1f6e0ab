/**
 * Where the issuer of a certificate says that its own certificates and its OCSP responders are (RFC 5280 4.2.2.1). Reads the
 * addresses and nothing more: whether they may be asked is for the caller.
 */
import { toOid } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag, malformed, readElement } from '../der/reader.ts'
import type { Certificate } from './certificate.ts'
import { readGeneralName } from './general-name.ts'

/** The addresses, as they stand. */
export interface AuthorityAccess {
  /** Of OCSP responders. */
  readonly ocsp: readonly string[]
  /** Of certificates of the issuer. */
  readonly issuers: readonly string[]
}

/** More descriptions in one certificate are refused. */
const MAX_DESCRIPTIONS = 32

/**
 * The addresses in a certificate; empty lists if it has none.
 * @throws EngineError `asn1-malformed`
 */
export function authorityAccessOf(certificate: Certificate): AuthorityAccess {
  const extension = certificate.extensions.find(({ oid }) => oid === Oid.idPeAuthorityInfoAccess)
  const ocsp: string[] = []
  const issuers: string[] = []
  if (extension === undefined) return { ocsp, issuers }
  const element = readElement(extension.value)
  if (!element.is(0, Tag.sequence)) throw malformed('authorityInfoAccess is not a SEQUENCE')
  const list = new Cursor(element)
  for (let count = 0; list.peek() !== null; count++) {
    if (count >= MAX_DESCRIPTIONS) throw malformed('too many access descriptions')
    const description = new Cursor(list.universal(Tag.sequence, 'AccessDescription'))
    const method = toOid(description.universal(Tag.oid, 'accessMethod'))
    const place = readGeneralName(description.next('accessLocation'))
    description.done('AccessDescription')
    if (place.kind !== 'uri') continue
    if (method === Oid.idAdOcsp) ocsp.push(place.text)
    else if (method === Oid.idAdCaIssuers) issuers.push(place.text)
  }
  return { ocsp, issuers }
}
