-- Disable the enforcement of foreign-keys constraints
PRAGMA foreign_keys = off;
-- Create "new_orgs" table
CREATE TABLE `new_orgs` (`id` text NOT NULL, `tenant_id` text NOT NULL, `name` text NOT NULL, `type` text NOT NULL, `state` text NOT NULL DEFAULT ('PENDING'), `flow` text NOT NULL, `login_url` text NOT NULL, `client_id` text NOT NULL, `sealed_secrets` blob NULL, `sealed_authorization` blob NULL, `authorization_state` text NULL, `authorization_expires_at` datetime NULL, `salesforce_id` text NULL, `salesforce_name` text NULL, `instance_url` text NULL, `api_version` text NULL, `username` text NULL, `user_id` text NULL, `next_job_number` integer NOT NULL DEFAULT (1), `rest_percent` integer NOT NULL DEFAULT (80), `bulk_percent` integer NOT NULL DEFAULT (80), `scheduled_backups` bool NOT NULL DEFAULT (true), `scheduled_archives` bool NOT NULL DEFAULT (true), `keep_days` integer NOT NULL DEFAULT (0), `keep_weeks` integer NOT NULL DEFAULT (0), `keep_months` integer NOT NULL DEFAULT (0), `keep_years` integer NOT NULL DEFAULT (0), `keep_zone` text NOT NULL DEFAULT ('UTC'), `legal_hold` text NOT NULL DEFAULT (''), `time_machine_keys` json NULL, `connected_at` datetime NULL, `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, PRIMARY KEY (`id`));
-- Copy rows from old table "orgs" to new temporary table "new_orgs"
INSERT INTO `new_orgs` (`id`, `tenant_id`, `name`, `type`, `state`, `flow`, `login_url`, `client_id`, `sealed_secrets`, `sealed_authorization`, `authorization_state`, `authorization_expires_at`, `salesforce_id`, `salesforce_name`, `instance_url`, `api_version`, `username`, `user_id`, `next_job_number`, `rest_percent`, `bulk_percent`, `scheduled_backups`, `scheduled_archives`, `time_machine_keys`, `connected_at`, `created_at`, `updated_at`) SELECT `id`, `tenant_id`, `name`, `type`, `state`, `flow`, `login_url`, `client_id`, `sealed_secrets`, `sealed_authorization`, `authorization_state`, `authorization_expires_at`, `salesforce_id`, `salesforce_name`, `instance_url`, `api_version`, `username`, `user_id`, `next_job_number`, `rest_percent`, `bulk_percent`, `scheduled_backups`, `scheduled_archives`, `time_machine_keys`, `connected_at`, `created_at`, `updated_at` FROM `orgs`;
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
-- Create "new_vault_runs" table
CREATE TABLE `new_vault_runs` (`id` text NOT NULL, `tenant_id` text NOT NULL, `job_id` text NOT NULL, `operation` text NOT NULL, `state` text NOT NULL DEFAULT ('OPEN'), `attempt` integer NOT NULL DEFAULT (1), `first_seq` integer NOT NULL, `last_seq` integer NOT NULL, `closed_at` datetime NULL, `hold` text NOT NULL DEFAULT (''), `dropped_at` datetime NULL, `created_at` datetime NOT NULL, `org_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `vault_runs_orgs_vault_runs` FOREIGN KEY (`org_id`) REFERENCES `orgs` (`id`) ON DELETE CASCADE);
-- Copy rows from old table "vault_runs" to new temporary table "new_vault_runs"
INSERT INTO `new_vault_runs` (`id`, `tenant_id`, `job_id`, `operation`, `state`, `attempt`, `first_seq`, `last_seq`, `closed_at`, `created_at`, `org_id`) SELECT `id`, `tenant_id`, `job_id`, `operation`, `state`, `attempt`, `first_seq`, `last_seq`, `closed_at`, `created_at`, `org_id` FROM `vault_runs`;
-- Drop "vault_runs" table after copying rows
DROP TABLE `vault_runs`;
-- Rename temporary table "new_vault_runs" to "vault_runs"
ALTER TABLE `new_vault_runs` RENAME TO `vault_runs`;
-- Create index "vaultrun_tenant_id" to table: "vault_runs"
CREATE INDEX `vaultrun_tenant_id` ON `vault_runs` (`tenant_id`);
-- Create index "vaultrun_org_open" to table: "vault_runs"
CREATE UNIQUE INDEX `vaultrun_org_open` ON `vault_runs` (`org_id`) WHERE state = 'OPEN';
-- Create index "vaultrun_org_id_last_seq" to table: "vault_runs"
CREATE INDEX `vaultrun_org_id_last_seq` ON `vault_runs` (`org_id`, `last_seq`);
-- Create index "vaultrun_org_id_job_id" to table: "vault_runs"
CREATE INDEX `vaultrun_org_id_job_id` ON `vault_runs` (`org_id`, `job_id`);
-- Enable back the enforcement of foreign-keys constraints
PRAGMA foreign_keys = on;
