/**
 * What our libraries use and Node.js 20 does not have; an older one is refused. First import of every entry point.
 *
 * libp2p 3 calls `Promise.withResolvers`, which came with Node.js 22. This file goes when Node.js 22
 * is the floor.
 *
 * @module
 */

import { ConfigError } from '../../util/errors.ts'
import { findRuntimeProblem } from './runtime-version.ts'

const problem = findRuntimeProblem()
if (problem !== undefined) throw new ConfigError('runtime-too-old', problem)

interface PromiseResolvers<Value> {
  promise: Promise<Value>
  resolve: (value: Value | PromiseLike<Value>) => void
  reject: (reason?: unknown) => void
}

if (!('withResolvers' in Promise)) {
  Object.defineProperty(Promise, 'withResolvers', {
    configurable: true,
    writable: true,
    value<Value>(this: PromiseConstructor): PromiseResolvers<Value> {
      const resolvers = {} as PromiseResolvers<Value>
      resolvers.promise = new this<Value>((resolve, reject) => {
        resolvers.resolve = resolve
        resolvers.reject = reject
      })
      return resolvers
    },
  })
}
