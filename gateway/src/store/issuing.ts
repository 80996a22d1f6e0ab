/**
 * What a tenant makes of its own at rest: keys that await their certificate, its authority, what was issued. Keys are sealed for
 * their place. What is lost if it fails: keys that nobody gives back.
 */
import type { IssuedCertificate, IssuingStore, KeyRequest, PilotAuthority } from '../keyring/issuing-ports.ts'
import type { KeyringDeed } from '../keyring/ports.ts'
import type { KeyringParts } from './keyring.ts'
import { newRowId } from './row-id.ts'
import type { SqlRow, Step } from './sqlite/messages.ts'
import { bufferOf } from './sqlite/sqlite-thread.ts'

const REQUESTS =
  'select id, addresses, key_kind, csr, created_at from key_request where tenant_id = ? order by id desc limit 1000'
const AUTHORITY =
  'select id, certificate, created_at from pilot_authority where tenant_id = ? order by id desc limit 1'
const ISSUED =
  'select serial, fingerprint, addresses, issued_at, not_after, revoked_at, reason from issued_certificate ' +
  'where tenant_id = ?1 and authority_id = ?2 and (?3 = 0 or revoked_at is not null) order by issued_at, serial limit 100000'
const KEEP_REQUEST =
  'insert into key_request (tenant_id, id, addresses, key_kind, csr, created_at, private_key) values (?, ?, ?, ?, ?, ?, ?)'
const KEEP_AUTHORITY =
  'insert into pilot_authority (tenant_id, id, certificate, crl_number, created_at, private_key) values (?, ?, ?, 0, ?, ?)'
const KEEP_ISSUED =
  'insert into issued_certificate (tenant_id, authority_id, serial, fingerprint, addresses, issued_at, not_after) values (?, ?, ?, ?, ?, ?, ?)'
const REVOKE =
  'update issued_certificate set revoked_at = ?, reason = ? where tenant_id = ? and authority_id = ? and serial = ? and revoked_at is null'

type KeyTable = 'key_request' | 'pilot_authority'

/** The own issuing of one tenant. */
export class SqliteIssuing implements IssuingStore {
  readonly #tenantId: string
  readonly #parts: KeyringParts

  /** @param tenantId - row key */
  constructor(tenantId: string, parts: KeyringParts) {
    this.#tenantId = tenantId
    this.#parts = parts
  }

  newId(): string {
    return newRowId(this.#parts.now())
  }

  requests(): KeyRequest[] {
    return this.#all(REQUESTS).map((row) => ({
      id: String(row['id']),
      addresses: JSON.parse(String(row['addresses'])) as string[],
      keyKind: String(row['key_kind']),
      csr: String(row['csr']),
      createdAt: Number(row['created_at']),
    }))
  }

  requestKey(id: string): Buffer | null {
    return this.#key('key_request', id)
  }

  async keepRequest(request: KeyRequest, privateKey: Buffer, deed: KeyringDeed): Promise<void> {
    const { id, addresses, keyKind, csr, createdAt } = request
    const parameters = [
      ...[this.#tenantId, id, JSON.stringify(addresses), keyKind, csr, createdAt],
      this.#sealed('key_request', id, privateKey),
    ]
    await this.#write({ sql: KEEP_REQUEST, parameters }, deed, { id, addresses })
  }

  removeRequest(id: string, deed: KeyringDeed): Promise<boolean> {
    const sql = 'delete from key_request where tenant_id = ? and id = ?'
    return this.#try({ sql, parameters: [this.#tenantId, id] }, deed, { id })
  }

  authority(): PilotAuthority | null {
    const [row] = this.#all(AUTHORITY)
    if (row === undefined) return null
    return {
      id: String(row['id']),
      certificate: bufferOf(row['certificate']),
      createdAt: Number(row['created_at']),
    }
  }

  authorityKey(id: string): Buffer | null {
    return this.#key('pilot_authority', id)
  }

  async keepAuthority(authority: PilotAuthority, privateKey: Buffer, deed: KeyringDeed): Promise<void> {
    const { id, certificate, createdAt } = authority
    const parameters = [
      ...[this.#tenantId, id, new Uint8Array(certificate), createdAt],
      this.#sealed('pilot_authority', id, privateKey),
    ]
    await this.#write({ sql: KEEP_AUTHORITY, parameters }, deed, { id })
  }

  async keepIssued(authorityId: string, issued: IssuedCertificate, deed: KeyringDeed): Promise<void> {
    const { serial, fingerprint, addresses, issuedAt, notAfter } = issued
    const parameters = [
      ...[this.#tenantId, authorityId, serial, fingerprint, JSON.stringify(addresses)],
      ...[issuedAt, notAfter],
    ]
    await this.#write({ sql: KEEP_ISSUED, parameters }, deed, { serial, fingerprint, addresses })
  }

  issued(authorityId: string, revokedOnly: boolean): IssuedCertificate[] {
    return this.#all(ISSUED, authorityId, revokedOnly ? 1 : 0).map((row) => ({
      serial: String(row['serial']),
      fingerprint: String(row['fingerprint']),
      addresses: JSON.parse(String(row['addresses'])) as string[],
      issuedAt: Number(row['issued_at']),
      notAfter: Number(row['not_after']),
      revokedAt: row['revoked_at'] === null ? null : Number(row['revoked_at']),
      reason: row['reason'] === null ? null : String(row['reason']),
    }))
  }

  revoke(authorityId: string, serial: string, reason: string, deed: KeyringDeed): Promise<boolean> {
    const parameters = [this.#parts.now(), reason, this.#tenantId, authorityId, serial]
    return this.#try({ sql: REVOKE, parameters }, deed, { serial, reason })
  }

  async nextCrlNumber(authorityId: string): Promise<number> {
    const sql =
      'update pilot_authority set crl_number = crl_number + 1 where tenant_id = ? and id = ? returning crl_number'
    const [rows] = await this.#parts.writer.run([
      { sql, parameters: [this.#tenantId, authorityId], query: 'rows' },
    ])
    return Number(rows?.[0]?.['crl_number'])
  }

  #all(sql: string, ...rest: readonly (string | number)[]): SqlRow[] {
    return this.#parts.lookups.all({ sql, parameters: [this.#tenantId, ...rest] })
  }

  #place(table: KeyTable, id: string) {
    return { tenantId: this.#tenantId, table, row: id, column: 'private_key' }
  }

  #sealed(table: KeyTable, id: string, key: Buffer): Uint8Array {
    return new Uint8Array(this.#parts.keys.seal(this.#place(table, id), key))
  }

  #key(table: KeyTable, id: string): Buffer | null {
    const [row] = this.#all(`select private_key from ${table} where tenant_id = ? and id = ?`, id)
    return row === undefined
      ? null
      : this.#parts.keys.unseal(this.#place(table, id), bufferOf(row['private_key']))
  }

  async #write(step: Step, { actor, action, detail }: KeyringDeed, further: object): Promise<void> {
    await this.#parts.writes.write(() => ({
      steps: [step],
      entry: { actor, action, tenantId: this.#tenantId, detail: { ...detail, ...further } },
      result: null,
    }))
  }

  async #try(step: Step, deed: KeyringDeed, further: object): Promise<boolean> {
    try {
      await this.#write({ ...step, expect: 'nothing' }, deed, further)
      return true
    } catch (error) {
      if (error instanceof Error && 'expectation' in error && error.expectation === 'nothing') return false
      throw error
    }
  }
}
