/**
 * Writes signatures over header fields and a body hash: the tag list, the relaxed canonical form, the octets that are signed. Knows
 * neither chains nor which fields deserve it.
 */
import { createHash, sign as cryptoSign, type KeyObject } from 'node:crypto'
import type { DomainKey } from '../mail/authentication.ts'

/** A field in relaxed canonical form, without its CRLF. RFC 6376 3.4.2 */
export function relaxedField(field: Buffer): Buffer {
  const text = field.toString('latin1')
  const colon = text.indexOf(':')
  const name = text
    .slice(0, colon)
    .replace(/[ \t\r\n]+$/, '')
    .toLowerCase()
  // Not trim(): the octet 0xA0 is part of many characters in UTF-8.
  const value = text
    .slice(colon + 1)
    .replaceAll(/\r?\n/g, '')
    .replaceAll(/[ \t]+/g, ' ')
    .replace(/^ /, '')
    .replace(/ $/, '')
  return Buffer.from(`${name}:${value}`, 'latin1')
}

/** `a=`, as the key has it. RFC 6376 3.3, RFC 8463 3 */
export function algorithmOf(key: KeyObject): 'rsa-sha256' | 'ed25519-sha256' {
  return key.asymmetricKeyType === 'ed25519' ? 'ed25519-sha256' : 'rsa-sha256'
}

/** Tags in the order in which they are written. */
export type Tags = readonly (readonly [name: string, value: string])[]

/**
 * A complete signature field.
 * @param name - of the field
 * @param tags - all but `b=`
 * @param covered - the canonical fields before it, in order, without their CRLF
 * @param by - the key
 */
export function signatureField(name: string, tags: Tags, covered: readonly Buffer[], by: DomainKey): Buffer {
  const unsigned = `${name}: ${tags.map(foldedTag).join(';\r\n\t')};\r\n\tb=`
  // RFC 6376 3.7: the field itself comes last, with an empty b= and no CRLF
  const parts = covered.flatMap((field) => [field, CRLF])
  const signature = signOctets(Buffer.concat([...parts, relaxedField(Buffer.from(unsigned))]), by.key)
  const lines = signature.match(/.{1,72}/g) ?? []
  return Buffer.from(`${unsigned}${lines.join('\r\n\t')}\r\n`)
}

const CRLF = Buffer.from('\r\n')

/** Folds a list of field names; every other value is one word or short. */
function foldedTag([name, value]: readonly [string, string]): string {
  if (name !== 'h') return `${name}=${value}`
  const lines: string[] = []
  let line = ''
  for (const part of value.split(':')) {
    if (line.length + part.length > 68) {
      lines.push(line)
      line = ''
    }
    line += line === '' && lines.length === 0 ? part : `:${part}`
  }
  return `${name}=${[...lines, line].join('\r\n\t')}`
}

/** RFC 8463 3: Ed25519 signs the SHA-256 of the octets. */
function signOctets(octets: Buffer, key: KeyObject): string {
  const signature =
    key.asymmetricKeyType === 'ed25519'
      ? cryptoSign(null, createHash('sha256').update(octets).digest(), key)
      : cryptoSign('sha256', octets, key)
  return signature.toString('base64')
}
