-- The newest exchanges, one row each.
SELECT
    e.exchange_id, e.number, e.started_at,
    coalesce(e.endpoint, e.method || ' ' || e.path) AS endpoint, e.model, e.streamed, e.http_status, e.status,
    e.outcome, e.result, e.error_code, e.error_message,
    e.input_items, e.input_items - e.inherited_items AS added_items, e.output_items,
    u.input_tokens, u.cached_tokens, u.output_tokens, u.reasoning_tokens, u.cost_usd,
    e.duration_ms, e.first_token_ms
FROM exchange_facts e
LEFT JOIN usage u USING (exchange_id)
ORDER BY e.started_at DESC NULLS LAST, e.number DESC
LIMIT $limit;
