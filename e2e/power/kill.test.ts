/**
 * kill -9 at random moments under load: every mail that was answered 250 arrives at the next hop in the end, a second arrival
 * only of mails that were under way at a kill; and after each kill no word of a decrypted mail stands in any file of the data
 * folder or of the folder for temporary files.
 */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startLoad } from './load.ts'
import { openRig, type Rig } from './rig.ts'

/** SIEGEL_KILLS sets another number for the long run, and SIEGEL_RESULT names a file for its figures. */
const KILLS = Number(process.env['SIEGEL_KILLS'] ?? 40)
/** The moment of a kill lies so many milliseconds at most behind the first mail of a life that was answered. */
const LONGEST_LIFE = 500
const CONNECTIONS = 6

/** Forms in which a text could stand in a file. */
function formsOf(text: string): Buffer[] {
  const inBase64 = [0, 1, 2].map((shift) => {
    const whole = Buffer.from('x'.repeat(shift) + text).toString('base64')
    // Without the first and last group, which depend on the neighbours.
    return Buffer.from(whole.slice(4, -8), 'latin1')
  })
  return [
    Buffer.from(text),
    Buffer.from(text, 'utf16le'),
    Buffer.from(text).toString('hex'),
    ...inBase64,
  ].map((form) => Buffer.from(form))
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

/** Paths of the files below a folder in which one of the forms stands. */
function filesWith(folder: string, forms: readonly Buffer[]): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => {
      const content = readFileSync(path)
      return forms.some((form) => content.includes(form))
    })
}

describe('kill -9', () => {
  let rig: Rig
  let temporary: string
  before(async () => {
    rig = await openRig((folder) => {
      temporary = join(folder, 'tmp')
      mkdirSync(temporary)
      return { TMPDIR: temporary }
    })
  })
  after(() => rig.close())

  it(`at ${KILLS} moments loses nothing and leaves no plaintext`, async (context) => {
    const { cast, certificates, gateway, sink } = rig
    const forms = formsOf(cast.canary)
    // The search finds what it must, and the next hop does get the word.
    const [plain, coded] = [join(temporary, 'plain'), join(temporary, 'coded')]
    writeFileSync(plain, `The word is ${cast.canary}.`)
    writeFileSync(coded, Buffer.from(`The word is ${cast.canary}.`).toString('base64'))
    assert.deepEqual(filesWith(temporary, forms).toSorted(), [coded, plain])
    rmSync(plain)
    rmSync(coded)
    sink.witness = cast.canary
    await gateway.start()
    const load = startLoad({
      port: gateway.config.port,
      certificates,
      cast,
      connections: CONNECTIONS,
      pause: 15,
    })
    let searched = 0
    for (let kill = 1; kill <= KILLS; kill++) {
      // In every third life the next hop defers half of the mails, so that treated copies stay in the queue.
      sink.defers = (id) => kill % 3 === 0 && Number.parseInt(id, 10) % 8 < 4
      const before = load.acknowledged.size
      // One life in five ends before it has done anything, while it takes up what the last one left.
      while (kill % 5 > 0 && load.acknowledged.size === before) await pause(5)
      await pause(Math.random() * LONGEST_LIFE)
      await gateway.end('SIGKILL')
      for (const folder of [gateway.dataFolder, temporary])
        assert.deepEqual(filesWith(folder, forms), [], `plaintext on the disk after kill ${kill}`)
      searched += readdirSync(gateway.dataFolder, { recursive: true }).length
      await gateway.start()
      if (kill % 20 === 0)
        context.diagnostic(`${kill} kills, ${load.acknowledged.size} answered, ${sink.arrived.size} arrived`)
    }
    await load.stop()
    sink.defers = () => false
    const missing = () => [...load.acknowledged.keys()].filter((id) => !sink.arrived.has(id))
    const deadline = Date.now() + 60_000
    while (missing().length > 0 && Date.now() < deadline) await pause(100)
    assert.deepEqual(missing(), [], 'answered 250 and never arrived')
    assert.deepEqual(load.refusals, [])
    assert.ok(load.acknowledged.size > KILLS * 5, `${load.acknowledged.size} mails are no load`)
    assert.ok(sink.witnessed > KILLS, `the word was in ${sink.witnessed} mails only`)
    const result = {
      kills: KILLS,
      answered: load.acknowledged.size,
      lost: 0,
      arrivedAgain: sink.doubled,
      searchedFiles: searched,
      filesWithPlaintext: 0,
    }
    context.diagnostic(JSON.stringify(result))
    const file = process.env['SIEGEL_RESULT']
    if (file !== undefined) writeFileSync(file, JSON.stringify(result))
  })
})
