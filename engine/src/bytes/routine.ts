/**
 * Code that is written once and runs both on bytes in memory, at once, and on bytes that have to be waited for. A routine is
 * a generator that yields the promises it waits for; with everything in memory it never yields. It knows nothing of bytes.
 * Generator functions are declared, never made inside other functions: for each new one that runs the runtime makes a hidden class,
 * which outlives the young generation and keeps all that the function closes over, a whole mail, until the next full collection.
 */

/** A value, or a promise of it. */
export type Maybe<T> = T | Promise<T>

/** A computation that may have to wait. */
export type Routine<T> = Generator<Promise<unknown>, T, unknown>

/** Waits for a value inside a routine; one that is there already is returned at once. */
export function* wait<T>(value: Maybe<T>): Routine<T> {
  // The driver gives back what this very promise resolved to.
  return value instanceof Promise ? ((yield value) as T) : value
}

/**
 * Runs a routine that never has to wait.
 * @throws TypeError when it does: then some of its bytes are not in memory
 */
export function runNow<T>(routine: Routine<T>): T {
  const step = routine.next()
  if (step.done !== true) throw new TypeError('a routine over bytes in memory has to wait')
  return step.value
}

/** Runs a routine to its end, waiting where it has to. */
export async function runWaiting<T>(routine: Routine<T>): Promise<T> {
  let step = routine.next()
  while (step.done !== true) {
    let value: unknown
    try {
      value = await step.value
    } catch (error) {
      step = routine.throw(error)
      continue
    }
    step = routine.next(value)
  }
  return step.value
}
