-- Deploys by CircleCI: what became of each, and whom that was told.
SET LOCAL lock_timeout = '5s';

CREATE TABLE deploys (
    deploy_key text PRIMARY KEY,
    deploy text NOT NULL,                     -- job.Deploy as JSON
    sequence bigint NOT NULL,                 -- of the newest state that somebody is to be told of
    done bigint NOT NULL,                     -- of the newest that was told
    begun text NOT NULL,                      -- what was started for it, as JSON; '' for nothing
    attempt bigint NOT NULL,
    last_error text NOT NULL,
    wanted_at bigint NOT NULL,                -- since when it waits
    due bigint NOT NULL,
    due_set bigint NOT NULL,
    lease bigint NOT NULL,                    -- grows whenever one takes it
    lease_until bigint NOT NULL,
    updated bigint NOT NULL
);
CREATE INDEX deploys_to_follow ON deploys (due) WHERE done < sequence;
CREATE INDEX deploys_by_time ON deploys (updated);
