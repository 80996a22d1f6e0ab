// The door of the Exchange Online simulator: what tests, demo and benchmark may use.
export { issue, makeAuthority, makeKey, selfSigned } from './certificates.ts'
export type {
  Authority,
  CertificateRequest,
  ExtendedKeyUsage,
  IssuedCertificate,
  KeyType,
  KeyUsage,
} from './certificates.ts'
export { makeRevocationList } from './revocation-list.ts'
export type { RevocationRequest } from './revocation-list.ts'
export type {
  AcceptedDomain,
  Assumptions,
  AuthenticationConfig,
  Credentials,
  Endpoint,
  ExchangeConfig,
  InboundConnector,
  OutboundConnector,
  OutboundOptions,
  Retention,
  SigningKey,
  TenantConfig,
  TlsSettings,
  WorldConfig,
} from './config.ts'
export { WaitTimeout } from './events.ts'
export { startExchange } from './exchange.ts'
export type { Exchange } from './exchange.ts'
export type { PowerShellOptions, ScriptArgument } from './administrator.ts'
export type { ScriptResult } from './powershell/interpreter.ts'
export type { ExchangeEvent, StoredMessage, Submission, WireMessage } from './core.ts'
export type { Composition, MessageSource } from './message/compose.ts'
export type { HeaderField, Message } from './message/message.ts'
export type { QueueEntry, QueueReport } from './outbound/queue.ts'
export { asDocumentedRules, recommendedRules } from './rules/presets.ts'
export type { DocumentedRulesOptions, ProcessedWords, RecommendedRulesOptions } from './rules/presets.ts'
export type { Scope, TransportRule } from './rules/rule.ts'
export { ConnectionFailure } from './smtp/connection.ts'
export type { ConnectionProblem } from './smtp/connection.ts'
export type { BodyType, Envelope, EnvelopeRecipient } from './smtp/envelope.ts'
export type { FaultPoint, Faults, Override } from './smtp/faults.ts'
export type { ConnectionRecord, PeerTls, SessionInfo } from './smtp/service.ts'
export type { PemSource } from './tls/chain.ts'
export type { MessageType, RuleExceptions, RulePredicates } from './rules/rule.ts'
export { knownReply, REPLY_NAMES } from './replies.ts'
export type { ReplyName } from './replies.ts'
export type { ThrottleLimit } from './throttle.ts'
export { startWorld } from './world.ts'
export type { SendResult, World, WorldMail, WorldMessage } from './world.ts'
