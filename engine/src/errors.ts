/**
 * The one error type of the engine and its stable codes.
 * A code is part of the public interface: it never changes its meaning and is explained in docs/reference/reasons.md.
 * This file holds no logic and imports nothing but the catalogue.
 */
import type { Reason } from './reasons.ts'

/**
 * What every engine function throws for bad input. `message` is for the operator and never holds key material,
 * plaintext or a password; `code` is what programs decide on.
 */
export class EngineError extends Error {
  /** Always `EngineError`. */
  override readonly name = 'EngineError'
  /** The stable reason. */
  readonly code: Reason

  /**
   * An error with its reason.
   * @param code - the stable reason
   * @param detail - what exactly was wrong, for the operator; no secrets
   */
  constructor(code: Reason, detail: string) {
    super(`${code}: ${detail}`)
    this.code = code
  }
}
