/**
 * Asks name servers: one socket of its own for each question, UDP first and TCP where an answer is cut off, a cache that obeys
 * the records' time to live. Says whether an answer is secure, and believes that only of servers it was told to trust: it
 * validates nothing itself. A server that fails is no answer, never an empty one.
 */
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { getServers } from 'node:dns'
import { connect, isIP, isIPv6 } from 'node:net'
import { isHostname } from '../maps/route.ts'
import {
  decodeAnswer,
  encodeQuestion,
  NoAnswer,
  type Answer,
  type DataOf,
  type RecordType,
} from './message.ts'

/** What is known of a name and type. */
export interface Found<T extends RecordType> {
  /** Empty: there are none. */
  readonly records: readonly DataOf[T][]
  /** The name itself does not exist. RFC 8020 2 */
  readonly nameless: boolean
  /** All of the answer, aliases included, was validated by a trusted server. */
  readonly secure: boolean
  /** The name behind all aliases. */
  readonly name: string
}

/** Nobody could say: temporary. RFC 7672 2.1.2 counts answers that fail validation here. */
export class LookupFailed extends Error {
  override readonly name = 'LookupFailed'
}

/**
 * Asks for the records of a name.
 * Rejects with LookupFailed when no server gives an answer.
 */
export type Resolve = <T extends RecordType>(name: string, type: T) => Promise<Found<T>>

/** A name server. */
export interface NameServer {
  /** IPv4 or IPv6. */
  readonly address: string
  readonly port: number
}

/** Settings of a resolver. */
export interface ResolverOptions {
  /** Without any those of the system. */
  readonly servers?: readonly NameServer[]
  /** Which servers validate and may be believed: those on a loopback address, all, or none. Default loopback. */
  readonly trusted?: 'loopback' | 'all' | 'none'
  /** The clock, in milliseconds. */
  readonly now?: () => number
  /** How long one server has for one answer, in milliseconds. Default 3000. */
  readonly timeoutMs?: number
}

/** A resolver. */
export interface Resolver {
  readonly resolve: Resolve
  /** An answer may be secure at all: there is a trusted server. */
  readonly validates: boolean
}

const NO_ERROR = 0
const NX_DOMAIN = 3
/** Bounds of the time an answer is kept, in seconds. */
const MIN_TTL = 5
const MAX_TTL = 300
const MAX_CACHED = 20_000
const ROUNDS = 2
const DNS_PORT = 53

/** Makes a resolver. */
export function createResolver(options: ResolverOptions = {}): Resolver {
  const {
    timeoutMs = 3000,
    now = () => performance.now(),
    trusted = 'loopback',
    servers: given = [],
  } = options
  const { servers, validates } = chosen(given.length > 0 ? given : systemServers(), trusted)
  const cache = new Map<string, { readonly until: number; readonly found: Found<RecordType> }>()
  const asking = new Map<string, Promise<Found<RecordType>>>()

  const ask = async (key: string, name: string, type: RecordType): Promise<Found<RecordType>> => {
    try {
      const answer = await askServers(servers, name, type, timeoutMs)
      const found = {
        records: answer.records,
        nameless: answer.code === NX_DOMAIN,
        secure: validates && answer.authentic,
        name: answer.name,
      }
      if (cache.size >= MAX_CACHED) cache.clear()
      cache.set(key, { until: now() + Math.min(Math.max(answer.ttl, MIN_TTL), MAX_TTL) * 1000, found })
      return found
    } finally {
      asking.delete(key)
    }
  }
  const resolve = (name: string, type: RecordType): Promise<Found<RecordType>> => {
    // RFC 1035 2.3.4: what a stranger's record names may be no name at all, and could not be written into a question
    if (!isHostname(name)) return Promise.resolve({ records: [], nameless: true, secure: false, name })
    const key = `${type} ${name.toLowerCase()}`
    const cached = cache.get(key)
    if (cached !== undefined && cached.until > now()) return Promise.resolve(cached.found)
    let question = asking.get(key)
    if (question === undefined) asking.set(key, (question = ask(key, name.toLowerCase(), type)))
    return question
  }
  // What is kept under a key with the type has records of that type.
  return { resolve: resolve as Resolve, validates }
}

/** Where any server is trusted the others are not asked: what they say would be believed to be insecure, and nothing more. */
function chosen(
  all: readonly NameServer[],
  trusted: NonNullable<ResolverOptions['trusted']>,
): { servers: readonly NameServer[]; validates: boolean } {
  const good = all.filter(
    ({ address }) => trusted === 'all' || (trusted === 'loopback' && /^(?:127\.|::1$)/.test(address)),
  )
  return good.length > 0 ? { servers: good, validates: true } : { servers: all, validates: false }
}

function systemServers(): NameServer[] {
  return getServers().flatMap((text) => parseServer(text) ?? [])
}

/** Reads `address`, `address:port` or `[IPv6]:port`; null when it is none. */
export function parseServer(text: string): NameServer | null {
  if (isIP(text) !== 0) return { address: text, port: DNS_PORT }
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? []
  const address = bracketed ?? plain ?? ''
  const port = Number(digits)
  return isIP(address) !== 0 && port >= 1 && port <= 65_535 ? { address, port } : null
}

async function askServers(
  servers: readonly NameServer[],
  name: string,
  type: RecordType,
  timeoutMs: number,
): Promise<Answer<RecordType>> {
  const causes: string[] = []
  for (let round = 0; round < ROUNDS; round++)
    for (const server of servers) {
      try {
        const answer = await askServer(server, name, type, timeoutMs)
        if (answer.code === NO_ERROR || answer.code === NX_DOMAIN) return answer
        causes.push(`${server.address}: response code ${answer.code}`)
      } catch (error) {
        causes.push(`${server.address}: ${error instanceof Error ? error.message : 'failed'}`)
      }
    }
  const why = causes.length === 0 ? 'no name server' : [...new Set(causes)].join(', ')
  throw new LookupFailed(`cannot look up ${type} of ${name}: ${why}`)
}

async function askServer(
  server: NameServer,
  name: string,
  type: RecordType,
  timeoutMs: number,
): Promise<Answer<RecordType>> {
  const id = randomInt(0x1_0000)
  const question = encodeQuestion(id, name, type)
  const answer = await overUdp(server, question, timeoutMs, (octets) => decodeAnswer(octets, id, name, type))
  if (!answer.truncated) return answer
  return decodeAnswer(await overTcp(server, question, timeoutMs), id, name, type)
}

/** RFC 5452 9: a socket of its own, a port that the system draws, and only the server itself may answer */
function overUdp<A>(
  server: NameServer,
  question: Buffer,
  timeoutMs: number,
  read: (octets: Buffer) => A,
): Promise<A> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4')
    const end = (settle: () => void): void => {
      clearTimeout(timer)
      socket.removeAllListeners()
      // A late error must not end the process.
      socket.on('error', () => undefined)
      socket.close()
      settle()
    }
    const fail = (error: Error): void => {
      end(() => {
        reject(error)
      })
    }
    const timer = setTimeout(() => {
      fail(new Error('no answer in time'))
    }, timeoutMs)
    socket.on('error', fail)
    socket.on('message', (octets) => {
      try {
        const answer = read(octets)
        end(() => {
          resolve(answer)
        })
      } catch (error) {
        // A forger would like an end to the waiting; the true answer may still come.
        if (!(error instanceof NoAnswer)) fail(error as Error)
      }
    })
    socket.once('connect', () => {
      socket.send(question)
    })
    socket.connect(server.port, server.address)
  })
}

/** RFC 7766 8: two octets of length before the message */
function overTcp(server: NameServer, question: Buffer, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const length = Buffer.alloc(2)
    length.writeUInt16BE(question.length)
    const socket = connect({ host: server.address, port: server.port }, () => {
      socket.write(Buffer.concat([length, question]))
    })
    let heard: Buffer = Buffer.alloc(0)
    const timer = setTimeout(() => socket.destroy(new Error('no answer in time')), timeoutMs)
    socket.on('data', (chunk) => {
      heard = Buffer.concat([heard, Buffer.from(chunk)])
      if (heard.length < 2 || heard.length < 2 + heard.readUInt16BE(0)) return
      resolve(heard.subarray(2, 2 + heard.readUInt16BE(0)))
      socket.destroy()
    })
    socket.once('error', reject)
    socket.once('close', () => {
      clearTimeout(timer)
      reject(new Error('no whole answer'))
    })
  })
}
