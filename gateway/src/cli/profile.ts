/**
 * `siegel profile list|show|check`: the profiles, what each demands, and whether this installation does what a profile says: the
 * self-test in memory, then the tenant's own keys and the certificates of the partners that the profile is for. Changes nothing.
 */
import { parseCertificate, type Certificate } from '@siegel/engine'
import { PROFILES, toLookupAddress } from '@siegel/contract'
import type { Fitness } from '../keyring/selection.ts'
import { lookupForm } from '../keyring/keyring.ts'
import type { CredentialOwner } from '../keyring/ports.ts'
import { recipientFitness, signerFitness } from '../mail/policy/algorithms.ts'
import { EDI_ENERGY } from '../mail/policy/edi-energy.ts'
import { NO_LEVELS } from '../mail/policy/levels.ts'
import { editionReason } from '../mail/policy/profile-reasons.ts'
import { demandsOf, includesProfile, type Demands, type ProfileName } from '../mail/policy/profiles.ts'
import type { Trust } from '../trust/trust.ts'
import { trustAtHand } from './trust-context.ts'
import { readLanguage, TENANT_OPTIONS, withTenant, type AssistContext } from './exchange-tenant.ts'
import { UsageError, type Command, type ExitCode, type Io } from './io.ts'
import { readOptions } from './options.ts'
import { makeMaterial, selfTest, type ProfileCheck } from './profile-selftest.ts'
import { profileText, type PROFILE_TEXTS } from './profile-texts.ts'
import { printable, type Language } from './texts.ts'

/** What each profile is for. */
const SUMMARIES: Readonly<Record<ProfileName, Readonly<Record<Language, string>>>> = {
  compatible: { en: 'what every mail program of the last ten years reads', de: 'was jedes Mailprogramm der letzten zehn Jahre liest' },
  modern: { en: 'authenticated content encryption and RSAES-OAEP', de: 'authentifizierte Verschlüsselung und RSAES-OAEP' },
  'bsi-strict': { en: 'BSI TR-02102-1 (2026)', de: 'BSI TR-02102-1 (2026)' },
  'edi-energy': { en: `the German energy market, edition ${EDI_ENERGY.edition} from ${EDI_ENERGY.since}`, de: `die Energiewirtschaft, Ausgabe ${EDI_ENERGY.edition} ab ${EDI_ENERGY.since}` },
  pq: { en: 'ML-KEM and ML-DSA where there are keys for them, else as modern with RSASSA-PSS', de: 'ML-KEM und ML-DSA, wo es Schlüssel dafür gibt, sonst wie modern mit RSASSA-PSS' },
  'pq-hybrid': { en: 'always two layers: a classical one inside one of ML-KEM', de: 'immer zwei Schichten: eine klassische in einer von ML-KEM' },
} // prettier-ignore

/** The text of each check. */
const TEXT_OF: Readonly<Record<ProfileCheck['check'], keyof typeof PROFILE_TEXTS>> = {
  'signed-and-encrypted': 'profile-check-signed-and-encrypted',
  'content-encryption': 'profile-check-content-encryption',
  'key-encryption': 'profile-check-key-encryption',
  layers: 'profile-check-layers',
  digest: 'profile-check-digest',
  signature: 'profile-check-signature',
  chain: 'profile-check-chain',
  opens: 'profile-check-opens',
  verifies: 'profile-check-verifies',
  refused: 'profile-check-refused',
  'own-key': 'profile-check-own-key',
  'partner-certificate': 'profile-check-partner-certificate',
  'one-certificate': 'profile-check-one-certificate',
  edition: 'profile-check-edition',
}

function profileNamed(name: string | undefined): ProfileName {
  const found = PROFILES.find((each) => each === name)
  if (found === undefined) throw new UsageError(`which profile? one of ${PROFILES.join(', ')}`)
  return found
}

function list(args: readonly string[], io: Io): ExitCode {
  const options = readOptions(args, { language: { type: 'string' }, json: { type: 'boolean' } }, 0)
  const language = readLanguage(options)
  if (options.has('json'))
    io.out(JSON.stringify(PROFILES.map((name) => ({ name, summary: SUMMARIES[name][language] }))))
  else for (const name of PROFILES) io.out(`${name.padEnd(12)} ${SUMMARIES[name][language]}`)
  return 0
}

function choiceWords({
  allowed,
  usual,
}: {
  readonly allowed: readonly string[]
  readonly usual: readonly string[]
}): string {
  return allowed.map((each) => (usual.includes(each) ? `${each}*` : each)).join(' ')
}

function demandLines(demands: Demands): string[] {
  const { curves, recipients, rsaBits, pssChain, oneCertificate, signAndEncrypt, headerProtection } = demands
  const kem = ['no', 'only around a classical layer', 'yes']
  const postQuantum = ['as any other key', 'before others', 'demanded']
  const rows: [string, string][] = [
    ['signature', choiceWords(demands.signatures)],
    ['digest', choiceWords(demands.digests)],
    ['content cipher', choiceWords(demands.ciphers)],
    ['RSA key transport', choiceWords(demands.transports)],
    ['recipient keys', [...recipients, ...(demands.kem > 0 ? ['ml-kem'] : [])].join(' ')],
    ['curves', curves.join(' ')],
    ['RSA bits', rsaBits === 0 ? 'as trust has it' : `>= ${rsaBits}`],
    ['ML-KEM alone', kem[demands.kem] ?? ''],
    ['post-quantum', postQuantum[demands.postQuantum] ?? ''],
    ['chain', pssChain ? 'rsa-pss' : 'any good signature'],
    ['one certificate', oneCertificate ? 'yes' : 'no'],
    ['sign and encrypt', signAndEncrypt ? 'always' : 'as asked'],
    ['hides the subject', headerProtection ? 'from partners who have shown RFC 9788' : 'never'],
  ]
  return rows.map(([name, words]) => `  ${name.padEnd(18)} ${words}`)
}

function show(args: readonly string[], io: Io): ExitCode {
  const options = readOptions(args, { language: { type: 'string' }, json: { type: 'boolean' } }, 1)
  const name = profileNamed(options.positionals[0])
  const language = readLanguage(options)
  const data = name === 'edi-energy' ? EDI_ENERGY : null
  if (options.has('json')) io.out(JSON.stringify({ name, demands: demandsOf(name), data }))
  else {
    io.out(`${name}: ${SUMMARIES[name][language]}`)
    for (const line of demandLines(demandsOf(name))) io.out(line)
    if (data !== null) io.out(`  ${'mail'.padEnd(18)} ${JSON.stringify(data.mail)}; ${data.source}`)
  }
  return 0
}

/** The good credentials of an address, each with why the profile would not take it. */
async function credentialChecks(
  { credentials }: Pick<AssistContext, 'credentials'>,
  owner: CredentialOwner,
  address: string,
  fitnessOf: (certificate: Certificate) => Fitness,
  trust: Trust,
  now: number,
): Promise<ProfileCheck[]> {
  const check: ProfileCheck['check'] = owner === 'own' ? 'own-key' : 'partner-certificate'
  const checks: ProfileCheck[] = []
  for (const credential of await credentials.byAddress(owner, address)) {
    if (credential.distrusted || (owner === 'own' ? !credential.sign : !credential.encrypt)) continue
    const certificate = parseCertificate(credential.certificate)
    const chain = credential.chain.map((der) => parseCertificate(der))
    const use = owner === 'own' ? 'sign' : 'encrypt'
    const verdict = await trust.verdict(certificate, chain, use, owner === 'own' ? address : null, now)
    // What is not good is of no profile.
    if (!verdict.valid) continue
    const refusal = fitnessOf(certificate).refusal(certificate, verdict.path)
    const wanting =
      refusal !== null && refusal !== 'passed-over' ? String(refusal.arguments['demand'] ?? '') : ''
    const found = `${address} ${credential.fingerprint.slice(0, 16)}${wanting === '' ? '' : `: ${wanting}`}`
    checks.push({ check, ok: wanting === '', found })
  }
  if (checks.length === 0) checks.push({ check, ok: false, found: `${address}: -` })
  return checks
}

/** The tenant's keyring against the profile. */
async function keyringChecks(
  name: ProfileName,
  context: AssistContext,
  wanted: readonly string[],
  now: number,
): Promise<ProfileCheck[]> {
  const { tenant, store } = context
  const trust = trustAtHand(context, now)
  const all = await store.ownCredentials(Number.MAX_SAFE_INTEGER)
  const own = all.filter(({ tenantId, sign }) => tenantId === tenant.id && sign)
  const checks: ProfileCheck[] = []
  for (const address of new Set(own.flatMap(({ addresses }) => addresses)))
    checks.push(...(await credentialChecks(context, 'own', address, () => signerFitness(name), trust, now)))
  const { oneCertificate, postQuantum } = demandsOf(name)
  // Where two layers may be wished for, each certificate is judged for the layer that it may serve.
  const fitnessOf = ({ publicKey }: Certificate): Fitness =>
    recipientFitness(
      name,
      postQuantum === 0
        ? 'any'
        : publicKey.asymmetricKeyType?.startsWith('ml-kem-') === true
          ? 'ml-kem'
          : 'classical',
    )
  for (const address of wanted) {
    const found = await credentialChecks(context, 'partner', address, fitnessOf, trust, now)
    checks.push(...found)
    if (oneCertificate && found.length > 1)
      checks.push({ check: 'one-certificate', ok: false, found: `${address}: ${found.length}` })
  }
  if (name === 'edi-energy')
    checks.push({
      check: 'edition',
      ok: editionReason(tenant) === null,
      found: tenant.ediEnergyEdition ?? '-',
    })
  return checks
}

/** The partners that settings give the profile to by their address. */
function partnersOf(name: ProfileName, { tenant, settings }: AssistContext): string[] {
  const { partners } = settings.treatment.get(tenant.id) ?? NO_LEVELS
  return [...partners]
    .filter(
      ([of, { profile }]) => of.includes('@') && profile !== undefined && includesProfile(profile, name),
    )
    .map(([of]) => of)
}

async function check(args: readonly string[], io: Io): Promise<ExitCode> {
  const table = {
    ...TENANT_OPTIONS,
    partner: { type: 'string', multiple: true },
    json: { type: 'boolean' },
  } as const
  const options = readOptions(args, table, 1)
  const name = profileNamed(options.positionals[0])
  const language = readLanguage(options)
  const given = options.texts('partner')
  for (const address of given)
    if (toLookupAddress(address) === null)
      throw new UsageError(`no e-mail address: ${JSON.stringify(address)}`)
  return withTenant<ExitCode>(options, async (context) => {
    const now = io.now()
    const { checks } = await selfTest(name, await makeMaterial(name, now), now)
    const partners = given.length > 0 ? given.map(lookupForm) : partnersOf(name, context)
    const keyring = await keyringChecks(name, context, partners, now)
    const ok = [...checks, ...keyring].every((each) => each.ok)
    if (options.has('json'))
      io.out(JSON.stringify({ profile: name, tenant: context.tenant.name, ok, checks, keyring }))
    else
      for (const each of [...checks, ...keyring]) {
        const words = profileText(TEXT_OF[each.check], { found: each.found }, language)
        io.out(`${each.ok ? 'ok ' : 'BAD'}  ${printable(words)}`)
      }
    return ok ? 0 : 1
  })
}

/** The verb `profile`. */
export const profile: Command = async (args, io) => {
  const [action, ...rest] = args
  if (action === 'list') return list(rest, io)
  if (action === 'show') return show(rest, io)
  if (action === 'check') return check(rest, io)
  throw new UsageError('siegel profile list, siegel profile show NAME, or siegel profile check NAME')
}
