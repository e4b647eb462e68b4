-- Files: one row per file, written before the bytes and completed after them, so no bytes are without a row.
CREATE TABLE files (
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  job_id TEXT,                     -- the job that produced it; null for an upload
  content_type TEXT NOT NULL,
  created_at INTEGER NOT NULL,     -- epoch milliseconds
  ready INTEGER NOT NULL DEFAULT 0,
  size INTEGER,                    -- bytes; null until ready, as is the digest
  sha256 TEXT,
  PRIMARY KEY (tenant, id)
) WITHOUT ROWID;

-- Both partial: an upload touches only the second, and only while it is pending.
CREATE INDEX files_of_job ON files (tenant, job_id) WHERE job_id IS NOT NULL;
CREATE INDEX files_pending ON files (tenant, created_at) WHERE ready = 0;

-- Datasets: which generation of rows is the live one.
CREATE TABLE datasets (
  tenant TEXT NOT NULL,
  name TEXT NOT NULL,
  generation TEXT NOT NULL,
  columns TEXT NOT NULL,           -- JSON array of names
  row_count INTEGER NOT NULL,
  row_bytes_max INTEGER NOT NULL,  -- of the largest row's cells; decides how many rows are read at once
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (tenant, name)
) WITHOUT ROWID;

-- Every generation that has rows: live, staged, or abandoned and waiting for deletion.
CREATE TABLE dataset_generations (
  tenant TEXT NOT NULL,
  dataset TEXT NOT NULL,
  generation TEXT NOT NULL,
  job_id TEXT NOT NULL,
  columns TEXT NOT NULL,
  abandoned INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, dataset, generation)
) WITHOUT ROWID;

CREATE TABLE dataset_rows (
  generation TEXT NOT NULL,
  line INTEGER NOT NULL,           -- where the row begins in its file, from 1
  cells TEXT NOT NULL,             -- JSON array of strings
  PRIMARY KEY (generation, line)
) WITHOUT ROWID;

CREATE TABLE dataset_rejects (
  generation TEXT NOT NULL,
  line INTEGER NOT NULL,
  reject TEXT NOT NULL,            -- JSON array: the reason, and the row's text as in the file
  PRIMARY KEY (generation, line)
) WITHOUT ROWID;
