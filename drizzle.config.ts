// `drizzle-kit generate` compares schema/tables with the last snapshot and writes the next migration.
import { defineConfig } from 'drizzle-kit'

export default defineConfig({ dialect: 'turso', schema: './schema/tables/*.ts', out: './migrations' })
