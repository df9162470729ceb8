/**
 * A small vocabulary for describing JSON fields and reading them with readable errors.
 *
 * Hand-written because this folder is pure and takes no schema library.
 *
 * @module
 */

/** Reads one JSON value; pushes a line for each problem and then returns anything. */
export interface Field<Value> {
  read(value: unknown, path: string, problems: string[]): Value
  /** The default; undefined if the field must be given. */
  readonly fallback: unknown
  /** Whether the field may be absent without a default. */
  readonly isOptional: boolean
}

type Fields = Readonly<Record<string, Field<unknown>>>

function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value)
}

function field<Value>(
  wanted: string,
  accepts: (value: unknown) => boolean,
  fallback: Value | undefined,
  isOptional = false,
): Field<Value> {
  return {
    fallback,
    isOptional,
    read(value, path, problems) {
      if (!accepts(value)) problems.push(`${path}: must be ${wanted}, found ${show(value)}`)
      return value as Value
    },
  }
}

/** Limits of a whole number, both inclusive. */
export interface IntegerOptions {
  readonly min: number
  readonly max: number
  readonly unit?: string
  readonly fallback?: number
  readonly isOptional?: boolean
}

/** A whole number within limits. */
export function integer(options: IntegerOptions): Field<number> {
  const { min, max, unit } = options
  const range = `a whole number from ${min} to ${max}`
  return field(
    unit === undefined ? range : `${range} (${unit})`,
    (value) => Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max,
    options.fallback,
    options.isOptional,
  )
}

/** True or false. */
export function flag(fallback: boolean): Field<boolean> {
  return field('true or false', (value) => typeof value === 'boolean', fallback)
}

/** Printable ASCII. */
export function text(options: {
  readonly maxLength: number
  readonly pattern?: RegExp
  readonly fallback?: string
}): Field<string> {
  const pattern = options.pattern ?? /^[\x20-\x7e]+$/
  return field(
    `a text of 1 to ${options.maxLength} characters that matches ${pattern.source}`,
    (value) =>
      typeof value === 'string' && value.length <= options.maxLength && pattern.test(value),
    options.fallback,
  )
}

/** Lower-case hex digits. */
export function hexText(options: {
  readonly digits: number
  readonly fallback?: string
}): Field<string> {
  const pattern = new RegExp(`^[0-9a-f]{${options.digits}}$`)
  return field(
    `${options.digits} lower-case hex digits`,
    (value) => typeof value === 'string' && pattern.test(value),
    options.fallback,
  )
}

/** One of a few words. */
export function oneOf<const Word extends string>(
  words: readonly Word[],
  fallback: Word,
): Field<Word> {
  return field<Word>(
    words.map((word) => `"${word}"`).join(' or '),
    (value) => words.some((word) => word === value),
    fallback,
  )
}

/** An amount in satoshis, as decimal text. */
export function satoshis(options: {
  readonly max: bigint
  readonly fallback: string
}): Field<string> {
  return field(
    `a text of decimal digits from "0" to "${options.max}" (satoshis)`,
    (value) =>
      typeof value === 'string' &&
      /^(0|[1-9][0-9]{0,15})$/.test(value) &&
      BigInt(value) <= options.max,
    options.fallback,
  )
}

/** An object of fields. */
export function section(fields: Fields, fallback?: Readonly<Record<string, never>>): Field<object> {
  return {
    fallback,
    isOptional: false,
    read: (value, path, problems) => readFields(fields, value, `${path}.`, problems),
  }
}

/**
 * Reads an object field by field; unknown fields are problems, since they are mostly typing errors.
 */
export function readFields(
  fields: Fields,
  json: unknown,
  prefix: string,
  problems: string[],
): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    problems.push(`${prefix.slice(0, -1) || 'chain spec'}: must be an object, found ${show(json)}`)
    return values
  }
  const given = json as Record<string, unknown>
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(fields, name)) {
      problems.push(`${prefix}${name}: unknown; known are ${Object.keys(fields).join(', ')}`)
    }
  }
  for (const [name, reader] of Object.entries(fields)) {
    const value = Object.hasOwn(given, name) ? given[name] : reader.fallback
    if (value === undefined && reader.isOptional) continue
    values[name] = reader.read(value, `${prefix}${name}`, problems)
  }
  return values
}
