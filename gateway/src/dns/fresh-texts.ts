/**
 * Looks up the texts of a name as they are now, for who waits for one to come: remembers nothing. Believes any server.
 */
import { createResolver, type NameServer } from './resolver.ts'

/**
 * Makes a look-up of TXT records, the strings of each in one. It rejects with LookupFailed when nobody could say.
 * @param servers - empty for those of the system
 */
export function createFreshTexts(
  servers: readonly NameServer[],
): (name: string) => Promise<readonly string[]> {
  // A resolver for each look: one that remembers would not see the record come.
  return async (name) => (await createResolver({ servers, trusted: 'none' }).resolve(name, 'TXT')).records
}
