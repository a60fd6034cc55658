-- Create "audit_entries" table
CREATE TABLE "audit_entries" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "at" timestamptz NOT NULL, "actor" character varying NOT NULL, "action" character varying NOT NULL, "target" character varying NULL, "details" jsonb NULL, "outcome" character varying NOT NULL DEFAULT 'OK', PRIMARY KEY ("id"));
-- Create index "auditentry_tenant_id" to table: "audit_entries"
CREATE INDEX "auditentry_tenant_id" ON "audit_entries" ("tenant_id");
-- Create index "auditentry_tenant_id_at" to table: "audit_entries"
CREATE INDEX "auditentry_tenant_id_at" ON "audit_entries" ("tenant_id", "at");
-- Create "orgs" table
CREATE TABLE "orgs" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "name" character varying NOT NULL, "type" character varying NOT NULL, "state" character varying NOT NULL DEFAULT 'PENDING', "flow" character varying NOT NULL, "login_url" character varying NOT NULL, "client_id" character varying NOT NULL, "sealed_secrets" bytea NULL, "sealed_authorization" bytea NULL, "authorization_state" character varying NULL, "authorization_expires_at" timestamptz NULL, "salesforce_id" character varying NULL, "salesforce_name" character varying NULL, "instance_url" character varying NULL, "api_version" character varying NULL, "username" character varying NULL, "user_id" character varying NULL, "next_job_number" bigint NOT NULL DEFAULT 1, "rest_percent" bigint NOT NULL DEFAULT 80, "bulk_percent" bigint NOT NULL DEFAULT 80, "time_machine_public_key" text NULL, "connected_at" timestamptz NULL, "created_at" timestamptz NOT NULL, "updated_at" timestamptz NOT NULL, PRIMARY KEY ("id"));
-- Create index "org_authorization_state" to table: "orgs"
CREATE INDEX "org_authorization_state" ON "orgs" ("authorization_state");
-- Create index "org_tenant_id" to table: "orgs"
CREATE INDEX "org_tenant_id" ON "orgs" ("tenant_id");
-- Create index "org_tenant_id_name" to table: "orgs"
CREATE UNIQUE INDEX "org_tenant_id_name" ON "orgs" ("tenant_id", "name");
-- Create "secrets" table
CREATE TABLE "secrets" ("id" character varying NOT NULL, "sealed" bytea NOT NULL, "created_at" timestamptz NOT NULL, PRIMARY KEY ("id"));
-- Create "tenants" table
CREATE TABLE "tenants" ("id" character varying NOT NULL, "name" character varying NOT NULL, "slug" character varying NOT NULL, "created_at" timestamptz NOT NULL, PRIMARY KEY ("id"));
-- Create index "tenants_slug_key" to table: "tenants"
CREATE UNIQUE INDEX "tenants_slug_key" ON "tenants" ("slug");
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
-- Create index "task_serial_running" to table: "tasks"
CREATE UNIQUE INDEX "task_serial_running" ON "tasks" ("serial_key") WHERE ((state)::text = 'RUNNING'::text);
-- Create index "task_state_priority_run_at_id" to table: "tasks"
CREATE INDEX "task_state_priority_run_at_id" ON "tasks" ("state", "priority", "run_at", "id");
-- Create index "task_tenant_id" to table: "tasks"
CREATE INDEX "task_tenant_id" ON "tasks" ("tenant_id");
-- Create index "task_unique_unfinished" to table: "tasks"
CREATE UNIQUE INDEX "task_unique_unfinished" ON "tasks" ("unique_key") WHERE (finished_at IS NULL);
-- Create "watermarks" table
CREATE TABLE "watermarks" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "scope" character varying NOT NULL, "object" character varying NOT NULL, "stamp" timestamptz NOT NULL, "fields_hash" character varying NOT NULL DEFAULT '', "updated_at" timestamptz NOT NULL, "org_id" character varying NOT NULL, PRIMARY KEY ("id"), CONSTRAINT "watermarks_orgs_watermarks" FOREIGN KEY ("org_id") REFERENCES "orgs" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "watermark_org_id_scope_object" to table: "watermarks"
CREATE UNIQUE INDEX "watermark_org_id_scope_object" ON "watermarks" ("org_id", "scope", "object");
-- Create index "watermark_tenant_id" to table: "watermarks"
CREATE INDEX "watermark_tenant_id" ON "watermarks" ("tenant_id");
