-- Drop index "jobobject_job_id_name" from table: "job_objects"
DROP INDEX "jobobject_job_id_name";
-- Modify "job_objects" table
ALTER TABLE "job_objects" ADD COLUMN "kind" character varying NOT NULL DEFAULT 'RECORDS';
-- Create index "jobobject_job_id_kind_name" to table: "job_objects"
CREATE UNIQUE INDEX "jobobject_job_id_kind_name" ON "job_objects" ("job_id", "kind", "name");
