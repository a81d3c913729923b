-- Findings that the given exchanges refer to.
SELECT finding_id FROM exchange_findings WHERE exchange_id IN (SELECT unnest($exchanges::UUID[]));
