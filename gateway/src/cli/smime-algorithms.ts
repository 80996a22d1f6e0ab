/**
 * The options of `siegel smime sign|encrypt` that choose algorithms, beyond what a mail needs: for tests with other programs and
 * for partners with special wishes. Reads texts, knows no files; what does not fit together is refused by the engine.
 */
import {
  WRITTEN_CIPHERS,
  WRITTEN_TRANSPORTS,
  type AgreementOptions,
  type EncryptOptions,
  type RecipientId,
  type SigningDigest,
} from '@siegel/engine'
import { UsageError } from './io.ts'

const TEXT = { type: 'string' } as const
const FLAG = { type: 'boolean' } as const

/** Options of `encrypt` that choose algorithms. */
export const ENCRYPT_OPTIONS = {
  ...{ cipher: TEXT, hkdf: FLAG, 'key-transport': TEXT, 'oaep-label': TEXT, 'recipient-id': TEXT },
  ...{ 'agreement-kdf': TEXT, 'agreement-hash': TEXT, 'key-wrap': TEXT, cofactor: FLAG, ukm: TEXT },
} as const

/** What `parseArguments` gives for ENCRYPT_OPTIONS. */
export interface EncryptValues {
  readonly cipher?: string
  readonly hkdf?: boolean
  readonly 'key-transport'?: string
  readonly 'oaep-label'?: string
  readonly 'recipient-id'?: string
  readonly 'agreement-kdf'?: string
  readonly 'agreement-hash'?: string
  readonly 'key-wrap'?: string
  readonly cofactor?: boolean
  readonly ukm?: string
}

function choice<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const found = choices.find((each) => each === text)
  if (found !== undefined) return found
  const shown = choices.length > 12 ? `${choices.slice(0, 6).join(', ')}, …` : choices.join(', ')
  throw new UsageError(`${name} is one of ${shown}, not ${text}`)
}

function hex(name: string, text: string): Buffer {
  if (!/^(?:[0-9a-f]{2}){1,256}$/i.test(text)) throw new UsageError(`${name} is no hexadecimal text: ${text}`)
  return Buffer.from(text, 'hex')
}

/** `issuer-and-serial` or `ski`. @throws UsageError */
export function readIdentifierOption(name: string, text: string): RecipientId {
  return choice(name, text, ['issuer-and-serial', 'ski'])
}

/** How to encrypt, without the recipients. @throws UsageError */
export function readEncryptOptions(values: EncryptValues): Omit<EncryptOptions, 'recipients'> {
  const label = values['oaep-label']
  const id = values['recipient-id']
  return {
    cipher: choice('--cipher', values.cipher ?? 'aes256-cbc', WRITTEN_CIPHERS),
    keyTransport: choice('--key-transport', values['key-transport'] ?? 'pkcs1v15', WRITTEN_TRANSPORTS),
    hkdf: values.hkdf === true,
    keyAgreement: readAgreement(values),
    ...(label === undefined ? {} : { oaepLabel: hex('--oaep-label', label) }),
    ...(id === undefined ? {} : { recipientId: readIdentifierOption('--recipient-id', id) }),
  }
}

const WRAPS = { '128': 128, '192': 192, '256': 256 } as const

function readAgreement(values: EncryptValues): AgreementOptions {
  const { 'agreement-kdf': kdf, 'agreement-hash': hash, 'key-wrap': wrap, cofactor, ukm } = values
  const hashes = ['sha1', 'sha224', 'sha256', 'sha384', 'sha512'] as const
  return {
    cofactor: cofactor === true,
    ...(kdf === undefined ? {} : { kdf: choice('--agreement-kdf', kdf, ['x963', 'hkdf'] as const) }),
    ...(hash === undefined ? {} : { hash: choice('--agreement-hash', hash, hashes) }),
    ...(wrap === undefined
      ? {}
      : { wrap: WRAPS[choice('--key-wrap', wrap, ['128', '192', '256'] as const)] }),
    ...(ukm === undefined ? {} : { ukm: hex('--ukm', ukm) }),
  }
}

/** The digest to sign with. @throws UsageError */
export function readDigest(text: string | undefined): SigningDigest | undefined {
  return text === undefined ? undefined : choice('--digest', text, ['sha256', 'sha384', 'sha512'] as const)
}
