-- script: names that the server chooses
CREATE TABLE users (id serial PRIMARY KEY, email text UNIQUE, parent int REFERENCES users, age int CHECK (age > 0), CHECK (age < id), EXCLUDE (age WITH =));
CREATE INDEX ON users (email);
CREATE INDEX ON users (email, age);
CREATE INDEX ON users (lower(email));
CREATE INDEX ON users (lower(email), upper(email));
CREATE INDEX ON users ((age + 1), (age + 2));
CREATE INDEX ON users ((age::text));
CREATE INDEX ON users (coalesce(age, 0));
CREATE INDEX ON users ((CASE WHEN age > 1 THEN 1 END));
CREATE UNIQUE INDEX ON users (id) INCLUDE (email);
CREATE INDEX ON users (email);
CREATE INDEX ON users (age, age);

-- script: chosen names meet names that are taken
CREATE TABLE t_a_idx (x int);
CREATE SEQUENCE t_id_seq;
CREATE TABLE t_pkey (x int);
CREATE TABLE t (id serial PRIMARY KEY, a int UNIQUE, CONSTRAINT t_a_check CHECK (a <> 3), CHECK (a > 0), UNIQUE (a, id), UNIQUE (id, a));
CREATE INDEX ON t (a);
CREATE INDEX ON t (a);
ALTER TABLE t ADD CHECK (a < 10);
ALTER TABLE t ADD CHECK (a < 10), ADD CHECK (id > 1 AND a > 1);
CREATE TABLE other (id int, CONSTRAINT t_a_check1 CHECK (id > 0));
ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES t (id);
ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES t (id);

-- script: a constraint's name in another table of the schema
CREATE TABLE one (v int CONSTRAINT two_v_check CHECK (v > 0));
CREATE TABLE two (v int CHECK (v > 0));
CREATE SCHEMA s;
CREATE TABLE s.two (v int CHECK (v > 0));

-- script: long names are cut
CREATE TABLE a_table_with_a_very_long_name_that_goes_on_and_on_for_ever_x (id serial PRIMARY KEY, a_column_with_a_long_name_as_well_that_goes_on_and_on int UNIQUE CHECK (a_column_with_a_long_name_as_well_that_goes_on_and_on > 0) REFERENCES a_table_with_a_very_long_name_that_goes_on_and_on_for_ever_x);
CREATE INDEX ON a_table_with_a_very_long_name_that_goes_on_and_on_for_ever_x (a_column_with_a_long_name_as_well_that_goes_on_and_on);
CREATE INDEX ON a_table_with_a_very_long_name_that_goes_on_and_on_for_ever_x (a_column_with_a_long_name_as_well_that_goes_on_and_on);
CREATE TABLE short (a_column_with_a_long_name_as_well_that_goes_on_and_on_and_on_xx serial, another_column_with_a_long_name_as_well_that_goes_on_and_on_xx int, UNIQUE (a_column_with_a_long_name_as_well_that_goes_on_and_on_and_on_xx, another_column_with_a_long_name_as_well_that_goes_on_and_on_xx));
CREATE TABLE this_name_is_longer_than_sixty_three_bytes_so_the_server_cuts_it_down_at_the_end (id int PRIMARY KEY);
CREATE TABLE "täblé_with_ä_näme_of_mäny_bytes_that_ïs_löng_enough_to_be_cut" (id serial PRIMARY KEY, "ünïcödé_cölumn_nämé_thät_ïs_löng" int UNIQUE);
CREATE INDEX ON "täblé_with_ä_näme_of_mäny_bytes_that_ïs_löng_enough_to_be_cut" ("ünïcödé_cölumn_nämé_thät_ïs_löng", id);

-- script: quoted and mixed case names
CREATE TABLE "Users" ("Id" serial PRIMARY KEY, "E-Mail" text UNIQUE, "order" int);
CREATE INDEX ON "Users" ("E-Mail", "order");
ALTER TABLE "Users" RENAME "E-Mail" TO email;
ALTER TABLE users RENAME email TO x;
CREATE TABLE "select" (id int REFERENCES "Users");
DROP TABLE "Users";
DROP TABLE "Users" CASCADE;

-- script: duplicate constraints of one statement
CREATE TABLE t (a int UNIQUE, b int, UNIQUE (a), CONSTRAINT named UNIQUE (a), PRIMARY KEY (b), UNIQUE (b));
CREATE TABLE u (a int PRIMARY KEY UNIQUE, b int UNIQUE DEFERRABLE, UNIQUE (b));
CREATE TABLE v (a int, CONSTRAINT c CHECK (a > 0), CONSTRAINT c CHECK (a > 1));
CREATE TABLE w (a int, CONSTRAINT c UNIQUE (a), CONSTRAINT c CHECK (a > 1));
CREATE TABLE x (a int, CONSTRAINT c CHECK (a > 1), CONSTRAINT d UNIQUE (a), CONSTRAINT d FOREIGN KEY (a) REFERENCES x (a));
CREATE TABLE y (a int PRIMARY KEY, b int PRIMARY KEY);
CREATE TABLE z (a int PRIMARY KEY, PRIMARY KEY (a));

-- script: a check of several columns and of none
CREATE TABLE t (a int, b int, CHECK (a > b), CHECK (a > 0 AND b > 0), CHECK (1 > 0), CHECK (a IS NOT NULL));
ALTER TABLE t ADD CHECK (true);
ALTER TABLE t ADD COLUMN c int CHECK (c > a) CHECK (c > 0) CONSTRAINT named CHECK (c < 10);

-- script: index names of constraints collide with relations
CREATE TABLE taken (a int);
CREATE TABLE t (a int CONSTRAINT taken UNIQUE);
CREATE TABLE t (a int, b int);
ALTER TABLE t ADD CONSTRAINT taken UNIQUE (a);
ALTER TABLE t ADD CONSTRAINT taken CHECK (a > 0);
ALTER TABLE t ADD CONSTRAINT taken UNIQUE (b);
ALTER TABLE t ADD CONSTRAINT fresh UNIQUE (b);
ALTER TABLE t ADD CONSTRAINT fresh CHECK (b > 0);
ALTER TABLE t ADD CONSTRAINT fresh FOREIGN KEY (a) REFERENCES t (b);
CREATE INDEX fresh ON t (a);
CREATE INDEX IF NOT EXISTS fresh ON t (a);
CREATE INDEX IF NOT EXISTS t ON t (a);

-- script: a type's name stands in a table's way
CREATE TYPE mood AS ENUM ('ok');
CREATE TABLE mood (a int);
CREATE VIEW mood AS SELECT 1 AS a;
CREATE SEQUENCE mood;
CREATE TABLE t (a int);
CREATE INDEX mood ON t (a);
CREATE TYPE t AS ENUM ('ok');
CREATE DOMAIN t AS int;
CREATE TYPE t AS (a int);
CREATE TYPE mood_seq AS (a int);
CREATE TABLE mood_seq (a int);
ALTER TABLE t RENAME TO mood;

-- script: an index's own column names outlive those of the table
CREATE TABLE p (a int, b int) PARTITION BY RANGE (a);
CREATE INDEX ON p (b, b);
CREATE INDEX ON p ((a + b));
ALTER TABLE p ADD UNIQUE (a, b);
ALTER TABLE p RENAME b TO renamed;
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (10);
CREATE TABLE t (LIKE p INCLUDING ALL);
