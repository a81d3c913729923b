-- One row for each kind of failure: errors that the server told, and exchanges that broke off.
SELECT
    http_status,
    error_code,
    outcome,
    count(*) AS exchanges,
    max_by(error_message, number) AS last_message,
    max(started_at) AS last_at
FROM exchange_facts
WHERE is_error OR outcome <> 'complete'
GROUP BY ALL
ORDER BY exchanges DESC, http_status, error_code, outcome;
