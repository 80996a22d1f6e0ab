/**
 * The demo: builds a stage on loopback, plays every act, prints a table, and exits with 0 only if every row is as it must be.
 * `--keep` leaves everything running and prints the addresses.
 */
import { findJudge } from '../stage/judge.ts'
import { openStage } from '../stage/stage.ts'
import { ACTS, type Cast } from './acts.ts'
import { printTable, type Row } from './table.ts'

const keep = process.argv.includes('--keep')
const unknown = process.argv.slice(2).filter((argument) => argument !== '--keep')
if (unknown.length > 0) {
  console.error(`demo: unknown argument ${unknown.join(' ')}; there is only --keep`)
  process.exit(2)
}

const judge = findJudge()
const casts: Cast[] = []
console.log(`Siegel demo. The judge is ${judge.name}.`)
console.log(
  'Making a CA and keys, starting Exchange Online (simulated), the world (simulated) and the gateway …',
)
const stage = await openStage({}, (built) => {
  for (const act of ACTS) casts.push(act.cast(built))
})

const rows: Row[] = []
for (const [index, act] of ACTS.entries()) {
  process.stdout.write(`  ${String(index + 1).padStart(2)} of ${ACTS.length}  ${act.mail} … `)
  const started = performance.now()
  try {
    const result = await act.play(stage, judge, casts[index] ?? {})
    const milliseconds = performance.now() - started
    rows.push({ mail: act.mail, good: true, milliseconds, ...result })
    console.log('ok')
  } catch (error) {
    rows.push({
      mail: act.mail,
      did: '',
      judged: error instanceof Error ? error.message : 'failed',
      milliseconds: performance.now() - started,
      good: false,
    })
    console.log('FAILED')
  }
}
printTable(rows, judge.name)

if (keep) {
  console.log(`Left running until you press Ctrl-C:`)
  console.log(
    `  gateway           127.0.0.1:${stage.gateway.config.port}  (log level and data: ${stage.folder})`,
  )
  console.log(`  Exchange Online   ${stage.exchange.address.host}:${stage.exchange.address.port}`)
  console.log(`  the world's MX    ${stage.world.address.host}:${stage.world.address.port}`)
  await new Promise<void>((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve))
}
await stage.close()
process.exit(rows.every((row) => row.good) ? 0 : 1)
