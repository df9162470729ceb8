/** @module A real browser for tests: where it is, and how a page is run in it. */

import { accessSync, constants } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, join } from 'node:path'
import { chromium } from 'playwright-core'

/** As distributions call it. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
/** It talks to nobody but the test. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Path of the first Chromium on PATH; undefined if there is none. */
export function findChromium(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find(isExecutable)
}

/**
 * Runs a script in a page of its own and resolves to what an expression of it is then worth, as JSON.
 *
 * @param executablePath - Of the browser.
 * @param script - A classic script, complete in itself.
 * @param expression - May be a promise.
 */
export async function runInBrowser(
  executablePath: string,
  script: string,
  expression: string,
): Promise<unknown> {
  // Only a page that has an origin may keep data.
  const server = createServer((request, response) => {
    const isScript = request.url === '/page.js'
    response.setHeader('content-type', `text/${isScript ? 'javascript' : 'html'}; charset=utf-8`)
    response.end(isScript ? script : '<!doctype html><script src="/page.js"></script>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const browser = await chromium.launch({ executablePath, args: FLAGS })
  try {
    const page = await browser.newPage()
    const failed = new Promise<never>((_, reject) => page.once('pageerror', reject))
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    return await Promise.race([page.evaluate(expression), failed])
  } finally {
    await browser.close()
    server.close()
    server.closeAllConnections()
  }
}
