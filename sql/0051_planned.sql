-- Alerts about planned certificates: a plan stands for one certificate, and a second one of its key is found by these.
CREATE INDEX alert_planned ON alert (domain) WHERE findings @> '[{"rule": "expect"}]';
