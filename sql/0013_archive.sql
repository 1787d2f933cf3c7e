-- Logs that are over and were read from an archive of their tiles.
ALTER TABLE log
    DROP CONSTRAINT log_protocol_check,
    ADD CONSTRAINT log_protocol_check CHECK (protocol IN ('rfc6962', 'static-ct', 'hybrid', 'archive'));
