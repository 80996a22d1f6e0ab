// The command of a round trip on a real store, with nobody to send mail: what it asks for, what it leaves behind, what it refuses.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { tenantSpecOf } from '../config/testkit.ts'
import { Installation } from './testing/installation.ts'

let installation: Installation
before(async () => {
  installation = await Installation.make([
    { kind: 'Tenant', name: 'contoso', spec: tenantSpecOf('contoso.com', 0) },
  ])
})
after(() => installation.remove())
const run = (...argv: string[]) => installation.run(...argv)

const ENDS = ['--inside', 'alice@contoso.com', '--outside', 'probe@elsewhere.example']
const trip = (...args: string[]) => run('exchange', 'verify', '--round-trip', ...args)

test('it says what to send, and when nothing comes in time what is missing, and closes what it opened', async () => {
  const spoken = await trip(...ENDS, '--timeout', '3s', '--language', 'en')
  assert.deepEqual([spoken.code, spoken.err], [1, ''])
  const marks = spoken.out.match(/\b[a-z2-7]{26}$/gm) ?? []
  assert.equal(marks.length, 1)
  assert.match(
    spoken.out,
    /^1\. From the mailbox alice@contoso\.com send a mail to probe@elsewhere\.example/m,
  )
  assert.match(spoken.out, /^2\. From probe@elsewhere\.example send a mail to alice@contoso\.com/m)
  assert.match(spoken.out, /^waiting for outbound, inbound/m)
  assert.match(spoken.out, /^bad +outbound: the test mail never came/m)
  assert.doesNotMatch((await run('export')).out, /roundTrip/)

  const data = await trip(...ENDS, '--timeout', '3s', '--json')
  assert.equal(data.code, 1)
  const report = JSON.parse(data.out) as { outbound: unknown[]; checks: { code: string }[] }
  assert.deepEqual(report.outbound, [])
  assert.deepEqual(
    report.checks.map(({ code }) => code),
    ['trip-outbound-missing', 'trip-inbound-missing', 'connector-not-validated'],
  )
  // What the administrator must do is told beside the data, with another mark.
  const [again] = /\b[a-z2-7]{26}$/m.exec(data.err) ?? []
  assert.ok(again !== undefined && again !== marks[0])
})

test('it refuses ends that do not lie on either side, and times beyond the hour', async () => {
  for (const [args, words] of [
    [[], /--inside ADDRESS is missing/],
    [['--inside', 'alice@contoso.com'], /--outside ADDRESS is missing/],
    [['--inside', 'alice', '--outside', 'probe@elsewhere.example'], /"alice" is no address/],
    [
      ['--inside', 'a@elsewhere.example', '--outside', 'b@elsewhere.example'],
      /in no accepted domain of contoso/,
    ],
    [['--inside', 'a@contoso.com', '--outside', 'B@Contoso.com'], /in an accepted domain of contoso/],
    [[...ENDS, '--timeout', '61m'], /--timeout must be a duration up to 60m/],
    [[...ENDS, '--settle', '10'], /--settle must be a duration/],
  ] as const) {
    const refused = await trip(...args)
    assert.equal(refused.code, 2)
    assert.match(refused.err, words)
  }
  assert.doesNotMatch((await run('export')).out, /roundTrip/)
})
