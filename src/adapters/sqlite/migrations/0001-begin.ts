import type { Migration } from './migration.ts'

/** Times are milliseconds since 1970; columns that end in `_json` hold what the core gave, as JSON. */
export const begin: Migration = {
  number: 1,
  sql: `
    CREATE TABLE forms (
      name TEXT NOT NULL,
      version INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      origin TEXT NOT NULL,
      settings_json TEXT NOT NULL,
      variants_json TEXT NOT NULL,
      PRIMARY KEY (name, version)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE submissions (
      seq INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      reference TEXT NOT NULL UNIQUE,
      form TEXT NOT NULL,
      form_version INTEGER NOT NULL,
      received_at INTEGER NOT NULL,
      language TEXT NOT NULL,
      review TEXT NOT NULL,
      email TEXT,
      client_key TEXT NOT NULL,
      network_key TEXT NOT NULL,
      token_key TEXT NOT NULL,
      salt TEXT NOT NULL,
      body_hash TEXT NOT NULL,
      entries_json TEXT NOT NULL,
      observations_json TEXT NOT NULL,
      resends_json TEXT NOT NULL
    ) STRICT;
    CREATE INDEX submissions_by_form ON submissions (form, seq);

    -- Which uploads a submission holds, so that an orphan can be told from a kept one.
    CREATE TABLE submission_blobs (
      blob TEXT PRIMARY KEY,
      submission_id TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE idempotency_keys (
      form TEXT NOT NULL,
      source TEXT NOT NULL,
      key TEXT NOT NULL,
      body_hash TEXT NOT NULL,
      submission_id TEXT NOT NULL,
      at INTEGER NOT NULL,
      PRIMARY KEY (form, source, key, body_hash)
    ) STRICT, WITHOUT ROWID;

    -- Each client's latest post: what an immediate repetition is compared with.
    CREATE TABLE latest_posts (
      client_key TEXT PRIMARY KEY,
      form TEXT NOT NULL,
      body_hash TEXT NOT NULL,
      submission_id TEXT NOT NULL,
      at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE messages (
      seq INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      submission_id TEXT NOT NULL,
      reference TEXT NOT NULL,
      form TEXT NOT NULL,
      form_version INTEGER NOT NULL,
      role TEXT NOT NULL,
      recipient TEXT NOT NULL,
      language TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      lane TEXT NOT NULL,
      state TEXT NOT NULL,
      state_json TEXT NOT NULL,
      attempts INTEGER NOT NULL,
      due_at INTEGER,
      lease_number INTEGER NOT NULL,
      lease_until INTEGER,
      lease_phase TEXT,
      version INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX messages_by_submission ON messages (submission_id, seq);
    CREATE INDEX messages_by_state ON messages (state, seq);
    CREATE INDEX messages_due ON messages (due_at) WHERE due_at IS NOT NULL AND lease_until IS NULL;
    CREATE INDEX messages_due_by_lane ON messages (lane, due_at) WHERE due_at IS NOT NULL AND lease_until IS NULL;
    CREATE INDEX messages_leased ON messages (lease_until) WHERE lease_until IS NOT NULL;
    CREATE INDEX messages_expiring ON messages (expires_at)
      WHERE state IN ('queued', 'deferred', 'held') AND lease_until IS NULL;

    CREATE TABLE events (
      seq INTEGER PRIMARY KEY,
      message_id TEXT NOT NULL,
      id TEXT NOT NULL,
      event_json TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX events_by_message ON events (message_id, id);

    -- Counted as messages move, so that figures never need a walk over all of them.
    CREATE TABLE message_counts (
      state TEXT PRIMARY KEY,
      count INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER messages_counted_in AFTER INSERT ON messages BEGIN
      INSERT INTO message_counts VALUES (new.state, 1) ON CONFLICT (state) DO UPDATE SET count = count + 1;
    END;
    CREATE TRIGGER messages_counted_over AFTER UPDATE OF state ON messages WHEN old.state <> new.state BEGIN
      UPDATE message_counts SET count = count - 1 WHERE state = old.state;
      INSERT INTO message_counts VALUES (new.state, 1) ON CONFLICT (state) DO UPDATE SET count = count + 1;
    END;
    CREATE TRIGGER messages_counted_out AFTER DELETE ON messages BEGIN
      UPDATE message_counts SET count = count - 1 WHERE state = old.state;
    END;

    CREATE TABLE mailbox (
      seq INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      message_id TEXT NOT NULL,
      attempt INTEGER NOT NULL,
      at INTEGER NOT NULL,
      sender TEXT NOT NULL,
      recipient TEXT NOT NULL,
      subject TEXT NOT NULL,
      raw BLOB NOT NULL,
      UNIQUE (message_id, attempt)
    ) STRICT;

    CREATE TABLE simulated_feedback (
      message_id TEXT PRIMARY KEY,
      kind TEXT NOT NULL,
      due_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE access (
      hash TEXT PRIMARY KEY,
      kind TEXT NOT NULL,
      expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE budgets (
      key TEXT NOT NULL,
      subject TEXT NOT NULL,
      at INTEGER NOT NULL,
      PRIMARY KEY (key, subject)
    ) STRICT, WITHOUT ROWID;

    -- One row, written to see whether the store can be written.
    CREATE TABLE pings (
      id INTEGER PRIMARY KEY,
      count INTEGER NOT NULL
    ) STRICT;
  `,
}
