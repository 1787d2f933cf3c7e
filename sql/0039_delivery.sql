-- Channels that are choosy, wait for an hour, hand on, and fail.

-- filtered: the channel does not want it (its severity, kinds, domains). held: the key under which it was held back, by
-- quiet hours or for a digest; another key is another message. handed: the key under which another channel handed it on,
-- so that nothing filters it. escalate_at: when it is handed on unless somebody acknowledges. open_there: the receiver
-- keeps an incident open until it is told that the alert is over.
ALTER TABLE outbox
    DROP CONSTRAINT outbox_state_check,
    ADD CONSTRAINT outbox_state_check CHECK (state IN ('pending', 'sent', 'dead', 'withdrawn', 'filtered')),
    ADD COLUMN held        uuid,
    ADD COLUMN handed      uuid,
    ADD COLUMN escalate_at timestamptz,
    ADD COLUMN open_there  bool NOT NULL DEFAULT false;
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (channel, next_try_at, id) WHERE state = 'pending';
CREATE INDEX outbox_escalate ON outbox (channel, escalate_at) WHERE escalate_at IS NOT NULL;
CREATE INDEX outbox_open ON outbox (channel, id) WHERE open_there;

-- A channel whose receiver takes nothing: since when, how often in a row, and the alert about it.
ALTER TABLE channel
    ADD COLUMN failing_since timestamptz,
    ADD COLUMN failures      int4 NOT NULL DEFAULT 0,
    ADD COLUMN last_error    text NOT NULL DEFAULT '',
    ADD COLUMN alert         int8 REFERENCES alert ON DELETE SET NULL;

-- Has anybody been told? A delivery that is under way, or was tried, may have arrived; one that is held back has not.
CREATE OR REPLACE FUNCTION alert_told(a alert) RETURNS bool LANGUAGE sql STABLE AS $$
    SELECT a.state IN ('notified', 'acked') OR EXISTS (SELECT FROM outbox AS o WHERE o.alert = a.id
        AND (o.sent_at IS NOT NULL OR (o.state = 'pending' AND o.next_try_at > now()
                                       AND (o.tries > 0 OR o.held IS DISTINCT FROM o.key))))
$$;

-- When the clock on the wall of a time zone shows that minute of the day the next time.
CREATE FUNCTION local_next(zone text, minute int, at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT min(t.next) FROM (SELECT (date_trunc('day', at AT TIME ZONE zone) + d * interval '1 day'
                                     + minute * interval '1 minute') AT TIME ZONE zone AS next
                             FROM generate_series(0, 2) AS d) AS t
    WHERE t.next > at
$$;

-- When quiet hours that hold now end; NULL: there are none now. The end is not part of them.
CREATE FUNCTION quiet_end(zone text, first int, last int, at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN CASE WHEN first < last THEN m.minute >= first AND m.minute < last
                          ELSE m.minute >= first OR m.minute < last END
                THEN local_next(zone, last, at) END
    FROM (SELECT extract(hour FROM at AT TIME ZONE zone) * 60 + extract(minute FROM at AT TIME ZONE zone) AS minute) AS m
$$;
