-- Until rules had a version (step 0063) a history scan that ended after the rules of its domain were changed said that it was
-- done for the new ones. Which domains that happened to is not known: each is scanned once more, unless its rules have been
-- changed, and scanned for, since.
UPDATE domain SET history_at = NULL WHERE rules_version = 0;
