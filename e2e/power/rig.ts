/**
 * The rig of the tests that kill: one gateway with the load's people, and a sink in the place of Exchange Online that defers
 * some mails at first, so that there is always something in the queue.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeStageCertificates, type StageCertificates } from '../stage/certificates.ts'
import { StageGateway } from '../stage/gateway.ts'
import { findJudge } from '../stage/judge.ts'
import { baseObjects, CONTOSO, makeSecrets } from '../stage/objects.ts'
import { freePort } from '../stage/ports.ts'
import { Sink } from '../stage/sink.ts'
import { Cast } from './load.ts'

/** Everything on the rig. */
export interface Rig {
  readonly folder: string
  readonly certificates: StageCertificates
  readonly cast: Cast
  readonly sink: Sink
  readonly gateway: StageGateway
  /** Stops everything and removes the folder. */
  close(): Promise<void>
}

/** Settings of siegel.yaml that make a short test of a long life. */
const SETTINGS = { logLevel: 'info', queue: { retryFirst: '1s', retryLongest: '2s' } }

/** A gateway beside the sink, in a folder of its own; not started, nothing applied. */
export async function gatewayFor(
  sinkPort: number,
  folder: string,
  more: { readonly masterKey?: string; readonly environment?: Readonly<Record<string, string>> } = {},
): Promise<StageGateway> {
  return new StageGateway({
    folder,
    fqdn: CONTOSO.fqdn,
    port: await freePort(),
    hosts: { [CONTOSO.endpoint]: `127.0.0.1:${sinkPort}` },
    settings: SETTINGS,
    ...more,
  })
}

/**
 * Sets up the rig.
 * @param environment - of the gateway's processes, made from the rig's folder
 */
export async function openRig(
  environment: (folder: string) => Readonly<Record<string, string>> = () => ({}),
): Promise<Rig & { readonly sinkPort: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'siegel-rig-'))
  const certificates = makeStageCertificates(CONTOSO.fqdn)
  const cast = new Cast(certificates, findJudge(), `canary-${folder.slice(-6)}-${process.pid}`)
  const sink = new Sink(certificates.exchangeServer)
  const sinkPort = await sink.listen()
  const gateway = await gatewayFor(sinkPort, folder, { environment: environment(folder) })
  gateway.apply([...baseObjects(certificates, makeSecrets(), {}), ...cast.objects])
  return {
    folder,
    certificates,
    cast,
    sink,
    sinkPort,
    gateway,
    async close() {
      await gateway.end('SIGKILL')
      sink.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
