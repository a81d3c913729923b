-- One row for each stretch of $seconds and model in which something happened.
SELECT
    time_bucket(to_seconds($seconds), e.started_at) AS begins_at,
    coalesce(e.model, '(no model)') AS model,
    count(*) AS exchanges,
    count(*) FILTER (e.is_error OR e.outcome <> 'complete') AS failures,
    count(*) FILTER (e.exchange_id IN (SELECT exchange_id FROM compactions)) AS compactions,
    sum(u.input_tokens - coalesce(u.cached_tokens, 0))::BIGINT AS uncached_tokens,
    sum(u.cached_tokens)::BIGINT AS cached_tokens,
    sum(u.output_tokens - coalesce(u.reasoning_tokens, 0))::BIGINT AS answer_tokens,
    sum(u.reasoning_tokens)::BIGINT AS reasoning_tokens,
    sum(u.cost_usd) AS cost_usd
FROM exchange_facts e
LEFT JOIN counted_usage u USING (exchange_id)
WHERE e.started_at IS NOT NULL
GROUP BY ALL
ORDER BY begins_at, model;
