/** Tenants for the tests of the assistant. */
import type { AssistTenant } from '../options.ts'

/** Secrets that must never be seen on a screen. */
export const SECRETS = {
  stampOut: '0123456789abcdef0123456789abcd01',
  stampIn: '0123456789abcdef0123456789abcd02',
  wordOut: 'abcdefghijklmnopqrstuvwxyz',
  wordIn: 'bcdefghijklmnopqrstuvwxyza',
} as const

/** A tenant of the preset `recommended`. */
export const recommended: AssistTenant = {
  name: 'contoso',
  microsoftTenantId: '11111111-2222-3333-4444-555555555555',
  acceptedDomains: ['contoso.com', 'smime-gw.contoso.com'],
  initialDomain: null,
  fqdn: 'smime-gw.contoso.com',
  preset: 'recommended',
  secretHeader: {
    name: 'X-Contoso-Siegel',
    outbound: [SECRETS.stampOut],
    inbound: [SECRETS.stampIn],
    retired: null,
  },
  processedHeader: { name: 'X-Siegel-Processed', outbound: [SECRETS.wordOut], inbound: [SECRETS.wordIn] },
  route: '[contoso-com.mail.protection.outlook.com]:25',
}

/** The same tenant with the preset `as-documented`. */
export const documented: AssistTenant = {
  ...recommended,
  preset: 'as-documented',
  secretHeader: null,
  processedHeader: { name: 'X-Siegel-Processed', outbound: [], inbound: [] },
}
