/**
 * Statements of the hot path: written with Kysely, compiled once when the module loads, bound to values by name.
 * Compiling costs more than running them.
 */
import type { Kysely } from 'kysely'
import type { Tables } from '../schema.ts'
import { compiler, sqlValues, type Compilable } from './dialect.ts'
import type { SqlValue, Step } from './messages.ts'

/** Stands for a value that is bound later. */
class Slot {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

/** A compiled statement that takes the values `A`. */
export interface Statement<A> {
  readonly sql: string
  /** The values in the order of the statement. */
  bind(values: A): SqlValue[]
  /** The statement as a step of a transaction. */
  step(values: A, options?: { rows?: boolean; expect?: string }): Step
}

/**
 * Compiles a statement.
 * @param build - writes it; `value('name')` stands for a value to be bound
 */
export function statement<A extends object>(
  build: (db: Kysely<Tables>, value: <K extends keyof A & string>(name: K) => A[K]) => Compilable,
): Statement<A> {
  // Kysely passes a parameter through without looking at it, so a slot can stand where a value of its column would.
  const { sql, parameters } = build(compiler, (name) => new Slot(name) as never).compile()
  const order = parameters.map((parameter) =>
    parameter instanceof Slot
      ? (parameter.name as keyof A) // Made above from a key of A.
      : sqlValues([parameter])[0],
  )
  const isSlot = parameters.map((parameter) => parameter instanceof Slot)
  const bind = (values: A): SqlValue[] => {
    const bound: SqlValue[] = []
    for (let i = 0; i < order.length; i += 1) {
      const entry = order[i]
      bound.push((isSlot[i] === true ? values[entry as keyof A] : entry) as SqlValue) // Checked by the types of the tables.
    }
    return bound
  }
  return { sql, bind, step: (values, options) => ({ sql, parameters: bind(values), ...options }) }
}
