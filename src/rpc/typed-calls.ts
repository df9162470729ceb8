/** @module Types of calls, for clients: what each method takes and gives, out of the table that declares it. */

import type * as z from 'zod'
import type { ControlMethod } from './control-methods.ts'
import type { ParamDeclaration, ResultDeclaration, TypedRpcMethod } from './define-method.ts'
import type { RPC_METHODS } from './methods/index.ts'

type TableMethod = (typeof RPC_METHODS)[number] | ControlMethod

/** Methods by name. */
type MethodsByName = { readonly [Method in TableMethod as Method['name']]: Method }

/** The name of a method of a node. */
export type RpcMethodName = keyof MethodsByName

type TypesOf<Method> =
  Method extends TypedRpcMethod<never, string, infer Params, infer Result>
    ? { readonly params: Params; readonly result: Result }
    : never

type Positional<Params extends readonly ParamDeclaration[]> = Params extends readonly [
  infer First extends ParamDeclaration,
  ...infer Rest extends readonly ParamDeclaration[],
]
  ? undefined extends z.input<First['schema']>
    ? [value?: z.input<First['schema']>, ...rest: Partial<Positional<Rest>>]
    : [value: z.input<First['schema']>, ...rest: Positional<Rest>]
  : []

type ResultOf<Result> = Result extends readonly ResultDeclaration[]
  ? z.output<Result[number]['schema']>
  : Result extends ResultDeclaration
    ? z.output<Result['schema']>
    : never

/** Positional arguments of a method. */
export type RpcArguments<Name extends RpcMethodName> = Positional<
  TypesOf<MethodsByName[Name]>['params']
>

/** What a method gives: one of several forms where that depends on an argument. */
export type RpcResult<Name extends RpcMethodName> = ResultOf<TypesOf<MethodsByName[Name]>['result']>

/** A function for each method, of its positional arguments. */
export type RpcCalls = {
  readonly [Name in RpcMethodName]: (...args: RpcArguments<Name>) => Promise<RpcResult<Name>>
}
