-- Every type of item, sizes of media, errors, transports. Rows of the first schema keep what they
-- say; what can be told from the stored JSON is added. Texts, outputs and tools inside of namespaces
-- are as they were ingested: for those of this schema, ingest the cassettes into a new file.

DROP VIEW whole_inputs;
DROP VIEW finding_counts;
DROP VIEW counted_usage;
DROP VIEW exchange_facts;

-- A column cannot be added as NOT NULL, nor be made so after rows were changed.
ALTER TABLE exchanges ADD COLUMN transport VARCHAR DEFAULT 'json';  -- or 'sse', 'websocket'
ALTER TABLE exchanges ALTER COLUMN transport SET NOT NULL;
ALTER TABLE exchanges ALTER COLUMN transport DROP DEFAULT;
ALTER TABLE exchanges ADD COLUMN connection_id UUID;  -- the exchange that opened the WebSocket
ALTER TABLE exchanges ADD COLUMN compaction_asked VARCHAR;  -- a trigger of `compactions`
-- The exchange whose whole input this one's whole input repeats.
ALTER TABLE exchanges ADD COLUMN repeats_id UUID;
ALTER TABLE items ADD COLUMN media_bytes BIGINT;
ALTER TABLE items ADD COLUMN error VARCHAR;
ALTER TABLE tools ADD COLUMN member INTEGER;  -- its place among the tools of a namespace
ALTER TABLE compactions ADD COLUMN item_id UUID;
ALTER TABLE compactions ALTER COLUMN input_items DROP NOT NULL;  -- the request may be elsewhere

UPDATE exchanges SET transport = 'sse' WHERE streamed;
UPDATE exchanges SET compaction_asked = c.trigger
FROM compactions c WHERE c.exchange_id = exchanges.exchange_id;

-- What calls and approvals are known by, where it was not read before: see `wire/items.py`.
UPDATE items
SET call_id = json_extract_string(
    json, CASE WHEN type = 'mcp_approval_response' THEN '$.approval_request_id' ELSE '$.id' END
)
WHERE call_id IS NULL
    AND (ends_with(type, '_call')
        OR type IN ('local_shell_call_output', 'mcp_approval_request', 'mcp_approval_response'))
    AND json_valid(json);
UPDATE tool_calls SET call_id = i.call_id
FROM items i WHERE i.item_id = tool_calls.item_id AND tool_calls.call_id IS NULL;

-- An image stood in the text.
UPDATE items
SET media_bytes = length(json_extract_string(json, '$.result')),
    text = json_extract_string(json, '$.revised_prompt')
WHERE type = 'image_generation_call' AND json_valid(json);
UPDATE tool_calls SET output = '[' || i.media_bytes || ' bytes of media]'
FROM items i
WHERE i.item_id = tool_calls.item_id AND i.media_bytes IS NOT NULL AND tool_calls.output IS NULL;

UPDATE tools SET name = type WHERE name IS NULL;

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

-- What counts as an error is said once: the server answered with one, in whichever way. And what
-- was probably billed: a model was at work, also where the stream broke off before its usage; or
-- usage counts that was told in another way (a response made in the background and then fetched, a
-- steering message). Over a WebSocket no HTTP status tells, but a response that was begun. What
-- somebody waited for is an answer that is complete; a WebSocket's handshake lasts as long as the
-- connection.
CREATE VIEW exchange_facts AS
SELECT
    *,
    coalesce(http_status >= 400, false) OR coalesce(status = 'failed', false)
        OR error_message IS NOT NULL AS is_error,
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
