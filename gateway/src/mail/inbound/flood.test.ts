/**
 * What comes in tiny pieces costs no more than a fixed multiple for each octet, and no more calls of the store than other mail:
 * counted in operations where they can be counted, else compared in CPU time with a wide margin.
 */
import assert from 'node:assert/strict'
import test from 'node:test'

import { BodySink } from './body-sink.ts'
import { resolveOptions } from './options.ts'
import { Reception } from './reception.ts'
import { CONTEXT, startRig } from './testing/rig.ts'
import { TestStore } from './testing/store.ts'

const OPTIONS = resolveOptions({
  address: '127.0.0.1',
  port: 0,
  fqdn: 'gateway.example',
  secureContext: () => CONTEXT,
  log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
})

const LINE = `${'QUJDREVGR0hJ'.repeat(6)}\r\n`

function reception(store: TestStore): Reception {
  return new Reception(
    {
      id: 'id',
      via: 'DATA',
      peer: { address: '127.0.0.1', port: 1, helo: 'x', tls: null },
      extended: true,
      envelope: {
        sender: '',
        smtpUtf8: false,
        body: null,
        returnContent: null,
        envelopeId: null,
        recipients: [{ address: 'a@b', notify: null, originalRecipient: null }],
      },
    },
    OPTIONS,
    store,
  )
}

/** Feeds a mail in pieces of a size; tells CPU microseconds for each octet and the number of writes. */
function feed(unit: string, size: number): { cost: number; writes: number } {
  const store = new TestStore()
  const mail = Buffer.from(`A: b\r\n\r\n${unit.repeat(Math.ceil(100_000 / unit.length))}\r\n.\r\n`, 'latin1')
  const pieces: Buffer[] = []
  for (let at = 0; at < mail.length; at += size) pieces.push(Buffer.from(mail.subarray(at, at + size)))
  const incoming = reception(store)
  const started = process.cpuUsage()
  for (const piece of pieces) incoming.take(piece, 0, piece.length)
  const used = process.cpuUsage(started)
  assert.ok(incoming.hasEnded())
  return { cost: (used.user + used.system) / mail.length, writes: store.bodies[0]?.writes ?? 0 }
}

test('a mail that comes octet by octet, or of dots alone, makes no more writes than other mail', () => {
  const ordinary = feed(LINE, 16_384)
  for (const [unit, size] of [
    [LINE, 1],
    ['..\r\n', 16_384],
    ['..\r\n', 1],
    ['\r\n', 3],
  ] as const) {
    assert.ok(feed(unit, size).writes <= ordinary.writes + 2, `${JSON.stringify(unit)} by ${size}`)
  }
})

test('the cost of an octet does not grow with the number of octets that came before', () => {
  // Warm up, then compare a first and a later stretch of the same flood.
  for (const unit of [LINE, '..\r\n']) feed(unit, 1)
  for (const unit of [LINE, '..\r\n', '\r\n']) {
    const store = new TestStore()
    const incoming = reception(store)
    const header = Buffer.from('A: b\r\n\r\n')
    incoming.take(header, 0, header.length)
    const stretch = (): number => {
      const started = process.cpuUsage()
      for (let i = 0; i < 60_000; i++) {
        const piece = Buffer.from([unit.charCodeAt(i % unit.length)])
        incoming.take(piece, 0, 1)
      }
      const used = process.cpuUsage(started)
      return used.user + used.system
    }
    const first = stretch()
    stretch()
    stretch()
    assert.ok(stretch() < 5 * first + 20_000, JSON.stringify(unit))
  }
})

test('small pieces are gathered, large ones passed on as they are, in order, to every body', async () => {
  const written: Buffer[][] = [[], []]
  const sink = new BodySink(
    written.map((pieces) => ({
      write: (chunk: Buffer) => {
        pieces.push(chunk.length < 16_384 ? Buffer.from(chunk) : chunk)
        return undefined
      },
      finish: () => Promise.resolve(),
      abort: () => Promise.resolve(),
    })),
  )
  const large = Buffer.alloc(20_000, 'L')
  for (let i = 0; i < 10_000; i++) void sink.write(Buffer.from('ab'))
  void sink.write(large)
  void sink.write(Buffer.from('end'))
  await sink.finish()
  for (const pieces of written) {
    assert.equal(Buffer.concat(pieces).toString(), `${'ab'.repeat(10_000)}${'L'.repeat(20_000)}end`)
    assert.equal(pieces.length, 4)
    assert.equal(pieces[2], large)
  }
})

/** The least CPU for an octet of a mail that comes in pieces as a socket gives them, in microseconds. */
function leastCost(unit: string): number {
  const mail = Buffer.from(
    `A: b\r\n\r\n${unit.repeat(Math.ceil(2_000_000 / unit.length))}\r\n.\r\n`,
    'latin1',
  )
  let least = Infinity
  for (let run = 0; run < 5; run++) {
    const pieces: Buffer[] = []
    for (let at = 0; at < mail.length; at += 16_384) pieces.push(Buffer.from(mail.subarray(at, at + 16_384)))
    const incoming = reception(new TestStore())
    const started = process.cpuUsage()
    for (const piece of pieces) incoming.take(piece, 0, piece.length)
    const used = process.cpuUsage(started)
    assert.ok(incoming.hasEnded())
    least = Math.min(least, (used.user + used.system) / mail.length)
  }
  return least
}

test('an octet of a flood of dots or empty lines costs a small fixed sum more than one of ordinary mail', () => {
  const ordinary = leastCost(LINE)
  // 20 ns: a tenth of what the same octet costs by the time it has been decrypted, sealed, synced, signed and sent on.
  for (const unit of ['..\r\n', '.x\r\n', '\r\n', '....\r\n'])
    assert.ok(
      leastCost(unit) < ordinary + 0.02,
      `${JSON.stringify(unit)}: ${leastCost(unit)} against ${ordinary}`,
    )
})

test('a mail may come in many chunks, but not in a flood of tiny or empty ones', async (t) => {
  const rig = await startRig(t, { limits: { smallChunks: 100 } })
  for (const [chunk, size] of [
    ['BDAT 1\r\nx', 1],
    ['BDAT 0\r\n', 0],
  ] as const) {
    const peer = await rig.inTransaction()
    peer.send(chunk.repeat(150))
    const replies = await peer.replies(101)
    assert.deepEqual([...new Set(replies)], ['250 2.0.0 OK', '421 4.7.0 Too many small chunks'], String(size))
    assert.ok(replies.at(-1)?.startsWith('421') === true)
    await peer.closed()
  }
  assert.equal(rig.store.mails.length, 0)
  assert.ok(rig.store.bodies.every(({ state }) => state === 'aborted'))
  const peer = await rig.inTransaction()
  const fair = `BDAT 512\r\nA: b\r\n\r\n${'x'.repeat(504)}`
  peer.send(`${fair}${`BDAT 512\r\n${'x'.repeat(512)}`.repeat(400)}BDAT 0 LAST\r\n`)
  assert.match((await peer.replies(402)).at(-1) ?? '', /^250 2\.6\.0/)
  await peer.quit()
})

test('on the wire: floods of commands, chunks and segments cost a bounded multiple of ordinary mail', async (t) => {
  const rig = await startRig(t, { limits: { idleCommands: 1_000_000, smallChunks: 1_000_000 } })
  const peer = await rig.secure()
  const cost = async (octets: Buffer, replies: number): Promise<number> => {
    const started = process.cpuUsage()
    peer.send(octets)
    await peer.replies(replies)
    const used = process.cpuUsage(started)
    return (used.user + used.system) / octets.length
  }
  const envelope = 'MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n'
  const mail = Buffer.from(`${envelope}BDAT ${LINE.length * 700} LAST\r\n${LINE.repeat(700)}`)
  const noops = Buffer.from('NOOP\r\n'.repeat(2000))
  const chunks = Buffer.from(`${envelope}${'BDAT 1\r\nx'.repeat(2000)}BDAT 0 LAST\r\n`)
  for (let i = 0; i < 10; i++) await cost(mail, 3)
  const measure = async (octets: Buffer, replies: number): Promise<number> =>
    Math.min(await cost(octets, replies), await cost(octets, replies), await cost(octets, replies))
  // Counted here are both ends, the reading of replies too; the dearest mail octet stands for the ordinary one.
  const ordinary = Math.max(await measure(mail, 3), 0.02)
  assert.ok((await measure(noops, 2000)) < 100 * ordinary)
  assert.ok((await measure(chunks, 2003)) < 100 * ordinary)
  await peer.quit()
})
