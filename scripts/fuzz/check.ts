/**
 * What is asked of one input: every function of the engine that may read it ends, throws nothing but EngineError, and never
 * says `valid` or gives out authenticated plaintext for bytes that were changed.
 */
import {
  canonicalise,
  decodeBody,
  decryptCms,
  decryptMessage,
  EngineError,
  editHeader,
  headerValue,
  parseAddresses,
  parseCertificate,
  parseCrl,
  parseOcspResponse,
  parseParameters,
  protectHeaders,
  readCertificates,
  readContentInfo,
  readPkcs12,
  readPrivateKey,
  scanMessage,
  signableMessage,
  smimeKind,
  verifyCms,
  verifyMessage,
  withoutLegacyDisplay,
  type MimeNode,
  type VerifyOptions,
} from '@siegel/engine'
import { AT, type Material, type Seed } from './seeds.ts'

/** Runs what may throw EngineError. */
function quietly(run: () => unknown): void {
  try {
    run()
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
  }
}

function nodesOf(node: MimeNode): readonly MimeNode[] {
  return [node, ...node.parts.flatMap(nodesOf)]
}

function readMail(bytes: Buffer): void {
  quietly(() => {
    const root = scanMessage(bytes)
    for (const node of nodesOf(root)) {
      decodeBody(bytes, node)
      smimeKind(node, bytes)
      for (const field of node.headers) {
        const value = headerValue(bytes, field)
        parseAddresses(value)
        parseParameters(value)
      }
    }
  })
  quietly(() => signableMessage(bytes))
  quietly(() => protectHeaders(bytes, 'cipher', true))
  quietly(() => withoutLegacyDisplay(bytes))
  quietly(() =>
    editHeader(bytes, { prepend: [Buffer.from('X: y\r\n')], remove: ({ lower }) => lower === 'from' }),
  )
}

/** The signed content of a mail with one form of line ends; null when there is none. */
function signedContent(bytes: Buffer): string | null {
  const root = scanMessage(bytes)
  const kind = smimeKind(root, bytes)
  const [first] = root.parts
  const plain = (content: Buffer) => canonicalise(content).toString('latin1')
  if (kind === 'clear-signed' && first !== undefined) return plain(bytes.subarray(first.start, first.end))
  if (kind !== 'opaque-signed') return null
  const info = readContentInfo(decodeBody(bytes, root))
  return info.kind === 'signed-data' && info.content !== null ? plain(Buffer.concat(info.content)) : null
}

/** The contents of the signed seeds: parts of them may be spliced into others and stay signed. */
const known = new WeakMap<Material, ReadonlySet<string | null>>()

function signedContents(material: Material): ReadonlySet<string | null> {
  const found =
    known.get(material) ??
    new Set(
      material.seeds.flatMap(({ kind, bytes }) => (kind === 'signed-mail' ? [signedContent(bytes)] : [])),
    )
  known.set(material, found)
  return found
}

/**
 * Checks one input.
 * @param seed - what it was made of
 * @throws Error for everything that must not be
 */
export function check(bytes: Buffer, seed: Seed, material: Material): void {
  const { root, keys } = material
  const options: VerifyOptions = {
    anchors: [root],
    at: AT,
    revocation: 'none',
    allowWeak: true,
    allowLegacy: true,
  }
  switch (seed.kind) {
    case 'certificate':
      quietly(() => parseCertificate(bytes).emails)
      quietly(() => readCertificates(bytes))
      return
    case 'crl':
      quietly(() => parseCrl(bytes))
      quietly(() => parseOcspResponse(bytes))
      return
    case 'pkcs12':
      quietly(() => readPkcs12(bytes, 'x'))
      return
    case 'private-key':
      quietly(() => readPrivateKey(bytes, 'x'))
      return
    case 'cms':
      verifyCms(bytes, options)
      decryptCms(bytes, keys, options)
      return
    case 'mail':
    case 'signed-mail':
      readMail(bytes)
      checkMail(bytes, seed, material, options)
  }
}

function checkMail(bytes: Buffer, seed: Seed, material: Material, options: VerifyOptions): void {
  const { keys } = material
  if (verifyMessage(bytes, options).status === 'valid' && !signedContents(material).has(signedContent(bytes)))
    throw new Error('a changed mail is valid')
  const result = decryptMessage(bytes, keys, options)
  if (!seed.name.includes('gcm') || result.status !== 'decrypted' || !result.authenticated) return
  const originals = material.seeds.flatMap((each) =>
    each.kind === 'mail' ? [decryptMessage(each.bytes, keys, options).entity] : [],
  )
  if (!originals.some((entity) => entity?.equals(result.entity ?? Buffer.alloc(0)) === true))
    throw new Error('authenticated plaintext of changed content')
}
