/**
 * What the script will make and why, as a table in German or English. Shows no secret and no processed word.
 */
import type { Language } from './language.ts'
import type { AssistOptions } from './options.ts'
import type { AssistPlan, PlannedConnector, Purpose } from './plan.ts'
import { spamConsequences } from './spam.ts'
import type { Value } from './powershell.ts'

type Text = Readonly<Record<Language, string>>

/** Why each object is there. */
const REASONS: Readonly<Record<Purpose, Text>> = {
  'connector-outbound': {
    en: 'takes the mail that a rule sends to the gateway, over TLS with its certificate checked by name',
    de: 'bringt die Mail, die eine Regel schickt, zum Gateway, über TLS mit Prüfung des Namens im Zertifikat',
  },
  'connector-inbound': {
    en: "recognises the gateway by its certificate, so that what it returns counts as the tenant's own",
    de: 'erkennt das Gateway an seinem Zertifikat, damit zurückkehrende Mail als die des Mandanten gilt',
  },
  'strip-processed': {
    en: 'removes a processed word that did not come from the gateway',
    de: 'entfernt ein Merkwort, das nicht vom Gateway kam',
  },
  'strip-marker': {
    en: 'removes a pass marker of the gateway that somebody outside has copied from another mail',
    de: 'entfernt einen Durchgangsvermerk des Gateways, den jemand draußen aus einer anderen Mail abgeschrieben hat',
  },
  'strip-secret': {
    en: 'removes a secret field that came from outside, so that there is exactly one',
    de: 'entfernt ein geheimes Feld von außen, damit es genau eines gibt',
  },
  exempt: {
    en: 'lets mail protected by Microsoft (OME, labels) pass by the gateway, which could not read it',
    de: 'lässt von Microsoft geschützte Mail (OME, Labels) am Gateway vorbei: es könnte sie nicht lesen',
  },
  'route-outbound': {
    en: 'sends mail from inside to outside to the gateway, to be signed and encrypted',
    de: 'schickt Mail von innen nach außen zum Gateway: signieren und verschlüsseln',
  },
  'route-inbound': {
    en: 'sends mail from outside to inside to the gateway, to be decrypted and verified',
    de: 'schickt Mail von außen nach innen zum Gateway: entschlüsseln und prüfen',
  },
  'route-inbound-encrypted': {
    en: 'sends encrypted mail from outside to the gateway',
    de: 'schickt verschlüsselte Mail von außen zum Gateway',
  },
  'route-inbound-signed': {
    en: 'sends signed mail from outside to the gateway',
    de: 'schickt signierte Mail von außen zum Gateway',
  },
  'route-inbound-type': {
    en: 'sends S/MIME mail that Exchange Online does not recognise as such to the gateway, by its Content-Type',
    de: 'schickt S/MIME-Mail, die Exchange Online nicht als solche erkennt, am Content-Type erkannt zum Gateway',
  },
  spam: {
    en: 'asks that mail which has passed the gateway is not judged as spam again',
    de: 'bittet, Mail, die das Gateway passiert hat, nicht nochmals als Spam zu beurteilen',
  },
  guard: {
    en: 'rejects mail to the outside that did not pass the gateway; enabled with -Stage guard only',
    de: 'weist Mail nach außen ab, die nicht durch das Gateway ging; erst mit -Stage guard aktiv',
  },
  'clean-up': {
    en: 'removes the processed word before the mail is delivered or leaves',
    de: 'entfernt das Merkwort, bevor die Mail zugestellt wird oder das Haus verlässt',
  },
}

/** A guard that only reports. */
const REPORTING = {
  en: 'reports mail to the outside that did not pass the gateway and lets it go; enabled with -Stage guard only',
  de: 'meldet Mail nach außen, die nicht durch das Gateway ging, und lässt sie gehen; erst mit -Stage guard aktiv',
}

const WORDS = {
  connector: { en: 'connector', de: 'Connector' },
  rule: { en: 'rule', de: 'Regel' },
  options: { en: 'Options:', de: 'Optionen:' },
  noScript: { en: 'No script was made yet.', de: 'Es wurde noch kein Skript erzeugt.' },
  otherScript: { en: 'The last script had instead:', de: 'Das letzte Skript hatte stattdessen:' },
  secret: { en: '(secret)', de: '(geheim)' },
  words: { en: '({n} processed word(s))', de: '({n} Merkwort/-wörter)' },
  head: {
    en: 'Tenant {tenant}, preset {preset}: what the script makes in Exchange Online, in this order. Rules are made disabled.',
    de: 'Mandant {tenant}, Vorgabe {preset}: was das Skript in Exchange Online anlegt, in dieser Folge. Regeln entstehen deaktiviert.',
  },
} as const

/** One row of the overview. */
export interface OverviewRow {
  readonly kind: 'connector' | 'rule'
  readonly name: string
  readonly purpose: Purpose
  readonly why: string
  /** Parameters as `Name: value`, secrets left out. */
  readonly parameters: readonly string[]
}

function shown(plan: AssistPlan, name: string, value: Value, language: Language): string {
  // The seed's exception is the gateway's own name and no secret.
  if (/ContainsWords$/.test(name) && plan.tenant.preset === 'recommended')
    return WORDS.words[language].replace('{n}', String(Array.isArray(value) ? value.length : 1))
  if (name === 'SetHeaderValue') return WORDS.secret[language]
  return Array.isArray(value) ? value.join(', ') : String(value)
}

/** The rows: connectors and rules in the order in which the script makes them. */
export function overviewRows(plan: AssistPlan, language: Language): OverviewRow[] {
  const row = (kind: OverviewRow['kind'], object: PlannedConnector): OverviewRow => ({
    kind,
    name: object.name,
    purpose: object.purpose,
    why: (object.purpose === 'guard' && plan.options.guard === 'report'
      ? REPORTING
      : REASONS[object.purpose])[language],
    parameters: Object.entries(object.values)
      .filter(([name]) => name !== 'Comment' && name !== 'Comments')
      .map(([name, value]) => `${name}: ${shown(plan, name, value, language)}`),
  })
  return [
    row('connector', plan.outbound),
    ...plan.rules.map((rule) => row('rule', rule)),
    row('connector', plan.inbound),
  ]
}

/** What the administrator should know before running anything. */
export function planRemarks(plan: AssistPlan, language: Language): string[] {
  const { tenant, options } = plan
  const say = (en: string, de: string) => (language === 'de' ? de : en)
  const remarks = [...spamConsequences(options.spam, language)]
  if (tenant.preset === 'as-documented')
    remarks.push(
      say(
        'The tenant is proved by the id that Exchange Online stamps, and by nothing else: who can have Exchange Online stamp a forged id or send',
        'Belegt ist der Mandant nur durch die Id, die Exchange Online stempelt: Wer Exchange Online dazu bringt, eine gefälschte Id zu stempeln, oder',
      ),
      say(
        'an old mail again is taken for the tenant, and is signed for. The preset recommended asks for a secret too.',
        'eine alte Mail noch einmal schickt, gilt als der Mandant, und für ihn wird signiert. Die Vorgabe recommended verlangt auch ein Geheimnis.',
      ),
      say(
        `The exception "Received contains ${tenant.fqdn}" can be forged by any sender on the Internet: such mail passes by the gateway. What`,
        `Die Ausnahme „Received enthält ${tenant.fqdn}“ kann jeder Absender im Internet fälschen: solche Mail geht am Gateway vorbei. Auch`,
      ),
      say(
        'comes back through a list or a forwarding passes by too. The preset recommended has a secret word instead.',
        'was über eine Liste oder Weiterleitung zurückkommt, geht vorbei. Die Vorgabe recommended hat stattdessen ein geheimes Merkwort.',
      ),
    )
  else if (options.gatewayAddresses.length === 0)
    remarks.push(
      say(
        'Without --gateway-ip there is no rule that strips forged processed words: only their secrecy protects.',
        'Ohne --gateway-ip fehlt die Regel, die gefälschte Merkwörter entfernt: dann schützt nur deren Geheimhaltung.',
      ),
    )
  return remarks
}

/** The options as the command takes them. */
export function optionWords(options: AssistOptions): string[] {
  const { spam, inbound, guard, reportTo, exempt, pilotGroup, gatewayAddresses, certificateName } = options
  return [
    `--spam ${spam}`,
    `--inbound ${inbound}`,
    `--guard ${guard}`,
    ...(reportTo === null ? [] : [`--report-to ${reportTo}`]),
    `--exempt ${exempt.length === 0 ? 'none' : exempt.join(',')}`,
    `--pilot-group ${pilotGroup ?? 'none'}`,
    ...(gatewayAddresses.length === 0 ? ['none'] : gatewayAddresses).map((one) => `--gateway-ip ${one}`),
    `--certificate-name ${certificateName}`,
  ]
}

/** With which options the plan is made, and which of them the last script had otherwise. */
function optionLines(plan: AssistPlan, language: Language, last: AssistOptions | null): string[] {
  const here = optionWords(plan.options)
  const before = last === null ? null : optionWords(last)
  const other = before?.filter((word) => !here.includes(word)) ?? []
  return [
    `${WORDS.options[language]} ${here.join(' ')}`,
    ...(before === null ? [WORDS.noScript[language]] : []),
    ...(other.length === 0 ? [] : [`${WORDS.otherScript[language]} ${other.join(' ')}`]),
  ]
}

/**
 * The overview as lines for a terminal.
 * @param last - options of the last script; null when none was made
 */
export function overviewLines(plan: AssistPlan, language: Language, last: AssistOptions | null): string[] {
  const head = WORDS.head[language]
    .replace('{tenant}', plan.tenant.name)
    .replace('{preset}', plan.tenant.preset)
  const rows = overviewRows(plan, language)
  const kind = Math.max(...rows.map((row) => WORDS[row.kind][language].length))
  const name = Math.max(...rows.map((row) => row.name.length))
  const indent = ' '.repeat(kind + 2)
  return [
    head,
    ...optionLines(plan, language, last),
    '',
    ...rows.flatMap((row) => [
      `${WORDS[row.kind][language].padEnd(kind)}  ${row.name.padEnd(name)}  ${row.why}`,
      `${indent}${row.parameters.join('; ')}`,
    ]),
    '',
    ...planRemarks(plan, language),
  ]
}
