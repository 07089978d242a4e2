/**
 * What the server shows its clients: one authority for the data directory, made at first start, and a serving
 * certificate for every name and address it may be reached by, renewed before it ends and when a name is added.
 */
import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import type { ServingNames, Signed } from '../../access/ca.ts'
import { createWhole, makeDirectory, readIfThere, writeWhole } from './files.ts'

const RENEW_BEFORE_MS = 30 * 86_400_000

export interface Certificates {
  readonly caPem: string
  readonly caPath: string
  readonly serving: Signed
}

/** Answers from files alone unless something has to be signed. `more`: names or addresses beside those of this host. */
export async function openCertificates(dataDir: string, more: readonly string[], at: number): Promise<Certificates> {
  const directory = join(dataDir, 'tls')
  makeDirectory(directory)
  const authority = await openAuthority(directory, at)
  const caPath = join(directory, 'ca.crt')
  const path = join(directory, 'serving.pem')
  const names = servingNames(more)
  const held = readIfThere(path)
  const usable = held === undefined ? undefined : parsePair(held)
  if (usable !== undefined && covers(usable.certificatePem, authority.certificatePem, names, at)) {
    return { caPem: authority.certificatePem, caPath, serving: usable }
  }
  const { issueServing } = await import('../../access/ca.ts')
  const serving = await issueServing(authority, names, at)
  writeWhole(path, pairText(serving))
  return { caPem: authority.certificatePem, caPath, serving }
}

/** Key and certificate are one file, so that they always belong together; `ca.crt` is for others to read. */
async function openAuthority(directory: string, at: number): Promise<Signed> {
  const path = join(directory, 'ca.pem')
  let text = readIfThere(path)
  if (text === undefined) {
    const { createAuthority } = await import('../../access/ca.ts')
    text = createWhole(path, pairText(await createAuthority('kedge-ca', at)))
  }
  const authority = parsePair(text)
  if (authority === undefined)
    throw new Error(`${path}: holds no certificate and key: put it back, or remove it and join every client anew`)
  if (readIfThere(join(directory, 'ca.crt')) !== authority.certificatePem) {
    writeWhole(join(directory, 'ca.crt'), authority.certificatePem)
  }
  return authority
}

function servingNames(more: readonly string[]): ServingNames {
  const dns = new Set([
    'localhost',
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
    hostname().toLowerCase(),
  ])
  const ips = new Set(['127.0.0.1', '::1', '10.96.0.1'])
  for (const addresses of Object.values(networkInterfaces())) {
    // Link-local addresses carry a zone, which no certificate can.
    for (const { address } of addresses ?? []) if (!address.startsWith('fe80:')) ips.add(address)
  }
  for (const name of more) (isIP(name) === 0 ? dns : ips).add(name.toLowerCase())
  for (const any of ['0.0.0.0', '::', '']) ips.delete(any)
  return { dns: [...dns].filter((name) => /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name)), ips: [...ips] }
}

function covers(certificatePem: string, caPem: string, names: ServingNames, at: number): boolean {
  const certificate = new X509Certificate(certificatePem)
  if (certificate.validToDate.getTime() - at < RENEW_BEFORE_MS) return false
  if (!certificate.verify(new X509Certificate(caPem).publicKey)) return false
  return (
    names.dns.every((name) => certificate.checkHost(name) !== undefined) &&
    names.ips.every((ip) => certificate.checkIP(ip) !== undefined)
  )
}

const pairText = ({ certificatePem, keyPem }: Signed): string => `${certificatePem.trim()}\n${keyPem.trim()}\n`

function parsePair(text: string): Signed | undefined {
  const [certificatePem] = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/.exec(text) ?? []
  const [keyPem] = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n/.exec(text) ?? []
  return certificatePem === undefined || keyPem === undefined ? undefined : { certificatePem, keyPem }
}
