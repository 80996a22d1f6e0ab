// What the Exchange cmdlets work on: one tenant as its administrator sees it. Types, and the errors they share.
import type { TenantConfig } from '../config.ts'
import type { ExchangeEvent } from '../core.ts'
import { CmdletError } from '../powershell/errors.ts'
import type { DryRun, ForkDecision } from '../transport.ts'

/** A connector's validation: one step. */
export interface ValidationStep {
  /** What was tried. */
  task: string
  /** Whether it succeeded. */
  succeeded: boolean
  /** The reply, or why it failed. */
  detail: string
}

/** The administrator's session. */
export interface Session {
  /** Whether the cmdlets of Exchange are there. */
  connected: boolean
  /** The tenant as it is configured. */
  tenant(): TenantConfig
  /** Changes it. */
  change(config: TenantConfig): void
  /** Whether another tenant has the domain. */
  taken(domain: string): boolean
  /** Sends the validation mail through a connector and tells what became of it. */
  validate(connector: string, recipients: string[]): Promise<ValidationStep[]>
  /** What the rules would do. */
  dryRun(run: DryRun): ForkDecision[]
  /** Puts a report into a mailbox. */
  deliverReport(to: string, text: string): void
  /** What has happened so far. */
  events(): ExchangeEvent[]
}

/** Name of the directory server in messages. */
const DIRECTORY = 'DB8P193A006DC05.EURP193A006.PROD.OUTLOOK.COM'

/** The error for an object that is not there. */
export function notFound(identity: string): CmdletError {
  return new CmdletError(
    `The operation couldn't be performed because object '${identity}' couldn't be found on '${DIRECTORY}'.`,
    'ManagementObjectNotFoundException',
  )
}

/** The error for a text that is too long. Throws if it is. */
export function checkLength(value: string, most: number): void {
  if (value.length <= most) return
  throw new CmdletError(
    `The length of the property is too long. The maximum length is ${most} and the length of the value provided is ${value.length}.`,
    'DataValidationException',
  )
}

/** The one of that name. Throws if it is not there. */
export function byName<T extends { name: string }>(list: readonly T[], identity: string): T {
  const found = list.find((one) => one.name.toLowerCase() === identity.toLowerCase())
  if (!found) throw notFound(identity)
  return found
}
