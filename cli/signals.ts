/** Waiting for the end of a command: Ctrl-C, a service manager's SIGTERM, or a failure of what it runs. */

/**
 * Resolves with the first SIGINT, SIGTERM or SIGHUP after this call; a second one ends the process at once. To be called
 * first thing: until then a signal kills the process in the middle of its start.
 */
export function signalled(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(130)
        asked = true
        resolve(signal)
      })
    }
  })
}

/** The same, for what runs already; rejects with `failed`. */
export function untilSignal(failed: Promise<never>): Promise<NodeJS.Signals> {
  return Promise.race([signalled(), failed])
}
