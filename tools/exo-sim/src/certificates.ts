// Issues X.509 certificates for tests and demos: authorities, intermediates, leaves, and deliberately bad ones.
// The keys are throw-away keys in memory; nothing here may be used to protect anything real.
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import * as der from './der.ts'

/** Kind of key of a test certificate. */
export type KeyType = 'rsa2048' | 'rsa3072' | 'rsa4096' | 'p256' | 'p384' | 'ed25519'

/** Extended key usages by their usual names (RFC 5280 4.2.1.12). */
export type ExtendedKeyUsage = 'serverAuth' | 'clientAuth' | 'emailProtection'

/** Key usage bits by their names (RFC 5280 4.2.1.3). */
export type KeyUsage =
  | 'digitalSignature'
  | 'nonRepudiation'
  | 'keyEncipherment'
  | 'dataEncipherment'
  | 'keyAgreement'
  | 'keyCertSign'
  | 'cRLSign'

/** What a certificate shall say. Everything but the name has a default. */
export interface CertificateRequest {
  /** Common name of the subject. */
  commonName: string
  /** Organization of the subject, if any. */
  organization?: string
  /** DNS names of the subject alternative name. Default: the common name for leaves without `emails`. */
  dnsNames?: readonly string[]
  /** E-mail addresses of the subject alternative name (ASCII: rfc822Name). */
  emails?: readonly string[]
  /** Default `p256` (quick to make); Microsoft's documents ask for RSA of 2048 bits or more on real servers. */
  keyType?: KeyType
  /** Use this private key instead of making one (`keyType` is then ignored). */
  key?: KeyObject
  /** Default: one hour ago. */
  notBefore?: Date
  /** Default: 30 days from now. */
  notAfter?: Date
  /** Basic constraints CA flag. Default false. */
  ca?: boolean
  /** Default serverAuth and clientAuth, or emailProtection when `emails` is given; an empty list leaves it out. */
  extendedKeyUsage?: readonly ExtendedKeyUsage[]
  /** Default: what the key type and the CA flag call for. */
  keyUsage?: readonly KeyUsage[]
  /** Hash of the issuer's signature. Default `sha256`; `sha1` is there to be refused. */
  hash?: 'sha256' | 'sha384' | 'sha512' | 'sha1'
}

/** A certificate with its private key and the chain that a server or client must present. */
export interface IssuedCertificate {
  /** The certificate alone, PEM. */
  certificate: string
  /** The certificate followed by its intermediates (never the root), PEM: what TLS wants as `cert`. */
  cert: string
  /** PKCS#8 private key, PEM. */
  key: string
  /** The private key as an object, to issue again for the same key. */
  privateKey: KeyObject
  /** Parsed certificate. */
  x509: X509Certificate
  /** The DER bytes. */
  der: Buffer
  /** The subject's distinguished name, DER. */
  subject: Buffer
}

/** A certificate that may issue others. */
export interface Authority extends IssuedCertificate {
  /** Root certificate at the top, PEM: what peers put into their trust store. */
  root: string
}

const OID = {
  rsa: {
    sha1: '1.2.840.113549.1.1.5',
    sha256: '1.2.840.113549.1.1.11',
    sha384: '1.2.840.113549.1.1.12',
    sha512: '1.2.840.113549.1.1.13',
  },
  ec: {
    sha1: '1.2.840.10045.4.1',
    sha256: '1.2.840.10045.4.3.2',
    sha384: '1.2.840.10045.4.3.3',
    sha512: '1.2.840.10045.4.3.4',
  },
  ed25519: '1.3.101.112',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  emailProtection: '1.3.6.1.5.5.7.3.4',
} as const

const USAGE_BITS: readonly KeyUsage[] = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
]

/** Makes a fresh private key. */
export function makeKey(type: KeyType): KeyObject {
  switch (type) {
    case 'rsa2048':
    case 'rsa3072':
    case 'rsa4096':
      return generateKeyPairSync('rsa', { modulusLength: Number(type.slice(3)) }).privateKey
    case 'p256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    case 'p384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
    case 'ed25519':
      return generateKeyPairSync('ed25519').privateKey
  }
}

/** Makes a root, or an intermediate when `issuer` is given. */
export function makeAuthority(request: Partial<CertificateRequest> & { issuer?: Authority } = {}): Authority {
  const full = { commonName: 'Simulator Test Root', extendedKeyUsage: [], ...request, ca: true }
  const issued = build(full, request.issuer)
  return { ...issued, root: request.issuer ? request.issuer.root : issued.certificate }
}

/** Issues a certificate under `authority`; `cert` of the result carries the intermediates that lead to the root. */
export function issue(authority: Authority, request: CertificateRequest): IssuedCertificate {
  return build(request, authority)
}

/** Makes a self-signed leaf (a case that every verifier must refuse). */
export function selfSigned(request: CertificateRequest): IssuedCertificate {
  return build(request, undefined)
}

function build(request: CertificateRequest, issuer: Authority | undefined): IssuedCertificate {
  const privateKey = request.key ?? makeKey(request.keyType ?? 'p256')
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  const subject = distinguishedName(request)
  const signer = issuer?.privateKey ?? privateKey
  const algorithm = signatureAlgorithm(signer, request.hash ?? 'sha256')
  const now = Date.now()
  // RFC 5280 4.1: TBSCertificate, version 3.
  const tbs = der.sequence(
    der.explicit(0, der.integer(Buffer.from([2]))),
    der.integer(Buffer.concat([Buffer.from([0x40 | ((randomBytes(1)[0] ?? 0) % 64)]), randomBytes(15)])),
    algorithm.identifier,
    issuer?.subject ?? subject,
    der.sequence(
      der.time(request.notBefore ?? new Date(now - 3_600_000)),
      der.time(request.notAfter ?? new Date(now + 30 * 86_400_000)),
    ),
    subject,
    spki,
    der.explicit(3, der.sequence(...extensions(request, privateKey, spki, issuer))),
  )
  const signature = sign(algorithm.digest, tbs, signer)
  const bytes = der.sequence(tbs, algorithm.identifier, der.bitString(signature))
  const certificate = toPem('CERTIFICATE', bytes)
  const above = issuer && issuer.root !== issuer.certificate ? issuer.cert : ''
  return {
    certificate,
    cert: certificate + above,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    privateKey,
    x509: new X509Certificate(bytes),
    der: bytes,
    subject,
  }
}

function distinguishedName(request: CertificateRequest): Buffer {
  const attribute = (oid: string, value: string): Buffer =>
    der.setOf(der.sequence(der.objectIdentifier(oid), der.utf8String(value)))
  const organization = request.organization === undefined ? [] : [attribute('2.5.4.10', request.organization)]
  return der.sequence(...organization, attribute('2.5.4.3', request.commonName))
}

/** The algorithm by which a key signs certificates and lists. */
export function signatureAlgorithm(
  key: KeyObject,
  hash: 'sha256' | 'sha384' | 'sha512' | 'sha1',
): { identifier: Buffer; digest: string | null } {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return { identifier: der.sequence(der.objectIdentifier(OID.rsa[hash]), der.NULL), digest: hash }
    case 'ec':
      return { identifier: der.sequence(der.objectIdentifier(OID.ec[hash])), digest: hash }
    case 'ed25519':
      return { identifier: der.sequence(der.objectIdentifier(OID.ed25519)), digest: null }
    default:
      throw new Error(`No signature algorithm for a key of type ${String(key.asymmetricKeyType)}`)
  }
}

function extensions(
  request: CertificateRequest,
  key: KeyObject,
  spki: Buffer,
  issuer: Authority | undefined,
): Buffer[] {
  const extension = (oid: string, value: Buffer, critical = false): Buffer =>
    der.sequence(der.objectIdentifier(oid), ...(critical ? [der.TRUE] : []), der.octetString(value))
  const issuerSpki = issuer
    ? createPublicKey(issuer.privateKey).export({ type: 'spki', format: 'der' })
    : spki
  const list = [
    // RFC 5280 4.2.1.9: basic constraints; a CA:FALSE is the empty sequence.
    extension('2.5.29.19', request.ca ? der.sequence(der.TRUE) : der.sequence(), true),
    extension('2.5.29.15', keyUsageBits(request.keyUsage ?? defaultKeyUsage(request, key)), true),
    extension('2.5.29.14', der.octetString(keyIdentifier(spki))),
    extension('2.5.29.35', der.sequence(der.implicit(0, keyIdentifier(issuerSpki)))),
  ]
  const usages =
    request.extendedKeyUsage ?? (request.emails ? ['emailProtection'] : ['serverAuth', 'clientAuth'])
  if (usages.length > 0) {
    list.push(extension('2.5.29.37', der.sequence(...usages.map((name) => der.objectIdentifier(OID[name])))))
  }
  const dnsNames = request.dnsNames ?? (request.ca || request.emails ? [] : [request.commonName])
  const names = [
    ...dnsNames.map((name) => der.implicit(2, Buffer.from(name, 'latin1'))),
    ...(request.emails ?? []).map((address) => der.implicit(1, Buffer.from(address, 'latin1'))),
  ]
  // RFC 5280 4.2.1.6: subject alternative name.
  if (names.length > 0) list.push(extension('2.5.29.17', der.sequence(...names)))
  return list
}

function keyIdentifier(spki: Buffer): Buffer {
  return createHash('sha256').update(spki).digest().subarray(0, 20)
}

function defaultKeyUsage(request: CertificateRequest, key: KeyObject): KeyUsage[] {
  if (request.ca) return ['keyCertSign', 'cRLSign']
  if (key.asymmetricKeyType === 'rsa') return ['digitalSignature', 'keyEncipherment']
  if (key.asymmetricKeyType === 'ec') return ['digitalSignature', 'keyAgreement']
  return ['digitalSignature']
}

function keyUsageBits(usages: readonly KeyUsage[]): Buffer {
  let bits = 0
  let last = 0
  for (const usage of usages) {
    const position = USAGE_BITS.indexOf(usage)
    bits |= 0x80 >> position
    last = Math.max(last, position)
  }
  return der.bitString(Buffer.from([bits]), 7 - last)
}

/** DER as PEM. */
export function toPem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
