/**
 * Proves a tenant by a DKIM signature while the body passes by, in constant memory. The judge is mailauth in its strict mode; what
 * it must not be asked (more signatures than a few, endless lines) it is not asked. Fail closed: anything but a valid signature
 * over the whole body in one of the named domains is no proof.
 */
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import type { DKIMResult, DKIMVerifyResult } from 'mailauth'
import type { RecordLookup } from '../dns/records.ts'
import type { ProofRequest, ProofVerdict, TenantProof } from '../mail/authentication.ts'
import { boundedLookup, type BoundedLookup, type LookupBounds } from './bounded-lookup.ts'
import { beyondJudge } from './judge-limits.ts'

/** The judge holds a line in memory until it ends. Octets. */
export const LONGEST_LINE = 65_536

const LF = 0x0a
/** RFC 8301 3.2 */
const FEWEST_BITS = 1024

/** Begins a proof. */
export function prove(request: ProofRequest, lookup: RecordLookup, bounds: LookupBounds): TenantProof {
  const beyond = beyondJudge(request.header)
  if (beyond !== null) return unjudged(beyond)
  return new Proof(request, boundedLookup(lookup, bounds))
}

/** The proof that nobody is asked about. */
function unjudged(detail: string): TenantProof {
  return {
    write: () => undefined,
    finish: () => Promise.resolve(failed('dkim-not-judged', detail)),
    abort: () => undefined,
  }
}

class Proof implements TenantProof {
  readonly #domains: ReadonlySet<string>
  readonly #dns: BoundedLookup
  readonly #input = new PassThrough()
  readonly #judged: Promise<DKIMVerifyResult | Error>
  /** Octets since the last line end. */
  #line = 0
  #over = false

  constructor({ header, domains }: ProofRequest, dns: BoundedLookup) {
    this.#domains = new Set(domains)
    this.#dns = dns
    this.#judged = judge(this.#input, dns)
    this.#input.on('error', () => undefined)
    this.#input.write(header)
  }

  write(piece: Buffer): Promise<void> | undefined {
    if (this.#over || piece.length === 0) return undefined
    const first = piece.indexOf(LF)
    this.#line += first < 0 ? piece.length : first
    if (this.#line > LONGEST_LINE || longestInside(piece, first) > LONGEST_LINE) {
      this.#line = LONGEST_LINE + 1
      this.abort()
      return undefined
    }
    if (first >= 0) this.#line = piece.length - 1 - piece.lastIndexOf(LF)
    if (this.#input.write(Buffer.from(piece))) return undefined
    return Promise.race([once(this.#input, 'drain'), this.#judged]).then(
      () => undefined,
      () => undefined,
    )
  }

  async finish(): Promise<ProofVerdict> {
    if (this.#line > LONGEST_LINE)
      return failed('dkim-line-too-long', 'a line of the body is too long to be judged')
    this.#over = true
    this.#input.end()
    const judged = await this.#judged
    if (judged instanceof Error) return failed('dkim-not-judged', judged.message)
    const { results, fromFields } = judged
    if (fromFields !== 1) return failed('dkim-from-not-single', `${fromFields} From fields`)
    const good = results.find((result) => this.#proves(result))
    if (good !== undefined) return { kind: 'proved', domain: good.signingDomain?.toLowerCase() ?? '' }
    const unanswered = this.#dns.unanswered()
    if (unanswered !== null) return { kind: 'unknown', detail: unanswered }
    return failed('dkim-not-valid', results.map(described).join('; ').slice(0, 500))
  }

  abort(): void {
    if (this.#over) return
    this.#over = true
    this.#input.destroy(new Error('given up'))
  }

  #proves({ status, signingDomain, canonBodyLengthLimited }: DKIMResult): boolean {
    return (
      status.result === 'pass' &&
      canonBodyLengthLimited === false &&
      status.testing !== true &&
      this.#domains.has(signingDomain?.toLowerCase() ?? '')
    )
  }
}

/** The longest line that begins and ends in a piece; pieces below the limit hold none that is too long. */
function longestInside(piece: Buffer, first: number): number {
  let longest = 0
  if (piece.length <= LONGEST_LINE) return longest
  for (let start = first; start >= 0;) {
    const next = piece.indexOf(LF, start + 1)
    longest = Math.max(longest, (next < 0 ? piece.length : next) - start - 1)
    start = next
  }
  return longest
}

function failed(reason: string, detail: string): ProofVerdict {
  return { kind: 'failed', reason, detail }
}

function described({ signingDomain = '', status }: DKIMResult): string {
  return `${signingDomain} ${status.result}${status.comment === undefined ? '' : ` (${status.comment})`}`
}

/** The package is loaded by the first mail that needs it: it takes 40 MB. Never rejects. */
async function judge(input: PassThrough, dns: BoundedLookup): Promise<DKIMVerifyResult | Error> {
  try {
    const { dkimVerify } = await import('mailauth/lib/dkim/verify.js')
    return await dkimVerify(input, { resolver: dns.resolve, strict: true, minBitLength: FEWEST_BITS })
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}
