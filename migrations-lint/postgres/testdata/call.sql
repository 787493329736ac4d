-- A routine that the script makes is read where it is run.
CREATE OR REPLACE PROCEDURE backfill_names(size int) LANGUAGE plpgsql AS $$
DECLARE
  n int;
BEGIN
  LOOP
    UPDATE app.users SET name = '' WHERE id IN (SELECT id FROM app.users WHERE name IS NULL LIMIT size);
    GET DIAGNOSTICS n = ROW_COUNT;
    EXIT WHEN n = 0;
    COMMIT;
  END LOOP;
END;
$$;
CALL public.backfill_names(1000);
CREATE FUNCTION empty_it() RETURNS void LANGUAGE sql AS $$ TRUNCATE app.users; $$;
SELECT empty_it();
SELECT empty_it() FROM app.users;
CREATE PROCEDURE dynamic(t text) LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DROP TABLE ' || t; END $$;
CALL dynamic('app.users');
CREATE PROCEDURE outer_one() LANGUAGE plpgsql AS $$ BEGIN CALL dynamic('x'); END $$;
CALL outer_one();
CREATE PROCEDURE in_c() LANGUAGE c AS 'lib', 'f';
CALL in_c();
CALL made_elsewhere();
