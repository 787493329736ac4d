SELECT id, name FROM users
SELECT id, nam FROM users
SELECT * FROM user
SELECT * FROM userz
SELECT u.id FROM users u
SELECT u.idd FROM users u
SELECT users.id FROM users u
SELECT x.id FROM users u
SELECT * FROM public.users
SELECT public.users.id FROM public.users
SELECT app.users.id FROM public.users
SELECT * FROM app.settings
SELECT * FROM settings
SELECT * FROM nowhere.settings
SELECT "Id", "select" FROM "Odd Schema"."Odd Table"
SELECT id FROM "Odd Schema"."Odd Table"
SELECT "Quoted Col" FROM users
SELECT quoted_col FROM users
SELECT ctid, xmin, tableoid FROM users
SELECT ctid FROM active_users
SELECT oid FROM users
SELECT u FROM users u
SELECT u.* FROM users u
SELECT o.* FROM users u
SELECT (u).name FROM users u
SELECT (u).nam FROM users u
SELECT (u.p).a, (p).b FROM users u
SELECT (p).c FROM users
SELECT (name).c FROM users
SELECT (p).* FROM users
SELECT u.display_name FROM users u
SELECT display_name(u) FROM users u
SELECT display_name(users) FROM users
SELECT display_name(orders) FROM orders
SELECT name(u) FROM users u
SELECT id FROM users, orders
SELECT users.id, orders.id FROM users, orders
SELECT users.id FROM users, users
SELECT a.id FROM users a, users b
SELECT a.id FROM users a, users a
SELECT id FROM users JOIN orders ON users.id = orders.user_id
SELECT user_id FROM users JOIN orders ON users.id = orders.user_id
SELECT * FROM users JOIN orders ON users.id = orders.uid
SELECT * FROM users JOIN orders USING (id)
SELECT id FROM users JOIN orders USING (id)
SELECT id FROM users FULL JOIN orders USING (id)
SELECT * FROM users JOIN orders USING (name)
SELECT * FROM users JOIN orders USING (amount)
SELECT * FROM users NATURAL JOIN orders
SELECT note FROM users NATURAL JOIN orders
SELECT j.id FROM (users JOIN orders USING (id)) AS j
SELECT users.name FROM (users JOIN orders USING (id)) AS j
SELECT j.id FROM users JOIN orders USING (id) AS j
SELECT j.name FROM users JOIN orders USING (id) AS j
SELECT * FROM users u, LATERAL (SELECT amount FROM orders o WHERE o.user_id = u.id) x
SELECT * FROM users u, (SELECT amount FROM orders o WHERE o.user_id = u.id) x
SELECT * FROM users u JOIN orders o ON o.user_id = u.id AND x.id = 1, required x
SELECT * FROM users u LEFT JOIN LATERAL (SELECT u.id AS i) x ON true
SELECT * FROM users u RIGHT JOIN LATERAL (SELECT u.id AS i) x ON true
SELECT sub.a FROM (SELECT id AS a FROM users) sub
SELECT sub.b FROM (SELECT id AS a FROM users) sub
SELECT a FROM (SELECT id AS a FROM users) sub (b)
SELECT b FROM (SELECT id AS a FROM users) sub (b)
SELECT b FROM (SELECT id AS a FROM users) sub (b, c)
SELECT x.a, x.b FROM (VALUES (1, 'a'), (2, 'b')) x (a, b)
SELECT x.c FROM (VALUES (1, 'a'), (2, 'b')) x (a, b)
SELECT * FROM (VALUES (1, 'a'), (2)) x
SELECT column1, column2 FROM (VALUES (1, 'a')) x
SELECT * FROM (VALUES (1), ('a'::text)) x
SELECT * FROM (VALUES (1), (2.5)) x
WITH w AS (SELECT id FROM users) SELECT id FROM w
WITH w AS (SELECT id FROM users) SELECT name FROM w
WITH w (x) AS (SELECT id FROM users) SELECT x FROM w
WITH w (x) AS (SELECT id FROM users) SELECT id FROM w
WITH w (x, y) AS (SELECT id FROM users) SELECT x FROM w
WITH users AS (SELECT 1 AS z) SELECT z FROM users
WITH users AS (SELECT 1 AS z) SELECT name FROM users
WITH a AS (SELECT 1 AS x), b AS (SELECT x FROM a) SELECT x FROM b
WITH b AS (SELECT x FROM a), a AS (SELECT 1 AS x) SELECT x FROM b
WITH RECURSIVE b AS (SELECT x FROM a), a AS (SELECT 1 AS x) SELECT x FROM b
WITH RECURSIVE t AS (SELECT id, parent_id FROM users WHERE id = 1 UNION ALL SELECT u.id, u.parent_id FROM users u JOIN t ON t.id = u.parent_id) SELECT * FROM t
WITH RECURSIVE t AS (SELECT id FROM users UNION ALL SELECT u.parent FROM users u JOIN t ON t.id = u.id) SELECT * FROM t
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT n FROM t
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1.5 FROM t WHERE n < 5) SELECT n FROM t
WITH d AS (DELETE FROM users WHERE id = 1 RETURNING id, name) SELECT name FROM d
WITH d AS (DELETE FROM users WHERE id = 1 RETURNING id) SELECT name FROM d
WITH d AS (DELETE FROM users WHERE id = 1) SELECT * FROM d
WITH i AS (INSERT INTO users (name) VALUES ('x') RETURNING *) SELECT mood FROM i
WITH i AS (INSERT INTO users (nam) VALUES ('x') RETURNING *) SELECT mood FROM i
WITH u AS (UPDATE users SET name = 'a' RETURNING id) INSERT INTO orders (user_id, amount) SELECT id, 1 FROM u
SELECT id FROM users UNION SELECT id FROM orders
SELECT id, name FROM users UNION SELECT id FROM orders
SELECT name FROM users UNION SELECT amount FROM orders
SELECT id FROM users UNION ALL SELECT '7'
SELECT id FROM users UNION ALL SELECT 'x'
SELECT NULL UNION SELECT 1
SELECT NULL UNION SELECT NULL UNION SELECT 1
SELECT id FROM users UNION SELECT id FROM orders ORDER BY id
SELECT id FROM users UNION SELECT id FROM orders ORDER BY name
SELECT id FROM users UNION SELECT id FROM orders ORDER BY 1
SELECT id FROM users UNION SELECT id FROM orders ORDER BY 2
SELECT raw FROM users UNION SELECT raw FROM users
SELECT raw FROM users UNION ALL SELECT raw FROM users
SELECT age FROM users INTERSECT SELECT quantity FROM orders
SELECT mood FROM users EXCEPT SELECT 'sad'
SELECT mood FROM users EXCEPT SELECT 'angry'
SELECT mood FROM users UNION SELECT name FROM users
SELECT id AS a FROM users ORDER BY a
SELECT id AS a FROM users ORDER BY b
SELECT id AS a FROM users ORDER BY name
SELECT id AS a FROM users ORDER BY a + 1
SELECT id AS a FROM users WHERE a = 1
SELECT id AS a FROM users ORDER BY 2
SELECT id AS a FROM users GROUP BY a
SELECT name AS id FROM users GROUP BY id
SELECT id FROM users GROUP BY 2
SELECT raw FROM users ORDER BY raw
SELECT raw FROM users GROUP BY raw
SELECT DISTINCT raw FROM users
SELECT DISTINCT meta FROM users
SELECT DISTINCT ON (name) name, id FROM users ORDER BY name
SELECT DISTINCT ON (nam) name, id FROM users
SELECT p FROM users ORDER BY p
SELECT point '(1,2)' ORDER BY 1
SELECT count(*) FROM users
SELECT count(*), mood FROM users GROUP BY mood
SELECT count(*), mood FROM users
SELECT count(*), mood FROM users GROUP BY age
SELECT id, name, count(*) FROM users GROUP BY id
SELECT email, count(*) FROM users GROUP BY name
SELECT u.id, u.name, count(o.id) FROM users u LEFT JOIN orders o ON o.user_id = u.id GROUP BY u.id
SELECT u.id, o.note, count(o.id) FROM users u LEFT JOIN orders o ON o.user_id = u.id GROUP BY u.id
SELECT a, b FROM no_key GROUP BY a
SELECT a, max(b) FROM no_key GROUP BY a
SELECT a + 1 FROM no_key GROUP BY a + 1
SELECT a + 2 FROM no_key GROUP BY a + 1
SELECT a + b FROM no_key GROUP BY a, b
SELECT a FROM no_key GROUP BY a HAVING max(b) > 1
SELECT a FROM no_key GROUP BY a HAVING b > 1
SELECT a FROM no_key GROUP BY a ORDER BY b
SELECT a FROM no_key GROUP BY a ORDER BY max(b)
SELECT a, (SELECT max(x.b) FROM no_key x WHERE x.a = n.a) FROM no_key n GROUP BY a
SELECT a, b, count(*) FROM no_key GROUP BY ROLLUP (a, b)
SELECT a, b, count(*) FROM no_key GROUP BY GROUPING SETS ((a), (b))
SELECT a, sum(sum(b)) OVER (ORDER BY a) FROM no_key GROUP BY a
SELECT a, sum(b) OVER (ORDER BY a) FROM no_key
SELECT a, sum(b) OVER w FROM no_key WINDOW w AS (PARTITION BY c ORDER BY a)
SELECT a, sum(b) OVER w FROM no_key WINDOW w AS (PARTITION BY d ORDER BY a)
SELECT a, sum(b) OVER (PARTITION BY d) FROM no_key
SELECT sum(b) FILTER (WHERE a > 1) FROM no_key
SELECT sum(b) FILTER (WHERE d > 1) FROM no_key
SELECT array_agg(name ORDER BY age) FROM users
SELECT array_agg(name ORDER BY agee) FROM users
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY age) FROM users
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY mood) FROM users
SELECT string_agg(name, ',') FROM users
SELECT string_agg(age, ',') FROM users
SELECT sum(name) FROM users
SELECT sum(age), avg(age), max(mood), min(created_at), bool_or(deleted) FROM users
SELECT max(meta) FROM users
SELECT row_number() OVER (), lag(name) OVER (ORDER BY id) FROM users
SELECT lower(age) FROM users
SELECT lower(name), upper(email), length(code) FROM users
SELECT lower(span), upper(span) FROM users
SELECT nofunc(name) FROM users
SELECT add_one(age), add_one('5'), add_one(NULL) FROM users
SELECT add_one(name) FROM users
SELECT add_one(id) FROM users
SELECT add_one(age, age) FROM users
SELECT overloaded(age), overloaded(name) FROM users
SELECT overloaded('x') FROM users
SELECT overloaded(meta) FROM users
SELECT with_default(1), with_default(1, 2), with_default(a => 1), with_default(b => 1, a => 2)
SELECT with_default(c => 1)
SELECT with_default(1, 2, 3)
SELECT app.hidden(1)
SELECT hidden(1)
SELECT total(1, 2, 3), total(VARIADIC ARRAY[1, 2])
SELECT total('a', 'b')
SELECT total()
SELECT any_of(1, ARRAY[1, 2])
SELECT any_of(1, ARRAY['a'])
SELECT any_of('a', ARRAY['a'])
SELECT * FROM rows_of(1)
SELECT label FROM rows_of(1)
SELECT labels FROM rows_of(1)
SELECT r.label FROM rows_of(1) r
SELECT r.x FROM rows_of(1) r (x, y)
SELECT a, b FROM outs(1)
SELECT c FROM outs(1)
SELECT (outs(1)).a
SELECT (outs(1)).c
SELECT name FROM users_of('x')
SELECT nam FROM users_of('x')
SELECT (users_of('x')).name
SELECT * FROM generate_series(1, 10)
SELECT n FROM generate_series(1, 10) n
SELECT g.n FROM generate_series(1, 10) AS g (n)
SELECT g FROM generate_series(1, 10) WITH ORDINALITY AS g (n, o)
SELECT o FROM generate_series(1, 10) WITH ORDINALITY AS g (n, o)
SELECT q FROM generate_series(1, 10) WITH ORDINALITY AS g (n, o)
SELECT generate_series('2024-01-01'::date, '2024-02-01', '1 day')
SELECT t FROM users u, unnest(u.tags) t
SELECT t.t FROM users u, unnest(u.tags) AS t
SELECT a, b FROM unnest(ARRAY[1], ARRAY['x']) AS t (a, b)
SELECT c FROM unnest(ARRAY[1], ARRAY['x']) AS t (a, b)
SELECT unnest($1::int[])
SELECT unnest($1)
SELECT key, value FROM users, jsonb_each(meta)
SELECT keys FROM users, jsonb_each(meta)
SELECT * FROM jsonb_to_recordset('[]') AS x (a int, b text)
SELECT x.c FROM jsonb_to_recordset('[]') AS x (a int, b text)
SELECT * FROM json_populate_recordset(NULL::users, '[]')
SELECT * FROM ROWS FROM (generate_series(1, 2), generate_series(1, 3)) AS r (a, b)
SELECT * FROM regexp_matches('a', 'b') AS m
SELECT m[1] FROM regexp_matches('a', 'b') AS m
SELECT age = 'x' FROM users
SELECT age = '5' FROM users
SELECT age = name FROM users
SELECT age || name FROM users
SELECT age + name FROM users
SELECT id + age, age * score, age / 2, score / age FROM users
SELECT name || age FROM users
SELECT name || 'x', 'x' || name, 'a' || 'b', tags || 'x'::text, tags || '{a}' FROM users
SELECT mood = 'ok' FROM users
SELECT mood = 'angry' FROM users
SELECT mood = name FROM users
SELECT mood = name::mood FROM users
SELECT mood::text = name FROM users
SELECT mood IN ('ok', 'sad') FROM users
SELECT mood IN ('ok', 'angry') FROM users
SELECT mood = ANY ('{ok,sad}') FROM users
SELECT mood = ANY ('{ok,angry}') FROM users
SELECT mood = ANY ($1) FROM users
SELECT mood = ANY ($1::text[]) FROM users
SELECT mood = ANY ($1::mood[]) FROM users
SELECT mood > 'sad' FROM users
SELECT 'angry'::mood
SELECT 'ok'::mood
SELECT 'ok'::app.level
SELECT 'low'::app.level
SELECT 'low'::level
SELECT 'x'::nosuchtype
SELECT 'x'::nosuchtype[]
SELECT NULL::app.nosuchtype
SELECT levels = '{low}' FROM users
SELECT levels = '{medium}' FROM users
SELECT 'low' = ANY (levels) FROM users
SELECT 'medium' = ANY (levels) FROM users
SELECT meta -> 'a', meta ->> 'a', meta #> '{a}', meta ? 'a', meta @> '{}' FROM users
SELECT raw -> 'a', raw ->> 'a' FROM users
SELECT raw ? 'a' FROM users
SELECT raw = raw FROM users
SELECT name -> 'a' FROM users
SELECT meta ->> 'a' = 5 FROM users
SELECT (meta ->> 'a')::int = 5 FROM users
SELECT meta['a'] FROM users
SELECT tags[1], tags[1:2] FROM users
SELECT name[1] FROM users
SELECT age[1] FROM users
SELECT 'a' = ANY (tags) FROM users
SELECT 1 = ANY (tags) FROM users
SELECT 1 = ANY (age) FROM users
SELECT age IN (1, 2, '3') FROM users
SELECT age IN (1, 2, 'x') FROM users
SELECT age IN ($1, $2) FROM users
SELECT name IN (1, 2) FROM users
SELECT name IN ('a', code) FROM users
SELECT age IN (SELECT quantity FROM orders) FROM users
SELECT age IN (SELECT note FROM orders) FROM users
SELECT age IN (SELECT quantity, id FROM orders) FROM users
SELECT (age, name) IN (SELECT quantity, note FROM orders) FROM users
SELECT (age, name) IN (SELECT quantity FROM orders) FROM users
SELECT (age, name) = (1, 'a') FROM users
SELECT (age, name) > (SELECT quantity, note FROM orders) FROM users
SELECT (SELECT id, name FROM users)
SELECT (SELECT id FROM users LIMIT 1)
SELECT EXISTS (SELECT FROM users WHERE idd = 1)
SELECT EXISTS (SELECT nope FROM users)
SELECT ARRAY(SELECT id FROM users)
SELECT ARRAY[1, 2.5, 3]
SELECT ARRAY[1, 'a']
SELECT ARRAY['a', name] FROM users
SELECT ARRAY[[1, 2], [3, 4]]
SELECT ARRAY[]::int[]
SELECT CASE WHEN age > 1 THEN 'a' ELSE 'b' END FROM users
SELECT CASE WHEN age > 1 THEN 1 ELSE 'b' END FROM users
SELECT CASE WHEN age > 1 THEN name ELSE 1 END FROM users
SELECT CASE WHEN age > 1 THEN age ELSE score END FROM users
SELECT CASE WHEN age THEN 1 END FROM users
SELECT CASE age WHEN 1 THEN 'x' WHEN 2 THEN 'y' END FROM users
SELECT CASE age WHEN 'z' THEN 'x' END FROM users
SELECT CASE mood WHEN 'ok' THEN 1 WHEN 'angry' THEN 2 END FROM users
SELECT coalesce(age, 0), coalesce(name, ''), coalesce(score, 0), coalesce(email, name) FROM users
SELECT coalesce(age, name) FROM users
SELECT coalesce(mood, 'ok') FROM users
SELECT coalesce(mood, 'bad') FROM users
SELECT greatest(age, id), least(score, 1) FROM users
SELECT nullif(age, 0), nullif(name, '') FROM users
SELECT nullif(age, name) FROM users
SELECT age BETWEEN 1 AND 2, created_at BETWEEN '2024-01-01' AND now() FROM users
SELECT age BETWEEN 'a' AND 2 FROM users
SELECT created_at > 5 FROM users
SELECT created_at > now() - interval '1 day' FROM users
SELECT created_at > '2024-01-01'::date FROM users
SELECT created_at + 5 FROM users
SELECT created_at - created_at, created_at::date - 1 FROM users
SELECT placed + 1, placed - placed FROM orders
SELECT duration * 2, duration / age FROM users
SELECT extract(epoch FROM created_at), date_trunc('day', created_at), created_at AT TIME ZONE 'UTC' FROM users
SELECT extract(epoch FROM name) FROM users
SELECT to_char(created_at, 'YYYY'), age(created_at), now() FROM users
SELECT name LIKE 'a%', name ILIKE 'a%', name SIMILAR TO 'a', name ~ 'a' FROM users
SELECT age LIKE 'a%' FROM users
SELECT meta LIKE 'a%' FROM users
SELECT NOT deleted, deleted AND age > 1 FROM users
SELECT NOT age FROM users
SELECT deleted AND age FROM users
SELECT deleted IS TRUE, age IS NULL, name IS DISTINCT FROM code FROM users
SELECT age IS TRUE FROM users
SELECT age IS DISTINCT FROM name FROM users
SELECT * FROM users WHERE name
SELECT * FROM users WHERE 'true'
SELECT * FROM users WHERE $1
SELECT * FROM users WHERE deleted
SELECT * FROM users LIMIT 'x'
SELECT * FROM users LIMIT $1 OFFSET $2
SELECT -age, +age, -score, @ age FROM users
SELECT -name FROM users
SELECT name::int, age::text, age::bool, created_at::date, meta::text, tags::text FROM users
SELECT created_at::int FROM users
SELECT age::uuid FROM users
SELECT deleted::int, age::boolean FROM users
SELECT deleted::numeric FROM users
SELECT uid = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' FROM users
SELECT uid = 'nope' FROM users
SELECT uid = name FROM users
SELECT uid::text = name FROM users
SELECT email = 'x', email LIKE 'x', email || 'a', lower(email), coalesce(email, 'x') FROM users
SELECT code = name, code || name, code = 'a', ch = 'a', ch = name FROM users
SELECT span @> 5, span && '[1,2]', lower(span) + 1 FROM users
SELECT span @> name FROM users
SELECT blob = 'x', length(blob) FROM users
SELECT nextval('counter'), currval('counter'), setval('counter', 1)
SELECT nextval('no_counter')
SELECT last_value FROM counter
SELECT 'users'::regclass, 'users_age'::regclass
SELECT 'userz'::regclass
SELECT $1 + 1, $2 || 'x', lower($3)
SELECT $1
SELECT $1 = age, $2 = mood, $3 = meta FROM users
SELECT * FROM users WHERE age = $1 OR $1 IS NULL
SELECT * FROM users WHERE ($1::text IS NULL OR name = $1)
SELECT current_user, current_date, current_timestamp, localtime, session_user
SELECT row_to_json(u), to_jsonb(u), jsonb_build_object('a', u.id), json_agg(u) FROM users u GROUP BY u.id
SELECT row_to_json(u.*) FROM users u
SELECT jsonb_agg(u.nam) FROM users u
SELECT ROW(1, 'a'), (1, 2) FROM users
SELECT (ROW(1, 'a')).f1
SELECT format('%s', name), concat(name, age, meta), concat_ws(',', name, age) FROM users
SELECT substring(name FROM 1 FOR 2), position('a' IN name), trim(name), overlay(name PLACING 'x' FROM 1) FROM users
SELECT array_length(tags, 1), array_to_string(tags, ','), cardinality(tags), array_append(tags, 'x'), array_position(tags, 'x') FROM users
SELECT array_append(tags, 1) FROM users
SELECT make_interval(days => 1), make_interval(secs => 2.5)
SELECT make_interval(years => 'x')
SELECT gen_random_uuid(), random(), md5(name), encode(blob, 'hex') FROM users
SELECT md5(age) FROM users
SELECT round(score, 1), round(age::numeric), floor(score), ceil(age), abs(age), power(age, 2), sqrt(age) FROM users
SELECT round(name) FROM users
SELECT to_tsvector(name) @@ to_tsquery('x'), to_tsvector('english', name), ts_rank(to_tsvector(name), plainto_tsquery($1)) FROM users
SELECT name COLLATE "C" FROM users ORDER BY name COLLATE "C"
SELECT pg_advisory_lock(1), pg_advisory_xact_lock($1), pg_sleep(0)
SELECT relname FROM pg_class WHERE oid = 'users'::regclass
SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'
SELECT * FROM active_users WHERE name = 'x'
SELECT mood FROM active_users
SELECT total FROM user_totals
SELECT n, mood FROM user_stats
SELECT x, y FROM child_t
SELECT z FROM base_t
SELECT * FROM ONLY base_t
SELECT * FROM events WHERE at > now()
SELECT * FROM events_2024
SELECT * FROM users FOR UPDATE
SELECT * FROM users u FOR UPDATE OF u SKIP LOCKED
SELECT * FROM users u FOR UPDATE OF users
SELECT * FROM users TABLESAMPLE BERNOULLI (10)
SELECT x.* FROM XMLTABLE('/a' PASSING (xml '<a/>') COLUMNS id int, t text) x
SELECT * FROM counter_nope
SELECT * FROM users_age
SELECT * FROM pair
INSERT INTO users (name) VALUES ('x')
INSERT INTO users (name, nope) VALUES ('x', 1)
INSERT INTO users (name) VALUES ('x', 1)
INSERT INTO users (name, age) VALUES ('x')
INSERT INTO users (name, name) VALUES ('x', 'y')
INSERT INTO users (name, mood) VALUES ('x', 'angry')
INSERT INTO users (name, mood) VALUES ('x', 'happy')
INSERT INTO users (name, mood) VALUES ($1, $2)
INSERT INTO users (name, age) VALUES ('x', 'y')
INSERT INTO users (name, age) VALUES (5, 5)
INSERT INTO users (name, age) VALUES ('x', now())
INSERT INTO users (name, meta) VALUES ('x', 5)
INSERT INTO users (name, age) SELECT note, quantity FROM orders
INSERT INTO users (name, age) SELECT note, note FROM orders
INSERT INTO users (name, age) SELECT note FROM orders
INSERT INTO users (name) SELECT note, id FROM orders
INSERT INTO users (name, mood) SELECT note, 'ok' FROM orders
INSERT INTO users (name, mood) SELECT note, 'bad' FROM orders
INSERT INTO users (id, name) VALUES (1, 'x')
INSERT INTO users (id, name) VALUES (DEFAULT, 'x')
INSERT INTO users (id, name) OVERRIDING SYSTEM VALUE VALUES (1, 'x')
INSERT INTO users (id, name) OVERRIDING USER VALUE VALUES (1, 'x')
INSERT INTO users (full_name, name) VALUES ('x', 'x')
INSERT INTO users (full_name, name) VALUES (DEFAULT, 'x')
INSERT INTO users (id, name) SELECT 1, 'x'
INSERT INTO by_default (id, x) VALUES (1, 2)
INSERT INTO by_default DEFAULT VALUES
INSERT INTO users DEFAULT VALUES
INSERT INTO users (email) VALUES ('a@b')
INSERT INTO users (name) VALUES (NULL)
INSERT INTO users (name) VALUES (DEFAULT)
INSERT INTO required (a) VALUES (1)
INSERT INTO required (a, c) VALUES (1, 2)
INSERT INTO required (a, b, c) VALUES (1, NULL, 2)
INSERT INTO required (b) VALUES (1)
INSERT INTO required VALUES (1)
INSERT INTO required VALUES (1, 2, 3, 'x')
INSERT INTO required VALUES (1, 2, 3, 'x', 5)
INSERT INTO required VALUES (1, 2, 3), (4, 5, 6)
INSERT INTO required (a, c) VALUES (1, 2), (3, 'x')
INSERT INTO required (a, c) SELECT a, b FROM no_key
INSERT INTO nosuch (a) VALUES (1)
INSERT INTO app.settings (key, value) VALUES ('a', 'b')
INSERT INTO app.settings AS s (key, value) VALUES ('a', 'b') ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE s.value <> excluded.value
INSERT INTO app.settings AS s (key, value) VALUES ('a', 'b') ON CONFLICT (key) DO UPDATE SET value = excluded.valu
INSERT INTO app.settings AS s (key, value) VALUES ('a', 'b') ON CONFLICT (key) DO UPDATE SET valu = 'x'
INSERT INTO app.settings (key, value) VALUES ('a', 'b') ON CONFLICT (value) DO NOTHING
INSERT INTO app.settings (key, value) VALUES ('a', 'b') ON CONFLICT (k) DO NOTHING
INSERT INTO app.settings (key, value) VALUES ('a', 'b') ON CONFLICT DO NOTHING
INSERT INTO app.settings (key, value) VALUES ('a', 'b') ON CONFLICT ON CONSTRAINT settings_pkey DO NOTHING
INSERT INTO app.settings (key, value) VALUES ('a', 'b') ON CONFLICT ON CONSTRAINT settings_key DO NOTHING
INSERT INTO users (name, email) VALUES ('x', 'y') ON CONFLICT (email) DO UPDATE SET name = excluded.name, age = users.age + 1 RETURNING id
INSERT INTO users (name) VALUES ('x') ON CONFLICT (lower(name)) WHERE deleted = false DO NOTHING
INSERT INTO users (name) VALUES ('x') ON CONFLICT (lower(name)) WHERE NOT deleted DO NOTHING
INSERT INTO users (name) VALUES ('x') ON CONFLICT (lower(name)) WHERE deleted = true DO NOTHING
INSERT INTO users (name) VALUES ('x') ON CONFLICT (lower(name)) DO NOTHING
INSERT INTO users (name) VALUES ('x') ON CONFLICT (upper(name)) WHERE NOT deleted DO NOTHING
INSERT INTO users (name) VALUES ('x') ON CONFLICT (name) WHERE NOT deleted DO NOTHING
INSERT INTO users (name, code) VALUES ('x', 'c') ON CONFLICT (code, mood) WHERE mood IN ('sad', 'ok') AND code IS NOT NULL DO NOTHING
INSERT INTO users (name, code) VALUES ('x', 'c') ON CONFLICT (mood, code) WHERE mood IN ('sad', 'ok') AND code = 'x' DO NOTHING
INSERT INTO users (name, code) VALUES ('x', 'c') ON CONFLICT (code, mood) WHERE code IS NOT NULL DO NOTHING
INSERT INTO users (name, code) VALUES ('x', 'c') ON CONFLICT (code, mood) DO NOTHING
INSERT INTO orders (user_id, amount) VALUES (1, 2) ON CONFLICT (user_id, placed) DO NOTHING
INSERT INTO orders (user_id, amount) VALUES (1, 2) ON CONFLICT (placed, user_id) DO NOTHING
INSERT INTO orders (user_id, amount) VALUES (1, 2) ON CONFLICT (user_id) DO NOTHING
INSERT INTO orders (user_id, amount) VALUES (1, 2) ON CONFLICT (note) DO NOTHING
INSERT INTO orders (user_id, amount) VALUES (1, 2) ON CONFLICT ON CONSTRAINT orders_user_placed DO NOTHING
INSERT INTO orders (user_id, amount) VALUES (1, 2) ON CONFLICT ON CONSTRAINT orders_later DO NOTHING
INSERT INTO orders (user_id, amount) VALUES (1, 2) ON CONFLICT ON CONSTRAINT orders_user_id_fkey DO NOTHING
INSERT INTO events (id, at) VALUES (1, now()) ON CONFLICT (id, at) DO NOTHING
INSERT INTO events (id, at) VALUES (1, now()) ON CONFLICT (id) DO NOTHING
INSERT INTO orders (user_id, amount, status) VALUES (1, 2, 'low') ON CONFLICT (id) DO UPDATE SET status = 'medium'
INSERT INTO orders (user_id, amount) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET amount = orders.amount + excluded.amount
INSERT INTO users (name, tags) VALUES ('x', '{a}') RETURNING *
INSERT INTO users (name, tags) VALUES ('x', ARRAY['a']) RETURNING id, nope
INSERT INTO users (name, tags[1]) VALUES ('x', 'a')
INSERT INTO users (name, p.a) VALUES ('x', 1)
INSERT INTO active_users (name) VALUES ('x')
INSERT INTO active_users (name, mood) VALUES ('x', 'ok')
INSERT INTO active_users (email) VALUES ('a@b')
INSERT INTO user_totals (id) VALUES (1)
INSERT INTO user_stats (n) VALUES (1)
INSERT INTO renaming_view (x) VALUES (1)
INSERT INTO renaming_view (x, y) VALUES (1, 2)
INSERT INTO simple_view VALUES (1, 2, 3)
INSERT INTO counter (last_value) VALUES (1)
UPDATE users SET name = 'x' WHERE id = 1
UPDATE users SET nam = 'x' WHERE id = 1
UPDATE users SET name = 'x' WHERE idd = 1
UPDATE users u SET name = u.code WHERE u.id = 1
UPDATE users u SET u.name = 'x'
UPDATE users SET name = o.note FROM orders o WHERE o.user_id = users.id
UPDATE users SET name = o.nope FROM orders o WHERE o.user_id = users.id
UPDATE users SET (name, age) = ('x', 1)
UPDATE users SET (name, age) = (SELECT note, quantity FROM orders LIMIT 1)
UPDATE users SET (name, age) = (SELECT note FROM orders LIMIT 1)
UPDATE users SET (name, age) = ROW('x', 'y')
UPDATE users SET id = 5
UPDATE users SET id = DEFAULT
UPDATE users SET full_name = 'x'
UPDATE users SET full_name = DEFAULT
UPDATE users SET age = 'x'
UPDATE users SET age = name
UPDATE users SET age = score
UPDATE users SET name = age
UPDATE users SET mood = 'angry'
UPDATE users SET mood = name
UPDATE users SET mood = $1, tags = $2, meta = $3 WHERE id = $4
UPDATE users SET meta = meta || '{}' WHERE id = 1
UPDATE users SET meta = raw
UPDATE users SET tags[1] = 'x', p.b = 'y'
UPDATE users SET name = 'a', name = 'b'
UPDATE users SET ctid = '(0,1)'
UPDATE active_users SET name = 'x'
UPDATE active_users SET mood = 'ok'
UPDATE user_totals SET name = 'x'
UPDATE users SET name = 'x' RETURNING *
UPDATE users SET name = 'x' RETURNING old_name
UPDATE users SET age = (SELECT count(*) FROM orders WHERE user_id = users.id)
UPDATE users SET age = (SELECT count(*) FROM orders WHERE user_id = u.id)
UPDATE nosuch SET a = 1
DELETE FROM users WHERE id = 1
DELETE FROM users WHERE idd = 1
DELETE FROM users u USING orders o WHERE o.user_id = u.id AND o.amount > 5
DELETE FROM users u USING orders o WHERE o.user_id = users.id
DELETE FROM users RETURNING id, name
DELETE FROM user_totals
DELETE FROM active_users WHERE id = 1
DELETE FROM nosuch
MERGE INTO orders o USING users u ON o.user_id = u.id WHEN MATCHED THEN UPDATE SET amount = 1 WHEN NOT MATCHED THEN INSERT (user_id, amount) VALUES (u.id, 1)
MERGE INTO orders o USING users u ON o.user_id = u.id WHEN MATCHED THEN UPDATE SET amoun = 1
MERGE INTO orders o USING users u ON o.user_id = u.idd WHEN MATCHED THEN DELETE
MERGE INTO orders o USING users u ON o.user_id = u.id WHEN NOT MATCHED THEN INSERT (user_id) VALUES (o.id)
MERGE INTO users t USING orders s ON t.id = s.user_id WHEN NOT MATCHED THEN INSERT (name, full_name) VALUES ('x', 'y')
MERGE INTO nosuch t USING orders s ON t.id = s.user_id WHEN MATCHED THEN DELETE
VALUES (1, 'a'), (2, 'b')
VALUES (1, 'a'), (2)
SELECT FROM users
SELECT ALL * FROM (SELECT * FROM users) x (a, b, c)
TABLE users
TABLE userz
SELECT upper FROM users
SELECT u.upper FROM users u
SELECT users.count FROM users
SELECT id FROM users WHERE id = (SELECT max(user_id) FROM orders WHERE orders.user_id = users.id AND users.nope = 1)
SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relname = $1
SELECT id FROM users WHERE created_at > $1::timestamptz AND created_at < $2
SELECT * FROM users WHERE name = ANY ($1) AND id = ANY ($2::bigint[])
SELECT u.id, (SELECT count(*) FROM orders o WHERE o.user_id = u.id) AS n FROM users u ORDER BY n DESC
SELECT 1 AS a, 2 AS a ORDER BY a
SELECT date_part('year', created_at), justify_days(duration), make_date(2024, 1, 1) FROM users
SELECT int4(score), text(age), date(created_at), float8(age) FROM users
SELECT date(age) FROM users
SELECT count(DISTINCT name), count(nope) FROM users
SELECT name, rank() OVER (PARTITION BY mood ORDER BY score DESC NULLS LAST) FROM users
SELECT grouping(mood), mood FROM users GROUP BY mood
SELECT x FROM (SELECT 'a') AS t (x) WHERE x = 'b'
SELECT x + 1 FROM (SELECT '1' AS x) t
SELECT 1 WHERE 1 = '1'
SELECT json_build_object('a', 1) ->> 'a', json '{"a":1}' -> 'a'
SELECT 5 & 3, 1 << 2, 2 ^ 3, 5 % 2, 5 / 2.0
SELECT '1' + 1, 1 + '1', 'a' < 'b', '2024-01-01' < now()
SELECT tags @> ARRAY['a'], tags && '{a}', tags = ARRAY['a'] FROM users
SELECT tags @> ARRAY[1] FROM users
SELECT inet '10.0.0.1' << '10.0.0.0/8', host(inet '10.0.0.1')
SELECT point(1, 2) <-> point(3, 4), box(point(1, 2), point(3, 4))
SELECT count(*) OVER () FROM users GROUP BY id
SELECT jsonb_typeof(element) FROM users, jsonb_array_elements(meta) AS element
SELECT element.value, element FROM users, jsonb_array_elements(meta) AS element
SELECT element.element FROM users, jsonb_array_elements(meta) AS element
SELECT e FROM users, jsonb_array_elements_text(meta) AS x (e)
SELECT count(u), count(u.*), jsonb_agg(u.*) FROM users u
SELECT json_agg(t) FROM (SELECT id, name FROM users) t
SELECT json_agg(t.*) FROM (SELECT id, name FROM users) t
SELECT t.id FROM (SELECT u, u.id FROM users u) t WHERE (t.u).name = 'x'
SELECT float_range(1, 2), float_range(1.5, 2, '[]'), float_range('a', 2, NULL)
SELECT float_range(1, 2), float_range(1, 2, '[]') @> 1.5::float8, lower(float_range(1, 2))
SELECT float_range('x'::text, 2)
SELECT tags = ANY ('{}') FROM users
SELECT nosuch.f(1)
SELECT * FROM nosuch.f($1, 'a')
SELECT json(tags) FROM users
SELECT json(name), json(meta), json('[1]') FROM users
SELECT '/* app */users'::regclass, nextval('a b')
SELECT nextval(' users . x')
SELECT ''::regclass
SELECT 'public..users'::regclass
SELECT ' public . users '::regclass
SELECT count(), count(nope) FROM users
SELECT count() OVER () FROM users
SELECT name FROM users GROUP BY name ORDER BY count() DESC
SELECT pg_catalog.count() FROM users
