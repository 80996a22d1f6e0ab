/**
 * Fills a store for the benchmark of decisions, by the store's own doors: certificates and keys in bulk, settings as objects, lists of
 * revoked certificates as they are kept when they were fetched. Key pairs are used again; only signing differs.
 */
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { issueCertificate, issueCrl, Oid, parseCertificate, type Certificate } from '@siegel/engine'
import type { ConfigObject } from '../../gateway/src/config/ports.ts'
import type { NewCredential } from '../../gateway/src/keyring/ports.ts'
import type { Store } from '../../gateway/src/store/index.ts'
import { partnerAddress, tenantObjects, treatmentObjects, userAddress, type Scale } from './scene.ts'

const DAY = 86_400_000
const ISSUERS = 10
/** Entries of each list of revoked certificates. */
const REVOKED = 1000
/** Entries in one transaction: the most that the keyring takes. */
const AT_ONCE = 1000

interface Issuer {
  readonly certificate: Certificate
  readonly key: KeyObject
  readonly crlUrl: string
  readonly crl: Buffer
}

/** The authorities of all stores of one run. */
export interface Authorities {
  readonly root: Certificate
  readonly rootCrl: Buffer
  readonly issuers: readonly Issuer[]
  readonly holder: { readonly publicKey: KeyObject; readonly privateKey: KeyObject }
}

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ROOT_CRL = 'http://crl.bench.example/root.crl'

/** Makes a root and the authorities below it, each with its list. */
export function makeAuthorities(now: number): Authorities {
  const validity = { notBefore: now - 30 * DAY, notAfter: now + 3650 * DAY }
  const keys = pair()
  const root = parseCertificate(
    issueCertificate({
      subject: { CN: 'Bench Root' },
      issuer: { key: keys.privateKey },
      publicKey: keys.publicKey,
      ...validity,
      extensions: { ca: true },
    }),
  )
  const crlOf = (certificate: Certificate, key: KeyObject, count: number): Buffer =>
    issueCrl({
      issuer: { certificate, key },
      thisUpdate: now - DAY,
      nextUpdate: now + 9 * DAY,
      number: 1,
      entries: Array.from({ length: count }, (_, at) => ({
        serial: Buffer.from(`5a${(at + 1).toString(16).padStart(10, '0')}`, 'hex'),
        revocationDate: now - DAY,
      })),
    })
  const issuers = Array.from({ length: ISSUERS }, (_, at): Issuer => {
    const own = pair()
    const certificate = parseCertificate(
      issueCertificate({
        subject: { CN: `Bench CA ${at}` },
        issuer: { certificate: root, key: keys.privateKey },
        publicKey: own.publicKey,
        ...validity,
        extensions: { ca: true, pathLength: 0, crlUrls: [ROOT_CRL] },
      }),
    )
    const crl = crlOf(certificate, own.privateKey, REVOKED)
    return { certificate, key: own.privateKey, crlUrl: `http://crl.bench.example/${at}.crl`, crl }
  })
  return { root, rootCrl: crlOf(root, keys.privateKey, 0), issuers, holder: pair() }
}

/** One entry of the keyring. */
function entryOf(
  { issuers, holder }: Authorities,
  owner: 'own' | 'partner',
  index: number,
  now: number,
): NewCredential {
  const issuer = issuers[index % issuers.length]
  if (issuer === undefined) throw new Error('no authority')
  const address = owner === 'own' ? userAddress(index) : partnerAddress(index)
  // As with real ones some end soon, but none in a run.
  const validity = { notBefore: now - 20 * DAY, notAfter: now + (5 + (index % 700)) * DAY }
  const certificate = issueCertificate({
    subject: { CN: `Person ${index}` },
    issuer,
    publicKey: holder.publicKey,
    ...validity,
    extensions: {
      emails: [address],
      keyUsage: ['digitalSignature', 'keyAgreement'],
      extendedKeyUsage: [Oid.idKpEmailProtection],
      crlUrls: [issuer.crlUrl],
    },
  })
  return {
    ...{ owner, addresses: [address], sign: owner === 'own', encrypt: true },
    notBefore: Math.floor(validity.notBefore / 1000) * 1000,
    notAfter: Math.floor(validity.notAfter / 1000) * 1000,
    fingerprint: createHash('sha256').update(certificate).digest('hex'),
    certificate,
    chain: [issuer.certificate.raw],
    ...{ origin: 'imported', state: 'active', source: 'bench' },
    privateKey: owner === 'own' ? holder.privateKey.export({ type: 'pkcs8', format: 'der' }) : null,
  }
}

/**
 * Fills an empty store.
 * @param progress - is told how many entries are in
 * @returns row key of the tenant
 */
export async function fill(
  store: Store,
  authorities: Authorities,
  scale: Scale,
  now: number,
  progress: (entries: number) => void,
): Promise<string> {
  const { root, rootCrl, issuers } = authorities
  const put = (objects: readonly ConfigObject[]) =>
    store.config.change({ put: objects.map((object) => ({ object, credentials: [] })), remove: [] })
  await put(tenantObjects(root))
  await put(treatmentObjects(scale))
  const [tenant] = (await store.config.read()).tenants.values()
  if (tenant === undefined) throw new Error('no tenant')
  const lists = [{ url: ROOT_CRL, content: rootCrl, chain: root.raw }].concat(
    issuers.map(({ crlUrl: url, crl: content, certificate: { raw } }) => ({
      ...{ url, content, chain: Buffer.concat([raw, root.raw]) },
    })),
  )
  for (const { url, content, chain } of lists)
    await store.revocationSources.keep({
      ...{ key: `crl ${url}`, kind: 'crl', url, content, chain, fetchedAt: now },
      ...{ refreshAt: now + DAY / 2, expiresAt: now + 9 * DAY },
    })
  const { keyring } = store.forTenant(tenant.id)
  let before: Promise<unknown> = Promise.resolve()
  let entries = 0
  for (const [owner, count] of [
    ['own', scale.users],
    ['partner', scale.partners],
  ] as const)
    for (let first = 0; first < count; first += AT_ONCE) {
      const batch = Array.from({ length: Math.min(AT_ONCE, count - first) }, (_, at) =>
        entryOf(authorities, owner, first + at, now),
      )
      // The database writes one batch while the next is made.
      await before
      before = keyring.add(batch, { actor: 'bench', action: 'certificate-imported', detail: {} })
      entries += batch.length
      progress(entries)
    }
  await before
  return tenant.id
}
