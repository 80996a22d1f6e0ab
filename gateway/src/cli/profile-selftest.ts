/**
 * The conformance self-test of a profile: keys and certificates in memory, the gateway's own keyring and policy on them, a mail signed
 * and encrypted as the Plan says, and then a look at what is really in it; and certificates that the profile must refuse. Touches
 * neither disk nor network nor the keys of any tenant.
 */
import { generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import {
  decryptContent,
  decryptMessage,
  issueCertificate,
  Oid,
  parseCertificate,
  readContentInfo,
  scanMessage,
  type Certificate,
  type DecryptionKey,
} from '@siegel/engine'
import { createKeyring, lookupForm, type Keyring } from '../keyring/keyring.ts'
import type { Candidate, CredentialOwner, CredentialStore } from '../keyring/ports.ts'
import type { Treatment } from '../mail/plan.ts'
import { decide } from '../mail/policy/decide.ts'
import { EDI_ENERGY } from '../mail/policy/edi-energy.ts'
import { gather } from '../mail/policy/gather.ts'
import { NO_LEVELS } from '../mail/policy/levels.ts'
import { demandsOf, type Demands, type ProfileName } from '../mail/policy/profiles.ts'
import { protectEntity } from '../mail/protection.ts'
import { createTrust } from '../trust/trust.ts'
import { layerOf, objectIn, signatureOf, signatureWords } from './profile-wire.ts'

/** One check. */
export interface ProfileCheck {
  /** Stable code. */
  readonly check:
    | 'signed-and-encrypted'
    | 'content-encryption'
    | 'key-encryption'
    | 'layers'
    | 'digest'
    | 'signature'
    | 'chain'
    | 'opens'
    | 'verifies'
    | 'refused'
    | 'own-key'
    | 'partner-certificate'
    | 'one-certificate'
    | 'edition'
  readonly ok: boolean
  /** What was found, and what is wanted where that is not all. */
  readonly found: string
}

/** A key with its certificate and the certificates between it and the root. */
export interface TestKey {
  readonly key: KeyObject
  readonly certificate: Certificate
  readonly chain: readonly Certificate[]
}

/** What the test is made with; strangers may bring their own. */
export interface TestMaterial {
  readonly root: Certificate
  readonly own: TestKey
  /** The partner's keys: one, or two where the profile wants two layers. */
  readonly partner: readonly TestKey[]
  /** Partners' certificates that must be refused, with the reason. */
  readonly refused: readonly { readonly why: string; readonly key: TestKey }[]
}

/** What came out. */
export interface SelfTest {
  readonly checks: readonly ProfileCheck[]
  /** The mail, for other judges; null when the Plan does not say sign and encrypt. */
  readonly mail: Buffer | null
}

/** The sender of the test. */
export const OWN_ADDRESS = 'alice@selftest.invalid'
/** Its recipient. */
export const PARTNER_ADDRESS = 'bob@partner.invalid'

const DAY = 86_400_000
const FILE = 'UTILMD_SELFTEST.txt'
const ENTITY = Buffer.from(
  `Content-Type: application/octet-stream; name="${FILE}"\r\nContent-Transfer-Encoding: base64\r\n` +
    `Content-Disposition: attachment; filename="${FILE}"\r\n\r\nVU5BOisuPyAn\r\n`,
)
const HEADER = Buffer.from(
  `From: ${OWN_ADDRESS}\r\nTo: ${PARTNER_ADDRESS}\r\nSubject: ${FILE}\r\nMIME-Version: 1.0\r\n`,
)

const newPair = promisify(generateKeyPair)
const rsa = (modulusLength = 3072) => newPair('rsa', { modulusLength })

interface Authority {
  readonly key: KeyObject
  readonly certificate: Certificate
}

/** Issues certificates for the test. */
function issuing(now: number, root: Authority, between: Authority, pss: boolean) {
  return (
    email: string,
    keys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject },
    signedWithPss = pss,
  ): TestKey => {
    const kem = keys.publicKey.asymmetricKeyType?.startsWith('ml-kem-') === true
    const der = issueCertificate({
      subject: { CN: email },
      issuer: { key: between.key, certificate: between.certificate },
      publicKey: keys.publicKey,
      notBefore: now - DAY,
      notAfter: now + DAY,
      signature: { pss: signedWithPss },
      extensions: { emails: [email], ...(kem ? { keyUsage: ['keyEncipherment'] } : {}) },
    })
    const chain = between === root ? [] : [between.certificate]
    return { key: keys.privateKey, certificate: parseCertificate(der), chain }
  }
}

/**
 * Makes what the test of a profile needs.
 * @param now - milliseconds since 1970
 */
export async function makeMaterial(name: ProfileName, now: number): Promise<TestMaterial> {
  const demands = demandsOf(name)
  const pss = demands.signatures.usual.includes('rsa-pss')
  const [rootKeys, subKeys, ownKeys, partnerKeys] = await Promise.all([
    rsa(),
    rsa(),
    demands.postQuantum > 0 ? newPair('ml-dsa-65') : rsa(),
    rsa(),
  ])
  const authority = (
    CN: string,
    keys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject },
    issuer: Authority | null,
  ): Authority => ({
    key: keys.privateKey,
    certificate: parseCertificate(
      issueCertificate({
        subject: { CN },
        issuer: issuer ?? { key: keys.privateKey },
        publicKey: keys.publicKey,
        notBefore: now - DAY,
        notAfter: now + DAY,
        signature: { pss },
        extensions: { ca: true },
      }),
    ),
  })
  const root = authority('Self-test root', rootKeys, null)
  const issue = issuing(now, root, authority('Self-test CA', subKeys, root), pss)
  const refused: { why: string; key: TestKey }[] = []
  const refuse = (why: string, key: TestKey): void => void refused.push({ why, key })
  if (demands.rsaBits > 2048) refuse(`RSA < ${demands.rsaBits}`, issue(PARTNER_ADDRESS, await rsa(2048)))
  if (demands.pssChain) refuse('RSA v1.5 in the chain', issue(PARTNER_ADDRESS, partnerKeys, false))
  if (!demands.recipients.includes('ec'))
    refuse('EC', issue(PARTNER_ADDRESS, await newPair('ec', { namedCurve: 'P-256' })))
  if (demands.kem < 2) refuse('ML-KEM alone', issue(PARTNER_ADDRESS, await newPair('ml-kem-768')))
  if (demands.postQuantum === 2) refuse('RSA alone', issue(PARTNER_ADDRESS, partnerKeys))
  const classical = demands.postQuantum === 1 ? [] : [issue(PARTNER_ADDRESS, partnerKeys)]
  const kem = demands.postQuantum > 0 ? [issue(PARTNER_ADDRESS, await newPair('ml-kem-768'))] : []
  return {
    root: root.certificate,
    own: issue(OWN_ADDRESS, ownKeys),
    partner: [...kem, ...classical],
    refused,
  }
}

/** A keyring's store in memory. */
function storeOf(own: readonly TestKey[], partner: readonly TestKey[]): CredentialStore {
  const all: { key: TestKey; owner: CredentialOwner; address: string }[] = [
    ...own.map((key) => ({ key, owner: 'own' as const, address: OWN_ADDRESS })),
    ...partner.map((key) => ({ key, owner: 'partner' as const, address: PARTNER_ADDRESS })),
  ]
  const entries = all.map(({ key, owner, address }) => {
    const { certificate, chain } = key
    const { fingerprint, notBefore, notAfter } = certificate
    const credential: Candidate = {
      ...{ id: fingerprint, tenantId: '', kind: 'smime', owner, addresses: [lookupForm(address)] },
      ...{ sign: owner === 'own', encrypt: true, notBefore, notAfter, fingerprint, distrusted: false },
      ...{ pinned: false, state: 'active', origin: 'generated' },
      certificate: certificate.raw,
      chain: chain.map(({ raw }) => raw),
    }
    return { credential, key }
  })
  const find = (id: string) => entries.find(({ credential }) => credential.id === id)
  return {
    version: () => 0,
    byAddress: (owner, address) =>
      Promise.resolve(
        entries
          .map(({ credential }) => credential)
          .filter((each) => each.owner === owner && each.addresses.includes(address)),
      ),
    byId: (id) => Promise.resolve(find(id)?.credential ?? null),
    privateKey: (id) => Promise.resolve(find(id)?.key.key.export({ type: 'pkcs8', format: 'der' }) ?? null),
  }
}

/** What the gateway would do with the mail of the test. */
async function treatmentOf(
  profile: ProfileName,
  material: TestMaterial,
  partner: readonly TestKey[],
  now: number,
): Promise<{ readonly treatment: Treatment; readonly keyring: Keyring; readonly codes: readonly string[] }> {
  const trust = createTrust({ version: 1, anchors: [material.root.raw] })
  const keyring = createKeyring({ store: storeOf([material.own], partner), trust: () => trust })
  const bytes = Buffer.concat([HEADER, ENTITY])
  const root = scanMessage(bytes)
  const tenant = { acceptedDomains: ['selftest.invalid'], ediEnergyEdition: EDI_ENERGY.edition }
  const facts = await gather(
    {
      direction: 'outbound',
      attribution: null,
      receivedAt: now,
      envelope: { sender: OWN_ADDRESS },
      body: { size: bytes.length, eightBit: false, bareLineEnds: false, nul: false, longestLine: 78 },
    },
    { bytes, root, fields: root.headers },
    [{ number: 0, recipient: { address: PARTNER_ADDRESS }, released: false }],
    {
      ...{ keyring, now, settingsVersion: 1, sizeLimit: 1_000_000, rules: [], apart: 0, groups: null },
      tenant,
      levels: { ...NO_LEVELS, tenant: { profile } },
    },
  )
  const [recipient] = decide(facts).recipients
  if (recipient === undefined) throw new Error('a Plan without its recipient')
  const codes = [...recipient.reasons, ...recipient.means.flatMap(({ reasons }) => reasons)].map(
    ({ code }) => code,
  )
  return { treatment: recipient.treatment, keyring, codes }
}

/** Runs the test. @param now - milliseconds since 1970 */
export async function selfTest(name: ProfileName, material: TestMaterial, now: number): Promise<SelfTest> {
  const { treatment, keyring } = await treatmentOf(name, material, material.partner, now)
  const protects = treatment.kind === 'protect' ? treatment : null
  const sign = protects?.sign ?? null
  const encrypt = protects?.encrypt ?? null
  const planned = sign !== null && encrypt !== null
  const checks: ProfileCheck[] = [{ check: 'signed-and-encrypted', ok: planned, found: treatment.kind }]
  let mail: Buffer | null = null
  if (protects !== null && sign !== null && encrypt !== null) {
    const certificates = (ids: readonly string[]) => Promise.all(ids.map((id) => keyring.certificate(id)))
    const entity = protectEntity([ENTITY], {
      signer: await keyring.signingKey(sign),
      recipients: await certificates(encrypt),
      inner: protects.inner === undefined ? null : await certificates(protects.inner),
      profile: protects.profile,
      now,
    })
    mail = Buffer.concat([HEADER, ...entity])
    checks.push(...wireChecks(demandsOf(name), mail, material, now))
  }
  for (const { why, key } of material.refused) {
    const refusal = await treatmentOf(name, material, [key], now)
    const ok = refusal.treatment.kind === 'hold'
    checks.push({ check: 'refused', ok, found: `${why}: ${refusal.treatment.kind}` })
  }
  return { checks, mail }
}

/** Looks at a protected mail with the partner's keys. */
function wireChecks(demands: Demands, mail: Buffer, material: TestMaterial, now: number): ProfileCheck[] {
  const keys: DecryptionKey[] = material.partner.map(({ key, certificate }) => ({ key, certificate }))
  const checks: ProfileCheck[] = []
  const add = (check: ProfileCheck['check'], ok: boolean, found: string): void =>
    void checks.push({ check, ok, found })
  let entity = mail
  let layers = 0
  for (let layer = layerOf(entity); layer !== null; layer = layerOf(entity)) {
    layers++
    const { cipher, authenticated, keys: wrapped } = layer
    add(
      'content-encryption',
      (demands.ciphers.allowed as readonly string[]).includes(cipher) &&
        authenticated === cipher.endsWith('-gcm'),
      cipher,
    )
    add(
      'key-encryption',
      wrapped.every((words) => isKeyEncryption(demands, words)),
      wrapped.join('; '),
    )
    const opened = openLayer(entity, keys)
    if (opened === null) break
    entity = opened
  }
  add('layers', layers === (demands.postQuantum === 2 ? 2 : 1), String(layers))
  const { signer, certificates } = signatureOf(entity)
  add('digest', isDigest(demands, signer), signer?.digest ?? '-')
  add('signature', isSignature(demands, signer?.signature ?? ''), signer?.signature ?? '-')
  const chain = certificates.map(({ signatureAlgorithm }) => signatureWords(signatureAlgorithm))
  const isPss = certificates.every(({ signatureAlgorithm }) => signatureAlgorithm.oid === Oid.idRsassaPss)
  add('chain', certificates.length > 1 && (isPss || !demands.pssChain), chain.join('; '))
  const result = decryptMessage(mail, keys, { anchors: [material.root], at: now, revocation: 'none' })
  add('opens', result.status === 'decrypted', result.status)
  add('verifies', result.verified?.status === 'valid', result.verified?.status ?? '-')
  return checks
}

function openLayer(mail: Buffer, keys: readonly DecryptionKey[]): Buffer | null {
  const object = objectIn(mail)
  const info = object === null ? null : readContentInfo(object)
  if (info === null || (info.kind !== 'enveloped-data' && info.kind !== 'auth-enveloped-data')) return null
  return decryptContent(info, keys).content
}

const HASH_LENGTH: Readonly<Record<string, number>> = { sha256: 32, sha384: 48, sha512: 64 }

function isDigest(demands: Demands, signer: { readonly digest: string } | null): boolean {
  return (demands.digests.allowed as readonly string[]).includes(signer?.digest ?? '')
}

function isSignature(demands: Demands, words: string): boolean {
  const [scheme = '', hash = '', mask = '', , salt = ''] = words.split(' ')
  const kind = scheme.startsWith('ml-dsa-') ? 'ml-dsa' : scheme
  if (!(demands.signatures.allowed as readonly string[]).includes(kind)) return false
  // RFC 4056 3: MGF1 with the same hash, a salt as long as the hash
  return kind !== 'rsa-pss' || (mask === `mgf1-${hash}` && salt === String(HASH_LENGTH[hash]))
}

function isKeyEncryption(demands: Demands, words: string): boolean {
  const [scheme = '', hash = '', mask = '', , label = ''] = words.split(' ')
  if (scheme.startsWith('ml-kem-')) return demands.kem > 0 && hash === 'aes256-wrap'
  const { allowed } = demands.transports
  if (scheme === 'pkcs1v15') return allowed.includes('pkcs1v15')
  // RFC 3560 2.2: MGF1 with the same hash; an empty label
  return (
    scheme === 'oaep' &&
    (allowed as readonly string[]).includes(`oaep-${hash}`) &&
    mask === `mgf1-${hash}` &&
    label === '0'
  )
}
