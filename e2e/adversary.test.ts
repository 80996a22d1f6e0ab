/**
 * The adversary: a second tenant, a sender on the Internet, a stranger at our listener, somebody with old mail. Under both presets each is
 * refused or gets nothing of what it wanted, and log or trace says why; where `as-documented` is open by nature, the scenario says what
 * happens and that the operator is told.
 */
import { after, before, describe, it } from 'node:test'
import { ADDRESSES, WRONG_CERTIFICATES } from './adversary/certificates.ts'
import { CROSS_PREMISES, PROCESSED, RECEIVED, SECRET, TENANT_ID } from './adversary/internet.ts'
import { DOUBLED, FORGED_ID, RELAY } from './adversary/other-tenant.ts'
import { BY_TENANT, FROM_INTERNET, MARKER } from './adversary/replay.ts'
import { closeSetting, openSetting, type Setting } from './seed/setting.ts'

const SCENARIOS = [
  RELAY,
  FORGED_ID,
  DOUBLED,
  PROCESSED,
  SECRET,
  CROSS_PREMISES,
  TENANT_ID,
  RECEIVED,
  ...WRONG_CERTIFICATES,
  ADDRESSES,
  FROM_INTERNET,
  BY_TENANT,
  MARKER,
]

for (const preset of ['as-documented', 'recommended'] as const)
  describe(`preset ${preset}`, () => {
    let setting: Setting
    before(async () => {
      setting = await openSetting(preset, { addressRanges: ['127.0.0.1/32'] })
    })
    after(() => closeSetting(setting))

    for (const { name, play } of SCENARIOS) it(name, () => play(setting))
  })
