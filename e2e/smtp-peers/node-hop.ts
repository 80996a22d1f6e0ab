/**
 * A next hop that is the npm package smtp-server: everything it offers but CHUNKING, which it does not know. What it takes goes to the
 * collector in the form in which the other hops pass it on.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { IssuedCertificate } from '@siegel/exo-sim'
import { SMTPServer, type SMTPServerAddress, type SMTPServerEnvelope } from 'smtp-server'
import type { Collector } from './collector.ts'

/** A running hop. */
export interface NodeHop {
  readonly port: number
  close(): Promise<void>
}

/** Starts it. */
export async function startNodeHop(options: {
  readonly server: IssuedCertificate
  readonly anchors: string
  readonly collector: Collector
  /** Octets of a mail that it takes. */
  readonly sizeLimit: number
}): Promise<NodeHop> {
  const server = new SMTPServer({
    name: 'node.peer.example',
    cert: options.server.cert,
    key: options.server.key,
    ca: options.anchors,
    requestCert: true,
    rejectUnauthorized: true,
    authOptional: true,
    disabledCommands: ['AUTH'],
    disableReverseLookup: true,
    hideDSN: false,
    size: options.sizeLimit,
    onRcptTo(address, _session, done) {
      if (address.address.startsWith('nobody@')) done(refusal(550, '5.1.1 no such user here'))
      else if (address.address.startsWith('later@')) done(refusal(451, '4.2.1 come again'))
      else done(null)
    },
    onData(stream, session, done) {
      const pieces: Buffer[] = []
      stream.on('data', (piece: Buffer) => pieces.push(piece))
      stream.on('end', () => {
        options.collector.add({
          mail: mailCommand(session.envelope),
          rcpt: session.envelope.rcptTo.map(rcptCommand),
          content: Buffer.concat(pieces),
        })
        done(null, '2.6.0 taken')
      })
    },
  })
  server.on('error', () => undefined)
  const listening = server.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  return {
    port: (listening.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
      }),
  }
}

function refusal(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode })
}

function mailCommand({ mailFrom, smtpUtf8, bodyType, dsn }: SMTPServerEnvelope): string {
  const sender = mailFrom === false ? '' : mailFrom.address
  const words = [`MAIL FROM:<${sender}>`]
  if (bodyType !== undefined) words.push(`BODY=${bodyType.toUpperCase()}`)
  if (smtpUtf8 === true) words.push('SMTPUTF8')
  if (typeof dsn?.ret === 'string') words.push(`RET=${dsn.ret}`)
  if (typeof dsn?.envid === 'string') words.push(`ENVID=${xtext(dsn.envid)}`)
  return words.join(' ')
}

function rcptCommand({ address, dsn }: SMTPServerAddress): string {
  const words = [`RCPT TO:<${address}>`]
  if (dsn?.notify !== undefined) words.push(`NOTIFY=${dsn.notify.join(',')}`)
  if (dsn?.orcpt !== undefined) words.push(`ORCPT=${xtext(dsn.orcpt)}`)
  return words.join(' ')
}

/** smtp-server gives values decoded. */
function xtext(value: string): string {
  return value.replace(/[+=]/g, (character) => (character === '+' ? '+2B' : '+3D'))
}
