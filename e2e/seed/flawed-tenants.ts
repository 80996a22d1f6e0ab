/**
 * Tenants in which something is not as the seed takes for granted: the name on the certificate is no accepted domain; the inbound connector
 * was created disabled. The script stops with the reason, `verify` and `drift` say exactly this, and once it is mended all is well.
 */
import assert from 'node:assert/strict'
import type { TenantConfig } from '@siegel/exo-sim'
import { CONNECTORS } from '../stage/assistant.ts'
import { CONTOSO } from '../stage/objects.ts'
import type { Scenario, Setting } from './setting.ts'

/** What `verify` and `drift` must say: nothing else is bad, and what waits for it is a warning. */
async function expectExactly(
  { assistant, script }: Setting,
  code: string,
  texts: { readonly en: [string, RegExp]; readonly de: [string, RegExp] },
  waiting: readonly string[],
): Promise<void> {
  const state = await assistant.state(script)
  for (const form of ['verify', 'drift'] as const)
    for (const language of ['en', 'de'] as const) {
      const { status, all, bad } = await assistant.checks(form, state, language)
      assert.equal(status, 1)
      const [text, todo] = texts[language]
      assert.deepEqual(
        bad.map((one) => [one.code, one.text]),
        [[code, text]],
        form,
      )
      assert.match(bad[0]?.todo ?? '', todo)
      const warnings = all.filter(({ verdict }) => verdict === 'warning').map((one) => one.code)
      for (const one of waiting)
        assert.ok(warnings.includes(one), `${form}: ${one} not among ${warnings.join()}`)
    }
  const line = await assistant.call('drift', '--state', state, '--language', 'de')
  assert.match(line.out, new RegExp(`^schlecht +${texts.de[0].replaceAll('.', '\\.')} -> `, 'm'))
}

/** A tenant without connectors and rules, changed; and put back afterwards. */
async function inTenant(
  setting: Setting,
  change: (tenant: TenantConfig) => Partial<TenantConfig>,
  work: () => Promise<void>,
): Promise<void> {
  const { exchange } = setting.stage
  const before = exchange.tenant(CONTOSO.id)
  exchange.setTenant({
    ...before,
    inboundConnectors: [],
    outboundConnectors: [],
    rules: [],
    ...change(before),
  })
  try {
    await work()
  } finally {
    exchange.setTenant(before)
  }
}

/** What Office 365 itself tells from outside, without any state. */
async function expectFromOutside({ assistant }: Setting, code: string, text: RegExp): Promise<void> {
  const { status, bad, all } = await assistant.checks('verify', null)
  assert.equal(status, 1)
  assert.deepEqual(
    bad.map((one) => one.code),
    [code],
  )
  assert.match(bad[0]?.text ?? '', text)
  assert.ok(all.some((one) => one.code === 'state-not-given'))
}

/** Enables everything, after which nothing is bad any more. */
async function expectMended({ assistant, script, preset }: Setting): Promise<void> {
  await assistant.run(script)
  await assistant.run(script, { Stage: 'all' })
  if (preset === 'recommended') await assistant.run(script, { Stage: 'guard' })
  const { status, bad, all } = await assistant.checks('verify', await assistant.state(script))
  assert.deepEqual([status, bad], [0, []])
  assert.ok(all.some(({ code, verdict }) => code === 'inbound-recognised' && verdict === 'good'))
}

/** The first omission of the seed. */
export const WITHOUT_ACCEPTED_DOMAIN: Scenario = {
  name: 'Ohne akzeptierte Domäne / without the accepted domain: script, verify and drift say so, and what to do mends it',
  async play(setting) {
    const { assistant, script, stage } = setting
    const without = ({ acceptedDomains }: TenantConfig) => ({
      acceptedDomains: acceptedDomains.filter((domain) => domain !== CONTOSO.fqdn),
    })
    await inTenant(setting, without, async () => {
      const stopped = await assistant.attempt(script)
      assert.equal(stopped.exitCode, 5)
      assert.ok(
        stopped.warnings.includes(`accepted domain missing: ${CONTOSO.fqdn}`),
        stopped.warnings.join('\n'),
      )
      const { rules = [], inboundConnectors = [] } = stage.exchange.tenant(CONTOSO.id)
      assert.deepEqual(inboundConnectors, [])
      assert.ok(rules.length >= 2 && rules.every(({ enabled }) => enabled === false))
      await expectExactly(
        setting,
        'accepted-domain-missing',
        {
          en: [`accepted domain missing: ${CONTOSO.fqdn}`, /must be an accepted domain: add it .* TXT record/],
          de: [`akzeptierte Domäne fehlt: ${CONTOSO.fqdn}`, /muss akzeptierte Domäne sein: .* per TXT-Eintrag belegen/],
        },
        ['connector-waits', 'rule-waits'],
      ) // prettier-ignore

      // Forced, the connector is there, and is worth nothing: still this and no other thing is bad.
      await assistant.run(script, { Force: true })
      assert.equal(stage.exchange.tenant(CONTOSO.id).inboundConnectors?.length, 1)
      const { bad } = await assistant.checks('verify', await assistant.state(script))
      assert.deepEqual(
        bad.map(({ code }) => code),
        ['accepted-domain-missing'],
      )

      await expectFromOutside(
        setting,
        'accepted-domain-missing',
        /^accepted domain missing: smime-gw\.contoso\.example$/,
      )

      // The steps that the script prints.
      assert.match(stopped.output, new RegExp(`New-MgDomain -Id ${CONTOSO.fqdn}`))
      await assistant.run(`New-MgDomain -Id '${CONTOSO.fqdn}'\nConfirm-MgDomain -DomainId '${CONTOSO.fqdn}'`)
      await expectMended(setting)
    })
  },
}

/** The second omission of the seed. */
export const CREATED_DISABLED: Scenario = {
  name: 'Connector deaktiviert angelegt / inbound connector created disabled: script, verify and drift say so, support enables it',
  async play(setting) {
    const { assistant, script, stage } = setting
    await inTenant(
      setting,
      () => ({ newInboundConnectors: 'disabled' }),
      async () => {
        const stopped = await assistant.attempt(script)
        assert.equal(stopped.exitCode, 4)
        assert.match(stopped.output, /created disabled: contact support/)
        assert.match(
          stopped.output,
          /Please enable the inbound connector 'Siegel from gateway' in our tenant/,
        )
        // No stage can be reached with it: what is routed could not come back.
        assert.equal((await assistant.attempt(script, { Stage: 'all' })).exitCode, 4)
        const { rules = [], ...tenant } = stage.exchange.tenant(CONTOSO.id)
        assert.ok(rules.every(({ enabled }) => enabled === false))
        await expectExactly(
        setting,
        'connector-disabled-by-microsoft',
        {
          en: [`inbound connector ${CONNECTORS.inbound}: created disabled: contact support`, /ask Microsoft support to enable it/],
          de: [`Eingangsconnector ${CONNECTORS.inbound}: created disabled: contact support`, /Microsoft-Support um Einschalten bitten/],
        },
        ['rule-waits'],
      ) // prettier-ignore

        await expectFromOutside(
          setting,
          'inbound-not-recognised',
          /^no inbound connector that is on recognises the gateway by smime-gw\.contoso\.example \(550 5\.7\.64 /,
        )

        const enabled = tenant.inboundConnectors?.map((one) => ({ ...one, enabled: true })) ?? []
        stage.exchange.setTenant({ ...tenant, rules, inboundConnectors: enabled })
        await expectMended(setting)
      },
    )
  },
}
