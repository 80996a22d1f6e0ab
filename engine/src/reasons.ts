/**
 * The catalogue of stable reason codes that the engine reports, in errors and in verdicts, with one English sentence each.
 * docs/reference/reasons.md is generated from it. Codes are only ever added. Each area appends its own block.
 */

const SENTENCES = {
  // DER and BER
  'asn1-malformed': 'The ASN.1 structure is damaged, truncated or not allowed here.',
  'asn1-too-deep': 'The ASN.1 structure is nested deeper than the limit.',
  'asn1-too-many': 'The ASN.1 structure has more elements than the limit.',
  'pem-malformed': 'The PEM text is damaged or of the wrong kind.',

  // X.509
  'certificate-malformed': 'The certificate breaks a rule of its standard.',
  'extension-duplicate': 'The certificate has the same extension twice.',
  'unsupported-algorithm': 'The algorithm or its parameters are unknown or never accepted.',
  'weak-key': "A key is shorter than today's minimum.",
  'weak-signature': 'A certificate is signed with an outdated algorithm.',
  'key-refused': 'A key is too short or of a kind that is never accepted.',
  'signature-refused': 'A certificate is signed with a broken algorithm.',
  'issuer-not-found': 'No chain leads from the certificate to a trust anchor.',
  'certificate-signature-invalid': 'The signature on a certificate does not fit its issuer.',
  'certificate-expired': 'A certificate of the chain has expired.',
  'certificate-not-yet-valid': 'A certificate of the chain is not valid yet.',
  'issuer-not-ca': 'A certificate of the chain may not issue certificates.',
  'path-length-exceeded': 'A certificate authority is followed by more others than it allows.',
  'path-too-deep': 'The chain is longer than the limit.',
  'path-search-exhausted': 'The search for a chain was given up at its limit of work.',
  'key-usage-mismatch': 'The key usage of the certificate does not allow this use.',
  'extended-key-usage-mismatch': 'The extended key usage of a certificate does not allow this use.',
  'critical-extension-unknown': 'A certificate has a critical extension that is not understood.',
  'name-constraint-violated': 'A name in the certificate lies outside what its issuer may certify.',
  'certificate-profile-violated': 'A certificate of the chain breaks a rule of RFC 5280.',
  'address-mismatch': 'The certificate does not hold the address or host name.',
  'certificate-distrusted': 'The trust store rejects a certificate of the chain for this use.',
  'policy-mismatch': 'The chain is not valid for a required certificate policy.',
  'certificate-revoked': 'A certificate of the chain is revoked.',
  'crl-malformed': 'The CRL breaks a rule of its standard.',
  'ocsp-malformed': 'The OCSP response breaks a rule of its standard.',
  'ocsp-malformed-request': 'The OCSP responder did not understand the request.',
  'ocsp-internal-error': 'The OCSP responder had an internal error.',
  'ocsp-try-later': 'The OCSP responder cannot answer for the time being.',
  'ocsp-signature-required': 'The OCSP responder answers signed requests only.',
  'ocsp-unauthorized': 'The OCSP responder does not answer for this certificate or to this client.',
  'ocsp-certificate-mismatch': 'The OCSP response is about another certificate.',
  'ocsp-responder-unknown': 'The certificate of the OCSP responder is not there.',
  'ocsp-responder-unauthorized': 'The issuer of the certificate did not authorise this OCSP responder.',
  'ocsp-signature-invalid': 'The signature on the OCSP response does not fit its responder.',
  'ocsp-not-yet-valid': 'The OCSP response is of a later time.',
  'ocsp-expired': 'The OCSP response has expired.',
  'ocsp-nonce-mismatch': 'The OCSP response is not the answer to this request.',
  'ocsp-status-unknown': 'The OCSP responder does not know the certificate.',
  'csr-malformed': 'The certificate request breaks a rule of its standard.',
  'csr-signature-invalid': 'The certificate request is not signed by the key in it.',
  'request-invalid': 'The certificate to be issued was described wrongly.',

  // PKCS
  'private-key-malformed': 'The private key is damaged or of an unknown kind.',
  'private-key-password': 'The password of the private key is missing or wrong.',
  'pkcs12-malformed': 'The PKCS#12 file is damaged.',
  'pkcs12-password': 'The password of the PKCS#12 file is missing or wrong.',
  'pkcs12-unsupported': 'The PKCS#12 file uses an algorithm that is not supported.',
  'key-derivation-too-costly': 'The file asks for more key derivation rounds than the limit.',

  // MIME
  'mime-too-deep': 'The message nests more entities than the limit.',
  'mime-too-many-parts': 'The message has more body parts than the limit.',
  'header-too-long': 'A header block is longer than the limit.',
  'header-line-too-long': 'A header line is longer than the limit.',
  'header-too-many-fields': 'The message has more header fields than the limit.',
  'header-value-invalid': 'A header value holds control characters or a word too long to be folded.',
  'mime-not-seven-bit': 'A part that is signed already would have to change to be safe for 7-bit transport.',

  // CMS
  'cms-malformed': 'The CMS object breaks a rule of its standard.',
  'cms-too-many-signers': 'The CMS object names more signers than the limit.',
  'cms-too-many-certificates': 'The CMS object holds more certificates than the limit.',
  'cms-too-many-recipients': 'The CMS object names more recipients than the limit.',
  'cms-too-large': 'The CMS object holds more beside its content than the limit.',
  'cms-too-deep': 'Signed and encrypted layers are nested deeper than the limit.',
  'compressed-refused': 'Compressed CMS content is not expanded.',
  'content-missing': 'The signature is detached and the signed content is not there.',
  'content-too-large': 'The content is too large for an algorithm that cannot be used piece by piece.',
  'content-ambiguous':
    'The signed content could pass for signed attributes, so the signature could have been moved.',
  'signer-certificate-missing': 'The certificate of the signer is not there.',
  'signature-invalid': 'The signature does not fit the content, or was not made with this certificate.',
  'digest-mismatch': 'The content was changed after it was signed.',
  'attribute-missing': 'A signed attribute that must be there is missing.',
  'attribute-duplicate':
    'A signed attribute that must be there once is there more often, or has several values.',
  'content-type-mismatch': 'The signed content type is not that of the content.',
  'algorithm-mismatch': 'The algorithms that the signature names contradict each other.',
  'signing-certificate-mismatch':
    'The signature was made for another certificate than the one that it names.',
  'unsupported-digest': 'The digest algorithm is unknown or never accepted.',
  'weak-digest': 'The signature uses SHA-1.',
  'key-mismatch': 'The private key does not belong to the certificate.',
  'no-recipients': 'There is nobody to encrypt to.',
  'certificate-not-for-encryption': 'The certificate may not be used for encryption.',
  'no-matching-recipient': 'The message is not encrypted to any of these keys.',
  'decrypt-failed': 'The message cannot be decrypted.',
  'unsupported-content-encryption': 'The content-encryption algorithm is unknown or never accepted.',
  'unsupported-key-encryption': 'The algorithm that protects the content key is unknown or never accepted.',
  'legacy-cipher': 'The content is encrypted with an outdated cipher.',
  'legacy-cipher-refused': 'The content is encrypted with an outdated cipher that is not allowed here.',

  // S/MIME
  'legacy-unauthenticated':
    'The content was encrypted without authentication, so it could have been changed unnoticed.',
  'encrypted-part-not-root': 'Only a part of the message is encrypted; it is not decrypted on its own.',
  'signed-part-not-root': 'Only a part of the message is signed.',
  'multipart-signed-malformed':
    'The multipart/signed entity does not consist of exactly a content and a signature, or readers could cut it in several ways.',
  'header-ambiguous': 'The header decides the meaning of the message and can be read in more than one way.',
  'not-signed': 'The message is not signed.',
  'encrypted-content': 'The content is encrypted and was not looked into.',
  'signature-outside-encryption':
    'The signature covers the encrypted message and says nothing about who wrote the content.',
  'from-missing': 'The message has no From address.',
  'from-ambiguous': 'The From address cannot be read in one way only.',
  'from-multiple': 'The message has more than one From address.',
  'signer-address-mismatch': 'No signer certificate holds the From address.',
  'protected-from-mismatch': 'The From address inside the signed content is not the one that is shown.',
  'header-protection-refused':
    'Header fields can only be protected before the message is signed or encrypted.',
  'revocation-unknown': 'Whether the certificates are revoked is not known.',
} as const

/** One stable reason code. */
export type Reason = keyof typeof SENTENCES

/** Every reason code with the sentence that explains it. */
export const REASONS: Readonly<Record<Reason, string>> = SENTENCES
