/** @module How one RPC method is declared. Its help, its argument checks and its call all follow from this. */

import type * as z from 'zod'
import { assertInvariant, type CancelSignal } from '../util/index.ts'
import type { JsonValue, RpcValue } from './json-text.ts'

/** The headings of `help`, as Bitcoin Core groups its methods. `hidden` ones are not listed. */
export type RpcCategory =
  | 'blockchain'
  | 'control'
  | 'mining'
  | 'network'
  | 'rawtransactions'
  | 'util'
  | 'wallet'
  | 'hidden'

/** One parameter. It is optional if its schema accepts `undefined`. */
export interface ParamDeclaration {
  /** Bitcoin Core's name, lower case. */
  readonly name: string
  /** Older names that named calls may still use. */
  readonly aliases?: readonly string[]
  /** A call that breaks it in kind gets -3, in value -8; see `bindArguments`. */
  readonly schema: z.ZodType
  readonly description: string
}

/** What a method gives back. The schema documents it and is not applied to results. */
export interface ResultDeclaration {
  /** When this form is given, such as `for verbosity = 0`. */
  readonly condition?: string
  readonly schema: z.ZodType
  readonly description?: string
}

/** What came with a call beside its arguments. */
export interface RpcCall {
  /** From the path `/wallet/<name>`. */
  readonly wallet?: string | undefined
  /** Aborted when the caller has gone or the server stops. Methods that wait must heed it. */
  readonly signal?: CancelSignal | undefined
  /** Why the caller may not call a method, or undefined if it may; without it all methods are allowed. */
  readonly forbids?: ((method: string) => string | undefined) | undefined
}

/** A handler's arguments by name, as the schemas put them out. */
export type ArgumentsOf<Params extends readonly ParamDeclaration[]> = {
  readonly [Param in Params[number] as Param['name']]: z.output<Param['schema']>
}

/** Everything about one method, said once. */
export interface MethodDeclaration<
  Context,
  Name extends string,
  Params extends readonly ParamDeclaration[],
  Result extends ResultDeclaration | readonly ResultDeclaration[],
> {
  /** Bitcoin Core's name, lower case. */
  readonly name: Name
  readonly category: RpcCategory
  /** Sentences for `help <method>`. */
  readonly summary: string
  readonly params: Params
  /** Several where the form depends on an argument. */
  readonly result: Result
  /** Positional arguments of calls worth showing. */
  readonly examples?: readonly (readonly JsonValue[])[]
  /** @throws RpcError for what the caller should know; anything else is reported as an internal error. */
  readonly handler: (
    context: Context,
    args: ArgumentsOf<Params>,
    call: RpcCall,
  ) => Promise<RpcValue> | RpcValue
}

/** A parameter, with what follows from its schema. */
export interface RpcParam extends ParamDeclaration {
  readonly aliases: readonly string[]
  readonly isOptional: boolean
}

/** A method in the table: a declaration whose parameter types are forgotten. */
export interface RpcMethod<Context> {
  readonly name: string
  readonly category: RpcCategory
  readonly summary: string
  readonly params: readonly RpcParam[]
  readonly results: readonly ResultDeclaration[]
  readonly examples: readonly (readonly JsonValue[])[]
  readonly handler: (
    context: Context,
    args: Readonly<Record<string, unknown>>,
    call: RpcCall,
  ) => Promise<RpcValue> | RpcValue
}

/** A method whose types are remembered, for typed clients. */
export interface TypedRpcMethod<
  Context,
  Name extends string,
  Params extends readonly ParamDeclaration[],
  Result extends ResultDeclaration | readonly ResultDeclaration[],
> extends RpcMethod<Context> {
  readonly name: Name
  /** Never there. */
  readonly types?: { readonly params: Params; readonly result: Result }
}

/** What help and argument checks need of a method; never its handler. */
export type MethodSignature = Omit<RpcMethod<never>, 'handler'>

/** Holds leading positional arguments in a named call, so no parameter may have this name. */
export const POSITIONAL_KEY = 'args'

/**
 * Declares a method.
 *
 * @example
 * export const getBlockHash = defineMethod({
 *   name: 'getblockhash',
 *   category: 'blockchain',
 *   summary: 'Returns the hash of the block at a height of the active chain.',
 *   params: [{ name: 'height', schema: z.int(), description: 'The height.' }],
 *   result: { schema: z.string(), description: 'The block hash.' },
 *   examples: [[1000]],
 *   handler: (context: RpcContext, { height }) => context.chain.hashAt(height),
 * })
 */
export function defineMethod<
  Context,
  const Name extends string,
  const Params extends readonly ParamDeclaration[],
  const Result extends ResultDeclaration | readonly ResultDeclaration[],
>(
  declaration: MethodDeclaration<Context, Name, Params, Result>,
): TypedRpcMethod<Context, Name, Params, Result> {
  const { name, category, summary, result, examples = [] } = declaration
  const params = declaration.params.map((param) => ({
    ...param,
    aliases: param.aliases ?? [],
    isOptional: param.schema.safeParse(undefined).success,
  }))
  const names = params.flatMap((param) => [param.name, ...param.aliases])
  assertInvariant(
    new Set(names).size === names.length && !names.includes(POSITIONAL_KEY),
    `each parameter of ${name} has names of its own`,
  )
  return {
    name,
    category,
    summary,
    params,
    results: [result].flat(),
    examples,
    // The arguments were bound by these very parameters, so they have this shape.
    handler: (context, args, call) =>
      declaration.handler(context, args as ArgumentsOf<Params>, call),
  }
}
