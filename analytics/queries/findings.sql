-- What deviates from the SDK's types, the most frequent first.
SELECT f.place, f.kind, f.type, f.path, f.shape, count(ef.exchange_id) AS exchanges
FROM findings f
LEFT JOIN exchange_findings ef USING (finding_id)
GROUP BY ALL
ORDER BY exchanges DESC, f.kind, f.type, f.path, f.shape, f.place;
