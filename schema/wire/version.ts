/** The agent protocol's version: one integer. History, newest first:
 *  1 (2026-11-21) register, poll (`wait: 'poll'`), report, stream. */
export const WIRE_VERSION = 1
/** oldest version the control plane still serves */
export const OLDEST_WIRE_VERSION = 1
