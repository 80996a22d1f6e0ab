// Cmdlets that write: to the screen, to the streams, as list or table.
import type { Call, Cmdlet } from '../cmdlet.ts'
import { CmdletError } from '../errors.ts'
import { display, listView, tableView } from '../format.ts'
import { Item, listOf, textOf } from '../values.ts'
import type { Value } from '../values.ts'

function text(call: Call, name: string): string {
  return listOf(call.has(name) ? call.value(name) : call.input)
    .map(textOf)
    .join(' ')
}

/** Objects from the pipeline, or those of a parameter. */
function objects(call: Call): Value[] {
  return call.has('InputObject') ? listOf(call.value('InputObject')) : call.input
}

function formatted(call: Call, view: (items: Item[], names: string[] | undefined) => string): Value[] {
  const items = objects(call)
  const shown = items.filter((one) => one instanceof Item)
  const others = items.filter((one) => !(one instanceof Item)).map((one) => display(one) ?? '')
  return shown.length > 0 ? [...others, view(shown, call.list('Property'))] : others
}

const PROPERTY = { name: 'Property', kind: 'string[]', position: 0 } as const
const INPUT = { name: 'InputObject', kind: 'any' } as const

/** The cmdlets. */
export const OUTPUT: readonly Cmdlet[] = [
  {
    name: 'Write-Host',
    parameters: [
      { name: 'Object', kind: 'any', position: 0 },
      { name: 'ForegroundColor', kind: 'string' },
      { name: 'BackgroundColor', kind: 'string' },
      { name: 'NoNewline', kind: 'switch' },
      { name: 'Separator', kind: 'string' },
    ],
    rest: 'Object',
    run: (call) => {
      call.say(text(call, 'Object'))
      return []
    },
  },
  {
    name: 'Write-Output',
    aliases: ['echo'],
    parameters: [
      { name: 'InputObject', kind: 'any', position: 0 },
      { name: 'NoEnumerate', kind: 'switch' },
    ],
    rest: 'InputObject',
    run: (call) => (call.flag('NoEnumerate') ? [call.value('InputObject')] : objects(call)),
  },
  {
    name: 'Write-Warning',
    parameters: [{ name: 'Message', kind: 'string', position: 0, mandatory: true }],
    perObject: 'Message',
    run: (call) => {
      call.warn(text(call, 'Message'))
      return []
    },
  },
  {
    name: 'Write-Error',
    parameters: [
      { name: 'Message', kind: 'string', position: 0, mandatory: true, aliases: ['Exception'] },
      { name: 'Category', kind: 'string' },
      { name: 'ErrorId', kind: 'string' },
    ],
    run: (call) => {
      throw new CmdletError(text(call, 'Message'), 'WriteErrorException')
    },
  },
  ...(['Verbose', 'Information', 'Debug'] as const).map((stream): Cmdlet => ({
    name: `Write-${stream}`,
    parameters: [
      { name: 'Message', kind: 'any', position: 0, aliases: ['MessageData'] },
      { name: 'Tags', kind: 'string[]' },
    ],
    run: (call) => {
      const preference = textOf(call.variable(`${stream}Preference`) ?? '')
      if (call.flag(stream) || /^continue$/i.test(preference)) {
        call.say(`${stream === 'Information' ? '' : `${stream.toUpperCase()}: `}${text(call, 'Message')}`)
      }
      return []
    },
  })),
  {
    name: 'Write-Progress',
    parameters: [
      { name: 'Activity', kind: 'string', position: 0 },
      { name: 'Status', kind: 'string', position: 1 },
      { name: 'PercentComplete', kind: 'int' },
      { name: 'Completed', kind: 'switch' },
    ],
    run: () => [],
  },
  { name: 'Out-Null', parameters: [INPUT], run: () => [] },
  {
    name: 'Out-Host',
    parameters: [INPUT],
    run: (call) => {
      for (const one of objects(call)) call.say(display(one) ?? '')
      return []
    },
  },
  {
    name: 'Out-String',
    parameters: [INPUT, { name: 'Width', kind: 'int' }],
    run: (call) => [objects(call).map((one) => `${display(one) ?? ''}\n`).join('')], // prettier-ignore
  },
  {
    name: 'Format-List',
    aliases: ['fl'],
    parameters: [PROPERTY, INPUT],
    run: (call) => formatted(call, (items, names) => items.map((item) => listView(item, names)).join('')),
  },
  {
    name: 'Format-Table',
    aliases: ['ft'],
    parameters: [PROPERTY, INPUT, { name: 'AutoSize', kind: 'switch' }, { name: 'Wrap', kind: 'switch' }],
    run: (call) => formatted(call, tableView),
  },
  {
    name: 'Read-Host',
    parameters: [
      { name: 'Prompt', kind: 'string', position: 0 },
      { name: 'AsSecureString', kind: 'switch' },
    ],
    run: () => {
      throw new CmdletError(
        'Read-Host needs a person, and this session is not interactive.',
        'PSInvalidOperationException',
      )
    },
  },
]
