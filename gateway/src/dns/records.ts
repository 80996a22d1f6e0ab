/**
 * Looks up records by name and type in the form in which mail authentication asks for them. Believes what the name servers say:
 * nothing that needs DNSSEC may rest on it. Knows no host table and judges no record.
 */
import type { MxData, RecordType } from './message.ts'
import { LookupFailed, type Resolve } from './resolver.ts'

/**
 * The records of a name: of TXT the strings of each record in one, of MX objects of `exchange` and `priority`, which mailauth
 * reads and its types do not know, else texts. Rejects with an error whose `code`
 * is `ENOTFOUND` when the name does not exist, `ENODATA` when it has no such records, and `ETIMEOUT` when nobody could say.
 */
export type RecordLookup = (name: string, type: string) => Promise<string[][] | string[]>

const READERS = {
  TXT: async (resolve: Resolve, name: string) =>
    present(await resolve(name, 'TXT'), name).map((text) => [text]),
  MX: async (resolve: Resolve, name: string) =>
    present(await resolve(name, 'MX'), name).map(exchanger) as unknown as string[],
  A: async (resolve: Resolve, name: string) => present(await resolve(name, 'A'), name),
  AAAA: async (resolve: Resolve, name: string) => present(await resolve(name, 'AAAA'), name),
  CNAME: async (resolve: Resolve, name: string) => present(await resolve(name, 'CNAME'), name),
  PTR: async (resolve: Resolve, name: string) => present(await resolve(name, 'PTR'), name),
} satisfies Partial<Record<RecordType, unknown>>

/** Makes a record lookup. */
export function createRecordLookup(resolve: Resolve): RecordLookup {
  return async (name, type) => {
    if (!Object.hasOwn(READERS, type)) throw failed('ENODATA', `no such question: ${type}`)
    try {
      return await READERS[type as keyof typeof READERS](resolve, name)
    } catch (error) {
      throw error instanceof LookupFailed ? failed('ETIMEOUT', error.message) : error
    }
  }
}

function present<R>(
  found: { readonly records: readonly R[]; readonly nameless: boolean },
  name: string,
): R[] {
  if (found.records.length > 0) return [...found.records]
  throw failed(found.nameless ? 'ENOTFOUND' : 'ENODATA', `nothing under ${name.slice(0, 80)}`)
}

function exchanger({ exchange, preference }: MxData): object {
  return { exchange, priority: preference }
}

function failed(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
