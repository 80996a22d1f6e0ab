/**
 * The door of the gateway's package: what the repository's own generators need. The gateway itself is started by the command.
 */
export { configurationReference } from './config/reference.ts'
export { commandReference } from './cli/help.ts'
