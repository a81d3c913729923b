-- The first schema. No primary keys and no indexes: ingest keeps duplicates out by anti-join, and
-- keys would cost three times the space. Ids derive from content, so a rebuild gives equal rows.

CREATE TABLE meta (key VARCHAR NOT NULL, value VARCHAR NOT NULL);

-- Which cassettes were read, and how far: `bytes` of `revision` are in the tables.
CREATE TABLE ingest_state (
    cassette_id UUID NOT NULL,
    path VARCHAR,
    base VARCHAR,
    upstream VARCHAR,
    generator VARCHAR,
    created_at TIMESTAMPTZ,
    revision INTEGER NOT NULL,
    bytes BIGINT NOT NULL
);

CREATE TABLE exchanges (
    exchange_id UUID NOT NULL,
    cassette_id UUID NOT NULL,
    number INTEGER NOT NULL,
    started_at TIMESTAMPTZ,
    endpoint VARCHAR,
    method VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    upstream VARCHAR,
    client VARCHAR,
    requested_model VARCHAR,
    model VARCHAR,
    response_id VARCHAR,
    previous_response_id VARCHAR,
    parent_id UUID,                  -- the exchange whose whole input this one's begins with
    inherited_items INTEGER NOT NULL,
    input_items INTEGER NOT NULL,
    output_items INTEGER NOT NULL,
    toolset_id UUID,
    instructions_id UUID,
    params VARCHAR USING COMPRESSION zstd,
    streamed BOOLEAN NOT NULL,
    http_status SMALLINT,
    status VARCHAR,
    incomplete_reason VARCHAR,
    outcome VARCHAR NOT NULL,
    error_code VARCHAR,
    error_message VARCHAR USING COMPRESSION zstd,
    service_tier VARCHAR,
    request_bytes BIGINT NOT NULL,
    response_bytes BIGINT NOT NULL,
    duration_ms DOUBLE,
    first_event_ms DOUBLE,
    first_token_ms DOUBLE,
    event_ms DOUBLE[],
    event_types VARCHAR[],
    event_bytes INTEGER[]
);

CREATE TABLE items (
    item_id UUID NOT NULL,
    type VARCHAR,
    role VARCHAR,
    call_id VARCHAR,
    name VARCHAR,
    namespace VARCHAR,
    phase VARCHAR,
    text VARCHAR USING COMPRESSION zstd,
    bytes BIGINT NOT NULL,
    encrypted_bytes BIGINT,
    json VARCHAR NOT NULL USING COMPRESSION zstd
);

-- Of an input only what a request adds to its parent; `whole_inputs` has all of it.
CREATE TABLE exchange_items (
    exchange_id UUID NOT NULL,
    direction VARCHAR NOT NULL,      -- 'input' or 'output'
    position INTEGER NOT NULL,
    item_id UUID NOT NULL,
    status VARCHAR
);

CREATE TABLE tools (
    toolset_id UUID NOT NULL,
    position INTEGER NOT NULL,
    tool_id UUID NOT NULL,
    type VARCHAR,
    name VARCHAR,
    namespace VARCHAR,
    description VARCHAR USING COMPRESSION zstd,
    bytes BIGINT NOT NULL,
    json VARCHAR NOT NULL USING COMPRESSION zstd
);

CREATE TABLE tool_calls (
    exchange_id UUID NOT NULL,       -- whose answer made the call
    position INTEGER NOT NULL,
    item_id UUID NOT NULL,
    call_id VARCHAR,
    type VARCHAR,
    name VARCHAR,
    namespace VARCHAR,
    arguments VARCHAR USING COMPRESSION zstd,
    status VARCHAR,
    output_exchange_id UUID,         -- whose request brought the output
    output_item_id UUID,
    output VARCHAR USING COMPRESSION zstd,
    error VARCHAR,
    latency_ms DOUBLE                -- from the end of the answer to the start of that request
);

CREATE TABLE usage (
    exchange_id UUID NOT NULL,
    model VARCHAR,
    input_tokens BIGINT,
    cached_tokens BIGINT,
    output_tokens BIGINT,
    reasoning_tokens BIGINT,
    total_tokens BIGINT,
    cost_usd DOUBLE
);

CREATE TABLE compactions (
    exchange_id UUID NOT NULL,
    trigger VARCHAR NOT NULL,        -- 'endpoint', 'compaction_trigger' or 'context_management'
    input_items INTEGER NOT NULL,
    output_items INTEGER NOT NULL,
    input_tokens BIGINT,
    output_tokens BIGINT,
    encrypted_bytes BIGINT
);

CREATE TABLE findings (
    finding_id UUID NOT NULL,
    place VARCHAR NOT NULL,          -- 'request', 'response' or 'event'
    kind VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    type VARCHAR NOT NULL,
    shape VARCHAR NOT NULL
);

CREATE TABLE exchange_findings (exchange_id UUID NOT NULL, finding_id UUID NOT NULL);

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

-- What counts as an error is said once: the server answered with one, in whichever way. And what
-- was probably billed: a model was at work, also where the stream broke off before its usage.
CREATE VIEW exchange_facts AS
SELECT
    *,
    coalesce(http_status >= 400, false) OR coalesce(status = 'failed', false)
        OR error_message IS NOT NULL AS is_error,
    coalesce(
        endpoint IN ('create', 'compact') AND http_status < 400
            AND NOT (outcome = 'complete' AND coalesce(status IN ('queued', 'in_progress'), false)),
        false
    ) AS is_billed
FROM exchanges;

-- Usage to add up: an answer that is fetched again (GET /responses/{id}) tells its usage again.
CREATE VIEW counted_usage AS
SELECT u.*
FROM usage u
JOIN exchanges e USING (exchange_id)
QUALIFY e.endpoint NOT IN ('retrieve', 'cancel') OR e.response_id IS NULL
    OR row_number() OVER (PARTITION BY e.cassette_id, e.response_id ORDER BY e.number) = 1;
