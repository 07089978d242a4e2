CREATE TABLE `due` (
	`planner` text NOT NULL,
	`key` text NOT NULL,
	`at` integer NOT NULL,
	PRIMARY KEY(`planner`, `key`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `due_at` ON `due` (`at`);--> statement-breakpoint
CREATE TABLE `keys` (
	`resource` text NOT NULL,
	`namespace` text NOT NULL,
	`name` text NOT NULL,
	`create_rev` integer NOT NULL,
	`rev` integer NOT NULL,
	`uid` text,
	`owner` text,
	`node_name` text,
	`expires_at` integer,
	`labels` text,
	`facts` text,
	`bytes` integer NOT NULL,
	PRIMARY KEY(`resource`, `namespace`, `name`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `keys_owner` ON `keys` (`owner`) WHERE "owner" IS NOT NULL;--> statement-breakpoint
CREATE INDEX `keys_node` ON `keys` (`resource`,`node_name`,`namespace`,`name`) WHERE "node_name" IS NOT NULL;--> statement-breakpoint
CREATE INDEX `keys_unbound` ON `keys` (`resource`,`namespace`,`name`) WHERE "resource" = 'pods' AND "node_name" IS NULL;--> statement-breakpoint
CREATE INDEX `keys_expires` ON `keys` (`expires_at`) WHERE "expires_at" IS NOT NULL;--> statement-breakpoint
CREATE TABLE `log` (
	`rev` integer PRIMARY KEY NOT NULL,
	`resource` text NOT NULL,
	`namespace` text NOT NULL,
	`name` text NOT NULL,
	`op` integer NOT NULL,
	`create_rev` integer,
	`prev_rev` integer NOT NULL,
	`req` text,
	`enc` text,
	`uid` text,
	`owner` text,
	`node_name` text,
	`expires_at` integer,
	`labels` text,
	`facts` text,
	`bytes` integer NOT NULL,
	`value` text
);
--> statement-breakpoint
CREATE INDEX `log_resource` ON `log` (`resource`,`rev`);--> statement-breakpoint
CREATE TABLE `marks` (
	`rev` integer PRIMARY KEY NOT NULL,
	`at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `marks_at` ON `marks` (`at`);--> statement-breakpoint
CREATE TABLE `store_meta` (
	`k` text PRIMARY KEY NOT NULL,
	`v` text NOT NULL
);--> statement-breakpoint
CREATE TRIGGER `log_create` AFTER INSERT ON `log` WHEN NEW.op = 1 BEGIN
	INSERT INTO `keys` (`resource`, `namespace`, `name`, `create_rev`, `rev`, `uid`, `owner`, `node_name`, `expires_at`, `labels`, `facts`, `bytes`)
	VALUES (NEW.resource, NEW.namespace, NEW.name, NEW.rev, NEW.rev, NEW.uid, NEW.owner, NEW.node_name, NEW.expires_at, NEW.labels, NEW.facts, NEW.bytes);
END;
--> statement-breakpoint
CREATE TRIGGER `log_update` AFTER INSERT ON `log` WHEN NEW.op = 2 BEGIN
	UPDATE `keys` SET `rev` = NEW.rev, `uid` = NEW.uid, `labels` = NEW.labels, `facts` = NEW.facts, `bytes` = NEW.bytes
	WHERE `resource` = NEW.resource AND `namespace` = NEW.namespace AND `name` = NEW.name;
	UPDATE `keys` SET `owner` = NEW.owner, `node_name` = NEW.node_name, `expires_at` = NEW.expires_at
	WHERE `resource` = NEW.resource AND `namespace` = NEW.namespace AND `name` = NEW.name
		AND (`owner` IS NOT NEW.owner OR `node_name` IS NOT NEW.node_name OR `expires_at` IS NOT NEW.expires_at);
END;
--> statement-breakpoint
CREATE TRIGGER `log_delete` AFTER INSERT ON `log` WHEN NEW.op = 3 BEGIN
	DELETE FROM `keys` WHERE `resource` = NEW.resource AND `namespace` = NEW.namespace AND `name` = NEW.name;
END;
--> statement-breakpoint
INSERT INTO `log` (`rev`, `resource`, `namespace`, `name`, `op`, `prev_rev`, `bytes`) VALUES (1, '', '', '', 0, 0, 0);
--> statement-breakpoint
INSERT INTO `store_meta` (`k`, `v`) VALUES ('compact_rev', '0'), ('restore_epoch', '0');
