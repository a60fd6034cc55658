-- Create "audit_entries" table
CREATE TABLE `audit_entries` (`id` text NOT NULL, `tenant_id` text NOT NULL, `at` datetime NOT NULL, `actor` text NOT NULL, `action` text NOT NULL, `target` text NULL, `details` json NULL, `outcome` text NOT NULL DEFAULT ('OK'), PRIMARY KEY (`id`));
-- Create index "auditentry_tenant_id" to table: "audit_entries"
CREATE INDEX `auditentry_tenant_id` ON `audit_entries` (`tenant_id`);
-- Create index "auditentry_tenant_id_at" to table: "audit_entries"
CREATE INDEX `auditentry_tenant_id_at` ON `audit_entries` (`tenant_id`, `at`);
-- Create "jobs" table
CREATE TABLE `jobs` (`id` text NOT NULL, `tenant_id` text NOT NULL, `number` integer NOT NULL, `operation` text NOT NULL, `name` text NOT NULL DEFAULT (''), `description` text NOT NULL DEFAULT (''), `state` text NOT NULL DEFAULT ('QUEUED'), `created_by` text NULL, `started_at` datetime NULL, `finished_at` datetime NULL, `records` integer NOT NULL DEFAULT (0), `added` integer NOT NULL DEFAULT (0), `changed` integer NOT NULL DEFAULT (0), `deleted` integer NOT NULL DEFAULT (0), `bytes` integer NOT NULL DEFAULT (0), `api_calls` integer NOT NULL DEFAULT (0), `error_code` text NULL, `error_message` text NULL, `input` json NULL, `sealed_result` blob NULL, `idempotency_key` text NULL, `created_at` datetime NOT NULL, `org_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `jobs_orgs_jobs` FOREIGN KEY (`org_id`) REFERENCES `orgs` (`id`) ON DELETE CASCADE);
-- Create index "job_tenant_id" to table: "jobs"
CREATE INDEX `job_tenant_id` ON `jobs` (`tenant_id`);
-- Create index "job_org_id_number" to table: "jobs"
CREATE UNIQUE INDEX `job_org_id_number` ON `jobs` (`org_id`, `number`);
-- Create index "job_org_id_operation_state" to table: "jobs"
CREATE INDEX `job_org_id_operation_state` ON `jobs` (`org_id`, `operation`, `state`);
-- Create index "job_tenant_id_idempotency_key" to table: "jobs"
CREATE UNIQUE INDEX `job_tenant_id_idempotency_key` ON `jobs` (`tenant_id`, `idempotency_key`);
-- Create "job_objects" table
CREATE TABLE `job_objects` (`id` text NOT NULL, `tenant_id` text NOT NULL, `name` text NOT NULL, `label` text NOT NULL DEFAULT (''), `state` text NOT NULL DEFAULT ('QUEUED'), `expected` integer NULL, `stored` integer NOT NULL DEFAULT (0), `reason` text NOT NULL DEFAULT (''), `records` integer NOT NULL DEFAULT (0), `added` integer NOT NULL DEFAULT (0), `changed` integer NOT NULL DEFAULT (0), `deleted` integer NOT NULL DEFAULT (0), `bytes` integer NOT NULL DEFAULT (0), `api_calls` integer NOT NULL DEFAULT (0), `error_code` text NULL, `error_message` text NULL, `started_at` datetime NULL, `finished_at` datetime NULL, `job_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `job_objects_jobs_objects` FOREIGN KEY (`job_id`) REFERENCES `jobs` (`id`) ON DELETE CASCADE);
-- Create index "jobobject_tenant_id" to table: "job_objects"
CREATE INDEX `jobobject_tenant_id` ON `job_objects` (`tenant_id`);
-- Create index "jobobject_job_id_name" to table: "job_objects"
CREATE UNIQUE INDEX `jobobject_job_id_name` ON `job_objects` (`job_id`, `name`);
-- Create "log_lines" table
CREATE TABLE `log_lines` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `tenant_id` text NOT NULL, `seq` integer NOT NULL, `at` datetime NOT NULL, `level` text NOT NULL, `object` text NOT NULL DEFAULT (''), `message` text NOT NULL, `job_id` text NOT NULL, CONSTRAINT `log_lines_jobs_log_lines` FOREIGN KEY (`job_id`) REFERENCES `jobs` (`id`) ON DELETE CASCADE);
-- Create index "logline_tenant_id" to table: "log_lines"
CREATE INDEX `logline_tenant_id` ON `log_lines` (`tenant_id`);
-- Create index "logline_job_id_seq" to table: "log_lines"
CREATE UNIQUE INDEX `logline_job_id_seq` ON `log_lines` (`job_id`, `seq`);
-- Create "orgs" table
CREATE TABLE `orgs` (`id` text NOT NULL, `tenant_id` text NOT NULL, `name` text NOT NULL, `type` text NOT NULL, `state` text NOT NULL DEFAULT ('PENDING'), `flow` text NOT NULL, `login_url` text NOT NULL, `client_id` text NOT NULL, `sealed_secrets` blob NULL, `sealed_authorization` blob NULL, `authorization_state` text NULL, `authorization_expires_at` datetime NULL, `salesforce_id` text NULL, `salesforce_name` text NULL, `instance_url` text NULL, `api_version` text NULL, `username` text NULL, `user_id` text NULL, `next_job_number` integer NOT NULL DEFAULT (1), `rest_percent` integer NOT NULL DEFAULT (80), `bulk_percent` integer NOT NULL DEFAULT (80), `scheduled_backups` bool NOT NULL DEFAULT (true), `scheduled_archives` bool NOT NULL DEFAULT (true), `time_machine_public_key` text NULL, `connected_at` datetime NULL, `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, PRIMARY KEY (`id`));
-- Create index "org_tenant_id" to table: "orgs"
CREATE INDEX `org_tenant_id` ON `orgs` (`tenant_id`);
-- Create index "org_tenant_id_name" to table: "orgs"
CREATE UNIQUE INDEX `org_tenant_id_name` ON `orgs` (`tenant_id`, `name`);
-- Create index "org_authorization_state" to table: "orgs"
CREATE INDEX `org_authorization_state` ON `orgs` (`authorization_state`);
-- Create "sobjects" table
CREATE TABLE `sobjects` (`id` text NOT NULL, `tenant_id` text NOT NULL, `name` text NOT NULL, `label` text NOT NULL DEFAULT (''), `key_prefix` text NOT NULL DEFAULT (''), `class` text NOT NULL, `describe` blob NULL, `described_at` datetime NULL, `gone` bool NOT NULL DEFAULT (false), `updated_at` datetime NOT NULL, `org_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `sobjects_orgs_sobjects` FOREIGN KEY (`org_id`) REFERENCES `orgs` (`id`) ON DELETE CASCADE);
-- Create index "sobject_tenant_id" to table: "sobjects"
CREATE INDEX `sobject_tenant_id` ON `sobjects` (`tenant_id`);
-- Create index "sobject_org_id_name" to table: "sobjects"
CREATE UNIQUE INDEX `sobject_org_id_name` ON `sobjects` (`org_id`, `name`);
-- Create "schedules" table
CREATE TABLE `schedules` (`id` text NOT NULL, `tenant_id` text NOT NULL, `operation` text NOT NULL, `name` text NOT NULL, `description` text NOT NULL DEFAULT (''), `system` bool NOT NULL DEFAULT (false), `enabled` bool NOT NULL DEFAULT (true), `rule` json NOT NULL, `input` json NULL, `next_run_at` datetime NULL, `last_run_at` datetime NULL, `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, `org_id` text NOT NULL, `template_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `schedules_orgs_schedules` FOREIGN KEY (`org_id`) REFERENCES `orgs` (`id`) ON DELETE CASCADE, CONSTRAINT `schedules_templates_schedules` FOREIGN KEY (`template_id`) REFERENCES `templates` (`id`) ON DELETE SET NULL);
-- Create index "schedule_tenant_id" to table: "schedules"
CREATE INDEX `schedule_tenant_id` ON `schedules` (`tenant_id`);
-- Create index "schedule_next_run_at" to table: "schedules"
CREATE INDEX `schedule_next_run_at` ON `schedules` (`next_run_at`);
-- Create index "schedule_org_id_name" to table: "schedules"
CREATE UNIQUE INDEX `schedule_org_id_name` ON `schedules` (`org_id`, `name`);
-- Create "secrets" table
CREATE TABLE `secrets` (`id` text NOT NULL, `sealed` blob NOT NULL, `created_at` datetime NOT NULL, PRIMARY KEY (`id`));
-- Create "sessions" table
CREATE TABLE `sessions` (`id` text NOT NULL, `tenant_id` text NOT NULL, `token_hash` text NOT NULL, `expires_at` datetime NOT NULL, `revoked_at` datetime NULL, `created_at` datetime NOT NULL, `user_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `sessions_users_sessions` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE);
-- Create index "session_tenant_id" to table: "sessions"
CREATE INDEX `session_tenant_id` ON `sessions` (`tenant_id`);
-- Create "tasks" table
CREATE TABLE `tasks` (`id` text NOT NULL, `tenant_id` text NOT NULL, `kind` text NOT NULL, `state` text NOT NULL DEFAULT ('AVAILABLE'), `priority` integer NOT NULL DEFAULT (0), `run_at` datetime NOT NULL, `attempt` integer NOT NULL DEFAULT (0), `max_attempts` integer NOT NULL DEFAULT (5), `owner` text NULL, `lease_until` datetime NULL, `cancel_requested` bool NOT NULL DEFAULT (false), `serial_key` text NULL, `unique_key` text NULL, `payload` json NULL, `checkpoint` blob NULL, `error` text NULL, `finished_at` datetime NULL, `created_at` datetime NOT NULL, `job_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `tasks_jobs_tasks` FOREIGN KEY (`job_id`) REFERENCES `jobs` (`id`) ON DELETE CASCADE);
-- Create index "task_tenant_id" to table: "tasks"
CREATE INDEX `task_tenant_id` ON `tasks` (`tenant_id`);
-- Create index "task_state_priority_run_at_id" to table: "tasks"
CREATE INDEX `task_state_priority_run_at_id` ON `tasks` (`state`, `priority`, `run_at`, `id`);
-- Create index "task_serial_running" to table: "tasks"
CREATE UNIQUE INDEX `task_serial_running` ON `tasks` (`serial_key`) WHERE state = 'RUNNING';
-- Create index "task_serial_key_state_id" to table: "tasks"
CREATE INDEX `task_serial_key_state_id` ON `tasks` (`serial_key`, `state`, `id`);
-- Create index "task_unique_key" to table: "tasks"
CREATE INDEX `task_unique_key` ON `tasks` (`unique_key`);
-- Create index "task_job_id" to table: "tasks"
CREATE INDEX `task_job_id` ON `tasks` (`job_id`);
-- Create "templates" table
CREATE TABLE `templates` (`id` text NOT NULL, `tenant_id` text NOT NULL, `name` text NOT NULL, `description` text NOT NULL DEFAULT (''), `type` text NOT NULL, `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, `org_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `templates_orgs_templates` FOREIGN KEY (`org_id`) REFERENCES `orgs` (`id`) ON DELETE CASCADE);
-- Create index "template_tenant_id" to table: "templates"
CREATE INDEX `template_tenant_id` ON `templates` (`tenant_id`);
-- Create index "template_org_id_name" to table: "templates"
CREATE UNIQUE INDEX `template_org_id_name` ON `templates` (`org_id`, `name`);
-- Create "template_objects" table
CREATE TABLE `template_objects` (`id` text NOT NULL, `tenant_id` text NOT NULL, `position` integer NOT NULL, `path` text NOT NULL, `object` text NOT NULL, `field` text NOT NULL DEFAULT (''), `filter` json NULL, `condition` text NOT NULL DEFAULT (''), `retain` bool NOT NULL DEFAULT (false), `dependence` text NULL, `blocker` bool NOT NULL DEFAULT (false), `template_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `template_objects_templates_objects` FOREIGN KEY (`template_id`) REFERENCES `templates` (`id`) ON DELETE CASCADE);
-- Create index "templateobject_tenant_id" to table: "template_objects"
CREATE INDEX `templateobject_tenant_id` ON `template_objects` (`tenant_id`);
-- Create index "templateobject_template_id_path" to table: "template_objects"
CREATE UNIQUE INDEX `templateobject_template_id_path` ON `template_objects` (`template_id`, `path`);
-- Create "tenants" table
CREATE TABLE `tenants` (`id` text NOT NULL, `name` text NOT NULL, `slug` text NOT NULL, `created_at` datetime NOT NULL, PRIMARY KEY (`id`));
-- Create index "tenants_slug_key" to table: "tenants"
CREATE UNIQUE INDEX `tenants_slug_key` ON `tenants` (`slug`);
-- Create "users" table
CREATE TABLE `users` (`id` text NOT NULL, `tenant_id` text NOT NULL, `email` text NOT NULL, `first_name` text NOT NULL DEFAULT (''), `last_name` text NOT NULL DEFAULT (''), `password_hash` text NOT NULL, `role` text NOT NULL, `failed_logins` integer NOT NULL DEFAULT (0), `locked_until` datetime NULL, `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, PRIMARY KEY (`id`));
-- Create index "user_tenant_id" to table: "users"
CREATE INDEX `user_tenant_id` ON `users` (`tenant_id`);
-- Create index "user_tenant_id_email" to table: "users"
CREATE UNIQUE INDEX `user_tenant_id_email` ON `users` (`tenant_id`, `email`);
-- Create "vault_files" table
CREATE TABLE `vault_files` (`id` text NOT NULL, `tenant_id` text NOT NULL, `hash` text NOT NULL, `size` integer NOT NULL, `epoch` integer NOT NULL, `created_at` datetime NOT NULL, `org_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `vault_files_orgs_vault_files` FOREIGN KEY (`org_id`) REFERENCES `orgs` (`id`) ON DELETE CASCADE);
-- Create index "vaultfile_tenant_id" to table: "vault_files"
CREATE INDEX `vaultfile_tenant_id` ON `vault_files` (`tenant_id`);
-- Create index "vaultfile_org_id_hash" to table: "vault_files"
CREATE UNIQUE INDEX `vaultfile_org_id_hash` ON `vault_files` (`org_id`, `hash`);
-- Create "vault_heads" table
CREATE TABLE `vault_heads` (`id` text NOT NULL, `tenant_id` text NOT NULL, `generation` integer NOT NULL DEFAULT (1), `org_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `vault_heads_orgs_vault_heads` FOREIGN KEY (`org_id`) REFERENCES `orgs` (`id`) ON DELETE CASCADE);
-- Create index "vaulthead_tenant_id" to table: "vault_heads"
CREATE INDEX `vaulthead_tenant_id` ON `vault_heads` (`tenant_id`);
-- Create index "vaulthead_org_id" to table: "vault_heads"
CREATE UNIQUE INDEX `vaulthead_org_id` ON `vault_heads` (`org_id`);
-- Create "vault_keys" table
CREATE TABLE `vault_keys` (`id` text NOT NULL, `tenant_id` text NOT NULL, `epoch` integer NOT NULL, `wrapped` blob NOT NULL, `customer_key` text NOT NULL DEFAULT (''), `created_at` datetime NOT NULL, `org_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `vault_keys_orgs_vault_keys` FOREIGN KEY (`org_id`) REFERENCES `orgs` (`id`) ON DELETE CASCADE);
-- Create index "vaultkey_tenant_id" to table: "vault_keys"
CREATE INDEX `vaultkey_tenant_id` ON `vault_keys` (`tenant_id`);
-- Create index "vaultkey_org_id_epoch" to table: "vault_keys"
CREATE UNIQUE INDEX `vaultkey_org_id_epoch` ON `vault_keys` (`org_id`, `epoch`);
-- Create "vault_objects" table
CREATE TABLE `vault_objects` (`id` text NOT NULL, `tenant_id` text NOT NULL, `name` text NOT NULL, `live` integer NOT NULL DEFAULT (0), `versions` integer NOT NULL DEFAULT (0), `updated_at` datetime NOT NULL, `org_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `vault_objects_orgs_vault_objects` FOREIGN KEY (`org_id`) REFERENCES `orgs` (`id`) ON DELETE CASCADE);
-- Create index "vaultobject_tenant_id" to table: "vault_objects"
CREATE INDEX `vaultobject_tenant_id` ON `vault_objects` (`tenant_id`);
-- Create index "vaultobject_org_id_name" to table: "vault_objects"
CREATE UNIQUE INDEX `vaultobject_org_id_name` ON `vault_objects` (`org_id`, `name`);
-- Create "vault_purged" table
CREATE TABLE `vault_purged` (`id` text NOT NULL, `tenant_id` text NOT NULL, `object` text NOT NULL, `hash` blob NOT NULL, `job_id` text NOT NULL DEFAULT (''), `created_at` datetime NOT NULL, `org_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `vault_purged_orgs_vault_purged` FOREIGN KEY (`org_id`) REFERENCES `orgs` (`id`) ON DELETE CASCADE);
-- Create index "vaultpurged_tenant_id" to table: "vault_purged"
CREATE INDEX `vaultpurged_tenant_id` ON `vault_purged` (`tenant_id`);
-- Create index "vaultpurged_org_id_object_hash" to table: "vault_purged"
CREATE UNIQUE INDEX `vaultpurged_org_id_object_hash` ON `vault_purged` (`org_id`, `object`, `hash`);
-- Create "vault_runs" table
CREATE TABLE `vault_runs` (`id` text NOT NULL, `tenant_id` text NOT NULL, `job_id` text NOT NULL, `operation` text NOT NULL, `state` text NOT NULL DEFAULT ('OPEN'), `attempt` integer NOT NULL DEFAULT (1), `first_seq` integer NOT NULL, `last_seq` integer NOT NULL, `closed_at` datetime NULL, `created_at` datetime NOT NULL, `org_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `vault_runs_orgs_vault_runs` FOREIGN KEY (`org_id`) REFERENCES `orgs` (`id`) ON DELETE CASCADE);
-- Create index "vaultrun_tenant_id" to table: "vault_runs"
CREATE INDEX `vaultrun_tenant_id` ON `vault_runs` (`tenant_id`);
-- Create index "vaultrun_org_open" to table: "vault_runs"
CREATE UNIQUE INDEX `vaultrun_org_open` ON `vault_runs` (`org_id`) WHERE state = 'OPEN';
-- Create index "vaultrun_org_id_last_seq" to table: "vault_runs"
CREATE INDEX `vaultrun_org_id_last_seq` ON `vault_runs` (`org_id`, `last_seq`);
-- Create index "vaultrun_org_id_job_id" to table: "vault_runs"
CREATE INDEX `vaultrun_org_id_job_id` ON `vault_runs` (`org_id`, `job_id`);
-- Create "vault_run_objects" table
CREATE TABLE `vault_run_objects` (`id` text NOT NULL, `tenant_id` text NOT NULL, `name` text NOT NULL, `checkpoint` blob NULL, `finished` bool NOT NULL DEFAULT (false), `added` integer NOT NULL DEFAULT (0), `changed` integer NOT NULL DEFAULT (0), `deleted` integer NOT NULL DEFAULT (0), `bytes` integer NOT NULL DEFAULT (0), `live` integer NOT NULL DEFAULT (0), `run_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `vault_run_objects_vault_runs_objects` FOREIGN KEY (`run_id`) REFERENCES `vault_runs` (`id`) ON DELETE CASCADE);
-- Create index "vaultrunobject_tenant_id" to table: "vault_run_objects"
CREATE INDEX `vaultrunobject_tenant_id` ON `vault_run_objects` (`tenant_id`);
-- Create index "vaultrunobject_run_id_name" to table: "vault_run_objects"
CREATE UNIQUE INDEX `vaultrunobject_run_id_name` ON `vault_run_objects` (`run_id`, `name`);
-- Create "vault_sections" table
CREATE TABLE `vault_sections` (`id` text NOT NULL, `tenant_id` text NOT NULL, `org_id` text NOT NULL, `object` text NOT NULL, `rows` integer NOT NULL, `min_id` blob NOT NULL, `max_id` blob NOT NULL, `min_seq` integer NOT NULL, `max_seq` integer NOT NULL, `segment_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `vault_sections_vault_segments_sections` FOREIGN KEY (`segment_id`) REFERENCES `vault_segments` (`id`) ON DELETE CASCADE);
-- Create index "vaultsection_tenant_id" to table: "vault_sections"
CREATE INDEX `vaultsection_tenant_id` ON `vault_sections` (`tenant_id`);
-- Create index "vaultsection_org_id_object" to table: "vault_sections"
CREATE INDEX `vaultsection_org_id_object` ON `vault_sections` (`org_id`, `object`);
-- Create index "vaultsection_segment_id_object" to table: "vault_sections"
CREATE UNIQUE INDEX `vaultsection_segment_id_object` ON `vault_sections` (`segment_id`, `object`);
-- Create "vault_segments" table
CREATE TABLE `vault_segments` (`id` text NOT NULL, `tenant_id` text NOT NULL, `run_id` text NOT NULL DEFAULT (''), `state` text NOT NULL, `level` integer NOT NULL DEFAULT (0), `epoch` integer NOT NULL, `size` integer NOT NULL, `trailer` integer NOT NULL, `hash` blob NOT NULL, `dead_at` datetime NULL, `created_at` datetime NOT NULL, `org_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `vault_segments_orgs_vault_segments` FOREIGN KEY (`org_id`) REFERENCES `orgs` (`id`) ON DELETE CASCADE);
-- Create index "vaultsegment_tenant_id" to table: "vault_segments"
CREATE INDEX `vaultsegment_tenant_id` ON `vault_segments` (`tenant_id`);
-- Create index "vaultsegment_org_id_state" to table: "vault_segments"
CREATE INDEX `vaultsegment_org_id_state` ON `vault_segments` (`org_id`, `state`);
-- Create index "vaultsegment_run_id" to table: "vault_segments"
CREATE INDEX `vaultsegment_run_id` ON `vault_segments` (`run_id`);
-- Create "watermarks" table
CREATE TABLE `watermarks` (`id` text NOT NULL, `tenant_id` text NOT NULL, `scope` text NOT NULL, `object` text NOT NULL, `stamp` datetime NOT NULL, `fields_hash` text NOT NULL DEFAULT (''), `updated_at` datetime NOT NULL, `org_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `watermarks_orgs_watermarks` FOREIGN KEY (`org_id`) REFERENCES `orgs` (`id`) ON DELETE CASCADE);
-- Create index "watermark_tenant_id" to table: "watermarks"
CREATE INDEX `watermark_tenant_id` ON `watermarks` (`tenant_id`);
-- Create index "watermark_org_id_scope_object" to table: "watermarks"
CREATE UNIQUE INDEX `watermark_org_id_scope_object` ON `watermarks` (`org_id`, `scope`, `object`);
