/**
 * The tables as Kysely sees them: column names and types, nothing else. The tables are made by the migrations; what a
 * column means stands there.
 */

/** The sign of the installation in tables that also hold rows of tenants. */
export const INSTALLATION = ''

interface SettingsTable {
  id: number
  version: number
}

interface SealingKeyTable {
  tenant_id: string
  id: string
  kek_id: string
  wrapped: Uint8Array
  created_at: number
  retired_at: number | null
}

interface AlarmTable {
  tenant_id: string
  code: string
  subject: string
  arguments: string
  raised_at: number
  last_at: number
  count: number
  notified_at: number | null
  cleared_at: number | null
}

interface AuditLogTable {
  number: number
  at: number
  actor: string
  action: string
  tenant_id: string
  detail: string
  previous_hash: string
  hash: string
}

interface TenantTable {
  tenant_id: string
  name: string
  marker_key: Uint8Array
  created_at: number
}

interface ConfigurationTable {
  tenant_id: string
  kind: string
  name: string
  spec: string
  changed_at: number
}

interface SecretTable {
  tenant_id: string
  kind: string
  name: string
  pointer: string
  sealed: Uint8Array
}

interface CredentialTable {
  tenant_id: string
  id: string
  object_kind: string
  object_name: string
  kind: string
  owner: string
  for_signing: number
  for_encryption: number
  not_before: number
  not_after: number
  fingerprint: string
  addresses: string
  certificate: Uint8Array
  chain: string
  distrusted: number
  private_key: Uint8Array | null
  origin: string
  state: string
  added_at: number
  removed_at: number | null
  source: string
}

interface DistrustedCertificateTable {
  tenant_id: string
  fingerprint: string
  at: number
  reason: string
}

interface PinnedCertificateTable {
  tenant_id: string
  owner: string
  address: string
  fingerprint: string
  at: number
}

interface CredentialAddressTable {
  tenant_id: string
  owner: string
  address: string
  credential_id: string
}

interface MailTable {
  tenant_id: string
  id: string
  direction: string
  sender: string
  sender_key: string
  received_at: number
  size: number
  message_id: string | null
  network_message_id: string | null
  detail: string
  subject: Uint8Array | null
  node: string | null
  crashes: number
  lease_owner: string | null
  lease_until: number | null
  next_due_at: number | null
  final_at: number | null
}

interface DeliveryTable {
  tenant_id: string
  mail_id: string
  number: number
  address: string
  address_key: string
  notify: string | null
  original_recipient: string | null
  state: string
  copy: number | null
  attempts: number
  due_at: number | null
  expires_at: number
  delay_noticed: number
  last_reason: string | null
  last_reply: string | null
}

interface CopyTable {
  tenant_id: string
  mail_id: string
  number: number
  /** Names the body of the copy apart from those of other turns. */
  turn: string
  size: number
  decrypted: number
  treatment: string
  content: string
}

interface PlanTable {
  tenant_id: string
  mail_id: string
  settings_version: number
  plan: string
  facts: string
}

interface TraceTable {
  tenant_id: string
  mail_id: string
  number: number
  at: number
  events: string
}

/** All tables by name. */
export interface Tables {
  settings: SettingsTable
  sealing_key: SealingKeyTable
  alarm: AlarmTable
  audit_log: AuditLogTable
  tenant: TenantTable
  configuration: ConfigurationTable
  secret: SecretTable
  credential: CredentialTable
  credential_address: CredentialAddressTable
  distrusted_certificate: DistrustedCertificateTable
  pinned_certificate: PinnedCertificateTable
  mail: MailTable
  delivery: DeliveryTable
  copy: CopyTable
  plan: PlanTable
  trace: TraceTable
}
