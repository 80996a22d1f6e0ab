/** Tests of the limit of connections per destination. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Gate } from './gate.ts'

/** Enters and notes it. */
function queue(gate: Gate) {
  const inside: number[] = []
  return {
    inside,
    enter: (name: number) => {
      const room = gate.enter()
      if (room === undefined) inside.push(name)
      else void room.then(() => inside.push(name))
    },
  }
}
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('gate', () => {
  test('lets in up to its limit and then in order', async () => {
    const gate = new Gate(2)
    const { inside, enter } = queue(gate)
    for (const name of [1, 2, 3, 4]) enter(name)
    assert.deepEqual(inside, [1, 2])
    gate.leave()
    gate.leave()
    await turn()
    assert.deepEqual(inside, [1, 2, 3, 4])
    gate.leave()
    gate.leave()
    assert.equal(gate.empty, true)
  })

  test('halves itself when told so, never below one, and grows back with success', async () => {
    const gate = new Gate(8)
    const { inside, enter } = queue(gate)
    for (let name = 1; name <= 8; name++) enter(name)
    gate.narrow()
    for (let i = 0; i < 4; i++) gate.leave()
    enter(9)
    assert.deepEqual(inside.length, 8)
    gate.leave()
    await turn()
    assert.deepEqual(inside.length, 9)
    enter(10)
    for (let i = 0; i < 20; i++) gate.succeed()
    await turn()
    assert.deepEqual(inside.length, 10)
    for (let i = 0; i < 5; i++) gate.narrow()
    for (let i = 0; i < 5; i++) gate.leave()
    enter(11)
    assert.deepEqual(inside.length, 11)
  })
})
