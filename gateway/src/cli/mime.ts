/**
 * `siegel mime tree FILE [--bodies] --json`: the MIME structure of a mail with byte offsets and hashes of the decoded
 * bodies. Reads one file and judges nothing. Exit 0; 1 when the message exceeds a limit.
 */
import { createHash } from 'node:crypto'
import { decodeBody, EngineError, scanMessage, type MimeDefect, type MimeNode } from '@siegel/engine'
import { readInput, UsageError, type Command, type Io } from './io.ts'
import { readOptions } from './options.ts'

const USAGE = 'usage: siegel mime tree FILE [--bodies] [--json]'

/** One node as it is printed. */
interface PrintedNode {
  readonly type: string
  readonly params: Readonly<Record<string, string>>
  readonly encoding: string
  readonly start: number
  readonly bodyStart: number
  readonly end: number
  readonly parts: readonly PrintedNode[]
  /** SHA-256 of the decoded body. */
  readonly sha256: string
  /** The decoded body in base64. */
  readonly body?: string
  readonly defects: readonly MimeDefect[]
  /** True if the offsets of the parts count in the decoded body of this node, because an encoding hides their bytes. */
  readonly decoded?: true
}

/** The command `siegel mime`. */
export const mime: Command = async (args, io) => {
  const [verb, ...rest] = args
  if (verb !== 'tree') throw new UsageError(USAGE)
  const options = readOptions(rest, { bodies: { type: 'boolean' }, json: { type: 'boolean' } }, 1)
  const [file] = options.positionals
  if (file === undefined) throw new UsageError(USAGE)
  const bytes = await readInput(file, io)
  try {
    const tree = printable(bytes, scanMessage(bytes), options.has('bodies'))
    if (options.has('json')) io.out(JSON.stringify(tree))
    else print(io, tree, 0)
    return 0
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    if (options.has('json')) io.out(JSON.stringify({ error: error.code }))
    io.err(error.message)
    return 1
  }
}

function printable(bytes: Buffer, node: MimeNode, bodies: boolean): PrintedNode {
  const body = decodeBody(bytes, node)
  // RFC 6532 3.7: a message may be encoded; older mail does it against RFC 2046 5.2.1
  const hidden = /^message\/(?:rfc822|global)$/.test(node.type) && node.parts.length === 0
  return {
    type: node.type,
    params: { ...node.params },
    encoding: node.encoding,
    start: node.start,
    bodyStart: node.bodyStart,
    end: node.end,
    parts: hidden
      ? [printable(body, scanMessage(body), bodies)]
      : node.parts.map((part) => printable(bytes, part, bodies)),
    sha256: createHash('sha256').update(body).digest('hex'),
    ...(bodies ? { body: body.toString('base64') } : {}),
    defects: node.defects,
    ...(hidden ? { decoded: true } : {}),
  }
}

function print(io: Io, node: PrintedNode, depth: number): void {
  const indent = '  '.repeat(depth)
  const params = Object.entries(node.params).map(([name, value]) => `; ${name}=${JSON.stringify(value)}`)
  io.out(`${indent}${node.type}${params.join('')}`)
  const range = `${node.start}..${node.end}, body at ${node.bodyStart}, ${node.encoding}`
  io.out(
    `${indent}  ${range}, sha256 ${node.sha256}${node.decoded === true ? ', parts counted in the decoded body' : ''}`,
  )
  if (node.defects.length > 0) io.out(`${indent}  defects: ${node.defects.join(', ')}`)
  if (node.body !== undefined && node.parts.length === 0) io.out(`${indent}  ${node.body}`)
  for (const part of node.parts) print(io, part, depth + 1)
}
