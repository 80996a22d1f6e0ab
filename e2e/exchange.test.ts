/**
 * `siegel exchange verify` on the real command, against the running gateway and the simulated Exchange Online: all is well, and each
 * thing that an outside look can find is found and said with its remedy.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { issue, type Faults } from '@siegel/exo-sim'
import { CONTOSO } from './stage/objects.ts'
import { openStage, type Stage } from './stage/stage.ts'

const COMMAND = fileURLToPath(new URL('../siegel', import.meta.url))

interface Result {
  readonly code: string
  readonly verdict: string
  readonly text: string
  readonly todo: string
}

/** Runs the command beside this process: the simulator lives in it and must go on answering. */
function verify(stage: Stage, ...options: string[]): Promise<{ code: number; out: string; err: string }> {
  const config = join(stage.gateway.config.folder, 'siegel.yaml')
  return new Promise((resolve) => {
    const listener = `127.0.0.1:${stage.gateway.config.port}`
    execFile(
      COMMAND,
      ['exchange', 'verify', '--config', config, '--listener', listener, ...options],
      (error, out, err) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
        resolve({ code, out, err })
      },
    )
  })
}

async function results(stage: Stage): Promise<{ code: number; bad: string[]; all: Result[] }> {
  const { code, out, err } = await verify(stage, '--json', '--language', 'en')
  assert.equal(err, '')
  const all = JSON.parse(out) as Result[]
  return { code, bad: all.filter(({ verdict }) => verdict === 'bad').map((one) => one.code), all }
}

describe('siegel exchange verify', () => {
  let stage: Stage
  before(async () => {
    stage = await openStage({})
  })
  after(() => stage.close())

  it('finds nothing bad on a good stage, and says what it saw of both hosts', async () => {
    const { code, bad, all } = await results(stage)
    assert.deepEqual([code, bad], [0, []], JSON.stringify(all))
    const reached = all.filter((one) => one.code === 'host-reached').map(({ text }) => text)
    assert.equal(reached.length, 2, JSON.stringify(all))
    assert.ok(reached.some((text) => text.startsWith(`own listener 127.0.0.1: STARTTLS with TLSv1.`)))
    assert.ok(reached.some((text) => text.startsWith(`Office 365 ${CONTOSO.endpoint}: STARTTLS with TLSv1.`)))
    assert.ok(all.some((one) => one.code === 'inbound-recognised' && one.verdict === 'good'))
    // The stage's authority is nobody's public root, and its listener is not on port 25.
    const private_ = all.filter((one) => one.code === 'certificate-chain-private')
    assert.deepEqual(
      private_.map(({ verdict }) => verdict),
      ['warning', 'warning'],
    )
    assert.ok(all.some((one) => one.code === 'listener-port'))
  })

  it('prints one line a check, with what to do, in German too', async () => {
    const { code, out } = await verify(stage, '--language', 'de')
    assert.equal(code, 0)
    assert.match(
      out,
      /^gut +Office 365 contoso\.mail\.protection\.outlook\.com: STARTTLS mit TLSv1\.[23], Zertifikat für/m,
    )
    assert.match(
      out,
      /^Achtung +der Listener antwortet auf Port \d+ -> Exchange Online verbindet sich nur mit Port 25$/m,
    )
  })

  const cases: [string, (stage: Stage) => Faults, string][] = [
    ['no STARTTLS', () => ({ noStartTls: true }), 'host-no-starttls'],
    ['an untrusted certificate', ({ certificates }) => ({ credentials: issue(certificates.rogue, { commonName: 'mail.protection.outlook.com', dnsNames: ['mail.protection.outlook.com'] }) }), 'host-untrusted'],
    ['a wrong name', ({ certificates }) => ({ credentials: issue(certificates.tls, { commonName: 'mail.evil.example', dnsNames: ['mail.evil.example'] }) }), 'host-name'],
  ] // prettier-ignore
  for (const [name, faults, expected] of cases)
    it(`says that Office 365 has ${name}`, async () => {
      stage.exchange.setFaults(faults(stage))
      try {
        const { code, bad } = await results(stage)
        assert.deepEqual([code, bad], [1, [expected]])
      } finally {
        stage.exchange.setFaults({})
      }
    })

  it('says when it cannot be told whether Office 365 recognises the gateway', async () => {
    stage.exchange.setFaults({
      overrides: [{ at: 'RCPT', reply: '451 4.7.500 Server busy. Please try again later' }],
    })
    try {
      const { code, bad, all } = await results(stage)
      assert.deepEqual([code, bad], [0, []])
      assert.match(all.find((one) => one.code === 'inbound-unknown')?.text ?? '', /451 4\.7\.500 Server busy/)
    } finally {
      stage.exchange.setFaults({})
    }
  })

  it('says that the own listener does not answer', async () => {
    await stage.gateway.end('SIGTERM')
    const { code, bad, all } = await results(stage)
    assert.deepEqual([code, bad], [1, ['host-unreachable']])
    assert.match(
      all.find((one) => one.code === 'host-unreachable')?.text ?? '',
      /own listener .*ECONNREFUSED/,
    )
    await stage.gateway.start()
  })
})
