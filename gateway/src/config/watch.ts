/**
 * Keeps the settings current: asks the store for its version several times a second, and compiles new settings when another
 * process has written. A version that cannot be read leaves the last good settings in force and is logged.
 */
import type { Log } from '../observe/log.ts'
import type { ConfigStore, Settings } from './ports.ts'
import { compileSettings } from './settings.ts'

/** A change by any process takes effect within a second; asking costs one indexed read. */
const POLL_MS = 400

/** The current settings and their watch. */
export interface SettingsWatch {
  /** The settings in force. */
  current(): Settings
  /** Ends the watch. */
  stop(): void
}

/**
 * Loads the settings and watches them.
 * @param changed - called after each change with the new settings, and once before this resolves
 */
export async function watchSettings(
  store: ConfigStore,
  changed: (settings: Settings) => void,
  log: Log,
): Promise<SettingsWatch> {
  const load = async (): Promise<Settings> => {
    const { version, objects, tenants, identities } = await store.read()
    const { settings, findings } = compileSettings(version, objects, tenants, identities)
    for (const { severity, code, object, message } of findings)
      log[severity === 'error' ? 'error' : 'warn']('settings-finding', { code, object, message })
    log.info('settings', { version, tenants: settings.tenants.size })
    changed(settings)
    return settings
  }
  let settings = await load()
  let busy = false
  const look = async (): Promise<void> => {
    if (busy) return
    busy = true
    try {
      if ((await store.version()) !== settings.version) settings = await load()
    } catch (error) {
      log.error('settings-not-read', { error: error instanceof Error ? error.message : 'unknown' })
    }
    busy = false
  }
  const timer = setInterval(() => void look(), POLL_MS)
  return {
    current: () => settings,
    stop: () => {
      clearInterval(timer)
    },
  }
}
