/**
 * What the main thread and the worker of the fuzzer share.
 */

/** Inputs are cut off here, in octets. */
export const INPUT_LIMIT = 1 << 20

/** In octets, above what the thread needs before it starts. */
export const MEMORY_LIMIT: number = 256 * 1024 * 1024

/** Slots of the shared numbers. */
export const STATE = { index: 0, started: 1, length: 2 } as const

/** What a worker gets. */
export interface Task {
  readonly material: string
  readonly seed: number
  /** The first case. */
  readonly from: number
  /** The case to stop before. */
  readonly to: number
  readonly state: SharedArrayBuffer
  readonly input: SharedArrayBuffer
}

/** Something that must not be. */
export interface Found {
  readonly index: number
  /** The seed that was mutated. */
  readonly name: string
  readonly words: string
}
