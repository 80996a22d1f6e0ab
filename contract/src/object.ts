/**
 * A configuration object as a document: `{apiVersion, kind, tenant?, name, spec}`. Knows every kind, checks a document
 * strictly (an unknown field is an error) and says for each fault where it is. Resolves no reference, reads no file.
 */
import { z } from 'zod'
import type { ConfigErrorCode } from './errors.ts'
import { acmeIssuerSpec } from './objects/acme.ts'
import { certificateDirectorySpec } from './objects/directory.ts'
import {
  MAP_NAMES,
  addressRangeSpec,
  mapSpec,
  serverCertificateSpec,
  tlsAnchorSpec,
} from './objects/installation.ts'
import { credentialSpec, mailAnchorSpec, partnerCertificateSpec } from './objects/keyring.ts'
import { directorySpec } from './objects/people.ts'
import { ruleSpec } from './objects/rule.ts'
import { tenantSpec } from './objects/tenant.ts'
import { trustSettingsSpec } from './objects/trust.ts'
import { treatmentDefaultsSpec, treatmentSettingsSpec } from './objects/treatment.ts'

/** Version of the shape of all configuration objects. */
export const API_VERSION = 'siegel/v1'

const tenantName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be 1 to 63 characters: a to z, 0 to 9, hyphens inside')

const objectName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._@+-]{0,199}$/,
    'must be 1 to 200 characters: a to z, 0 to 9 and . _ @ + -, beginning with a letter or digit',
  )
  .describe('Name of the object, unique for its kind and tenant.')

const head = { apiVersion: z.literal(API_VERSION, `must be ${API_VERSION}`).describe('Always `siegel/v1`.') }

function ofInstallation<K extends string, S extends z.ZodType>(
  kind: K,
  spec: S,
  name: z.ZodType<string> = objectName,
) {
  return z.strictObject({ ...head, kind: z.literal(kind), name, spec })
}

function ofTenant<K extends string, S extends z.ZodType>(kind: K, spec: S) {
  const tenant = tenantName.describe('Name of the tenant that the object belongs to.')
  return z.strictObject({ ...head, kind: z.literal(kind), tenant, name: objectName, spec })
}

const configDocument = z.discriminatedUnion('kind', [
  ofInstallation('Tenant', tenantSpec, tenantName.describe('Name of the tenant.')),
  ofInstallation('ServerCertificate', serverCertificateSpec),
  ofInstallation('TlsAnchor', tlsAnchorSpec),
  ofInstallation('AcmeIssuer', acmeIssuerSpec),
  ofInstallation('AddressRange', addressRangeSpec),
  ofInstallation('Map', mapSpec, z.enum(MAP_NAMES).describe('Which map this is.')),
  ofInstallation(
    'TreatmentDefaults',
    treatmentDefaultsSpec,
    z.literal('default', 'must be default').describe('Always `default`: there is one.'),
  ),
  ofTenant('TreatmentSettings', treatmentSettingsSpec),
  ofTenant('Rule', ruleSpec),
  ofTenant('Credential', credentialSpec),
  ofTenant('PartnerCertificate', partnerCertificateSpec),
  ofTenant('MailAnchor', mailAnchorSpec),
  ofTenant('CertificateDirectory', certificateDirectorySpec),
  ofTenant('TrustSettings', trustSettingsSpec),
  ofTenant('Directory', directorySpec),
])

/** A valid configuration document, defaults filled in. */
export type ConfigDocument = z.output<typeof configDocument>

/** The kinds of configuration objects. */
export type Kind = ConfigDocument['kind']

/** What is known of a kind. */
export interface KindInfo {
  /** Whether objects of the kind belong to the installation or to a tenant. */
  readonly scope: 'installation' | 'tenant'
  /** One sentence for the reference. */
  readonly description: string
  readonly spec: z.ZodType
}

/** Every kind, in the order in which objects depend on each other. */
export const KINDS: Readonly<Record<Kind, KindInfo>> = {
  Tenant: {
    scope: 'installation',
    description: 'A Microsoft 365 organisation: how its mail is recognised and where it goes.',
    spec: tenantSpec,
  },
  ServerCertificate: {
    scope: 'installation',
    description:
      'Certificate and key of the listeners, chosen by the server name that the peer asks for. The one named `default`, ' +
      'else the first by name, is used when no name fits.',
    spec: serverCertificateSpec,
  },
  TlsAnchor: {
    scope: 'installation',
    description: 'A certificate authority trusted for TLS, beside the built-in list.',
    spec: tlsAnchorSpec,
  },
  AcmeIssuer: {
    scope: 'installation',
    description:
      'An authority from which certificates for the host names of tenants are obtained and renewed by ACME. They are kept beside the ' +
      'objects (`siegel tls-cert list`) and go before `ServerCertificate` and `clientCertificate`.',
    spec: acmeIssuerSpec,
  },
  AddressRange: {
    scope: 'installation',
    description: 'Addresses that may connect. Office 365 publishes its own; without any, nobody may connect.',
    spec: addressRangeSpec,
  },
  Map: {
    scope: 'installation',
    description: `A table in Postfix syntax; its name says which: ${MAP_NAMES.map((name) => `\`${name}\``).join(', ')}.`,
    spec: mapSpec,
  },
  TreatmentDefaults: {
    scope: 'installation',
    description: 'What happens to outbound mail of all tenants, where nothing else is said.',
    spec: treatmentDefaultsSpec,
  },
  TreatmentSettings: {
    scope: 'tenant',
    description:
      'What happens to outbound mail of a tenant, of one of its domains or users, or to a partner. Values come from the most particular ' +
      'object that has them: partner and user, then domain, tenant, `TreatmentDefaults`, factory. Of a partner and a user that say ' +
      'different things the safer holds.',
    spec: treatmentSettingsSpec,
  },
  Rule: {
    scope: 'tenant',
    description:
      'Outbound mail that looks so is treated so. Rules are tried in order, after the settings: each asks for more than they do, or for ' +
      'less where it says `weaken`. A condition that cannot be judged, as in a damaged mail, counts for what is safer.',
    spec: ruleSpec,
  },
  Credential: {
    scope: 'tenant',
    description:
      "An own key of the tenant with its certificate: signs its addresses' mail and decrypts mail to them.",
    spec: credentialSpec,
  },
  PartnerCertificate: {
    scope: 'tenant',
    description: 'A certificate of somebody outside: mail to its addresses is encrypted to it.',
    spec: partnerCertificateSpec,
  },
  MailAnchor: {
    scope: 'tenant',
    description: 'A certificate authority that the tenant trusts for e-mail certificates.',
    spec: mailAnchorSpec,
  },
  CertificateDirectory: {
    scope: 'tenant',
    description:
      'A place where certificates of people outside are looked for when the keyring has none: an LDAP server, a web server, or DNS ' +
      '(`smimea`). All are asked at once. Only certificates that name the address and that the tenant trusts are used.',
    spec: certificateDirectorySpec,
  },
  TrustSettings: {
    scope: 'tenant',
    description:
      'Whom the tenant trusts for e-mail certificates, and how revocation is asked. At most one for a tenant; without any the defaults hold.',
    spec: trustSettingsSpec,
  },
  Directory: {
    scope: 'tenant',
    description:
      'How old the directory of people and groups may be that `siegel directory import` brings. At most one for a tenant; without any the ' +
      'defaults hold.',
    spec: directorySpec,
  },
}

/** Whether a text names a kind. */
export function isKind(text: unknown): text is Kind {
  return typeof text === 'string' && Object.hasOwn(KINDS, text)
}

/** One fault of a document. `message` never quotes a value. */
export interface DocumentProblem {
  readonly code: ConfigErrorCode
  /** Where in the document; for an unknown field its name is the last part. */
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** The outcome of checking a document. */
export type ParsedDocument =
  | { readonly ok: true; readonly document: ConfigDocument }
  | { readonly ok: false; readonly problems: readonly DocumentProblem[] }

/** Checks a document and fills in defaults. Reports every fault that it finds, not only the first. */
export function parseConfigDocument(value: unknown): ParsedDocument {
  const result = configDocument.safeParse(value)
  if (result.success) return { ok: true, document: result.data }
  return { ok: false, problems: result.error.issues.flatMap((issue) => problemsOf(issue, value)) }
}

/**
 * Translates what zod reports into our codes; also for other strict schemas than those of documents.
 * @param value - what was checked; only used to tell a missing field from a wrong one
 */
export function problemsOf(issue: z.core.$ZodIssue, value: unknown): DocumentProblem[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol')
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      code: 'unknown-field',
      path: [...path, key],
      message: 'is not a known field',
    }))
  if (issue.code === 'invalid_union' && path.at(-1) === 'kind')
    return [{ code: 'unknown-kind', path, message: `must be one of ${Object.keys(KINDS).join(', ')}` }]
  if (valueAt(value, path) === undefined && issue.code !== 'custom')
    return [{ code: 'missing-field', path, message: 'is required' }]
  const message =
    issue.code === 'invalid_type' ? `must be ${article(issue.expected)}` : lowerFirst(issue.message)
  return [{ code: 'invalid-value', path, message }]
}

function article(type: string): string {
  return /^[aeio]/.test(type) ? `an ${type}` : `a ${type}`
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

function valueAt(value: unknown, path: readonly (string | number)[]): unknown {
  let current = value
  for (const part of path) {
    if (typeof current !== 'object' || current === null) return undefined
    current = (current as Record<string | number, unknown>)[part]
  }
  return current
}
