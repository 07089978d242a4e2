/** Waiting for the end of a command: Ctrl-C, a service manager's SIGTERM, or a failure of what it runs. */

/** Resolves with the first SIGINT, SIGTERM or SIGHUP; rejects with `failed`. A second signal ends the process at once. */
export function untilSignal(failed: Promise<never>): Promise<NodeJS.Signals> {
  const signalled = new Promise<NodeJS.Signals>((resolve) => {
    let asked = false
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(130)
        asked = true
        resolve(signal)
      })
    }
  })
  return Promise.race([signalled, failed])
}
