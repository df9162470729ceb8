import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import {
  FIRST_P2P_PORT,
  FIRST_RPC_PORT,
  PORT_STEP,
} from '../../../src/platform/nodejs/free-ports.ts'
import { SETTINGS } from '../../../src/platform/nodejs/settings.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const page = readFileSync(new URL('../../../docs/ports.md', import.meta.url), 'utf8')
const rows = [...page.matchAll(/^\| (\d+) \| ([^|]+) \| `(--[a-z-]+)/gm)].map(
  ([, port, use = '', setting]) => ({ port: Number(port), use, setting }),
)

describe('the table of ports', () => {
  it('has the ports that a node and a devnet use', () => {
    const portOf = (use: string) => rows.find((row) => row.use.includes(use))?.port
    expect(portOf('JSON-RPC')).toBe(FIRST_RPC_PORT)
    expect(portOf('libp2p over TCP')).toBe(FIRST_P2P_PORT)
    expect(page).toContain(`plus ${PORT_STEP} · *i*`)
    const fallbacks = JSON.stringify(SETTINGS)
    expect(fallbacks).toContain(`/ip4/127.0.0.1/tcp/${FIRST_P2P_PORT}`)
  })

  it('names settings that there are, and each port once', () => {
    const names = SETTINGS.map(({ name }) => `--${name}`)
    expect(rows.length).toBeGreaterThan(3)
    for (const { setting } of rows) expect(names).toContain(setting)
    expect(new Set(rows.map(({ port }) => port)).size).toBe(rows.length)
  })
})

describe('the documents', () => {
  const pages = readdirSync(`${ROOT}docs`, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)

  it.each(['README.md', 'README.zh.md', 'ARCHITECTURE.md', ...pages])(
    '%s links only to files that exist',
    (name) => {
      const text = readFileSync(ROOT + name, 'utf8')
      const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map(
        ([, link = '']) => link,
      )
      const broken = links.filter((link) => !existsSync(new URL(link, `file://${ROOT}${name}`)))
      expect(broken).toEqual([])
    },
  )

  it('the Chinese README has the commands, options and ports of the English one', () => {
    const [english, chinese] = ['README.md', 'README.zh.md'].map((name) =>
      readFileSync(ROOT + name, 'utf8'),
    ) as [string, string]
    const findCommands = (text: string) =>
      [...text.matchAll(/```sh\n(.*?)```/gs)].map(([, block]) => block)
    const ofEnglish = findCommands(english)
    const ofChinese = findCommands(chinese)
    // The English one goes on with the development of Quarry itself.
    expect(ofChinese).toEqual(ofEnglish.slice(0, ofChinese.length))
    expect(ofEnglish.length - ofChinese.length).toBe(1)
    const findOptions = (text: string) => new Set(text.match(/--[a-z][a-z-]+|\b\d{4,5}\b/g))
    for (const option of findOptions(chinese)) expect(findOptions(english)).toContain(option)
    const findPages = (text: string) => text.match(/\]\((?:docs|ARCH)[^)]*\)/g)
    expect(findPages(chinese)).toEqual(findPages(english)?.slice(0, findPages(chinese)?.length))
  })

  it('are all reached from README and ARCHITECTURE', () => {
    const readme = ['README.md', 'ARCHITECTURE.md']
      .map((name) => readFileSync(ROOT + name, 'utf8'))
      .join('')
    const reached = pages.filter((name) => readme.includes(`](${name})`))
    const second = reached.map((name) => readFileSync(ROOT + name, 'utf8')).join('')
    const lost = pages.filter(
      (name) => !reached.includes(name) && !second.includes(`](${name.replace('docs/', '')})`),
    )
    expect(lost).toEqual([])
  })
})
