/**
 * The keys that a tenant publishes in DNS: reads what the operator gave, refuses what verifiers would not believe, and brings it into
 * its kept form. Does not look whether DNS knows the key.
 */
import type { KeyObject } from 'node:crypto'
import type { TenantSpec } from '@siegel/contract'
import type { DomainKey } from '../mail/authentication.ts'
import { keyToPem, MaterialFailure, readKeyField } from './certificates.ts'

/** RFC 8301 3.2: 1024 is the least that verifiers believe, 2048 what signers should use. */
const FEWEST_BITS = 2048
const MOST_BITS = 16_384

type DomainKeySpec = NonNullable<TenantSpec['arcSealing']>

/**
 * Reads the key of a field.
 * @param path - of the field in the spec
 * @throws MaterialFailure
 */
export function readDomainKey({ domain, selector, key }: DomainKeySpec, path: string): DomainKey {
  return { domain, selector, key: suitable(readKeyField(key, `${path}.key`), `${path}.key`) }
}

/** The keys of a tenant in their kept form. @throws MaterialFailure */
export function domainKeysForm(spec: TenantSpec): Pick<TenantSpec, 'arcSealing' | 'dkimSigning'> {
  const kept = (each: DomainKeySpec, path: string): DomainKeySpec => ({
    ...each,
    key: keyToPem(readDomainKey(each, path).key),
  })
  return {
    ...(spec.arcSealing === undefined ? {} : { arcSealing: kept(spec.arcSealing, 'arcSealing') }),
    dkimSigning: spec.dkimSigning.map((each, index) => kept(each, `dkimSigning.${index}`)),
  }
}

function suitable(key: KeyObject, field: string): KeyObject {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  const bits = details?.modulusLength ?? 0
  if (type === 'ed25519' || (type === 'rsa' && bits >= FEWEST_BITS && bits <= MOST_BITS)) return key
  const what = type === 'rsa' ? `RSA of ${bits} bits` : (type ?? 'no private key')
  throw new MaterialFailure(
    'key-unsuitable',
    field,
    `the key is ${what}: needed is RSA of at least ${FEWEST_BITS} bits, or Ed25519`,
  )
}
