#!/usr/bin/env node
/** @module The program `quarry`. */

// Must stay first: what follows expects what it adds to older runtimes.
import './polyfills.ts'

import { runCli } from './cli.ts'

const exitCode = await runCli(process.argv)
if (exitCode !== undefined) process.exitCode = exitCode
