/**
 * The log: one JSON line for each event, with a stable event name and fields. Secrets are taken out by the name of their
 * field, and keys and bytes by their type, before a line is written. It decides nothing and sends nothing anywhere.
 */
import pino from 'pino'
import type { DestinationStream, Logger as Pino } from 'pino'
import { redact } from './redact.ts'

/** Fields of an event. */
export type LogFields = Readonly<Record<string, unknown>>

/** Where a step of the path writes its events. Event names are words with hyphens and never change their meaning. */
export interface Log {
  debug(event: string, fields?: LogFields): void
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  error(event: string, fields?: LogFields): void
}

/** The log as main hands it out. */
export interface Logger extends Log {
  /** A log that adds these fields to every event. */
  child(fields: LogFields): Logger
}

/** The names of the levels, from most to least. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const

/** The name of a level. */
export type LogLevel = (typeof LOG_LEVELS)[number]

/** How to log. */
export interface LogOptions {
  /** Events below this level are not written. */
  readonly level: LogLevel
  /** Where lines go; standard output if left out. */
  readonly destination?: DestinationStream
}

/** Opens the log. A line is handed to the system before the call returns, so that a crash loses none. */
export function openLog({ level, destination }: LogOptions): Logger {
  const options = {
    level,
    base: null,
    messageKey: 'event',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  return wrap(pino(options, destination ?? pino.destination({ dest: 1, sync: true })))
}

function wrap(target: Pino): Logger {
  const write = (level: LogLevel, event: string, fields: LogFields | undefined): void => {
    if (!target.isLevelEnabled(level)) return
    if (fields === undefined) target[level](event)
    else target[level](redact(fields), event)
  }
  return {
    debug: (event, fields) => {
      write('debug', event, fields)
    },
    info: (event, fields) => {
      write('info', event, fields)
    },
    warn: (event, fields) => {
      write('warn', event, fields)
    },
    error: (event, fields) => {
      write('error', event, fields)
    },
    child: (fields) => wrap(target.child(redact(fields))),
  }
}
