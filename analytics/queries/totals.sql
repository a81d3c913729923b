-- One row over all exchanges. A sum is NULL where nothing of it was reported or it is beyond all
-- sense, and 0 where there was no exchange at all. To ask whether a call may be made is no call.
SELECT
    count(*) AS exchanges,
    count(u.exchange_id) AS with_usage,
    TRY_CAST(CASE WHEN count(*) = 0 THEN 0 ELSE sum(u.input_tokens) END AS BIGINT) AS input_tokens,
    TRY_CAST(CASE WHEN count(*) = 0 THEN 0 ELSE sum(u.cached_tokens) END AS BIGINT) AS cached_tokens,
    TRY_CAST(CASE WHEN count(*) = 0 THEN 0 ELSE sum(u.output_tokens) END AS BIGINT) AS output_tokens,
    TRY_CAST(CASE WHEN count(*) = 0 THEN 0 ELSE sum(u.reasoning_tokens) END AS BIGINT) AS reasoning_tokens,
    TRY_CAST(CASE WHEN count(*) = 0 THEN 0 ELSE sum(u.total_tokens) END AS BIGINT) AS total_tokens,
    CASE WHEN count(*) = 0 THEN 0 ELSE sum(u.cost_usd) END AS cost_usd,
    count(*) FILTER (e.is_billed AND u.cost_usd IS NULL) AS unpriced,
    count(*) FILTER (e.result = 'failed') AS failed,
    count(*) FILTER (e.result = 'interrupted') AS interrupted,
    count(*) FILTER (e.result = 'unfinished') AS unfinished,
    count(e.retry_of_id) AS retries,
    (
        SELECT sum(r.lost_ms) FROM retries r SEMI JOIN exchange_facts USING (exchange_id)
    ) AS retries_lost_ms,
    (
        SELECT count(*) FROM tool_calls WHERE type IS DISTINCT FROM 'mcp_approval_request'
    ) AS tool_calls,
    (SELECT count(*) FROM compactions) AS compactions,
    (SELECT count(*) FROM findings) AS findings,
    quantile_cont(e.latency_ms, 0.5) AS latency_p50_ms,
    quantile_cont(e.latency_ms, 0.95) AS latency_p95_ms,
    quantile_cont(e.first_token_ms, 0.5) AS first_token_p50_ms,
    quantile_cont(e.first_token_ms, 0.95) AS first_token_p95_ms,
    min(e.started_at) AS first_at,
    max(e.started_at) AS last_at
FROM exchange_facts e
LEFT JOIN counted_usage u USING (exchange_id);
