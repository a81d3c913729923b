-- Join the calls of a cassette that are left with the outputs that later requests brought, the first
-- one by number; or later answers, where the server ran it (a program that had to wait for a client's
-- tool). A call that is told of by fetching its response again may have been answered before that.
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
        e.exchange_id,
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
    JOIN (
        SELECT exchange_id, exchange_id AS place_id, cassette_id, number, started_at FROM exchanges
        UNION ALL
        SELECT exchange_id, repeats_id, cassette_id, number, started_at FROM exchanges
        WHERE repeats_id IS NOT NULL
    ) AS e ON e.place_id = x.exchange_id AND (e.exchange_id = e.place_id OR x.direction = 'input')
    WHERE a.cassette_id = $cassette::UUID
      AND e.cassette_id = a.cassette_id
      AND (e.number > a.number OR a.endpoint IN ('retrieve', 'cancel'))
      AND c.output_item_id IS NULL
    QUALIFY row_number() OVER (
        PARTITION BY c.exchange_id, c.position ORDER BY e.number, x.direction, x.position
    ) = 1
) AS found
WHERE tool_calls.exchange_id = found.caller_id AND tool_calls.position = found.call_position;
