import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Copy, Delivery, QueuedMail } from './queue/ports.ts'
import { Turn } from './turn.ts'

function delivery(number: number, change: Partial<Delivery> = {}): Delivery {
  return {
    number,
    recipient: { address: `r${number}@partner.example`, notify: null, originalRecipient: null },
    state: 'waiting',
    copy: null,
    attempts: 0,
    dueAt: 10,
    expiresAt: 1000,
    delayNoticed: false,
    lastReason: null,
    lastReply: null,
    ...change,
  }
}

function queued(deliveries: Delivery[], copies: Copy[] = []): QueuedMail {
  return {
    mail: {
      id: '01JZZZZZZZZZZZZZZZZZZZZZZZ',
      tenantId: 'T',
      direction: 'outbound',
      envelope: {
        sender: '',
        smtpUtf8: false,
        body: null,
        returnContent: null,
        envelopeId: null,
        recipients: deliveries.map((entry) => entry.recipient),
      },
      receivedAt: 1,
      receivedField: '',
      peer: null,
      body: {
        size: 1,
        headerSize: 1,
        eightBit: false,
        eightBitHeader: false,
        bareLineEnds: false,
        nul: false,
        longestLine: 1,
      },
      attribution: null,
      messageId: null,
      networkMessageId: null,
      via: 'local',
    },
    plan: null,
    copies,
    deliveries,
    crashes: 0,
  }
}

const COPY: Copy = {
  number: 1,
  turn: '0123456789ab',
  treatment: { kind: 'pass' },
  size: 1,
  eightBit: false,
  eightBitHeader: false,
  bareLineEnds: false,
  longestLine: 1,
  decrypted: false,
}

describe('a turn', () => {
  it('writes only what it changed, with the last value', () => {
    const turn = new Turn(queued([delivery(0), delivery(1)]))
    turn.change(1, { state: 'queued', attempts: 1 })
    turn.change(1, { attempts: 2 })
    const { deliveries } = turn.settlement('me')
    assert.deepEqual(
      deliveries.map(({ number, state, attempts }) => [number, state, attempts]),
      [[1, 'queued', 2]],
    )
  })

  it('gives only deliveries of the state whose time has come', () => {
    const turn = new Turn(
      queued([
        delivery(0),
        delivery(1, { dueAt: 11 }),
        delivery(2, { state: 'held' }),
        delivery(3, { dueAt: null }),
      ]),
    )
    assert.deepEqual(
      turn.due('waiting', 10).map((entry) => entry.number),
      [0],
    )
  })

  it('keeps a copy as long as a delivery of it is open, and no longer', () => {
    const turn = new Turn(queued([delivery(0), delivery(1)]))
    turn.addCopy(COPY)
    turn.change(0, { copy: 1, state: 'queued' })
    turn.change(1, { copy: 1, state: 'queued' })
    turn.finish(0, 'delivered', null, null)
    assert.deepEqual(turn.copiesToKeep, [COPY])
    turn.finish(1, 'bounced', null, null)
    assert.deepEqual(turn.copiesToKeep, [])
    assert.ok(turn.finished)
    assert.deepEqual(turn.settlement('me').newCopies, [COPY])
  })

  it('numbers copies after those that are there', () => {
    const turn = new Turn(queued([delivery(0)], [{ ...COPY, number: 4 }]))
    assert.equal(turn.nextCopyNumber(), 5)
  })

  it('raises the same alarm once', () => {
    const turn = new Turn(queued([delivery(0)]))
    turn.alarm('loop', 'contoso')
    turn.alarm('loop', 'contoso')
    turn.alarm('loop', 'fabrikam')
    assert.equal(turn.settlement('me').alarms.length, 2)
  })

  it('refuses a change of a delivery that is not there', () => {
    assert.throws(() => {
      new Turn(queued([delivery(0)])).change(7, { attempts: 1 })
    }, RangeError)
  })
})
