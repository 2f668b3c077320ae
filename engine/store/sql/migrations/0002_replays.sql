-- The replays of a cycle, for looking.
CREATE INDEX cycles_replays ON cycles (replay_of) WHERE replay_of IS NOT NULL;
