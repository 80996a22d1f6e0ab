/**
 * A name server for tests: answers TXT questions from a table over UDP, says NXDOMAIN for what is not in it, and keeps silent about
 * what the table says null of. Written from RFC 1035, without looking at what asks it.
 */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

/** Texts by name, lower case; null for silence. */
export type TextTable = Map<string, readonly string[] | null>

/** A running name server. */
export interface TextServer {
  readonly server: { readonly address: string; readonly port: number }
  readonly table: TextTable
  /** Names that were asked for, in order. */
  readonly asked: string[]
  close(): Promise<void>
}

const TXT = 16
const NAME_ERROR = 3

/** Starts one on a port that the kernel picks. */
export async function startTextServer(table: TextTable = new Map()): Promise<TextServer> {
  const socket = createSocket('udp4')
  const asked: string[] = []
  socket.on('message', (question, { address, port }) => {
    const answer = answerOf(question, table, asked)
    if (answer !== null) socket.send(answer, port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    server: { address: '127.0.0.1', port: socket.address().port },
    table,
    asked,
    close: () => closed(socket),
  }
}

async function closed(socket: Socket): Promise<void> {
  const gone = once(socket, 'close')
  socket.close()
  await gone
}

function answerOf(question: Buffer, table: TextTable, asked: string[]): Buffer | null {
  const { name, end } = readName(question)
  asked.push(name)
  const texts = table.get(name.toLowerCase())
  if (texts === null) return null
  const isText = question.readUInt16BE(end) === TXT
  const records = isText ? (texts ?? []).map(textRecord) : []
  const header = Buffer.alloc(12)
  question.copy(header, 0, 0, 2)
  // RFC 1035 4.1.1: a response, authoritative, recursion wanted and available
  header.writeUInt16BE(0x8580 | (texts === undefined ? NAME_ERROR : 0), 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(records.length, 6)
  return Buffer.concat([header, question.subarray(12, end + 4), ...records])
}

/** RFC 1035 3.1 */
function readName(question: Buffer): { readonly name: string; readonly end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
    labels.push(question.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.'), end: at + 1 }
}

/** RFC 1035 3.3.14: a text in strings of at most 255 octets; the name is that of the question. */
function textRecord(text: string): Buffer {
  const strings = (text.match(/[^]{1,255}/g) ?? ['']).map((part) =>
    Buffer.concat([Buffer.from([part.length]), Buffer.from(part, 'latin1')]),
  )
  const data = Buffer.concat(strings)
  const head = Buffer.from([0xc0, 12, 0, TXT, 0, 1, 0, 0, 0, 60, 0, 0])
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}
