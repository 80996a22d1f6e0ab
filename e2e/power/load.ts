/**
 * Load for the tests that kill: keeps connections to a gateway that may vanish at any moment, sends mails of every treatment,
 * and writes down which were answered 250, and when. Decides nothing about what must become of them.
 */
import { makePerson, type StageCertificates } from '../stage/certificates.ts'
import type { StageObject } from '../stage/gateway.ts'
import type { Judge } from '../stage/judge.ts'
import { CONTOSO, credentialObject, partnerObject } from '../stage/objects.ts'
import { Line, type SourceMail } from '../stage/source.ts'

/** A mail that the gateway answered for. */
export interface Acknowledged {
  readonly mail: SourceMail
  /** When its 250 was read: CLOCK_MONOTONIC, nanoseconds. */
  readonly at: bigint
}

/** Kinds of mail: what becomes of each is named as the sink names it. */
const KINDS = ['plain', 'clear-signed', 'encrypted', 'decrypted'] as const
type Kind = (typeof KINDS)[number]

const [NO_KEY, SIGNER, READER, STRANGER] = [
  'nokey@contoso.example',
  'signer@contoso.example',
  'reader@partner.example',
  'stranger@partner.example',
]

/** The people of the load as configuration objects, and the mails that they send. */
export class Cast {
  readonly objects: readonly StageObject[]
  /** Stands in the encrypted part of every inbound mail, and nowhere else. */
  readonly canary: string
  readonly #sealed: Buffer
  #serial = 0

  constructor(certificates: StageCertificates, judge: Judge, canary: string) {
    const signer = makePerson(certificates.mail, SIGNER)
    const reader = makePerson(certificates.mail, READER)
    this.canary = canary
    this.objects = [credentialObject(SIGNER, signer), partnerObject(READER, reader)]
    const secret = `Content-Type: text/plain\r\n\r\nThe word is ${canary}.\r\n${'Nobody else may know it.\r\n'.repeat(200)}`
    const signed = judge.sign(Buffer.from(secret), reader.certificate, reader.key)
    this.#sealed = judge.encrypt(signed, signer.certificate)
  }

  /** The next mail: kinds in turn, one in ten of 300 kB. */
  next(): { readonly id: string; readonly mail: SourceMail } {
    const serial = ++this.#serial
    const kind: Kind = KINDS[serial % KINDS.length] ?? 'plain'
    const id = `${serial}.${kind}@load.example`
    const inbound = kind === 'decrypted'
    const from = inbound ? READER : kind === 'plain' ? NO_KEY : SIGNER
    const to = inbound ? SIGNER : kind === 'encrypted' ? READER : STRANGER
    const header =
      `From: <${from}>\r\nTo: <${to}>\r\nSubject: load\r\nMessage-ID: <${id}>\r\nDate: Tue, 24 Nov 2026 09:00:00 +0000\r\n` +
      `X-MS-Exchange-CrossTenant-Id: ${CONTOSO.id}\r\nMIME-Version: 1.0\r\n`
    if (inbound) {
      const entity = this.#sealed.toString('latin1').replace(/^MIME-Version:[^\r\n]*\r\n/im, '')
      return { id, mail: { from, to, data: Buffer.from(header + entity, 'latin1') } }
    }
    const lines = serial % 10 === 0 ? 4000 : 30
    const body = `Mail ${id}\r\n${'The quick brown fox jumps over the lazy dog and runs into the woods again\r\n'.repeat(lines)}`
    return { id, mail: { from, to, data: Buffer.from(`${header}Content-Type: text/plain\r\n\r\n${body}`) } }
  }
}

/** What `startLoad` needs. */
interface LoadOptions {
  readonly port: number
  readonly certificates: StageCertificates
  readonly cast: Cast
  readonly connections: number
  /** Pause between two mails of one connection, milliseconds. */
  readonly pause: number
}

/** A running load. */
export interface Load {
  /** Message-ID (without brackets) → what was answered 250. */
  readonly acknowledged: ReadonlyMap<string, Acknowledged>
  /** Refusals that named a reason (4xx, 5xx): none is expected of a gateway that lives. */
  readonly refusals: readonly string[]
  /** Stops sending; resolves when every connection is closed. */
  stop(): Promise<void>
}

/** Starts to send, and goes on when the gateway was away. */
export function startLoad(options: LoadOptions): Load {
  const { port, certificates, cast, pause } = options
  const acknowledged = new Map<string, Acknowledged>()
  const refusals: string[] = []
  let stopped = false
  const rest = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))
  const push = async (line: Line) => {
    for (;;) {
      if (stopped) return
      const { id, mail } = cast.next()
      await line.send(mail)
      acknowledged.set(id, { mail, at: process.hrtime.bigint() })
      await rest(pause)
    }
  }
  const connection = async () => {
    while (!stopped) {
      let line: Line | null = null
      try {
        line = await Line.open({ port, client: certificates.exchangeClient })
        await push(line)
      } catch (error) {
        const said = error instanceof Error ? error.message : String(error)
        if (said.startsWith('the gateway said')) refusals.push(said)
        await rest(20)
      } finally {
        line?.close()
      }
    }
  }
  const running = Array.from({ length: options.connections }, connection)
  return {
    acknowledged,
    refusals,
    async stop() {
      stopped = true
      await Promise.all(running)
    },
  }
}
