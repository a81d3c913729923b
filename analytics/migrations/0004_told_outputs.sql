-- What came of a call, where the call tells it itself: of several tellings of a call one row stays in
-- `tool_calls`, and what the others told must not be gone. Old items are read once more for it, as the
-- row that stayed may have it from another telling. `told_output` is `item_text.told_output`.

ALTER TABLE items ADD COLUMN output VARCHAR;

UPDATE items SET output = told_output(json);
