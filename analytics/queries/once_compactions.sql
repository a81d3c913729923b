-- Keep each compaction of a cassette once: see `once_tool_calls`.
DELETE FROM compactions
WHERE exchange_id IN (
    SELECT exchange_id
    FROM (
        SELECT
            c.exchange_id,
            e.endpoint IN ('retrieve', 'cancel') AS repeats,
            e.outcome <> 'complete' OR coalesce(e.status IN ('queued', 'in_progress'), false)
                AS unfinished,
            row_number() OVER (told ORDER BY unfinished, e.number) AS place,
            bool_or(repeats AND NOT unfinished) OVER told AS told_whole
        FROM compactions c
        JOIN exchanges e USING (exchange_id)
        WHERE e.cassette_id = $cassette::UUID AND e.response_id IN (
            SELECT response_id FROM exchanges
            WHERE cassette_id = $cassette::UUID AND endpoint IN ('retrieve', 'cancel')
        )
        WINDOW told AS (PARTITION BY e.response_id)
    )
    WHERE place > 1 AND (repeats OR unfinished AND told_whole)
);
