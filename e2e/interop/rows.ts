/**
 * The rows of the interop matrix: every algorithm and form of S/MIME that the engine reads or writes, as data. Says nothing
 * of how a program is told to use it; participants translate a row into their own words.
 */

/** Kinds of keys; each is one person of the material. */
export const KEY_KINDS = [
  'rsa',
  'p256',
  'p384',
  'p521',
  'brainpool256',
  'brainpool384',
  'brainpool512',
  'ed25519',
  'ed448',
  'ml-dsa-44',
  'ml-dsa-65',
  'ml-dsa-87',
  'slh-dsa-sha2-128s',
  'x25519',
  'x448',
  'ml-kem-512',
  'ml-kem-768',
  'ml-kem-1024',
] as const
/** The name of a kind of key. */
export type KeyKind = (typeof KEY_KINDS)[number]

/** Hashes by their names in node:crypto and OpenSSL. */
export type Hash = 'sha1' | 'sha256' | 'sha384' | 'sha512'

/** A signed mail. */
export interface Signing {
  readonly kind: 'signing'
  readonly key: KeyKind
  /** RSA only: RSASSA-PSS, with the hash of MGF1 and the octets of salt. */
  readonly pss: { readonly mgf1: Hash; readonly salt: number } | null
  /** Null: the scheme has no hash of its own. */
  readonly digest: Hash | null
  readonly form: 'detached' | 'opaque'
  readonly attributes: boolean
  readonly signer: 'issuer-and-serial' | 'subject-key-id'
  /** A second signer beside the first. */
  readonly second: KeyKind | null
  /** BER with indefinite lengths and chunked strings; only opaque. */
  readonly indefinite: boolean
  readonly counterSigned: boolean
}

/** How the content key reaches the recipient. */
export type Transport =
  | { readonly scheme: 'pkcs1v15' }
  | { readonly scheme: 'oaep'; readonly hash: Hash; readonly mgf1: Hash; readonly label: string | null }
  | { readonly scheme: 'ecdh'; readonly kdf: 'x963' | 'hkdf'; readonly hash: Hash; readonly wrap: Wrap }
  | { readonly scheme: 'kem' }

/** AES key wrap by its bits. */
export type Wrap = 128 | 192 | 256

/** Content ciphers by the engine's names. */
export type Cipher =
  `aes${Wrap}-${'cbc' | 'gcm' | 'ccm'}` | 'chacha20-poly1305' | 'des-ede3-cbc' | 'rc2-128-cbc'

/** An encrypted mail. */
export interface Encryption {
  readonly kind: 'encryption'
  readonly key: KeyKind
  readonly cipher: Cipher
  readonly transport: Transport
  readonly recipient: 'issuer-and-serial' | 'subject-key-id'
  /** RFC 9709: the content key is derived once more. */
  readonly cekHkdf: boolean
  readonly indefinite: boolean
  /** Signed inside and outside as well. */
  readonly tripleWrapped: boolean
}

/** A PKCS#12 file. */
export interface KeyFile {
  readonly kind: 'key-file'
  readonly key: KeyKind
  readonly protection: 'pbes2' | 'pbmac1' | 'triple-des' | 'rc2-40'
}

/** Whatever else is exchanged. */
export interface Paper {
  readonly kind: 'certificates-only' | 'request' | 'revocation-list' | 'ocsp' | 'compressed'
  readonly key: KeyKind
}

/** One row. */
export interface Row {
  readonly group: string
  readonly title: string
  readonly what: Signing | Encryption | KeyFile | Paper
  /** Whether the engine writes it; it reads every row. */
  readonly written: boolean
}

const RSA: KeyKind = 'rsa'
const SALT: Readonly<Record<Hash, number>> = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 }
const upper = (hash: Hash): string => hash.replace('sha', 'SHA-')

/** The ordinary signature: detached, SHA-256, signed attributes, one signer by issuer and serial number. */
export function plainSigning(key: KeyKind): Signing {
  return {
    kind: 'signing',
    key,
    pss: null,
    digest: 'sha256',
    form: 'detached',
    attributes: true,
    signer: 'issuer-and-serial',
    second: null,
    indefinite: false,
    counterSigned: false,
  }
}

function signing(group: string, title: string, written: boolean, what: Partial<Signing>): Row {
  return { group, title, written, what: { ...plainSigning(RSA), ...what } }
}

const CURVES: readonly (readonly [KeyKind, string, Hash, Wrap])[] = [
  ['p256', 'P-256', 'sha256', 128],
  ['p384', 'P-384', 'sha384', 256],
  ['p521', 'P-521', 'sha512', 256],
  ['brainpool256', 'brainpoolP256r1', 'sha256', 128],
  ['brainpool384', 'brainpoolP384r1', 'sha384', 256],
  ['brainpool512', 'brainpoolP512r1', 'sha512', 256],
]

const SIGNATURES = 'Signatures'
const signatureRows: readonly Row[] = [
  ...(['sha256', 'sha384', 'sha512'] as const).map((digest) =>
    signing(SIGNATURES, `RSA v1.5, ${upper(digest)}`, true, { digest }),
  ),
  ...(['sha256', 'sha384', 'sha512'] as const).map((digest) =>
    signing(SIGNATURES, `RSASSA-PSS, ${upper(digest)}`, true, {
      digest,
      pss: { mgf1: digest, salt: SALT[digest] },
    }),
  ),
  signing(SIGNATURES, 'RSASSA-PSS, SHA-384, MGF1 SHA-256, salt 20', false, {
    digest: 'sha384',
    pss: { mgf1: 'sha256', salt: 20 },
  }),
  ...CURVES.map(([key, title, digest]) =>
    signing(SIGNATURES, `ECDSA ${title}, ${upper(digest)}`, true, { key, digest }),
  ),
  signing(SIGNATURES, 'ECDSA P-256, SHA-512', true, { key: 'p256', digest: 'sha512' }),
  signing(SIGNATURES, 'Ed25519', true, { key: 'ed25519', digest: null }),
  signing(SIGNATURES, 'Ed448', true, { key: 'ed448', digest: null }),
  ...(['ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87'] as const).map((key) =>
    signing(SIGNATURES, key.toUpperCase(), true, { key, digest: null }),
  ),
  signing(SIGNATURES, 'SLH-DSA-SHA2-128s', false, { key: 'slh-dsa-sha2-128s', digest: null }),
  signing(SIGNATURES, 'RSA v1.5, SHA-1 (read with allow-weak)', false, { digest: 'sha1' }),
]

const FORMS = 'Forms of signed mail'
const formRows: readonly Row[] = [
  signing(FORMS, 'opaque, RSA v1.5', true, { form: 'opaque' }),
  signing(FORMS, 'opaque, ECDSA P-256', true, { form: 'opaque', key: 'p256' }),
  signing(FORMS, 'opaque, RSASSA-PSS', true, { form: 'opaque', pss: { mgf1: 'sha256', salt: 32 } }),
  signing(FORMS, 'no signed attributes, RSA v1.5', false, { attributes: false }),
  signing(FORMS, 'no signed attributes, ECDSA P-256, opaque', false, {
    attributes: false,
    key: 'p256',
    form: 'opaque',
  }),
  signing(FORMS, 'subject key identifier, RSA v1.5', true, { signer: 'subject-key-id' }),
  signing(FORMS, 'subject key identifier, ECDSA P-256', true, { signer: 'subject-key-id', key: 'p256' }),
  signing(FORMS, 'two signers, RSA and ECDSA', true, { second: 'p256' }),
  signing(FORMS, 'two signers, ECDSA and RSA, opaque', true, {
    key: 'p384',
    digest: 'sha384',
    second: 'rsa',
    form: 'opaque',
  }),
  signing(FORMS, 'BER, indefinite length, RSA v1.5', false, { form: 'opaque', indefinite: true }),
  signing(FORMS, 'BER, indefinite length, ECDSA P-256', false, {
    form: 'opaque',
    indefinite: true,
    key: 'p256',
  }),
  signing(FORMS, 'opaque, counter-signed', false, { form: 'opaque', counterSigned: true }),
]

const PKCS1: Transport = { scheme: 'pkcs1v15' }
const oaep = (hash: Hash, mgf1: Hash = hash, label: string | null = null): Transport => ({
  scheme: 'oaep',
  hash,
  mgf1,
  label,
})
const ecdh = (hash: Hash, wrap: Wrap, kdf: 'x963' | 'hkdf' = 'x963'): Transport => ({
  scheme: 'ecdh',
  kdf,
  hash,
  wrap,
})

function encryption(group: string, title: string, written: boolean, what: Partial<Encryption>): Row {
  const plain: Encryption = {
    kind: 'encryption',
    key: RSA,
    cipher: 'aes256-cbc',
    transport: PKCS1,
    recipient: 'issuer-and-serial',
    cekHkdf: false,
    indefinite: false,
    tripleWrapped: false,
  }
  return { group, title, written, what: { ...plain, ...what } }
}

const CONTENT = 'Content encryption (to RSA)'
const SIZES = [128, 192, 256] as const
const MODES = ['cbc', 'gcm', 'ccm'] as const
const contentRows: readonly Row[] = [
  ...MODES.flatMap((mode) =>
    SIZES.map((bits) =>
      encryption(CONTENT, `AES-${bits}-${mode.toUpperCase()}`, true, { cipher: `aes${bits}-${mode}` }),
    ),
  ),
  encryption(CONTENT, 'ChaCha20-Poly1305', true, { cipher: 'chacha20-poly1305' }),
  encryption(CONTENT, '3DES (read with allow-weak)', false, { cipher: 'des-ede3-cbc' }),
  encryption(CONTENT, 'RC2-128 (read with allow-weak)', false, { cipher: 'rc2-128-cbc' }),
  encryption(CONTENT, 'AES-128-CBC in BER, indefinite length', false, {
    cipher: 'aes128-cbc',
    indefinite: true,
  }),
  encryption(CONTENT, 'AES-256-CBC, CEK-HKDF (RFC 9709)', true, { cekHkdf: true }),
  encryption(CONTENT, 'AES-256-GCM, CEK-HKDF (RFC 9709)', true, { cekHkdf: true, cipher: 'aes256-gcm' }),
  encryption(CONTENT, 'AES-128-CBC, signed inside and outside', true, {
    cipher: 'aes128-cbc',
    tripleWrapped: true,
  }),
]

const KEYS = 'Key management'
const CBC = { cipher: 'aes128-cbc' } as const
const keyRows: readonly Row[] = [
  encryption(KEYS, 'RSA v1.5', true, CBC),
  encryption(KEYS, 'RSA v1.5, subject key identifier', true, { ...CBC, recipient: 'subject-key-id' }),
  ...(['sha1', 'sha256', 'sha384', 'sha512'] as const).map((hash) =>
    encryption(KEYS, `OAEP ${upper(hash)}`, true, { transport: oaep(hash) }),
  ),
  encryption(KEYS, 'OAEP SHA-256, MGF1 SHA-1', true, { transport: oaep('sha256', 'sha1') }),
  encryption(KEYS, 'OAEP SHA-512, MGF1 SHA-256', true, { transport: oaep('sha512', 'sha256') }),
  encryption(KEYS, 'OAEP SHA-256 with a label', true, { transport: oaep('sha256', 'sha256', 'interop') }),
  encryption(KEYS, 'OAEP SHA-256, AES-256-GCM', true, { transport: oaep('sha256'), cipher: 'aes256-gcm' }),
  ...CURVES.map(([key, title, hash, wrap]) =>
    encryption(KEYS, `ECDH ${title}, ${upper(hash)} KDF, AES-${wrap} wrap`, true, {
      key,
      transport: ecdh(hash, wrap),
      cipher: wrap === 128 ? 'aes128-cbc' : 'aes256-cbc',
    }),
  ),
  ...(['sha256', 'sha384', 'sha512'] as const).flatMap((hash) =>
    SIZES.filter((wrap) => hash !== 'sha256' || wrap !== 128).map((wrap) =>
      encryption(KEYS, `ECDH P-256, ${upper(hash)} KDF, AES-${wrap} wrap`, true, {
        key: 'p256',
        transport: ecdh(hash, wrap),
      }),
    ),
  ),
  encryption(KEYS, 'ECDH P-256, SHA-1 KDF, AES-128 wrap', true, {
    key: 'p256',
    transport: ecdh('sha1', 128),
  }),
  encryption(KEYS, 'ECDH P-384, AES-256-GCM', true, {
    key: 'p384',
    transport: ecdh('sha384', 256),
    cipher: 'aes256-gcm',
  }),
  encryption(KEYS, 'ECDH P-256, subject key identifier', true, {
    key: 'p256',
    transport: ecdh('sha256', 128),
    cipher: 'aes128-cbc',
    recipient: 'subject-key-id',
  }),
  encryption(KEYS, 'X25519, X9.63 KDF SHA-256', true, { key: 'x25519', transport: ecdh('sha256', 256) }),
  encryption(KEYS, 'X25519, HKDF SHA-256', true, { key: 'x25519', transport: ecdh('sha256', 128, 'hkdf') }),
  encryption(KEYS, 'X448, HKDF SHA-512', true, { key: 'x448', transport: ecdh('sha512', 256, 'hkdf') }),
  ...(['ml-kem-512', 'ml-kem-768', 'ml-kem-1024'] as const).map((key) =>
    encryption(KEYS, key.toUpperCase(), true, { key, transport: { scheme: 'kem' } }),
  ),
]

const FILES = 'Key files, certificates and revocation'
const keyFile = (
  title: string,
  written: boolean,
  protection: KeyFile['protection'],
  key: KeyKind = RSA,
): Row => ({
  group: FILES,
  title,
  written,
  what: { kind: 'key-file', key, protection },
})
const paper = (title: string, written: boolean, kind: Paper['kind'], key: KeyKind = RSA): Row => ({
  group: FILES,
  title,
  written,
  what: { kind, key },
})
const fileRows: readonly Row[] = [
  keyFile('PKCS#12, PBES2 AES-256, HMAC-SHA-256', true, 'pbes2'),
  keyFile('PKCS#12, PBES2 AES-256, HMAC-SHA-256, P-256 key', true, 'pbes2', 'p256'),
  keyFile('PKCS#12, PBES2 AES-256, PBMAC1', true, 'pbmac1'),
  keyFile('PKCS#12, 3DES, HMAC-SHA-1 (read only)', false, 'triple-des'),
  keyFile('PKCS#12, 3DES and RC2-40, HMAC-SHA-1 (read only)', false, 'rc2-40'),
  paper('certificates only', true, 'certificates-only'),
  paper('PKCS#10 request, RSA', true, 'request'),
  paper('PKCS#10 request, P-256', true, 'request', 'p256'),
  paper('PKCS#10 request, Ed25519', true, 'request', 'ed25519'),
  paper('CRL', true, 'revocation-list'),
  paper('OCSP response', false, 'ocsp'),
  paper('CompressedData (refused as such)', false, 'compressed'),
]

/** Every row, in the order of the page. */
export const ROWS: readonly Row[] = [...signatureRows, ...formRows, ...contentRows, ...keyRows, ...fileRows]
