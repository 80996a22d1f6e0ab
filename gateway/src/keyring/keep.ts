/**
 * How other parts add a partner's certificate to the keyring: one that was harvested from a mail, found in a directory, or imported.
 * It serves the addresses that it names, and no other. Judges no trust: whoever keeps a certificate says whether it may be used at
 * once or awaits approval.
 */
import { parseCertificate, type Certificate } from '@siegel/engine'
import { toLookupAddress } from '@siegel/contract'
import type { CredentialOrigin, Kept, KeyringStore, NewCredential } from './ports.ts'

/** A certificate that is to be kept. */
export interface FoundCertificate {
  /** DER, or parsed. */
  readonly certificate: Buffer | Certificate
  /** Intermediates that came with it, leaf side first, DER. */
  readonly chain?: readonly Buffer[]
  readonly origin: Exclude<CredentialOrigin, 'configured'>
  readonly state: 'active' | 'awaiting-approval'
  /** Where it was: id of the mail, URL, file and line. For people; at most 500 characters are kept. */
  readonly source: string
  /** Who found it, for the audit log. */
  readonly actor: string
}

const MOST_SOURCE = 500

/** The addresses that a certificate names, in look-up form. What has no look-up form serves nobody. */
export function namedAddresses(certificate: Certificate): string[] {
  const found = certificate.emails.map(toLookupAddress).filter((address) => address !== null)
  return [...new Set(found)]
}

/** The uses that a certificate's key usage allows. Without the extension all are. RFC 8550 4.4.2 */
export function usesOf(certificate: Certificate): { readonly sign: boolean; readonly encrypt: boolean } {
  const usage = certificate.keyUsage
  if (usage === null) return { sign: true, encrypt: true }
  return {
    sign: usage.has('digitalSignature') || usage.has('nonRepudiation'),
    encrypt: usage.has('keyEncipherment') || usage.has('keyAgreement'),
  }
}

/**
 * The entry of a partner's certificate.
 * @returns null when it names no address, so that it could serve nobody
 * @throws EngineError when it is no certificate
 */
export function partnerEntryOf(found: FoundCertificate): NewCredential | null {
  const { certificate: given, chain = [], origin, state, source } = found
  const certificate = Buffer.isBuffer(given) ? parseCertificate(given) : given
  const addresses = namedAddresses(certificate)
  if (addresses.length === 0) return null
  return {
    owner: 'partner',
    addresses,
    sign: false,
    encrypt: usesOf(certificate).encrypt,
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    fingerprint: certificate.fingerprint,
    certificate: certificate.raw,
    chain,
    origin,
    state,
    source: source.slice(0, MOST_SOURCE),
    privateKey: null,
  }
}

/**
 * Keeps a partner's certificate. Doing it again changes nothing, and one that an operator took out does not come back (but by an
 * import). It is in force in every process within a second.
 * @returns what became of it; null when it names no address
 * @throws EngineError when it is no certificate, StorageError
 */
export async function keepCertificate(store: KeyringStore, found: FoundCertificate): Promise<Kept | null> {
  const entry = partnerEntryOf(found)
  if (entry === null) return null
  const { actor, origin, source } = found
  const [kept] = await store.add([entry], {
    actor,
    action: `certificate-${origin}`,
    detail: { source: source.slice(0, MOST_SOURCE), addresses: entry.addresses },
  })
  return kept ?? null
}
