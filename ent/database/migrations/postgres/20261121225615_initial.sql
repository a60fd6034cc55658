-- Create "orgs" table
CREATE TABLE "orgs" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "name" character varying NOT NULL, "type" character varying NOT NULL, "state" character varying NOT NULL DEFAULT 'PENDING', "flow" character varying NOT NULL, "login_url" character varying NOT NULL, "client_id" character varying NOT NULL, "sealed_secrets" bytea NULL, "sealed_authorization" bytea NULL, "authorization_state" character varying NULL, "authorization_expires_at" timestamptz NULL, "salesforce_id" character varying NULL, "salesforce_name" character varying NULL, "instance_url" character varying NULL, "api_version" character varying NULL, "username" character varying NULL, "user_id" character varying NULL, "next_job_number" bigint NOT NULL DEFAULT 1, "rest_percent" bigint NOT NULL DEFAULT 80, "bulk_percent" bigint NOT NULL DEFAULT 80, "scheduled_backups" boolean NOT NULL DEFAULT true, "scheduled_archives" boolean NOT NULL DEFAULT true, "time_machine_public_key" text NULL, "connected_at" timestamptz NULL, "created_at" timestamptz NOT NULL, "updated_at" timestamptz NOT NULL, PRIMARY KEY ("id"));
-- Create index "org_authorization_state" to table: "orgs"
CREATE INDEX "org_authorization_state" ON "orgs" ("authorization_state");
-- Create index "org_tenant_id" to table: "orgs"
CREATE INDEX "org_tenant_id" ON "orgs" ("tenant_id");
-- Create index "org_tenant_id_name" to table: "orgs"
CREATE UNIQUE INDEX "org_tenant_id_name" ON "orgs" ("tenant_id", "name");
-- Create "tenants" table
CREATE TABLE "tenants" ("id" character varying NOT NULL, "name" character varying NOT NULL, "slug" character varying NOT NULL, "created_at" timestamptz NOT NULL, PRIMARY KEY ("id"));
-- Create index "tenants_slug_key" to table: "tenants"
CREATE UNIQUE INDEX "tenants_slug_key" ON "tenants" ("slug");
-- Create "audit_entries" table
CREATE TABLE "audit_entries" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "at" timestamptz NOT NULL, "actor" character varying NOT NULL, "action" character varying NOT NULL, "target" character varying NULL, "details" jsonb NULL, "outcome" character varying NOT NULL DEFAULT 'OK', PRIMARY KEY ("id"));
-- Create index "auditentry_tenant_id" to table: "audit_entries"
CREATE INDEX "auditentry_tenant_id" ON "audit_entries" ("tenant_id");
-- Create index "auditentry_tenant_id_at" to table: "audit_entries"
CREATE INDEX "auditentry_tenant_id_at" ON "audit_entries" ("tenant_id", "at");
-- Create "secrets" table
CREATE TABLE "secrets" ("id" character varying NOT NULL, "sealed" bytea NOT NULL, "created_at" timestamptz NOT NULL, PRIMARY KEY ("id"));
-- Create "jobs" table
CREATE TABLE "jobs" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "number" bigint NOT NULL, "operation" character varying NOT NULL, "name" character varying NOT NULL DEFAULT '', "description" character varying NOT NULL DEFAULT '', "state" character varying NOT NULL DEFAULT 'QUEUED', "created_by" character varying NULL, "started_at" timestamptz NULL, "finished_at" timestamptz NULL, "records" bigint NOT NULL DEFAULT 0, "added" bigint NOT NULL DEFAULT 0, "changed" bigint NOT NULL DEFAULT 0, "deleted" bigint NOT NULL DEFAULT 0, "bytes" bigint NOT NULL DEFAULT 0, "api_calls" bigint NOT NULL DEFAULT 0, "error_code" character varying NULL, "error_message" character varying NULL, "input" jsonb NULL, "sealed_result" bytea NULL, "idempotency_key" character varying NULL, "created_at" timestamptz NOT NULL, "org_id" character varying NOT NULL, PRIMARY KEY ("id"), CONSTRAINT "jobs_orgs_jobs" FOREIGN KEY ("org_id") REFERENCES "orgs" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "job_org_id_number" to table: "jobs"
CREATE UNIQUE INDEX "job_org_id_number" ON "jobs" ("org_id", "number");
-- Create index "job_org_id_operation_state" to table: "jobs"
CREATE INDEX "job_org_id_operation_state" ON "jobs" ("org_id", "operation", "state");
-- Create index "job_tenant_id" to table: "jobs"
CREATE INDEX "job_tenant_id" ON "jobs" ("tenant_id");
-- Create index "job_tenant_id_idempotency_key" to table: "jobs"
CREATE UNIQUE INDEX "job_tenant_id_idempotency_key" ON "jobs" ("tenant_id", "idempotency_key");
-- Create "job_objects" table
CREATE TABLE "job_objects" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "name" character varying NOT NULL, "label" character varying NOT NULL DEFAULT '', "state" character varying NOT NULL DEFAULT 'QUEUED', "expected" bigint NULL, "stored" bigint NOT NULL DEFAULT 0, "reason" character varying NOT NULL DEFAULT '', "records" bigint NOT NULL DEFAULT 0, "added" bigint NOT NULL DEFAULT 0, "changed" bigint NOT NULL DEFAULT 0, "deleted" bigint NOT NULL DEFAULT 0, "bytes" bigint NOT NULL DEFAULT 0, "api_calls" bigint NOT NULL DEFAULT 0, "error_code" character varying NULL, "error_message" character varying NULL, "started_at" timestamptz NULL, "finished_at" timestamptz NULL, "job_id" character varying NOT NULL, PRIMARY KEY ("id"), CONSTRAINT "job_objects_jobs_objects" FOREIGN KEY ("job_id") REFERENCES "jobs" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "jobobject_job_id_name" to table: "job_objects"
CREATE UNIQUE INDEX "jobobject_job_id_name" ON "job_objects" ("job_id", "name");
-- Create index "jobobject_tenant_id" to table: "job_objects"
CREATE INDEX "jobobject_tenant_id" ON "job_objects" ("tenant_id");
-- Create "log_lines" table
CREATE TABLE "log_lines" ("id" bigint NOT NULL GENERATED BY DEFAULT AS IDENTITY, "tenant_id" character varying NOT NULL, "seq" bigint NOT NULL, "at" timestamptz NOT NULL, "level" character varying NOT NULL, "object" character varying NOT NULL DEFAULT '', "message" text NOT NULL, "job_id" character varying NOT NULL, PRIMARY KEY ("id"), CONSTRAINT "log_lines_jobs_log_lines" FOREIGN KEY ("job_id") REFERENCES "jobs" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "logline_job_id_seq" to table: "log_lines"
CREATE UNIQUE INDEX "logline_job_id_seq" ON "log_lines" ("job_id", "seq");
-- Create index "logline_tenant_id" to table: "log_lines"
CREATE INDEX "logline_tenant_id" ON "log_lines" ("tenant_id");
-- Create "templates" table
CREATE TABLE "templates" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "name" character varying NOT NULL, "description" character varying NOT NULL DEFAULT '', "type" character varying NOT NULL, "created_at" timestamptz NOT NULL, "updated_at" timestamptz NOT NULL, "org_id" character varying NOT NULL, PRIMARY KEY ("id"), CONSTRAINT "templates_orgs_templates" FOREIGN KEY ("org_id") REFERENCES "orgs" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "template_org_id_name" to table: "templates"
CREATE UNIQUE INDEX "template_org_id_name" ON "templates" ("org_id", "name");
-- Create index "template_tenant_id" to table: "templates"
CREATE INDEX "template_tenant_id" ON "templates" ("tenant_id");
-- Create "schedules" table
CREATE TABLE "schedules" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "operation" character varying NOT NULL, "name" character varying NOT NULL, "description" character varying NOT NULL DEFAULT '', "system" boolean NOT NULL DEFAULT false, "enabled" boolean NOT NULL DEFAULT true, "rule" jsonb NOT NULL, "input" jsonb NULL, "next_run_at" timestamptz NULL, "last_run_at" timestamptz NULL, "created_at" timestamptz NOT NULL, "updated_at" timestamptz NOT NULL, "org_id" character varying NOT NULL, "template_id" character varying NULL, PRIMARY KEY ("id"), CONSTRAINT "schedules_orgs_schedules" FOREIGN KEY ("org_id") REFERENCES "orgs" ("id") ON UPDATE NO ACTION ON DELETE CASCADE, CONSTRAINT "schedules_templates_schedules" FOREIGN KEY ("template_id") REFERENCES "templates" ("id") ON UPDATE NO ACTION ON DELETE SET NULL);
-- Create index "schedule_next_run_at" to table: "schedules"
CREATE INDEX "schedule_next_run_at" ON "schedules" ("next_run_at");
-- Create index "schedule_org_id_name" to table: "schedules"
CREATE UNIQUE INDEX "schedule_org_id_name" ON "schedules" ("org_id", "name");
-- Create index "schedule_tenant_id" to table: "schedules"
CREATE INDEX "schedule_tenant_id" ON "schedules" ("tenant_id");
-- Create "users" table
CREATE TABLE "users" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "email" character varying NOT NULL, "first_name" character varying NOT NULL DEFAULT '', "last_name" character varying NOT NULL DEFAULT '', "password_hash" character varying NOT NULL, "role" character varying NOT NULL, "failed_logins" bigint NOT NULL DEFAULT 0, "locked_until" timestamptz NULL, "created_at" timestamptz NOT NULL, "updated_at" timestamptz NOT NULL, PRIMARY KEY ("id"));
-- Create index "user_tenant_id" to table: "users"
CREATE INDEX "user_tenant_id" ON "users" ("tenant_id");
-- Create index "user_tenant_id_email" to table: "users"
CREATE UNIQUE INDEX "user_tenant_id_email" ON "users" ("tenant_id", "email");
-- Create "sessions" table
CREATE TABLE "sessions" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "token_hash" character varying NOT NULL, "expires_at" timestamptz NOT NULL, "revoked_at" timestamptz NULL, "created_at" timestamptz NOT NULL, "user_id" character varying NOT NULL, PRIMARY KEY ("id"), CONSTRAINT "sessions_users_sessions" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "session_tenant_id" to table: "sessions"
CREATE INDEX "session_tenant_id" ON "sessions" ("tenant_id");
-- Create "sobjects" table
CREATE TABLE "sobjects" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "name" character varying NOT NULL, "label" character varying NOT NULL DEFAULT '', "key_prefix" character varying NOT NULL DEFAULT '', "class" character varying NOT NULL, "describe" bytea NULL, "described_at" timestamptz NULL, "gone" boolean NOT NULL DEFAULT false, "updated_at" timestamptz NOT NULL, "org_id" character varying NOT NULL, PRIMARY KEY ("id"), CONSTRAINT "sobjects_orgs_sobjects" FOREIGN KEY ("org_id") REFERENCES "orgs" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "sobject_org_id_name" to table: "sobjects"
CREATE UNIQUE INDEX "sobject_org_id_name" ON "sobjects" ("org_id", "name");
-- Create index "sobject_tenant_id" to table: "sobjects"
CREATE INDEX "sobject_tenant_id" ON "sobjects" ("tenant_id");
-- Create "tasks" table
CREATE TABLE "tasks" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "kind" character varying NOT NULL, "state" character varying NOT NULL DEFAULT 'AVAILABLE', "priority" bigint NOT NULL DEFAULT 0, "run_at" timestamptz NOT NULL, "attempt" bigint NOT NULL DEFAULT 0, "max_attempts" bigint NOT NULL DEFAULT 5, "owner" character varying NULL, "lease_until" timestamptz NULL, "cancel_requested" boolean NOT NULL DEFAULT false, "serial_key" character varying NULL, "unique_key" character varying NULL, "payload" jsonb NULL, "checkpoint" bytea NULL, "error" character varying NULL, "finished_at" timestamptz NULL, "created_at" timestamptz NOT NULL, "job_id" character varying NULL, PRIMARY KEY ("id"), CONSTRAINT "tasks_jobs_tasks" FOREIGN KEY ("job_id") REFERENCES "jobs" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "task_job_id" to table: "tasks"
CREATE INDEX "task_job_id" ON "tasks" ("job_id");
-- Create index "task_serial_key_state_id" to table: "tasks"
CREATE INDEX "task_serial_key_state_id" ON "tasks" ("serial_key", "state", "id");
-- Create index "task_serial_running" to table: "tasks"
CREATE UNIQUE INDEX "task_serial_running" ON "tasks" ("serial_key") WHERE ((state)::text = 'RUNNING'::text);
-- Create index "task_state_priority_run_at_id" to table: "tasks"
CREATE INDEX "task_state_priority_run_at_id" ON "tasks" ("state", "priority", "run_at", "id");
-- Create index "task_tenant_id" to table: "tasks"
CREATE INDEX "task_tenant_id" ON "tasks" ("tenant_id");
-- Create index "task_unique_key" to table: "tasks"
CREATE INDEX "task_unique_key" ON "tasks" ("unique_key");
-- Create "template_objects" table
CREATE TABLE "template_objects" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "position" bigint NOT NULL, "path" character varying NOT NULL, "object" character varying NOT NULL, "field" character varying NOT NULL DEFAULT '', "filter" jsonb NULL, "condition" text NOT NULL DEFAULT '', "retain" boolean NOT NULL DEFAULT false, "dependence" character varying NULL, "blocker" boolean NOT NULL DEFAULT false, "template_id" character varying NOT NULL, PRIMARY KEY ("id"), CONSTRAINT "template_objects_templates_objects" FOREIGN KEY ("template_id") REFERENCES "templates" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "templateobject_template_id_path" to table: "template_objects"
CREATE UNIQUE INDEX "templateobject_template_id_path" ON "template_objects" ("template_id", "path");
-- Create index "templateobject_tenant_id" to table: "template_objects"
CREATE INDEX "templateobject_tenant_id" ON "template_objects" ("tenant_id");
-- Create "vault_files" table
CREATE TABLE "vault_files" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "hash" character varying NOT NULL, "size" bigint NOT NULL, "epoch" bigint NOT NULL, "created_at" timestamptz NOT NULL, "org_id" character varying NOT NULL, PRIMARY KEY ("id"), CONSTRAINT "vault_files_orgs_vault_files" FOREIGN KEY ("org_id") REFERENCES "orgs" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "vaultfile_org_id_hash" to table: "vault_files"
CREATE UNIQUE INDEX "vaultfile_org_id_hash" ON "vault_files" ("org_id", "hash");
-- Create index "vaultfile_tenant_id" to table: "vault_files"
CREATE INDEX "vaultfile_tenant_id" ON "vault_files" ("tenant_id");
-- Create "vault_heads" table
CREATE TABLE "vault_heads" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "generation" bigint NOT NULL DEFAULT 1, "org_id" character varying NOT NULL, PRIMARY KEY ("id"), CONSTRAINT "vault_heads_orgs_vault_heads" FOREIGN KEY ("org_id") REFERENCES "orgs" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "vaulthead_org_id" to table: "vault_heads"
CREATE UNIQUE INDEX "vaulthead_org_id" ON "vault_heads" ("org_id");
-- Create index "vaulthead_tenant_id" to table: "vault_heads"
CREATE INDEX "vaulthead_tenant_id" ON "vault_heads" ("tenant_id");
-- Create "vault_keys" table
CREATE TABLE "vault_keys" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "epoch" bigint NOT NULL, "wrapped" bytea NOT NULL, "customer_key" character varying NOT NULL DEFAULT '', "created_at" timestamptz NOT NULL, "org_id" character varying NOT NULL, PRIMARY KEY ("id"), CONSTRAINT "vault_keys_orgs_vault_keys" FOREIGN KEY ("org_id") REFERENCES "orgs" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "vaultkey_org_id_epoch" to table: "vault_keys"
CREATE UNIQUE INDEX "vaultkey_org_id_epoch" ON "vault_keys" ("org_id", "epoch");
-- Create index "vaultkey_tenant_id" to table: "vault_keys"
CREATE INDEX "vaultkey_tenant_id" ON "vault_keys" ("tenant_id");
-- Create "vault_objects" table
CREATE TABLE "vault_objects" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "name" character varying NOT NULL, "live" bigint NOT NULL DEFAULT 0, "versions" bigint NOT NULL DEFAULT 0, "updated_at" timestamptz NOT NULL, "org_id" character varying NOT NULL, PRIMARY KEY ("id"), CONSTRAINT "vault_objects_orgs_vault_objects" FOREIGN KEY ("org_id") REFERENCES "orgs" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "vaultobject_org_id_name" to table: "vault_objects"
CREATE UNIQUE INDEX "vaultobject_org_id_name" ON "vault_objects" ("org_id", "name");
-- Create index "vaultobject_tenant_id" to table: "vault_objects"
CREATE INDEX "vaultobject_tenant_id" ON "vault_objects" ("tenant_id");
-- Create "vault_purged" table
CREATE TABLE "vault_purged" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "object" character varying NOT NULL, "hash" bytea NOT NULL, "job_id" character varying NOT NULL DEFAULT '', "created_at" timestamptz NOT NULL, "org_id" character varying NOT NULL, PRIMARY KEY ("id"), CONSTRAINT "vault_purged_orgs_vault_purged" FOREIGN KEY ("org_id") REFERENCES "orgs" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "vaultpurged_org_id_object_hash" to table: "vault_purged"
CREATE UNIQUE INDEX "vaultpurged_org_id_object_hash" ON "vault_purged" ("org_id", "object", "hash");
-- Create index "vaultpurged_tenant_id" to table: "vault_purged"
CREATE INDEX "vaultpurged_tenant_id" ON "vault_purged" ("tenant_id");
-- Create "vault_runs" table
CREATE TABLE "vault_runs" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "job_id" character varying NOT NULL, "operation" character varying NOT NULL, "state" character varying NOT NULL DEFAULT 'OPEN', "attempt" bigint NOT NULL DEFAULT 1, "first_seq" bigint NOT NULL, "last_seq" bigint NOT NULL, "closed_at" timestamptz NULL, "created_at" timestamptz NOT NULL, "org_id" character varying NOT NULL, PRIMARY KEY ("id"), CONSTRAINT "vault_runs_orgs_vault_runs" FOREIGN KEY ("org_id") REFERENCES "orgs" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "vaultrun_org_id_job_id" to table: "vault_runs"
CREATE INDEX "vaultrun_org_id_job_id" ON "vault_runs" ("org_id", "job_id");
-- Create index "vaultrun_org_id_last_seq" to table: "vault_runs"
CREATE INDEX "vaultrun_org_id_last_seq" ON "vault_runs" ("org_id", "last_seq");
-- Create index "vaultrun_org_open" to table: "vault_runs"
CREATE UNIQUE INDEX "vaultrun_org_open" ON "vault_runs" ("org_id") WHERE ((state)::text = 'OPEN'::text);
-- Create index "vaultrun_tenant_id" to table: "vault_runs"
CREATE INDEX "vaultrun_tenant_id" ON "vault_runs" ("tenant_id");
-- Create "vault_run_objects" table
CREATE TABLE "vault_run_objects" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "name" character varying NOT NULL, "checkpoint" bytea NULL, "finished" boolean NOT NULL DEFAULT false, "added" bigint NOT NULL DEFAULT 0, "changed" bigint NOT NULL DEFAULT 0, "deleted" bigint NOT NULL DEFAULT 0, "bytes" bigint NOT NULL DEFAULT 0, "live" bigint NOT NULL DEFAULT 0, "run_id" character varying NOT NULL, PRIMARY KEY ("id"), CONSTRAINT "vault_run_objects_vault_runs_objects" FOREIGN KEY ("run_id") REFERENCES "vault_runs" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "vaultrunobject_run_id_name" to table: "vault_run_objects"
CREATE UNIQUE INDEX "vaultrunobject_run_id_name" ON "vault_run_objects" ("run_id", "name");
-- Create index "vaultrunobject_tenant_id" to table: "vault_run_objects"
CREATE INDEX "vaultrunobject_tenant_id" ON "vault_run_objects" ("tenant_id");
-- Create "vault_segments" table
CREATE TABLE "vault_segments" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "run_id" character varying NOT NULL DEFAULT '', "state" character varying NOT NULL, "level" bigint NOT NULL DEFAULT 0, "epoch" bigint NOT NULL, "size" bigint NOT NULL, "trailer" bigint NOT NULL, "hash" bytea NOT NULL, "dead_at" timestamptz NULL, "created_at" timestamptz NOT NULL, "org_id" character varying NOT NULL, PRIMARY KEY ("id"), CONSTRAINT "vault_segments_orgs_vault_segments" FOREIGN KEY ("org_id") REFERENCES "orgs" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "vaultsegment_org_id_state" to table: "vault_segments"
CREATE INDEX "vaultsegment_org_id_state" ON "vault_segments" ("org_id", "state");
-- Create index "vaultsegment_run_id" to table: "vault_segments"
CREATE INDEX "vaultsegment_run_id" ON "vault_segments" ("run_id");
-- Create index "vaultsegment_tenant_id" to table: "vault_segments"
CREATE INDEX "vaultsegment_tenant_id" ON "vault_segments" ("tenant_id");
-- Create "vault_sections" table
CREATE TABLE "vault_sections" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "org_id" character varying NOT NULL, "object" character varying NOT NULL, "rows" bigint NOT NULL, "min_id" bytea NOT NULL, "max_id" bytea NOT NULL, "min_seq" bigint NOT NULL, "max_seq" bigint NOT NULL, "segment_id" character varying NOT NULL, PRIMARY KEY ("id"), CONSTRAINT "vault_sections_vault_segments_sections" FOREIGN KEY ("segment_id") REFERENCES "vault_segments" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "vaultsection_org_id_object" to table: "vault_sections"
CREATE INDEX "vaultsection_org_id_object" ON "vault_sections" ("org_id", "object");
-- Create index "vaultsection_segment_id_object" to table: "vault_sections"
CREATE UNIQUE INDEX "vaultsection_segment_id_object" ON "vault_sections" ("segment_id", "object");
-- Create index "vaultsection_tenant_id" to table: "vault_sections"
CREATE INDEX "vaultsection_tenant_id" ON "vault_sections" ("tenant_id");
-- Create "watermarks" table
CREATE TABLE "watermarks" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "scope" character varying NOT NULL, "object" character varying NOT NULL, "stamp" timestamptz NOT NULL, "fields_hash" character varying NOT NULL DEFAULT '', "updated_at" timestamptz NOT NULL, "org_id" character varying NOT NULL, PRIMARY KEY ("id"), CONSTRAINT "watermarks_orgs_watermarks" FOREIGN KEY ("org_id") REFERENCES "orgs" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "watermark_org_id_scope_object" to table: "watermarks"
CREATE UNIQUE INDEX "watermark_org_id_scope_object" ON "watermarks" ("org_id", "scope", "object");
-- Create index "watermark_tenant_id" to table: "watermarks"
CREATE INDEX "watermark_tenant_id" ON "watermarks" ("tenant_id");
