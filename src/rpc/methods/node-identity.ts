/** @module What clients that expect Bitcoin Core are told about the program. */

/** The version of Bitcoin Core whose methods these follow: 30.0. Clients switch features by it. */
export const CORE_VERSION = 300_000
/** Bitcoin's protocol version of that time. */
export const PROTOCOL_VERSION = 70_016
/** `NODE_NETWORK` and `NODE_WITNESS`: whole blocks, with witnesses. */
export const SERVICES_HEX = '0000000000000009'
/** The names of {@link SERVICES_HEX}. */
export const SERVICE_NAMES: readonly string[] = ['NETWORK', 'WITNESS']
/** `NODE_NETWORK_LIMITED` and `NODE_WITNESS`: the newest blocks alone. @see BIP-0159 */
export const PRUNED_SERVICES_HEX = '0000000000000408'
/** The names of {@link PRUNED_SERVICES_HEX}. */
export const PRUNED_SERVICE_NAMES: readonly string[] = ['WITNESS', 'NETWORK_LIMITED']
