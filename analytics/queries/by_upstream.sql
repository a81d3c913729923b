-- One row for each server that was recorded, by its base URL, the most used first.
SELECT
    e.upstream,
    count(*) AS exchanges,
    TRY_CAST(sum(u.input_tokens) AS BIGINT) AS input_tokens,
    TRY_CAST(sum(u.cached_tokens) AS BIGINT) AS cached_tokens,
    TRY_CAST(sum(u.output_tokens) AS BIGINT) AS output_tokens,
    sum(u.cost_usd) AS cost_usd,
    count(*) FILTER (e.is_billed AND u.cost_usd IS NULL) AS unpriced,
    count(*) FILTER (e.result = 'failed') AS failed,
    quantile_cont(e.latency_ms, 0.5) AS latency_p50_ms,
    quantile_cont(e.latency_ms, 0.95) AS latency_p95_ms
FROM exchange_facts e
LEFT JOIN counted_usage u USING (exchange_id)
GROUP BY e.upstream
ORDER BY exchanges DESC, e.upstream NULLS LAST;
