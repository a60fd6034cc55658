-- Modify "orgs" table
ALTER TABLE "orgs" DROP COLUMN "time_machine_public_key", ADD COLUMN "time_machine_keys" jsonb NULL;
-- Create index "org_salesforce_id" to table: "orgs"
CREATE INDEX "org_salesforce_id" ON "orgs" ("salesforce_id");
-- Create "spent_tokens" table
CREATE TABLE "spent_tokens" ("id" character varying NOT NULL, "tenant_id" character varying NOT NULL, "hash" character varying NOT NULL, "expires_at" timestamptz NOT NULL, PRIMARY KEY ("id"));
-- Create index "spent_tokens_hash_key" to table: "spent_tokens"
CREATE UNIQUE INDEX "spent_tokens_hash_key" ON "spent_tokens" ("hash");
-- Create index "spenttoken_expires_at" to table: "spent_tokens"
CREATE INDEX "spenttoken_expires_at" ON "spent_tokens" ("expires_at");
-- Create index "spenttoken_tenant_id" to table: "spent_tokens"
CREATE INDEX "spenttoken_tenant_id" ON "spent_tokens" ("tenant_id");
