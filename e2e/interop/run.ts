/**
 * One run of the interop matrix from beginning to end: material, participants, rows, page.
 */
import { bouncyCastle } from './bouncycastle.ts'
import { engine } from './engine.ts'
import { gnuTls } from './gnutls.ts'
import { gnuPg } from './gpgsm.ts'
import { makeMaterial } from './material.ts'
import { failures, runMatrix } from './matrix.ts'
import type { Line } from './matrix.ts'
import { nss } from './nss.ts'
import { openSsl } from './openssl.ts'
import { writePage } from './page.ts'
import type { Participant } from './participant.ts'
import { ROWS } from './rows.ts'
import type { Row } from './rows.ts'

/** What a run found. */
export interface Outcome {
  readonly lines: readonly Line[]
  readonly peers: readonly Participant[]
  /** Cells that fail, in words. */
  readonly failures: readonly string[]
  /** The text of docs/interop.md. */
  readonly page: string
}

/**
 * Runs the matrix.
 * @param wanted - which rows; every row by default
 * @param done - called after each row
 */
export async function runInterop(
  wanted: (row: Row) => boolean = () => true,
  done: (line: Line, peers: readonly Participant[]) => void = () => undefined,
): Promise<Outcome> {
  const material = makeMaterial()
  const peers: Participant[] = []
  try {
    for (const start of [openSsl, gnuPg, nss, bouncyCastle, gnuTls]) peers.push(start(material))
    const lines = await runMatrix(ROWS.filter(wanted), engine(material), peers, (line) => {
      done(line, peers)
    })
    return { lines, peers, failures: failures(lines, peers), page: writePage(lines, peers) }
  } finally {
    for (const peer of peers) await peer.close()
    material.close()
  }
}
