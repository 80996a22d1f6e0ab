/**
 * LDAP against Debian's slapd: both attributes, LDAPS and StartTLS, a certificate that is not good for the server, a wrong password, and
 * addresses that would mean something in a filter. Needs slapd (scripts/install-peers.sh).
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { certificatesOnly, writePem } from '@siegel/engine'
import { createHostLookup } from '../../dns/hosts.ts'
import { make, makeRoot } from '../testing/credentials.ts'
import { createLdapFinder, type LdapSource } from './ldap.ts'
import { startSlapd } from './testing/slapd.ts'

const HOST = 'ldap.partner.test'
const PORTS = { ldap: 20_000 + (process.pid % 10_000), ldaps: 30_000 + (process.pid % 10_000) }
const PASSWORD = 'not a secret'
const tlsRoot = makeRoot('TLS Root')
const mailRoot = makeRoot()
const anna = make('Anna', mailRoot, { emails: ['anna@partner.test'], rsa: true })
const star = make('Star', mailRoot, { emails: ['a*(x)@partner.test'], rsa: true })

function entry(uid: string, mail: string, attribute: string, value: Buffer): string {
  return `dn: uid=${uid},dc=test\nobjectClass: inetOrgPerson\nuid: ${uid}\ncn: ${uid}\nsn: ${uid}\nmail: ${mail}\n${attribute}:: ${value.toString('base64')}\n\n`
}

describe('LDAP, against slapd', () => {
  let server: Awaited<ReturnType<typeof startSlapd>> | null = null
  before(async () => {
    const tls = make('ldap', tlsRoot, { rsa: true, extensions: { dnsNames: [HOST] } })
    server = await startSlapd({
      certificate: writePem('CERTIFICATE', tls.certificate.raw),
      key: tls.key.export({ type: 'pkcs8', format: 'pem' }),
      ldif:
        entry('anna', 'anna@partner.test', 'userCertificate;binary', anna.certificate.raw) +
        entry(
          'bo',
          'bo@partner.test',
          'userSMIMECertificate',
          certificatesOnly([anna.certificate, mailRoot.certificate]),
        ) +
        entry('star', 'a*(x)@partner.test', 'userCertificate;binary', star.certificate.raw),
      password: PASSWORD,
      ports: PORTS,
    })
  })
  after(() => server?.close())

  async function find(address: string, rest: Partial<LdapSource> = {}, host = HOST): Promise<string[]> {
    const tls = rest.tls ?? 'ldaps'
    const finder = createLdapFinder(
      {
        ...{ server: host, tls, port: tls === 'ldaps' ? PORTS.ldaps : PORTS.ldap, baseDn: 'dc=test' },
        ...{ filter: '(mail={address})', bind: { dn: 'cn=reader,dc=test', password: PASSWORD }, ...rest },
      },
      {
        hosts: createHostLookup({ table: new Map([[host, ['127.0.0.1']]]) }),
        anchors: () => [writePem('CERTIFICATE', tlsRoot.certificate.raw)],
      },
    )
    const { certificates } = await finder.find(address, AbortSignal.timeout(5000))
    return certificates.map(({ certificate }) => certificate.fingerprint)
  }

  test('finds both attributes, over LDAPS and StartTLS', async () => {
    for (const tls of ['ldaps', 'starttls'] as const)
      for (const address of ['anna@partner.test', 'bo@partner.test'])
        assert.deepEqual(await find(address, { tls }), [anna.certificate.fingerprint], `${tls} ${address}`)
  })

  test('an address is a value and nothing else', async () => {
    assert.deepEqual(await find('a*(x)@partner.test'), [star.certificate.fingerprint])
    for (const address of [
      '*@partner.test',
      '*',
      'x)(uid=*',
      'anna@partner.test)(uid=anna',
      '\\2a',
      'ü@partner.test',
    ])
      assert.deepEqual(await find(address), [], address)
  })

  test('a server with another name, another authority or another password is no answer', async () => {
    await assert.rejects(find('anna@partner.test', {}, 'other.partner.test'))
    await assert.rejects(find('anna@partner.test', { tls: 'starttls' }, 'other.partner.test'))
    await assert.rejects(find('anna@partner.test', { bind: { dn: 'cn=reader,dc=test', password: 'wrong' } }))
    await assert.rejects(find('anna@partner.test', { baseDn: 'dc=other' }))
  })
})
