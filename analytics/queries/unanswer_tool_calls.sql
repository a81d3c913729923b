-- Part calls from the outputs that the given exchanges, which are read again, have brought; what the
-- call itself tells of an error stays. They are joined anew with all that is there then.
UPDATE tool_calls
SET output_exchange_id = NULL,
    output_item_id = NULL,
    output = NULL,
    error = found.error,
    latency_ms = NULL
FROM (
    SELECT
        c.exchange_id,
        c.position,
        coalesce(i.error, CASE WHEN c.status IN ('failed', 'incomplete') THEN c.status END) AS error
    FROM tool_calls c
    LEFT JOIN items i USING (item_id)
    WHERE c.output_exchange_id IN (SELECT unnest($exchanges::UUID[]))
      AND c.output_exchange_id <> c.exchange_id
) AS found
WHERE tool_calls.exchange_id = found.exchange_id AND tool_calls.position = found.position;
