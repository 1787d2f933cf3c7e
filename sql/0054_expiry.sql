-- Alerts about certificates that run out: the few open ones are looked through again and again.

CREATE INDEX alert_expiry ON alert (domain) WHERE dedup LIKE 'expiry:%' AND state <> 'closed';
