-- By what stored certificates were judged, so that they are judged again when it changes.

-- What the trust data said of an issuer when its certificates were judged last (trust/castate.h).
CREATE TABLE trust_issuer (
    issuer int4 PRIMARY KEY REFERENCES issuer ON DELETE CASCADE,
    state  bytea CHECK (length(state) = 32), -- NULL: never
    next   bytea NOT NULL CHECK (length(next) = 32), -- judged once by this one; others may know only the one before
    since  timestamptz NOT NULL DEFAULT now()
);

-- In how many places the certificate of an alert about a distrusted CA had been seen: one more may be an earlier one.
CREATE TABLE trust_alert (
    alert     int8 PRIMARY KEY REFERENCES alert ON DELETE CASCADE,
    sightings int4 NOT NULL
);
