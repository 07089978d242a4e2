/**
 * The certificate authority of a control plane and the serving certificates it signs (ECDSA P-256). What it makes is
 * kept by the platform; here nothing is remembered. Loaded only when something is to be signed: the ASN.1 library is
 * the slowest thing to load of all.
 */
import 'reflect-metadata'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

const KEY = { name: 'ECDSA', namedCurve: 'P-256' }
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' }
const DAY_MS = 86_400_000
const AUTHORITY_DAYS = 3_650
const SERVING_DAYS = 365
/** Clocks differ: a certificate is good from a little before it was made. */
const SKEW_MS = 300_000

/** PEM texts; the key is PKCS #8. */
export interface Signed {
  readonly certificatePem: string
  readonly keyPem: string
}

export interface ServingNames {
  readonly dns: readonly string[]
  readonly ips: readonly string[]
}

/** A new root, good for ten years. */
export async function createAuthority(name: string, at: number): Promise<Signed> {
  const keys = await newKeys()
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: [{ CN: [name] }],
    notBefore: new Date(at - SKEW_MS),
    notAfter: new Date(at + AUTHORITY_DAYS * DAY_MS),
    keys,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign | KeyUsageFlags.digitalSignature, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificatePem: certificate.toString('pem'), keyPem: await exportKey(keys.privateKey) }
}

/** A key and a certificate for these names, good for `SERVING_DAYS`. */
export async function issueServing(authority: Signed, names: ServingNames, at: number): Promise<Signed> {
  const root = new X509Certificate(authority.certificatePem)
  const signingKey = await importKey(authority.keyPem)
  const keys = await newKeys()
  const certificate = await X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: [{ CN: ['kedge'] }],
    issuer: root.subject,
    notBefore: new Date(at - SKEW_MS),
    notAfter: new Date(Math.min(at + SERVING_DAYS * DAY_MS, root.notAfter.getTime())),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([
        ...names.dns.map((value) => ({ type: 'dns' as const, value })),
        ...names.ips.map((value) => ({ type: 'ip' as const, value })),
      ]),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(root),
    ],
  })
  return { certificatePem: certificate.toString('pem'), keyPem: await exportKey(keys.privateKey) }
}

async function newKeys(): Promise<CryptoKeyPair> {
  const keys: unknown = await crypto.subtle.generateKey(KEY, true, ['sign', 'verify'])
  return keys as CryptoKeyPair
}

async function exportKey(key: CryptoKey): Promise<string> {
  const bytes: unknown = await crypto.subtle.exportKey('pkcs8', key)
  return PemConverter.encode(bytes as ArrayBuffer, 'PRIVATE KEY')
}

async function importKey(pem: string): Promise<CryptoKey> {
  return crypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(pem), KEY, false, ['sign'])
}

/** 127 random bits: positive, and never the same twice. */
function newSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
