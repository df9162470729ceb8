/** @module From words on a command line to RPC parameters, by bitcoin-cli's rule. */

import type { RpcParams } from './bind-arguments.ts'
import { type MethodSignature, POSITIONAL_KEY } from './define-method.ts'
import { createExactObject, type ExactJson, JsonNumber } from './exact-json.ts'
import { type JsonTypeName, jsonTypeOf, schemaTypes, toJsonSchema } from './json-types.ts'
import { readExactJson } from './read-json.ts'
import { RPC_CODES, RpcError } from './rpc-error.ts'

function tryParse(text: string): ExactJson | undefined {
  try {
    return readExactJson(text)
  } catch {
    return undefined
  }
}

/** Whether an integer is too long for a number: a hash can consist of digits alone. */
function isTooLong(value: ExactJson): boolean {
  if (typeof value !== 'number' && !(value instanceof JsonNumber)) return false
  return /^-?\d+$/.test(String(value)) && !Number.isSafeInteger(Number(value))
}

/**
 * @param types - What the parameter takes; none if that is not known.
 * @throws {@link RpcError} -1 if the parameter takes no string and the text is no JSON.
 */
function convertText(text: string, types: readonly JsonTypeName[]): ExactJson {
  if (types.length === 1 && types[0] === 'string') return text
  const parsed = tryParse(text)
  const takesStrings = types.length === 0 || types.includes('string')
  if (!takesStrings) {
    if (parsed !== undefined) return parsed
    throw new RpcError(RPC_CODES.MISC_ERROR, `Error parsing JSON: ${text}`)
  }
  if (parsed === undefined || typeof parsed === 'string' || isTooLong(parsed)) return text
  return types.length === 0 || types.includes(jsonTypeOf(parsed)) ? parsed : text
}

function typesOf(
  method: MethodSignature | undefined,
  key: number | string,
): readonly JsonTypeName[] {
  const param =
    typeof key === 'number'
      ? method?.params[key]
      : method?.params.find(({ name, aliases }) => name === key || aliases.includes(key))
  return param === undefined ? [] : schemaTypes(toJsonSchema(param.schema, 'input'))
}

/**
 * Turns command-line words into parameters: text where the method takes text, else JSON.
 *
 * @param method - Undefined if the method is not known here; then whatever is JSON and no string is
 * sent as JSON, except numbers too long to be exact.
 * @param isNamed - Read `name=value`; words without `=` are leading positional ones.
 * @throws {@link RpcError} -1 if a word is no JSON and the method takes nothing else.
 * @see Bitcoin Core `RPCConvertValues`, `RPCConvertNamedValues`
 */
export function convertTextArguments(
  method: MethodSignature | undefined,
  words: readonly string[],
  isNamed: boolean,
): RpcParams {
  if (!isNamed) return words.map((word, index) => convertText(word, typesOf(method, index)))
  const positional: ExactJson[] = []
  const named = new Map<string, ExactJson>()
  for (const word of words) {
    const at = word.indexOf('=')
    const name = word.slice(0, at)
    if (at < 0) positional.push(convertText(word, typesOf(method, positional.length)))
    // A later one replaces an earlier one, as for bitcoin-cli: scripts merge options so.
    else named.set(name, convertText(word.slice(at + 1), typesOf(method, name)))
  }
  const implicit = positional.length > 0 ? [[POSITIONAL_KEY, positional] as const] : []
  // Beside an `args` that was typed: the node refuses two.
  return createExactObject([...named, ...implicit])
}
