-- One row for each tool that was called, the most called first. Of what the server runs itself it
-- gives the output only where it was asked to, so that none is missing there.
SELECT
    name,
    type,
    count(*) AS calls,
    count(*) FILTER (
        output_item_id IS NULL AND output IS NULL AND error IS NULL AND type NOT IN (
            'web_search_call', 'file_search_call', 'code_interpreter_call',
            'image_generation_call', 'mcp_call', 'program'
        )
    ) AS without_output,
    count(*) FILTER (error IS NOT NULL) AS errors,
    quantile_cont(latency_ms, 0.5) AS latency_p50_ms,
    quantile_cont(latency_ms, 0.95) AS latency_p95_ms
FROM tool_calls
GROUP BY name, type
ORDER BY calls DESC, name;
