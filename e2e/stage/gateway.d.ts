/** A configuration object as it stands in the file that is applied. */
export interface StageObject {
  readonly kind: string
  readonly tenant?: string
  readonly name: string
  readonly spec: object
}
/** What a gateway is started with. */
export interface GatewayConfig {
  /** Empty folder for everything. */
  readonly folder: string
  readonly fqdn: string
  readonly port: number
  /** Static host table. */
  readonly hosts: Readonly<Record<string, string>>
  /** Further settings of siegel.yaml. */
  readonly settings?: object
  /** Environment of the processes, beside the inherited one. */
  readonly environment?: Readonly<Record<string, string>>
}
/** One line of the log. */
export type LogLine = Readonly<Record<string, unknown>>
/** What a command printed. */
export interface CommandResult {
  readonly status: number
  readonly out: string
  readonly err: string
}
/** A gateway that can be started again and again on the same data. */
export declare class StageGateway {
  #private
  readonly config: GatewayConfig
  readonly log: LogLine[]
  constructor(config: GatewayConfig)
  /** The folder with database and spool. */
  get dataFolder(): string
  /** The process id while it runs. */
  get pid(): number | undefined
  /** Runs a verb of the command to its end. */
  run(verb: readonly string[]): CommandResult
  /** Runs a verb that needs the configuration, and gives its JSON. Throws when it prints none. */
  json(verb: readonly string[]): unknown
  /** Applies objects. Throws with the command's words when it refuses. */
  apply(objects: readonly StageObject[], options?: readonly string[]): void
  /** Starts it and waits until it listens. */
  start(): Promise<void>
  /** Waits for a log line, of the past too unless `fresh`. */
  waitForLog(fits: (line: LogLine) => boolean, milliseconds?: number, fresh?: boolean): Promise<LogLine>
  /** Ends it with a signal and waits until it is gone: SIGTERM drains, SIGKILL is a power cut for the process. */
  end(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
}
