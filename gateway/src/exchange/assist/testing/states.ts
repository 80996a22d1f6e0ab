/** The state that the script would export of a tenant in which everything stands as planned. */
import type { AssistPlan, PlannedConnector } from '../plan.ts'
import type { Value } from '../powershell.ts'
import {
  COMPARED_INBOUND_FIELDS,
  COMPARED_OUTBOUND_FIELDS,
  COMPARED_RULE_FIELDS,
  STATE_FORMAT,
} from '../script-export.ts'

/** A state as JSON, to be changed by a test. */
export interface MadeState {
  [field: string]: unknown
  AcceptedDomains: { DomainName: string }[]
  InboundConnectors: Record<string, unknown>[]
  OutboundConnectors: Record<string, unknown>[]
  Rules: Record<string, unknown>[]
}

function printed(value: Value | undefined): string[] {
  // As PowerShell prints: an absent value as an empty text, a truth value with a capital.
  return [value ?? '']
    .flat()
    .map((one) => (typeof one === 'boolean' ? (one ? 'True' : 'False') : String(one)))
}

function fields(planned: PlannedConnector, names: readonly string[]): Record<string, string[]> {
  return Object.fromEntries(names.map((name) => [name, printed(planned.values[name])]))
}

/** Makes the state of a tenant set up by the plan, stage `all`. */
export function stateOf(plan: AssistPlan, takenAt: number): MadeState {
  const object = (planned: PlannedConnector, names: readonly string[]) => ({
    Name: planned.name,
    Comment: planned.values['Comment'],
    ...fields(planned, names),
    Enabled: ['True'],
  })
  const inbound = object(plan.inbound, COMPARED_INBOUND_FIELDS)
  return {
    Format: STATE_FORMAT,
    Tenant: plan.tenant.name,
    Preset: plan.tenant.preset,
    Generation: plan.generation,
    Options: JSON.stringify(plan.options),
    TakenAt: new Date(takenAt).toISOString(),
    IsDehydrated: false,
    RejectDirectSend: false,
    AcceptedDomains: plan.tenant.acceptedDomains.map((DomainName) => ({ DomainName })),
    OutboundConnectors: [object(plan.outbound, COMPARED_OUTBOUND_FIELDS)],
    InboundConnectors: [{ ...inbound, SenderDomains: ['smtp:*;1'] }],
    Rules: plan.rules.map((rule, Priority) => ({
      Name: rule.name,
      State: 'Enabled',
      Priority,
      Comments: rule.values['Comments'],
      Stamp: 'SetHeaderValue' in rule.values ? 'same' : '',
      WordsMissing: 0,
      WordsExtra: 0,
      PilotGroups: [''],
      Disclaimer: false,
      Protects: false,
      ...fields(rule, COMPARED_RULE_FIELDS),
    })),
    JournalRules: [],
  }
}

/** A rule of somebody else. */
export function foreignRule(name: string, priority: number, more: Record<string, unknown>) {
  return {
    ...{
      Name: name,
      State: 'Enabled',
      Priority: priority,
      Comments: '',
      Stamp: '',
      WordsMissing: 0,
      WordsExtra: 0,
    },
    ...{ PilotGroups: [''], Disclaimer: false, Protects: false, ...more },
  }
}
