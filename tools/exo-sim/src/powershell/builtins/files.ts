// Cmdlets for files. There is no disk: what a script writes stays in the memory of the simulator.
import { fromClixml, toClixml } from '../clixml.ts'
import type { Call, Cmdlet, ParameterSpec } from '../cmdlet.ts'
import { CmdletError } from '../errors.ts'
import { display } from '../format.ts'
import { Item, listOf, Table, textOf } from '../values.ts'
import type { Value } from '../values.ts'

const PATH: ParameterSpec = { name: 'Path', kind: 'string', position: 0, mandatory: true, aliases: ['LiteralPath', 'FilePath'] } // prettier-ignore
const INPUT: ParameterSpec = { name: 'InputObject', kind: 'any', aliases: ['Value'], position: 1 }
const WRITING: ParameterSpec[] = [
  { name: 'Encoding', kind: 'string' },
  { name: 'Force', kind: 'switch' },
  { name: 'NoClobber', kind: 'switch' },
]

function path(call: Call, name = 'Path'): string {
  return (call.text(name) ?? '').replaceAll('\\', '/').replace(/^\.\//, '')
}

function write(call: Call, text: string): Value[] {
  const file = path(call)
  if (call.flag('NoClobber') && call.world.files.has(file))
    throw new CmdletError(`The file '${file}' already exists.`, 'IOException')
  if (call.shouldProcess(file, 'Performing the operation "Output to File" on target')) {
    const before = call.flag('Append') ? (call.world.files.get(file) ?? '') : ''
    call.world.files.set(file, before + text)
  }
  return []
}

function read(call: Call): string {
  const text = call.world.files.get(path(call))
  if (text === undefined)
    throw new CmdletError(`Could not find file '${path(call)}'.`, 'FileNotFoundException')
  return text
}

function lines(call: Call): string {
  const values = call.has('InputObject') ? listOf(call.value('InputObject')) : call.input
  return values.map((one) => `${display(one) ?? ''}\n`).join('')
}

function json(value: Value): unknown {
  if (value instanceof Table || value instanceof Item) {
    return Object.fromEntries(value.entries().map(([name, one]) => [name, json(one)]))
  }
  if (Array.isArray(value)) return value.map(json)
  return value instanceof Date
    ? value.toISOString()
    : typeof value === 'object' && value !== null
      ? textOf(value)
      : value
}

function fromJson(value: unknown): Value {
  if (Array.isArray(value)) return value.map(fromJson)
  if (typeof value === 'object' && value !== null) {
    return new Item('System.Management.Automation.PSCustomObject', Object.entries(value).map(([name, one]): [string, Value] => [name, fromJson(one)])) // prettier-ignore
  }
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null
}

/** The cmdlets. */
export const FILES: readonly Cmdlet[] = [
  {
    name: 'Export-Clixml',
    parameters: [PATH, INPUT, { name: 'Depth', kind: 'int' }, ...WRITING],
    shouldProcess: true,
    run: (call) =>
      write(call, toClixml(call.has('InputObject') ? listOf(call.value('InputObject')) : call.input)),
  },
  { name: 'Import-Clixml', parameters: [PATH], run: (call) => fromClixml(read(call)) },
  {
    name: 'Out-File',
    parameters: [PATH, INPUT, { name: 'Append', kind: 'switch' }, ...WRITING],
    shouldProcess: true,
    run: (call) => write(call, lines(call)),
  },
  {
    name: 'Set-Content',
    parameters: [PATH, INPUT, ...WRITING],
    shouldProcess: true,
    run: (call) => write(call, lines(call)),
  },
  {
    name: 'Add-Content',
    parameters: [PATH, INPUT, { name: 'Append', kind: 'switch' }, ...WRITING],
    shouldProcess: true,
    run: (call) => {
      const file = path(call)
      call.world.files.set(file, (call.world.files.get(file) ?? '') + lines(call))
      return []
    },
  },
  {
    name: 'Get-Content',
    parameters: [PATH, { name: 'Raw', kind: 'switch' }, { name: 'Encoding', kind: 'string' }],
    run: (call) => (call.flag('Raw') ? [read(call)] : read(call).replace(/\n$/, '').split('\n')),
  },
  {
    name: 'Test-Path',
    parameters: [PATH, { name: 'PathType', kind: ['Any', 'Container', 'Leaf'] }],
    run: (call) => {
      const wanted = path(call).replace(/\/$/, '')
      return [
        wanted === '.' ||
          [...call.world.files.keys()].some((file) => file === wanted || file.startsWith(`${wanted}/`)),
      ]
    },
  },
  {
    name: 'New-Item',
    parameters: [
      PATH,
      { name: 'ItemType', kind: ['Directory', 'File'], aliases: ['Type'] },
      { name: 'Force', kind: 'switch' },
      { name: 'Value', kind: 'string' },
    ],
    shouldProcess: true,
    run: (call) => {
      const file = path(call)
      if (call.text('ItemType') !== 'Directory') call.world.files.set(file, call.text('Value') ?? '')
      return [new Item('System.IO.FileSystemInfo', [['Name', file.split('/').at(-1) ?? file], ['FullName', file]], file)] // prettier-ignore
    },
  },
  {
    name: 'Join-Path',
    parameters: [PATH, { name: 'ChildPath', kind: 'string', position: 1, mandatory: true }],
    run: (call) => [[path(call), path(call, 'ChildPath')].filter((part) => part !== '').join('/').replace(/\/{2,}/g, '/')], // prettier-ignore
  },
  {
    name: 'Split-Path',
    parameters: [PATH, { name: 'Parent', kind: 'switch' }, { name: 'Leaf', kind: 'switch' }],
    run: (call) => {
      const parts = path(call).split('/')
      return [call.flag('Leaf') ? (parts.at(-1) ?? '') : parts.slice(0, -1).join('/')]
    },
  },
  {
    name: 'ConvertTo-Json',
    parameters: [
      { ...INPUT, position: 0 },
      { name: 'Depth', kind: 'int' },
      { name: 'Compress', kind: 'switch' },
    ],
    run: (call) => {
      const values = call.has('InputObject') ? [call.value('InputObject')] : call.input
      const whole = values.length === 1 ? json(values[0] ?? null) : values.map(json)
      return [JSON.stringify(whole, null, call.flag('Compress') ? 0 : 2)]
    },
  },
  {
    name: 'ConvertFrom-Json',
    parameters: [{ ...INPUT, position: 0 }],
    run: (call) => {
      const text = (call.has('InputObject') ? listOf(call.value('InputObject')) : call.input)
        .map(textOf)
        .join('\n')
      try {
        return listOf(fromJson(JSON.parse(text)))
      } catch {
        throw new CmdletError('Conversion from JSON failed.', 'ArgumentException')
      }
    },
  },
  ...['Start-Transcript', 'Stop-Transcript'].map((name): Cmdlet => ({
    name,
    parameters: [{ ...PATH, mandatory: false }, { name: 'Append', kind: 'switch' }, ...WRITING],
    run: () => [],
  })),
]
