// CLIXML, the file format of Export-Clixml, for the kinds of values there are here.
import { Item, Table, textOf } from './values.ts'
import type { Value } from './values.ts'

const NAMESPACE = 'http://schemas.microsoft.com/powershell/2004/04'

/** Values as a CLIXML document. */
export function toClixml(values: readonly Value[]): string {
  let id = 0
  const object = (name: string, type: string, body: string): string =>
    `<Obj${name} RefId="${id}"><TN RefId="${id++}"><T>${escaped(type)}</T></TN>${body}</Obj>`
  const write = (value: Value, key?: string): string => {
    const name = key === undefined ? '' : ` N="${escaped(key)}"`
    if (value === null) return `<Nil${name} />`
    if (typeof value === 'boolean') return `<B${name}>${String(value)}</B>`
    if (typeof value === 'number')
      return Number.isInteger(value) ? `<I64${name}>${value}</I64>` : `<Db${name}>${value}</Db>`
    if (typeof value === 'string') return `<S${name}>${escaped(value)}</S>`
    if (value instanceof Date) return `<DT${name}>${value.toISOString()}</DT>`
    if (Array.isArray(value)) {
      return object(name, 'System.Object[]', `<LST>${value.map((one) => write(one)).join('')}</LST>`)
    }
    if (value instanceof Table) {
      const entries = value
        .entries()
        .map(([one, item]) => `<En>${write(one, 'Key')}${write(item, 'Value')}</En>`)
      return object(name, 'System.Collections.Hashtable', `<DCT>${entries.join('')}</DCT>`)
    }
    if (value instanceof Item) {
      const text = value.text === undefined ? '' : `<ToString>${escaped(value.text)}</ToString>`
      return object(name, value.type, `${text}<MS>${value.entries().map(([one, item]) => write(item, one)).join('')}</MS>`) // prettier-ignore
    }
    return `<S${name}>${escaped(textOf(value))}</S>`
  }
  const body = values.map((value) => `  ${write(value)}\n`).join('')
  return `<Objs Version="1.1.0.1" xmlns="${NAMESPACE}">\n${body}</Objs>\n`
}

/** The values of a document that {@link toClixml} has written. Throws if it is none. */
export function fromClixml(text: string): Value[] {
  if (!text.startsWith('<Objs ')) throw new Error('The file is no CLIXML.')
  const root = new Reader(text).element()
  return root.children.map(read)
}

interface Element {
  tag: string
  name: string | undefined
  text: string
  children: Element[]
}

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  element(): Element {
    const open = this.#match(/\s*<(\w+)([^>]*?)(\/?)>/y)
    const name = /\bN="([^"]*)"/.exec(open[2] ?? '')?.[1]
    const made: Element = { tag: open[1] ?? '', name: name === undefined ? undefined : unescaped(name), text: '', children: [] } // prettier-ignore
    if (open[3] === '/') return made
    for (;;) {
      made.text += unescaped(this.#match(/[^<]*/y)[0])
      if (this.#text.startsWith('</', this.#at)) {
        this.#match(/<\/\w+>/y)
        return made
      }
      made.children.push(this.element())
    }
  }

  #match(pattern: RegExp): RegExpExecArray {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (!found) throw new Error('The file is no CLIXML.')
    this.#at += found[0].length
    return found
  }
}

function read(element: Element): Value {
  const child = (tag: string): Element | undefined => element.children.find((one) => one.tag === tag)
  switch (element.tag) {
    case 'Nil':
      return null
    case 'B':
      return element.text === 'true'
    case 'I64':
    case 'I32':
    case 'Db':
      return Number(element.text)
    case 'DT':
      return new Date(element.text)
    case 'S':
      return element.text
    default:
  }
  const type = child('TN')?.children[0]?.text ?? ''
  const list = child('LST')
  if (list) return list.children.map(read)
  const dictionary = child('DCT')
  if (dictionary) {
    return new Table(dictionary.children.map(({ children: [key, value] }): [string, Value] => [key?.text ?? '', value ? read(value) : null])) // prettier-ignore
  }
  const members = (child('MS')?.children ?? []).map((one): [string, Value] => [one.name ?? '', read(one)])
  return new Item(
    type.startsWith('Deserialized.') ? type : `Deserialized.${type}`,
    members,
    child('ToString')?.text,
  )
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replace(
      /[\0-\u001F]/g,
      (character) => `_x${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}_`,
    )
}

function unescaped(text: string): string {
  return text
    .replace(/_x([0-9A-F]{4})_/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    .replaceAll('&quot;', '"')
    .replaceAll('&gt;', '>')
    .replaceAll('&lt;', '<')
    .replaceAll('&amp;', '&')
}
