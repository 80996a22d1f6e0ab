/**
 * MIME: trees and decoded bodies byte for byte where the origin gives them (mime4j, Stalwart), decoded bodies of the files
 * beside the mails, and for tortured messages that they are read within the limits, with ranges that nest.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import type { Case, Suite } from '../case.ts'
import { scratchFile, siegel } from '../siegel.ts'

interface Node {
  readonly type: string
  readonly encoding: string
  readonly params: Readonly<Record<string, string>>
  readonly start: number
  readonly bodyStart: number
  readonly end: number
  readonly parts: readonly Node[]
  readonly body: string
  readonly decoded?: boolean
}

async function treeOf(path: string): Promise<Node> {
  const answer = await siegel(['mime', 'tree', path, '--bodies', '--json'])
  if (answer.code !== 0) throw new Error(`exit ${answer.code} ${answer.words}`)
  return answer.json as unknown as Node // our own JSON
}

/** Bodies that are not multiparts or messages, in order. */
function leavesOf(node: Node): readonly Node[] {
  if (node.parts.length > 0) return node.parts.flatMap(leavesOf)
  return node.type.startsWith('multipart/') ? [] : [node]
}

function filesBelow(folder: string, pick: (name: string) => boolean): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => pick(name) && statSync(join(folder, name)).isFile())
    .sort()
}

/** `X_decoded.xml` names the decoded bodies of `X.msg` in order. */
function mime4jCase(folder: string, name: string): Case {
  const stem = join(folder, name.slice(0, -4))
  return {
    name,
    run: async () => {
      const expected = readFileSync(`${stem}_decoded.xml`, 'latin1')
      const names = [...expected.matchAll(/<(?:text|binary)-body name="([^"]+)"/g)].map(
        (match) => match[1] ?? '',
      )
      const leaves = leavesOf(await treeOf(`${stem}.msg`))
      for (const [index, each] of names.entries()) {
        const want = readFileSync(join(stem, '..', each))
        const got = Buffer.from(leaves[index]?.body ?? '', 'base64')
        if (!got.equals(want)) return `${each}: ${got.length} octets, not ${want.length}, or others`
      }
      return leaves.length === names.length ? null : `${leaves.length} bodies, not ${names.length}`
    },
  }
}

/** Apache mime4j's messages. */
export const mime4j: Suite = {
  name: 'mime4j',
  folder: 'mime4j',
  cases: (folder) => [
    ...filesBelow(folder, (name) => name.startsWith('core') && name.endsWith('.msg')).map((name) =>
      mime4jCase(folder, name),
    ),
    ...filesBelow(folder, (name) => !name.startsWith('core')).map((name) => soundCase(folder, name)),
  ],
}

interface StalwartPart {
  readonly body: string | Readonly<Record<string, unknown>>
  /** The body is not in the encoding it names; the origin then gives it as it stands, and we what can be decoded. */
  readonly is_encoding_problem: boolean
  readonly offset_header: number
  readonly offset_body: number
  readonly offset_end: number
  readonly headers: readonly { readonly name: string; readonly value: unknown }[]
}

interface StalwartMessage {
  readonly parts: readonly StalwartPart[]
}

function compareStalwart(
  message: StalwartMessage,
  at: number,
  node: Node | undefined,
  path: string,
): string | null {
  const part = message.parts[at]
  if (part === undefined || node === undefined)
    return `${path}: ${part === undefined ? 'too many parts' : 'missing'}`
  const want = [part.offset_header, part.offset_body, part.offset_end].join(' ')
  const got = [node.start, node.bodyStart, node.end].join(' ')
  if (want !== got) return `${path}: ranges ${got}, not ${want}`
  const body = typeof part.body === 'string' ? {} : part.body
  const {
    Multipart: children,
    Message: inner,
    Binary: binary,
    InlineBinary: inline,
    Text: text,
    Html: html,
  } = body
  if (Array.isArray(children)) {
    if (children.length !== node.parts.length)
      return `${path}: ${node.parts.length} parts, not ${children.length}`
    for (const [index, child] of children.entries()) {
      const wrong = compareStalwart(message, Number(child), node.parts[index], `${path}.${index + 1}`)
      if (wrong !== null) return wrong
    }
    return null
  }
  if (inner !== undefined) return compareStalwart(inner as StalwartMessage, 0, node.parts[0], `${path}.1`) // its JSON
  if (part.is_encoding_problem) return null
  const octets = binary ?? inline
  const decoded = Buffer.from(node.body, 'base64')
  if (Array.isArray(octets) && !decoded.equals(Buffer.from(octets as number[])))
    return `${path}: another body`
  const words = text ?? html
  return typeof words === 'string' && !sameWords(decoded, node, words) ? `${path}: another text` : null
}

/** The origin gives text decoded to Unicode, with the line ends of the encoded body. */
function sameWords(body: Buffer, node: Node, words: string): boolean {
  const charset = (node.params['charset'] ?? 'utf-8').toLowerCase()
  const label = charset === 'us-ascii' ? 'utf-8' : charset
  const plain = (text: string) => text.replaceAll('\r\n', '\n').trimEnd()
  return plain(new TextDecoder(label).decode(body)) === plain(words)
}

/** Messages of Stalwart's mail-parser, with LF and with CRLF. */
export const stalwart: Suite = {
  name: 'mime-stalwart',
  folder: 'mime-stalwart/rfc',
  cases: (folder) =>
    filesBelow(folder, (name) => name.endsWith('.json')).map((name) => ({
      name,
      run: async () => {
        const lf = readFileSync(join(folder, `${name.split('.')[0] ?? ''}.eml`), 'latin1')
        const bytes = name.includes('.crlf.') ? lf.replaceAll('\n', '\r\n') : lf
        const tree = await treeOf(scratchFile(Buffer.from(bytes, 'latin1')))
        const message = JSON.parse(readFileSync(join(folder, name), 'utf8')) as StalwartMessage // the origin's file
        return compareStalwart(message, 0, tree, '1')
      },
    })),
}

/** No crash, and ranges that lie inside each other in order. */
function soundCase(folder: string, name: string): Case {
  return {
    name,
    run: async () => {
      const tree = await treeOf(join(folder, name))
      return tree.end === statSync(join(folder, name)).size
        ? nesting(tree, name)
        : 'the root does not end with the file'
    },
  }
}

function nesting(node: Node, path: string): string | null {
  if (node.start > node.bodyStart || node.bodyStart > node.end) return `${path}: ranges out of order`
  if (node.decoded === true) return null
  let from = node.bodyStart
  for (const [index, part] of node.parts.entries()) {
    if (part.start < from || part.end > node.end) return `${path}: part ${index + 1} lies outside`
    const wrong = nesting(part, `${path}.${index + 1}`)
    if (wrong !== null) return wrong
    from = part.end
  }
  return null
}

/** Messages of jsmime. */
export const jsmime: Suite = {
  name: 'mime-jsmime',
  folder: 'mime-jsmime',
  cases: (folder) => filesBelow(folder, () => true).map((name) => soundCase(folder, name)),
}

/** GMime's files: messages and mailboxes are scanned; the encoded picture and text must decode to the files beside them. */
export const gmime: Suite = {
  name: 'gmime',
  folder: 'gmime',
  cases: (folder) => [
    ...filesBelow(folder, (name) => /\.(?:eml|mbox|txt|html)$/.test(name)).map((name) =>
      soundCase(folder, name),
    ),
    {
      name: 'mime-part: raptors as base64',
      run: async () => {
        const text = readFileSync(join(folder, 'mime-part', 'raptors.b64.txt'))
        const mail = Buffer.concat([
          Buffer.from('Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n'),
          text.subarray(text.includes('\n\n') ? text.indexOf('\n\n') + 2 : 0),
        ])
        const tree = await treeOf(scratchFile(mail))
        const want = readFileSync(join(folder, 'mime-part', 'raptors.png'))
        return Buffer.from(tree.body, 'base64').equals(want) ? null : 'another picture'
      },
    },
    ...filesBelow(folder, (name) => name.endsWith('.p12')).map((name) => ({
      name,
      run: async () => {
        const answer = await siegel(['cert', 'p12', join(folder, name), '--pass', 'no.secret', '--json'])
        return answer.code === 2 ? answer.words : null
      },
    })),
  ],
}

/** BouncyCastle's samples. */
export const bouncycastle: Suite = {
  name: 'bouncycastle',
  folder: 'bouncycastle/pkix-mime',
  cases: (folder) =>
    filesBelow(folder, (name) => !name.endsWith('.pem')).map((name) => ({
      name: basename(relative(folder, join(folder, name))),
      run: async () => {
        const sound = await soundCase(folder, name).run()
        if (sound !== null) return sound
        const answer = await siegel(['smime', 'verify', join(folder, name), '--trust', folder, '--json'])
        if (answer.code === 2) return answer.words
        const key = ['--key', join(folder, 'key.pem'), '--cert', join(folder, 'cert.pem')]
        const decrypted = await siegel(['smime', 'decrypt', join(folder, name), ...key, '--json'])
        return decrypted.code === 2 ? decrypted.words : null
      },
    })),
}
