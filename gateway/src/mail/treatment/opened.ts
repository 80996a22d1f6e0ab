/**
 * What of a decrypted mail goes on under its outer header: the Content fields and the body of what was inside, and the
 * Subject if it was hidden. Nothing else that stands inside ever becomes a header field: its writer is anybody.
 */
import {
  EngineError,
  foldHeader,
  openedEntity,
  withoutLegacyDisplay,
  type DecryptResult,
} from '@siegel/engine'

/** What a decryption says about the entity. */
export type Decryption = Omit<DecryptResult, 'entity' | 'message'>

/**
 * Content fields, empty line and body of a decrypted entity.
 * @throws EngineError those of the scanner, which has read it before
 */
export function openedBody(entity: Buffer, result: Decryption): readonly Buffer[] {
  // RFC 9788 4.5.3: shown twice otherwise; a signed text stays as it is
  const twice = result.verified === null && hiddenSubject(result) !== null
  return openedEntity(twice ? withoutLegacyDisplay(entity) : entity)
}

/** RFC 9788 4.3: the one Subject inside is the true one, as a field. Null when there is none or it is no value for a header. */
export function hiddenSubject({ protectedHeaders }: Decryption): Buffer | null {
  const subjects = protectedHeaders?.fields.filter(({ name }) => name.toLowerCase() === 'subject') ?? []
  const [only] = subjects
  if (only === undefined || subjects.length > 1) return null
  try {
    return foldHeader('Subject', only.value)
  } catch (error) {
    // Then the outer Subject stays.
    if (error instanceof EngineError) return null
    throw error
  }
}
