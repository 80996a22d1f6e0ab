/**
 * The one door of the engine: CMS, X.509, PKCS and S/MIME on bytes. Imports nothing but node:crypto, does no I/O,
 * reads no clock: time, trust anchors and limits come in as arguments.
 */
export { EngineError } from './errors.ts'
export { REASONS } from './reasons.ts'
export type { Reason } from './reasons.ts'

// Bytes that need not be in memory
export { rangeOf, readStart, release, sourceOf } from './bytes/source.ts'
export type { ByteSource, ByteStream, ByteView } from './bytes/source.ts'
export { Rope } from './bytes/rope.ts'

// MIME: byte ranges of a message, transfer encodings, addresses, editing of headers
export { MIME_LIMITS } from './mime/entity.ts'
export type { ByteRange, HeaderBlock, HeaderField, MimeDefect, MimeLimits, MimeNode } from './mime/entity.ts'
export { fieldsNamed, headerValue, scanHeader } from './mime/header.ts'
export { contentTypeOf, parseParameters } from './mime/parameters.ts'
export type { ParameterisedValue } from './mime/parameters.ts'
export { scanMessage, scanStream } from './mime/scan.ts'
export type { Scanned } from './mime/scan.ts'
export { decodeBase64, decodeBody, decodeQuotedPrintable } from './mime/decode.ts'
export { encodeBase64Lines, encodeQuotedPrintable } from './mime/encode.ts'
export { canonicalise, isCanonical } from './mime/canonical.ts'
export { sevenBitObstacles, sevenBitSafe } from './mime/seven-bit.ts'
export { chooseBoundary } from './mime/boundary.ts'
export { parseAddresses, parseMailbox } from './mime/address.ts'
export type { AddressList, Mailbox } from './mime/address.ts'
export { editHeader, foldHeader } from './mime/edit.ts'
export type { HeaderEdit } from './mime/edit.ts'

// X.509: certificates, names, signatures, paths, issuing
export { Certificate, parseCertificate } from './x509/certificate.ts'
export type { CertificateEmails } from './x509/certificate-emails.ts'
export type {
  BasicConstraints,
  Extension,
  KeyUsage,
  NameConstraints,
  ParsedExtensions,
  PolicyConstraints,
  PolicyMapping,
} from './x509/extensions.ts'
export { Name } from './x509/name.ts'
export type { NameAttribute } from './x509/name.ts'
export { readCertificates } from './x509/read-certificates.ts'
export type { OnRefused } from './x509/read-certificates.ts'
export type { TrustSettings } from './x509/trust-settings.ts'
export { dnsNameMatches, parseAddrSpec, sameAddress } from './x509/address.ts'
export type { AddrSpec } from './x509/address.ts'
export { authorityAccessOf } from './x509/authority-access.ts'
export type { AuthorityAccess } from './x509/authority-access.ts'
export { buildPath } from './x509/path.ts'
export type { PathResult } from './x509/path.ts'
export type { PathFinding } from './x509/path-rules.ts'
export type { PathOptions } from './x509/path-options.ts'
export type { PolicyOptions } from './x509/policies.ts'
export type { Profile } from './x509/profile.ts'
export { Crl, parseCrl } from './x509/crl.ts'
export type { CrlEntries, CrlEntry, CrlReason } from './x509/crl-entries.ts'
export { crlStatus, distributionPointsOf } from './x509/crl-status.ts'
export type { CrlSource, RevocationFinding, RevocationStatus } from './x509/crl-status.ts'
export type { DistributionPoint, IssuingDistributionPoint, PointName } from './x509/distribution-point.ts'
export type { GeneralName } from './x509/general-name.ts'
export { readCrls } from './x509/read-crls.ts'
export { OcspResponse, parseOcspResponse } from './x509/ocsp.ts'
export type { BasicOcspResponse, CertId, SingleResponse } from './x509/ocsp.ts'
export { judgeOcspResponse } from './x509/ocsp-status.ts'
export type { OcspJudgeOptions, OcspVerdict } from './x509/ocsp-status.ts'
export type { Purpose, WantedAddress } from './x509/purpose.ts'
export { keyStrength } from './x509/key-strength.ts'
export type { KeyStrength } from './x509/key-strength.ts'
export { issueCertificate } from './x509/issue.ts'
export type { IssueOptions, SubjectAttributes } from './x509/issue.ts'
export type { IssuedNames, IssueExtensions, NameConstraintTexts } from './x509/issue-extensions.ts'
export { issueCrl } from './x509/issue-crl.ts'
export type { CrlScope, IssueCrlOptions, IssuedCrlEntry } from './x509/issue-crl.ts'
export { writeOcspRequest } from './x509/ocsp-request.ts'
export type { OcspRequestOptions, OcspSubject } from './x509/ocsp-request.ts'
export type { SignBytesOptions } from './x509/sign.ts'
export { readCsr, writeCsr } from './x509/csr.ts'
export type { Csr, CsrOptions } from './x509/csr.ts'
export { isIssuedBy } from './x509/signature.ts'
export { readPem, writePem } from './der/pem.ts'
export type { PemBlock } from './der/pem.ts'
export { Oid } from './der/oid.ts'
export type { AlgorithmIdentifier } from './der/algorithm.ts'
export type { Element, TagClass } from './der/reader.ts'

// CMS: SignedData, EnvelopedData, AuthEnvelopedData
export { contentKind, readContentInfo } from './cms/content-info.ts'
export type { ContentInfo, ContentKind } from './cms/content-info.ts'
export type { SignedData, SignerInfo } from './cms/signed-data.ts'
export type { Attribute, AttributeSet } from './cms/attributes.ts'
export type { Identifier } from './cms/identifier.ts'
export type { EnvelopedData } from './cms/enveloped-data.ts'
export { signDetached, signOpaque } from './cms/sign.ts'
export type { SigningDigest, SigningKey, SignOptions } from './cms/sign.ts'
export { addSigner } from './cms/add-signer.ts'
export { certificatesOnly } from './cms/certificates-only.ts'
export { verifySignedData } from './cms/verify.ts'
export type { SignerCheck } from './cms/verify.ts'
export { checkCountersignatures, readCountersignatures } from './cms/countersignature.ts'
export { readCapabilities, writeCapabilities } from './cms/capabilities.ts'
export type { Capabilities } from './cms/capabilities.ts'
export { encrypt } from './cms/encrypt.ts'
export type { EncryptOptions } from './cms/encrypt.ts'
export { WRITTEN_CIPHERS } from './cms/content-parameters.ts'
export type { WrittenCipher } from './cms/content-parameters.ts'
export { WRITTEN_TRANSPORTS } from './cms/key-transport.ts'
export type { WrittenTransport } from './cms/key-transport.ts'
export type { OaepHash } from './cms/oaep-parameters.ts'
export type { KdfHash } from './cms/key-derivation.ts'
export type { AgreementOptions } from './cms/key-agreement.ts'
export type { RecipientId } from './cms/recipient-id.ts'
export type { RecipientOptions } from './cms/write-recipients.ts'
export { decryptContent } from './cms/decrypt.ts'
export type { Decrypted, DecryptOptions } from './cms/decrypt.ts'
export type { KemEntry } from './cms/kem.ts'
export type { DecryptionKey, KeyAgreementEntry, KeyTransport, Recipient } from './cms/recipient-info.ts'

// S/MIME: signed and encrypted messages
export { carriesCms, smimeKind } from './smime/kind.ts'
export type { SmimeKind } from './smime/kind.ts'
export {
  canonicalMessage,
  openedEntity,
  protectedEntityOf,
  signableMessage,
  wrapMessage,
} from './smime/entity.ts'
export {
  canonicalSource,
  protectedEntityOfSource,
  scanHeaderOfSource,
  signableSource,
} from './smime/entity.ts'
export type { ProtectedEntity, ProtectedEntitySource, SourceHeader } from './smime/entity.ts'
export { protectHeaders, protectHeadersOfSource } from './smime/protected-headers.ts'
export type {
  HeaderProtected,
  ProtectedField,
  ProtectedHeaders,
  SourceProtected,
} from './smime/protected-headers.ts'
export type { DisplayedField } from './smime/legacy-display.ts'
export { withLegacyDisplay, withoutLegacyDisplay } from './smime/legacy-display.ts'
export { signEntity, signEntitySource } from './smime/sign.ts'
export type { SignEntityOptions } from './smime/sign.ts'
export { encryptEntity, encryptEntitySource } from './smime/encrypt.ts'
export { verifyCms, verifyCmsSource, verifyMessage, verifyMessageSource } from './smime/verify.ts'
export type { SignerVerdict, Verdict, VerifyOptions } from './smime/verdict.ts'
export { decryptCms, decryptCmsSource, decryptMessage, decryptMessageSource } from './smime/decrypt.ts'
export type { DecryptResult, StreamedDecryptResult } from './smime/decrypt.ts'
export type { Temporary, TemporaryStore } from './smime/streamed-content.ts'

// PKCS: private keys and PKCS#12 files
export { readPrivateKey } from './pkcs/private-key.ts'
export { readPkcs12 } from './pkcs/pkcs12.ts'
export type { Pkcs12MacScheme } from './pkcs/pkcs12-mac.ts'
export type { Pkcs12, Pkcs12Certificate, Pkcs12Key } from './pkcs/pkcs12.ts'
export { writePkcs12 } from './pkcs/write-pkcs12.ts'
export type { WritePkcs12Options } from './pkcs/write-pkcs12.ts'
