// biome-ignore lint/suspicious/noExplicitAny: results of RPC are looked at as JSON.
type Json = any

export interface TemplateBlock {
  readonly header: Buffer
  readonly body: Buffer
  readonly target: string
}

export interface BlockOptions {
  readonly payoutScript: Uint8Array
  readonly tag?: string
  readonly extraNonce?: number
  readonly hasWitness?: boolean
}

export function computeCommitment(template: Json): Buffer
export function createBlock(template: Json, options: BlockOptions): TemplateBlock
export function solve(
  block: Pick<TemplateBlock, 'header' | 'target'>,
  isStale?: () => boolean,
): Promise<number | undefined>
export function encodeBlock(block: Pick<TemplateBlock, 'header' | 'body'>): string
export function hashOf(block: Pick<TemplateBlock, 'header'>): string

export class CallError extends Error {
  readonly code: number
}

export class TemplateClient {
  constructor(node: { readonly rpcUrl: string; readonly cookiePath: string })
  call(method: string, params?: readonly unknown[], signal?: AbortSignal): Promise<Json>
  getTemplate(longpollid?: string, signal?: AbortSignal): Promise<Json>
  close(): void
}
