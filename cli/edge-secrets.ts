/** What a cluster at the edge needs outside its database, made once: keys, the administrator's token, the uid. */
import { createHash, randomBytes, randomUUID, type webcrypto } from 'node:crypto'
import type { ClusterSettings } from '../api/platform/workerd/settings.ts'

export interface NewCluster {
  readonly settings: ClusterSettings
  readonly adminToken: string
}

export interface Database {
  readonly url: string
  readonly authToken?: string
}

export async function newCluster(database: Database, caPem: string): Promise<NewCluster> {
  const pair = (await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
  const adminToken = randomBytes(32).toString('hex')
  return {
    adminToken,
    settings: {
      uid: randomUUID(),
      ...database,
      sealing: { current: 'k1', keys: { k1: randomBytes(32).toString('base64') } },
      signing: {
        id: 's1',
        privateKey: await exported(pair.privateKey),
        publicKey: await exported(pair.publicKey),
      },
      adminTokenHash: createHash('sha256').update(adminToken).digest('hex'),
      caPem,
    },
  }
}

/** Without `alg`: Node calls it Ed25519, workerd wants the older EdDSA, and both do without. */
async function exported(key: CryptoKey): Promise<JsonWebKey> {
  const { alg: _, ...jwk } = await crypto.subtle.exportKey('jwk', key)
  return jwk
}

/** the secret's name: `team-a` is `KEDGE_CLUSTER_TEAM_A` */
export const secretName = (cluster: string): string => `KEDGE_CLUSTER_${cluster.toUpperCase().replaceAll('-', '_')}`
