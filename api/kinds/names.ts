/** Rules for the names of objects; a prefix (generateName) may end in a dash. */
import { isDns1035Label, isDns1123Label, isDns1123Subdomain, nameRule } from '../../schema/k8s/names.ts'

/** What is wrong with a name, [] when it is good. */
export type NameRule = (name: string, isPrefix: boolean) => readonly string[]

/** Names of most objects. */
export const subdomainName: NameRule = nameRule(isDns1123Subdomain)
/** Namespaces. */
export const labelName: NameRule = nameRule(isDns1123Label)
/** Services. */
export const label1035Name: NameRule = nameRule(isDns1035Label)
