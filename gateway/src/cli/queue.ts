/**
 * `siegel queue release`: has held or deferred deliveries tried again at once, when their cause was mended. Sends nothing
 * itself, and never changes what a mail is made into.
 */
import { userInfo } from 'node:os'
import { UsageError, type Command, type ExitCode, type Io } from './io.ts'
import { withStore } from './open-store.ts'
import { readOptions } from './options.ts'
import { tenantsNamed } from './tenants.ts'

const OPTIONS = { to: { type: 'string' }, config: { type: 'string' } } as const

async function release(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, OPTIONS, 1)
  const [id] = options.positionals
  if (id === undefined) throw new UsageError('which mail? siegel queue release ID')
  const mailId = id.toUpperCase()
  const to = options.text('to')?.toLowerCase()
  return withStore<ExitCode>(options.text('config'), async (store) => {
    for (const { id: tenantId } of await tenantsNamed(store, undefined)) {
      const found = await store.queue.find(tenantId, mailId)
      if (found === null) continue
      const wanted = found.deliveries.filter(
        ({ recipient }) => to === undefined || recipient.address.toLowerCase() === to,
      )
      if (to !== undefined && wanted.length === 0)
        throw new UsageError(`${mailId} has no recipient ${JSON.stringify(to)}`)
      const numbers = wanted.map(({ number }) => number)
      const event = {
        at: io.now(),
        code: 'released',
        delivery: to === undefined ? null : (numbers[0] ?? null),
        arguments: { by: userInfo().username },
      }
      const count = await store.queue.release(tenantId, mailId, to === undefined ? 'all' : numbers, event)
      if (count > 0) {
        io.out(`${mailId}: ${count} released`)
        return 0
      }
      io.err(`siegel: nothing of ${mailId} is held or deferred`)
      return 1
    }
    io.err(`siegel: there is no mail ${mailId} in the queue`)
    return 1
  })
}

/** The verb `queue`. */
export const queue: Command = (args, io) => {
  const [action, ...rest] = args
  if (action === 'release') return release(rest, io)
  throw new UsageError('siegel queue release ID')
}
