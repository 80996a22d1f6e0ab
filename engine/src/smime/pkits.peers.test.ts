/**
 * NIST's PKITS whole, as Debian carries it in python3-cryptography-vectors (SIEGEL_PKITS names another folder): each of its signed
 * mails, with CRLs demanded. A mail's name says whether its path is valid; where that depends on the policies wanted, a table does.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseCertificate } from '../x509/certificate.ts'
import type { PolicyOptions } from '../x509/policies.ts'
import { verifyMessage } from './verify.ts'

const DEBIAN = '/usr/lib/python3/dist-packages/cryptography_vectors/x509/PKITS_data'
const folder = process.env['SIEGEL_PKITS'] ?? DEBIAN
const anchor = parseCertificate(readFileSync(join(folder, 'certs', 'TrustAnchorRootCertificate.crt')))

/** Whether the signer of a mail is valid, and why not. */
function judge(mail: string, policies: PolicyOptions = {}): string {
  const { signers } = verifyMessage(readFileSync(join(folder, 'smime', `Signed${mail}.eml`)), {
    ...{ anchors: [anchor], at: Date.UTC(2025, 0, 1), allowWeak: true, revocation: 'require' },
    ...policies,
  })
  const [signer] = signers
  return signer === undefined ? 'no signer' : signer.status === 'valid' ? 'valid' : signer.reasons.join()
}

const policy = (n: number): string => `2.16.840.1.101.3.2.1.48.${n}`
/** The acceptable policies of NIST by number; none means any. A policy is demanded. */
const wants = (...numbers: readonly number[]): PolicyOptions => ({
  policies: numbers.map(policy),
  explicitPolicy: true,
})
const ANY = wants()

/** PKITS 4.8, 4.10 and 4.12, the settings that are named there: those that make the path valid, and those that do not. */
const POLICIES: Readonly<
  Record<string, readonly [good: readonly PolicyOptions[], bad: readonly PolicyOptions[]]>
> = {
  AllCertificatesSamePolicyTest1: [[{}, ANY, wants(1), wants(1, 2)], [wants(2)]],
  AllCertificatesNoPoliciesTest2: [[{}], [ANY]],
  DifferentPoliciesTest3: [[{}], [ANY, wants(1, 2)]],
  DifferentPoliciesTest4: [[], [{}, ANY]],
  DifferentPoliciesTest5: [[], [{}, ANY]],
  OverlappingPoliciesTest6: [[ANY, wants(1)], [wants(2)]],
  DifferentPoliciesTest7: [[], [{}, ANY]],
  DifferentPoliciesTest8: [[], [{}, ANY]],
  DifferentPoliciesTest9: [[], [{}, ANY]],
  AllCertificatesSamePoliciesTest10: [[ANY, wants(1), wants(2)], []],
  AllCertificatesAnyPolicyTest11: [[ANY, wants(1)], [{ ...ANY, inhibitAnyPolicy: true }]],
  DifferentPoliciesTest12: [[], [{}, ANY]],
  AllCertificatesSamePoliciesTest13: [[wants(1), wants(2), wants(3)], [wants(4)]],
  AnyPolicyTest14: [[wants(1)], [wants(2)]],
  UserNoticeQualifierTest15: [[ANY, wants(1)], [wants(2)]],
  UserNoticeQualifierTest16: [[ANY, wants(1)], [wants(2)]],
  UserNoticeQualifierTest17: [[ANY, wants(1)], []],
  UserNoticeQualifierTest18: [[wants(1), wants(2)], []],
  UserNoticeQualifierTest19: [[ANY, wants(1)], []],
  CPSPointerQualifierTest20: [[ANY, wants(1)], []],
  ValidPolicyMappingTest1: [
    [ANY, wants(1)],
    [wants(2), { ...ANY, inhibitPolicyMapping: true }],
  ],
  ValidPolicyMappingTest3: [[wants(2)], [wants(1)]],
  ValidPolicyMappingTest5: [[wants(1)], [wants(6)]],
  ValidPolicyMappingTest6: [[wants(1)], [wants(6)]],
  ValidPolicyMappingTest9: [[wants(1)], []],
  ValidPolicyMappingTest12: [[wants(1), wants(2)], []],
  inhibitAnyPolicyTest3: [[{}], [{ inhibitAnyPolicy: true }]],
}

const mails = readdirSync(join(folder, 'smime'))
  .flatMap((name) => /^Signed(.+)\.eml$/.exec(name)?.[1] ?? [])
  .sort()

test('all of it is there', () => {
  assert.equal(mails.length, 224)
  assert.deepEqual(
    Object.keys(POLICIES).filter((name) => !mails.includes(name)),
    [],
  )
})

for (const mail of mails)
  test(`PKITS ${mail}`, () => {
    const table = POLICIES[mail]
    const valid = mail.startsWith('Valid')
    // The one invalid path without that word in its name
    const invalid = mail.startsWith('Invalid') || mail === 'MissingCRLTest1'
    assert.ok(table !== undefined || valid || invalid, 'nobody says what to expect')
    const [good, bad] = table ?? [valid ? [{}] : [], invalid ? [{}] : []]
    for (const options of good) assert.equal(judge(mail, options), 'valid', JSON.stringify(options))
    for (const options of bad) assert.notEqual(judge(mail, options), 'valid', JSON.stringify(options))
    // Demanding nothing never makes a path worse
    if (good.length > 0) assert.equal(judge(mail), 'valid')
  })
