/** @module From what a caller sent as `params` to a handler's arguments, refusing as Bitcoin Core does. */

import type * as z from 'zod'
import { type MethodSignature, POSITIONAL_KEY, type RpcParam } from './define-method.ts'
import { type ExactJson, type ExactObject, membersOf } from './exact-json.ts'
import { fitArgument } from './fit-argument.ts'
import { formatMethodHelp } from './help.ts'
import { jsonTypeOf, schemaTypes, toJsonSchema } from './json-types.ts'
import { RPC_CODES, RpcError } from './rpc-error.ts'

/** Positional arguments, or arguments by name. */
export type RpcParams = readonly ExactJson[] | ExactObject

type Issue = z.core.$ZodIssue

function isPositional(params: RpcParams): params is readonly ExactJson[] {
  return Array.isArray(params)
}

function specifiedTwice(name: string): RpcError {
  const message = `Parameter ${name} specified multiple times`
  return new RpcError(RPC_CODES.INVALID_PARAMETER, message)
}

/** Puts named arguments in their places. Places that were skipped hold `undefined`. */
function toPositional(
  method: MethodSignature,
  params: RpcParams,
): readonly (ExactJson | undefined)[] {
  if (isPositional(params)) return params
  const named = new Map<string, ExactJson>()
  for (const [name, value] of membersOf(params)) {
    if (named.has(name)) throw specifiedTwice(name)
    named.set(name, value)
  }
  const leading = named.get(POSITIONAL_KEY)
  // Anything but a list under this key is no parameter of ours, and refused below as unknown.
  const positional: (ExactJson | undefined)[] = Array.isArray(leading) ? [...leading] : []
  if (Array.isArray(leading)) named.delete(POSITIONAL_KEY)
  const givenCount = positional.length
  method.params.forEach((param, index) => {
    for (const name of [param.name, ...param.aliases]) {
      const value = named.get(name)
      if (value === undefined) continue
      if (index < givenCount) {
        throw new RpcError(
          RPC_CODES.INVALID_PARAMETER,
          `Parameter ${name} specified twice both as positional and named argument`,
        )
      }
      if (positional[index] !== undefined) {
        throw specifiedTwice(name)
      }
      positional[index] = value
      named.delete(name)
    }
  })
  const [unknown] = named.keys()
  if (unknown !== undefined) {
    throw new RpcError(RPC_CODES.INVALID_PARAMETER, `Unknown named parameter ${unknown}`)
  }
  return positional
}

/** Drops trailing nulls: an argument that is null is one that was not given. */
function trimNulls(
  positional: readonly (ExactJson | undefined)[],
): readonly (ExactJson | undefined)[] {
  const last = positional.findLastIndex((value) => value !== null && value !== undefined)
  return positional.slice(0, last + 1)
}

/** Whether an optional parameter was left out. A `null` in the middle of a list counts as that. */
function isOmitted(param: RpcParam, value: ExactJson | undefined): boolean {
  return param.isOptional && (value === null || value === undefined)
}

/** Core's words for an argument of the wrong JSON type; undefined if the type is right. */
function describeTypeMismatch(param: RpcParam, value: ExactJson | undefined): string | undefined {
  if (isOmitted(param, value)) return undefined
  const types = schemaTypes(toJsonSchema(param.schema, 'input'))
  const type = jsonTypeOf(value)
  if (types.length === 0 || types.includes(type)) return undefined
  return `JSON value of type ${type} is not of expected type ${types[0]}`
}

/** All arguments of the wrong type in one error. @see Bitcoin Core `RPCHelpMan::HandleRequest` */
function findTypeMismatches(
  method: MethodSignature,
  positional: readonly (ExactJson | undefined)[],
): RpcError | undefined {
  const lines = method.params.flatMap((param, index) => {
    const mismatch = describeTypeMismatch(param, positional[index])
    return mismatch === undefined
      ? []
      : [`    "Position ${index + 1} (${param.name})": "${mismatch}"`]
  })
  if (lines.length === 0) return undefined
  return new RpcError(RPC_CODES.TYPE_ERROR, `Wrong type passed:\n{\n${lines.join(',\n')}\n}`)
}

/** Follows an issue's path into the value that it is about. */
function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let found: unknown = value
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined
    found = (found as Record<PropertyKey, unknown>)[key]
  }
  return found
}

/** How zod's own messages begin, as against those that a schema's author wrote. */
const ZOD_MESSAGE = /^(Invalid (input|option|string|number|key|element)\b|Too (small|big):)/

/** How Bitcoin Core's messages begin that come with -8, even about a value of the wrong type. */
const PARAMETER_ERROR = 'Invalid parameter'

const CORE_NAME_BY_ZOD_TYPE: Readonly<Record<string, string>> = {
  boolean: 'bool',
  record: 'object',
  map: 'object',
  tuple: 'array',
  int: 'number',
}

/** The code that a schema's author chose with `params: { rpcCode }`. */
function chosenCode(issue: Issue): number | undefined {
  if (issue.code !== 'custom') return undefined
  const code: unknown = issue.params?.['rpcCode']
  return typeof code === 'number' ? code : undefined
}

/** Of a union's alternatives, the one that the value came closest to. */
function mostTellingIssue(issue: Issue): Issue {
  if (issue.code !== 'invalid_union') return issue
  const firsts = issue.errors.flatMap(([first]) => (first === undefined ? [] : [first]))
  const isKindOnly = (candidate: Issue): boolean =>
    candidate.code === 'invalid_type' && candidate.path.length === 0 && candidate.expected !== 'int'
  const chosen = firsts.find((candidate) => !isKindOnly(candidate)) ?? firsts[0]
  return chosen === undefined
    ? issue
    : { ...mostTellingIssue(chosen), path: [...issue.path, ...chosen.path] }
}

/** Turns the first thing that a schema found wrong inside an argument into Core's code and words. */
function toRpcError(param: RpcParam, value: unknown, first: Issue): RpcError {
  const issue = mostTellingIssue(first)
  const at = valueAt(value, issue.path)
  const isInteger =
    (issue.code === 'invalid_type' && issue.expected === 'int') ||
    ((issue.code === 'too_big' || issue.code === 'too_small') && issue.origin === 'int')
  if (isInteger && typeof at === 'number') {
    return new RpcError(RPC_CODES.MISC_ERROR, 'JSON integer out of range')
  }
  if (issue.code === 'unrecognized_keys') {
    return new RpcError(RPC_CODES.TYPE_ERROR, `Unexpected key ${issue.keys[0]}`)
  }
  if (issue.code === 'invalid_type' && ZOD_MESSAGE.test(issue.message)) {
    const field = issue.path.findLast((key) => typeof key === 'string')
    if (at === undefined && field !== undefined) {
      return new RpcError(RPC_CODES.TYPE_ERROR, `Missing ${field}`)
    }
    const expected = CORE_NAME_BY_ZOD_TYPE[issue.expected] ?? issue.expected
    const where = field === undefined ? '' : ` for field ${field}`
    return new RpcError(
      RPC_CODES.TYPE_ERROR,
      `JSON value of type ${jsonTypeOf(at)}${where} is not of expected type ${expected}`,
    )
  }
  if (issue.code === 'invalid_type') {
    const isParameterError = issue.message.startsWith(PARAMETER_ERROR)
    const code = isParameterError ? RPC_CODES.INVALID_PARAMETER : RPC_CODES.TYPE_ERROR
    return new RpcError(code, issue.message)
  }
  // A message of zod's own does not say which argument it is about.
  const message = ZOD_MESSAGE.test(issue.message)
    ? `Invalid parameter ${param.name}: ${issue.message}`
    : issue.message
  return new RpcError(chosenCode(issue) ?? RPC_CODES.INVALID_PARAMETER, message)
}

/**
 * Checks a call's parameters and gives them to their names, defaults filled in.
 *
 * @returns An object with one own property for each declared parameter.
 * @throws {@link RpcError} -1 with the method's help if arguments are missing or too many; -8 for an
 * unknown or doubled name; -3 for a wrong JSON type; -1 for a number that is no integer where one
 * is due; otherwise -8, or the code that the schema's author chose.
 * @see Bitcoin Core `transformNamedArguments`, `RPCHelpMan::HandleRequest`
 */
export function bindArguments(
  method: MethodSignature,
  params: RpcParams,
): Readonly<Record<string, unknown>> {
  const given = toPositional(method, params)
  const positional = trimNulls(given)
  const requiredCount = method.params.findLastIndex((param) => !param.isOptional) + 1
  if (given.length < requiredCount || positional.length > method.params.length) {
    throw new RpcError(RPC_CODES.MISC_ERROR, formatMethodHelp(method))
  }
  const args: Record<string, unknown> = {}
  method.params.forEach((param, index) => {
    const value = positional[index]
    const fitted = isOmitted(param, value) ? undefined : fitArgument(param.schema, value ?? null)
    const parsed = param.schema.safeParse(fitted)
    if (parsed.success) {
      args[param.name] = parsed.data
      return
    }
    const mismatch = findTypeMismatches(method, positional)
    if (mismatch !== undefined) throw mismatch
    const [issue] = parsed.error.issues
    throw issue === undefined
      ? new RpcError(RPC_CODES.INVALID_PARAMETER, `Invalid parameter ${param.name}`)
      : toRpcError(param, fitted, issue)
  })
  return args
}
