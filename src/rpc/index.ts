/**
 * JSON-RPC as Bitcoin Core speaks it: a table of methods, the checks of their arguments, their help,
 * and the dispatcher that answers requests in both of Core's dialects. Object in, object out.
 *
 * Knows no transport: sockets, HTTP and passwords are `platform/`'s. Decides no rule of the chain:
 * handlers ask the folders below. `RpcError` is what a caller is told, with Core's numbers; anything
 * else that a handler throws is logged and answered as an internal error.
 *
 * Purity: isomorphic.
 *
 * @example
 * const dispatcher = createDispatcher({ methods, context, log, clock })
 * const { status, text } = await dispatcher.handleText('{"method":"help"}')
 *
 * @module
 */
export { bindArguments, type RpcParams } from './bind-arguments.ts'
export { BlockTexts, type BlockTextsDeps, MAX_BLOCK_TEXTS_BYTES } from './block-texts.ts'
export { BtcAmount, btcAmount, parseBtcAmount } from './btc-amount.ts'
export type { ActiveCommand } from './control-methods.ts'
export {
  type ArgumentsOf,
  defineMethod,
  type MethodDeclaration,
  type MethodSignature,
  type ParamDeclaration,
  type ResultDeclaration,
  type RpcCall,
  type RpcCategory,
  type RpcMethod,
  type RpcParam,
} from './define-method.ts'
export {
  createDispatcher,
  type Dispatcher,
  type DispatcherDeps,
  MAX_BATCH_ITEMS,
  MAX_LISTED_COMMANDS,
  type RpcReply,
  type RpcStatus,
  type RpcTextReply,
} from './dispatcher.ts'
export { EventFeed, type EventGap, type EventSink, type EventWish } from './event-feed.ts'
export {
  type BanEventData,
  type BlockEventData,
  type BlockPlace,
  EVENT_TOPICS,
  type EventData,
  type EventLog,
  type EventTopic,
  MAX_KEPT_EVENTS,
  type MempoolAddedData,
  type MempoolRemovedData,
  type MinerRateData,
  type MinerSettingsData,
  type NodeEvent,
  type PeerEventData,
  type ReorgEventData,
} from './event-log.ts'
export {
  EventSession,
  type EventSessionDeps,
  encodeEvent,
  MAX_SUBSCRIPTIONS,
} from './event-session.ts'
export {
  type ExactJson,
  isJsonObject,
  JsonMembers,
  JsonNumber,
  membersOf,
  toPlainJson,
} from './exact-json.ts'
export { formatHelpList, formatMethodHelp, formatUsage } from './help.ts'
export {
  encodeJson,
  encodeJsonPieces,
  indentJson,
  JsonText,
  type JsonValue,
  MAX_JSON_DEPTH,
  parseJson,
  type RpcValue,
  splitJsonObject,
} from './json-text.ts'
export type { FaultRuleJson } from './methods/faults.ts'
export { RPC_METHODS } from './methods/index.ts'
export { toHostPortText } from './methods/peer-address.ts'
export { readExactJson } from './read-json.ts'
export type { Dialect } from './request.ts'
export { createRestApi, type RestApi } from './rest/rest-api.ts'
export { type RestReply, type RestRequest, refuseBrokenUri } from './rest/rest-reply.ts'
export type { GenerateRequest, MiningControl, RpcContext, RpcFiles } from './rpc-context.ts'
export { RPC_CODES, RpcError } from './rpc-error.ts'
export { TemplateTexts } from './template-texts.ts'
export { MAX_TEMPLATE_WAITS, TemplateWaits } from './template-waits.ts'
export { convertTextArguments } from './text-arguments.ts'
export type { RpcArguments, RpcCalls, RpcMethodName, RpcResult } from './typed-calls.ts'
