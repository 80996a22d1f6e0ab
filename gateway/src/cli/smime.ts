/**
 * `siegel smime verify|decrypt|sign|encrypt`: S/MIME by hand, on one mail or bare CMS object. Reads and writes files, never
 * touches the network, keeps nothing. Exit 0 for valid, decrypted or done; 1 for any other verdict; 2 for usage or I/O.
 */
import { randomBytes } from 'node:crypto'
import {
  canonicalSource,
  decryptCmsSource,
  decryptMessageSource,
  encryptEntitySource,
  fieldsNamed,
  headerValue,
  parseMailbox,
  protectedEntityOfSource,
  protectHeadersOfSource,
  Rope,
  sameAddress,
  scanHeaderOfSource,
  scanStream,
  signableSource,
  signEntitySource,
  smimeKind,
  verifyCmsSource,
  verifyMessageSource,
  wrapMessage,
  type ByteSource,
  type Certificate,
  type SigningKey,
  type SourceHeader,
} from '@siegel/engine'
import { decryptionTime, openInTime } from '../keyring/decryption-time.ts'
import { ScratchFolder } from '../store/spool/scratch.ts'
import { waitingFolder, writeFrom } from './files.ts'
import { UsageError, type Command, type ExitCode, type Io } from './io.ts'
import { ENCRYPT_OPTIONS, readDigest, readEncryptOptions, readIdentifierOption } from './smime-algorithms.ts'
import { ENCRYPT_USAGE } from './smime-usage.ts'
import {
  FLAG,
  KEY_OPTIONS,
  openFileArgument,
  parseArguments,
  readKeys,
  readRecipients,
  readVerifyOptions,
  refusing,
  refusingLater,
  TEXT,
  TEXTS,
  VERIFY_OPTIONS,
  type Input,
  type KeyMaterial,
} from './smime-arguments.ts'
import { decryptionJson, decryptionLines, verdictJson, verdictLines } from './smime-report.ts'

const JUDGE =
  '[--intermediates F…] [--crl F…] [--ocsp F…] [--at RFC3339] [--allow-weak]\n' +
  '       [--revocation none|prefer|require] [--policy OID… --explicit-policy --inhibit-any --inhibit-map] [--json]'
const USAGES = {
  verify: `usage: siegel smime verify FILE --trust F… ${JUDGE}`,
  decrypt:
    'usage: siegel smime decrypt FILE --key P12|PEM [--pass TEXT|--pass-file F] [--cert F] [--out F]\n' +
    `       [--trust F…] ${JUDGE}`,
  sign:
    'usage: siegel smime sign FILE --key P12|PEM [--pass TEXT|--pass-file F] [--cert F] [--opaque]\n' +
    '       [--digest sha256|sha384|sha512] [--pss] [--signer-id issuer-and-serial|ski] [--header-protection] --out F',
  encrypt: [
    'usage: siegel smime encrypt FILE --to CERT… [--header-protection] --out F',
    ...ENCRYPT_USAGE.map((line) => `       ${line}`),
  ].join('\n'),
} as const

/** The command `siegel smime`. */
export const smime: Command = async (args, io) => {
  const [form, ...rest] = args
  switch (form) {
    case 'verify':
      return verify(rest, io)
    case 'decrypt':
      return decrypt(rest, io)
    case 'sign':
      return sign(rest, io)
    case 'encrypt':
      return encrypt(rest, io)
    default:
      throw new UsageError(Object.values(USAGES).join('\n'))
  }
}

async function verify(args: readonly string[], io: Io): Promise<ExitCode> {
  const { file, values } = parseArguments(args, { ...VERIFY_OPTIONS, json: FLAG }, USAGES.verify)
  const options = await readVerifyOptions(values, io)
  const verdict = await withInput(file, io, ({ kind, source }) =>
    kind === 'cms' ? verifyCmsSource(source, options) : verifyMessageSource(source, options),
  )
  if (values.json === true) io.out(JSON.stringify(verdictJson(verdict)))
  else for (const line of verdictLines(verdict)) io.out(line)
  return verdict.status === 'valid' ? 0 : 1
}

async function decrypt(args: readonly string[], io: Io): Promise<ExitCode> {
  const table = { ...VERIFY_OPTIONS, ...KEY_OPTIONS, out: TEXT, json: FLAG }
  const { file, values } = parseArguments(args, table, USAGES.decrypt)
  const { out, json } = values
  if (out === '-' && json === true) throw new UsageError('--json and --out - both want standard output')
  const options = await readVerifyOptions(values, io)
  const { keys } = await readKeys(values, USAGES.decrypt, io)
  // Plaintext waits where the result will be, sealed.
  const scratch = new ScratchFolder(await waitingFolder(out))
  const result = await withInput(file, io, async ({ kind, source }) => {
    const open = kind === 'cms' ? decryptCmsSource : decryptMessageSource
    const time = decryptionTime(source.length, keys)
    const opened = await openInTime(time, () => open(source, keys, options, scratch))
    try {
      if (opened.entity !== null && out !== undefined) await writeFrom(out, opened.entity, 0o600)
    } finally {
      await opened.discard()
    }
    return opened
  })
  if (json === true) io.out(JSON.stringify(decryptionJson(result)))
  else
    for (const line of decryptionLines(result)) {
      if (out === '-') io.err(line)
      else io.out(line)
    }
  return result.status === 'decrypted' ? 0 : 1
}

async function sign(args: readonly string[], io: Io): Promise<ExitCode> {
  const table = {
    ...KEY_OPTIONS,
    ...{ out: TEXT, opaque: FLAG, digest: TEXT, pss: FLAG, 'signer-id': TEXT, 'header-protection': FLAG },
  }
  const { file, values } = parseArguments(args, table, USAGES.sign)
  const { out } = values
  if (out === undefined) throw new UsageError(`--out is missing\n${USAGES.sign}`)
  const digest = readDigest(values.digest)
  const signerId = readIdentifierOption('--signer-id', values['signer-id'] ?? 'issuer-and-serial')
  const material = await readKeys(values, USAGES.sign, io)
  await withMail(file, io, async (source) => {
    const message = await refusingLater(file, () => signableSource(source))
    const signer = chooseSigner(material, await refusingLater(file, () => scanHeaderOfSource(message)))
    if (values.pss === true && !/^rsa/.test(signer.key.asymmetricKeyType ?? ''))
      throw new UsageError('--pss: the key is not an RSA key')
    const split = await splitMessage(file, message, values['header-protection'] === true ? 'clear' : null)
    const entity = await refusingLater(file, () =>
      signEntitySource(split.entity, signer, {
        ...(digest === undefined ? {} : { digest }),
        ...{ pss: values.pss === true, opaque: values.opaque === true, at: io.now(), signerId },
        boundary: randomBytes(18).toString('hex'),
      }),
    )
    await writeFrom(out, new Rope([...split.outer, entity]))
  })
  return 0
}

async function encrypt(args: readonly string[], io: Io): Promise<ExitCode> {
  const table = { ...ENCRYPT_OPTIONS, to: TEXTS, out: TEXT, 'header-protection': FLAG } as const
  const { file, values } = parseArguments(args, table, USAGES.encrypt)
  const { out, to = [] } = values
  if (out === undefined || to.length === 0) throw new UsageError(USAGES.encrypt)
  const how = readEncryptOptions(values)
  const recipients = await readRecipients(to, io)
  await withMail(file, io, async (source) => {
    const message = await refusingLater(file, () => canonicalSource(source))
    const split = await splitMessage(file, message, values['header-protection'] === true ? 'cipher' : null)
    const entity = refusing(file, () => encryptEntitySource(split.entity, { recipients, ...how }))
    await writeFrom(out, new Rope([...split.outer, entity]))
  })
  return 0
}

async function withInput<T>(file: string, io: Io, use: (input: Input) => Promise<T>): Promise<T> {
  const input = await openFileArgument(file, io)
  try {
    return await use(input)
  } finally {
    await input.close()
  }
}

function withMail(file: string, io: Io, use: (source: ByteSource) => Promise<void>): Promise<void> {
  return withInput(file, io, ({ kind, source }) => {
    if (kind !== 'mail') throw new UsageError(`${file}: a CMS object, not a mail`)
    return use(source)
  })
}

interface SplitMessage {
  /** The header of the new message. */
  readonly outer: readonly Buffer[]
  /** What is signed or encrypted. */
  readonly entity: ByteSource
}

async function splitMessage(
  file: string,
  message: ByteSource,
  protection: 'clear' | 'cipher' | null,
): Promise<SplitMessage> {
  if (protection !== null) {
    // Signed before: the header goes into what was signed, where it cannot go any more.
    const { root, view } = await refusingLater(file, () => scanStream(message, message.length))
    if (smimeKind(root, view) !== null)
      throw new UsageError('--header-protection: the mail is signed or encrypted already')
    const { outer, entity } = await refusingLater(file, () => protectHeadersOfSource(message, protection))
    return { outer: [...outer, Buffer.from('MIME-Version: 1.0\r\n')], entity }
  }
  const { header, outer, entity } = await refusingLater(file, () => protectedEntityOfSource(message))
  return { outer: wrapMessage(header, outer, []), entity }
}

/** The key to sign with: its certificate may sign, holds the From address if any does, and lasts longest. */
function chooseSigner({ keys, certificates }: KeyMaterial, { header, fields }: SourceHeader): SigningKey {
  const [from] = fieldsNamed(fields, 'from')
  const address = from === undefined ? null : (parseMailbox(headerValue(header, from))?.address ?? null)
  const candidates = keys.flatMap(({ key, certificate }) =>
    certificate === null ? [] : [{ key, certificate }],
  )
  if (candidates.length === 0) throw new UsageError('no certificate for the key; name it with --cert')
  const rank = (certificate: Certificate): number =>
    (maySign(certificate) ? 2 : 0) +
    (certificate.emails.some((email) => address !== null && sameAddress(email, address)) ? 1 : 0)
  const [best] = candidates.sort(
    (a, b) => rank(b.certificate) - rank(a.certificate) || b.certificate.notAfter - a.certificate.notAfter,
  )
  if (best === undefined || !maySign(best.certificate))
    throw new UsageError('the key usage of the certificate does not allow signing')
  return { ...best, chain: chainOf(best.certificate, certificates) }
}

function maySign({ keyUsage }: Certificate): boolean {
  return keyUsage === null || keyUsage.has('digitalSignature') || keyUsage.has('nonRepudiation')
}

/** The issuers at hand, from the certificate upwards, without a root. */
function chainOf(leaf: Certificate, certificates: readonly Certificate[]): Certificate[] {
  const chain: Certificate[] = []
  let current = leaf
  while (chain.length < 10) {
    const { issuer } = current
    const next = certificates.find(
      (certificate) =>
        certificate.subject.equals(issuer) && !certificate.selfIssued && !chain.includes(certificate),
    )
    if (next === undefined || next === leaf) break
    chain.push(next)
    current = next
  }
  return chain
}
