/**
 * Keys and their DNS records for tests, and a DNS that is a table: what is not in it does not exist, what is null does not answer.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { RecordLookup } from '../../dns/records.ts'
import type { DomainKey } from '../../mail/authentication.ts'

/** A key with the record that publishes it. */
export interface PublishedKey extends DomainKey {
  /** PKCS#8. */
  readonly pem: string
  /** Where the record stands. */
  readonly at: string
  readonly record: string
}

function published(domain: string, selector: string, privateKey: KeyObject, record: string): PublishedKey {
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
  return { domain, selector, key: privateKey, pem, at: `${selector}._domainkey.${domain}`, record }
}

/** A fresh RSA key. */
export function rsaKey(domain: string, selector = 's1', bits = 2048, tags = ''): PublishedKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits })
  const spki = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  return published(domain, selector, privateKey, `v=DKIM1; k=rsa; ${tags}p=${spki}`)
}

/** A fresh Ed25519 key. RFC 8463 4: the bare key stands in DNS. */
export function ed25519Key(domain: string, selector = 'e1'): PublishedKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const bare = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64')
  return published(domain, selector, privateKey, `v=DKIM1; k=ed25519; p=${bare}`)
}

/** Records by `name` or `name TYPE`; null for a name server that does not answer, a function for one that takes its time. */
export type DnsTable = Readonly<Record<string, readonly string[] | null>>

/** The table of keys. */
export function tableOf(...keys: readonly PublishedKey[]): Record<string, string[]> {
  return Object.fromEntries(keys.map(({ at, record }) => [at, [record]]))
}

/** A lookup over a table; `asked` counts the questions. */
export function lookupOf(table: DnsTable, asked: string[] = []): RecordLookup {
  return (name, type) => {
    asked.push(`${name} ${type}`)
    const found =
      table[`${name.toLowerCase()} ${type}`] ?? (type === 'TXT' ? table[name.toLowerCase()] : undefined)
    if (found === null) return Promise.reject(Object.assign(new Error(name), { code: 'ETIMEOUT' }))
    if (found === undefined) return Promise.reject(Object.assign(new Error(name), { code: 'ENOTFOUND' }))
    return Promise.resolve(type === 'TXT' ? found.map((text) => [text]) : [...found])
  }
}
