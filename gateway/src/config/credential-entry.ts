/**
 * Turns the objects `Credential` and `PartnerCertificate` into keyring entries: which addresses an entry serves, for what,
 * and under which id. An address that its certificate does not name must have been allowed explicitly.
 */
import { createHash } from 'node:crypto'
import { toLookupAddress } from '@siegel/contract'
import type { CredentialSpec, PartnerCertificateSpec } from '@siegel/contract'
import type { Certificate } from '@siegel/engine'
import { MaterialFailure, readCredential, readSingleCertificate } from './certificates.ts'
import type { CredentialEntry } from './ports.ts'

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** The object that an entry comes from. */
export interface EntryOrigin {
  readonly kind: 'Credential' | 'PartnerCertificate'
  readonly tenant: string
  readonly name: string
}

/**
 * The id of an entry: 26 Crockford characters from object and certificate. It stays when other fields change, so that a
 * Plan that names it stays true, and changes with the certificate.
 */
function entryId(origin: EntryOrigin, fingerprint: string): string {
  const text = JSON.stringify([origin.kind, origin.tenant, origin.name, fingerprint])
  let value = BigInt(`0x${createHash('sha256').update(text).digest('hex').slice(0, 32)}`)
  let id = ''
  for (let index = 0; index < 26; index++) {
    id = CROCKFORD.charAt(Number(value & 31n)) + id
    value >>= 5n
  }
  return id
}

/** The addresses that a certificate names, in look-up form. What has no look-up form serves nobody. */
function addressesOf(certificate: Certificate): string[] {
  return unique(certificate.emails.map(toLookupAddress).filter((address) => address !== null))
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)]
}

/**
 * The keyring entry of an own key.
 * @throws MaterialFailure
 */
export function ownEntry(origin: EntryOrigin, spec: CredentialSpec): CredentialEntry {
  const pair = readCredential(spec)
  const named = addressesOf(pair.certificate)
  const addresses = unique(spec.addresses ?? named)
  const foreign = addresses.find((address) => !named.includes(address))
  if (foreign !== undefined)
    throw new MaterialFailure(
      'address-not-in-certificate',
      'addresses',
      `the certificate does not name ${foreign}`,
    )
  if (addresses.length === 0)
    throw new MaterialFailure('address-missing', 'addresses', 'the certificate names no e-mail address')
  return {
    ...entryOf(origin, pair.certificate, addresses),
    owner: 'own',
    sign: spec.sign,
    encrypt: spec.decrypt,
    chain: pair.chain.map(({ raw }) => raw),
    distrusted: false,
    privateKey: pair.key.export({ type: 'pkcs8', format: 'der' }),
  }
}

/**
 * The keyring entry of a partner's certificate.
 * @throws MaterialFailure
 */
export function partnerEntry(origin: EntryOrigin, spec: PartnerCertificateSpec): CredentialEntry {
  const certificate = readSingleCertificate(spec.certificate, 'certificate')
  const named = addressesOf(certificate)
  const foreign = spec.addresses.find((address) => !named.includes(address))
  if (foreign !== undefined && !spec.allowOtherAddresses)
    throw new MaterialFailure(
      'address-not-in-certificate',
      'addresses',
      `the certificate does not name ${foreign}; set allowOtherAddresses if its holder may read that mail`,
    )
  const addresses = unique([...named, ...spec.addresses])
  if (addresses.length === 0)
    throw new MaterialFailure(
      'address-missing',
      'addresses',
      'the certificate names no e-mail address and none is given',
    )
  return {
    ...entryOf(origin, certificate, addresses),
    owner: 'partner',
    sign: false,
    encrypt: true,
    chain: [],
    distrusted: spec.distrusted,
    privateKey: null,
  }
}

function entryOf(origin: EntryOrigin, certificate: Certificate, addresses: readonly string[]) {
  return {
    id: entryId(origin, certificate.fingerprint),
    kind: 'smime' as const,
    addresses,
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    fingerprint: certificate.fingerprint,
    certificate: certificate.raw,
  }
}
