-- Modify "orgs" table
ALTER TABLE "orgs" ADD COLUMN "keep_days" bigint NOT NULL DEFAULT 0, ADD COLUMN "keep_weeks" bigint NOT NULL DEFAULT 0, ADD COLUMN "keep_months" bigint NOT NULL DEFAULT 0, ADD COLUMN "keep_years" bigint NOT NULL DEFAULT 0, ADD COLUMN "keep_zone" character varying NOT NULL DEFAULT 'UTC', ADD COLUMN "legal_hold" character varying NOT NULL DEFAULT '';
-- Modify "vault_runs" table
ALTER TABLE "vault_runs" ADD COLUMN "hold" character varying NOT NULL DEFAULT '', ADD COLUMN "dropped_at" timestamptz NULL;
