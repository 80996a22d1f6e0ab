/**
 * A document of the contract as the store keeps it and back: secrets are taken out of the spec and put in again; keys and
 * certificates are brought into their kept form. A document that was read back is equal to the one that was written.
 */
import { API_VERSION, KINDS, isKind, isSecret, materialFields, parseConfigDocument } from '@siegel/contract'
import type { ConfigDocument, ParsedDocument } from '@siegel/contract'
import { keyToPem, readCredential, readSingleCertificate, readTlsPair, toPem } from './certificates.ts'
import { ownEntry, partnerEntry } from './credential-entry.ts'
import { domainKeysForm } from './domain-keys.ts'
import type { ConfigObject, CredentialEntry } from './ports.ts'

/** The pair (kind, tenant, name) as one text, for maps and messages: `PartnerCertificate contoso/bob`. */
export function objectKey(object: {
  readonly kind: string
  readonly tenant: string | null
  readonly name: string
}): string {
  return `${object.kind} ${object.tenant === null ? '' : `${object.tenant}/`}${object.name}`
}

/** The tenant of a document; null for objects of the installation. */
export function tenantOf(document: ConfigDocument): string | null {
  return 'tenant' in document ? document.tenant : null
}

/**
 * Brings keys and certificates into their kept form and makes the keyring entries. Nothing is left to resolve in the
 * document: it holds values, no references.
 * @throws MaterialFailure
 */
export function normalise(document: ConfigDocument): {
  readonly document: ConfigDocument
  readonly credentials: readonly CredentialEntry[]
} {
  switch (document.kind) {
    case 'Tenant': {
      const { clientCertificate } = document.spec
      const tls = clientCertificate === undefined ? {} : { clientCertificate: tlsForm(clientCertificate) }
      const spec = { ...document.spec, ...tls, ...domainKeysForm(document.spec) }
      return { document: { ...document, spec }, credentials: [] }
    }
    case 'ServerCertificate':
      return { document: { ...document, spec: tlsForm(document.spec) }, credentials: [] }
    case 'TlsAnchor':
      return {
        document: { ...document, spec: { certificate: anchorForm(document.spec.certificate) } },
        credentials: [],
      }
    case 'MailAnchor':
      return {
        document: { ...document, spec: { certificate: anchorForm(document.spec.certificate) } },
        credentials: [],
      }
    case 'Credential': {
      const entry = ownEntry(document, document.spec)
      const pair = readCredential(document.spec)
      const { addresses, sign, decrypt } = document.spec
      const spec = {
        certificate: toPem([pair.certificate]),
        ...(pair.chain.length === 0 ? {} : { chain: toPem(pair.chain) }),
        key: keyToPem(pair.key),
        ...(addresses === undefined ? {} : { addresses }),
        sign,
        decrypt,
      }
      return { document: { ...document, spec }, credentials: [entry] }
    }
    case 'PartnerCertificate': {
      const entry = partnerEntry(document, document.spec)
      const spec = { ...document.spec, certificate: anchorForm(document.spec.certificate) }
      return { document: { ...document, spec }, credentials: [entry] }
    }
    case 'AcmeIssuer':
    case 'CertificateDirectory':
    case 'TreatmentDefaults':
    case 'TreatmentSettings':
    case 'TrustSettings':
    case 'Directory':
    case 'Rule':
    case 'AddressRange':
    case 'Map':
      return { document, credentials: [] }
  }
}

function anchorForm(text: string): string {
  return toPem([readSingleCertificate(text, 'certificate')])
}

function tlsForm(spec: { readonly chain: string; readonly key: string }): { chain: string; key: string } {
  const pair = readTlsPair(spec)
  return { chain: toPem([pair.certificate, ...pair.chain]), key: keyToPem(pair.key) }
}

type Container = Record<string | number, unknown>

/** Sets an own property, whatever its name: `__proto__` must not reach the prototype. */
function setOwn(container: Container, part: string | number, value: unknown): void {
  Object.defineProperty(container, part, { value, writable: true, enumerable: true, configurable: true })
}

/** The container of a path's last part inside a value, made on the way where `make` says so. */
function containerOf(root: unknown, path: readonly (string | number)[], make: boolean): Container | null {
  let current = root as Container
  for (const [index, part] of path.slice(0, -1).entries()) {
    const child = Object.hasOwn(current, part) ? current[part] : undefined
    if (typeof child === 'object' && child !== null) current = child as Container
    else if (!make) return null
    else {
      // A list is a container whose names are positions.
      const made: Container = typeof path[index + 1] === 'number' ? ([] as unknown as Container) : {}
      setOwn(current, part, made)
      current = made
    }
  }
  return current
}

/** Sets a value deep in a tree of objects and lists; both must be a copy of the caller's own. */
export function setAt(root: unknown, path: readonly (string | number)[], value: unknown): void {
  const last = path.at(-1)
  const container = containerOf(root, path, true)
  if (last !== undefined && container !== null) setOwn(container, last, value)
}

/** The document as the store keeps it: its secrets beside the spec. */
export function toObject(document: ConfigDocument): ConfigObject {
  const spec: unknown = structuredClone(document.spec)
  const secrets: Record<string, string> = {}
  const fields = materialFields(document.kind, document.spec).filter((field) => isSecret(field.material))
  for (const field of fields) {
    secrets[field.pointer] = field.value
    const container = containerOf(spec, field.path, false)
    const last = field.path.at(-1)
    // A list of secrets holds nothing else: it stays, empty.
    if (Array.isArray(container)) container.length = 0
    else if (container !== null && last !== undefined) Reflect.deleteProperty(container, last)
  }
  return { kind: document.kind, tenant: tenantOf(document), name: document.name, spec, secrets }
}

/** RFC 6901 4; a part of digits is a position in a list: no field of ours has such a name. */
function pointerPath(pointer: string): (string | number)[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) =>
      /^(0|[1-9][0-9]*)$/.test(part) ? Number(part) : part.replaceAll('~1', '/').replaceAll('~0', '~'),
    )
}

/** The stored object as a document again, checked anew: it may have been written by another version. */
export function toDocument(object: ConfigObject): ParsedDocument {
  const spec: unknown = structuredClone(object.spec)
  if (typeof spec === 'object' && spec !== null)
    for (const [pointer, secret] of Object.entries(object.secrets)) setAt(spec, pointerPath(pointer), secret)
  const scope = isKind(object.kind) ? KINDS[object.kind].scope : 'installation'
  return parseConfigDocument({
    apiVersion: API_VERSION,
    kind: object.kind,
    ...(scope === 'tenant' ? { tenant: object.tenant } : {}),
    name: object.name,
    spec,
  })
}
