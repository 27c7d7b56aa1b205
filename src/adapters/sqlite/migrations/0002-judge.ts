import type { Migration } from './migration.ts'

/** What the rules against abuse need: verdicts, caps, stops, used proofs; and alarms. */
export const judge: Migration = {
  number: 2,
  sql: `
    ALTER TABLE submissions ADD COLUMN verdict_json TEXT NOT NULL DEFAULT '{"reasons":[],"shadow":[]}';
    ALTER TABLE submissions ADD COLUMN reviewed_at INTEGER;
    ALTER TABLE submissions ADD COLUMN disowned_at INTEGER;
    ALTER TABLE submissions ADD COLUMN wider_network_key TEXT;
    ALTER TABLE submissions ADD COLUMN test INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE submissions ADD COLUMN wishes_json TEXT NOT NULL DEFAULT '{"subject":null,"senderName":null,"cc":[]}';
    -- Whether its verdict has reasons. No generated column: an index with one does not spare reading the submission.
    ALTER TABLE submissions ADD COLUMN suspicious INTEGER NOT NULL DEFAULT 0;
    -- With what they are counted by, so that they are counted without reading them.
    CREATE INDEX submissions_by_review ON submissions (review, form, seq, received_at, reviewed_at, suspicious)
      WHERE review <> 'accepted';

    -- Empty strings in submission_id, reference and form: a message that no submission causes.
    ALTER TABLE messages ADD COLUMN content_json TEXT;
    ALTER TABLE messages ADD COLUMN state_since INTEGER AS (json_extract(state_json, '$.since')) VIRTUAL;
    -- What was just queued is no news, and must not cost the post an entry.
    CREATE INDEX messages_news ON messages (state_since) WHERE state <> 'queued';
    CREATE INDEX messages_confirmations ON messages (form, created_at, state) WHERE role = 'confirmation';
    -- Notifications that wait for a digest.
    CREATE INDEX messages_flooded ON messages (form, recipient, id, created_at)
      WHERE state = 'held' AND role = 'notification' AND lease_until IS NULL
        AND json_extract(state_json, '$.heldReason') = 'flood';

    -- How much of each cap is used, in slices of its window.
    CREATE TABLE caps (
      key TEXT NOT NULL,
      slice INTEGER NOT NULL,
      count INTEGER NOT NULL,
      ends_at INTEGER NOT NULL,
      PRIMARY KEY (key, slice)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX caps_over ON caps (ends_at);
    -- As of when a message is counted in them.
    CREATE TABLE counted_messages (
      message_id TEXT PRIMARY KEY,
      at INTEGER NOT NULL,
      ends_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX counted_messages_over ON counted_messages (ends_at);

    CREATE TABLE used_proofs (
      id TEXT PRIMARY KEY,
      expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX used_proofs_over ON used_proofs (expires_at);

    CREATE TABLE stops (
      address TEXT PRIMARY KEY,
      since INTEGER NOT NULL,
      until INTEGER NOT NULL,
      message_id TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE alarms (
      key TEXT PRIMARY KEY,
      since INTEGER NOT NULL,
      active INTEGER NOT NULL,
      alarm_json TEXT NOT NULL,
      version INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX alarms_active ON alarms (since) WHERE active = 1;
    CREATE INDEX alarms_by_time ON alarms (since);

    -- Until when the digests have told what happened; one row.
    CREATE TABLE digested (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      until INTEGER NOT NULL
    ) STRICT;
  `,
}
