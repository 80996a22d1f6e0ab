/**
 * Fields whose values are secrets, keys or certificates, and the references that may stand in their place:
 * `file:path`, `env:NAME`, and in an export `sealed:…`. Marks the fields and recognises references; resolves nothing.
 */
import { z } from 'zod'
import { secretWeakness } from './secret-strength.ts'

/**
 * What a marked field holds. `certificate` is public; all others are secrets that are sealed at rest and never shown.
 */
export type Material = 'certificate' | 'private-key' | 'pkcs12' | 'password' | 'secret' | 'processed-word'

const MATERIALS: readonly string[] = [
  'certificate',
  'private-key',
  'pkcs12',
  'password',
  'secret',
  'processed-word',
] satisfies Material[]

/** Largest certificate chain or key, in characters. */
const PEM_LIMIT = 256 * 1024
/** Largest PKCS#12 file, in characters of base64. */
const PKCS12_LIMIT = 2 * 1024 * 1024

/** A `file:`, `env:` or `sealed:` reference, taken apart. */
export interface Reference {
  readonly scheme: 'file' | 'env' | 'sealed'
  /** What follows the colon. */
  readonly target: string
}

/** Whether a text is one of the materials; for reading the mark back from a schema. */
export function isMaterial(text: unknown): text is Material {
  return typeof text === 'string' && MATERIALS.includes(text)
}

/** Whether a field's value is a secret: sealed at rest, never printed. */
export function isSecret(material: Material): boolean {
  return material !== 'certificate'
}

/**
 * Takes a reference apart.
 * @returns null when the text is no reference but a value
 */
export function parseReference(text: string): Reference | null {
  const match = /^(file|env|sealed):(.*)$/su.exec(text)
  const [, scheme, target] = match ?? []
  if (target === undefined || (scheme !== 'file' && scheme !== 'env' && scheme !== 'sealed')) return null
  return { scheme, target }
}

/** Says what is wrong with a reference or a value; null when nothing is. */
function flaw(material: Material, text: string, check: (value: string) => string | null): string | null {
  const reference = parseReference(text)
  if (reference === null) return check(text)
  if (reference.target.trim() === '') return `nothing follows ${reference.scheme}:`
  if (reference.scheme === 'env')
    return /^[A-Za-z_][A-Za-z0-9_]*$/.test(reference.target)
      ? null
      : 'is not the name of an environment variable'
  if (reference.scheme === 'sealed' && !isSecret(material)) return 'is no secret: sealed: is not allowed here'
  return null
}

function field(
  material: Material,
  limit: number,
  description: string,
  check: (value: string) => string | null,
) {
  return z
    .string()
    .min(1)
    .max(limit)
    .superRefine((text, context) => {
      const message = flaw(material, text, check)
      if (message !== null) context.addIssue({ code: 'custom', message })
    })
    .meta({ description, material })
}

function isBase64(text: string): boolean {
  return /^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(text)
}

/** A field for a certificate, or several: PEM, or DER in base64; `file:` and `env:` are allowed. */
export function certificateField(description: string) {
  return field('certificate', PEM_LIMIT, description, (text) =>
    text.includes('-----BEGIN CERTIFICATE-----') || isBase64(text)
      ? null
      : 'must be a certificate as PEM or as DER in base64, or a file: or env: reference',
  )
}

/** A field for a private key: PEM, or DER in base64; references are allowed. */
export function privateKeyField(description: string) {
  return field('private-key', PEM_LIMIT, description, (text) =>
    /-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY-----/.test(text) || isBase64(text)
      ? null
      : 'must be a private key as PEM or as DER in base64, or a file: or env: reference',
  )
}

/** A field for a PKCS#12 file in base64; references are allowed. */
export function pkcs12Field(description: string) {
  return field('pkcs12', PKCS12_LIMIT, description, (text) =>
    isBase64(text) ? null : 'must be a PKCS#12 file in base64, or a file: or env: reference',
  )
}

/** A field for a password that others have chosen; references are allowed. */
export function passwordField(description: string) {
  return field('password', 1024, description, () => null)
}

/** A field for a random secret of at least 128 bits; references are allowed. */
export function secretField(description: string) {
  return field('secret', 1024, description, secretWeakness)
}

/** A field for a processed word: lower-case base32 of at least 128 bits; references are allowed. */
export function processedWordField(description: string) {
  return field('processed-word', 1024, description, (text) =>
    /^[a-z2-7]{1,64}$/.test(text)
      ? secretWeakness(text, '26 random characters from a to z and 2 to 7')
      : 'must be one word in lower-case base32 (a to z, 2 to 7), at most 64 characters',
  )
}
