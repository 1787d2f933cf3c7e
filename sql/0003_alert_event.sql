-- What an alert that was told already has to say again.

-- event: what the message that waits, or was sent last, is about. history: the states that a newer one took the place
-- of, oldest first: [{at, state, reason, kind, severity, event}].
ALTER TABLE alert
    ADD COLUMN event   text NOT NULL DEFAULT 'new' CHECK (event IN ('new', 'escalated', 'seen_again', 'withdrawn')),
    ADD COLUMN history jsonb NOT NULL DEFAULT '[]';

-- The history with the state that the alert has now behind it; of very long ones the newest 50.
CREATE FUNCTION alert_history(a alert) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT (CASE WHEN jsonb_array_length(a.history) >= 50 THEN a.history - 0 ELSE a.history END)
        || jsonb_build_object('at', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'state', a.state,
                              'reason', a.reason, 'kind', a.kind, 'severity', a.severity, 'event', a.event)
$$;

-- Has anybody been told? A delivery that is under way, or was tried, may have arrived.
CREATE FUNCTION alert_told(a alert) RETURNS bool LANGUAGE sql STABLE AS $$
    SELECT a.state IN ('notified', 'acked') OR EXISTS (SELECT FROM outbox AS o WHERE o.alert = a.id
        AND (o.sent_at IS NOT NULL OR (o.state = 'pending' AND o.next_try_at > now())))
$$;
