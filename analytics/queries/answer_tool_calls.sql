-- Join the calls of a cassette that are left with the outputs that later requests brought, the first
-- one by number; or later answers, where the server ran it (a program that had to wait for a client's
-- tool). A call that is told of by fetching its response again may have been answered before that.
-- What was joined here before gives way to what an earlier request brought that has come since.
WITH calls AS (
    SELECT
        c.exchange_id, c.position, c.call_id,
        CASE
            WHEN c.output_item_id IS NULL THEN c.error
            ELSE coalesce(i.error, CASE WHEN c.status IN ('failed', 'incomplete') THEN c.status END)
        END AS own_error,
        a.number, a.started_at, a.duration_ms,
        a.endpoint IN ('retrieve', 'cancel') AS is_fetched,
        o.number AS output_number
    FROM tool_calls c
    JOIN exchanges a USING (exchange_id)
    LEFT JOIN items i USING (item_id)
    LEFT JOIN exchanges o ON o.exchange_id = c.output_exchange_id
    WHERE a.cassette_id = $cassette::UUID
      AND c.output_exchange_id IS DISTINCT FROM c.exchange_id
      AND coalesce(o.previous_response_id <> a.response_id, true)
      AND NOT EXISTS (  -- nor does what has brought its output resend it
          SELECT 1
          FROM bearers b
          JOIN exchange_items x ON x.exchange_id = b.place_id
          WHERE b.exchange_id = c.output_exchange_id AND x.item_id = c.item_id
            AND x.direction = 'input'
      )
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
        c.own_error,
        CASE
            WHEN b.number > c.number AND x.direction = 'input'
            THEN date_diff('microsecond', c.started_at, b.started_at) / 1000 - c.duration_ms
        END AS latency_ms
    FROM calls c
    JOIN items i ON i.call_id = c.call_id
        AND (ends_with(i.type, '_output') OR i.type = 'mcp_approval_response')
    JOIN exchange_items x ON x.item_id = i.item_id
    JOIN bearers b
        ON b.place_id = x.exchange_id AND (b.exchange_id = b.place_id OR x.direction = 'input')
    WHERE (b.number > c.number OR c.is_fetched) AND b.number < coalesce(c.output_number, b.number + 1)
    QUALIFY row_number() OVER (
        PARTITION BY c.exchange_id, c.position ORDER BY b.number, x.direction, x.position
    ) = 1
) AS found
WHERE tool_calls.exchange_id = found.caller_id AND tool_calls.position = found.call_position;
