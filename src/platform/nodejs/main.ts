#!/usr/bin/env node
/** @module The program `quarry`. */

// Must stay first: what follows expects what it adds to older runtimes.
import './polyfills.ts'

import { runCli } from './cli.ts'
import { tolerateClosedReader } from './terminal.ts'

// `quarry … | head` reads as much as it likes; what is left to say then goes nowhere.
for (const stream of [process.stdout, process.stderr]) tolerateClosedReader(stream)
const exitCode = await runCli(process.argv)
if (exitCode !== undefined) process.exitCode = exitCode
