/**
 * The parameters of the profile `edi-energy`, and nothing else: what EDI-Energy's "Regelungen zum Übertragungsweg" ask of e-mail.
 * A new edition of the rules is a change of this file alone. Whether it says what the edition in force says is for the operator
 * to confirm (`ediEnergyEdition` of the tenant): we hold no copy of the rules and guess nothing in silence.
 */

/** What the data file says. Algorithms by the names of the engine. */
interface EdiEnergy {
  readonly edition: string
  readonly since: string
  readonly source: string
  readonly signatures: readonly ('rsa-pkcs1v15' | 'rsa-pss')[]
  readonly digests: readonly ('sha256' | 'sha384' | 'sha512')[]
  readonly usualDigest: 'sha256' | 'sha384' | 'sha512'
  readonly transports: readonly ('pkcs1v15' | 'oaep-sha256' | 'oaep-sha384' | 'oaep-sha512')[]
  readonly usualTransport: 'pkcs1v15' | 'oaep-sha256' | 'oaep-sha384' | 'oaep-sha512'
  readonly ciphers: readonly ('aes128-cbc' | 'aes256-cbc' | 'aes128-gcm' | 'aes256-gcm')[]
  readonly usualCipher: 'aes128-cbc' | 'aes256-cbc' | 'aes128-gcm' | 'aes256-gcm'
  readonly rsaBits: number
  readonly chain: 'rsa-pss' | 'any'
  readonly oneCertificatePerAddress: boolean
  readonly signAndEncrypt: boolean
  readonly mail: {
    readonly subjectIsFileName: boolean
    readonly compressedEnds: readonly string[]
    readonly attachments: number
    readonly attachmentType: string
  }
}

/** The data. */
export const EDI_ENERGY: EdiEnergy = {
  /** The edition to be confirmed. */
  edition: '1.10',
  /** In force from, as a day. */
  since: '2026-10-01',
  /** Where the rules are published. */
  source: 'https://www.bdew-mako.de',
  /** Signing: RSASSA-PSS (RFC 4056), MGF1 with the same hash, a salt as long as the hash. */
  signatures: ['rsa-pss'],
  digests: ['sha256', 'sha512'],
  usualDigest: 'sha256',
  /** Key transport: RSAES-OAEP (RFC 3560), MGF1 with the same hash, an empty label. */
  transports: ['oaep-sha256', 'oaep-sha512'],
  usualTransport: 'oaep-sha256',
  /** Content (RFC 3565): those that may be used, and the one that is used of a partner of whom nothing else is known. */
  ciphers: ['aes128-cbc', 'aes256-cbc', 'aes128-gcm', 'aes256-gcm'],
  usualCipher: 'aes256-cbc',
  /** Least length of RSA keys, own and partners', in bits. */
  rsaBits: 2048,
  /** Certificates and those of the CAs below the root are signed with RSASSA-PSS. */
  chain: 'rsa-pss',
  oneCertificatePerAddress: true,
  /** Each mail is signed and encrypted. */
  signAndEncrypt: true,
  mail: {
    /** The subject is the name of the file, without the end that says how it is compressed. */
    subjectIsFileName: true,
    compressedEnds: ['.gz', '.zip'],
    attachments: 1,
    attachmentType: 'application/octet-stream',
  },
}
