/**
 * Questions and answers of DNS as octets: writes a question, and takes an answer only if it is one to that question. Follows
 * aliases within the answer. Pure. Believes nothing else of an answer: no other section, no record of another name.
 */
import { decode, encode, type Packet } from 'dns-packet'

/** The types that are asked for. */
export type RecordType = 'A' | 'AAAA' | 'CNAME' | 'MX' | 'PTR' | 'SMIMEA' | 'TLSA' | 'TXT'

/** A mail exchanger. RFC 1035 3.3.9 */
export interface MxData {
  readonly preference: number
  /** Lower case, without a dot at the end; empty for the root (RFC 7505). */
  readonly exchange: string
}

/** An association with a certificate or a key: of a TLS server (RFC 6698 2.1), or of a mail address (RFC 8162 2). */
export interface TlsaData {
  readonly usage: number
  readonly selector: number
  readonly matching: number
  readonly data: Buffer
}

/** The data of a record by its type: an address as text, the target of an alias or of an
 * address (lower case), an exchanger, an association, a text. */
export interface DataOf {
  readonly A: string
  readonly AAAA: string
  readonly CNAME: string
  readonly MX: MxData
  readonly PTR: string
  readonly SMIMEA: TlsaData
  readonly TLSA: TlsaData
  readonly TXT: string
}

/** What an answer says about the question. */
export interface Answer<T extends RecordType> {
  /** Response code; 0 no error, 2 SERVFAIL, 3 NXDOMAIN. RFC 1035 4.1.1 */
  readonly code: number
  /** The answer is cut off: it is to be asked for over TCP. */
  readonly truncated: boolean
  /** The AD bit: the server found every record of the answer secure. RFC 4035 3.2.3 */
  readonly authentic: boolean
  /** The name behind all aliases, in lower case. */
  readonly name: string
  /** The records of that name and type. */
  readonly records: readonly DataOf[T][]
  /** The least time to live, in seconds; of a negative answer that of the SOA record. RFC 2308 5 */
  readonly ttl: number
}

/** The octets are no answer to the question. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
}

/** Octets of an answer over UDP that fit any path. */
const UDP_SIZE = 1232
const RECURSION_DESIRED = 0x0100
/** RFC 6840 5.7: asks for the AD bit in the answer */
const AUTHENTIC_DATA = 0x0020
const MAX_ALIASES = 8
/** Records of one answer that are looked at; no honest set is larger. */
const MAX_RECORDS = 200
const DEFAULT_NEGATIVE_TTL = 60

/**
 * Writes a question, with recursion and the wish for DNSSEC. RFC 1035 4.1, RFC 3225 3, RFC 6891 6.1
 * @param id - 0 to 65535, hard to guess
 */
export function encodeQuestion(id: number, name: string, type: RecordType): Buffer {
  return encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED | AUTHENTIC_DATA,
    questions: [{ name, type: codecName(type), class: 'IN' }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: UDP_SIZE,
        flags: 0x8000,
        flag_do: true,
        extendedRcode: 0,
        ednsVersion: 0,
        options: [],
      },
    ],
  })
}

/**
 * Reads an answer.
 * @throws NoAnswer when the octets are damaged or belong to another question
 */
export function decodeAnswer<T extends RecordType>(
  octets: Buffer,
  id: number,
  name: string,
  type: T,
): Answer<T> {
  const packet = read(octets)
  const question = packet.questions?.[0]
  // RFC 5452 9.1: identifier and question must be those that were sent
  if (
    packet.type !== 'response' ||
    packet.id !== id ||
    packet.questions?.length !== 1 ||
    question?.type !== codecName(type) ||
    question.class !== 'IN' ||
    fold(question.name) !== fold(name)
  )
    throw new NoAnswer('not the answer to this question')
  const flags = octets.readUInt16BE(2)
  // RFC 1035 4.1.1: only a standard query was sent
  if ((flags & 0x7800) !== 0) throw new NoAnswer('another kind of operation')
  const head = {
    code: flags & 0x000f,
    truncated: (flags & 0x0200) !== 0,
    authentic: (flags & AUTHENTIC_DATA) !== 0,
  }
  return { ...head, ...follow(packet, fold(name), type) }
}

/** The codec has no name for SMIMEA, and its types no room for what it calls types without one. RFC 8162 8 */
function codecName(type: RecordType): Exclude<RecordType, 'SMIMEA'> {
  return (type === 'SMIMEA' ? 'UNKNOWN_53' : type) as Exclude<RecordType, 'SMIMEA'>
}

function read(octets: Buffer): Packet {
  try {
    return decode(octets)
  } catch (error) {
    // The decoder reports damage by errors of many kinds.
    throw new NoAnswer(error instanceof Error ? error.message : 'damaged')
  }
}

/** Follows the aliases of a name through an answer. RFC 1034 3.6.2 */
function follow<T extends RecordType>(
  packet: Packet,
  asked: string,
  type: T,
): { name: string; records: DataOf[T][]; ttl: number } {
  const answers = (packet.answers ?? []).slice(0, MAX_RECORDS)
  let name = asked
  let ttl = Infinity
  for (let aliases = 0; ; aliases++) {
    const own = answers.filter((record) => fold(record.name) === name)
    const found = own.filter((record) => record.type === codecName(type))
    if (found.length > 0) {
      for (const record of found) ttl = Math.min(ttl, ttlOf(record))
      return { name, records: found.map((record) => dataOf(record, type)), ttl }
    }
    const alias = own.find((record) => record.type === 'CNAME')
    if (alias?.type !== 'CNAME') break
    if (aliases === MAX_ALIASES) throw new NoAnswer('too many aliases')
    ttl = Math.min(ttl, ttlOf(alias))
    name = fold(alias.data)
  }
  return { name, records: [], ttl: Math.min(ttl, negativeTtl(packet)) }
}

/** RFC 2181 8: the top bit must not be set; such a time to live is none */
function ttlOf(record: object): number {
  const ttl: unknown = 'ttl' in record ? record.ttl : 0
  return typeof ttl === 'number' && ttl < 0x8000_0000 ? ttl : 0
}

/** RFC 2308 5: the lesser of the SOA record's own time to live and its minimum */
function negativeTtl(packet: Packet): number {
  for (const record of packet.authorities ?? [])
    if (record.type === 'SOA') return Math.min(ttlOf(record), record.data.minimum ?? 0)
  return DEFAULT_NEGATIVE_TTL
}

/** Names are compared without regard to case (RFC 4343 3), without the dot at the end; the root is empty. */
function fold(name: string): string {
  return name.replace(/\.$/, '').replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
}

function dataOf<T extends RecordType>(record: object, type: T): DataOf[T] {
  const data: unknown = 'data' in record ? record.data : undefined
  // Each reader gives the data of its own type; the compiler cannot follow a look-up by type.
  return READERS[type](data)
}

const READERS: { readonly [T in RecordType]: (data: unknown) => DataOf[T] } = {
  A: text,
  AAAA: text,
  CNAME: (data) => fold(text(data)),
  MX: (data) => {
    const { preference = 0, exchange } = record(data)
    return { preference: number(preference), exchange: fold(text(exchange)) }
  },
  PTR: (data) => fold(text(data)),
  // The codec gives the octets: RFC 8162 2 has the form of RFC 6698 2.1.
  SMIMEA: (data) => {
    if (!Buffer.isBuffer(data) || data.length < 4) throw new NoAnswer('a record without its data')
    const [usage = 0, selector = 0, matching = 0] = data
    return { usage, selector, matching, data: Buffer.from(data.subarray(3)) }
  },
  TLSA: (data) => {
    const { usage, selector, matchingType, certificate } = record(data)
    if (!Buffer.isBuffer(certificate)) throw new NoAnswer('a record without its data')
    return {
      usage: number(usage),
      selector: number(selector),
      matching: number(matchingType),
      data: Buffer.from(certificate),
    }
  },
  // RFC 7208 3.3: the strings of one record are one text, without anything between them
  TXT: (data) =>
    (Array.isArray(data) ? data : [data])
      .map((piece: unknown) => (Buffer.isBuffer(piece) ? piece.toString('latin1') : text(piece)))
      .join(''),
}

function text(data: unknown): string {
  if (typeof data !== 'string') throw new NoAnswer('a record without its data')
  return data
}

function number(data: unknown): number {
  if (typeof data !== 'number') throw new NoAnswer('a record without its data')
  return data
}

function record(data: unknown): Readonly<Record<string, unknown>> {
  if (typeof data !== 'object' || data === null) throw new NoAnswer('a record without its data')
  return data as Readonly<Record<string, unknown>>
}
