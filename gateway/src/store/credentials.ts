/**
 * The keyring's rows: look-ups by address and id, private keys unsealed on demand, and the steps that write an object's
 * entries. What is lost if it fails: keys; a key that does not unseal is an error, never "no key".
 */
import type { CredentialEntry } from '../config/ports.ts'
import type { OwnCredential } from '../identity/expiry.ts'
import type { Candidate, Credential, CredentialOwner, CredentialStore } from '../keyring/ports.ts'
import type { SealingKey } from './sealing.ts'
import { seal } from './sealing.ts'
import type { SealingKeys } from './sealing-keys.ts'
import type { Lookups } from './sqlite/lookups.ts'
import type { SqlRow, Step } from './sqlite/messages.ts'
import { bufferOf, type SqliteThread } from './sqlite/sqlite-thread.ts'

const MOST_FOR_ADDRESS = 100

/** Distrust is of the certificate: it counts for every entry that holds it. */
const DISTRUSTED =
  '(c.distrusted = 1 or exists (select 1 from distrusted_certificate d where d.tenant_id = c.tenant_id and d.fingerprint = c.fingerprint) ' +
  "or exists (select 1 from credential o where o.tenant_id = c.tenant_id and o.fingerprint = c.fingerprint and o.object_kind <> '' " +
  'and o.distrusted = 1)) as distrusted'
/** Everything of an entry but its private key. */
export const CREDENTIAL_COLUMNS =
  'c.tenant_id, c.id, c.owner, c.for_signing, c.for_encryption, c.not_before, c.not_after, c.fingerprint, c.addresses, c.certificate, c.chain, ' +
  `c.origin, c.state, ${DISTRUSTED}`
const PINNED =
  'exists (select 1 from pinned_certificate p where p.tenant_id = c.tenant_id and p.owner = c.owner and p.address = ?3 and p.fingerprint = c.fingerprint)'
/** `cross join` fixes the order: begun with the entries, either join would read all of the tenant. */
export const BY_ADDRESS =
  `select ${CREDENTIAL_COLUMNS}, ${PINNED} as pinned from (` +
  'select credential_id as id from credential_address where tenant_id = ?1 and owner = ?2 and address = ?3 union ' +
  'select c.id from pinned_certificate p cross join credential c where c.tenant_id = p.tenant_id and c.fingerprint = p.fingerprint and c.owner = p.owner ' +
  'and p.tenant_id = ?1 and p.owner = ?2 and p.address = ?3) f ' +
  "cross join credential c where c.tenant_id = ?1 and c.id = f.id and c.state <> 'removed' " +
  `order by pinned desc, c.state, c.not_before desc, c.id limit ${MOST_FOR_ADDRESS}`
const BY_ID = `select ${CREDENTIAL_COLUMNS} from credential c where c.tenant_id = ? and c.id = ? and c.state <> 'removed'`
const VERSION = 'select version from keyring_version where tenant_id = ?'

/** Where the private key of an entry belongs. */
export function keyPlace(tenantId: string, id: string) {
  return { tenantId, table: 'credential', row: id, column: 'private_key' }
}

/** An entry of a row. */
export function credentialOf(row: SqlRow): Credential {
  return {
    id: String(row['id']),
    tenantId: String(row['tenant_id']),
    kind: 'smime',
    owner: String(row['owner']) as CredentialOwner,
    addresses: JSON.parse(String(row['addresses'])) as string[],
    sign: row['for_signing'] === 1,
    encrypt: row['for_encryption'] === 1,
    notBefore: Number(row['not_before']),
    notAfter: Number(row['not_after']),
    fingerprint: String(row['fingerprint']),
    certificate: bufferOf(row['certificate']),
    chain: (JSON.parse(String(row['chain'])) as string[]).map((der) => Buffer.from(der, 'base64')),
    distrusted: row['distrusted'] === 1,
  }
}

/** The keyring of one tenant. */
export class SqliteCredentials implements CredentialStore {
  readonly #tenantId: string
  readonly #lookups: Lookups
  readonly #keys: SealingKeys

  /** @param tenantId - row key; there is no way to ask for another */
  constructor(tenantId: string, lookups: Lookups, keys: SealingKeys) {
    this.#tenantId = tenantId
    this.#lookups = lookups
    this.#keys = keys
  }

  version(): number {
    const row = this.#lookups.get({ sql: VERSION, parameters: [this.#tenantId] })
    return Number(row?.['version'] ?? 0)
  }

  byAddress(owner: CredentialOwner, address: string): Promise<Candidate[]> {
    const rows = this.#lookups.all({ sql: BY_ADDRESS, parameters: [this.#tenantId, owner, address] })
    return Promise.resolve(
      rows.map((row) => ({
        ...credentialOf(row),
        pinned: row['pinned'] === 1,
        state: String(row['state']) as Candidate['state'],
        origin: String(row['origin']) as Candidate['origin'],
      })),
    )
  }

  byId(id: string): Promise<Credential | null> {
    const row = this.#lookups.get({ sql: BY_ID, parameters: [this.#tenantId, id] })
    return Promise.resolve(row === undefined ? null : credentialOf(row))
  }

  privateKey(id: string): Promise<Buffer | null> {
    const sql = 'select private_key from credential where tenant_id = ? and id = ?'
    const sealed = this.#lookups.get({ sql, parameters: [this.#tenantId, id] })?.['private_key']
    return Promise.resolve(
      sealed === undefined || sealed === null
        ? null
        : this.#keys.unseal(keyPlace(this.#tenantId, id), bufferOf(sealed)),
    )
  }
}

/** Every form that an own key's entry has, by an index that holds no partner's: all others would read a million rows. */
const OWN_ENTRIES = [
  "c.owner = 'own' and c.object_kind = ''",
  "c.object_kind = 'Credential' and c.object_kind <> '' and c.owner = 'own'",
]
const OWN_ENDING = OWN_ENTRIES.map(
  (form) =>
    `select c.tenant_id, c.id from tenant t cross join credential c where c.tenant_id = t.tenant_id and ${form} ` +
    "and c.state = 'active' and c.for_signing = 1 and c.not_after < ?1",
).join(' union all ')
/** They, and all that share an address with one of them. */
export const OWN_AND_SUCCESSORS =
  `with ending as (${OWN_ENDING} limit 100000), concerned as (select tenant_id, id from ending union ` +
  'select b.tenant_id, b.credential_id from ending e cross join credential_address a cross join credential_address b ' +
  "where a.tenant_id = e.tenant_id and a.credential_id = e.id and b.tenant_id = a.tenant_id and b.owner = 'own' and b.address = a.address) " +
  "select c.tenant_id, coalesce(nullif(c.object_name, ''), c.fingerprint) as object_name, c.addresses, c.for_signing, c.distrusted, " +
  "c.not_before, c.not_after from concerned f cross join credential c where c.tenant_id = f.tenant_id and c.id = f.id and c.state = 'active' " +
  'order by c.not_after, c.id limit 100000'

/**
 * The own keys of all tenants that end before a time, with those that may take their place.
 * @param reader - a thread: with many users it takes long
 * @param before - milliseconds since 1970
 */
export async function ownCredentials(reader: SqliteThread, before: number): Promise<OwnCredential[]> {
  const [rows = []] = await reader.run([{ sql: OWN_AND_SUCCESSORS, parameters: [before], query: 'rows' }])
  return rows.map((row) => ({
    tenantId: String(row['tenant_id']),
    name: String(row['object_name']),
    addresses: JSON.parse(String(row['addresses'])) as string[],
    sign: row['for_signing'] === 1,
    distrusted: row['distrusted'] === 1,
    notBefore: Number(row['not_before']),
    notAfter: Number(row['not_after']),
  }))
}

const INSERT =
  'insert into credential (tenant_id, id, object_kind, object_name, kind, owner, for_signing, for_encryption, not_before, not_after, ' +
  "fingerprint, addresses, certificate, chain, distrusted, private_key) values (?, ?, ?, ?, 'smime', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

/** The steps that add an entry of an object, its private key sealed with the tenant's key. */
export function addCredentialSteps(
  tenantId: string,
  object: { kind: string; name: string },
  entry: CredentialEntry,
  key: SealingKey,
): Step[] {
  const sealed =
    entry.privateKey === null
      ? null
      : new Uint8Array(seal(key, keyPlace(tenantId, entry.id), entry.privateKey))
  return [
    {
      sql: INSERT,
      parameters: [
        tenantId,
        entry.id,
        object.kind,
        object.name,
        entry.owner,
        entry.sign ? 1 : 0,
        entry.encrypt ? 1 : 0,
        entry.notBefore,
        entry.notAfter,
        entry.fingerprint,
        JSON.stringify(entry.addresses),
        new Uint8Array(entry.certificate),
        JSON.stringify(entry.chain.map((der) => der.toString('base64'))),
        entry.distrusted ? 1 : 0,
        sealed,
      ],
    },
    ...[...new Set(entry.addresses)].map((address): Step => ({
      sql: 'insert into credential_address (tenant_id, owner, address, credential_id) values (?, ?, ?, ?)',
      parameters: [tenantId, entry.owner, address, entry.id],
    })),
  ]
}

/** The steps that remove all entries of an object. */
export function removeCredentialSteps(tenantId: string, object: { kind: string; name: string }): Step[] {
  const parameters = [tenantId, object.kind, object.name]
  const ofObject = "tenant_id = ?1 and object_kind = ?2 and object_name = ?3 and object_kind <> ''"
  return [
    {
      sql: `delete from credential_address where tenant_id = ?1 and credential_id in (select id from credential where ${ofObject})`,
      parameters,
    },
    { sql: `delete from credential where ${ofObject}`, parameters },
  ]
}
