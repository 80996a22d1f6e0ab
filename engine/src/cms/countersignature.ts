/**
 * Countersignatures (RFC 5652 11.4): signatures over another signer's signature, kept among the unsigned attributes. Read and
 * checked on demand; they never make a message valid or invalid, because nobody signs that they are there.
 */
import { toOid } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag, readElement } from '../der/reader.ts'
import { EngineError } from '../errors.ts'
import type { Certificate } from '../x509/certificate.ts'
import { digestOver } from './algorithms.ts'
import { readSigner } from './signed-data.ts'
import type { SignerInfo } from './signed-data.ts'
import { checkSigner } from './verify.ts'
import type { SignerCheck } from './verify.ts'

/** Bound on the countersignatures of one signer. */
const MAX_COUNTERSIGNATURES = 16

/**
 * The countersignatures of a signer; empty when there are none. Each may have some of its own.
 * @throws EngineError `asn1-malformed`, `cms-malformed`, `cms-too-many-signers`
 */
export function readCountersignatures({ unsignedAttributes }: SignerInfo): readonly SignerInfo[] {
  if (unsignedAttributes === null) return []
  const found: SignerInfo[] = []
  for (const attribute of readElement(unsignedAttributes, { ber: true }).children()) {
    const cursor = new Cursor(attribute)
    if (toOid(cursor.universal(Tag.oid, 'attrType')) !== Oid.idCountersignature) continue
    for (const value of cursor.universal(Tag.set, 'attrValues').children()) {
      if (found.length >= MAX_COUNTERSIGNATURES)
        throw new EngineError('cms-too-many-signers', `more than ${MAX_COUNTERSIGNATURES} countersignatures`)
      found.push(readSigner(value))
    }
  }
  return found
}

/**
 * Checks the countersignatures of a signer, in order.
 * @param certificates - where to look for the countersigners' certificates
 * @throws EngineError as `readCountersignatures`
 */
export function checkCountersignatures(
  signer: SignerInfo,
  certificates: readonly Certificate[],
): readonly SignerCheck[] {
  // RFC 5652 11.4: what is signed is the value of the signature field
  const content = [signer.signature]
  return readCountersignatures(signer).map((each) =>
    checkSigner(null, each, content, certificates, (digest) => digestOver(digest, content)),
  )
}
