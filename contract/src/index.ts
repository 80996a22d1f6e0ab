/**
 * The one door of the contract: the shapes of configuration objects and the stable error codes, shared by gateway, console
 * and command line. No I/O, no module of the runtime.
 */
export { CONFIG_ERRORS } from './errors.ts'
export type { ConfigErrorCode } from './errors.ts'
export { fqdnField, toDomain, toLookupAddress } from './host-name.ts'
export { isAddress } from './network.ts'
export { isSecret, parseReference } from './material.ts'
export type { Material, Reference } from './material.ts'
export { materialFields } from './material-fields.ts'
export type { MaterialField } from './material-fields.ts'
export { API_VERSION, KINDS, isKind, parseConfigDocument, problemsOf } from './object.ts'
export type { ConfigDocument, DocumentProblem, Kind, KindInfo, ParsedDocument } from './object.ts'
export type { AcmeIssuerSpec } from './objects/acme.ts'
export { HARVEST_POLICIES } from './objects/directory.ts'
export type { CertificateDirectorySpec } from './objects/directory.ts'
export { DIRECTORY_MAX_AGE_HOURS, toGroupKey } from './objects/people.ts'
export { MAP_NAMES } from './objects/installation.ts'
export type {
  AddressRangeSpec,
  MapSpec,
  ServerCertificateSpec,
  TlsAnchorSpec,
} from './objects/installation.ts'
export type { CredentialSpec, MailAnchorSpec, PartnerCertificateSpec } from './objects/keyring.ts'
export type { TrustSettingsSpec } from './objects/trust.ts'
export type { TenantSpec } from './objects/tenant.ts'
export { MESSAGE_KINDS, PROTECTED_AS } from './objects/rule.ts'
export type { RuleConditions, RuleSpec } from './objects/rule.ts'
export { DEMANDS, ENCRYPTION_DEMANDS, PROFILES } from './objects/treatment.ts'
export type { TreatmentDefaultsSpec, TreatmentSettingsSpec } from './objects/treatment.ts'
