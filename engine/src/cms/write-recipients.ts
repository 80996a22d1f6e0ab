/**
 * Writes RecipientInfos (RFC 5652 6.2): picks for each certificate what its key can do, and refuses certificates that may
 * not encrypt. All or nothing: one bad certificate fails the call.
 */
import { setOf } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import type { Certificate } from '../x509/certificate.ts'
import { isKemKey, writeKem } from './kem.ts'
import { writeKeyAgreement } from './key-agreement.ts'
import type { AgreementOptions } from './key-agreement.ts'
import { transportFor, writeKeyTransport } from './key-transport.ts'
import type { WrittenTransport } from './key-transport.ts'
import type { RecipientId } from './recipient-id.ts'

/** How the content key gets to its recipients. */
export interface RecipientOptions {
  /** One RecipientInfo each; at least one. RSA, EC, X25519, X448 or ML-KEM keys. */
  readonly recipients: readonly Certificate[]
  /** For RSA keys. */
  readonly keyTransport: WrittenTransport
  /** Label of OAEP; default none. */
  readonly oaepLabel?: Buffer
  /** For EC, X25519 and X448 keys. */
  readonly keyAgreement?: AgreementOptions
  /** How recipients are named. Default `issuer-and-serial`. */
  readonly recipientId?: RecipientId
}

type Kind = 'transport' | 'agreement' | 'kem'

/**
 * What each recipient's key does: transports, agrees or encapsulates. To be called before anything is encrypted.
 * @throws EngineError `no-recipients`, `certificate-not-for-encryption`
 */
export function recipientKinds(recipients: readonly Certificate[]): readonly Kind[] {
  if (recipients.length === 0) throw new EngineError('no-recipients', 'no recipient certificates')
  return recipients.map(kindOf)
}

function kindOf(certificate: Certificate): Kind {
  const key = certificate.publicKey
  const kind = key.asymmetricKeyType === 'rsa' ? 'transport' : isKemKey(key) ? 'kem' : 'agreement'
  const { keyUsage } = certificate
  // RFC 8550 4.4.2; RFC 9935 5: ML-KEM keys have keyEncipherment; some EC certificates name the wrong one of the two
  const allowed =
    key.asymmetricKeyType !== 'rsa-pss' &&
    (keyUsage === null ||
      keyUsage.has('keyEncipherment') ||
      (kind === 'agreement' && keyUsage.has('keyAgreement')))
  if (!allowed)
    throw new EngineError('certificate-not-for-encryption', `key usage of ${certificate.subject.text}`)
  return kind
}

/** RecipientInfos with the version that they demand of the EnvelopedData around them. */
export interface WrittenRecipients {
  /** SET OF RecipientInfo in DER. */
  readonly infos: Buffer
  /** Of EnvelopedData (RFC 5652 6.1); AuthEnvelopedData always has version 0. */
  readonly version: 0 | 2 | 3
}

/**
 * Writes one RecipientInfo for each certificate.
 * @throws EngineError `no-recipients`, `certificate-not-for-encryption`, `unsupported-key-encryption`, `request-invalid`
 */
export function writeRecipients(options: RecipientOptions, contentKey: Buffer): WrittenRecipients {
  const { recipients, keyTransport, oaepLabel, keyAgreement, recipientId } = options
  const kinds = recipientKinds(recipients)
  const infos = recipients.map((certificate, at) => {
    switch (kinds[at]) {
      case 'kem':
        return writeKem(certificate, contentKey, recipientId, keyAgreement?.ukm)
      case 'agreement':
        return writeKeyAgreement(certificate, contentKey, keyAgreement, recipientId)
      default: {
        const transport = transportFor(certificate, keyTransport, oaepLabel)
        return writeKeyTransport(certificate, contentKey, transport, recipientId)
      }
    }
  })
  // RFC 5652 6.1: 3 with an OtherRecipientInfo, 2 when a RecipientInfo is not version 0
  const second = recipientId === 'ski' || kinds.includes('agreement')
  return { infos: setOf(infos), version: kinds.includes('kem') ? 3 : second ? 2 : 0 }
}
