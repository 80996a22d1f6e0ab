/**
 * The seed, row by row (design 1, S1 to S7): each is a named scenario that follows the customer's how-to literally, in tenants whose
 * connectors and rules are there by nothing but the assistant's script, with the preset `as-documented` and again with `recommended`.
 */
import { after, before, describe, it } from 'node:test'
import { CONNECTOR_ROWS } from './seed/connectors.ts'
import { CREATED_DISABLED, WITHOUT_ACCEPTED_DOMAIN } from './seed/flawed-tenants.ts'
import { HEADER_EXCEPTIONS, HEADERS } from './seed/headers.ts'
import { INBOUND_RULE, OUTBOUND_RULE } from './seed/rules.ts'
import { closeSetting, openSetting, type Setting } from './seed/setting.ts'
import { FLOOR, SEED_LINE_ROW } from './seed/tls-policy.ts'

/** In the seed's order; the tenants that are not as it takes for granted come last. */
const SCENARIOS = [
  CONNECTOR_ROWS.inboundConnector,
  HEADERS,
  HEADER_EXCEPTIONS,
  CONNECTOR_ROWS.outboundConnector,
  CONNECTOR_ROWS.validation,
  SEED_LINE_ROW,
  FLOOR,
  INBOUND_RULE,
  OUTBOUND_RULE,
  WITHOUT_ACCEPTED_DOMAIN,
  CREATED_DISABLED,
]

for (const preset of ['as-documented', 'recommended'] as const)
  describe(`preset ${preset}`, () => {
    let setting: Setting
    before(async () => {
      setting = await openSetting(preset)
    })
    after(() => closeSetting(setting))

    for (const { name, play } of SCENARIOS) it(name, () => play(setting))
  })
