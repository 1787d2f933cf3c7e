-- Which certificates of registered domains are to be looked at again, because what belongs to them may come later:
-- another certificate under the same serial number, or a precertificate.

-- A row for every domain and issuance that concerns it, expected or not, written with the row of cert.
CREATE TABLE pair_look (
    domain    int8 NOT NULL REFERENCES domain ON DELETE CASCADE,
    tbs_fp    bytea NOT NULL CHECK (length(tbs_fp) = 32),
    not_after timestamptz NOT NULL,
    looks     int2 NOT NULL DEFAULT 0, -- so far; the pause doubles with each
    noted_at  timestamptz NOT NULL DEFAULT now(),
    due_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (domain, tbs_fp)
);
CREATE INDEX pair_look_due ON pair_look (due_at);

-- What is stored already is noted by the history scan, which raises nothing twice.
UPDATE domain SET history_at = NULL;
