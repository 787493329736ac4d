-- What the App keeps. Times are milliseconds since 1970 in UTC, 0 where there is none.
-- One row for each pull request or merge group: what is wanted of it, and how far that is.
CREATE TABLE subjects (
    subject_key text PRIMARY KEY,
    installation bigint NOT NULL,
    repository bigint NOT NULL,
    number bigint NOT NULL,
    subject text NOT NULL,
    revision text NOT NULL,
    head text NOT NULL,
    base_ref text NOT NULL,
    updated bigint NOT NULL,                  -- GitHub's updated_at of the revision, in microseconds
    cancelled boolean NOT NULL,
    refresh boolean NOT NULL,
    reason text NOT NULL,
    trace text NOT NULL,
    sequence bigint NOT NULL,                 -- of the newest want
    announced bigint NOT NULL,                -- of the newest want that was announced
    done bigint NOT NULL,                     -- of the newest want that has its verdict
    done_head text NOT NULL,
    wanted_at bigint NOT NULL,                -- since when it waits
    attempt bigint NOT NULL,
    last_error text NOT NULL,
    giving_up boolean NOT NULL,
    due bigint NOT NULL,
    due_set bigint NOT NULL,
    announce_due bigint NOT NULL,
    announce_due_set bigint NOT NULL,
    check_run bigint NOT NULL,
    check_run_head text NOT NULL,
    annotated bigint NOT NULL,
    stale bigint NOT NULL,                    -- its rows in stale_check_runs
    lane text NOT NULL,                       -- of the turn that runs: announce, judge, or ''
    lease bigint NOT NULL,                    -- grows with every turn
    lease_owner text NOT NULL,                -- '' when no turn runs
    lease_until bigint NOT NULL
);
CREATE INDEX subjects_to_judge ON subjects (installation, wanted_at) WHERE done < sequence;
CREATE INDEX subjects_to_announce ON subjects (installation, wanted_at) WHERE announced < sequence OR stale > 0;
CREATE INDEX subjects_leased ON subjects (lease_owner) WHERE lease_owner <> '';
CREATE INDEX subjects_by_head ON subjects (repository, head);

-- Check runs of heads that nobody wants judged any more; GitHub still has to be told.
CREATE TABLE stale_check_runs (
    subject_key text NOT NULL REFERENCES subjects (subject_key) ON DELETE CASCADE,
    head text NOT NULL,
    work text NOT NULL,
    attempt bigint NOT NULL,
    PRIMARY KEY (subject_key, head)
);

-- When an installation was served last, in each lane: the fair order.
CREATE TABLE turns (
    lane text NOT NULL,
    installation bigint NOT NULL,
    served bigint NOT NULL,
    PRIMARY KEY (lane, installation)
);

CREATE TABLE deliveries (
    id text PRIMARY KEY,
    event text NOT NULL,
    action text NOT NULL,
    installation bigint NOT NULL,
    received bigint NOT NULL,
    duplicates bigint NOT NULL
);
CREATE INDEX deliveries_by_time ON deliveries (received);

CREATE TABLE verdicts (
    id integer PRIMARY KEY AUTOINCREMENT,
    subject_key text NOT NULL,
    repository bigint NOT NULL,
    number bigint NOT NULL,
    head text NOT NULL,
    conclusion text NOT NULL,
    verdict text NOT NULL,                    -- job.Verdict as JSON, without the report
    report blob NOT NULL,                    -- the report, gzip
    page blob NOT NULL,                      -- the report as a page, gzip
    ended bigint NOT NULL
);
CREATE INDEX verdicts_by_subject ON verdicts (subject_key, id);
CREATE INDEX verdicts_by_number ON verdicts (repository, number, id);
CREATE INDEX verdicts_by_time ON verdicts (ended);

CREATE TABLE overrides (
    subject_key text NOT NULL,
    head text NOT NULL,
    rule text NOT NULL,
    override text NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (subject_key, head, rule)
);

CREATE TABLE installations (
    id integer PRIMARY KEY,
    account text NOT NULL,
    suspended boolean NOT NULL,
    deleted boolean NOT NULL
);

CREATE TABLE repositories (
    id integer PRIMARY KEY,
    installation bigint NOT NULL,             -- 0 when the App was taken off it
    owner text NOT NULL,
    name text NOT NULL,
    lower_name text NOT NULL,                 -- owner/name, as GitHub compares it
    default_branch text NOT NULL,
    private boolean NOT NULL,
    seen bigint NOT NULL
);
CREATE INDEX repositories_by_name ON repositories (lower_name);
CREATE INDEX repositories_by_installation ON repositories (installation);

CREATE TABLE sessions (
    token text PRIMARY KEY,
    data blob NOT NULL,
    expires bigint NOT NULL
);
CREATE INDEX sessions_by_expiry ON sessions (expires);

CREATE TABLE cursors (
    name text PRIMARY KEY,
    value text NOT NULL
);
