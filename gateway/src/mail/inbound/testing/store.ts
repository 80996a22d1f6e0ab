/**
 * The ports of inbound for tests: attribution as the test says, bodies in memory, with failures and slowness on demand.
 */
import { StorageError } from '../../body.ts'
import type { BodyRef, BodyWriter } from '../../body.ts'
import type { ProofRequest, TenantProof } from '../../authentication.ts'
import type { Envelope } from '../../envelope.ts'
import type { Attribution, Peer, ReceivedMail } from '../../message.ts'
import type { AttributionResult, InboundPorts, Refusal } from '../ports.ts'

/** What became of one body. */
export interface StoredBody {
  readonly ref: BodyRef
  pieces: Buffer[]
  state: 'open' | 'finished' | 'aborted'
  writes: number
}

type Failure = 'full' | 'failed' | null

/** The attribution of a part to a tenant. */
export function attribution(
  tenantId = 'tenant-1',
  direction: 'outbound' | 'inbound' = 'outbound',
): Attribution {
  return { tenantId, direction, factors: ['test'], removedFields: [], earlierPasses: 0 }
}

/** Lets every mail in as one part. */
export function accept(_peer: Peer, envelope: Envelope): AttributionResult {
  const recipients = envelope.recipients.map((_, index) => index)
  return {
    kind: 'attributed',
    parts: [{ attribution: attribution(), fqdn: 'gateway.contoso.com', recipients }],
  }
}

/** Ports that remember. */
export class TestStore implements InboundPorts {
  readonly bodies: StoredBody[] = []
  readonly mails: ReceivedMail[] = []
  readonly asked: { peer: Peer; envelope: Envelope; header: string }[] = []
  verdict: (peer: Peer, envelope: Envelope, header: Buffer) => AttributionResult = accept
  /** Begins a proof; without one nothing is to be proved. */
  proof: (request: ProofRequest) => TenantProof = () => {
    throw new Error('no proof is expected')
  }
  screened: Refusal | null = null
  refusedRecipients: (address: string) => Refusal | null = () => null
  writeFails: Failure = null
  finishFails: Failure = null
  safeFails: Failure = null
  /** When set, every write answers with this promise. */
  slow: (() => Promise<void>) | null = null
  /** When set, `safe` waits for it. */
  safeAfter: Promise<void> | null = null
  #ids = 0

  screen(): Refusal | null {
    return this.screened
  }

  recipient(address: string): Refusal | null {
    return this.refusedRecipients(address)
  }

  attribute(peer: Peer, envelope: Envelope, header: Buffer): AttributionResult {
    this.asked.push({
      peer,
      envelope: { ...envelope, recipients: [...envelope.recipients] },
      header: header.toString('latin1'),
    })
    return this.verdict(peer, envelope, header)
  }

  prove(request: ProofRequest): TenantProof {
    return this.proof(request)
  }

  createBody(ref: BodyRef): BodyWriter {
    const body: StoredBody = { ref, pieces: [], state: 'open', writes: 0 }
    this.bodies.push(body)
    return {
      write: (chunk) => {
        if (body.state !== 'open') throw new Error(`write after ${body.state}`)
        if (this.writeFails !== null) return Promise.reject(new StorageError(this.writeFails, 'disk'))
        body.writes++
        body.pieces.push(Buffer.from(chunk))
        return this.slow?.()
      },
      finish: () => {
        if (body.state !== 'open') throw new Error(`finish after ${body.state}`)
        body.state = 'finished'
        return this.finishFails === null
          ? Promise.resolve()
          : Promise.reject(new StorageError(this.finishFails, 'disk'))
      },
      abort: () => {
        if (body.state !== 'open') throw new Error(`abort after ${body.state}`)
        body.state = 'aborted'
        body.pieces = []
        return Promise.resolve()
      },
    }
  }

  async safe(parts: readonly ReceivedMail[]): Promise<void> {
    await this.safeAfter
    if (this.safeFails !== null) throw new StorageError(this.safeFails, 'database')
    this.mails.push(...parts)
  }

  newId(): string {
    return `01TEST${String(++this.#ids).padStart(20, '0')}`
  }

  now(): number {
    return Date.UTC(2026, 10, 24, 4, 0, 0)
  }

  /** The content of the body of a mail, as text of octets. */
  content(index = 0): string {
    const body = this.bodies[index]
    return body === undefined ? '' : Buffer.concat(body.pieces).toString('latin1')
  }
}
