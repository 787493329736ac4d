;;
/* before */ SELECT ';', "a;b", $$;$$, $t$ $$;$$ ; $t$, E'\';', U&'\0041;' UESCAPE '!', B'1;0' /* ; /* nested; */ */ -- ;
  + 1  ; -- after
CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);
CREATE OR REPLACE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);
CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE 1 WHEN 1 THEN 2 END; SELECT 1; END;
CREATE PROCEDURE p() BEGIN ATOMIC INSERT INTO t VALUES (1); END;
BEGIN; SELECT 1; END;
CREATE TABLE broken (a int;
DROP TABLE after_broken;
SELECT (1;
)) DROP TABLE lost;
DROP TABLE found;
SELECT $1, $a, a$b$c, 1..2, .5, 1e-5, a::int, b := 1;
INSERT INTO "t" VALUES ('a''; DROP TABLE x; --'); /* c */ SELECT 'é;ü', 2;
SELECT 1 }
