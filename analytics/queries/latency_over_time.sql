-- One row for each stretch of $seconds in which an exchange was complete.
SELECT
    time_bucket(to_seconds($seconds), started_at) AS begins_at,
    count(*) AS exchanges,
    quantile_cont(latency_ms, 0.5) AS latency_p50_ms,
    quantile_cont(latency_ms, 0.95) AS latency_p95_ms,
    quantile_cont(first_token_ms, 0.5) AS first_token_p50_ms
FROM exchange_facts
WHERE started_at IS NOT NULL AND latency_ms IS NOT NULL
GROUP BY ALL
ORDER BY begins_at;
