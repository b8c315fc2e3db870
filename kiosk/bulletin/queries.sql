-- name: standing
SELECT version, forgotten, custody FROM standing;

-- name: stand
UPDATE standing SET version = :version, forgotten = :forgotten;

-- name: trust
UPDATE standing SET version = 0, forgotten = 0, custody = :custody;

-- name: forget boxes
DELETE FROM box WHERE came <= :upto;

-- name: forget revoked
DELETE FROM revoked WHERE came <= :upto;

-- name: forget deleted
DELETE FROM deleted WHERE came <= :upto;

-- name: forget sheet
DELETE FROM sheet;

-- name: forget questionnaires
DELETE FROM questionnaire;

-- name: sheet
SELECT body FROM sheet;

-- name: put sheet
INSERT INTO sheet (one, body) VALUES (1, :body) ON CONFLICT (one) DO UPDATE SET body = excluded.body;

-- name: put questionnaire
INSERT INTO questionnaire (id, version, text) VALUES (:id, :version, :text)
ON CONFLICT (id, version) DO UPDATE SET text = excluded.text;

-- name: questionnaires
SELECT text FROM questionnaire;

-- name: put box
INSERT INTO box (tag, box, came) VALUES (:tag, :box, :came)
ON CONFLICT (tag) DO UPDATE SET box = excluded.box, came = excluded.came;

-- name: drop box
DELETE FROM box WHERE tag = :tag;

-- name: box
SELECT box FROM box WHERE tag = :tag;

-- name: put revoked
INSERT INTO revoked (device, came) VALUES (:device, :came)
ON CONFLICT (device) DO UPDATE SET came = excluded.came;

-- name: revoked
SELECT device FROM revoked ORDER BY device;

-- name: put deleted
INSERT INTO deleted (kind, name, came) VALUES (:kind, :name, :came)
ON CONFLICT (kind, name) DO UPDATE SET came = excluded.came;

-- name: deleted
SELECT kind, name, came FROM deleted WHERE came > :after ORDER BY came;

-- name: is deleted
SELECT count(*) FROM deleted WHERE kind = :kind AND name = :name;

-- name: orders ran
SELECT id, ran FROM order_ran;

-- name: forget orders
DELETE FROM order_ran;

-- name: put order
INSERT INTO order_ran (id, ran) VALUES (:id, :ran);

-- name: forget recordings
DELETE FROM recording WHERE came <= :upto;

-- name: put recording
INSERT INTO recording (name, part, parts, sum, octets, came) VALUES (:name, :part, :parts, :sum, :octets, :came)
ON CONFLICT (name, part) DO UPDATE SET parts = excluded.parts, sum = excluded.sum, octets = excluded.octets, came = excluded.came;

-- name: drop recording
DELETE FROM recording WHERE name = :name AND part = :part;

-- name: recording
SELECT part, parts, sum, octets FROM recording WHERE name = :name ORDER BY part;

-- name: recorded in
SELECT DISTINCT substr(name, 1, instr(name, '/') - 1) FROM recording;
