/**
 * `siegel tls-report list|show|send`: what was counted of TLS sessions of direct delivery, the report of a day, and sending reports now
 * instead of at their time. Sends nothing itself: the running gateway does.
 */
import { newMailId } from '../mail/id.ts'
import { domainOf } from '../smtp/address.ts'
import { DAY_MS, dayName, dayOf, parseDay } from '../tls-reports/day.ts'
import { sessionsByPolicy } from '../tls-reports/gather.ts'
import { reportJson } from '../tls-reports/report.ts'
import { newReport } from '../tls-reports/reporter.ts'
import { UsageError, type Command, type ExitCode, type Io } from './io.ts'
import { withStore } from './open-store.ts'
import { readOptions } from './options.ts'
import { printable } from './texts.ts'

const OPTIONS = { config: { type: 'string' }, json: { type: 'boolean' } } as const

async function list(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, OPTIONS, 0)
  return withStore<ExitCode>(options.text('config'), (store) => {
    const days = store.tlsReports.days()
    if (options.has('json'))
      io.out(JSON.stringify(days.map(({ day, ...rest }) => ({ day: dayName(day), ...rest }))))
    else
      for (const { day, domain, count, state } of days)
        io.out(`${dayName(day)}  ${printable(domain)}  ${count}  ${state ?? '-'}`)
    return Promise.resolve(0)
  })
}

async function show(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, OPTIONS, 2)
  const [domain, name] = options.positionals
  if (domain === undefined || name === undefined) throw new UsageError('siegel tls-report show DOMAIN DAY')
  const day = dayNamed(name)
  return withStore<ExitCode>(options.text('config'), (store, { tlsReports }) => {
    const counts = store.tlsReports.counts(day, domain.toLowerCase())
    if (counts.length === 0) {
      io.err(`siegel: no sessions with ${printable(domain)} were counted on ${dayName(day)}`)
      return Promise.resolve(1)
    }
    if (tlsReports === undefined) throw new UsageError('tlsReports is not in siegel.yaml')
    const { organisation, contact, sender } = tlsReports
    const text = reportJson({
      ...{
        id: 'shown',
        organisation,
        contact,
        submitter: domainOf(sender),
        domain: domain.toLowerCase(),
        day,
      },
      policies: sessionsByPolicy(counts),
    })
    io.out(options.has('json') ? text : JSON.stringify(JSON.parse(text), null, 2))
    return Promise.resolve(0)
  })
}

async function send(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, { ...OPTIONS, day: { type: 'string' } }, 0)
  const today = dayOf(io.now())
  const named = options.text('day')
  const day = named === undefined ? today - DAY_MS : dayNamed(named)
  if (day >= today) throw new UsageError(`${dayName(day)} is not over (UTC)`)
  return withStore<ExitCode>(options.text('config'), async (store, { tlsReports: settings }) => {
    if (settings === undefined) throw new UsageError('tlsReports is not in siegel.yaml')
    const { tlsReports } = store
    const now = io.now()
    const fresh = tlsReports.days().filter((one) => one.day === day && one.state === null)
    await tlsReports.begin(fresh.map((one) => newReport(one, newMailId(now), now)))
    const waiting = await tlsReports.hasten(day, now)
    if (options.has('json')) io.out(JSON.stringify({ day: dayName(day), waiting }))
    else if (waiting > 0) io.out(`${dayName(day)}: ${waiting} due now`)
    else io.err(`siegel: no report of ${dayName(day)} waits`)
    return waiting > 0 ? 0 : 1
  })
}

function dayNamed(name: string): number {
  const day = parseDay(name)
  if (day === null) throw new UsageError(`no day such as 2026-11-24: ${JSON.stringify(name)}`)
  return day
}

/** The verb `tls-report`. */
export const tlsReport: Command = (args, io) => {
  const [action, ...rest] = args
  if (action === 'list') return list(rest, io)
  if (action === 'show') return show(rest, io)
  if (action === 'send') return send(rest, io)
  throw new UsageError('siegel tls-report list, show DOMAIN DAY, or send [--day DAY]')
}
