/**
 * Writes how a recipient is named: by issuer and serial number, or by subject key identifier (RFC 5652 6.2.1, 6.2.2).
 */
import { implicit, octets, sequence } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import type { Certificate } from '../x509/certificate.ts'

/** The two ways to name a recipient or a signer. */
export type RecipientId = 'issuer-and-serial' | 'ski'

function keyIdOf(certificate: Certificate): Buffer {
  const { subjectKeyId } = certificate
  if (subjectKeyId === null)
    throw new EngineError('request-invalid', `no subject key identifier: ${certificate.subject.text}`)
  return subjectKeyId
}

/** RecipientIdentifier and SignerIdentifier: IssuerAndSerialNumber or `[0] SubjectKeyIdentifier`. @throws EngineError `request-invalid` */
export function writeIdentifier(certificate: Certificate, by: RecipientId): Buffer {
  return by === 'ski' ? implicit(0, octets(keyIdOf(certificate))) : certificate.issuerAndSerial
}

/** KeyAgreeRecipientIdentifier: IssuerAndSerialNumber or `[0] RecipientKeyIdentifier`. @throws EngineError `request-invalid` */
export function writeAgreementRecipient(certificate: Certificate, by: RecipientId): Buffer {
  return by === 'ski' ? implicit(0, sequence(octets(keyIdOf(certificate)))) : certificate.issuerAndSerial
}
