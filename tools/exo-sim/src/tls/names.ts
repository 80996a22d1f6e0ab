// Names in certificates and how they are compared: presented identifiers, wildcards, domains and their subdomains.
// It judges no chain and knows no connector.
import type { X509Certificate } from 'node:crypto'

/** Common name and DNS names of a certificate, lower case, without repetition. */
export function certificateNames(certificate: X509Certificate): string[] {
  const names = new Set<string>()
  for (const line of certificate.subject.split('\n')) {
    if (line.startsWith('CN=')) names.add(line.slice(3).toLowerCase())
  }
  for (const entry of (certificate.subjectAltName ?? '').split(', ')) {
    if (entry.startsWith('DNS:')) names.add(entry.slice(4).toLowerCase())
  }
  return [...names]
}

/** The subject as Microsoft prints it, most specific part first: `CN=mail.contoso.com, O=Contoso`. */
export function subjectText(certificate: X509Certificate): string {
  return certificate.subject.split('\n').reverse().join(', ')
}

/** Whether a presented name (perhaps `*.contoso.com`, which stands for one label: RFC 6125 6.4.3) covers `host`. */
export function presentedNameCovers(presented: string, host: string): boolean {
  if (presented === host) return true
  if (!presented.startsWith('*.')) return false
  const dot = host.indexOf('.')
  return dot > 0 && host.slice(dot + 1) === presented.slice(2)
}

/** Whether any name of the certificate satisfies `wanted`, which may itself be `*.contoso.com` (any depth below). */
export function certificateSatisfies(certificate: X509Certificate, wanted: string): boolean {
  const goal = wanted.toLowerCase()
  return certificateNames(certificate).some(
    (name) => presentedNameCovers(name, goal) || (goal.startsWith('*.') && isBelow(name, goal.slice(2))),
  )
}

/** Whether `name` is a proper subdomain of `domain`. */
export function isBelow(name: string, domain: string): boolean {
  return name.length > domain.length && name.endsWith(`.${domain}`)
}

/** Domain part of an address, lower case; empty for the null sender. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase()
}
