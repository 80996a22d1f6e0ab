/**
 * The little of JOSE that ACME needs: ES256 account keys, flattened JSON signatures, thumbprints, and HS256 for external account
 * binding. Signs only; verifies nothing.
 */
import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from 'node:crypto'

/** The public half of an account key. RFC 7518 6.2.1 */
export interface EcJwk {
  readonly crv: string
  readonly kty: string
  readonly x: string
  readonly y: string
}

/** A signature with its parts, as it is sent. RFC 7515 7.2.2 */
export interface FlattenedJws {
  readonly protected: string
  readonly payload: string
  readonly signature: string
}

/** RFC 7515 2 */
export function base64url(value: Buffer | string): string {
  return Buffer.from(value).toString('base64url')
}

/** The key of an account with an ACME server. */
export class AccountKey {
  readonly #key: KeyObject
  /** The public half. */
  readonly jwk: EcJwk

  /**
   * @param pem - PKCS#8, on P-256
   * @throws Error for any other key
   */
  constructor(pem: string) {
    this.#key = createPrivateKey(pem)
    const { crv, kty, x, y } = createPublicKey(this.#key).export({ format: 'jwk' })
    if (crv !== 'P-256' || kty !== 'EC' || typeof x !== 'string' || typeof y !== 'string')
      throw new Error('an ACME account key must be on P-256')
    this.jwk = { crv, kty, x, y }
  }

  /** Makes a key; PKCS#8 PEM. */
  static generate(): string {
    return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    })
  }

  /** RFC 7638 3 */
  get thumbprint(): string {
    const { crv, kty, x, y } = this.jwk
    return base64url(createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest())
  }

  /**
   * Signs a request. RFC 8555 6.2
   * @param header - beside `alg`: nonce, url, and kid or jwk
   * @param payload - null for POST-as-GET
   */
  sign(header: Readonly<Record<string, unknown>>, payload: unknown): FlattenedJws {
    const head = base64url(JSON.stringify({ alg: 'ES256', ...header }))
    const body = payload === null ? '' : base64url(JSON.stringify(payload))
    // RFC 7518 3.4: R and S, not DER
    const signature = sign('sha256', Buffer.from(`${head}.${body}`), {
      key: this.#key,
      dsaEncoding: 'ieee-p1363',
    })
    return { protected: head, payload: body, signature: base64url(signature) }
  }
}

/**
 * Binds an account key to an account that the authority knows. RFC 8555 7.3.4
 * @param hmacKey - as the authority gave it, base64url
 */
export function bindAccount(jwk: EcJwk, keyId: string, hmacKey: string, url: string): FlattenedJws {
  const head = base64url(JSON.stringify({ alg: 'HS256', kid: keyId, url }))
  const payload = base64url(JSON.stringify(jwk))
  const signature = createHmac('sha256', Buffer.from(hmacKey, 'base64url')).update(`${head}.${payload}`)
  return { protected: head, payload, signature: base64url(signature.digest()) }
}
