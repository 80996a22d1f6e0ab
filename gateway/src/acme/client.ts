/**
 * The protocol of ACME (RFC 8555): directory, nonces, signed requests, account, orders, authorizations, certificates. Says what the
 * server said; when to ask again and what to do with it is decided by its callers. Every answer is bounded and checked for its form.
 */
import { AcmeFailure, readProblem } from './failure.ts'
import { exchange, type HttpsAnswer, type HttpsOptions } from './https.ts'
import { bindAccount, type AccountKey } from './jose.ts'

/** How often a request is signed anew for a nonce that is not taken; servers reject some on purpose. */
const MOST_NONCES = 20
/** RFC 8555 7.1.1: what this client uses of the directory. */
interface Directory {
  readonly newNonce: string
  readonly newAccount: string
  readonly newOrder: string
  /** RFC 9773 4.1; null when the server has none. */
  readonly renewalInfo: string | null
  readonly termsOfService: string | null
  readonly externalAccountRequired: boolean
}

/** What an account is made with. */
export interface AccountTerms {
  readonly contact: readonly string[]
  readonly termsOfServiceAgreed: boolean
  /** An account that the authority knows already. RFC 8555 7.3.4 */
  readonly external: { readonly keyId: string; readonly hmacKey: string } | null
}

/** An order. RFC 8555 7.1.3 */
export interface Order {
  readonly url: string
  readonly status: string
  readonly authorizations: readonly string[]
  readonly finalize: string
  readonly certificate: string | null
  readonly error: unknown
  /** When to look again, in milliseconds since 1970; null when the server does not say. */
  readonly retryAt: number | null
}

/** A challenge. RFC 8555 8 */
export interface Challenge {
  readonly type: string
  readonly url: string
  readonly status: string
  readonly token: string
  readonly error: unknown
}

/** An authorization. RFC 8555 7.1.4 */
export interface Authorization {
  readonly status: string
  readonly domain: string
  readonly challenges: readonly Challenge[]
  readonly retryAt: number | null
}

/** When a certificate should be renewed. RFC 9773 4.2 */
export interface RenewalWindow {
  /** Milliseconds since 1970. */
  readonly start: number
  readonly end: number
}

type Fields = Readonly<Record<string, unknown>>

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {}
}

function text(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string' || value.length > 2048)
    throw new AcmeFailure('unreachable', `the server's answer has no ${name}`)
  return value
}

function optionalText(fields: Fields, name: string): string | null {
  return typeof fields[name] === 'string' ? text(fields, name) : null
}

function list(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name]
  if (!Array.isArray(value) || value.length > 100)
    throw new AcmeFailure('unreachable', `the server's answer has no list ${name}`)
  return value
}

/** A client for one server and one account. */
export class AcmeClient {
  readonly #directoryUrl: string
  readonly #key: AccountKey
  readonly #options: HttpsOptions
  readonly #now: () => number
  #directory: Directory | null = null
  #nonce: string | null = null
  #account: string | null

  /**
   * @param directory - address of the directory
   * @param key - of the account
   * @param account - address of the account; null when it is to be made or found
   * @param options - how exchanges are made
   * @param now - milliseconds since 1970
   */
  constructor(
    directory: string,
    key: AccountKey,
    account: string | null,
    options: HttpsOptions,
    now: () => number,
  ) {
    this.#directoryUrl = directory
    this.#key = key
    this.#account = account
    this.#options = options
    this.#now = now
  }

  /**
   * Makes the account, or finds the one of this key. RFC 8555 7.3
   * @returns its address
   */
  async register(terms: AccountTerms): Promise<string> {
    const { newAccount, externalAccountRequired, termsOfService } = await this.#read()
    if (externalAccountRequired && terms.external === null)
      throw new AcmeFailure(
        'account',
        'the authority wants an external account: set externalAccount with keyId and hmacKey',
        { type: 'externalAccountRequired' },
      )
    if (termsOfService !== null && !terms.termsOfServiceAgreed)
      throw new AcmeFailure(
        'account',
        `the authority wants its terms agreed to (${termsOfService}): set termsOfServiceAgreed`,
        { type: 'userActionRequired' },
      )
    const payload = {
      termsOfServiceAgreed: terms.termsOfServiceAgreed,
      ...(terms.contact.length === 0 ? {} : { contact: terms.contact.map((one) => `mailto:${one}`) }),
      ...(terms.external === null
        ? {}
        : {
            externalAccountBinding: bindAccount(
              this.#key.jwk,
              terms.external.keyId,
              terms.external.hmacKey,
              newAccount,
            ),
          }),
    }
    const answer = await this.#post(newAccount, payload, true)
    const url = answer.header('Location')
    if (url === null) throw new AcmeFailure('unreachable', 'the server gives no address of the account')
    this.#account = url
    return url
  }

  /** Asks for a certificate for one DNS name. RFC 8555 7.4 */
  async order(domain: string): Promise<Order> {
    const { newOrder } = await this.#read()
    const answer = await this.#post(newOrder, { identifiers: [{ type: 'dns', value: domain }] })
    const url = answer.header('Location')
    if (url === null) throw new AcmeFailure('unreachable', 'the server gives no address of the order')
    return this.#orderOf(answer, url)
  }

  /** How an order stands. */
  async orderAt(url: string): Promise<Order> {
    return this.#orderOf(await this.#post(url, null), url)
  }

  /** How an authorization stands. RFC 8555 7.5 */
  async authorizationAt(url: string): Promise<Authorization> {
    const answer = await this.#post(url, null)
    const fields = this.#json(answer)
    return {
      status: text(fields, 'status'),
      domain: text(fieldsOf(fields['identifier']), 'value').toLowerCase(),
      challenges: list(fields, 'challenges').map((one) => {
        const challenge = fieldsOf(one)
        return {
          type: text(challenge, 'type'),
          url: text(challenge, 'url'),
          status: text(challenge, 'status'),
          token: optionalText(challenge, 'token') ?? '',
          error: challenge['error'],
        }
      }),
      retryAt: this.#retryAt(answer),
    }
  }

  /** Says that the answer to a challenge is there to be found. RFC 8555 7.5.1 */
  async respond(challenge: Challenge): Promise<void> {
    await this.#post(challenge.url, {})
  }

  /** What a challenge is answered with. RFC 8555 8.1 */
  keyAuthorization(token: string): string {
    return `${token}.${this.#key.thumbprint}`
  }

  /** Hands the request over. RFC 8555 7.4 */
  async finalize(order: Order, csr: Buffer): Promise<Order> {
    const answer = await this.#post(order.finalize, { csr: csr.toString('base64url') })
    return this.#orderOf(answer, order.url)
  }

  /**
   * The chain, and the other chains that the server offers. RFC 8555 7.4.2
   * @param most - other chains that are fetched
   * @returns PEM each, the server's own choice first
   */
  async chains(url: string, most: number): Promise<string[]> {
    const first = await this.#post(url, null)
    const others = first
      .headers('Link')
      .flatMap((value) => value.split(/,(?=\s*<)/))
      .flatMap((link) => {
        const [, target, parameters] = /^\s*<([^>]{1,2048})>(.*)$/s.exec(link) ?? []
        const isAlternate = /;\s*rel="?alternate"?/i.test(parameters ?? '')
        const absolute = target === undefined ? null : URL.parse(target, url)
        return absolute !== null && isAlternate ? [absolute.href] : []
      })
    const chains = [first.body.toString('latin1')]
    for (const other of others.slice(0, most))
      chains.push((await this.#post(other, null)).body.toString('latin1'))
    return chains
  }

  /**
   * When the server wants a certificate renewed; null when it does not say. RFC 9773 4.1
   * @param certId - base64url of the authority key identifier, a dot, base64url of the serial number
   */
  async renewalWindow(certId: string): Promise<RenewalWindow | null> {
    const { renewalInfo } = await this.#read()
    if (renewalInfo === null) return null
    const answer = await exchange({ method: 'GET', url: `${renewalInfo}/${certId}` }, this.#options)
    if (answer.status !== 200) return null
    const window = fieldsOf(this.#json(answer)['suggestedWindow'])
    const [start, end] = ['start', 'end'].map((name) => Date.parse(optionalText(window, name) ?? ''))
    return start === undefined || end === undefined || !(start <= end) ? null : { start, end }
  }

  async #read(): Promise<Directory> {
    if (this.#directory !== null) return this.#directory
    const answer = await exchange({ method: 'GET', url: this.#directoryUrl }, this.#options)
    if (answer.status !== 200)
      throw new AcmeFailure('unreachable', `the directory answers with status ${answer.status}`)
    const fields = this.#json(answer)
    const meta = fieldsOf(fields['meta'])
    this.#directory = {
      newNonce: text(fields, 'newNonce'),
      newAccount: text(fields, 'newAccount'),
      newOrder: text(fields, 'newOrder'),
      renewalInfo: optionalText(fields, 'renewalInfo'),
      termsOfService: optionalText(meta, 'termsOfService'),
      externalAccountRequired: meta['externalAccountRequired'] === true,
    }
    return this.#directory
  }

  /** RFC 8555 7.2 */
  async #freshNonce(): Promise<string> {
    const kept = this.#nonce
    this.#nonce = null
    if (kept !== null) return kept
    const { newNonce } = await this.#read()
    const answer = await exchange({ method: 'HEAD', url: newNonce }, this.#options)
    const nonce = answer.header('Replay-Nonce')
    if (nonce === null) throw new AcmeFailure('unreachable', 'the server gives no nonce')
    return nonce
  }

  /** A signed request; `payload` null is POST-as-GET. RFC 8555 6.2, 6.3 */
  async #post(url: string, payload: unknown, byKey = false): Promise<HttpsAnswer> {
    for (let attempt = 1; ; attempt += 1) {
      const nonce = await this.#freshNonce()
      if (!byKey && this.#account === null) throw new AcmeFailure('account', 'there is no account yet')
      const who = byKey ? { jwk: this.#key.jwk } : { kid: this.#account }
      const body = JSON.stringify(this.#key.sign({ nonce, url, ...who }, payload))
      const answer = await exchange({ method: 'POST', url, body }, this.#options)
      this.#nonce = answer.header('Replay-Nonce')
      if (answer.status >= 200 && answer.status < 300) return answer
      const failure = this.#failureOf(answer)
      // RFC 8555 6.5: with the nonce of the answer
      if (failure.type !== 'badNonce' || attempt === MOST_NONCES) throw failure
    }
  }

  #failureOf(answer: HttpsAnswer): AcmeFailure {
    let problem: unknown = null
    try {
      problem = JSON.parse(answer.body.toString('utf8'))
    } catch {
      // A proxy or a server in distress says it in its own way; the status must do.
    }
    const failure = readProblem(
      problem,
      `the server answers with status ${answer.status}`,
      this.#retryAt(answer),
    )
    return failure.type === null && answer.status >= 500
      ? new AcmeFailure('unreachable', failure.message, { retryAt: failure.retryAt })
      : failure
  }

  #json(answer: HttpsAnswer): Fields {
    try {
      return fieldsOf(JSON.parse(answer.body.toString('utf8')))
    } catch {
      throw new AcmeFailure('unreachable', "the server's answer is no JSON")
    }
  }

  #orderOf(answer: HttpsAnswer, url: string): Order {
    const fields = this.#json(answer)
    return {
      url,
      status: text(fields, 'status'),
      authorizations: list(fields, 'authorizations').filter((one) => typeof one === 'string'),
      finalize: text(fields, 'finalize'),
      certificate: optionalText(fields, 'certificate'),
      error: fields['error'],
      retryAt: this.#retryAt(answer),
    }
  }

  /** Seconds or a date. RFC 9110 10.2.3 */
  #retryAt(answer: HttpsAnswer): number | null {
    const value = answer.header('Retry-After')
    if (value === null) return null
    const at = /^[0-9]{1,9}$/.test(value) ? this.#now() + Number(value) * 1000 : Date.parse(value)
    return Number.isNaN(at) ? null : at
  }
}
