PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE deliveries (
    task INTEGER PRIMARY KEY REFERENCES tasks ON DELETE CASCADE,
    url TEXT NOT NULL,
    state TEXT NOT NULL,
    next_attempt_at INTEGER,
    earlier_attempts INTEGER NOT NULL,
    attempts TEXT NOT NULL
) STRICT;
INSERT INTO "deliveries" VALUES(1,'https://example.com/success','delivered',NULL,0,'[{"attempt":1,"startedAt":"2026-11-21T12:00:00.1234567+00:00","elapsedMs":0,"status":500,"error":"''example.com'' answered with status 500.","nextAttemptAt":"2026-11-21T12:00:10.6102783+00:00"},{"attempt":2,"startedAt":"2026-11-21T12:00:11.1234567+00:00","elapsedMs":0,"status":204}]');
INSERT INTO "deliveries" VALUES(2,'https://example.com/error','failed',NULL,0,'[{"attempt":1,"startedAt":"2026-11-21T12:00:12.1234567+00:00","elapsedMs":0,"status":410,"error":"''example.com'' answered with status 410: it wants no more."}]');
INSERT INTO "deliveries" VALUES(3,'https://example.com/success','pending',17952624225936443,0,'[{"attempt":1,"startedAt":"2026-11-21T12:00:12.1234567+00:00","elapsedMs":0,"status":500,"error":"''example.com'' answered with status 500.","nextAttemptAt":"2026-11-21T12:00:22.5936443+00:00"}]');
CREATE TABLE payloads (
    task INTEGER PRIMARY KEY REFERENCES tasks ON DELETE CASCADE,
    json TEXT NOT NULL
) STRICT;
INSERT INTO "payloads" VALUES(1,'"a"');
INSERT INTO "payloads" VALUES(2,'{"type":"/problems/operation-failed","title":"The operation failed","status":500,"detail":"broken","traceId":"8f025750ef922837568fc9bb5efedd17"}');
INSERT INTO "payloads" VALUES(3,'{"n":1}');
INSERT INTO "payloads" VALUES(4,'{"results":[1,4,9],"errors":[],"workers":2,"chunks":[{"from":0,"count":1,"worker":0,"startedMs":0,"finishedMs":0},{"from":1,"count":1,"worker":1,"startedMs":0,"finishedMs":0},{"from":2,"count":1,"worker":0,"startedMs":0,"finishedMs":0}],"elapsedMs":0}');
INSERT INTO "payloads" VALUES(5,'{"results":[{"index":0,"operation":"echo","status":"succeeded","result":1,"startedMs":0,"finishedMs":0}],"completionOrder":[0],"succeeded":1,"failed":0,"cancelled":0,"elapsedMs":0}');
INSERT INTO "payloads" VALUES(6,'{"message":"broken"}');
INSERT INTO "payloads" VALUES(8,'{"name":"y"}');
INSERT INTO "payloads" VALUES(9,'{"name":"running"}');
INSERT INTO "payloads" VALUES(10,'{"name":"queued"}');
CREATE TABLE signing_keys (key TEXT NOT NULL) STRICT;
CREATE TABLE tasks (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    operation TEXT,
    idempotency_key TEXT,
    definition TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    next_attempt_at INTEGER,
    expires_at INTEGER NOT NULL,
    completed INTEGER,
    total INTEGER
, error TEXT) STRICT;
INSERT INTO "tasks" VALUES(1,'c4162e005ae351c2887b8e11490d7374',2,'succeeded','probe',NULL,'{"pattern":"await","operation":"probe","timeoutSeconds":30,"ttlSeconds":3600,"onSuccess":"https://example.com/success","onError":"https://example.com/error","path":"/api/tasks"}',1,17952624001234567,17952624001234567,17952624001234567,NULL,17952660001234567,NULL,NULL,NULL);
INSERT INTO "tasks" VALUES(2,'da956873b53b61adde34df86fe1350d3',4,'failed','fail',NULL,'{"pattern":"await","operation":"fail","retry":{"maxAttempts":2,"initialDelaySeconds":1,"backoff":1.5,"maxDelaySeconds":10},"ttlSeconds":86400,"onSuccess":"https://example.com/success","onError":"https://example.com/error","path":"/api/tasks"}',2,17952624111234567,17952624111234567,17952624121234567,NULL,17953488121234567,NULL,NULL,'operation-failed');
INSERT INTO "tasks" VALUES(3,'4e975c94a6b73cfc9adcccb42e762296',2,'succeeded','echo','order-7','{"pattern":"await","operation":"echo","ttlSeconds":86400,"onSuccess":"https://example.com/success","onError":"https://example.com/error","path":"/api/tasks","idempotencyKey":"order-7","fingerprint":"f"}',1,17952624121234567,17952624121234567,17952624121234567,NULL,17953488121234567,NULL,NULL,NULL);
INSERT INTO "tasks" VALUES(4,'10b9bb1fc5a5a808438be8dff663aeee',2,'succeeded','math.square',NULL,'{"pattern":"map","operation":"math.square","ttlSeconds":86400,"path":"/api/tasks"}',1,17952624121234567,17952624121234567,17952624121234567,NULL,17953488121234567,3,3,NULL);
INSERT INTO "tasks" VALUES(5,'9be4fdb8f79eec566cade6335bc441cf',2,'succeeded',NULL,NULL,'{"pattern":"gather","ttlSeconds":86400,"path":"/api/tasks"}',1,17952624121234567,17952624121234567,17952624121234567,NULL,17953488121234567,1,1,NULL);
INSERT INTO "tasks" VALUES(6,'59e0ce3dd86e34934b022dde6655f2d9',2,'queued','fail',NULL,'{"pattern":"await","operation":"fail","retry":{"maxAttempts":3,"initialDelaySeconds":60},"ttlSeconds":86400,"path":"/api/tasks"}',1,17952624121234567,17952624121234567,NULL,17952624721234567,17953488121234567,NULL,NULL,NULL);
INSERT INTO "tasks" VALUES(7,'51d6d88b5060a9f8cf33fb261f232ff9',3,'cancelled','probe',NULL,'{"pattern":"await","operation":"probe","ttlSeconds":86400,"path":"/api/tasks"}',1,17952624121234567,17952624121234567,17952624121234567,NULL,17953488121234567,NULL,NULL,NULL);
INSERT INTO "tasks" VALUES(8,'6b55043cb566b8fe8b61777ce64d4a6e',2,'cancelling','probe',NULL,'{"pattern":"await","operation":"probe","ttlSeconds":86400,"path":"/api/tasks"}',1,17952624121234567,17952624121234567,NULL,NULL,17953488121234567,NULL,NULL,NULL);
INSERT INTO "tasks" VALUES(9,'69033fa9a5eac50d46c7ee5b6cf82b7f',1,'running','probe',NULL,'{"pattern":"await","operation":"probe","ttlSeconds":86400,"path":"/api/tasks"}',1,17952624121234567,17952624121234567,NULL,NULL,17953488121234567,NULL,NULL,NULL);
INSERT INTO "tasks" VALUES(10,'1fb2eef6a4eb2153d5b09579d5dda932',1,'queued','probe',NULL,'{"pattern":"await","operation":"probe","ttlSeconds":86400,"path":"/api/tasks"}',0,17952624121234567,NULL,NULL,NULL,17953488121234567,NULL,NULL,NULL);
CREATE UNIQUE INDEX tasks_by_key ON tasks (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX tasks_by_state ON tasks (state);
CREATE INDEX tasks_by_operation ON tasks (operation);
PRAGMA user_version=2;
COMMIT;
