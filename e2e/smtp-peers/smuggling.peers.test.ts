/**
 * Contents that one server takes for the end of a mail and another does not, through the gateway to each next hop: of each mail exactly
 * one arrives, or one notice says why none does, and what stands behind the false end is never a mail of its own. And recipients that a
 * hop refuses, for now or for good, beside one that it takes. Needs root and scripts/install-peers.sh.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { callGateway } from '../stage/stranger.ts'
import type { Collected } from './collector.ts'
import { aliceOf, ALL_HOPS, openScene, tenantHeader, type HopName, type Scene } from './scene.ts'

const BOB = 'bob@world.example'
const EVIL = 'evil@smuggled.example'
const SMUGGLED = `MAIL FROM:<${EVIL}>\r\nRCPT TO:<${EVIL}>\r\nDATA\r\nSubject: smuggled\r\n\r\nevil\r\n.\r\n`

/** A name, what stands between text and smuggled commands, and whether it has line ends or octets that DATA cannot carry. */
const FORMS: readonly (readonly [string, string, boolean])[] = [
  ['a bare CR', 'a\rb', true],
  ['a bare LF', 'a\nb', true],
  ['LF . LF', '\n.\n', true],
  ['LF . CRLF', '\n.\r\n', true],
  ['CRLF . LF', '\r\n.\n', true],
  ['CR . CR', '\r.\r', true],
  ['CR . CRLF', '\r.\r\n', true],
  ['CRLF . CR', '\r\n.\r', true],
  ['CRLF . CR CRLF', '\r\n.\r\r\n', true],
  ['LF LF . CRLF', '\n\n.\r\n', true],
  ['NUL', 'a\0b\r\n', true],
  ['CRLF . NUL CRLF', '\r\n.\0\r\n', true],
  ['the true end as content', '\r\n.\r\n', false],
  ['two true ends', '\r\n.\r\n.\r\n', false],
  ['doubled dots', '\r\n..\r\n...\r\n.. x\r\n', false],
  ['a long line before the end', `${'x'.repeat(100_000)}\r\n.\r\n`, false],
  ['a dot at the border of 64 KiB', `${'x'.repeat(63 * 1024)}\r\n${'.\r\n'.repeat(800)}`, false],
]
/** Ends of a whole mail. */
const ENDS = ['', '.', '\r', '\r\n.', '\r\n.\r', '\r\n.\r\n', '.\r\n'] as const

let numbers = 0

describe('contents with false ends, and refused recipients', () => {
  let scene: Scene
  before(async () => {
    scene = await openScene()
  })
  after(() => scene.close())

  const about = (text: string): Collected[] =>
    scene.collector.collected.filter(({ content }) => content.includes(text))

  /** Gives a mail to the gateway as Exchange Online does; gives its Message-ID. */
  async function give(hop: HopName, body: string, to: readonly string[] = [BOB]): Promise<string> {
    const id = `<${++numbers}.${process.pid}@smuggling.example>`
    const head = `${tenantHeader(hop)}From: <${aliceOf(hop)}>\r\nTo: <${BOB}>\r\nSubject: s\r\nMessage-ID: ${id}\r\n\r\n`
    const { last } = await callGateway(
      { port: scene.gateway.config.port, client: scene.client },
      { sender: aliceOf(hop), recipients: to, raw: Buffer.from(head + body) },
    )
    assert.match(last, /^250 2\.6\.0 /)
    return id
  }

  async function arrivalOf(id: string): Promise<Collected> {
    try {
      return await scene.collector.waitFor(({ content }) => content.includes(id), 20_000)
    } catch (error) {
      throw new Error((await scene.postfix.log()).slice(-5000), { cause: error })
    }
  }

  for (const hop of ALL_HOPS) {
    it(`${hop}: of every content exactly one mail arrives, and none that was smuggled in`, async () => {
      const given: { readonly name: string; readonly id: string; readonly needsChunking: boolean }[] = []
      for (const [name, form, needsChunking] of FORMS)
        given.push({ name, needsChunking, id: await give(hop, `before${form}${SMUGGLED}after\r\n`) })
      for (const end of ENDS)
        given.push({
          name: `ends with ${JSON.stringify(end)}`,
          needsChunking: end.endsWith('\r'),
          id: await give(hop, `text${end}`),
        })
      for (const { id, name, needsChunking } of given) {
        const { mail, content } = await arrivalOf(id)
        // A hop without CHUNKING cannot be given such a mail, and Siegel mends none: its sender is told.
        const isNotice = hop === 'node' && needsChunking
        assert.equal(mail.startsWith('MAIL FROM:<>'), isNotice, `${name}: ${mail}`)
        if (isNotice) assert.match(content.toString('latin1'), /Status: 5\.6\.11/, name)
      }
      // What was smuggled would have come before this one.
      await arrivalOf(await give(hop, 'the last\r\n'))
      await sleep(500)
      for (const { id, name } of given) assert.equal(about(id).length, 1, name)
      const strange = scene.collector.collected.filter((one) => one.mail.includes(EVIL))
      assert.deepEqual(strange, [])
    })

    it(`${hop}: one recipient refused for good, one for now, one taken: three outcomes, and nothing twice`, async () => {
      const nobody = 'nobody@world.example'
      const later = 'later@world.example'
      const id = await give(hop, 'x\r\n', [nobody, later, BOB])
      const { rcpt } = await arrivalOf(id)
      assert.deepEqual(
        rcpt.map((command) => /<(.*)>/.exec(command)?.[1]),
        [BOB],
      )
      const traced = () => {
        const [found] = scene.gateway.json(['trace', 'find', '--message-id', id]) as {
          mailId: string
          recipients: { address: string; state: string }[]
        }[]
        assert.ok(found)
        const text = JSON.stringify(scene.gateway.json(['trace', 'show', found.mailId]))
        const states = Object.fromEntries(found.recipients.map(({ address, state }) => [address, state]))
        return { states, attempts: text.split('come again').length - 1 }
      }
      for (let i = 0; traced().attempts < 3 && i < 15; i++) await sleep(500)
      const { states, attempts } = traced()
      assert.deepEqual(states, { [BOB]: 'delivered', [later]: 'queued', [nobody]: 'bounced' })
      assert.ok(attempts >= 3, `${attempts} attempts`)
      await scene.collector.waitFor((one) => one.mail.startsWith('MAIL FROM:<>') && one.content.includes(id))
      // Once the mail, once the notice; the further attempts were for one recipient only.
      assert.deepEqual(
        about(id).map(({ mail }) => mail.startsWith('MAIL FROM:<>')),
        [false, true],
      )
    })
  }
})
