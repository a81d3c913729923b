-- Join calls of a cassette with the outputs that later requests brought, the first one by number; or
-- later answers, where the server ran it (a program that had to wait for a client's tool). A call
-- that is told of by fetching its response again may have been answered before that.
UPDATE tool_calls
SET output_exchange_id = found.exchange_id,
    output_item_id = found.item_id,
    output = found.output,
    error = coalesce(found.error, tool_calls.error),
    latency_ms = found.latency_ms
FROM (
    SELECT
        c.exchange_id AS caller_id,
        c.position AS call_position,
        x.exchange_id,
        i.item_id,
        coalesce(i.text, '[' || i.media_bytes || ' bytes of media]') AS output,
        coalesce(i.error, CASE WHEN x.status IN ('failed', 'incomplete') THEN x.status END)
            AS error,
        CASE
            WHEN e.number > a.number AND x.direction = 'input'
            THEN date_diff('microsecond', a.started_at, e.started_at) / 1000 - a.duration_ms
        END AS latency_ms
    FROM tool_calls c
    JOIN exchanges a ON a.exchange_id = c.exchange_id
    JOIN items i ON i.call_id = c.call_id
        AND (ends_with(i.type, '_output') OR i.type = 'mcp_approval_response')
    JOIN exchange_items x ON x.item_id = i.item_id
    JOIN exchanges e ON e.exchange_id = x.exchange_id
    WHERE a.cassette_id = $cassette::UUID
      AND e.cassette_id = a.cassette_id
      AND (e.number > a.number OR a.endpoint IN ('retrieve', 'cancel'))
      AND c.output_item_id IS NULL
    QUALIFY row_number() OVER (
        PARTITION BY c.exchange_id, c.position ORDER BY e.number, x.direction, x.position
    ) = 1
) AS found
WHERE tool_calls.exchange_id = found.caller_id AND tool_calls.position = found.call_position;
