/**
 * From a chosen RecipientInfo to the content key: one family of algorithms each, behind one shape. Algorithms are read and
 * judged here, before the private key is used; using it is one call of `unwrap`, which says null and never why.
 */
import { EngineError } from '../errors.ts'
import { agreementName } from './key-agreement-scheme.ts'
import { readAgreementFor, unwrapAgreed } from './key-agreement.ts'
import { readTransport, transportName, unwrapLoosely, unwrapTransported } from './key-transport.ts'
import { readEncapsulation, unwrapEncapsulated } from './kem.ts'
import type { DecryptionKey, Match, Recipient } from './recipient-info.ts'

/** A chosen entry with its algorithm read: ready for the private key. */
export interface Opening {
  /** As reported: `oaep-sha256`, `ecdh-sha256kdf-aes128-wrap`, `ml-kem-768-hkdf-sha256-aes256-wrap`. */
  readonly name: string
  readonly key: DecryptionKey
  /** Exactly one private key operation. Null when it failed, for whatever reason. */
  readonly unwrap: () => Buffer | null
}

/**
 * Prepares to open an entry.
 * @param loosely - for a bare key that is tried on entries of which it is not known that they are meant for it
 * @throws EngineError `unsupported-key-encryption`, `cms-malformed`, `asn1-malformed`
 */
export function opening({ recipient, key }: Match, loosely: boolean): Opening {
  return { ...read(recipient, key, loosely), key }
}

function read(recipient: Recipient, { key }: DecryptionKey, loosely: boolean): Omit<Opening, 'key'> {
  switch (recipient.kind) {
    case 'key-transport': {
      const transport = readTransport(recipient.algorithm)
      const unwrap = loosely ? unwrapLoosely : unwrapTransported
      return { name: transportName(transport), unwrap: () => unwrap(transport, key, recipient.encryptedKey) }
    }
    case 'key-agreement': {
      const agreement = readAgreementFor(recipient, key)
      return { name: agreementName(agreement), unwrap: () => unwrapAgreed(agreement, key, recipient) }
    }
    case 'kem': {
      const encapsulation = readEncapsulation(recipient, key)
      return { name: encapsulation.name, unwrap: () => unwrapEncapsulated(encapsulation, key, recipient) }
    }
  }
}

/** For bare keys: entries that this key cannot open are passed over, unless there is nothing else. */
export function looseOpenings(matches: readonly Match[]): readonly Opening[] {
  const found: Opening[] = []
  let refused: EngineError | null = null
  for (const match of matches) {
    try {
      found.push(opening(match, true))
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      refused = error
    }
  }
  if (found.length === 0 && refused !== null) throw refused
  return found
}
