/**
 * The full set for mail that comes from the world itself: SPF, DKIM, DMARC and ARC by mailauth, as results for our own
 * Authentication-Results field. Not for Microsoft 365 connectors: SPF would judge Exchange's hop there. Judges, decides nothing.
 */
import { Readable } from 'node:stream'
import type { ByteSource } from '@siegel/engine'
import type { AuthenticateResult, DKIMResult } from 'mailauth'
import type { RecordLookup } from '../dns/records.ts'
import { boundedLookup } from './bounded-lookup.ts'
import { LONGEST_LINE } from './prove.ts'
import type { MethodResult } from './results-field.ts'

/** A mail and how it came. */
export interface EvaluatedMail {
  readonly source: ByteSource
  readonly longestLine: number
  readonly signatures: number
  /** Address of the client. */
  readonly address: string
  readonly helo: string
  /** Envelope sender; empty for none. */
  readonly sender: string
  /** Our authserv-id. */
  readonly authservId: string
}

/** SPF has at most 10 questions that lead to others, each may have as many addresses (RFC 7208 4.6.4); the rest is keys and policies. */
const BOUNDS = { questions: 200, deadlineMs: 20_000 }
const MOST_SIGNATURES = 10

/**
 * Judges a mail.
 * @returns null when it is beyond the limits of the judge; then nothing is known of it
 */
export async function evaluate(mail: EvaluatedMail, lookup: RecordLookup): Promise<MethodResult[] | null> {
  if (mail.longestLine > LONGEST_LINE || mail.signatures > MOST_SIGNATURES) return null
  const { authenticate } = await import('mailauth')
  const dns = boundedLookup(lookup, BOUNDS)
  const found = await authenticate(Readable.from(copies(mail.source), { objectMode: false }), {
    resolver: dns.resolve,
    ip: mail.address,
    helo: mail.helo,
    sender: mail.sender,
    mta: mail.authservId,
    disableBimi: true,
    strict: true,
    trustReceived: false,
  })
  return [
    ...spf(found, mail),
    ...found.dkim.results.map(dkim),
    ...dmarc(found),
    ...arc(found, dns.unanswered()),
  ]
}

async function* copies(source: ByteSource): AsyncGenerator<Buffer> {
  for await (const chunk of source.chunks()) yield Buffer.from(chunk)
}

/** RFC 8601 2.7.2 */
function spf({ spf: found }: AuthenticateResult, { sender, helo }: EvaluatedMail): MethodResult[] {
  if (found === false) return [{ method: 'spf', result: 'none', properties: [] }]
  const identity = sender === '' ? (['smtp.helo', helo] as const) : (['smtp.mailfrom', sender] as const)
  return [{ method: 'spf', result: found.status.result, properties: [identity] }]
}

/** RFC 8601 2.7.1 */
function dkim({ status, signingDomain, selector, algo, signature }: DKIMResult): MethodResult {
  return {
    method: 'dkim',
    result: status.result,
    ...(status.comment === undefined ? {} : { comment: status.comment }),
    properties: [
      ['header.d', signingDomain ?? ''],
      ['header.s', selector ?? ''],
      ['header.a', algo ?? ''],
      // RFC 6008 4: enough of the signature to tell two of one domain apart
      ['header.b', signature?.slice(0, 8) ?? ''],
    ],
  }
}

/** RFC 7489 11.1 */
function dmarc({ dmarc: found }: AuthenticateResult): MethodResult[] {
  if (found === false) return []
  const { status, policy, domain } = found
  return [
    {
      method: 'dmarc',
      result: status.result,
      properties: [
        ['header.from', status.header?.from ?? domain],
        ['policy.dmarc', policy],
      ],
    },
  ]
}

/** RFC 8617 5.2: what DNS did not say is no failure of the chain that anybody may build on. */
function arc({ arc: found }: AuthenticateResult, unanswered: string | null): MethodResult[] {
  if (found === false || found.status.result === 'none') return []
  const { result, comment } = found.status
  const asked = result === 'fail' && unanswered !== null ? 'temperror' : result
  return [{ method: 'arc', result: asked, ...(comment === undefined ? {} : { comment }), properties: [] }]
}
