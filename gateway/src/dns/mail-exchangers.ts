/**
 * Finds the hosts that take the mail of a domain, in the order in which they are to be tried. Says when a domain takes no mail
 * and when it does not exist. Makes no connection and looks up no address.
 */
import type { MxData } from './message.ts'
import { LookupFailed, type Resolve } from './resolver.ts'

/** Who takes the mail of a domain. */
export type MailExchangers =
  | {
      /** mx: as the records say. implicit: there are none, and the domain is its own host. RFC 5321 5.1 */
      readonly kind: 'mx' | 'implicit'
      /** Lower case; the first to be tried first. */
      readonly hosts: readonly string[]
      /** The records were validated; of an implicit one, that there are none. */
      readonly secure: boolean
      /** The domain behind all aliases. */
      readonly name: string
    }
  | {
      /** null: the domain takes no mail (RFC 7505 3). nameless: it does not exist. unavailable: nobody could say. */
      readonly kind: 'null' | 'nameless' | 'unavailable'
      readonly cause: string
    }

/** Finds the exchangers of a domain, lower case. Never rejects for what DNS says. */
export type MxLookup = (domain: string) => Promise<MailExchangers>

/** Exchangers of one domain that are tried. RFC 5321 5.1 */
const MAX_EXCHANGERS = 10

/**
 * Makes an MX look-up.
 * @param random - 0 up to 1, for the order among equals
 * @param table - static host table: a domain that stands there is its own host, and DNS is not asked
 */
export function createMxLookup(
  resolve: Resolve,
  random: () => number,
  table: ReadonlyMap<string, unknown> = new Map(),
): MxLookup {
  return async (domain) => {
    if (table.has(domain)) return { kind: 'implicit', hosts: [domain], secure: false, name: domain }
    try {
      const { records, nameless, secure, name } = await resolve(domain, 'MX')
      if (nameless) return { kind: 'nameless', cause: `${domain} does not exist` }
      if (records.length === 0) return { kind: 'implicit', hosts: [domain], secure, name }
      // RFC 7505 3: a null record stands alone; beside others it is no host and is passed over
      const hosts = inOrder(
        records.filter(({ exchange }) => exchange !== ''),
        random,
      )
      if (hosts.length === 0) return { kind: 'null', cause: `${domain} takes no mail` }
      return { kind: 'mx', hosts, secure, name }
    } catch (error) {
      if (!(error instanceof LookupFailed)) throw error
      return { kind: 'unavailable', cause: error.message }
    }
  }
}

/** RFC 5321 5.1: the lowest preference first, equal ones in random order */
function inOrder(records: readonly MxData[], random: () => number): string[] {
  const drawn = records.map(({ preference, exchange }) => ({ preference, exchange, lot: random() }))
  drawn.sort((a, b) => a.preference - b.preference || a.lot - b.lot)
  return [...new Set(drawn.map(({ exchange }) => exchange))].slice(0, MAX_EXCHANGERS)
}
