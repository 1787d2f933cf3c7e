-- Domains whose keys are still being learned: looked for every minute, and mostly there are none.
CREATE INDEX domain_key_learning ON domain (name) WHERE policy #> '{keys,learn,days}' IS NOT NULL AND policy #> '{keys,learn,over}' IS NULL;
