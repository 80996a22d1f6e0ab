// SPF, DKIM, DMARC and ARC: judged on entry, signed and sealed on leaving. The work is done by the package mailauth,
// loaded only if it is configured; what Exchange makes of the results, `compauth` above all, is said here.
import type { ARCSealOptions, AuthenticateResult, DKIMSignOptions } from 'mailauth'
import type { AuthenticationConfig, OrganizationSwitches, SigningKey } from './config.ts'
import { field, Message } from './message/message.ts'
import type { HeaderField } from './message/message.ts'
import { domainOf } from './tls/names.ts'

/** How a message came. */
export interface Circumstances {
  ip: string
  helo: string
  sender: string
  /** The server that judges. */
  mta: string
}

/** What was found. */
export interface Judgement {
  /** The Authentication-Results field. */
  field: HeaderField
  /** The reply, if the message is not to be taken. */
  refusal: string | undefined
}

/** What Exchange signs, as seen on real mail. */
const SIGNED = 'From:Date:Subject:Message-ID:Content-Type:MIME-Version:X-MS-Exchange-SenderADCheck'

/** Judges a message that comes in for a tenant. */
export async function judge(
  config: AuthenticationConfig,
  message: Message,
  how: Circumstances,
  switches: OrganizationSwitches,
): Promise<Judgement> {
  const { authenticate } = await import('mailauth')
  const found = await authenticate(message.raw, { ...how, resolver: resolver(config), disableBimi: true })
  const from = found.dmarc ? found.dmarc.domain : domainOf(/<([^<>]*)>/.exec(message.value('From') ?? '')?.[1] ?? message.value('From') ?? '') // prettier-ignore
  const verdict = composite(found, switches)
  const value =
    `spf=${found.spf ? found.spf.status.result : 'none'} (sender IP is ${how.ip}) smtp.mailfrom=${domainOf(how.sender)};\r\n` +
    ` dkim=${dkimText(found)};dmarc=${verdict.dmarc} action=${verdict.action}\r\n` +
    ` header.from=${from};compauth=${verdict.compauth} reason=${verdict.reason}` +
    (verdict.arc === undefined ? '' : `;arc=${verdict.arc}`)
  const refused = verdict.action === 'oreject'
  const refusal = `550 5.7.509 Access denied, sending domain [${from}] does not pass DMARC verification and has a DMARC policy of reject. {suffix}` // prettier-ignore
  return { field: field('Authentication-Results', value), refusal: refused ? refusal : undefined }
}

interface Composite {
  dmarc: string
  action: string
  compauth: string
  reason: string
  arc: string | undefined
}

/** What Exchange makes of it all. */
function composite(found: AuthenticateResult, switches: OrganizationSwitches): Composite {
  const dmarc = found.dmarc ? found.dmarc.status.result : 'none'
  const policy = found.dmarc ? found.dmarc.policy : 'none'
  const sealed = found.arc && found.arc.status.result !== 'none' ? found.arc : undefined
  const trusted = sealed?.status.result === 'pass' && isTrusted(found, switches)
  const arc = sealed && `${sealed.status.result} (0 oda=${trusted ? 1 : 0} ltdi=1)`
  if (dmarc === 'pass') return { dmarc, action: 'none', compauth: 'pass', reason: '100', arc }
  if (trusted) return { dmarc, action: 'none', compauth: 'pass', reason: '130', arc }
  if (dmarc !== 'fail') return { dmarc, action: 'none', compauth: 'none', reason: '405', arc }
  const action = policy === 'reject' ? 'oreject' : policy === 'quarantine' ? 'quarantine' : 'none'
  return { dmarc, action, compauth: 'fail', reason: action === 'none' ? '001' : '000', arc }
}

/** Whether the newest set was made by a sealer that the tenant trusts; with SPF hard fail on, nobody is. */
function isTrusted(found: AuthenticateResult, switches: OrganizationSwitches): boolean {
  if (switches.markAsSpamSpfRecordHardFail === 'On' || !found.arc) return false
  const newest = found.arc.signature
  const domain = newest ? newest.signingDomain?.toLowerCase() : undefined
  return domain !== undefined && (switches.arcTrustedSealers ?? []).includes(domain)
}

function dkimText(found: AuthenticateResult): string {
  const results = found.dkim.results.filter(({ status }) => status.result !== 'none')
  const best = results.find(({ status }) => status.result === 'pass') ?? results[0]
  if (!best) return 'none (message not signed)\r\n header.d=none'
  const comment =
    best.status.result === 'pass' ? 'signature was verified' : (best.status.comment ?? 'no signature')
  return `${best.status.result} (${comment})\r\n header.d=${best.signingDomain ?? ''}`
}

/** The message with what Exchange puts on it when it leaves: DKIM signatures of these domains, and an ARC set. */
export async function signed(
  config: AuthenticationConfig,
  message: Message,
  domains: readonly string[],
  how: Circumstances,
): Promise<Message> {
  const { authenticate, dkimSign, sealMessage } = await import('mailauth')
  let raw = message.raw
  const keys = (config.dkim ?? []).filter(({ domain }) => domains.includes(domain.toLowerCase()))
  for (const key of keys) {
    const options: DKIMSignOptions = {
      ...signingOptions(key),
      headerList: SIGNED,
      signatureData: [signingOptions(key)],
    }
    const { signatures, errors } = await dkimSign(raw, options)
    if (errors.length > 0 || signatures === '') throw new Error(`DKIM: ${JSON.stringify(errors)}`)
    raw = Buffer.concat([Buffer.from(signatures), raw])
  }
  if (config.arc) {
    const before = await authenticate(raw, {
      ...how,
      resolver: resolver(config),
      disableDmarc: true,
      disableBimi: true,
    })
    const earlier = before.arc ? before.arc.status.result : 'none'
    const results = message.value('Authentication-Results') ?? 'spf=none; dkim=none; dmarc=none'
    const seal: ARCSealOptions = {
      signingDomain: config.arc.domain,
      selector: config.arc.selector,
      privateKey: config.arc.privateKey,
      cv: ['pass', 'none'].includes(earlier) ? earlier : 'fail',
      authResults: `mx.microsoft.com 1; ${results}`,
    }
    raw = Buffer.concat([await sealMessage(raw, seal), raw])
  }
  return Message.parse(raw)
}

function signingOptions({ domain, selector, privateKey }: SigningKey): DKIMSignOptions {
  return { signingDomain: domain, selector, privateKey }
}

/** Answers from the table; what is not there does not exist. */
function resolver(config: AuthenticationConfig) {
  const table = new Map(Object.entries(config.dns).map(([name, values]) => [name.toLowerCase(), values]))
  return (name: string, type: string): Promise<string[][] | string[]> => {
    const values = table.get(`${name.replace(/\.$/, '')} ${type}`.toLowerCase())
    if (!values) {
      return Promise.reject(Object.assign(new Error(`query${type} ENOTFOUND ${name}`), { code: 'ENOTFOUND' }))
    }
    return Promise.resolve(type === 'TXT' ? values.map((value) => [value]) : values)
  }
}
