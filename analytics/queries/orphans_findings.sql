-- Findings that no exchange refers to any more.
DELETE FROM findings
WHERE finding_id IN (SELECT unnest($candidates::UUID[]))
  AND finding_id NOT IN (SELECT finding_id FROM exchange_findings);
