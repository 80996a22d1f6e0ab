/**
 * CRLs and OCSP responses of the small certification authorities of chain.ts, each made in one line. The writer of OCSP
 * responses is a test tool: the product only reads them.
 */
import { createHash } from 'node:crypto'
import { Oid } from '../src/der/oid.ts'
import {
  bits,
  boolean,
  enumerated,
  explicit,
  generalizedTime,
  implicit,
  nil,
  octets,
  oid,
  sequence,
  tlv,
} from '../src/der/writer.ts'
import type { Certificate } from '../src/x509/certificate.ts'
import { parseCrl } from '../src/x509/crl.ts'
import type { Crl } from '../src/x509/crl.ts'
import { issueCrl } from '../src/x509/issue-crl.ts'
import type { IssueCrlOptions, IssuedCrlEntry } from '../src/x509/issue-crl.ts'
import { parseOcspResponse } from '../src/x509/ocsp.ts'
import type { OcspResponse } from '../src/x509/ocsp.ts'
import { writeCertId } from '../src/x509/ocsp-request.ts'
import { signBytes } from '../src/x509/sign.ts'
import type { SignBytesOptions } from '../src/x509/sign.ts'
import { AT } from './chain.ts'
import type { Holder } from './chain.ts'

const HOUR = 3_600_000

/** Entries without their date, which is an hour before AT. */
export type Listed = readonly (Holder | Certificate | Omit<IssuedCrlEntry, 'revocationDate'>)[]

/** A CRL of an hour ago for a day. */
export function makeCrl(by: Holder, listed: Listed = [], options: Partial<IssueCrlOptions> = {}): Crl {
  const entries = listed.map((item) => {
    const certificate = 'certificate' in item ? item.certificate : item
    return {
      revocationDate: AT - HOUR,
      ...('raw' in certificate ? { serial: certificate.serial } : certificate),
    }
  })
  return parseCrl(
    issueCrl({
      issuer: by,
      thisUpdate: AT - HOUR,
      nextUpdate: AT + 24 * HOUR,
      number: 1,
      entries,
      ...options,
    }),
  )
}

/** One answer. */
export interface MadeAnswer {
  readonly certificate: Certificate
  readonly issuer: Certificate
  readonly hash?: 'sha1' | 'sha256'
  readonly status?: 'good' | 'revoked' | 'unknown'
  readonly reason?: number
  readonly thisUpdate?: number
  readonly nextUpdate?: number | null
  readonly extensions?: readonly Buffer[]
}

/** What may differ from an ordinary response. */
export interface MakeOcspOptions {
  readonly byKey?: boolean
  readonly certificates?: readonly Certificate[]
  readonly extensions?: readonly Buffer[]
  readonly signature?: SignBytesOptions
  /** Replaces the signature value. */
  readonly forged?: Buffer
}

/** An encoded extension. */
export function encodedExtension(type: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(type), ...(critical ? [boolean(true)] : []), octets(value))
}

/** The DER of a response by this responder. */
export function ocspBytes(by: Holder, answers: readonly MadeAnswer[], options: MakeOcspOptions = {}): Buffer {
  const { certificates = [], extensions = [] } = options
  const responder =
    options.byKey === true
      ? explicit(2, octets(createHash('sha1').update(by.certificate.keyBits).digest()))
      : explicit(1, by.certificate.subject.raw)
  const tbs = sequence(
    responder,
    generalizedTime(AT - HOUR),
    sequence(...answers.map(writeAnswer)),
    ...(extensions.length === 0 ? [] : [explicit(1, sequence(...extensions))]),
  )
  const { algorithm, signature } = signBytes(by.key, tbs, options.signature)
  const basic = sequence(
    ...[tbs, algorithm, bits(options.forged ?? signature)],
    ...(certificates.length === 0 ? [] : [explicit(0, sequence(...certificates.map(({ raw }) => raw)))]),
  )
  return sequence(enumerated(0), explicit(0, sequence(oid(Oid.idPkixOcspBasic), octets(basic))))
}

/** The same, parsed. */
export function makeOcsp(
  by: Holder,
  answers: readonly MadeAnswer[],
  options?: MakeOcspOptions,
): OcspResponse {
  return parseOcspResponse(ocspBytes(by, answers, options))
}

function writeAnswer(answer: MadeAnswer): Buffer {
  const { status = 'good', reason, thisUpdate = AT - HOUR, nextUpdate = AT + HOUR, extensions = [] } = answer
  const revoked = tlv(
    0xa1,
    generalizedTime(AT - HOUR),
    ...(reason === undefined ? [] : [explicit(0, enumerated(reason))]),
  )
  return sequence(
    writeCertId(answer, answer.hash ?? 'sha1'),
    status === 'revoked' ? revoked : implicit(status === 'good' ? 0 : 2, nil()),
    generalizedTime(thisUpdate),
    ...(nextUpdate === null ? [] : [explicit(0, generalizedTime(nextUpdate))]),
    ...(extensions.length === 0 ? [] : [explicit(1, sequence(...extensions))]),
  )
}
