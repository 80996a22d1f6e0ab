/**
 * What partners can read, learned from what they send: only from mail whose verdict is `valid`, and of several mails from the one that
 * was signed last. It never keeps a mail waiting and never fails one; what is lost is a stronger algorithm for the next answer.
 */
import { EngineError, readCapabilities, sameAddress, type DecryptResult, type Verdict } from '@siegel/engine'
import type { Log } from '../observe/log.ts'
import { lookupForm } from './keyring.ts'

/** What a partner has shown to be able to read, each with the mail that showed it. */
export interface ShownCapabilities {
  /** Content ciphers; none when nothing was shown. */
  readonly ciphers: readonly string[]
  /** RSAES-OAEP. */
  readonly oaep: boolean
  /** RFC 9788. */
  readonly headerProtection: boolean
  /** Ids of the mails. */
  readonly mails: { readonly algorithms: string | null; readonly headerProtection: string | null }
}

/** One thing that was learned of an address. */
export interface LearnedCapability {
  /** Look-up form. */
  readonly address: string
  /** said: SMIMECapabilities. used: how a mail to us was encrypted. header-protection: a mail to us had its header protected. */
  readonly kind: 'said' | 'used' | 'header-protection'
  /** The signer's own claim, in milliseconds since 1970: it orders mails, and nothing else. */
  readonly signingTime: number
  /** Milliseconds since 1970. */
  readonly learnedAt: number
  readonly mailId: string
  /** Known content ciphers, in their order. */
  readonly ciphers: readonly string[]
  readonly oaep: boolean
}

/** The learned capabilities of one tenant's partners. */
export interface CapabilityStore {
  /** Keeps what was signed later than what is there already of the same kind. */
  learn(entries: readonly LearnedCapability[]): Promise<void>
  /** What is known of an address (look-up form), at most one of each kind. */
  find(address: string): LearnedCapability[]
  /** What is known of the next addresses, in their order. */
  list(after: string, limit: number): LearnedCapability[]
  /** Forgets an address; resolves with how many entries it had. */
  forget(address: string): Promise<number>
}

/** An inbound mail as treatment has seen it. */
export interface InspectedMail {
  readonly verdict: Verdict
  /** How it was encrypted; null when it was not. */
  readonly decryption: Pick<DecryptResult, 'contentEncryption' | 'keyEncryption' | 'authenticated'> | null
}

/** Clocks differ by so much at most; who signs later than that signs to be the newest for long. */
const LEEWAY_MS = 10 * 60_000
/** What is reported here and is an octet string of ours: anything else is not kept. */
const CIPHER = /^(?:aes(?:128|192|256)-(?:cbc|gcm|ccm)|chacha20-poly1305)$/

/**
 * What a mail teaches about its author.
 * @param now - milliseconds since 1970
 */
export function learnedFrom(
  { verdict, decryption }: InspectedMail,
  mailId: string,
  now: number,
): LearnedCapability[] {
  const [from] = verdict.from
  // Only a valid verdict says that the mail is as a whole from its one author.
  if (verdict.status !== 'valid' || from === undefined || verdict.from.length > 1) return []
  const signer = verdict.signers.find(
    ({ status, emails, signingTime }) =>
      status === 'valid' &&
      signingTime !== null &&
      signingTime <= now + LEEWAY_MS &&
      emails.some((email) => sameAddress(email, from)),
  )
  if (signer === undefined || signer.signingTime === null) return []
  const base = {
    address: lookupForm(from),
    signingTime: signer.signingTime,
    learnedAt: now,
    mailId,
    ciphers: [],
    oaep: false,
  }
  const entries: LearnedCapability[] = []
  const said = signer.capabilities === null ? null : capabilitiesOf(signer.capabilities)
  if (said !== null)
    entries.push({ ...base, kind: 'said', ciphers: said.ciphers.filter((each) => CIPHER.test(each)), oaep: said.oaep }) // prettier-ignore
  // The encryption around a signature may be anybody's: it counts only where the author says nothing.
  const used = decryption?.contentEncryption ?? ''
  if (said === null && decryption !== null && CIPHER.test(used))
    entries.push({
      ...base,
      kind: 'used',
      ciphers: [used],
      oaep: decryption.keyEncryption?.startsWith('oaep-') ?? false,
    })
  if (verdict.protectedHeaders?.scheme === 'rfc9788') entries.push({ ...base, kind: 'header-protection' })
  return entries
}

function capabilitiesOf(der: Buffer): ReturnType<typeof readCapabilities> | null {
  try {
    return readCapabilities(der)
  } catch (error) {
    if (error instanceof EngineError) return null
    throw error
  }
}

/** What the entries of one address show together; null when nothing is known. What is said counts before what was used earlier. */
export function shownBy(entries: readonly LearnedCapability[]): ShownCapabilities | null {
  if (entries.length === 0) return null
  const of = (kind: LearnedCapability['kind']) => entries.find((entry) => entry.kind === kind)
  const said = of('said')
  const used = of('used')
  const hidden = of('header-protection')
  const newerUse =
    used !== undefined && used.signingTime > (said?.signingTime ?? -Infinity) ? used : undefined
  const counted = [said, newerUse].filter((entry) => entry !== undefined)
  return {
    ciphers: [...new Set(counted.flatMap(({ ciphers }) => ciphers))],
    oaep: counted.some(({ oaep }) => oaep),
    headerProtection: hidden !== undefined,
    mails: {
      algorithms: (newerUse ?? said)?.mailId ?? null,
      headerProtection: hidden?.mailId ?? null,
    },
  }
}

/** Writes that may be under way; what comes beyond is not learned this time. */
const MOST_UNDER_WAY = 1000

/** Learns beside the path of the mail. */
export class CapabilityLearner {
  readonly #store: (tenantId: string) => CapabilityStore
  readonly #now: () => number
  readonly #log: Log
  readonly #underWay = new Set<Promise<void>>()

  /**
   * @param store - the part of one tenant
   * @param now - the clock, in milliseconds since 1970
   * @param log - where a failed write is told
   */
  constructor(store: (tenantId: string) => CapabilityStore, now: () => number, log: Log) {
    this.#store = store
    this.#now = now
    this.#log = log
  }

  /** Learns from a mail. Returns at once and never throws. */
  learn(tenantId: string, mailId: string, inspected: InspectedMail): void {
    if (this.#underWay.size >= MOST_UNDER_WAY) return
    try {
      const entries = learnedFrom(inspected, mailId, this.#now())
      if (entries.length === 0) return
      const write: Promise<void> = this.#store(tenantId)
        .learn(entries)
        .catch((error: unknown) => {
          this.#failed(mailId, error)
        })
        .finally(() => this.#underWay.delete(write))
      this.#underWay.add(write)
    } catch (error) {
      this.#failed(mailId, error)
    }
  }

  /** Resolves when what is under way has ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay)
  }

  #failed(mail: string, error: unknown): void {
    this.#log.warn('capabilities-not-learned', { mail, error: String(error) })
  }
}
