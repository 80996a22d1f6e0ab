/**
 * A name server for tests, on loopback, over UDP and TCP: answers what a test tells it to, and lies as it is told. It validates
 * nothing and sets the AD bit as the zone says. For tests only.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { decode, encode, type Answer, type Packet } from 'dns-packet'

/** What is said to `name TYPE`, name in lower case. */
export interface Said {
  readonly answers?: readonly Answer[]
  /** Response code. */
  readonly code?: number
  /** The AD bit. */
  readonly secure?: boolean
  /** Over UDP only the bit that says: ask over TCP. */
  readonly truncated?: boolean
  /** Messages that go before the answer over UDP, made from it. */
  readonly before?: (answer: Buffer) => readonly Buffer[]
  /** Nothing is said at all. */
  readonly silent?: boolean
}

/** A running server. */
export interface NameServerRig {
  readonly server: { readonly address: string; readonly port: number }
  /** Questions as they came, `name TYPE`, by protocol. */
  readonly asked: string[]
  close(): Promise<void>
}

/** Starts a server; what is not in the zone does not exist. The zone may be changed while it runs. */
export async function startNameServer(zone: ReadonlyMap<string, Said>): Promise<NameServerRig> {
  const asked: string[] = []
  const say = (question: Buffer, over: 'UDP' | 'TCP'): { said: Said; answer: Buffer } => {
    const packet = decode(question)
    const [first] = packet.questions ?? []
    const key = `${first?.name.toLowerCase() ?? ''} ${first?.type ?? ''}`
    asked.push(`${over} ${key}`)
    const said = zone.get(key) ?? { code: 3 }
    return { said, answer: answerTo(packet, said, over === 'UDP' && said.truncated === true) }
  }
  const tcp = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', (chunk) => {
      const { answer } = say(Buffer.from(chunk).subarray(2), 'TCP')
      const length = Buffer.alloc(2)
      length.writeUInt16BE(answer.length)
      socket.end(Buffer.concat([length, answer]))
    })
  })
  tcp.listen(0, '127.0.0.1')
  await once(tcp, 'listening')
  const { port } = tcp.address() as AddressInfo
  const udp = createSocket('udp4', (question, peer) => {
    const { said, answer } = say(question, 'UDP')
    if (said.silent === true) return
    for (const message of [...(said.before?.(answer) ?? []), answer])
      udp.send(message, peer.port, peer.address)
  })
  udp.bind(port, '127.0.0.1')
  await once(udp, 'listening')
  return {
    server: { address: '127.0.0.1', port },
    asked,
    close: async () => {
      udp.close()
      await new Promise((resolve) => tcp.close(resolve))
    },
  }
}

function answerTo({ id, questions = [] }: Packet, said: Said, cut: boolean): Buffer {
  const flags = 0x0180 | (said.secure === true ? 0x0020 : 0) | (cut ? 0x0200 : 0) | (said.code ?? 0)
  return encode({
    type: 'response',
    id: id ?? 0,
    flags,
    questions,
    answers: cut ? [] : [...(said.answers ?? [])],
  })
}
