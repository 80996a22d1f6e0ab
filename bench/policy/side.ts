/**
 * One side of the benchmark of decisions: a process of its own with one store, opened as the gateway opens it. A line
 * `random COUNT SEED`, `repeated COUNT SEED`, `own` or `memory` is answered with a line of JSON. Changes nothing in the store.
 *
 * Usage: node bench/policy/side.ts FOLDER SCALE, the scale as JSON
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { compileSettings } from '../../gateway/src/config/settings.ts'
import { decide } from '../../gateway/src/mail/policy/decide.ts'
import { gather } from '../../gateway/src/mail/policy/gather.ts'
import type { TenantSurroundings } from '../../gateway/src/mail/journey.ts'
import { expiryAlarms, LONGEST_NOTICE_MS } from '../../gateway/src/identity/expiry.ts'
import { shownBy } from '../../gateway/src/keyring/capabilities.ts'
import { createLog } from '../../gateway/src/observe/log.ts'
import { Parts } from '../../gateway/src/parts.ts'
import { openStore } from '../../gateway/src/store/index.ts'
import { openStatus } from '../../gateway/src/trust/open-status.ts'
import { memory } from '../processor.ts'
import { sceneMail, type Scale, type SceneMail } from './scene.ts'

const SIZE_LIMIT = 157_286_400
/** Mails among which repeated decisions choose. */
const REPEATED = 20

const [folder = '.', text = '{}'] = process.argv.slice(2)
const scale = JSON.parse(text) as Scale
const log = createLog({ level: 'error', write: (line) => process.stderr.write(`${line}\n`) })
const began = performance.now()
const masterKey = readFileSync(join(folder, 'master.key'))
const store = await openStore({ dataFolder: join(folder, 'data'), masterKey, log })
const opened = performance.now()
const { version, objects, tenants, identities } = await store.config.read()
const read = performance.now()
const { settings, findings } = compileSettings(version, objects, tenants, identities)
const compiled = performance.now()
for (const finding of findings) if (finding.severity === 'error') throw new Error(finding.message)
const [tenant] = tenants.values()
const tenantId = tenant?.id ?? ''

/** Keyring, trust and status service anew: nothing is remembered of earlier rounds, and what they left counts as nobody's memory. */
function fresh(): TenantSurroundings {
  globalThis.gc?.()
  const nobody = () => Promise.reject(new Error('nothing is asked for outside'))
  const status = openStatus({ hosts: new Map() }, null, store.revocationSources, log)
  const parts = new Parts(status, {
    stores: (id) => store.forTenant(id),
    directory: (id) => store.forTenant(id).directory,
    capabilities: (id) => store.forTenant(id).capabilities,
    hosts: nobody,
    resolver: { resolve: nobody, validates: false },
    anchors: () => [],
    ...{ now: Date.now, log },
  })
  parts.adopt(settings)
  const surroundings = parts.surroundings(tenantId)
  if (surroundings === null) throw new Error('no tenant')
  return surroundings
}

/** Numbers of a seed, each below 1. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Mails from and to addresses that are drawn at random, each made when it is asked for: many at once would count as memory. */
function* drawn(count: number, seed: number): Generator<SceneMail, void, undefined> {
  const next = random(seed)
  const below = (limit: number) => Math.floor(next() * Math.max(1, limit))
  for (let index = 0; index < count; index += 1) {
    const partners = Array.from({ length: 5 }, () => below(scale.partners))
    yield sceneMail(below(scale.users), partners, Date.now())
  }
}

/** Decides one mail; gives the milliseconds that passed, and those of the processor. */
async function decided(
  { capabilities, groups, ...surroundings }: TenantSurroundings,
  { mail, message, recipients }: SceneMail,
) {
  const deliveries = recipients.map((address, number) => ({
    ...{ number, recipient: { address }, released: false },
  }))
  const cpu = process.cpuUsage()
  const start = performance.now()
  const facts = await gather(mail, message, deliveries, {
    ...surroundings,
    capabilities: (address) => shownBy(capabilities?.find(address) ?? []),
    groups: groups ?? null,
    ...{ now: Date.now(), sizeLimit: SIZE_LIMIT, apart: 0 },
  })
  const plan = decide(facts)
  const ms = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  const encrypted = plan.recipients.filter(
    ({ treatment }) => treatment.kind === 'protect' && treatment.sign !== null && treatment.encrypt !== null,
  ).length
  if (encrypted !== (scale.partners === 0 ? 0 : recipients.length))
    throw new Error(
      `void round: ${encrypted} of ${recipients.length} signed and encrypted: ${JSON.stringify(plan)}`,
    )
  return { ms, cpuMs: (user + system) / 1000 }
}

/** Times of decisions: the middle, the 99th of a hundred, and the processor's for each. */
async function measured(mails: Iterable<SceneMail>, surroundings: TenantSurroundings) {
  const times: number[] = []
  let cpu = 0
  for (const mail of mails) {
    const { ms, cpuMs } = await decided(surroundings, mail)
    times.push(ms)
    cpu += cpuMs
  }
  times.sort((a, b) => a - b)
  const at = (part: number) => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? NaN
  return { p50: at(0.5), p99: at(0.99), cpuMs: cpu / times.length }
}

async function answer(line: string): Promise<object> {
  const [command = '', count = '0', seed = '0'] = line.split(' ')
  switch (command) {
    case 'opened':
      return { openMs: opened - began, readMs: read - opened, compileMs: compiled - read }
    case 'random':
      return measured(drawn(Number(count), Number(seed)), fresh())
    case 'repeated': {
      const surroundings = fresh()
      const few = [...drawn(REPEATED, Number(seed))]
      for (const mail of few) await decided(surroundings, mail)
      const mails = Array.from({ length: Number(count) }, (_, at) => few[at % REPEATED] ?? [])
      return measured(mails.flat(), surroundings)
    }
    case 'own': {
      const start = performance.now()
      const alarms = expiryAlarms(
        settings,
        await store.ownCredentials(Date.now() + LONGEST_NOTICE_MS),
        Date.now(),
      )
      return { ms: performance.now() - start, alarms: alarms.length }
    }
    case 'memory':
      return memory(process.pid)
    default:
      throw new Error(`no command ${command}`)
  }
}

for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(await answer(line)))
await store.close()
