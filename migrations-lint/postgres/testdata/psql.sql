\restrict 8fK
-- a dump
SET search_path = '';
\set ON_ERROR_STOP on
\echo 'it''s; here'
\connect other
CREATE TABLE a (b int \echo inside
  , c text);
COPY a (b, c) FROM stdin;
1	DROP TABLE x;
2	\\ '
3	\N
\.
COPY empty FROM STDIN WITH (FORMAT csv);
\.
\copy s.t (a, b) from 'file.csv' with csv header
\COPY t from stdin
\copy t from stdin
1
2
\.
\copy (select * from t) to 'x'
\copy t from pstdin
SELECT 'DROP TABLE ' || x FROM y \gexec
SELECT 1 AS v \gset
DROP TABLE one \; DROP TABLE two;
\if :ready
  DROP TABLE if_branch;
\if :more
  DROP TABLE inner_branch;
\endif
\else
  DROP TABLE else_branch;
\endif
DROP TABLE always;
\i other.sql
\ir 'sub/other.sql'
\! rm -rf /
\dt+ s.*
\frobnicate x
CREATE TABLE crlf (a int);
\unrestrict 8fK
\q
COPY no_end FROM STDIN;
SELECT 1;
