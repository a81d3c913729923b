-- Keep each call of a cassette once. An answer that tells of a response again (GET /responses/{id},
-- cancelling it) repeats its calls: of those that tell of the same response, the first one by number
-- that tells of it as a whole counts, and where none does the first one. Two answers to
-- POST /responses never are repetitions, though some servers give all responses the same id.
DELETE FROM tool_calls
WHERE (exchange_id, position) IN (
    SELECT (exchange_id, position)
    FROM (
        SELECT
            c.exchange_id,
            c.position,
            e.endpoint IN ('retrieve', 'cancel') AS repeats,
            e.outcome <> 'complete' OR coalesce(e.status IN ('queued', 'in_progress'), false)
                AS unfinished,
            dense_rank() OVER (told ORDER BY unfinished, e.number) AS place,
            bool_or(repeats AND NOT unfinished) OVER told AS told_whole
        FROM tool_calls c
        JOIN exchanges e USING (exchange_id)
        WHERE e.cassette_id = $cassette::UUID AND e.response_id IN (
            SELECT response_id FROM exchanges
            WHERE cassette_id = $cassette::UUID AND endpoint IN ('retrieve', 'cancel')
        )
        WINDOW told AS (
            PARTITION BY e.response_id, coalesce(c.call_id, c.position::VARCHAR)
        )
    )
    WHERE place > 1 AND (repeats OR unfinished AND told_whole)
);
