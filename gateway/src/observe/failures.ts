/**
 * The failures that the store reports to every step of the path, as classes that can be told apart at run time.
 * A leaf: it lies here, and not beside the ports, because the store may see of those only their types.
 * No logic, no texts for peers: what a peer hears is decided where the failure is caught.
 */

/** The disk (or database) could not take or give something. Temporary: the peer hears 452 4.3.1 or 451 4.3.0. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  /** `full` for no space or quota, else `failed`. */
  readonly kind: 'full' | 'failed'

  /**
   * @param kind - `full` for no space or quota, else `failed`
   * @param message - for the operator
   * @param options - the cause
   */
  constructor(kind: 'full' | 'failed', message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }
}

/** A stored body is missing, cut short or altered. Permanent for this body: the mail is held and alarmed. */
export class BodyDamaged extends Error {
  override readonly name = 'BodyDamaged'
}

/** The lease on a mail was lost to another worker: this turn's work must not be written. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost'
}

/**
 * Why the store refuses. All are permanent until an operator acts.
 * master-key-missing, master-key-malformed, master-key-wrong: no start. schema-newer, schema-altered: another release wrote
 * the database. data-incomplete: the database is gone beside old mail, or lost its keys. secret-damaged: a sealed value was
 * altered. tenant-unknown, tenant-has-mail: a change of the configuration that cannot be made. configuration-moved: it was
 * worked out from a version that is no longer the current one.
 * server-running: another server holds the data folder. directory-incomplete: two imports of one directory ran at the same time.
 */
export type StoreRefusal =
  | 'master-key-missing'
  | 'master-key-malformed'
  | 'master-key-wrong'
  | 'schema-newer'
  | 'schema-altered'
  | 'data-incomplete'
  | 'secret-damaged'
  | 'tenant-unknown'
  | 'tenant-has-mail'
  | 'configuration-moved'
  | 'server-running'
  | 'directory-incomplete'

/** The store refuses, on purpose and until an operator acts; nothing was changed. */
export class StoreRefused extends Error {
  override readonly name = 'StoreRefused'
  readonly code: StoreRefusal

  /**
   * @param code - stable code of the reason
   * @param message - for the operator; holds no secret
   * @param options - the cause
   */
  constructor(code: StoreRefusal, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
