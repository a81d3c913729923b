-- One row for each stretch of $seconds and model in which something happened.
SELECT
    time_bucket(to_seconds($seconds), e.started_at) AS begins_at,
    coalesce(e.model, '(no model)') AS model,
    count(*) AS exchanges,
    count(*) FILTER (e.result = 'failed') AS failures,
    count(*) FILTER (e.exchange_id IN (SELECT exchange_id FROM compactions)) AS compactions,
    TRY_CAST(sum(u.input_tokens - coalesce(u.cached_tokens, 0)) AS BIGINT) AS uncached_tokens,
    TRY_CAST(sum(u.cached_tokens) AS BIGINT) AS cached_tokens,
    TRY_CAST(sum(u.output_tokens - coalesce(u.reasoning_tokens, 0)) AS BIGINT) AS answer_tokens,
    TRY_CAST(sum(u.reasoning_tokens) AS BIGINT) AS reasoning_tokens,
    sum(u.cost_usd) AS cost_usd
FROM exchange_facts e
LEFT JOIN counted_usage u USING (exchange_id)
WHERE e.started_at IS NOT NULL
GROUP BY ALL
ORDER BY begins_at, model;
