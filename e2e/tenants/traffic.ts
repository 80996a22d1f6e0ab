/**
 * Traffic of many tenants with everything going wrong on the way: mails out, in and from tenant to tenant, each known by its
 * Message-ID, while next hops refuse, cut connections and lose STARTTLS and the gateway is killed. Writes down where each arrived.
 */
import { randomInt } from 'node:crypto'
import type { ExchangeEvent, Faults } from '@siegel/exo-sim'
import type { Judge } from '../stage/judge.ts'
import type { Person } from '../stage/stage.ts'
import type { House, Street } from '../stage/street.ts'

/** What is needed. */
export interface TrafficOptions {
  readonly street: Street
  readonly judge: Judge
  readonly mails: number
  /** Somebody inside with a key. */
  readonly personOf: (house: House) => Person
  /** Told now and then how far it is. */
  readonly progress: (text: string) => void
}

/** What became of the traffic. */
export interface TrafficResult {
  readonly sent: Readonly<Record<Kind, number>>
  /** Mails that have not arrived in time. */
  readonly missing: readonly string[]
  /** Arrivals at a place where the mail does not belong. */
  readonly astray: readonly string[]
  /** Arrivals beyond the first at the right place: what a cut or a kill makes of a mail that was under way. */
  readonly again: number
  /** Mails in clear that had to be encrypted, or encrypted that had to be opened. */
  readonly wrongForm: readonly string[]
  /** Mails that the gateway brought back to Exchange Online. */
  readonly returned: number
  /** How many of them came in a resumed TLS session. */
  readonly resumed: number
  /** Those that came under another name than that of a tenant whose mail it is. */
  readonly foreign: readonly string[]
  readonly kills: number
  readonly faults: number
}

const KINDS = ['out', 'in', 'in-sealed', 'across'] as const
type Kind = (typeof KINDS)[number]

/** Mails under way at the same time. */
const UNDER_WAY = 48
/** How long each trouble and each rest lasts, in milliseconds. */
const TROUBLE = 500
/** How long the last ones may take, in milliseconds. */
const PATIENCE = 120_000

interface Expected {
  readonly kind: Kind
  /** The tenant in whose mailbox it belongs; null for the world. */
  readonly tenant: string | null
  /** Names of the gateway for the tenants whose mail it is. */
  readonly names: readonly string[]
  readonly recipient: string
}

/** What goes wrong, in turn. */
const FAULTS: readonly Faults[] = [
  { overrides: [{ at: 'RCPT', reply: '451 4.7.500 Server busy. Please try again later', times: 25 }] },
  { overrides: [{ at: 'END', close: true, times: 6 }] },
  { closeAfterDataBytes: 1500 },
  { noStartTls: true },
  { overrides: [{ at: 'CONNECT', reply: '421 4.3.2 Too many connections', close: true, times: 10 }] },
  { breakHandshake: true },
  { overrides: [{ at: 'MAIL', reply: '451 4.3.0 Try later', times: 25 }], noChunking: true },
]

const SEALED_TEXT = (house: House): string => `Only ${house.name} may read this.`

/** Plays so many mails and waits until the last has arrived, or nothing comes any more. */
export async function playTraffic(options: TrafficOptions): Promise<TrafficResult> {
  const { street, mails, progress } = options
  const book = new Book(options)
  const stop = [
    street.exchange.on((event) => {
      book.see(event)
    }),
    street.world.on(({ recipients, raw }) => {
      book.arrive(idIn(raw), null, recipients, raw)
    }),
  ]
  const sealed = new Map(street.houses.map((house) => [house.name, sealedFor(options, house)]))
  const trouble = new Trouble(street)
  let kills = 0
  try {
    for (let serial = 0; serial < mails; serial++) {
      if (serial > 0 && serial % Math.ceil(mails / 10) === 0) progress(`${serial} sent, ${book.done} arrived`)
      if (serial > 0 && serial % Math.ceil(mails / 4) === 0) {
        await street.gateway.end('SIGKILL')
        await street.gateway.start()
        kills++
      }
      await book.room(UNDER_WAY)
      await send(options, book, serial, sealed)
    }
    trouble.end()
    street.exchange.retryNow()
    await book.empty(PATIENCE)
  } finally {
    trouble.end()
    for (const each of stop) each()
  }
  return { ...book.result(), kills, faults: trouble.count }
}

/** Lets one thing after the other go wrong, with a rest after each: what waits must get through. */
class Trouble {
  readonly #street: Street
  readonly #timer: NodeJS.Timeout
  count = 0

  constructor(street: Street) {
    this.#street = street
    this.#timer = setInterval(() => {
      this.#next()
    }, TROUBLE)
  }

  #next(): void {
    const { exchange, world } = this.#street
    this.count++
    exchange.setFaults(this.count % 2 === 0 ? {} : (FAULTS[(this.count >> 1) % FAULTS.length] ?? {}))
    exchange.dropConnections()
    const late: Faults = { overrides: [{ at: 'RCPT', reply: '451 4.3.0 Later', times: 20 }] }
    world.setFaults(this.count % 5 === 3 ? late : {})
  }

  /** All is well again. */
  end(): void {
    clearInterval(this.#timer)
    this.#street.exchange.setFaults({})
    this.#street.world.setFaults({})
    this.#street.exchange.dropConnections()
  }
}

/** An encrypted and signed entity for somebody inside, made once by the judge. */
function sealedFor({ judge, street, personOf }: TrafficOptions, house: House): Buffer {
  const reader = personOf(house).certificate
  const writer = street.person(`writer@${house.name}.world.example`).certificate
  const entity = Buffer.from(`Content-Type: text/plain\r\n\r\n${SEALED_TEXT(house)}\r\n`)
  return judge.encrypt(judge.sign(entity, writer.certificate, writer.key), reader.certificate)
}

async function send(
  { street, personOf }: TrafficOptions,
  book: Book,
  serial: number,
  sealed: ReadonlyMap<string, Buffer>,
): Promise<void> {
  const at = serial % street.houses.length
  const house = street.house(at)
  const kind = KINDS[Math.floor(serial / street.houses.length) % KINDS.length] ?? 'out'
  const id = `${serial}.${kind}@traffic.example`
  const inside = personOf(house).address
  const outside = `partner${serial % 7}@${house.name}.world.example`
  const other = street.house((at + 1 + (serial % 4)) % street.houses.length)
  const text = `Mail ${serial} of ${house.name}.\r\n${'Nothing but text in this line of the mail.\r\n'.repeat(randomInt(5, 60))}`
  const [from, to] =
    kind === 'out'
      ? [inside, outside]
      : kind === 'across'
        ? [inside, personOf(other).address]
        : [outside, inside]
  const tenant = kind === 'out' ? null : kind === 'across' ? other.id : house.id
  const names = kind === 'across' ? [house.fqdn, other.fqdn] : [house.fqdn]
  book.expect(id, { kind, tenant, names, recipient: to })
  const headers: [string, string][] = [
    ['From', from],
    ['To', to],
    ['Subject', `Mail ${serial}`],
    ['Message-ID', `<${id}>`],
  ]
  if (kind === 'out' || kind === 'across') {
    headers.push(['MIME-Version', '1.0'], ['Content-Type', 'text/plain; charset=us-ascii'])
    street.exchange.submit({ tenant: house.id, from, to, headers, body: text })
    return
  }
  const header = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const entity =
    kind === 'in-sealed'
      ? (sealed.get(house.name) ?? Buffer.alloc(0))
      : Buffer.from(`MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n${text}`)
  await sendIn(street, from, to, Buffer.concat([Buffer.from(header), entity]))
}

/** The world sends again until it is rid of it, as every sender does. */
async function sendIn(street: Street, from: string, to: string, raw: Buffer): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    try {
      const { accepted } = await street.world.send({ from, to, raw, tls: 'opportunistic' })
      if (accepted.length === 1) return
    } catch {
      // The connection was cut or refused.
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('the world cannot get rid of a mail')
}

function idIn(raw: Buffer): string {
  return /^Message-ID: <([^>]+)>/im.exec(raw.toString('latin1', 0, 16_384))?.[1] ?? ''
}

/** Who expects what, and what has come. */
class Book {
  readonly #street: Street
  readonly #expected = new Map<string, Expected>()
  readonly #waiting = new Set<string>()
  readonly #astray: string[] = []
  readonly #wrongForm: string[] = []
  readonly #houses: ReadonlyMap<string, House>
  readonly #foreign: string[] = []
  #again = 0
  #returned = 0
  #resumed = 0
  #wake: () => void = () => undefined

  constructor({ street }: TrafficOptions) {
    this.#street = street
    this.#houses = new Map(street.houses.map((house) => [house.id, house]))
  }

  get done(): number {
    return this.#expected.size - this.#waiting.size
  }

  expect(id: string, expected: Expected): void {
    this.#expected.set(id, expected)
    this.#waiting.add(id)
  }

  /** Deliveries into mailboxes, and what the gateway brings back. */
  see(event: ExchangeEvent): void {
    // From tenant to tenant Exchange Online speaks to itself.
    const ours = event.type === 'accepted' && !event.certificateNames.includes('mail.protection.outlook.com')
    if (ours && event.certificateNames.length > 0) {
      const names = this.#expected.get(event.messageId.slice(1, -1))?.names ?? []
      this.#returned++
      if (event.resumed) this.#resumed++
      if (
        !event.certificateNames.every((name) => names.includes(name)) ||
        event.directionality !== 'Originating'
      )
        this.#foreign.push(`${event.messageId} under ${event.certificateNames.join(' ')}`)
    }
    if (event.type !== 'delivered') return
    const id = event.messageId.slice(1, -1)
    const [last] = this.#street.exchange.mailbox(event.recipient).slice(-1)
    this.arrive(id, event.tenant, [event.recipient], last?.message.raw ?? Buffer.alloc(0))
  }

  arrive(id: string, tenant: string | null, recipients: readonly string[], raw: Buffer): void {
    const expected = this.#expected.get(id)
    const [recipient] = recipients
    if (
      expected === undefined ||
      expected.tenant !== tenant ||
      recipient !== expected.recipient ||
      recipients.length !== 1
    ) {
      this.#astray.push(`${id} at ${recipients.join(' ')} (${tenant ?? 'world'})`)
      return
    }
    if (!this.#waiting.delete(id)) this.#again++
    const form = this.#formFault(expected, raw)
    if (form !== null) this.#wrongForm.push(`${id}: ${form}`)
    this.#wake()
  }

  #formFault({ kind, tenant }: Expected, raw: Buffer): string | null {
    switch (kind) {
      case 'out':
        return raw.includes('multipart/signed') ? null : 'is not signed'
      case 'in':
        return raw.includes('Nothing but text') ? null : 'is not the text'
      case 'in-sealed': {
        const house = this.#houses.get(tenant ?? '')
        return house !== undefined && raw.includes(SEALED_TEXT(house)) ? null : 'is not decrypted'
      }
      case 'across':
        return raw.includes('Nothing but text') && raw.includes('multipart/signed')
          ? null
          : 'is not decrypted and signed'
    }
  }

  /** Waits until fewer than so many are under way. */
  async room(most: number): Promise<void> {
    while (this.#waiting.size >= most) await this.#next(1000)
  }

  async empty(patience: number): Promise<void> {
    const end = Date.now() + patience
    while (this.#waiting.size > 0 && Date.now() < end) await this.#next(200)
  }

  #next(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  result(): Omit<TrafficResult, 'kills' | 'faults'> {
    const sent = { out: 0, in: 0, 'in-sealed': 0, across: 0 }
    for (const { kind } of this.#expected.values()) sent[kind]++
    return {
      sent,
      missing: [...this.#waiting],
      astray: this.#astray,
      again: this.#again,
      returned: this.#returned,
      resumed: this.#resumed,
      foreign: this.#foreign,
      wrongForm: this.#wrongForm,
    }
  }
}
