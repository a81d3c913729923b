-- Every compaction, newest first.
SELECT e.started_at, e.number, e.model, c.* EXCLUDE (exchange_id), u.cost_usd, e.duration_ms
FROM compactions c
JOIN exchanges e USING (exchange_id)
LEFT JOIN usage u USING (exchange_id)
ORDER BY e.started_at DESC NULLS LAST, e.number DESC;
