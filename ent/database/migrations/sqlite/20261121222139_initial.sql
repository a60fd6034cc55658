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
CREATE TABLE `orgs` (`id` text NOT NULL, `tenant_id` text NOT NULL, `name` text NOT NULL, `type` text NOT NULL, `state` text NOT NULL DEFAULT ('PENDING'), `flow` text NOT NULL, `login_url` text NOT NULL, `client_id` text NOT NULL, `sealed_secrets` blob NULL, `sealed_authorization` blob NULL, `authorization_state` text NULL, `authorization_expires_at` datetime NULL, `salesforce_id` text NULL, `salesforce_name` text NULL, `instance_url` text NULL, `api_version` text NULL, `username` text NULL, `user_id` text NULL, `next_job_number` integer NOT NULL DEFAULT (1), `rest_percent` integer NOT NULL DEFAULT (80), `bulk_percent` integer NOT NULL DEFAULT (80), `time_machine_public_key` text NULL, `connected_at` datetime NULL, `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, PRIMARY KEY (`id`));
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
-- Create index "task_unique_unfinished" to table: "tasks"
CREATE UNIQUE INDEX `task_unique_unfinished` ON `tasks` (`unique_key`) WHERE finished_at IS NULL;
-- Create index "task_job_id" to table: "tasks"
CREATE INDEX `task_job_id` ON `tasks` (`job_id`);
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
-- Create "watermarks" table
CREATE TABLE `watermarks` (`id` text NOT NULL, `tenant_id` text NOT NULL, `scope` text NOT NULL, `object` text NOT NULL, `stamp` datetime NOT NULL, `fields_hash` text NOT NULL DEFAULT (''), `updated_at` datetime NOT NULL, `org_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `watermarks_orgs_watermarks` FOREIGN KEY (`org_id`) REFERENCES `orgs` (`id`) ON DELETE CASCADE);
-- Create index "watermark_tenant_id" to table: "watermarks"
CREATE INDEX `watermark_tenant_id` ON `watermarks` (`tenant_id`);
-- Create index "watermark_org_id_scope_object" to table: "watermarks"
CREATE UNIQUE INDEX `watermark_org_id_scope_object` ON `watermarks` (`org_id`, `scope`, `object`);
