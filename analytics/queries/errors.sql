-- One row for each way in which exchanges did not go well, the frequent ones first.
SELECT
    result,
    http_status,
    error_code,
    outcome,
    count(*) AS exchanges,
    max_by(error_message, number) AS last_message,
    max(started_at) AS last_at
FROM exchange_facts
WHERE result <> 'ok'
GROUP BY ALL
ORDER BY exchanges DESC, result, http_status, error_code, outcome;
