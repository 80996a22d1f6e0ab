/**
 * Resolves `file:` and `env:` references to the values behind them. Sizes are capped, a value never stands in an error.
 * Does not know what a value means and does not unseal (`sealed:` is sealed-export's).
 */
import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { ConfigErrorCode, Material, Reference } from '@siegel/contract'

/** Largest value behind a reference, in octets. */
const LARGEST_VALUE = 1024 * 1024

/** Where references are resolved. */
export interface ReferenceContext {
  /** Folder that relative paths start from: that of the file that holds the reference. */
  readonly folder: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** A reference that leads nowhere. The message names the file or variable, never its content. */
export class ReferenceFailure extends Error {
  override readonly name = 'ReferenceFailure'
  readonly code: ConfigErrorCode

  /**
   * @param code - the stable code
   * @param message - for the operator
   */
  constructor(code: ConfigErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** Reads at most the limit, also from a pipe, whose size nobody knows beforehand. */
async function readCapped(path: string): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const buffer = Buffer.alloc(LARGEST_VALUE + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, null)
      if (bytesRead === 0) return buffer.subarray(0, length)
      length += bytesRead
      if (length > LARGEST_VALUE)
        throw new ReferenceFailure('reference-too-large', `${path} is larger than 1 MiB`)
    }
  } finally {
    await file.close()
  }
}

/**
 * The octets behind a `file:` or `env:` reference.
 * @throws ReferenceFailure
 */
export async function readReference(reference: Reference, context: ReferenceContext): Promise<Buffer> {
  if (reference.scheme === 'env') {
    const value = context.environment[reference.target]
    if (value === undefined || value === '')
      throw new ReferenceFailure('reference-unset', `the environment variable ${reference.target} is not set`)
    if (value.length > LARGEST_VALUE)
      throw new ReferenceFailure(
        'reference-too-large',
        `the environment variable ${reference.target} is too large`,
      )
    return Buffer.from(value, 'utf8')
  }
  if (reference.scheme === 'sealed')
    throw new ReferenceFailure('reference-not-allowed', 'a sealed: value is not allowed here')
  const path = resolve(context.folder, reference.target)
  try {
    return await readCapped(path)
  } catch (error) {
    if (error instanceof ReferenceFailure) throw error
    const cause = (error as NodeJS.ErrnoException).code ?? 'error'
    throw new ReferenceFailure('reference-unreadable', `cannot read ${path}: ${cause}`)
  }
}

/**
 * The octets of a value as the text that stands in a configuration object: DER and PKCS#12 become base64, all else is text
 * without the line end that editors add.
 * @throws ReferenceFailure when a text is not UTF-8
 */
export function referencedText(material: Material, bytes: Buffer): string {
  const binary = material === 'certificate' || material === 'private-key' || material === 'pkcs12'
  // 0x30 begins every SEQUENCE in DER; PEM and base64 of a SEQUENCE begin otherwise.
  if (binary && bytes[0] === 0x30) return bytes.toString('base64')
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '')
  } catch {
    throw new ReferenceFailure('invalid-value', 'the value behind the reference is not UTF-8 text')
  }
}
