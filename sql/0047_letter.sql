-- Deliveries that were given up stay told until somebody saw to them, and an incident that can not be ended holds up no
-- other.

-- letters: the alert about deliveries to this channel that were given up; NULL: there are none, or it was answered.
ALTER TABLE channel
    ADD COLUMN letters int8 REFERENCES alert ON DELETE SET NULL;

-- Of an incident that the receiver still has open although its alert is over: how often ending it failed, and when it is
-- tried next.
ALTER TABLE outbox
    ADD COLUMN open_tries int4 NOT NULL DEFAULT 0,
    ADD COLUMN open_next  timestamptz NOT NULL DEFAULT '-infinity';

CREATE INDEX outbox_dead ON outbox (channel) WHERE state = 'dead';
