-- What only a repetition of a call tells of its output or error (a client may ask for more by
-- `include` when it fetches the response) goes to the rows that lack it, before `once_tool_calls`
-- deletes all but one of them. What went wrong is said by answers that tell of a response as a whole.
UPDATE tool_calls
SET output = coalesce(tool_calls.output, found.output),
    error = coalesce(tool_calls.error, found.error)
FROM (
    SELECT
        c.exchange_id,
        c.position,
        e.endpoint IN ('retrieve', 'cancel') AS repeats,
        e.outcome <> 'complete' OR coalesce(e.status IN ('queued', 'in_progress'), false)
            AS unfinished,
        first_value(CASE WHEN repeats OR unfinished THEN c.output END IGNORE NULLS) OVER told
            AS output,
        first_value(CASE WHEN repeats AND NOT unfinished THEN c.error END IGNORE NULLS) OVER told
            AS error
    FROM tool_calls c
    JOIN exchanges e USING (exchange_id)
    WHERE e.cassette_id = $cassette::UUID AND c.output_item_id IS NULL AND e.response_id IN (
        SELECT response_id FROM exchanges
        WHERE cassette_id = $cassette::UUID AND endpoint IN ('retrieve', 'cancel')
    )
    WINDOW told AS (
        PARTITION BY e.response_id, coalesce(c.call_id, c.position::VARCHAR)
        ORDER BY e.number
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    )
) AS found
WHERE tool_calls.exchange_id = found.exchange_id AND tool_calls.position = found.position
  AND (tool_calls.output IS NULL AND found.output IS NOT NULL
      OR tool_calls.error IS NULL AND found.error IS NOT NULL);
