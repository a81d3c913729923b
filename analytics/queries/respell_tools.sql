-- Tools of a batch that are there in a longer spelling are kept in the shorter one from now on.
UPDATE tools
SET bytes = batch.bytes, json = batch.json
FROM batch
WHERE tools.toolset_id = batch.toolset_id::UUID AND tools.position = batch.position
  AND tools.member IS NOT DISTINCT FROM batch.member
  AND (batch.bytes < tools.bytes OR batch.bytes = tools.bytes AND batch.json < tools.json);
