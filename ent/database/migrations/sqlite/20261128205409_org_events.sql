-- Disable the enforcement of foreign-keys constraints
PRAGMA foreign_keys = off;
-- Create "new_orgs" table
CREATE TABLE `new_orgs` (`id` text NOT NULL, `tenant_id` text NOT NULL, `name` text NOT NULL, `type` text NOT NULL, `state` text NOT NULL DEFAULT ('PENDING'), `flow` text NOT NULL, `login_url` text NOT NULL, `client_id` text NOT NULL, `sealed_secrets` blob NULL, `sealed_authorization` blob NULL, `authorization_state` text NULL, `authorization_expires_at` datetime NULL, `salesforce_id` text NULL, `salesforce_name` text NULL, `instance_url` text NULL, `api_version` text NULL, `username` text NULL, `user_id` text NULL, `next_job_number` integer NOT NULL DEFAULT (1), `last_event` integer NOT NULL DEFAULT (0), `rest_percent` integer NOT NULL DEFAULT (80), `bulk_percent` integer NOT NULL DEFAULT (80), `scheduled_backups` bool NOT NULL DEFAULT (true), `scheduled_archives` bool NOT NULL DEFAULT (true), `keep_days` integer NOT NULL DEFAULT (0), `keep_weeks` integer NOT NULL DEFAULT (0), `keep_months` integer NOT NULL DEFAULT (0), `keep_years` integer NOT NULL DEFAULT (0), `keep_zone` text NOT NULL DEFAULT ('UTC'), `legal_hold` text NOT NULL DEFAULT (''), `time_machine_keys` json NULL, `connected_at` datetime NULL, `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, PRIMARY KEY (`id`));
-- Copy rows from old table "orgs" to new temporary table "new_orgs"
INSERT INTO `new_orgs` (`id`, `tenant_id`, `name`, `type`, `state`, `flow`, `login_url`, `client_id`, `sealed_secrets`, `sealed_authorization`, `authorization_state`, `authorization_expires_at`, `salesforce_id`, `salesforce_name`, `instance_url`, `api_version`, `username`, `user_id`, `next_job_number`, `rest_percent`, `bulk_percent`, `scheduled_backups`, `scheduled_archives`, `keep_days`, `keep_weeks`, `keep_months`, `keep_years`, `keep_zone`, `legal_hold`, `time_machine_keys`, `connected_at`, `created_at`, `updated_at`) SELECT `id`, `tenant_id`, `name`, `type`, `state`, `flow`, `login_url`, `client_id`, `sealed_secrets`, `sealed_authorization`, `authorization_state`, `authorization_expires_at`, `salesforce_id`, `salesforce_name`, `instance_url`, `api_version`, `username`, `user_id`, `next_job_number`, `rest_percent`, `bulk_percent`, `scheduled_backups`, `scheduled_archives`, `keep_days`, `keep_weeks`, `keep_months`, `keep_years`, `keep_zone`, `legal_hold`, `time_machine_keys`, `connected_at`, `created_at`, `updated_at` FROM `orgs`;
-- Drop "orgs" table after copying rows
DROP TABLE `orgs`;
-- Rename temporary table "new_orgs" to "orgs"
ALTER TABLE `new_orgs` RENAME TO `orgs`;
-- Create index "org_tenant_id" to table: "orgs"
CREATE INDEX `org_tenant_id` ON `orgs` (`tenant_id`);
-- Create index "org_tenant_id_name" to table: "orgs"
CREATE UNIQUE INDEX `org_tenant_id_name` ON `orgs` (`tenant_id`, `name`);
-- Create index "org_authorization_state" to table: "orgs"
CREATE INDEX `org_authorization_state` ON `orgs` (`authorization_state`);
-- Create index "org_salesforce_id" to table: "orgs"
CREATE INDEX `org_salesforce_id` ON `orgs` (`salesforce_id`);
-- Create "org_events" table
CREATE TABLE `org_events` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `tenant_id` text NOT NULL, `seq` integer NOT NULL, `at` datetime NOT NULL, `kind` text NOT NULL, `message` text NOT NULL, `job_id` text NULL, `org_id` text NOT NULL, CONSTRAINT `org_events_jobs_events` FOREIGN KEY (`job_id`) REFERENCES `jobs` (`id`) ON DELETE CASCADE, CONSTRAINT `org_events_orgs_events` FOREIGN KEY (`org_id`) REFERENCES `orgs` (`id`) ON DELETE CASCADE);
-- Create index "orgevent_tenant_id" to table: "org_events"
CREATE INDEX `orgevent_tenant_id` ON `org_events` (`tenant_id`);
-- Create index "orgevent_org_id_seq" to table: "org_events"
CREATE UNIQUE INDEX `orgevent_org_id_seq` ON `org_events` (`org_id`, `seq`);
-- Create index "orgevent_job_id" to table: "org_events"
CREATE INDEX `orgevent_job_id` ON `org_events` (`job_id`);
-- Enable back the enforcement of foreign-keys constraints
PRAGMA foreign_keys = on;
