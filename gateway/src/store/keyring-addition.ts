/**
 * Works out what adding one entry to the keyring changes: a new row, further addresses of a row that is there, or nothing. Pure but
 * for the seal. An entry that an operator removed comes back only by a deliberate import.
 */
import type { KeptOutcome, NewCredential } from '../keyring/ports.ts'
import { MOVED } from './audited-writes.ts'
import { keyPlace } from './credentials.ts'
import type { Place } from './sealing.ts'
import type { Step } from './sqlite/messages.ts'

/** The row of the same certificate and owner that is there already. */
export interface Known {
  readonly id: string
  readonly addresses: readonly string[]
  readonly state: 'active' | 'awaiting-approval' | 'removed'
  readonly hasChain: boolean
}

interface Request {
  readonly tenantId: string
  readonly entry: NewCredential
  readonly known: Known | null
  /** Milliseconds since 1970. */
  readonly now: number
  readonly newId: () => string
  readonly seal: (place: Place, value: Buffer) => Buffer
}

interface Addition {
  readonly id: string
  readonly outcome: KeptOutcome
  /** Empty when nothing changes. */
  readonly steps: readonly Step[]
  /** As the row will be. */
  readonly known: Known
}

const INSERT =
  'insert into credential (tenant_id, id, object_kind, object_name, kind, owner, for_signing, for_encryption, not_before, not_after, ' +
  'fingerprint, addresses, certificate, chain, distrusted, private_key, origin, state, added_at, source) ' +
  "values (?, ?, '', '', 'smime', ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?) " +
  "on conflict (tenant_id, owner, fingerprint) where object_kind = '' do nothing"
const INSERT_ADDRESS =
  'insert into credential_address (tenant_id, owner, address, credential_id) values (?, ?, ?, ?)'
const UPDATE = 'update credential set addresses = ?, state = ?, removed_at = null where tenant_id = ? and id = ? and addresses = ? and state = ?' // prettier-ignore
const SET_CHAIN = 'update credential set chain = ? where tenant_id = ? and id = ?'
const BUMP =
  'insert into keyring_version (tenant_id, version) values (?, 1) on conflict (tenant_id) do update set version = version + 1'

/** The step that tells every process that a tenant's keyring has changed. */
export function bumpStep(tenantId: string): Step {
  return { sql: BUMP, parameters: [tenantId] }
}

function chainText(entry: NewCredential): string {
  return JSON.stringify(entry.chain.map((der) => der.toString('base64')))
}

/** Works out the steps for one entry. */
export function addition(request: Request): Addition {
  return request.known === null ? inserted(request) : updated(request, request.known)
}

function addressSteps({ tenantId, entry }: Request, id: string, addresses: readonly string[]): Step[] {
  return addresses.map((address) => ({
    sql: INSERT_ADDRESS,
    parameters: [tenantId, entry.owner, address, id],
  }))
}

function inserted(request: Request): Addition {
  const { tenantId, entry, now } = request
  const id = request.newId()
  const addresses = [...new Set(entry.addresses)]
  const sealed =
    entry.privateKey === null ? null : new Uint8Array(request.seal(keyPlace(tenantId, id), entry.privateKey))
  const insert: Step = {
    sql: INSERT,
    parameters: [
      ...[tenantId, id, entry.owner, entry.sign ? 1 : 0, entry.encrypt ? 1 : 0],
      ...[entry.notBefore, entry.notAfter, entry.fingerprint, JSON.stringify(addresses)],
      ...[new Uint8Array(entry.certificate), chainText(entry), sealed],
      ...[entry.origin, entry.state, now, entry.source],
    ],
    expect: MOVED,
  }
  return {
    id,
    outcome: 'added',
    steps: [insert, ...addressSteps(request, id, addresses)],
    known: { id, addresses, state: entry.state, hasChain: entry.chain.length > 0 },
  }
}

function updated(request: Request, known: Known): Addition {
  const { tenantId, entry } = request
  const { id } = known
  const deliberate = entry.origin === 'imported' || entry.origin === 'generated' || entry.origin === 'issued'
  if (known.state === 'removed' && !deliberate) return { id, outcome: 'removed-before', steps: [], known }
  const further = [...new Set(entry.addresses)].filter((address) => !known.addresses.includes(address))
  const state = entry.state === 'active' && (deliberate || known.state === 'active') ? 'active' : known.state
  const outcome = outcomeOf(
    known.state,
    state,
    further.length > 0 || (!known.hasChain && entry.chain.length > 0),
  )
  if (outcome === 'known') return { id, outcome, steps: [], known }
  const addresses = [...known.addresses, ...further]
  const update: Step = {
    sql: UPDATE,
    parameters: [
      ...[JSON.stringify(addresses), state, tenantId, id],
      ...[JSON.stringify(known.addresses), known.state],
    ],
    expect: MOVED,
  }
  const chain: Step[] =
    known.hasChain || entry.chain.length === 0
      ? []
      : [{ sql: SET_CHAIN, parameters: [chainText(entry), tenantId, id] }]
  return {
    id,
    outcome,
    steps: [update, ...chain, ...addressSteps(request, id, further)],
    known: { id, addresses, state, hasChain: known.hasChain || entry.chain.length > 0 },
  }
}

function outcomeOf(before: Known['state'], after: Known['state'], more: boolean): KeptOutcome {
  if (before === 'removed') return 'restored'
  if (before !== after) return 'approved'
  return more ? 'merged' : 'known'
}
