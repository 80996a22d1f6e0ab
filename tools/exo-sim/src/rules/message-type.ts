// Which kinds of message a message is, as MessageTypeMatches tells them. It looks at header fields and, for protected
// content, at the type of the whole; never into encrypted content.
import type { Message } from '../message/message.ts'
import type { MessageType } from './rule.ts'

/** Whether the message is of this kind. */
export function isOfType(message: Message, type: MessageType): boolean {
  const content = (message.value('Content-Type') ?? '').toLowerCase().trim()
  const whole = content.split(';')[0]?.trim() ?? ''
  const submitted = (message.value('Auto-Submitted') ?? '').toLowerCase()
  const contentClass = (message.value('Content-Class') ?? '').toLowerCase()
  switch (type) {
    case 'OOF':
      return submitted.startsWith('auto-replied') && !whole.startsWith('multipart/report')
    case 'AutoForward':
      return (
        submitted.startsWith('auto-forwarded') ||
        /^true$/i.test(message.value('X-MS-Exchange-AutoForwarded') ?? '')
      )
    case 'Encrypted':
      return isPkcs7(whole) && !isSignedData(content)
    case 'Signed':
      return (
        (whole === 'multipart/signed' && /pkcs7-signature/.test(content)) ||
        (isPkcs7(whole) && isSignedData(content))
      )
    case 'Calendaring':
      return (
        whole === 'text/calendar' ||
        contentClass.startsWith('urn:content-classes:calendarmessage') ||
        (whole.startsWith('multipart/') && /^content-type:\s*text\/calendar\b/im.test(head(message)))
      )
    case 'PermissionControlled':
      return contentClass === 'rpmsg.message' || /^content-type:\s*application\/x-microsoft-rpmsg-message\b/im.test(head(message)) // prettier-ignore
    case 'Voicemail':
      return contentClass.startsWith('urn:content-class:voice') || whole === 'multipart/voice-message'
    case 'ApprovalRequest':
      return contentClass === 'ipm.note.microsoft.approval.request'
    case 'ReadReceipt':
      return whole === 'multipart/report' && /report-type="?disposition-notification/.test(content)
  }
}

function isPkcs7(whole: string): boolean {
  return whole === 'application/pkcs7-mime' || whole === 'application/x-pkcs7-mime'
}

function isSignedData(content: string): boolean {
  return /smime-type="?(signed-data|certs-only)/.test(content)
}

/** Enough of the body to see the types of its first parts. */
function head(message: Message): string {
  return message.body.toString('latin1', 0, 1024 * 1024)
}
