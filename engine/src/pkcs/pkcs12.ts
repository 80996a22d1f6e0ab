/**
 * PKCS#12 files (RFC 7292): keys and certificates out of them, and new ones written. The MAC is verified before anything
 * is decrypted. Files signed with a public key instead of a password are refused.
 */
import type { KeyObject } from 'node:crypto'
import { EngineError } from '../errors.ts'
import { readAlgorithm } from '../der/algorithm.ts'
import { toOctets, toOid, toSmallInteger, toText } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { looksLikePem, readPem } from '../der/pem.ts'
import { Cursor, Tag, malformed, readElement } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { parseCertificate } from '../x509/certificate.ts'
import type { Certificate } from '../x509/certificate.ts'
import { RoundBudget } from './password-kdf.ts'
import { decryptWithPassword } from './pbes2.ts'
import { macFits } from './pkcs12-mac.ts'
import { readEncryptedKey, readPkcs8 } from './private-key.ts'

/** A private key of the file. */
export interface Pkcs12Key {
  /** The private key. */
  readonly key: KeyObject
  /** Binds it to the certificate with the same identifier. */
  readonly localKeyId: Buffer | null
  /** A name for people; null if absent. */
  readonly friendlyName: string | null
}

/** A certificate of the file with its attributes. */
export interface Pkcs12Certificate {
  /** The certificate. */
  readonly certificate: Certificate
  /** The same as that of its key; null if absent. */
  readonly localKeyId: Buffer | null
  /** A name for people; null if absent. */
  readonly friendlyName: string | null
}

/** What is in a file, in its order. */
export interface Pkcs12 {
  /** In their order. */
  readonly keys: readonly Pkcs12Key[]
  /** In their order. */
  readonly certificates: readonly Certificate[]
  /** The same certificates with their attributes. */
  readonly certificateBags: readonly Pkcs12Certificate[]
  /** Why certificates were left out: a damaged one, often a foreign CA's, does not spoil the file. */
  readonly refused: readonly EngineError[]
}

/** Bags of one file, nested ones included, and the depth of nesting. */
const MAX_BAGS = 1000
const MAX_NESTING = 8

/**
 * Reads a file in BER or DER.
 * @throws EngineError `pkcs12-password`, `pkcs12-malformed`, `pkcs12-unsupported`, `key-derivation-too-costly`
 */
export function readPkcs12(bytes: Buffer, password: string): Pkcs12 {
  try {
    return readPfx(derOf(bytes), password)
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    if (error.code === 'private-key-password')
      throw new EngineError('pkcs12-password', 'a key has another password')
    const kept = ['pkcs12-password', 'pkcs12-unsupported', 'key-derivation-too-costly'].includes(error.code)
    throw kept ? error : new EngineError('pkcs12-malformed', error.message)
  }
}

/** Some programs wrap the file in PEM. */
function derOf(bytes: Buffer): Buffer {
  if (!looksLikePem(bytes)) return bytes
  const block = readPem(bytes).find(({ label }) => label === 'PKCS12')
  if (block === undefined) throw new EngineError('pkcs12-malformed', 'no PKCS12 block')
  return block.bytes
}

function readPfx(bytes: Buffer, password: string): Pkcs12 {
  const pfx = new Cursor(readElement(bytes, { ber: true }))
  if (toSmallInteger(pfx.next('version')) !== 3) throw malformed('PFX version is not 3')
  const { type, content } = readContentInfo(pfx.next('authSafe'))
  if (type !== Oid.idData || content === null)
    throw new EngineError('pkcs12-unsupported', 'integrity by public key')
  const authSafe = toOctets(content)
  const macData = pfx.optional(0, Tag.sequence)
  pfx.done('PFX')
  const budget = new RoundBudget()
  const secret = macData === null ? password : secretThatFits(macData, authSafe, password, budget)
  const bags = new Bags(secret, budget, macData !== null)
  for (const element of readElement(authSafe, { ber: true }).children()) bags.readSafe(element)
  return bags.result()
}

/** Without a password there are two ways to make files: with the empty one, or with none (null) in the key derivation. */
function secretThatFits(
  macData: Element,
  authSafe: Buffer,
  password: string,
  budget: RoundBudget,
): string | null {
  if (macFits(macData, authSafe, password, budget)) return password
  if (password === '' && macFits(macData, authSafe, null, budget)) return null
  throw new EngineError('pkcs12-password', 'the MAC does not fit: wrong password or damaged file')
}

function readContentInfo(element: Element): { readonly type: string; readonly content: Element | null } {
  const cursor = new Cursor(element)
  const type = toOid(cursor.next('contentType'))
  const wrapper = cursor.optional(2, 0)
  cursor.done('ContentInfo')
  if (wrapper === null) return { type, content: null }
  const inner = new Cursor(wrapper)
  const content = inner.next('content')
  inner.done('content')
  return { type, content }
}

/** Collects the bags of all safes. */
class Bags {
  private readonly keys: Pkcs12Key[] = []
  private readonly certificates: Pkcs12Certificate[] = []
  private readonly refused: EngineError[] = []
  private readonly password: string | null
  private readonly budget: RoundBudget
  private readonly authenticated: boolean
  private count = 0

  constructor(password: string | null, budget: RoundBudget, authenticated: boolean) {
    this.password = password
    this.budget = budget
    this.authenticated = authenticated
  }

  result(): Pkcs12 {
    const certificates = this.certificates.map(({ certificate }) => certificate)
    return { keys: this.keys, certificates, certificateBags: this.certificates, refused: this.refused }
  }

  /** One ContentInfo of the AuthenticatedSafe: plain or encrypted with the password. */
  readSafe(element: Element): void {
    const { type, content } = readContentInfo(element)
    if (content === null) throw malformed('safe without content')
    if (type === Oid.idData) this.readContents(toOctets(content), 1)
    else if (type === Oid.idEncryptedData) this.readContents(this.decrypt(content), 1)
    else throw new EngineError('pkcs12-unsupported', `safe of type ${type}`)
  }

  /** EncryptedData (RFC 5652 8). */
  private decrypt(content: Element): Buffer {
    const cursor = new Cursor(content)
    toSmallInteger(cursor.next('version'), 4)
    const info = new Cursor(cursor.universal(Tag.sequence, 'encryptedContentInfo'))
    cursor.optional(2, 1)
    cursor.done('EncryptedData')
    toOid(info.next('contentType'))
    const algorithm = readAlgorithm(info.next('contentEncryptionAlgorithm'))
    const encrypted = info.optional(2, 0)
    if (encrypted === null) throw malformed('encrypted content is missing')
    const plain = decryptWithPassword(
      algorithm,
      toOctets(encrypted, { implicit: true }),
      this.password,
      this.budget,
    )
    if (plain !== null) return plain
    // With a good MAC the password is right and the encryption damaged or made with another one
    const detail = this.authenticated ? 'a part has another password' : 'wrong password'
    throw new EngineError('pkcs12-password', detail)
  }

  private readContents(bytes: Buffer, depth: number): void {
    this.readBags(readElement(bytes, { ber: true }), depth)
  }

  private readBags(contents: Element, depth: number): void {
    if (depth > MAX_NESTING) throw new EngineError('pkcs12-malformed', 'bags nested too deep')
    for (const bag of contents.children()) this.readBag(bag, depth)
  }

  private readBag(bag: Element, depth: number): void {
    if (++this.count > MAX_BAGS) throw new EngineError('pkcs12-malformed', 'too many bags')
    const cursor = new Cursor(bag)
    const type = toOid(cursor.next('bagId'))
    const wrapper = new Cursor(cursor.next('bagValue'))
    const value = wrapper.next('bagValue')
    const attributes = readAttributes(cursor.optional(0, Tag.set))
    cursor.done('SafeBag')
    switch (type) {
      case Oid.keyBag:
        this.keys.push({ key: readPkcs8(value.raw), ...attributes })
        break
      case Oid.pkcs8ShroudedKeyBag:
        this.keys.push({ key: readEncryptedKey(value.raw, this.password, this.budget), ...attributes })
        break
      case Oid.certBag:
        this.readCertificate(value, attributes)
        break
      case Oid.safeContentsBag:
        this.readBags(value, depth + 1)
        break
      default:
      // RFC 7292 4.2: CRLs and secrets are of no use here
    }
  }

  private readCertificate(value: Element, attributes: BagAttributes): void {
    const cursor = new Cursor(value)
    // RFC 7292 4.2.3: other kinds (SDSI) are passed over
    if (toOid(cursor.next('certId')) !== Oid.x509Certificate) return
    const wrapper = new Cursor(cursor.next('certValue'))
    const der = toOctets(wrapper.next('certValue'))
    try {
      this.certificates.push({ certificate: parseCertificate(der), ...attributes })
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      this.refused.push(error)
    }
  }
}

interface BagAttributes {
  readonly localKeyId: Buffer | null
  readonly friendlyName: string | null
}

function readAttributes(set: Element | null): BagAttributes {
  let localKeyId: Buffer | null = null
  let friendlyName: string | null = null
  for (const attribute of set?.children() ?? []) {
    const cursor = new Cursor(attribute)
    const type = toOid(cursor.next('attribute type'))
    const [value] = cursor.universal(Tag.set, 'attribute values').children()
    if (value === undefined) continue
    if (type === Oid.localKeyId) localKeyId = toOctets(value)
    if (type === Oid.friendlyName) friendlyName = toText(value)
  }
  return { localKeyId, friendlyName }
}
