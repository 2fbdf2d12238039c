-- The run's file, version 2. Names of types, roles, purposes and outcomes are
-- stored as text so that the file can be read with any SQLite tool.

CREATE TABLE steps (
  step INTEGER PRIMARY KEY
);

CREATE TABLE tasks (
  seq        INTEGER PRIMARY KEY, -- order of commit
  step       INTEGER NOT NULL REFERENCES steps ON DELETE CASCADE,
  id         TEXT NOT NULL,
  type       TEXT NOT NULL,
  program    TEXT NOT NULL,
  examples   TEXT NOT NULL, -- JSON
  message    TEXT NOT NULL,
  proposed   INTEGER NOT NULL, -- the task's own step: 0 for seeds
  proposal   TEXT NOT NULL, -- JSON of the sample's id
  solve_rate REAL NOT NULL,
  measures   TEXT NOT NULL -- JSON
);
CREATE INDEX tasks_by_type ON tasks (type, seq);
CREATE INDEX tasks_by_step ON tasks (step);
CREATE INDEX tasks_by_id ON tasks (id);

CREATE VIRTUAL TABLE programs USING fts5 (program, content='tasks', content_rowid='seq', tokenize='trigram');
CREATE TRIGGER programs_insert AFTER INSERT ON tasks BEGIN
  INSERT INTO programs (rowid, program) VALUES (new.seq, new.program);
END;
CREATE TRIGGER programs_delete AFTER DELETE ON tasks BEGIN
  INSERT INTO programs (programs, rowid, program) VALUES ('delete', old.seq, old.program);
END;

CREATE TABLE completions (
  seq             INTEGER PRIMARY KEY, -- order of commit
  step            INTEGER NOT NULL REFERENCES steps ON DELETE CASCADE,
  sampled         INTEGER NOT NULL, -- the five parts of the sample's id
  purpose         TEXT NOT NULL,
  type            TEXT NOT NULL,
  idx             INTEGER NOT NULL,
  rollout         INTEGER NOT NULL,
  role            TEXT NOT NULL,
  task_id         TEXT NOT NULL,
  prompt          TEXT NOT NULL,
  text            TEXT NOT NULL,
  answer          TEXT NOT NULL,
  finish          TEXT NOT NULL,
  outcome         TEXT NOT NULL,
  reason          TEXT NOT NULL,
  solve_rate      REAL NOT NULL,
  reward          REAL, -- NULL is not a number
  trained         INTEGER NOT NULL,
  advantage       REAL, -- NULL is not a number
  prompt_tokens   INTEGER NOT NULL,
  response_tokens INTEGER NOT NULL,
  UNIQUE (sampled, purpose, type, idx, rollout)
);
CREATE INDEX completions_by_step ON completions (step, role, type);

CREATE TABLE metrics (
  step     INTEGER NOT NULL REFERENCES steps ON DELETE CASCADE,
  measured INTEGER NOT NULL, -- 0: determined by the seed; 1: measured on the machine
  name     TEXT NOT NULL,
  value    REAL, -- NULL is not a number
  PRIMARY KEY (step, measured, name)
) WITHOUT ROWID;

CREATE TABLE journal (
  key    TEXT PRIMARY KEY,
  status TEXT NOT NULL,
  value  TEXT NOT NULL,
  error  TEXT NOT NULL
) WITHOUT ROWID;
CREATE TRIGGER journal_keeps BEFORE DELETE ON journal BEGIN
  SELECT RAISE(ABORT, 'the journal is append-only');
END;
CREATE TRIGGER journal_stays BEFORE UPDATE ON journal BEGIN
  SELECT RAISE(ABORT, 'the journal is append-only');
END;
