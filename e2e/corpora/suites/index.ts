/**
 * All suites of the corpora, in the order of the report.
 */
import type { Suite } from '../case.ts'
import { limbo, openssl } from './chains.ts'
import { pkits, protectedHeadersDraft, rfc9788, thunderbird } from './mails.ts'
import { bouncycastle, gmime, jsmime, mime4j, stalwart } from './mime.ts'
import { lampsPqc, pqcCms } from './post-quantum.ts'
import { rfc4134, rfc9216 } from './samples.ts'
import { wycheproof } from './wycheproof.ts'

export const SUITES: readonly Suite[] = [
  ...[rfc4134, rfc9216, rfc9788, protectedHeadersDraft, thunderbird, pkits, limbo, openssl],
  ...[mime4j, stalwart, jsmime, gmime, bouncycastle, wycheproof, lampsPqc, pqcCms],
]
