/**
 * Takes secrets out of what is to be logged: by the name of a field, and by the type of a value. Bounded in depth, width and
 * length, so that nobody fills the disk through a log line. It never throws.
 */
import { KeyObject } from 'node:crypto'

const CENSORED = '[redacted]'
/** Parts of names that mark a secret, or a header value that is nobody's business; compared without case and separators. */
const SECRET_PART =
  /passw|passphrase|secret|token|authorization|cookie|credential|privatekey|apikey|sessionkey|encryptionkey|bcc|plaintext/
/** Names that mark a secret only as a whole. */
const SECRET_NAMES = new Set([
  'pass',
  'pin',
  'otp',
  'totp',
  'kek',
  'dek',
  'cek',
  'seed',
  'key',
  'subject',
  'body',
])
/** Names that a line has of itself. */
const RESERVED = new Set(['level', 'time', 'event'])
const MAX_DEPTH = 4
const MAX_ENTRIES = 100
const MAX_TEXT = 8_192

/** A copy of the fields, fit to be logged. A field named like one that every line has gets an underscore. */
export function redact(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return ofObject(fields, 0, (name) => (RESERVED.has(name) ? `${name}_` : name))
}

/** True if the value of a field with this name must not be logged. */
export function isSecretName(name: string): boolean {
  const plain = name.toLowerCase().replace(/[^a-z0-9]/g, '')
  return SECRET_NAMES.has(plain) || SECRET_PART.test(plain)
}

function ofObject(object: object, depth: number, rename = (name: string) => name): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(object).slice(0, MAX_ENTRIES)) {
    const isSwitch = typeof value === 'boolean' || value === null || value === undefined
    // A switch or an absence is no secret: `hasPassword: true` may be said.
    copy[rename(name)] = isSecretName(name) && !isSwitch ? CENSORED : ofValue(value, depth + 1)
  }
  return copy
}

function ofValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'symbol' || typeof value === 'function') return `[${typeof value}]`
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof KeyObject) return CENSORED
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (value instanceof Error) return ofError(value)
  if (depth > MAX_DEPTH) return '[deep]'
  if (Array.isArray(value)) return value.slice(0, MAX_ENTRIES).map((entry) => ofValue(entry, depth + 1))
  if (value instanceof Set || value instanceof Map) return ofValue([...value], depth)
  return ofObject(value, depth)
}

/** Name, code and message; the stack stays where the error is caught. */
function ofError(error: Error): Record<string, unknown> {
  const { code } = error as NodeJS.ErrnoException
  return { name: error.name, ...(code === undefined ? {} : { code }), message: ofValue(error.message, 0) }
}
