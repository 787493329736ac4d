--- setup: Change a column's type
CREATE TABLE t (id int PRIMARY KEY, small smallint, n int, v varchar(20), vany varchar, c char(5), txt text, num numeric(10,2), numany numeric,
	real_ real, net cidr, addr inet, ts timestamp, tsz timestamptz, tsz3 timestamptz(3), iv interval, d date, js json, jb jsonb, b bytea,
	bits bit(4), vbits varbit(8), u uuid, flag boolean, arr varchar(20)[], tm time);
INSERT INTO t (id, small, n, v, vany, c, txt, num, numany, net, addr, ts, tsz, tsz3, js, jb, bits, vbits, flag, arr) VALUES
	(1, 1, 1, 'a', 'a', 'a', '1', 1, 1, '10.0.0.0/8', '10.0.0.1', '2020-01-01', '2020-01-01', '2020-01-01', '{}', '{}', B'0001', B'01', true, '{a}');
CREATE INDEX t_n ON t (n);
CREATE INDEX t_v ON t (v);
CREATE INDEX t_txt ON t (txt);
SET TimeZone = 'UTC';
--- statements
ALTER TABLE t ALTER COLUMN n TYPE int;
ALTER TABLE t ALTER COLUMN n TYPE bigint;
ALTER TABLE t ALTER COLUMN id TYPE bigint;
ALTER TABLE t ALTER COLUMN small TYPE int;
ALTER TABLE t ALTER COLUMN n TYPE smallint;
ALTER TABLE t ALTER COLUMN n TYPE numeric;
ALTER TABLE t ALTER COLUMN n TYPE text;
ALTER TABLE t ALTER COLUMN n TYPE oid USING n::oid;
ALTER TABLE t ALTER COLUMN n TYPE oid;
ALTER TABLE t ALTER COLUMN v TYPE varchar(40);
ALTER TABLE t ALTER COLUMN v TYPE varchar(20);
ALTER TABLE t ALTER COLUMN v TYPE varchar(10);
ALTER TABLE t ALTER COLUMN v TYPE varchar;
ALTER TABLE t ALTER COLUMN v TYPE text;
ALTER TABLE t ALTER COLUMN v TYPE char(20);
ALTER TABLE t ALTER COLUMN vany TYPE varchar(40);
ALTER TABLE t ALTER COLUMN vany TYPE text;
ALTER TABLE t ALTER COLUMN txt TYPE varchar;
ALTER TABLE t ALTER COLUMN txt TYPE varchar(40);
ALTER TABLE t ALTER COLUMN txt TYPE char(40);
ALTER TABLE t ALTER COLUMN txt TYPE citext;
ALTER TABLE t ALTER COLUMN txt TYPE int USING txt::int;
ALTER TABLE t ALTER COLUMN txt TYPE int;
ALTER TABLE t ALTER COLUMN c TYPE char(10);
ALTER TABLE t ALTER COLUMN c TYPE text;
ALTER TABLE t ALTER COLUMN c TYPE varchar;
ALTER TABLE t ALTER COLUMN c TYPE varchar(10);
ALTER TABLE t ALTER COLUMN num TYPE numeric(12,2);
ALTER TABLE t ALTER COLUMN num TYPE numeric(8,2);
ALTER TABLE t ALTER COLUMN num TYPE numeric(12,4);
ALTER TABLE t ALTER COLUMN num TYPE numeric;
ALTER TABLE t ALTER COLUMN numany TYPE numeric(10,2);
ALTER TABLE t ALTER COLUMN num TYPE float8;
ALTER TABLE t ALTER COLUMN real_ TYPE float8;
ALTER TABLE t ALTER COLUMN net TYPE inet;
ALTER TABLE t ALTER COLUMN addr TYPE cidr;
ALTER TABLE t ALTER COLUMN ts TYPE timestamptz;
ALTER TABLE t ALTER COLUMN tsz TYPE timestamp;
ALTER TABLE t ALTER COLUMN ts TYPE timestamptz USING ts AT TIME ZONE 'UTC';
ALTER TABLE t ALTER COLUMN tsz TYPE timestamptz(3);
ALTER TABLE t ALTER COLUMN tsz TYPE timestamptz(6);
ALTER TABLE t ALTER COLUMN tsz3 TYPE timestamptz;
ALTER TABLE t ALTER COLUMN tsz3 TYPE timestamptz(6);
ALTER TABLE t ALTER COLUMN tsz3 TYPE timestamptz(0);
ALTER TABLE t ALTER COLUMN ts TYPE date;
ALTER TABLE t ALTER COLUMN d TYPE timestamp;
ALTER TABLE t ALTER COLUMN d TYPE timestamptz;
ALTER TABLE t ALTER COLUMN tm TYPE time(3);
ALTER TABLE t ALTER COLUMN iv TYPE interval(3);
ALTER TABLE t ALTER COLUMN iv TYPE interval DAY TO SECOND;
ALTER TABLE t ALTER COLUMN js TYPE jsonb;
ALTER TABLE t ALTER COLUMN js TYPE jsonb USING js::jsonb;
ALTER TABLE t ALTER COLUMN jb TYPE json;
ALTER TABLE t ALTER COLUMN jb TYPE text;
ALTER TABLE t ALTER COLUMN js TYPE text;
ALTER TABLE t ALTER COLUMN bits TYPE varbit;
ALTER TABLE t ALTER COLUMN vbits TYPE varbit(16);
ALTER TABLE t ALTER COLUMN vbits TYPE varbit(4);
ALTER TABLE t ALTER COLUMN vbits TYPE varbit;
ALTER TABLE t ALTER COLUMN bits TYPE bit(8);
ALTER TABLE t ALTER COLUMN u TYPE text;
ALTER TABLE t ALTER COLUMN flag TYPE int USING flag::int;
ALTER TABLE t ALTER COLUMN arr TYPE varchar(40)[];
ALTER TABLE t ALTER COLUMN arr TYPE text[];
ALTER TABLE t ALTER COLUMN arr TYPE varchar(10)[];
ALTER TABLE t ALTER COLUMN txt TYPE text USING txt;
ALTER TABLE t ALTER COLUMN v TYPE text USING v::text;
ALTER TABLE t ALTER COLUMN txt TYPE varchar USING txt::varchar;
ALTER TABLE t ALTER COLUMN txt TYPE text USING trim(txt);
ALTER TABLE t ALTER COLUMN v TYPE varchar(40) USING v::varchar(40);
ALTER TABLE t ALTER COLUMN n TYPE bigint USING n::bigint;
ALTER TABLE t ALTER COLUMN n TYPE int USING 0;
ALTER TABLE t ALTER COLUMN txt TYPE text COLLATE "C";
ALTER TABLE t ALTER COLUMN txt TYPE text COLLATE "POSIX";
ALTER TABLE t ALTER COLUMN vany TYPE text COLLATE "POSIX";
ALTER TABLE t ALTER COLUMN v TYPE text, ALTER COLUMN n TYPE bigint;
ALTER TABLE t ALTER COLUMN v TYPE text, ALTER COLUMN txt TYPE varchar;
ALTER TABLE t ALTER COLUMN arr TYPE varchar[];
ALTER TABLE t ALTER COLUMN arr TYPE varchar(20)[];
ALTER TABLE t ALTER COLUMN c TYPE bpchar;
ALTER TABLE t ALTER COLUMN c TYPE char(5);
ALTER TABLE t ALTER COLUMN num TYPE numeric(10,2);
ALTER TABLE t ALTER COLUMN num TYPE int;
ALTER TABLE t ALTER COLUMN num TYPE varchar(40) USING num::varchar(40);
ALTER TABLE t ALTER COLUMN tsz3 TYPE timestamp(3);
ALTER TABLE t ALTER COLUMN tsz3 TYPE timestamp;
ALTER TABLE t ALTER COLUMN ts TYPE timestamptz(6);
ALTER TABLE t ALTER COLUMN tm TYPE interval;
ALTER TABLE t ALTER COLUMN iv TYPE interval YEAR TO MONTH;
ALTER TABLE t ALTER COLUMN iv TYPE interval(6);
ALTER TABLE t ALTER COLUMN n TYPE regclass USING n::regclass;
ALTER TABLE t ALTER COLUMN n TYPE oid USING n::oid, ALTER COLUMN v TYPE text;
ALTER TABLE t ALTER COLUMN v TYPE bytea USING v::bytea;
ALTER TABLE t ALTER COLUMN bits TYPE bit(4);
ALTER TABLE t ALTER COLUMN vbits TYPE bit(4) USING vbits::bit(4);
ALTER TABLE t ALTER COLUMN v TYPE varchar(40) COLLATE "C";
ALTER TABLE t ALTER COLUMN v TYPE varchar(40) USING v::text;
ALTER TABLE t ALTER COLUMN v TYPE varchar(20) USING v::text::varchar(20);
ALTER TABLE t ALTER COLUMN txt TYPE text USING vany;
ALTER TABLE t ALTER COLUMN txt TYPE text USING (txt);
ALTER TABLE t ALTER COLUMN flag TYPE text;
ALTER TABLE t ALTER COLUMN u TYPE varchar(36);
ALTER TABLE t ALTER COLUMN txt TYPE name;

--- setup: Change a timestamp's type in another time zone
CREATE TABLE t (id int PRIMARY KEY, ts timestamp, tsz timestamptz);
INSERT INTO t VALUES (1, '2020-01-01', '2020-01-01');
CREATE INDEX t_ts ON t (ts);
SET TimeZone = 'Europe/Rome';
--- statements
ALTER TABLE t ALTER COLUMN ts TYPE timestamptz;
ALTER TABLE t ALTER COLUMN tsz TYPE timestamp;
ALTER TABLE t ALTER COLUMN ts TYPE timestamptz USING ts AT TIME ZONE 'UTC';

--- setup: Change the type of a timestamp column that is indexed, in UTC
CREATE TABLE t (id int PRIMARY KEY, ts timestamp);
INSERT INTO t VALUES (1, '2020-01-01');
CREATE INDEX t_ts ON t (ts);
SET TimeZone = 'UTC';
--- statements
ALTER TABLE t ALTER COLUMN ts TYPE timestamptz;

--- setup: Change the type of a column in constraints, indexes and views
CREATE TABLE users (id varchar(20) PRIMARY KEY, code varchar(20) CHECK (code <> ''), age int CHECK (age > 0), nick varchar(20), born int);
INSERT INTO users VALUES ('a', 'x', 20, 'a', 1);
CREATE INDEX users_nick_lower ON users (lower(nick));
CREATE INDEX users_nick_adult ON users (nick) WHERE age > 18;
CREATE INDEX users_nick_like ON users (nick varchar_pattern_ops);
CREATE INDEX users_adult_born ON users (born) WHERE nick <> '';
CREATE TABLE posts (id int PRIMARY KEY, user_id varchar(20) REFERENCES users, body varchar(20));
INSERT INTO posts VALUES (1, 'a', 'b');
CREATE TABLE tags (name varchar(20), CONSTRAINT tags_name UNIQUE (name));
INSERT INTO tags VALUES ('x');
CREATE VIEW bodies AS SELECT body FROM posts;
CREATE TABLE spans (a int, CONSTRAINT spans_a EXCLUDE USING btree (a WITH =));
INSERT INTO spans VALUES (1);
CREATE TABLE sums (a varchar(10), b varchar(20) GENERATED ALWAYS AS (a) STORED, c int, d int GENERATED ALWAYS AS (c + 1) STORED);
INSERT INTO sums VALUES ('x');
--- statements
ALTER TABLE users ALTER COLUMN id TYPE varchar(40);
ALTER TABLE users ALTER COLUMN id TYPE text;
ALTER TABLE posts ALTER COLUMN user_id TYPE varchar(40);
ALTER TABLE posts ALTER COLUMN user_id TYPE text;
ALTER TABLE posts ALTER COLUMN id TYPE bigint;
ALTER TABLE users ALTER COLUMN code TYPE varchar(40);
ALTER TABLE users ALTER COLUMN code TYPE text;
ALTER TABLE users ALTER COLUMN age TYPE bigint;
ALTER TABLE users ALTER COLUMN born TYPE bigint;
ALTER TABLE users ALTER COLUMN nick TYPE varchar(40);
ALTER TABLE users ALTER COLUMN nick TYPE text;
ALTER TABLE posts ALTER COLUMN body TYPE text;
ALTER TABLE tags ALTER COLUMN name TYPE text;
ALTER TABLE tags ALTER COLUMN name TYPE char(20);
ALTER TABLE spans ALTER COLUMN a TYPE bigint;
ALTER TABLE sums ALTER COLUMN a TYPE text;
ALTER TABLE sums ALTER COLUMN b TYPE text;
ALTER TABLE sums ALTER COLUMN c TYPE bigint;

--- setup: Change the type of a column under integer foreign keys
CREATE TABLE users (id int PRIMARY KEY);
INSERT INTO users VALUES (1);
CREATE TABLE posts (id int PRIMARY KEY, user_id int REFERENCES users);
INSERT INTO posts VALUES (1, 1);
CREATE INDEX posts_user ON posts (user_id);
--- statements
ALTER TABLE users ALTER COLUMN id TYPE bigint;
ALTER TABLE posts ALTER COLUMN user_id TYPE bigint;

--- setup: Change a column's type to or from a domain, an enum or an extension's type
CREATE EXTENSION citext;
CREATE DOMAIN plain AS text;
CREATE DOMAIN filled AS text CHECK (VALUE <> '');
CREATE TYPE mood AS ENUM ('ok', 'sad');
CREATE TYPE mood2 AS ENUM ('ok', 'sad');
CREATE TABLE t (id int PRIMARY KEY, txt text, p plain, f filled, m mood, ci citext);
INSERT INTO t VALUES (1, 'ok', 'x', 'x', 'ok', 'x');
CREATE INDEX t_txt ON t (txt);
CREATE INDEX t_p ON t (p);
--- statements
ALTER TABLE t ALTER COLUMN txt TYPE plain;
ALTER TABLE t ALTER COLUMN txt TYPE filled;
ALTER TABLE t ALTER COLUMN p TYPE text;
ALTER TABLE t ALTER COLUMN f TYPE text;
ALTER TABLE t ALTER COLUMN p TYPE filled;
ALTER TABLE t ALTER COLUMN p TYPE varchar;
ALTER TABLE t ALTER COLUMN txt TYPE mood USING txt::mood;
ALTER TABLE t ALTER COLUMN m TYPE text;
ALTER TABLE t ALTER COLUMN m TYPE text USING m::text;
ALTER TABLE t ALTER COLUMN m TYPE mood2 USING m::text::mood2;
ALTER TABLE t ALTER COLUMN txt TYPE citext;
ALTER TABLE t ALTER COLUMN ci TYPE text;

--- setup: Change the type of a column in indexes of many kinds
CREATE TABLE t (id int PRIMARY KEY, v varchar(20), w varchar(20), x text, tags varchar(20)[], doc text, n int, ts timestamp);
INSERT INTO t VALUES (1, 'a', 'b', 'c', '{a}', 'd', 1, '2020-01-01');
CREATE INDEX t_v_hash ON t USING hash (v);
CREATE INDEX t_v_brin ON t USING brin (v);
CREATE INDEX t_vw ON t (v, w DESC NULLS LAST);
CREATE INDEX t_v_c ON t (v COLLATE "C");
CREATE UNIQUE INDEX t_w ON t (w) INCLUDE (v);
CREATE INDEX t_x_pattern ON t (x text_pattern_ops);
CREATE INDEX t_tags ON t USING gin (tags);
CREATE INDEX t_doc ON t USING gin (to_tsvector('simple', doc));
CREATE INDEX t_n_brin ON t USING brin (n);
CREATE INDEX t_ts_part ON t (n) WHERE ts IS NOT NULL;
CREATE INDEX t_tags_btree ON t (tags);
SET TimeZone = 'UTC';
--- statements
ALTER TABLE t ALTER COLUMN v TYPE varchar(40);
ALTER TABLE t ALTER COLUMN v TYPE text;
ALTER TABLE t ALTER COLUMN v TYPE text COLLATE "C";
ALTER TABLE t ALTER COLUMN w TYPE text;
ALTER TABLE t ALTER COLUMN x TYPE varchar;
ALTER TABLE t ALTER COLUMN x TYPE text COLLATE "C";
ALTER TABLE t ALTER COLUMN doc TYPE varchar;
ALTER TABLE t ALTER COLUMN tags TYPE varchar[];
ALTER TABLE t ALTER COLUMN n TYPE oid;
ALTER TABLE t ALTER COLUMN ts TYPE timestamptz;

--- setup: Change the type of a column with a default, statistics, a trigger, a policy
CREATE TABLE t (id serial PRIMARY KEY, ident int GENERATED BY DEFAULT AS IDENTITY, v varchar(20) DEFAULT 'x', w varchar(20), p varchar(20), s varchar(20));
INSERT INTO t (w, p, s) VALUES ('a', 'b', 'c');
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER touched BEFORE UPDATE OF w ON t FOR EACH ROW EXECUTE FUNCTION touch();
CREATE POLICY own ON t USING (p = CURRENT_USER);
CREATE DOMAIN short AS varchar(20);
CREATE DOMAIN number AS numeric(10,2);
CREATE TABLE d (a short, b number, c short NOT NULL);
INSERT INTO d VALUES ('x', 1, 'y');
CREATE TABLE parents (id int, code varchar(20), PRIMARY KEY (id, code));
CREATE TABLE children (id int, code varchar(20), parent int, parent_code varchar(20), FOREIGN KEY (parent, parent_code) REFERENCES parents, PRIMARY KEY (id, code));
INSERT INTO parents VALUES (1, 'x'); INSERT INTO children VALUES (1, 'x', 1, 'x');
CREATE TABLE nodes (id int PRIMARY KEY, parent int REFERENCES nodes);
INSERT INTO nodes VALUES (1, 1);
CREATE TABLE owners (id int PRIMARY KEY);
CREATE TABLE pets (owner int);
INSERT INTO owners VALUES (1); INSERT INTO pets VALUES (1);
ALTER TABLE pets ADD CONSTRAINT owner FOREIGN KEY (owner) REFERENCES owners NOT VALID;
ALTER TABLE pets ADD CONSTRAINT positive CHECK (owner > 0) NOT VALID;
--- statements
ALTER TABLE t ALTER COLUMN id TYPE bigint;
ALTER TABLE t ALTER COLUMN ident TYPE bigint;
ALTER TABLE t ALTER COLUMN v TYPE text;
ALTER TABLE t ALTER COLUMN w TYPE text;
ALTER TABLE t ALTER COLUMN p TYPE text;
ALTER TABLE d ALTER COLUMN a TYPE varchar(40);
ALTER TABLE d ALTER COLUMN a TYPE varchar(20);
ALTER TABLE d ALTER COLUMN a TYPE text;
ALTER TABLE d ALTER COLUMN b TYPE numeric(12,2);
ALTER TABLE d ALTER COLUMN b TYPE numeric;
ALTER TABLE d ALTER COLUMN c TYPE text;
ALTER TABLE parents ALTER COLUMN code TYPE varchar(40);
ALTER TABLE parents ALTER COLUMN id TYPE bigint;
ALTER TABLE children ALTER COLUMN parent TYPE bigint;
ALTER TABLE children ALTER COLUMN parent_code TYPE text;
ALTER TABLE children ALTER COLUMN id TYPE bigint;
ALTER TABLE nodes ALTER COLUMN id TYPE bigint;
ALTER TABLE nodes ALTER COLUMN parent TYPE bigint;
ALTER TABLE owners ALTER COLUMN id TYPE bigint;
ALTER TABLE pets ALTER COLUMN owner TYPE bigint;
ALTER TABLE pets ALTER COLUMN owner TYPE oid;

--- setup: Change the type of a column of a partitioned table under foreign keys
CREATE TABLE teams (id int PRIMARY KEY);
INSERT INTO teams VALUES (1);
CREATE TABLE logs (day date NOT NULL, team_id int REFERENCES teams, n int, body varchar(20), PRIMARY KEY (day, n)) PARTITION BY RANGE (day);
CREATE TABLE logs_2020 PARTITION OF logs FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
INSERT INTO logs VALUES ('2020-05-05', 1, 1, 'x');
CREATE TABLE notes (day date, n int, FOREIGN KEY (day, n) REFERENCES logs);
INSERT INTO notes VALUES ('2020-05-05', 1);
CREATE INDEX logs_body ON logs (body);
--- statements
ALTER TABLE logs ALTER COLUMN team_id TYPE bigint;
ALTER TABLE teams ALTER COLUMN id TYPE bigint;
ALTER TABLE logs ALTER COLUMN body TYPE text;
ALTER TABLE logs ALTER COLUMN body TYPE varchar(10);
ALTER TABLE logs ALTER COLUMN day TYPE timestamp;
ALTER TABLE logs ALTER COLUMN n TYPE bigint;
ALTER TABLE notes ALTER COLUMN n TYPE bigint;
