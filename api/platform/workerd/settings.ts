/** The value of one `KEDGE_CLUSTER_<NAME>` secret. No type of the platform's: the program that makes it runs on Node. */
export interface ClusterSettings {
  readonly uid: string
  readonly url: string
  readonly authToken?: string
  readonly sealing: { readonly current: string; readonly keys: Readonly<Record<string, string>> }
  readonly signing: { readonly id: string; readonly privateKey: JsonWebKey; readonly publicKey: JsonWebKey }
  readonly adminTokenHash: string
  readonly caPem: string
}
