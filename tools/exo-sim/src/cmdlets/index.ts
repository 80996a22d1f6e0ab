// All cmdlets of Exchange Online that there are here, for one administrator's session.
import type { Cmdlet } from '../powershell/cmdlet.ts'
import { CmdletError } from '../powershell/errors.ts'
import { connectionCmdlets } from './connection.ts'
import { domainCmdlets } from './domains.ts'
import { inboundConnectorCmdlets } from './inbound-connector.ts'
import { messageCmdlets } from './message-trace.ts'
import { organizationCmdlets } from './organization.ts'
import { outboundConnectorCmdlets } from './outbound-connector.ts'
import type { Session } from './session.ts'
import { transportRuleCmdlets } from './transport-rule.ts'

/** The cmdlets. Those of Exchange are there only while the session is connected. */
export function exchangeCmdlets(session: Session, pending: Map<string, Set<string>>): Cmdlet[] {
  const bound = [
    ...inboundConnectorCmdlets(session),
    ...outboundConnectorCmdlets(session),
    ...transportRuleCmdlets(session),
    ...organizationCmdlets(session),
    ...domainCmdlets(session, pending),
    ...messageCmdlets(session),
  ]
  const names = bound.map(({ name }) => name)
  return [
    ...bound.map((cmdlet) => whileConnected(cmdlet, session)),
    ...connectionCmdlets(session, () => names),
  ]
}

function whileConnected(cmdlet: Cmdlet, session: Session): Cmdlet {
  if (/-Mg[A-Z]/.test(cmdlet.name)) return cmdlet
  return {
    ...cmdlet,
    run: (call) => {
      if (session.connected) return cmdlet.run(call)
      throw new CmdletError(`The term '${cmdlet.name}' is not recognized as the name of a cmdlet, function, script file, or operable program. Check the spelling of the name, or if a path was included, verify that the path is correct and try again.`, 'CommandNotFoundException') // prettier-ignore
    },
  }
}
