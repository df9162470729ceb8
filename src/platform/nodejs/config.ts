/**
 * What a node is told, from flags, environment, file and defaults, in this order of precedence.
 *
 * @module
 */

import { isIP } from 'node:net'
import { availableParallelism } from 'node:os'
import { dirname, resolve } from 'node:path'
import * as z from 'zod'
import { MAX_PAYOUTS, MAX_WORKERS } from '../../mining/index.ts'
import { ConfigError } from '../../util/index.ts'
import { readConfigFile } from './config-file.ts'
import { type ListenAddress, parseListenAddress } from './listening.ts'
