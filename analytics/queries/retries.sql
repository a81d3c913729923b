-- One row for each kind of failure that was retried: how often, how many of these retries went well,
-- and what the failed attempts cost: time up to the retry, and tokens where they were told.
SELECT
    r.failed_outcome AS outcome,
    r.failed_status AS http_status,
    r.failed_code AS error_code,
    count(*) AS retries,
    count(*) FILTER (r.result = 'ok') AS succeeded,
    max(r.attempt) AS most_attempts,
    sum(r.lost_ms) AS lost_ms,
    TRY_CAST(sum(r.lost_tokens) AS BIGINT) AS lost_tokens,
    sum(r.lost_usd) AS lost_usd
FROM retries r
SEMI JOIN exchange_facts USING (exchange_id)
GROUP BY ALL
ORDER BY retries DESC, http_status, outcome, error_code;
