-- Join calls of a cassette with the outputs brought by requests that go on with the response that
-- made the call: they name its id, or resend the call itself. Of several the first by number counts,
-- also where it comes into the tables after another one.
-- Call ids alone are unique within a conversation at best, so that what was joined by them before
-- (`answer_tool_calls`, which comes next) gives way; and within a resent conversation an output after
-- the call comes before the output of an older call of the same id. A request that repeats the whole
-- input of an earlier one brings what that one brought (`bearers`).
WITH
calls AS (
    SELECT
        c.exchange_id, c.position, c.item_id, c.call_id, c.status,
        a.number, a.started_at, a.duration_ms, a.response_id,
        a.endpoint IN ('retrieve', 'cancel') AS is_fetched
    FROM tool_calls c
    JOIN exchanges a USING (exchange_id)
    WHERE a.cassette_id = $cassette::UUID
      AND c.output_exchange_id IS DISTINCT FROM c.exchange_id
),
resent AS (
    SELECT b.exchange_id, b.number, x.item_id, min(x.position) AS position
    FROM exchange_items x
    JOIN bearers b ON b.place_id = x.exchange_id
    WHERE x.direction = 'input' AND x.item_id IN (SELECT item_id FROM calls)
    GROUP BY ALL
),
followed AS (
    SELECT c.exchange_id, c.position, r.exchange_id AS bearer_id, r.position AS resent_at
    FROM calls c
    JOIN resent r ON r.item_id = c.item_id AND (r.number > c.number OR c.is_fetched)
    UNION
    SELECT c.exchange_id, c.position, b.exchange_id, NULL
    FROM calls c
    JOIN bearers b
        ON b.previous_response_id = c.response_id AND (b.number > c.number OR c.is_fetched)
)
UPDATE tool_calls
SET output_exchange_id = found.bearer_id,
    output_item_id = found.item_id,
    output = found.output,
    error = coalesce(found.error, found.own_error),
    latency_ms = found.latency_ms
FROM (
    SELECT
        c.exchange_id AS caller_id,
        c.position AS call_position,
        b.exchange_id AS bearer_id,
        i.item_id,
        coalesce(i.text, '[' || i.media_bytes || ' bytes of media]') AS output,
        coalesce(i.error, CASE WHEN x.status IN ('failed', 'incomplete') THEN x.status END)
            AS error,
        coalesce(own.error, CASE WHEN c.status IN ('failed', 'incomplete') THEN c.status END)
            AS own_error,
        CASE
            WHEN b.number > c.number AND x.direction = 'input'
            THEN date_diff('microsecond', c.started_at, b.started_at) / 1000 - c.duration_ms
        END AS latency_ms
    FROM followed f
    JOIN calls c ON c.exchange_id = f.exchange_id AND c.position = f.position
    JOIN bearers b ON b.exchange_id = f.bearer_id
    JOIN exchange_items x ON x.exchange_id = b.place_id
    JOIN items i ON i.item_id = x.item_id AND i.call_id = c.call_id
    LEFT JOIN items own ON own.item_id = c.item_id
    WHERE (ends_with(i.type, '_output') OR i.type = 'mcp_approval_response')
      AND (b.exchange_id = b.place_id OR x.direction = 'input')
    QUALIFY row_number() OVER (
        PARTITION BY c.exchange_id, c.position
        ORDER BY b.number, x.direction, coalesce(x.position < f.resent_at, false), x.position
    ) = 1
) AS found
WHERE tool_calls.exchange_id = found.caller_id AND tool_calls.position = found.call_position
  AND (tool_calls.output_exchange_id, tool_calls.output_item_id)
      IS DISTINCT FROM (found.bearer_id, found.item_id);
