/**
 * Tests of the report's text: names and types as RFC 8460 4.4 has them, its day, its file's name, and what a peer cannot put in.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import {
  compressedReport,
  reportFileName,
  reportJson,
  type DayReport,
  type FailedSessions,
} from './report.ts'

const FAILED: FailedSessions = {
  result: 'certificate-expired',
  sendingAddress: '2001:db8:abcd:12::1',
  host: 'mx1.mail.company-y.example',
  receivingAddress: '203.0.113.56',
  reason: 'tls-certificate-expired',
  count: 100,
}
const NOWHERE: FailedSessions = {
  ...{ result: 'sts-policy-invalid', sendingAddress: null, host: null, receivingAddress: null, reason: null },
  count: 3,
}
const REPORT: DayReport = {
  id: '5065427c-23d3',
  organisation: 'Company-X',
  contact: 'sts-reporting@company-x.example',
  submitter: 'company-x.example',
  domain: 'company-y.example',
  day: Date.UTC(2016, 3, 1, 17, 5),
  policies: [
    {
      type: 'sts',
      text: ['version: STSv1', 'mode: testing', 'mx: *.mail.company-y.example', 'max_age: 86400'],
      hosts: ['*.mail.company-y.example'],
      successful: 5326,
      failed: [FAILED, NOWHERE],
    },
    { type: 'no-policy-found', text: [], hosts: [], successful: 1, failed: [] },
  ],
}

describe('the text of a report', () => {
  test('has the fields of RFC 8460 and leaves out what is not known', () => {
    assert.deepEqual(JSON.parse(reportJson(REPORT)), {
      'organization-name': 'Company-X',
      'date-range': {
        'start-datetime': '2016-04-01T00:00:00Z',
        'end-datetime': '2016-04-01T23:59:59Z',
      },
      'contact-info': 'sts-reporting@company-x.example',
      'report-id': '5065427c-23d3',
      policies: [
        {
          policy: {
            'policy-type': 'sts',
            'policy-string': [
              ...['version: STSv1', 'mode: testing', 'mx: *.mail.company-y.example', 'max_age: 86400'],
            ],
            'policy-domain': 'company-y.example',
            'mx-host': ['*.mail.company-y.example'],
          },
          summary: { 'total-successful-session-count': 5326, 'total-failure-session-count': 103 },
          'failure-details': [
            {
              'result-type': 'certificate-expired',
              'sending-mta-ip': '2001:db8:abcd:12::1',
              'receiving-mx-hostname': 'mx1.mail.company-y.example',
              'receiving-ip': '203.0.113.56',
              'failure-reason-code': 'tls-certificate-expired',
              'failed-session-count': 100,
            },
            { 'result-type': 'sts-policy-invalid', 'failed-session-count': 3 },
          ],
        },
        {
          policy: { 'policy-type': 'no-policy-found', 'policy-domain': 'company-y.example' },
          summary: { 'total-successful-session-count': 1, 'total-failure-session-count': 0 },
        },
      ],
    })
  })

  test('is what the compressed form holds', () => {
    assert.equal(gunzipSync(compressedReport(REPORT)).toString('utf8'), reportJson(REPORT))
  })

  test('property: whatever a peer says stays one short printable string', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (said) => {
        const [policy] = REPORT.policies
        assert.ok(policy)
        const failed = [{ ...FAILED, host: said }]
        const text = reportJson({ ...REPORT, policies: [{ ...policy, text: [said], failed }] })
        const { policies } = JSON.parse(text) as {
          policies: { policy: Record<string, string[]>; 'failure-details': Record<string, string>[] }[]
        }
        const told = [
          policies[0]?.policy['policy-string']?.[0],
          policies[0]?.['failure-details'][0]?.['receiving-mx-hostname'],
        ]
        for (const value of told) {
          assert.ok(value !== undefined && value.length <= 300)
          assert.doesNotMatch(value, /[\u0000-\u001f\u007f-\u009f]/)
        }
      }),
    )
  })
})

describe("the name of a report's file", () => {
  test('tells the domains, the day in seconds and the id', () => {
    assert.equal(
      reportFileName(REPORT),
      'company-x.example!company-y.example!1459468800!1459555199!5065427c-23d3.json.gz',
    )
  })

  test('holds nothing that parts it or leads elsewhere', () => {
    for (const id of ['', 'a!b', '../a', 'a/b', 'a b', 'a"b', 'a\r\nb'])
      assert.throws(() => reportFileName({ ...REPORT, id }), RangeError)
    assert.throws(() => reportFileName({ ...REPORT, domain: 'a/b' }), RangeError)
  })
})
