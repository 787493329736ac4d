DO $$
<<outer_block>>
DECLARE
    r record;
    n int := 3; -- a declaration; with a semicolon in its comment
    cur CURSOR FOR SELECT * FROM declared;
    text_value text DEFAULT 'BEGIN; DROP TABLE never;';
BEGIN
    ALTER TABLE plain ADD COLUMN a int, DROP COLUMN b;
    IF NOT EXISTS (SELECT 1 FROM information_schema.columns WHERE table_name = 'guarded' AND CASE WHEN true THEN true ELSE false END) THEN
        ALTER TABLE guarded ADD COLUMN a int;
    ELSIF n = 2 THEN
        DROP TABLE elsif_branch;
    ELSEIF n = (SELECT max(id) FROM counted) THEN
        NULL;
    ELSE
        DROP TABLE else_branch;
    END IF;
    n := 4;
    n = (SELECT count(*) FROM assigned);
    r.field := 5; "Quoted"[1] := 6;
    SELECT a, b INTO STRICT r.x, n FROM selected WHERE id = n;
    SELECT INTO n count(*) FROM selected2;
    INSERT INTO inserted (a) VALUES (n) RETURNING id INTO n;
    UPDATE updated SET a = n WHERE id = r.id;
    PERFORM pg_sleep(1) FROM performed;
    PERFORM set_config('search_path', 'app', false);
    FOR r IN SELECT * FROM looped WHERE x IN (1, 2) LOOP
        DELETE FROM in_loop WHERE id = r.id;
        CONTINUE WHEN r.id > 3;
        EXIT;
    END LOOP;
    FOR i IN REVERSE 10..1 BY 2 LOOP DELETE FROM in_range; END LOOP;
    FOR r IN cur LOOP NULL; END LOOP;
    FOR r IN EXECUTE 'SELECT * FROM constant_loop' USING n LOOP NULL; END LOOP;
    FOREACH n IN ARRAY ARRAY[1, 2] LOOP TRUNCATE in_foreach; END LOOP;
    WHILE EXISTS (SELECT 1 FROM in_while) LOOP DELETE FROM in_while WHERE ctid IN (SELECT ctid FROM in_while LIMIT 10); COMMIT; END LOOP;
    <<again>> LOOP EXIT again; END LOOP again;
    CASE n WHEN 1, 2 THEN DROP TABLE case_1; WHEN 3 THEN DROP TABLE case_3; ELSE DROP TABLE case_else; END CASE;
    CASE WHEN n > 1 THEN DROP VIEW searched; END CASE;
    BEGIN
        CREATE TYPE mood AS ENUM ('ok');
    EXCEPTION
        WHEN duplicate_object OR sqlstate '42710' THEN RAISE NOTICE 'there; already %', n;
        WHEN OTHERS THEN DROP TYPE IF EXISTS handler;
    END;
    EXECUTE 'CREATE TABLE constant (a text DEFAULT ''x''); DROP TABLE "second''s"';
    EXECUTE $q$ ALTER TABLE quoted ADD COLUMN a int $q$ INTO n USING n;
    EXECUTE E'DROP TABLE escaped';
    EXECUTE E'DROP TABLE \'escapes\'';
    EXECUTE format('ALTER TABLE %I ADD COLUMN a int', r.name);
    EXECUTE 'DROP TABLE ' || quote_ident(r.name);
    EXECUTE 'ALTER DATABASE ' || current_database() || ' SET x = 1';
    EXECUTE format('GRANT SELECT ON %I TO joe', r.name);
    GET DIAGNOSTICS n = ROW_COUNT;
    OPEN cur; FETCH cur INTO r; MOVE cur; CLOSE cur;
    ASSERT n > 0, 'message';
    RAISE EXCEPTION 'DROP TABLE never;' USING HINT = 'x';
    CALL some_procedure(n);
    SET LOCAL lock_timeout = '1s';
    CREATE INDEX ON indexed (a);
    not a statement;
    DROP TABLE after_error;
    IF n = 1 THEN RETURN; END IF;
    DROP TABLE maybe;
END outer_block $$;
DO 'BEGIN DROP TABLE it; EXECUTE ''DROP TABLE "o''''ne"''; END';
DO LANGUAGE plpgsql E'BEGIN\n DROP TABLE decoded; END';
DO $$ BEGIN END $$ LANGUAGE plpython3u;
DO $$ BEGIN DO $i$ BEGIN DROP TABLE inner_do; END $i$; END $$;
DO $$
#variable_conflict use_column
BEGIN DROP TABLE with_option; END $$;
DO $$ BEGIN DROP TABLE unended;
DROP TABLE unended2 $$;
DO $$ BEGIN IF true THEN DROP TABLE no_end_if; $$;
DO $$ BEGIN END; DROP TABLE outside; $$;
DO $$ nonsense $$;
DO $$ BEGIN DROP TABLE x; ELSE DROP TABLE y; END $$;
DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_type) THEN CREATE TYPE t AS ENUM (); END IF; EXCEPTION WHEN OTHERS THEN END $$;
CREATE FUNCTION not_run() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE never; END $$;
