/**
 * The thread that mutates and checks. What it is at stands in shared memory, so that the main thread can save the input of
 * one that hangs or dies.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { check } from './check.ts'
import { mutate, randomOf } from './mutate.ts'
import { readMaterial, type Seed } from './seeds.ts'
import { INPUT_LIMIT, MEMORY_LIMIT, STATE, type Found, type Task } from './task.ts'

const task = workerData as Task // set by main.ts
const material = readMaterial(task.material)
const state = new Float64Array(task.state)
const shared = Buffer.from(task.input)
const all = material.seeds.map(({ bytes }) => bytes)

function report(found: Found): void {
  parentPort?.postMessage(found)
}

/** The input of one case and what it was made of; the first cases are the seeds themselves. */
function inputOf(index: number): { readonly seed: Seed; readonly bytes: Buffer } | null {
  const random = randomOf(task.seed, index)
  const seed = material.seeds[index < material.seeds.length ? index : random(material.seeds.length)]
  if (seed === undefined) return null
  const bytes = index < material.seeds.length ? seed.bytes : mutate(seed.bytes, random, all)
  return { seed, bytes: bytes.subarray(0, INPUT_LIMIT) }
}

function memory(): number {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return heapUsed + Math.max(external, arrayBuffers)
}

const base = memory()
for (let index = task.from; index < task.to; index++) {
  const made = inputOf(index)
  if (made === null) break
  made.bytes.copy(shared)
  state[STATE.length] = made.bytes.length
  state[STATE.index] = index
  state[STATE.started] = Date.now()
  try {
    check(made.bytes, made.seed, material)
  } catch (error) {
    const words = error instanceof Error ? (error.stack ?? error.message) : String(error)
    report({ index, name: made.seed.name, words })
  }
  state[STATE.started] = 0
  if (memory() - base > MEMORY_LIMIT)
    report({ index, name: made.seed.name, words: 'more than 256 MiB of memory' })
}
