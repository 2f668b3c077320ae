-- A decision about an item in quarantine is a commit, too: `decided_seq` is its number; 0 where an
-- earlier program decided, whose decisions are in no commit.
ALTER TABLE quarantine ADD COLUMN decided_seq INTEGER;
UPDATE quarantine SET decided_seq = 0 WHERE status IN ('dropped', 'replaced');
