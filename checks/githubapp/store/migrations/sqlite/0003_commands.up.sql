-- What people asked for in comments, until a turn has carried it out.
CREATE TABLE commands (
    subject_key text NOT NULL,
    comment bigint NOT NULL,
    line bigint NOT NULL,
    command text NOT NULL,
    sequence bigint NOT NULL,                 -- of the want that brought it
    done boolean NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (subject_key, comment, line)
);
