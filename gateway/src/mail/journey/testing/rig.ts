/**
 * The whole path behind inbound for tests, of real parts only: a store in a temporary folder, keyring, policy, treatment and
 * outbound, and a scripted hop at the end. The clock stands until a test moves it; a test takes the turns itself.
 */
import { createMailAuthentication } from '../../../authentication/index.ts'
import type { CredentialEntry } from '../../../config/ports.ts'
import { CapabilityLearner } from '../../../keyring/capabilities.ts'
import { createKeyring } from '../../../keyring/keyring.ts'
import { makeRoot } from '../../../keyring/testing/credentials.ts'
import type { Log } from '../../../observe/log.ts'
import type { Store } from '../../../store/index.ts'
import { Fixture, objectOf, writeBody } from '../../../store/testing/fixture.ts'
import { createTrust } from '../../../trust/trust.ts'
import { newMailId } from '../../id.ts'
import { createJourney, type Journey, type JourneyOptions, type Places } from '../../journey.ts'
import type { ReceivedMail } from '../../message.ts'
import type { HopScript } from '../../outbound/testing/hop.ts'
import { makeWorld, ROUTE, startRig, type Rig, type World } from '../../outbound/testing/rig.ts'
import { NO_LEVELS, type TreatmentLevels } from '../../policy/levels.ts'
import type { Rule } from '../../policy/rules.ts'
import type { QueuedMail } from '../../queue/ports.ts'
import { parseTransport } from '../../../maps/transport.ts'
import type { Tenant } from '../../tenant.ts'

/** Times that a test can count with, in milliseconds. */
export const TIMES = { expiryMs: 5 * 86_400_000, delayNoticeMs: 4 * 3_600_000, heldProbeMs: 900_000 }
/** Pauses of the retry clock, in milliseconds. */
export const RETRY = { firstMs: 60_000, longestMs: 3_600_000 }
/** No room in hand: every mail waits in the store until a test claims it. */
export const NO_PLACES: Places = { reserve: () => null, redeem: () => undefined }
const LEASE_MS = 30_000

/** What a test may say of a mail. */
export interface Received {
  readonly direction?: 'outbound' | 'inbound'
  readonly sender?: string
  readonly to?: readonly string[]
  readonly notify?: ReceivedMail['envelope']['recipients'][number]['notify']
  readonly earlierPasses?: number
  readonly factors?: readonly string[]
}

function noAnswer(code: string): Error {
  return Object.assign(new Error(code), { code })
}

let world: World | null = null
/** The root of all e-mail certificates that the rig trusts. */
export const mailRoot = makeRoot()

/** A running path. */
export class JourneyRig {
  readonly fixture: Fixture
  readonly store: Store
  readonly tenant: Tenant
  /** The hop and the settings of outbound. */
  readonly next: Rig
  /** Events of the log, as level and name. */
  readonly logged: string[] = []
  /** The tenant as the settings have it; a test may take it away. */
  /** Told when the endpoint took a mail. */
  took: ((tenant: Tenant) => void) | null = null
  current: Tenant | null
  settingsVersion = 1
  /** What is asked for its mail. */
  levels: TreatmentLevels = NO_LEVELS
  rules: readonly Rule[] = []
  /** The texts in DNS; null when nobody answers. */
  dns: Map<string, string[]> | null = new Map()
  /** What the retry clock draws. */
  random = () => 0.5

  private constructor(fixture: Fixture, store: Store, tenant: Tenant, next: Rig) {
    this.fixture = fixture
    this.store = store
    this.tenant = tenant
    this.current = tenant
    this.next = next
  }

  /** Starts a path to a hop that behaves as the script says. */
  static async start(script: Partial<HopScript> = {}): Promise<JourneyRig> {
    const fixture = new Fixture()
    const { store, contoso } = await fixture.openWithTenants()
    world ??= makeWorld()
    const next = await startRig(world, script, { now: () => fixture.now, keep: { mails: 1 } })
    next.settings.clientIdentities = new Map([[contoso, world.client]])
    const tenant: Tenant = {
      id: contoso,
      name: 'contoso',
      microsoftTenantId: null,
      acceptedDomains: ['contoso.com'],
      fqdn: 'gw.contoso.com',
      preset: 'as-documented',
      secretHeader: null,
      processedHeader: { name: 'X-Contoso-Done', outbound: ['word-out'], inbound: ['word-in'] },
      route: ROUTE,
      outboundDelivery: 'office365',
      removeOwnDkim: true,
      initialDomain: null,
      arcSealing: null,
      dkimSigning: [],
      validation: null,
      roundTrip: null,
      onboarding: null,
      rotating: false,
      markerKey: Buffer.alloc(32, 7),
      postmaster: null,
    }
    return new JourneyRig(fixture, store, tenant, next)
  }

  /** Mends the hop: it offers STARTTLS and answers as usual. */
  mend(): void {
    Object.assign(this.next.hop.script, { identity: world?.good ?? null, answer: () => undefined })
  }

  /** Ends everything. */
  async end(): Promise<void> {
    await this.next.close()
    await this.fixture.end()
  }

  /** A worker: a journey under an owner's name. `rest` puts other parts in. */
  worker(owner = 'w', rest: Partial<JourneyOptions> = {}): Journey {
    const { store } = this
    const note =
      (level: string) =>
      (event: string): void =>
        void this.logged.push(`${level} ${event}`)
    const log: Log = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') }
    const trust = createTrust({ version: 1, anchors: [mailRoot.certificate.raw] })
    const keyring = createKeyring({
      store: store.forTenant(this.tenant.id).credentials,
      trust: () => trust,
    })
    const learner = new CapabilityLearner(
      (id) => store.forTenant(id).capabilities,
      () => this.fixture.now,
      log,
    )
    return createJourney({
      took: (tenant) => this.took?.(tenant),
      inspected: (tenantId, mailId, mail) => {
        learner.learn(tenantId, mailId, mail)
      },
      queue: store.queue,
      bodies: store.bodies,
      outbound: this.next.outbound,
      authentication: createMailAuthentication((name, type) => {
        if (type !== 'TXT' || this.dns === null) return Promise.reject(noAnswer('ETIMEOUT'))
        const records = this.dns.get(name.toLowerCase())
        return records === undefined
          ? Promise.reject(noAnswer('ENOTFOUND'))
          : Promise.resolve(records.map((record) => [record]))
      }),
      tenant: () =>
        this.current === null
          ? null
          : {
              tenant: this.current,
              settingsVersion: this.settingsVersion,
              keyring,
              capabilities: store.forTenant(this.tenant.id).capabilities,
              trust,
              levels: this.levels,
              rules: this.rules,
              transport: parseTransport(this.next.settings.maps.get('transport') ?? ''),
            },
      owner,
      lifetime: TIMES,
      retry: RETRY,
      newId: () => newMailId(this.fixture.now),
      now: () => this.fixture.now,
      random: () => this.random(),
      log,
      ...rest,
    })
  }

  /** Puts credentials into the tenant's keyring. */
  async keep(...credentials: CredentialEntry[]): Promise<void> {
    const object = objectOf('Credential', `c${credentials[0]?.id ?? ''}`, { tenant: 'contoso' })
    await this.store.config.change({ put: [{ object, credentials }], remove: [] })
  }

  /** A mail as inbound makes it safe. */
  async receive(content: Buffer | string, received: Received = {}): Promise<ReceivedMail> {
    const bytes = Buffer.from(content)
    const { direction = 'outbound', notify = null, earlierPasses = 0, factors = [] } = received
    const inbound = direction === 'inbound'
    const { sender = inbound ? 'bob@partner.example' : 'alice@contoso.com' } = received
    const { to = [inbound ? 'alice@contoso.com' : 'bob@partner.example'] } = received
    const headerSize = bytes.indexOf('\r\n\r\n') + 4
    const mail: ReceivedMail = {
      id: newMailId(this.fixture.now),
      tenantId: this.tenant.id,
      direction,
      envelope: {
        sender,
        smtpUtf8: false,
        body: null,
        returnContent: 'FULL',
        envelopeId: null,
        recipients: to.map((address) => ({ address, notify, originalRecipient: null })),
      },
      receivedAt: this.fixture.now,
      receivedField: `Received: from exo by ${this.tenant.fqdn}; now\r\n`,
      peer: null,
      body: {
        size: bytes.length,
        headerSize,
        eightBit: false,
        eightBitHeader: false,
        bareLineEnds: false,
        nul: false,
        longestLine: 78,
      },
      attribution: { tenantId: this.tenant.id, direction, factors, removedFields: [], earlierPasses },
      messageId: null,
      networkMessageId: null,
      via: 'BDAT',
    }
    await writeBody(this.store, { tenantId: mail.tenantId, mailId: mail.id, copy: 0 }, bytes)
    await this.worker().safe([mail], NO_PLACES)
    return mail
  }

  /** Claims what is due for a worker. */
  claim(owner = 'w'): Promise<QueuedMail[]> {
    return this.store.queue.claim(owner, 100, LEASE_MS)
  }

  /** One turn with everything that is due now, notices of earlier turns among it. */
  async turn(): Promise<void> {
    const worker = this.worker()
    for (const mail of await this.claim()) await worker.carry(mail)
  }

  /** Lets time pass, then takes a turn. */
  async turnAfter(milliseconds: number): Promise<void> {
    this.fixture.now += milliseconds
    await this.turn()
  }

  /** The deliveries of a mail as `state reason attempts`. */
  async states({ id }: ReceivedMail): Promise<string[]> {
    const found = await this.store.queue.find(this.tenant.id, id)
    return (found?.deliveries ?? []).map(({ state, lastReason, attempts }) =>
      [state, lastReason?.code ?? '-', attempts].join(' '),
    )
  }

  /** When a mail's first delivery is looked at again, counted from now in milliseconds. */
  async dueIn({ id }: ReceivedMail): Promise<number | null> {
    const dueAt = (await this.store.queue.find(this.tenant.id, id))?.deliveries[0]?.dueAt ?? null
    return dueAt === null ? null : dueAt - this.fixture.now
  }

  /** The codes of a mail's trace, in order. */
  async trace({ id }: ReceivedMail): Promise<string[]> {
    const shown = await this.store.forTenant(this.tenant.id).traces.show(id)
    return (shown?.events ?? []).map(({ code }) => code)
  }

  /** The codes of the alarms that stand. */
  alarms(): string[] {
    return this.store.alarms.list().map(({ code }) => code).toSorted() // prettier-ignore
  }

  /** Whether the store still has a body. */
  has(mail: ReceivedMail, copy = 0, turn?: string): boolean {
    const { fixture } = this
    const path = fixture.bodyPath({ tenantId: mail.tenantId, mailId: mail.id, copy, ...(turn === undefined ? {} : { turn }) }) // prettier-ignore
    return fixture.has(path.slice(fixture.folder.length))
  }
}

/** Runs with a path and ends it. */
export async function withRig(
  script: Partial<HopScript>,
  run: (rig: JourneyRig) => Promise<void>,
): Promise<void> {
  const rig = await JourneyRig.start(script)
  try {
    await run(rig)
  } finally {
    await rig.end()
  }
}

/** Answers one verb with a text, the others as usual. */
export const answering =
  (verb: string, reply: string): HopScript['answer'] =>
  (command) =>
    command.toUpperCase().startsWith(verb) ? `${reply}\r\n` : undefined
