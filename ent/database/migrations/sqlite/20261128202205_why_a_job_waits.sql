-- Disable the enforcement of foreign-keys constraints
PRAGMA foreign_keys = off;
-- Create "new_tasks" table
CREATE TABLE `new_tasks` (`id` text NOT NULL, `tenant_id` text NOT NULL, `kind` text NOT NULL, `state` text NOT NULL DEFAULT ('AVAILABLE'), `priority` integer NOT NULL DEFAULT (0), `run_at` datetime NOT NULL, `attempt` integer NOT NULL DEFAULT (0), `max_attempts` integer NOT NULL DEFAULT (5), `owner` text NULL, `lease_until` datetime NULL, `cancel_requested` bool NOT NULL DEFAULT (false), `wait_reason` text NOT NULL DEFAULT (''), `wait_message` text NOT NULL DEFAULT (''), `serial_key` text NULL, `unique_key` text NULL, `payload` json NULL, `checkpoint` blob NULL, `error` text NULL, `finished_at` datetime NULL, `created_at` datetime NOT NULL, `job_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `tasks_jobs_tasks` FOREIGN KEY (`job_id`) REFERENCES `jobs` (`id`) ON DELETE CASCADE);
-- Copy rows from old table "tasks" to new temporary table "new_tasks"
INSERT INTO `new_tasks` (`id`, `tenant_id`, `kind`, `state`, `priority`, `run_at`, `attempt`, `max_attempts`, `owner`, `lease_until`, `cancel_requested`, `serial_key`, `unique_key`, `payload`, `checkpoint`, `error`, `finished_at`, `created_at`, `job_id`) SELECT `id`, `tenant_id`, `kind`, `state`, `priority`, `run_at`, `attempt`, `max_attempts`, `owner`, `lease_until`, `cancel_requested`, `serial_key`, `unique_key`, `payload`, `checkpoint`, `error`, `finished_at`, `created_at`, `job_id` FROM `tasks`;
-- Drop "tasks" table after copying rows
DROP TABLE `tasks`;
-- Rename temporary table "new_tasks" to "tasks"
ALTER TABLE `new_tasks` RENAME TO `tasks`;
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
-- Enable back the enforcement of foreign-keys constraints
PRAGMA foreign_keys = on;
