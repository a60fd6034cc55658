-- Modify "tasks" table
ALTER TABLE "tasks" ADD COLUMN "wait_reason" character varying NOT NULL DEFAULT '', ADD COLUMN "wait_message" text NOT NULL DEFAULT '';
