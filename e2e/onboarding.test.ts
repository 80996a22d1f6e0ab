/**
 * Onboarding mode on the real gateway: a refusal for good is tried again while the mode is on and the trace says so; once it is over,
 * by an operator or by its time, the same refusal returns the mail to its sender.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import { newMessageId, plainMail, traceOf } from './demo/acts.ts'
import { fieldOf } from './demo/look.ts'
import { CONTOSO } from './stage/objects.ts'
import { openStage, type Stage } from './stage/stage.ts'

let stage: Stage
before(async () => {
  stage = await openStage({ settings: { queue: { retryFirst: '300ms', retryLongest: '1s' } } }, (built) => {
    built.addEmployee('alice@contoso.example')
  })
})
after(() => stage.close())

async function onboarding(...args: string[]): Promise<void> {
  const moved = stage.gateway.waitForLog(({ event }) => event === 'settings', 10_000, true)
  const config = join(stage.gateway.config.folder, 'siegel.yaml')
  const { status, err } = stage.gateway.run(['exchange', 'onboarding', ...args, '--config', config])
  assert.equal(status, 0, err)
  await moved
}

function sendRefused(): string {
  const reply = '550 5.4.1 Recipient address rejected: Access denied. AS(201806281)'
  stage.exchange.setFaults({ overrides: [{ at: 'RCPT', reply, times: 1 }] })
  const [messageId, from, to] = [newMessageId(), 'alice@contoso.example', 'bob@partner.example']
  stage.exchange.submit({ tenant: CONTOSO.id, from, to, ...plainMail(from, to, messageId, 'Hello\r\n') })
  return messageId
}

function codes(messageId: string): string[] {
  return (traceOf(stage, messageId) as { events: { code: string }[] }).events.map(({ code }) => code)
}

async function returned(messageId: string): Promise<void> {
  await stage.exchange.waitForMail(
    'alice@contoso.example',
    ({ message }) => message.raw.includes(messageId) && message.raw.includes('delivery-status'),
    20_000,
  )
  assert.ok(codes(messageId).includes('bounced'))
}

it('tries again what is refused for good while it is on, and says so', async () => {
  await onboarding('start', '--hours', '2')
  const messageId = sendRefused()
  await stage.world.waitFor(({ raw }) => fieldOf(raw, 'message-id') === messageId, 20_000)
  const seen = codes(messageId)
  assert.ok(seen.includes('onboarding-deferral') && seen.includes('deferred') && !seen.includes('bounced'))
  const alarms = stage.gateway.json(['alarm', 'list']) as { code: string }[]
  for (const code of ['onboarding-started', 'onboarding-deferral'])
    assert.ok(
      alarms.some((alarm) => alarm.code === code),
      code,
    )
  assert.equal((stage.gateway.json(['exchange', 'onboarding', 'status']) as { on: boolean }).on, true)
})

it('returns it once the mode was ended', async () => {
  await onboarding('end')
  await returned(sendRefused())
  assert.deepEqual(
    (stage.gateway.json(['alarm', 'list']) as { code: string }[]).filter(({ code }) =>
      code.startsWith('onboarding'),
    ),
    [],
  )
})

it('ends by itself at its time, and the first refusal afterwards raises an alarm', async () => {
  await onboarding('start', '--hours', '2')
  const config = join(stage.gateway.config.folder, 'siegel.yaml')
  const past = new Date(Date.now() - 3 * 3_600_000).toISOString()
  const { out } = stage.gateway.run(['export', '--config', config])
  const file = join(stage.gateway.config.folder, 'past.yaml')
  writeFileSync(file, out.replace(/(onboarding:\s+startedAt: )\S+/, `$1"${past}"`), { mode: 0o600 })
  const moved = stage.gateway.waitForLog(({ event }) => event === 'settings', 10_000, true)
  const applied = stage.gateway.run(['apply', '-f', file, '--config', config])
  assert.equal(applied.status, 0, applied.err)
  await moved
  await returned(sendRefused())
  const alarms = stage.gateway.json(['alarm', 'list']) as { code: string }[]
  assert.ok(alarms.some(({ code }) => code === 'onboarding-ended'))
})
