/**
 * Bytes, bounded collections, and the ports that a runtime supplies.
 *
 * Knows no blockchain word, does no I/O and reads no clock. `DecodeError` blames whoever sent the
 * bytes; `InvariantError` is a bug of ours; `ConfigError` names a setting and its cure.
 *
 * Purity: pure (`sleep` only waits on the clock that it is given).
 *
 * @example
 * const reader = new ByteReader(bytes)
 * const count = reader.readCompactSize(1_000)
 *
 * @module
 */
export { BinaryHeap } from './binary-heap.ts'
export { ByteReader } from './byte-reader.ts'
export { ByteWriter } from './byte-writer.ts'
export {
  concatBytes,
  decodeHex,
  encodeHex,
  encodeReversedHex,
  equalBytes,
  isHex,
  reverseBytes,
} from './bytes.ts'
export { Cancellation } from './cancellation.ts'
export { findClosestName } from './closest-name.ts'
export { countOf } from './count-of.ts'
export {
  assertInvariant,
  ConfigError,
  DecodeError,
  type DecodeErrorCode,
  type ErrorData,
  InvariantError,
  toErrorMessage,
} from './errors.ts'
export { EventEmitter, type EventMap } from './event-emitter.ts'
export {
  formatIpAddress,
  formatSubnet,
  IP_ADDRESS_BITS,
  type IpAddress,
  parseIpAddress,
  parseSubnet,
  type Subnet,
  toSubnet,
} from './ip-address.ts'
export type { KeyValueChange, KeyValueStore } from './key-value-store.ts'
export { LimitedLog } from './limited-log.ts'
export { LruMap } from './lru-map.ts'
export { MockableClock } from './mock-clock.ts'
export { Mutex } from './mutex.ts'
export {
  type CancelSignal,
  type Clock,
  type LogFields,
  type Logger,
  type LoggerSource,
  type RandomSource,
  sleep,
  type Timer,
} from './ports.ts'
export { shuffle } from './shuffle.ts'
export { Budget, TaskGroup } from './task-group.ts'
export { type Quota, TokenBucket } from './token-bucket.ts'
export { TurnTaker } from './turn-taker.ts'
