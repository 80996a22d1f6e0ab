/** A PowerShell grammar of others (tree-sitter, airbus-cert) as the judge of the assistant's texts. */
import { createRequire } from 'node:module'
import { join, dirname } from 'node:path'
import { readFile } from 'node:fs/promises'

const require = createRequire(import.meta.url)

/** A node of a syntax tree, as far as it is needed. */
export interface SyntaxNode {
  readonly type: string
  readonly text: string
  readonly hasError: boolean
  readonly isError: boolean
  readonly isMissing: boolean
  readonly startPosition: { readonly row: number; readonly column: number }
  readonly children: readonly (SyntaxNode | null)[]
}

interface Tree {
  readonly rootNode: SyntaxNode
  delete(): void
}

interface TreeSitter {
  readonly Parser: {
    init(options: object): Promise<void>
    new (): {
      setLanguage(language: unknown): void
      parse(text: string): Tree | null
    }
  }
  readonly Language: { load(bytes: Uint8Array): Promise<unknown> }
}

/** Makes a parser: script text in, tree out, which is good until the next one is made (the grammar's memory is small). */
export async function powershellGrammar(): Promise<(text: string) => SyntaxNode> {
  const main = require.resolve('@vscode/tree-sitter-wasm')
  const { Parser, Language } = require(main) as TreeSitter
  const folder = dirname(main)
  await Parser.init({ locateFile: (name: string) => join(folder, name) })
  const parser = new Parser()
  parser.setLanguage(await Language.load(await readFile(join(folder, 'tree-sitter-powershell.wasm'))))
  let tree: Tree | null = null
  return (text) => {
    tree?.delete()
    tree = parser.parse(text.replace(/^\ufeff/, ''))
    if (tree === null) throw new Error('the grammar gave no tree')
    return tree.rootNode
  }
}

/** What the grammar does not accept, as `line:column text`. */
export function syntaxErrors(node: SyntaxNode): string[] {
  const own =
    node.isError || node.isMissing
      ? [`${node.startPosition.row + 1}:${node.startPosition.column + 1} ${node.text.slice(0, 80)}`]
      : []
  return [
    ...own,
    ...node.children.flatMap((child) =>
      child === null || !(child.hasError || child.isMissing) ? [] : syntaxErrors(child),
    ),
  ]
}
