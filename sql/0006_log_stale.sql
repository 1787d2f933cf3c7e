-- Logs that are out of date: since when somebody is watching without a break, and what is wrong now.

-- One row. Silence of a log means something only as long as somebody listened.
CREATE TABLE log_watch (
    one   bool PRIMARY KEY DEFAULT true CHECK (one),
    since timestamptz NOT NULL,
    at    timestamptz NOT NULL -- when somebody looked last
);

-- Open incidents: their alert is closed when they are over, and the row goes.
CREATE TABLE log_incident (
    log   int2 PRIMARY KEY, -- 0: ourselves
    rule  text NOT NULL,
    since timestamptz NOT NULL,
    alert int8 NOT NULL
);
