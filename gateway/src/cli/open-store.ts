/**
 * Opens the store for a verb by way of `siegel.yaml`, and closes it whatever happens.
 */
import { loadStartConfig, type StartConfig } from '../config/file.ts'
import { openStore, type Store } from '../store/index.ts'

/** A verb's work with the open store. */
export type StoreWork<T> = (store: Store, start: StartConfig) => Promise<T>

/**
 * Loads the settings, opens the store, does the work, closes the store.
 * @param config - the argument of `--config`; undefined for the usual places
 * @throws ConfigError, StoreRefused, StorageError
 */
export async function withStore<T>(config: string | undefined, work: StoreWork<T>): Promise<T> {
  const start = await loadStartConfig({
    file: config ?? null,
    environment: process.env,
    workingFolder: process.cwd(),
  })
  const store = await openStore({ dataFolder: start.dataFolder, masterKey: start.masterKey })
  try {
    return await work(store, start)
  } finally {
    await store.close()
  }
}
