/** The folder of the project, for the sources as for what was built of them, which lies deeper. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

export const ROOT = projectOf(import.meta.dirname)

function projectOf(folder: string): string {
  if (existsSync(join(folder, 'package.json')) || folder === dirname(folder)) return folder
  return projectOf(dirname(folder))
}
