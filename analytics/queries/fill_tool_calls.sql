-- What only a repetition of a call tells of its output or error (a client may ask for more by
-- `include` when it fetches the response) goes to the rows that lack it: of the first by number that
-- tells of the response as a whole, else of the first that tells it. What went wrong is said by answers
-- that tell of a response as a whole. This is asked of the items, which are all there, and not of the
-- calls, of which `once_tool_calls` leaves one: so the order in which tellings come is no matter.
UPDATE tool_calls
SET output = coalesce(found.output, tool_calls.output),
    error = coalesce(found.error, tool_calls.error)
FROM (
    SELECT
        x.exchange_id,
        x.position,
        e.endpoint IN ('retrieve', 'cancel') AS repeats,
        e.outcome <> 'complete' OR coalesce(e.status IN ('queued', 'in_progress'), false)
            AS unfinished,
        coalesce(i.error, CASE WHEN x.status IN ('failed', 'incomplete') THEN x.status END)
            AS own_error,
        coalesce(
            i.output,
            first_value(CASE WHEN repeats OR unfinished THEN i.output END IGNORE NULLS) OVER told
        ) AS output,
        coalesce(
            own_error,
            first_value(CASE WHEN repeats AND NOT unfinished THEN own_error END IGNORE NULLS)
                OVER told
        ) AS error
    FROM exchanges e
    JOIN exchange_items x ON x.exchange_id = e.exchange_id AND x.direction = 'output'
    JOIN items i USING (item_id)
    WHERE e.cassette_id = $cassette::UUID AND e.response_id IN (
        SELECT response_id FROM exchanges
        WHERE cassette_id = $cassette::UUID AND endpoint IN ('retrieve', 'cancel')
    )
    WINDOW told AS (
        PARTITION BY e.response_id, i.type, coalesce(i.call_id, x.position::VARCHAR)
        ORDER BY unfinished, e.number, x.position
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    )
) AS found
WHERE tool_calls.exchange_id = found.exchange_id AND tool_calls.position = found.position
  AND tool_calls.output_item_id IS NULL
  AND (coalesce(found.output <> tool_calls.output, found.output IS NOT NULL)
      OR coalesce(found.error <> tool_calls.error, found.error IS NOT NULL));
