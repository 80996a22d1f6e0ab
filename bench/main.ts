/**
 * The benchmark: processor time per mail and mails per second of the real gateway, over kept TLS connections on both sides,
 * every mail synced before its 250. Points: pass, sign, sign and encrypt, at 5 kB and 50 kB; and 50 kB by DATA, of text and of lines
 * with a dot alone, since a flood of those is to cost no more for each octet.
 *
 * Usage: npm run bench [-- --quick] [--json]
 * A round in which a mail is lost, doubled or arrives in another form than the point asks for is void and fails the run.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { makePerson, makeStageCertificates } from '../e2e/stage/certificates.ts'
import { StageGateway, type StageObject } from '../e2e/stage/gateway.ts'
import { findJudge } from '../e2e/stage/judge.ts'
import { baseObjects, CONTOSO, credentialObject, makeSecrets, partnerObject } from '../e2e/stage/objects.ts'
import { freePort } from '../e2e/stage/ports.ts'
import { memory, processorTime } from './processor.ts'
import { Sink, type ArrivedAs } from '../e2e/stage/sink.ts'
import { openSource, type SourceMail } from '../e2e/stage/source.ts'

const quick = process.argv.includes('--quick')
const asJson = process.argv.includes('--json')
const ROUNDS = quick ? 1 : 5
const MAILS = quick ? 300 : 1000
const WARM_UP = 400
const CONNECTIONS = 8

interface Point {
  readonly operation: 'pass' | 'sign' | 'sign+encrypt'
  /** By BDAT, or by DATA with lines of text or of dots. */
  readonly by: 'BDAT' | 'DATA' | 'DATA, dots'
  readonly kilobytes: number
}

interface Result extends Point {
  readonly round: number
  readonly cpuMsPerMail: number
  readonly mailsPerSecond: number
}

const SENDER = {
  pass: 'nokey@contoso.example',
  sign: 'signer@contoso.example',
  'sign+encrypt': 'signer@contoso.example',
} as const
const RECIPIENT = {
  pass: 'stranger@partner.example',
  sign: 'stranger@partner.example',
  'sign+encrypt': 'reader@partner.example',
} as const
const FORM: Readonly<Record<Point['operation'], ArrivedAs>> = {
  pass: 'plain',
  sign: 'clear-signed',
  'sign+encrypt': 'encrypted',
}

let serial = 0

/** A mail as Exchange Online hands it over, with a Message-ID of its own. */
function makeMail(point: Point): SourceMail {
  const from = SENDER[point.operation]
  const to = RECIPIENT[point.operation]
  const header =
    `From: <${from}>\r\nTo: <${to}>\r\nSubject: bench\r\nMessage-ID: <${++serial}@bench.example>\r\nDate: Tue, 24 Nov 2026 09:00:00 +0000\r\n` +
    `X-MS-Exchange-CrossTenant-Id: ${CONTOSO.id}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n`
  const line = 'The quick brown fox jumps over the lazy dog and runs into the woods again\r\n'
  const unit = point.by === 'DATA, dots' ? '..\r\n' : line
  const body = unit.repeat(Math.ceil((point.kilobytes * 1000 - header.length) / unit.length))
  return { from, to, data: Buffer.from(header + body, 'latin1'), via: point.by === 'BDAT' ? 'BDAT' : 'DATA' }
}

const folder = mkdtempSync(join(tmpdir(), 'siegel-bench-'))
const certificates = makeStageCertificates(CONTOSO.fqdn)
const reader = makePerson(certificates.mail, 'reader@partner.example')
const signer = makePerson(certificates.mail, 'signer@contoso.example')
const objects: StageObject[] = [
  ...baseObjects(certificates, makeSecrets(), {}),
  credentialObject('signer@contoso.example', signer),
  partnerObject('reader@partner.example', reader),
]
const sink = new Sink(certificates.exchangeServer)
const gateway = new StageGateway({
  folder,
  fqdn: CONTOSO.fqdn,
  port: await freePort(),
  hosts: { [CONTOSO.endpoint]: `127.0.0.1:${await sink.listen()}` },
  settings: { logLevel: 'info' },
})
gateway.apply(objects)
await gateway.start()

/** One round of one point. */
async function measure(point: Point, count: number, round: number): Promise<Result> {
  const { pid } = gateway
  if (pid === undefined) throw new Error('the gateway is gone')
  sink.clear()
  const source = await openSource({
    port: gateway.config.port,
    connections: CONNECTIONS,
    client: certificates.exchangeClient,
  })
  const cpu = processorTime(pid)
  const started = performance.now()
  await source.send(count, () => makeMail(point))
  await sink.received(count)
  const seconds = (performance.now() - started) / 1000
  const cpuMs = processorTime(pid) - cpu
  source.close()
  check(point, count)
  return { ...point, round, cpuMsPerMail: cpuMs / count, mailsPerSecond: count / seconds }
}

/** Every mail once, in the form the point asks for, and a sample that the judge finds good. */
function check(point: Point, count: number): void {
  const wrong = [...sink.arrived.values()].filter((form) => form !== FORM[point.operation])
  if (sink.arrived.size !== count || sink.doubled > 0 || wrong.length > 0)
    throw new Error(
      `void round: ${sink.arrived.size} of ${count} arrived, ${sink.doubled} doubled, ${wrong.length} in another form`,
    )
  const judge = findJudge()
  const sample = sink.samples.get(FORM[point.operation]) ?? Buffer.alloc(0)
  if (point.operation === 'pass') return
  const signed =
    point.operation === 'sign' ? sample : judge.decrypt(sample, reader.certificate, reader.key).content
  const verdict = judge.verify(signed, certificates.mail.root)
  if (!verdict.good) throw new Error(`void round: ${judge.name} says ${verdict.words}`)
}

function median(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (index: number) => (sorted[index] ?? NaN).toFixed(2)
  return `${at(Math.floor(sorted.length / 2))} [${at(0)}..${at(sorted.length - 1)}]`
}

const POINTS: readonly Point[] = [
  ...[5, 50].flatMap((kilobytes) =>
    (['pass', 'sign', 'sign+encrypt'] as const).map((operation) => ({
      operation,
      by: 'BDAT' as const,
      kilobytes,
    })),
  ),
  ...(['DATA', 'DATA, dots'] as const).map((by) => ({ operation: 'pass' as const, by, kilobytes: 50 })),
]
const results: Result[] = []
try {
  const spawnStarted = performance.now()
  for (let index = 0; index < 10; index++) spawnSync('/bin/true')
  if (!asJson)
    console.log(
      `${cpus().length} cores, load ${loadavg()
        .map((load) => load.toFixed(1))
        .join(
          ' ',
        )}, a process costs ${((performance.now() - spawnStarted) / 10).toFixed(1)} ms; ${CONNECTIONS} kept TLS connections, RSA-2048, AES-256-CBC`,
    )
  for (const point of POINTS) await measure(point, WARM_UP, 0)
  for (let round = 1; round <= ROUNDS; round++)
    for (const point of POINTS) {
      const result = await measure(point, MAILS, round)
      results.push(result)
      if (asJson) console.log(JSON.stringify(result))
      else
        console.log(
          `round ${round}  ${point.operation.padEnd(12)} ${point.by.padEnd(10)} ${String(point.kilobytes).padStart(2)} kB  ${result.cpuMsPerMail.toFixed(2)} CPU-ms  ${result.mailsPerSecond.toFixed(0)} mails/s`,
        )
    }
  if (!asJson) {
    const { now, peak } = memory(gateway.pid ?? process.pid)
    console.log('\noperation    by         size   CPU-ms per mail        mails per second')
    for (const point of POINTS) {
      const rounds = results.filter(
        (result) =>
          result.operation === point.operation &&
          result.by === point.by &&
          result.kilobytes === point.kilobytes,
      )
      console.log(
        `${point.operation.padEnd(12)} ${point.by.padEnd(10)} ${String(point.kilobytes).padStart(2)} kB   ${median(rounds.map((one) => one.cpuMsPerMail)).padEnd(22)} ${median(rounds.map((one) => one.mailsPerSecond))}`,
      )
    }
    console.log(`memory of the gateway: ${now.toFixed(0)} MB now, ${peak.toFixed(0)} MB at its peak`)
  }
} finally {
  await gateway.end('SIGTERM')
  sink.close()
  rmSync(folder, { recursive: true, force: true })
}
