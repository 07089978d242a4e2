/**
 * The migrations as text, for platforms without a file system; in order, frozen once merged.
 * `test/suites/store.migrations.test.ts` holds this file against the `.sql` files beside it.
 */
export interface Migration {
  readonly tag: string
  /** milliseconds since the epoch, from the journal */
  readonly when: number
  readonly sql: string
}

export const migrations: readonly Migration[] = [
  {
    tag: '0000_store',
    when: 1795238145551,
    sql: `CREATE TABLE \`due\` (
	\`planner\` text NOT NULL,
	\`key\` text NOT NULL,
	\`at\` integer NOT NULL,
	PRIMARY KEY(\`planner\`, \`key\`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX \`due_at\` ON \`due\` (\`at\`);--> statement-breakpoint
CREATE TABLE \`keys\` (
	\`resource\` text NOT NULL,
	\`namespace\` text NOT NULL,
	\`name\` text NOT NULL,
	\`create_rev\` integer NOT NULL,
	\`rev\` integer NOT NULL,
	\`uid\` text,
	\`owner\` text,
	\`node_name\` text,
	\`expires_at\` integer,
	\`labels\` text,
	\`facts\` text,
	\`bytes\` integer NOT NULL,
	PRIMARY KEY(\`resource\`, \`namespace\`, \`name\`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX \`keys_owner\` ON \`keys\` (\`owner\`) WHERE "owner" IS NOT NULL;--> statement-breakpoint
CREATE INDEX \`keys_node\` ON \`keys\` (\`resource\`,\`node_name\`,\`namespace\`,\`name\`) WHERE "node_name" IS NOT NULL;--> statement-breakpoint
CREATE INDEX \`keys_unbound\` ON \`keys\` (\`resource\`,\`namespace\`,\`name\`) WHERE "resource" = 'pods' AND "node_name" IS NULL;--> statement-breakpoint
CREATE INDEX \`keys_expires\` ON \`keys\` (\`expires_at\`) WHERE "expires_at" IS NOT NULL;--> statement-breakpoint
CREATE TABLE \`log\` (
	\`rev\` integer PRIMARY KEY NOT NULL,
	\`resource\` text NOT NULL,
	\`namespace\` text NOT NULL,
	\`name\` text NOT NULL,
	\`op\` integer NOT NULL,
	\`create_rev\` integer,
	\`prev_rev\` integer NOT NULL,
	\`req\` text,
	\`enc\` text,
	\`uid\` text,
	\`owner\` text,
	\`node_name\` text,
	\`expires_at\` integer,
	\`labels\` text,
	\`facts\` text,
	\`bytes\` integer NOT NULL,
	\`value\` text
);
--> statement-breakpoint
CREATE INDEX \`log_resource\` ON \`log\` (\`resource\`,\`rev\`);--> statement-breakpoint
CREATE TABLE \`marks\` (
	\`rev\` integer PRIMARY KEY NOT NULL,
	\`at\` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX \`marks_at\` ON \`marks\` (\`at\`);--> statement-breakpoint
CREATE TABLE \`store_meta\` (
	\`k\` text PRIMARY KEY NOT NULL,
	\`v\` text NOT NULL
);--> statement-breakpoint
CREATE TRIGGER \`log_put\` AFTER INSERT ON \`log\` WHEN NEW.op IN (1, 2) BEGIN
	INSERT INTO \`keys\` (\`resource\`, \`namespace\`, \`name\`, \`create_rev\`, \`rev\`, \`uid\`, \`owner\`, \`node_name\`, \`expires_at\`, \`labels\`, \`facts\`, \`bytes\`)
	VALUES (NEW.resource, NEW.namespace, NEW.name, coalesce(NEW.create_rev, NEW.rev), NEW.rev, NEW.uid, NEW.owner, NEW.node_name, NEW.expires_at, NEW.labels, NEW.facts, NEW.bytes)
	ON CONFLICT (\`resource\`, \`namespace\`, \`name\`) DO UPDATE SET
		\`create_rev\` = excluded.create_rev, \`rev\` = excluded.rev, \`uid\` = excluded.uid, \`owner\` = excluded.owner, \`node_name\` = excluded.node_name,
		\`expires_at\` = excluded.expires_at, \`labels\` = excluded.labels, \`facts\` = excluded.facts, \`bytes\` = excluded.bytes;
END;
--> statement-breakpoint
CREATE TRIGGER \`log_delete\` AFTER INSERT ON \`log\` WHEN NEW.op = 3 BEGIN
	DELETE FROM \`keys\` WHERE \`resource\` = NEW.resource AND \`namespace\` = NEW.namespace AND \`name\` = NEW.name;
END;
--> statement-breakpoint
INSERT INTO \`log\` (\`rev\`, \`resource\`, \`namespace\`, \`name\`, \`op\`, \`prev_rev\`, \`bytes\`) VALUES (1, '', '', '', 0, 0, 0);
--> statement-breakpoint
INSERT INTO \`store_meta\` (\`k\`, \`v\`) VALUES ('compact_rev', '0'), ('restore_epoch', '0');
`,
  },
]
