/**
 * The log: one JSON line for each event, with a stable event name and fields. Secrets are taken out by the name of their
 * field, and keys and bytes by their type, before a line is written. It decides nothing and sends nothing anywhere.
 */
import pino from 'pino'
import type { Logger as Pino } from 'pino'
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

/** Thresholds; events are written at `debug`, `info`, `warn` and `error` only, so `fatal` writes none of them. */
export type LogLevel = 'trace' | keyof Log | 'fatal'

/** How to log. */
export interface LogOptions {
  /** Events below this level are not written. */
  readonly level: LogLevel
  /** Takes each line, without its line end. */
  readonly write: (line: string) => void
}

/** Opens the log. A line is handed to `write` before the call returns, so that a crash loses none that was said. */
export function createLog({ level, write }: LogOptions): Logger {
  const options = {
    level,
    base: null,
    messageKey: 'event',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  const destination = {
    write: (line: string): void => {
      write(line.endsWith('\n') ? line.slice(0, -1) : line)
    },
  }
  return wrap(pino(options, destination))
}

function wrap(target: Pino): Logger {
  const write = (level: keyof Log, event: string, fields: LogFields | undefined): void => {
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
