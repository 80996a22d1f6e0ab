/**
 * `siegel exchange rotate` under load: while secrets or words are changed, or a change is aborted at any step, mail goes both ways all
 * the time and each one arrives once, treated, after one pass by the gateway, and shows no secret. Rules take their time to be in force.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { newMessageId, plainMail } from './demo/acts.ts'
import { fieldOf } from './demo/look.ts'
import { Assistant } from './stage/assistant.ts'
import { COMMAND, type CommandResult } from './stage/gateway.ts'
import { CONTOSO } from './stage/objects.ts'
import { freePort } from './stage/ports.ts'
import { openStage, type Stage } from './stage/stage.ts'

const ALICE = 'alice@contoso.example'
const BOB = 'bob@partner.example'
const DELAY = 1000
/** Between two mails of a direction. */
const PAUSE = 250
const CHOICES = ['--inbound', 'all', '--guard', 'reject', '--gateway-ip', '127.0.0.1']
const LATER = 31 * 60_000

/** One stage with its administrator. */
class Scene {
  readonly stage: Stage
  readonly #config: string
  readonly #assistant: Assistant
  /** All that no mail may show: secrets and words of all scripts. */
  readonly hidden = new Set<string>()
  readonly outbound: string[] = []
  readonly inbound: string[] = []
  readonly problems: string[] = []
  #traffic: Promise<void> | null = null
  #ending = false

  constructor(stage: Stage) {
    this.stage = stage
    this.#config = join(stage.gateway.config.folder, 'siegel.yaml')
    this.#assistant = new Assistant(stage)
  }

  async setUp(): Promise<void> {
    this.note(await this.#assistant.setUp())
  }

  /** Keeps what must not be seen. */
  note(script: string): string {
    for (const [, secret] of script.matchAll(/'(?:out|in):([\w-]{32})'/g)) this.hidden.add(secret ?? '')
    for (const [word] of script.matchAll(/(?<=')[a-z2-7]{26}(?=')/g)) this.hidden.add(word)
    return script
  }

  /** The command, beside this process: the simulator lives in it and must go on answering. */
  command(...args: string[]): Promise<CommandResult> {
    return new Promise((resolve) => {
      execFile(COMMAND, [...args, '--config', this.#config], (error, out, err) => {
        const status = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
        resolve({ status, out, err })
      })
    })
  }

  rotate(...args: string[]): Promise<CommandResult> {
    return this.command('exchange', 'rotate', ...args)
  }

  /** A step that must go through; resolves when the gateway works by it. */
  async step(...args: string[]): Promise<string> {
    const adopted = this.stage.gateway.waitForLog(({ event }) => event === 'settings', 20_000, true)
    adopted.catch(() => undefined)
    const { status, out, err } = await this.rotate(...args)
    assert.equal(status, 0, err)
    await adopted
    return out + err
  }

  async script(): Promise<string> {
    const file = join(this.stage.gateway.config.folder, 'rotation.ps1')
    const { status, err } = await this.command(
      'exchange',
      'script',
      '--language',
      'en',
      '--out',
      file,
      ...CHOICES,
    )
    assert.equal(status, 0, err)
    return this.note(readFileSync(file, 'utf8'))
  }

  /** Runs the script of now; its changes are in force a while later. Gives the file with the state. */
  async runScript(): Promise<string> {
    const { exchange } = this.stage
    const text = await this.script()
    for (const args of [{}, { Export: true }]) {
      const result = await exchange.powershell(CONTOSO.id, text, { arguments: args })
      assert.deepEqual([result.exitCode, result.errors], [0, []], result.output)
    }
    const states = [...exchange.files(CONTOSO.id)].filter(([name]) => name.includes('siegel-state'))
    const file = join(this.stage.gateway.config.folder, 'rotation.json')
    writeFileSync(file, states.at(-1)?.[1] ?? '')
    return file
  }

  /** As if half an hour had passed since the last step. */
  async halfAnHour(): Promise<void> {
    const { out } = await this.command('export')
    const file = join(this.stage.gateway.config.folder, 'past.yaml')
    const past = out.replace(
      /(\n {2}rotation:[^]*?\n {4}at: )(\S+)/,
      (_, head: string, at: string) =>
        `${head}${JSON.stringify(new Date(Date.parse(at.replaceAll('"', '')) - LATER).toISOString())}`,
    )
    assert.notEqual(past, out)
    writeFileSync(file, past)
    const adopted = this.stage.gateway.waitForLog(({ event }) => event === 'settings', 20_000, true)
    adopted.catch(() => undefined)
    const refused = await this.command('apply', '-f', file)
    assert.match(refused.out + refused.err, /rotation-conflict/)
    const applied = await this.command('apply', '-f', file, '--undo-rotation')
    assert.equal(applied.status, 0, applied.err)
    await adopted
  }

  sendOut(): string {
    const id = newMessageId()
    this.stage.exchange.submit({
      tenant: CONTOSO.id,
      from: ALICE,
      to: BOB,
      ...plainMail(ALICE, BOB, id, 'x\r\n'),
    })
    this.outbound.push(id)
    return id
  }

  async sendIn(): Promise<string> {
    const id = newMessageId()
    const { refused } = await this.stage.world.send({
      from: BOB,
      to: ALICE,
      ...plainMail(BOB, ALICE, id, 'x\r\n'),
    })
    this.problems.push(...refused.map((refusal) => `inbound refused: ${JSON.stringify(refusal)}`))
    this.inbound.push(id)
    return id
  }

  /** Begins steady traffic both ways. */
  begin(): void {
    this.#ending = false
    this.#traffic = (async () => {
      while (!this.#ending) {
        this.sendOut()
        await this.sendIn()
        await sleep(PAUSE)
      }
    })()
  }

  /** Both directions have been seen with the new secret since the step that is reached. */
  async seen(): Promise<string> {
    for (let attempt = 0; attempt < 40; attempt++) {
      const { out } = await this.rotate('status', '--json')
      const { seen } = JSON.parse(out) as { seen: { outbound: unknown; inbound: unknown } | null }
      if (seen !== null && seen.outbound !== null && seen.inbound !== null)
        return (await this.rotate('status')).out
      await sleep(250)
    }
    return assert.fail('no mail with the new secret was seen')
  }

  /** From what a step has begun to the end. */
  async complete(what: 'secret' | 'word'): Promise<void> {
    await this.step('confirm', '--state', await this.runScript())
    assert.match((await this.rotate('finish')).err, /may still be the old ones/)
    await sleep(DELAY)
    assert.match(
      await this.seen(),
      /outbound: seen at \S+ \(trace [0-9A-Z]{26}\)[^]*inbound: seen at \S+ \(trace [0-9A-Z]{26}\)/,
    )
    await this.halfAnHour()
    await this.step('finish')
    if (what === 'word') await this.runScript()
    await sleep(DELAY)
  }

  /** Ends the traffic and looks at every mail of it. */
  async judge(): Promise<void> {
    this.#ending = true
    await this.#traffic
    const { exchange, world, gateway } = this.stage
    const arrivedOut = (id: string) => world.received().filter(({ raw }) => fieldOf(raw, 'message-id') === id)
    const arrivedIn = (id: string) =>
      exchange.mailbox(ALICE).filter(({ message }) => message.value('Message-ID') === id)
    const until = Date.now() + 40_000
    const isDone = () =>
      this.outbound.every((id) => arrivedOut(id).length > 0) &&
      this.inbound.every((id) => arrivedIn(id).length > 0)
    while (!isDone() && Date.now() < until) await sleep(250)
    // What came twice would come soon.
    await sleep(1000)
    const { problems } = this
    for (const id of [...this.outbound, ...this.inbound]) {
      const passes = exchange.passes(id)
      if (passes !== 2) problems.push(`${id}: ${passes} passes`)
    }
    const raws: [string, string][] = []
    for (const id of this.outbound) {
      const copies = arrivedOut(id)
      if (copies.length !== 1) problems.push(`${id}: arrived ${copies.length} times outside`)
      for (const { raw } of copies) {
        raws.push([id, raw.toString('latin1')])
        if (!/^multipart\/signed/.test(fieldOf(raw, 'content-type') ?? '')) problems.push(`${id}: not signed`)
      }
    }
    for (const id of this.inbound) {
      const copies = arrivedIn(id)
      if (copies.length !== 1) problems.push(`${id}: arrived ${copies.length} times inside`)
      for (const { message } of copies) {
        const raw = message.raw
        raws.push([id, raw.toString('latin1')])
        if (fieldOf(raw, 'x-siegel-pass') === undefined) problems.push(`${id}: did not pass the gateway`)
      }
    }
    for (const [id, raw] of raws)
      for (const value of this.hidden) if (raw.includes(value)) problems.push(`${id}: shows a secret or word`)
    problems.push(...exchange.queue().map(({ lastError }) => `waits: ${lastError ?? ''}`))
    const logged = gateway.log.filter(({ event }) => event === 'refused' || event === 'alarm')
    problems.push(...logged.map((line) => JSON.stringify(line)))
    assert.ok(this.outbound.length > 10 && this.inbound.length > 10)
    assert.deepEqual(problems, [])
  }
}

async function openScene(): Promise<Scene> {
  const stage = await openStage(
    { preset: 'recommended', propagationDelay: DELAY, retryDelay: 300 },
    (built) => {
      built.addEmployee(ALICE)
    },
  )
  const scene = new Scene(stage)
  await scene.setUp()
  return scene
}

for (const what of ['secret', 'word'] as const)
  describe(`a ${what} is changed while mail goes both ways`, () => {
    let scene: Scene
    before(async () => {
      scene = await openScene()
      scene.begin()
    })
    after(() => scene.stage.close())

    it('goes through all steps and forgets the old value', async () => {
      const old = await scene.script()
      await scene.step(what)
      assert.match((await scene.rotate('finish')).err, /not confirmed yet/)
      await sleep(DELAY)
      await scene.complete(what)
      assert.notEqual(await scene.script(), old)
      assert.match(
        (await scene.rotate('status', '--language', 'de')).out,
        /es läuft kein Wechsel[^]*gelten bis/,
      )
    })

    for (const point of ['begun', 'the script is run', 'confirmed'])
      it(`is aborted when ${point}: all is as before`, async () => {
        const before = await scene.script()
        await scene.step(what)
        if (point !== 'begun') {
          const state = await scene.runScript()
          if (point === 'confirmed') await scene.step('confirm', '--state', state)
          await sleep(point === 'confirmed' ? 2 * DELAY : 0)
        }
        await scene.step('abort')
        await scene.complete(what)
        assert.equal(await scene.script(), before)
      })

    it('loses, refuses, doubles and shows nothing', () => scene.judge())
  })

describe('mail that waits while secrets and words are changed', () => {
  let scene: Scene
  before(async () => {
    scene = await openScene()
  })
  after(() => scene.stage.close())

  it('is taken with the old secret, and goes out with the new word', async () => {
    const { stage } = scene
    const { exchange, gateway } = stage
    // In the gateway: Exchange Online does not take it back.
    exchange.setFaults({ overrides: [{ at: 'END', reply: '451 4.7.0 not now' }] })
    const inGateway = scene.sendOut()
    await gateway.waitForLog(({ event }) => event === 'deferred', 20_000)
    // In Exchange Online: the gateway cannot be reached.
    exchange.setHost(CONTOSO.fqdn, { host: '127.0.0.1', port: await freePort() })
    const inExchange = scene.sendOut()
    exchange.dropConnections()
    for (let attempt = 0; exchange.queue().length === 0 && attempt < 40; attempt++) await sleep(250)
    await scene.step('word')
    await scene.step('confirm', '--state', await scene.runScript())
    exchange.propagate()
    await scene.halfAnHour()
    assert.match((await scene.rotate('finish')).err, /no outbound mail with the new secret has come/)
    assert.match(
      await scene.step('finish', '--force'),
      /warning: no outbound mail[^]*warning: no inbound mail/,
    )
    await scene.runScript()
    exchange.propagate()
    exchange.setFaults({})
    exchange.setHost(CONTOSO.fqdn, { host: '127.0.0.1', port: gateway.config.port })
    exchange.retryNow()
    for (const id of [inGateway, inExchange]) {
      const [trace] = gateway.json(['trace', 'find', '--message-id', id]) as { mailId: string }[]
      if (trace !== undefined) await scene.command('queue', 'release', trace.mailId)
      const { raw } = await stage.world.waitFor((mail) => fieldOf(mail.raw, 'message-id') === id, 30_000)
      assert.match(fieldOf(raw, 'content-type') ?? '', /^multipart\/signed/)
      assert.equal(exchange.passes(id), 2)
    }
    const [waited] = gateway.json(['trace', 'find', '--message-id', inGateway]) as { mailId: string }[]
    assert.match((await scene.command('trace', 'show', waited?.mailId ?? '')).out, /made anew/)
    await scene.step('forget')
  })
})

describe('a tenant without secrets', () => {
  let stage: Stage
  before(async () => {
    stage = await openStage({ preset: 'as-documented' })
  })
  after(() => stage.close())

  it('has nothing to change, and nothing changes', async () => {
    const scene = new Scene(stage)
    const before = (await scene.command('export')).out
    for (const what of ['secret', 'word']) {
      const { status, err } = await scene.rotate(what, '--language', 'de')
      assert.equal(status, 2)
      assert.match(err, /nur mit der Vorgabe recommended/)
    }
    const ofSecrets = (text: string) => text.replaceAll(/sealed:\S+/g, '')
    assert.equal(ofSecrets((await scene.command('export')).out), ofSecrets(before))
  })
})
