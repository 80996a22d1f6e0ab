// The cmdlets of the language itself, without Exchange.
import type { Cmdlet } from '../cmdlet.ts'
import { FILES } from './files.ts'
import { MISC } from './misc.ts'
import { OUTPUT } from './output.ts'
import { PIPELINE } from './pipeline.ts'

/** All of them. */
export const BUILTINS: readonly Cmdlet[] = [...OUTPUT, ...PIPELINE, ...FILES, ...MISC]
