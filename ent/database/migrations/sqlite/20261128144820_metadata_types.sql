-- Disable the enforcement of foreign-keys constraints
PRAGMA foreign_keys = off;
-- Create "new_job_objects" table
CREATE TABLE `new_job_objects` (`id` text NOT NULL, `tenant_id` text NOT NULL, `kind` text NOT NULL DEFAULT ('RECORDS'), `name` text NOT NULL, `label` text NOT NULL DEFAULT (''), `state` text NOT NULL DEFAULT ('QUEUED'), `expected` integer NULL, `stored` integer NOT NULL DEFAULT (0), `reason` text NOT NULL DEFAULT (''), `records` integer NOT NULL DEFAULT (0), `added` integer NOT NULL DEFAULT (0), `changed` integer NOT NULL DEFAULT (0), `deleted` integer NOT NULL DEFAULT (0), `bytes` integer NOT NULL DEFAULT (0), `api_calls` integer NOT NULL DEFAULT (0), `error_code` text NULL, `error_message` text NULL, `started_at` datetime NULL, `finished_at` datetime NULL, `job_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `job_objects_jobs_objects` FOREIGN KEY (`job_id`) REFERENCES `jobs` (`id`) ON DELETE CASCADE);
-- Copy rows from old table "job_objects" to new temporary table "new_job_objects"
INSERT INTO `new_job_objects` (`id`, `tenant_id`, `name`, `label`, `state`, `expected`, `stored`, `reason`, `records`, `added`, `changed`, `deleted`, `bytes`, `api_calls`, `error_code`, `error_message`, `started_at`, `finished_at`, `job_id`) SELECT `id`, `tenant_id`, `name`, `label`, `state`, `expected`, `stored`, `reason`, `records`, `added`, `changed`, `deleted`, `bytes`, `api_calls`, `error_code`, `error_message`, `started_at`, `finished_at`, `job_id` FROM `job_objects`;
-- Drop "job_objects" table after copying rows
DROP TABLE `job_objects`;
-- Rename temporary table "new_job_objects" to "job_objects"
ALTER TABLE `new_job_objects` RENAME TO `job_objects`;
-- Create index "jobobject_tenant_id" to table: "job_objects"
CREATE INDEX `jobobject_tenant_id` ON `job_objects` (`tenant_id`);
-- Create index "jobobject_job_id_kind_name" to table: "job_objects"
CREATE UNIQUE INDEX `jobobject_job_id_kind_name` ON `job_objects` (`job_id`, `kind`, `name`);
-- Enable back the enforcement of foreign-keys constraints
PRAGMA foreign_keys = on;
