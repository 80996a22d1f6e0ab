// Variables and functions by scope: a function's own, the script's, the global one. Reading looks outward.
import type { Block } from './ast.ts'
import type { Value } from './values.ts'

/** A scope. */
export class Scope {
  readonly #variables = new Map<string, Value>()
  readonly #functions = new Map<string, { name: string; block: Block }>()
  readonly parent: Scope | undefined
  readonly script: Scope
  readonly global: Scope

  constructor(parent?: Scope, isScript = false) {
    this.parent = parent
    this.global = parent?.global ?? this
    this.script = isScript || !parent ? this : parent.script
  }

  /** The value, from here outward; undefined if nobody set it. */
  get(name: string): Value | undefined {
    const own = this.own(name)
    return own === undefined ? this.parent?.get(name) : own
  }

  /** Whether the variable was set in this very scope. */
  own(name: string): Value | undefined {
    return this.#variables.get(name.toLowerCase())
  }

  /** Sets it here. */
  set(name: string, value: Value): void {
    this.#variables.set(name.toLowerCase(), value)
  }

  /** Forgets it here. */
  unset(name: string): void {
    this.#variables.delete(name.toLowerCase())
  }

  /** The scope that a prefix names. */
  named(prefix: string | undefined): Scope {
    return prefix === 'global' ? this.global : prefix === 'script' ? this.script : this
  }

  /** Defines a function here. */
  define(name: string, block: Block): void {
    this.#functions.set(name.toLowerCase(), { name, block })
  }

  /** A function, from here outward. */
  function(name: string): { name: string; block: Block } | undefined {
    return this.#functions.get(name.toLowerCase()) ?? this.parent?.function(name)
  }
}
