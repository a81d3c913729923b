-- One row for each tool that was called, the most called first.
SELECT
    name,
    type,
    count(*) AS calls,
    count(*) FILTER (output_item_id IS NULL AND output IS NULL) AS without_output,
    count(*) FILTER (error IS NOT NULL) AS errors,
    quantile_cont(latency_ms, 0.5) AS latency_p50_ms,
    quantile_cont(latency_ms, 0.95) AS latency_p95_ms
FROM tool_calls
GROUP BY name, type
ORDER BY calls DESC, name;
