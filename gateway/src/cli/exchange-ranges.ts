/**
 * `siegel exchange ranges [--refresh] [--json]`: the addresses of Office 365 that are in use, where they come from and how old
 * they are. `--refresh` asks the endpoint service now; a running gateway takes the new list over within a second.
 */
import type { StartConfig } from '../config/file.ts'
import { compileSettings } from '../config/settings.ts'
import { createEndpointService } from '../exchange/endpoints/endpoint-service.ts'
import { newerOf, readKept } from '../exchange/endpoints/range-list.ts'
import { refreshOnce, STALE_MS, type RefreshResult } from '../exchange/endpoints/refresher.ts'
import type { Store } from '../store/index.ts'
import { UsageError, type ExitCode, type Io } from './io.ts'
import { withStore } from './open-store.ts'
import { readOptions } from './options.ts'
import { printable } from './texts.ts'

const DAY = 86_400_000
const ALARMS = ['address-ranges-stale', 'address-ranges-refused', 'address-ranges-not-refreshed']

async function settingsOf(store: Store) {
  const { version, objects, tenants } = await store.config.read()
  return compileSettings(version, objects, tenants).settings
}

async function refresh(
  store: Store,
  start: StartConfig,
  options: { readonly acceptSmaller: boolean; readonly now: number },
): Promise<RefreshResult> {
  const { tlsAnchors } = await settingsOf(store)
  const { service: base } = start.exchange.addressRanges
  const service = createEndpointService({ base, anchors: () => tlsAnchors })
  const result = await refreshOnce(service, store.addressRanges, options.now, options.acceptSmaller)
  // What a good list settles need not wait for the gateway's next question.
  if (result.kind === 'taken' || result.kind === 'confirmed')
    for (const code of ALARMS) await store.alarms.clear('', code, 'office365')
  return result
}

function resultLine(result: RefreshResult): string {
  switch (result.kind) {
    case 'confirmed':
      return 'the endpoint service has no newer list'
    case 'taken':
      return 'a newer list was taken over'
    case 'refused':
      return `the list of the endpoint service is not believed: ${result.cause}; the last good one stays in use`
    case 'failed':
      return `the endpoint service cannot be asked: ${result.cause}; the last good list stays in use`
  }
}

/** `siegel exchange ranges`. Exit 1 when the list is old or could not be refreshed. */
export function rangesVerb(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(
    args,
    {
      refresh: { type: 'boolean' },
      'accept-smaller': { type: 'boolean' },
      config: { type: 'string' },
      json: { type: 'boolean' },
    },
    0,
  )
  const acceptSmaller = options.has('accept-smaller')
  if (acceptSmaller && !options.has('refresh')) throw new UsageError('--accept-smaller goes with --refresh')
  return withStore<ExitCode>(options.text('config'), async (store, start) => {
    const now = io.now()
    const refreshed = options.has('refresh') ? await refresh(store, start, { acceptSmaller, now }) : null
    const { list, source } = newerOf(readKept(await store.addressRanges.read()))
    const { version, confirmedAt, ranges } = list
    const ageDays = Math.floor((now - confirmedAt) / DAY)
    const stale = now - confirmedAt > STALE_MS
    const inUse = (await settingsOf(store)).office365Ranges
    const automatic = start.exchange.addressRanges.refresh
    if (options.has('json'))
      io.out(
        JSON.stringify({
          ...{
            source,
            version,
            confirmedAt: new Date(confirmedAt).toISOString(),
            ageDays,
            stale,
            inUse,
            automatic,
          },
          ...{ ranges, refresh: refreshed },
        }),
      )
    else {
      if (refreshed !== null) io.out(printable(resultLine(refreshed)))
      io.out(`version ${version}, ${source}, confirmed ${ageDays} days ago${stale ? ': old' : ''}`)
      io.out(inUse ? 'in use' : 'not in use: no AddressRange object has office365')
      io.out(automatic ? 'refreshed once a day' : 'not refreshed: exchange.addressRanges.refresh is off')
      for (const range of ranges) io.out(`  ${range}`)
    }
    const failed = refreshed?.kind === 'failed' || refreshed?.kind === 'refused'
    return stale || failed ? 1 : 0
  })
}
