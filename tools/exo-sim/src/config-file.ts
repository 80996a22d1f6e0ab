// Reads the command's configuration file: the same shape as in the API, with file paths in place of PEM texts.
// Paths are relative to the file. What is missing or of the wrong kind is said with its name.
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Credentials, ExchangeConfig, WorldConfig } from './config.ts'

/** What the file may hold. */
export interface CommandConfig {
  /** Exchange Online. */
  exchange?: ExchangeConfig
  /** The world. */
  world?: WorldConfig
}

/** The file is not usable. */
class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** Reads and completes a configuration file. Throws a ConfigError, or the file system's error. */
export function readConfigFile(path: string): CommandConfig {
  const folder = dirname(resolve(path))
  let parsed: unknown
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) throw new ConfigError(`${path}: ${error.message}`)
    throw error
  }
  const root = section(parsed, 'the file')
  const unknown = Object.keys(root).filter((key) => key !== 'exchange' && key !== 'world')
  if (unknown.length > 0) throw new ConfigError(`unknown section ${unknown.join(', ')}`)
  const config: CommandConfig = {}
  if (root['exchange'] !== undefined) {
    const exchange = section(root['exchange'], 'exchange')
    if (!Array.isArray(exchange['tenants'])) throw new ConfigError('exchange.tenants must be a list')
    config.exchange = {
      // The remaining fields have the API's own shape; tenants are checked when they are made.
      ...(exchange as unknown as ExchangeConfig),
      ca: bundle(exchange['ca'], 'exchange.ca', folder),
      server: credentials(exchange['server'], 'exchange.server', folder),
      ...optionalClient(exchange['client'], 'exchange.client', folder),
      ...(exchange['crls'] === undefined ? {} : { crls: bundle(exchange['crls'], 'exchange.crls', folder) }),
    }
  }
  if (root['world'] !== undefined) {
    const world = section(root['world'], 'world')
    config.world = {
      ...(world as unknown as WorldConfig), // as above
      ...(world['ca'] === undefined ? {} : { ca: bundle(world['ca'], 'world.ca', folder) }),
      server: credentials(world['server'], 'world.server', folder),
      ...optionalClient(world['client'], 'world.client', folder),
    }
  }
  if (!config.exchange && !config.world) throw new ConfigError('neither exchange nor world is configured')
  return config
}

function section(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConfigError(`${name} must be an object`)
  }
  return Object.fromEntries(Object.entries(value))
}

function credentials(value: unknown, name: string, folder: string): Credentials {
  const pair = section(value, name)
  return { cert: file(pair['cert'], `${name}.cert`, folder), key: file(pair['key'], `${name}.key`, folder) }
}

function optionalClient(value: unknown, name: string, folder: string): { client?: Credentials } {
  return value === undefined ? {} : { client: credentials(value, name, folder) }
}

function bundle(value: unknown, name: string, folder: string): Buffer[] {
  const list: unknown[] = Array.isArray(value) ? value : [value]
  return list.map((one) => file(one, name, folder))
}

function file(value: unknown, name: string, folder: string): Buffer {
  if (typeof value !== 'string') throw new ConfigError(`${name} must be the path of a PEM file`)
  return readFileSync(resolve(folder, value))
}
