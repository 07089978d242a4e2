// What tests take from the machine: real clients, a Docker engine with the images they run, and the environment that
// tells them of both.
import { ensureClients } from './clients.js'
import { dockerAt, ensureDocker } from './docker.js'
import { ensureImages } from './images.js'
import { toolEnvironment } from './node.js'

/** @typedef {{ environment: NodeJS.ProcessEnv, missing: string | undefined, stop: () => Promise<void> }} Machine */

/**
 * `missing`: the first capability that this machine lacks for running pods. Without `docker`, none is looked for.
 *
 * @param {{ docker: boolean }} wanted
 * @returns {Promise<Machine>}
 */
export async function ensureMachine({ docker }) {
  const clients = ensureClients()
  const engine = docker ? await ensureDocker() : undefined
  const images = engine?.ok === true ? ensureImages(dockerAt(engine.host)) : engine
  const lacking = [clients, images].find((one) => one?.ok === false)
  return {
    environment: {
      ...toolEnvironment(),
      CI: '1',
      NO_COLOR: '1',
      WRANGLER_SEND_METRICS: 'false',
      ...(clients.ok ? { KEDGE_TEST_CLIENTS: clients.folder } : {}),
      ...(engine?.ok === true ? { KEDGE_TEST_DOCKER: engine.host } : {}),
    },
    missing: lacking?.ok === false ? lacking.reason : undefined,
    stop: async () => {
      if (engine?.ok === true) await engine.stop()
    },
  }
}
