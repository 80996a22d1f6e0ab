// Time, strict mode, and what there is to call.
import type { Cmdlet } from '../cmdlet.ts'
import { CmdletError } from '../errors.ts'
import { formatDate } from '../types.ts'
import { dateOf, Item } from '../values.ts'
import { randomUUID } from 'node:crypto'

/** The cmdlets. */
export const MISC: readonly Cmdlet[] = [
  {
    name: 'Get-Date',
    parameters: [
      { name: 'Date', kind: 'any', position: 0 },
      { name: 'Format', kind: 'string' },
      { name: 'AsUTC', kind: 'switch' },
    ],
    run: (call) => {
      const at = call.has('Date') ? dateOf(call.value('Date')) : call.world.now()
      const form = call.text('Format')
      return [form === undefined ? at : formatDate(at, form)]
    },
  },
  {
    name: 'Set-StrictMode',
    parameters: [
      { name: 'Version', kind: 'string' },
      { name: 'Off', kind: 'switch' },
    ],
    run: (call) => {
      call.strict(!call.flag('Off'))
      return []
    },
  },
  {
    // Nothing here takes time, so nobody waits.
    name: 'Start-Sleep',
    parameters: [
      { name: 'Seconds', kind: 'int', position: 0 },
      { name: 'Milliseconds', kind: 'int' },
    ],
    run: () => [],
  },
  {
    name: 'Get-Command',
    parameters: [
      { name: 'Name', kind: 'string[]', position: 0 },
      { name: 'Module', kind: 'string' },
      { name: 'CommandType', kind: 'string' },
    ],
    run: (call) =>
      (call.list('Name') ?? []).flatMap((name) => {
        const found = call.command(name)
        if (found) return [new Item('System.Management.Automation.CommandInfo', [['Name', found.name], ['CommandType', found.source === 'cmdlet' ? 'Cmdlet' : 'Function']])] // prettier-ignore
        call.error(`The term '${name}' is not recognized as the name of a cmdlet, function, script file, or operable program.`, 'CommandNotFoundException') // prettier-ignore
        return []
      }),
  },
  {
    name: 'Set-Variable',
    parameters: [
      { name: 'Name', kind: 'string', position: 0, mandatory: true },
      { name: 'Value', kind: 'any', position: 1 },
    ],
    run: (call) => {
      call.setVariable(call.text('Name') ?? '', call.value('Value'))
      return []
    },
  },
  {
    name: 'Get-Variable',
    parameters: [
      { name: 'Name', kind: 'string', position: 0, mandatory: true },
      { name: 'ValueOnly', kind: 'switch' },
    ],
    run: (call) => {
      const name = call.text('Name') ?? ''
      const value = call.variable(name)
      if (value === undefined)
        throw new CmdletError(`Cannot find a variable with the name '${name}'.`, 'ItemNotFoundException')
      return [call.flag('ValueOnly') ? value : new Item('PSVariable', [['Name', name], ['Value', value]])] // prettier-ignore
    },
  },
  { name: 'New-Guid', parameters: [], run: () => [randomUUID()] },
]
