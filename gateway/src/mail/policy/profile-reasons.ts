/**
 * What a profile has to say of a mail beside its algorithms: the rules of EDI-Energy on subject and file name, and whether an operator
 * has confirmed their edition. Says it; changes nothing and stops nothing: what the partner's system makes of it is the partner's.
 */
import type { Reason } from '../plan.ts'
import type { Tenant } from '../tenant.ts'
import { EDI_ENERGY } from './edi-energy.ts'
import type { RecipientFacts } from './facts.ts'
import { includesProfile } from './profiles.ts'
import { ruledMail } from './ruled-mail.ts'
import type { ScannedMessage } from './scanned-message.ts'

/** Whether the edition that the operator has confirmed is the one in the data file; null when it is. */
export function editionReason({ ediEnergyEdition }: Pick<Tenant, 'ediEnergyEdition'>): Reason | null {
  const { edition, since } = EDI_ENERGY
  return ediEnergyEdition === edition
    ? null
    : {
        code: 'edi-energy-edition-not-confirmed',
        arguments: { edition, since, confirmed: ediEnergyEdition ?? '-' },
      }
}

/**
 * What the profiles say of a mail; nothing for most.
 * @param ordinary - it is content of its own, not protected yet
 */
export function profileReasons(
  message: ScannedMessage,
  profile: string,
  tenant: Pick<Tenant, 'ediEnergyEdition'>,
  ordinary: boolean,
): Pick<RecipientFacts, 'profileReasons'> {
  if (!includesProfile(profile, 'edi-energy')) return {}
  const edition = editionReason(tenant)
  const reasons = [...(edition === null ? [] : [edition]), ...(ordinary ? ediMailReasons(message) : [])]
  return reasons.length === 0 ? {} : { profileReasons: reasons }
}

/** What the rules on the mail itself find. The subject is in no reason: it is nobody's business in a trace. */
function ediMailReasons(message: ScannedMessage): Reason[] {
  const { attachments, attachmentType, compressedEnds, subjectIsFileName } = EDI_ENERGY.mail
  const { subject, parts } = ruledMail(message, {
    senders: [],
    kind: 'ordinary',
    protection: 'none',
    size: 0,
    nullSender: false,
  })
  const files = (parts ?? []).filter(({ name }) => name !== '')
  const [file] = files
  if (file === undefined || files.length !== attachments)
    return [{ code: 'edi-energy-attachments', arguments: { count: files.length, wanted: attachments } }]
  const reasons: Reason[] = []
  if (file.type !== attachmentType)
    reasons.push({
      code: 'edi-energy-attachment-type',
      arguments: { type: file.type, wanted: attachmentType },
    })
  const end = compressedEnds.find((each) => file.name.toLowerCase().endsWith(each)) ?? ''
  const name = file.name.slice(0, file.name.length - end.length)
  if (subjectIsFileName && subject?.trim() !== name)
    reasons.push({ code: 'edi-energy-subject', arguments: {} })
  return reasons
}
