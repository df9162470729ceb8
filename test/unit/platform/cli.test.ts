/** Every command of the program and every option, by walking the command line itself. */

import { CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { describe, expect, it } from 'vitest'
import { createProgram } from '../../../src/platform/nodejs/cli.ts'

/** One of these is a value for every option and argument that takes one. */
const SAMPLES = ['1', '2', '500ms', '20kB', '0,1', 'blocks', 'json', 'x']

interface Parsable {
  readonly parseArg?: ((value: string, previous: never) => unknown) | undefined
  readonly argChoices?: readonly string[] | undefined
}

function sampleOf({ parseArg, argChoices }: Parsable): string {
  const [choice] = argChoices ?? []
  if (choice !== undefined) return choice
  const sample = SAMPLES.find((text) => {
    try {
      parseArg?.(text, undefined as never)
      return true
    } catch {
      return false
    }
  })
  expect(sample).toBeDefined()
  return sample as string
}

type Option = CommandUnknownOpts['options'][number]

function wordsOf(option: Option): string[] {
  const flag = option.long as string
  return option.required || option.optional ? [flag, sampleOf(option)] : [flag]
}

function pathOf(command: CommandUnknownOpts): CommandUnknownOpts[] {
  return command.parent === null ? [] : [...pathOf(command.parent), command]
}

function walk(command: CommandUnknownOpts): CommandUnknownOpts[] {
  return [command, ...command.commands.flatMap(walk)]
}

/** Runs a line with commands that only write down what they are given. */
async function parseLine(words: readonly string[]) {
  const program = createProgram()
  let ran: { name: string; options: Record<string, unknown> } | undefined
  for (const command of walk(program)) {
    command.configureOutput({ writeErr: () => {}, writeOut: () => {} }).exitOverride()
    if (command.commands.length > 0 && command.name() !== 'devnet') continue
    command.action((..._: unknown[]) => {
      ran = { name: command.name(), options: command.opts() }
    })
  }
  try {
    await program.parseAsync(words, { from: 'user' })
    return { ran, refusal: undefined }
  } catch (error) {
    expect(error).toBeInstanceOf(CommanderError)
    return { ran, refusal: error as CommanderError }
  }
}

/** Each option of the program, at each place before the last word of a command that has any place before it. */
function listMisplacements() {
  const commands = walk(createProgram())
  const leaves = commands.filter((command) => command.parent !== null)
  return leaves.flatMap((leaf) => {
    const path = pathOf(leaf)
    const names = path.map((command) => command.name())
    const rest = leaf.registeredArguments
      .filter(({ required }) => required)
      .map((argument) => sampleOf(argument))
    const known = [...leaf.options, ...(leaf.parent?.options ?? [])]
    const options = new Map(
      known.filter(({ long }) => long !== '--version').map((option) => [option.flags, option]),
    )
    return [...options.values()].flatMap((option) =>
      names.map((_, depth) => ({
        ...{ option, path: names, rest },
        words: [...names.slice(0, depth), ...wordsOf(option), ...names.slice(depth), ...rest],
      })),
    )
  })
}

describe('an option before the name of a command', () => {
  it('counts for that command or is refused, for every option of every command', async () => {
    const cases = listMisplacements()
    expect(cases.length).toBeGreaterThan(100)
    let honoured = 0
    for (const { option, path, rest, words } of cases) {
      const line = words.join(' ')
      const { ran, refusal } = await parseLine(words)
      if (refusal === undefined) {
        expect(ran?.name, line).toBe(path.at(-1))
        expect(ran?.options[option.attributeName()], line).toBeDefined()
        const behind = await parseLine([...path, ...wordsOf(option), ...rest])
        expect(ran, line).toEqual(behind.ran)
        honoured += 1
      } else {
        expect(ran, line).toBeUndefined()
        expect(refusal.exitCode, line).not.toBe(0)
        expect(refusal.message, line).toMatch(/stands before|unknown option/)
      }
    }
    expect(honoured).toBeGreaterThan(10)
  })
  it('is refused if the command has it as well', async () => {
    const { ran, refusal } = await parseLine(['devnet', '--datadir', 'a', 'heal', '--datadir', 'b'])
    expect(ran).toBeUndefined()
    expect(refusal?.message).toMatch(/--datadir is given twice/)
  })
})

describe('a mistyped command', () => {
  it.each([
    [['devnet', 'kil', '1'], /"devnet" has no command "kil"; did you mean "kill"\?/],
    [['devnet', '--json', 'qqq'], /"devnet" has no command "qqq"$/],
    [['strat'], /unknown command 'strat'/],
    [['config', 'shwo'], /unknown command 'shwo'/],
  ])('is named: %j', async (words, message) => {
    const { ran, refusal } = await parseLine(words)
    expect(ran).toBeUndefined()
    expect(refusal?.message).toMatch(message)
  })
})
