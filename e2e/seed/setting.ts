/**
 * What the scenarios of the seed and of the adversary play on: one stage for each preset, its tenant set up by nothing but the assistant's script, and people
 * who write to each other. No judgement here.
 */
import { randomBytes } from 'node:crypto'
import type { ExchangeEvent } from '@siegel/exo-sim'
import { plainMail } from '../demo/acts.ts'
import { Assistant } from '../stage/assistant.ts'
import { findJudge, type Judge } from '../stage/judge.ts'
import { CONTOSO, type Preset } from '../stage/objects.ts'
import { openStage, type Person, type Stage, type StageOptions } from '../stage/stage.ts'
import { Wire } from '../stage/wire.ts'

/** The people. */
export interface People {
  /** Inside, with a key. */
  readonly alice: Person
  /** Outside, the gateway knows the certificate. */
  readonly sealed: Person
  /** Outside, signs and is trusted, but unknown. */
  readonly writer: Person
}

/** A stage that is set up, and who is on it. */
export interface Setting {
  readonly preset: Preset
  readonly stage: Stage
  readonly assistant: Assistant
  /** The script that set the tenant up. */
  readonly script: string
  readonly wire: Wire
  readonly judge: Judge
  readonly people: People
}

/** A named scenario. It throws when something is not as the row says. */
export interface Scenario {
  readonly name: string
  readonly play: (setting: Setting) => Promise<void>
}

/** Opens the stage of a preset. The world sends from an address of its own, as the rules must tell it from the gateway. */
export async function openSetting(
  preset: Preset,
  options: Pick<StageOptions, 'addressRanges'> = {},
): Promise<Setting> {
  let people: People | undefined
  const queue = { retryFirst: '500ms', retryLongest: '1s' }
  const stageOptions = { ...options, preset, settings: { queue }, worldAddress: '127.0.0.2' }
  const stage = await openStage(stageOptions, (built) => {
    people = {
      alice: built.addEmployee('alice@contoso.example'),
      sealed: built.addPartner('sealed@partner.example'),
      writer: built.stranger('writer@world.example'),
    }
  })
  if (people === undefined) throw new Error('nobody came')
  const assistant = new Assistant(stage)
  const script = await assistant.setUp()
  const wire = new Wire(stage.exchange)
  return { preset, stage, assistant, script, wire, judge: findJudge(), people }
}

/** Ends everything. */
export async function closeSetting({ stage, wire }: Setting): Promise<void> {
  wire.close()
  await stage.close()
}

let counter = 0
/** A Message-ID of its own for each mail. */
export function newId(): string {
  return `<seed-${++counter}-${randomBytes(6).toString('hex')}@${CONTOSO.domain}>`
}

/** Somebody inside writes; gives the Message-ID. */
export function writeOut({ stage }: Setting, from: string, to: string, body: string): string {
  const messageId = newId()
  stage.exchange.submit({ tenant: CONTOSO.id, from, to, ...plainMail(from, to, messageId, body) })
  return messageId
}

/** Somebody outside writes, with these octets. */
export async function writeIn({ stage }: Setting, from: string, to: string, raw: Buffer): Promise<void> {
  const { accepted, reply } = await stage.world.send({ from, to, raw, envelope: { smtpUtf8: true } })
  if (accepted.length !== 1) throw new Error(`the front end refused: ${reply}`)
}

/** Header fields of a mail from outside, up to its content fields. */
export function headerOf(from: string, to: string, messageId: string, more = ''): string {
  const date = new Date().toUTCString().replace('GMT', '+0000')
  return `${more}From: ${from}\r\nTo: ${to}\r\nSubject: Answer\r\nDate: ${date}\r\nMessage-ID: ${messageId}\r\n`
}

/** What Exchange Online's rules decided about a mail, pass by pass. */
export function decisions(
  { stage }: Setting,
  messageId: string,
): Extract<ExchangeEvent, { type: 'decided' }>[] {
  return stage.exchange
    .events()
    .filter((event): event is Extract<ExchangeEvent, { type: 'decided' }> => event.type === 'decided')
    .filter((event) => event.messageId === messageId)
}
