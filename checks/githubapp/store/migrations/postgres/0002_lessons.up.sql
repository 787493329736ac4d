-- The post-mortems of a repository, as its newest verdict against the default branch had them.
CREATE TABLE postmortems (
    repository bigint PRIMARY KEY,
    documents bytea NOT NULL,                 -- []facts.Postmortem as JSON, gzip
    at bigint NOT NULL
);

-- What the rules of an action item found in a subject; verdicts are removed after a time, this is not.
CREATE TABLE catches (
    subject_key text NOT NULL,
    postmortem text NOT NULL,
    item text NOT NULL,
    repository bigint NOT NULL,
    number bigint NOT NULL,
    findings bigint NOT NULL,                 -- the most that one verdict had
    at bigint NOT NULL,
    PRIMARY KEY (subject_key, postmortem, item)
);
CREATE INDEX catches_by_repository ON catches (repository);
