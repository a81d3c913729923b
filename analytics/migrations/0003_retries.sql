-- Retries, and how an exchange went. Old rows get the latter from what they say. What a request asks
-- as a whole is only in the cassette: ingest reads exchanges again whose `request_key` is NULL.

DROP VIEW whole_inputs;
DROP VIEW finding_counts;
DROP VIEW exchange_facts;
DROP VIEW counted_usage;

-- 'ok', 'failed', 'interrupted' or 'unfinished'
ALTER TABLE exchanges ADD COLUMN result VARCHAR DEFAULT 'ok';
ALTER TABLE exchanges ALTER COLUMN result SET NOT NULL;
ALTER TABLE exchanges ALTER COLUMN result DROP DEFAULT;
ALTER TABLE exchanges ADD COLUMN request_key UUID;  -- equal for requests that ask the same
ALTER TABLE exchanges ADD COLUMN retry_count INTEGER;  -- what the client says
ALTER TABLE exchanges ADD COLUMN attempt INTEGER;  -- at the same request, from 1
ALTER TABLE exchanges ADD COLUMN retry_of_id UUID;  -- the attempt before this one

UPDATE exchanges
SET result = CASE
    WHEN outcome = 'incomplete' THEN 'unfinished'
    WHEN http_status >= 400 OR status = 'failed' OR error_message IS NOT NULL THEN 'failed'
    WHEN outcome IN ('client_gone', 'proxy_stopped') THEN 'interrupted'
    WHEN outcome <> 'complete' THEN 'failed'
    WHEN http_status IS NULL AND endpoint IS DISTINCT FROM 'steer'
        AND endpoint IS DISTINCT FROM 'message' THEN 'failed'
    ELSE 'ok'
END;

UPDATE ingest_state SET revision = -1;  -- so that no file is taken for one that is known

CREATE VIEW whole_inputs AS
WITH RECURSIVE ancestry AS (
    SELECT exchange_id, exchange_id AS ancestor_id, parent_id FROM exchanges
    UNION ALL
    SELECT a.exchange_id, p.exchange_id, p.parent_id
    FROM ancestry a JOIN exchanges p ON p.exchange_id = a.parent_id
)
SELECT a.exchange_id, i.position, i.item_id, i.status
FROM ancestry a
JOIN exchange_items i ON i.exchange_id = a.ancestor_id AND i.direction = 'input';

CREATE VIEW finding_counts AS
SELECT f.*, e.upstream, e.model, e.client, count(*) AS exchanges
FROM findings f
JOIN exchange_findings ef USING (finding_id)
JOIN exchanges e USING (exchange_id)
GROUP BY ALL;

-- Usage to add up: an answer that is fetched again (GET /responses/{id}) tells its usage again.
CREATE VIEW counted_usage AS
SELECT u.*
FROM usage u
JOIN exchanges e USING (exchange_id)
QUALIFY e.endpoint NOT IN ('retrieve', 'cancel') OR e.response_id IS NULL
    OR row_number() OVER (PARTITION BY e.cassette_id, e.response_id ORDER BY e.number) = 1;

-- What was probably billed: a model was at work, also where the stream broke off before its usage; or
-- usage counts that was told in another way (a response made in the background and then fetched, a
-- steering message). Over a WebSocket no HTTP status tells, but a response that was begun. What
-- somebody waited for is an answer that is complete; a WebSocket's handshake lasts as long as the
-- connection.
CREATE VIEW exchange_facts AS
SELECT
    *,
    coalesce(
        CASE
            WHEN endpoint IN ('create', 'compact') AND transport = 'websocket'
                THEN response_id IS NOT NULL
            WHEN endpoint IN ('create', 'compact') THEN http_status < 400
        END
            AND NOT (outcome = 'complete' AND coalesce(status IN ('queued', 'in_progress'), false)),
        false
    ) OR exchange_id IN (SELECT exchange_id FROM counted_usage) AS is_billed,
    CASE WHEN outcome = 'complete' AND endpoint IS DISTINCT FROM 'connect' THEN duration_ms END
        AS latency_ms
FROM exchanges;

-- What each retry is the price of: from the start of the attempt that failed to its own. What that
-- attempt used is mostly not known: who fails tells no usage.
CREATE VIEW retries AS
SELECT
    r.exchange_id,
    r.attempt,
    r.result,
    f.exchange_id AS failed_id,
    f.http_status AS failed_status,
    f.outcome AS failed_outcome,
    f.error_code AS failed_code,
    date_diff('microsecond', f.started_at, r.started_at) / 1000 AS lost_ms,
    u.total_tokens AS lost_tokens,
    u.cost_usd AS lost_usd
FROM exchanges r
JOIN exchanges f ON f.exchange_id = r.retry_of_id
LEFT JOIN usage u ON u.exchange_id = f.exchange_id;
