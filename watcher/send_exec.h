/* Alerts to a program, one run per alert, in the manner of certspotter's hook scripts.
 *
 * Environment: that of ctvigil without its own and the database's secrets, and what certspotter's hooks get
 * (certspotter-script(8)), each only where it is known:
 *   all events        EVENT (discovered_cert; malformed_cert: no certificate could be read; error: about a
 *                     log; test; and, not certspotter's, withdrawn: what was told before was an error of the
 *                     log that healed; known_cert: no new certificate, but something new of an old one, of
 *                     kinds expiring, missing_renewal, unusual_renewal, sct_not_incorporated, and, when the
 *                     alert was told before,
 *                     of those about trust and known keys), SUMMARY (one line), TEXT_FILENAME (all of it as
 *                     text)
 *   a sighting        LOG_URI, ENTRY_INDEX: of the first one
 *   discovered_cert, known_cert
 *                     WATCH_ITEM (the registered domain), TBS_SHA256 (the fingerprint that precertificate and
 *                     certificate share), CERT_SHA256 and FINGERPRINT, PUBKEY_SHA256 and PUBKEY_HASH,
 *                     NOT_BEFORE, NOT_AFTER, both with _RFC3339 and _UNIXTIME, SUBJECT_DN (common name and
 *                     organisations), ISSUER_DN, SERIAL, CERT_PARSEABLE=yes, JSON_FILENAME (certspotter's
 *                     JSON file);
 *                     CHAIN_ERROR, VALIDITY_PARSE_ERROR, SUBJECT_PARSE_ERROR, ISSUER_PARSE_ERROR
 *   malformed_cert    PARSE_ERROR, CERT_PARSEABLE=no, LEAF_HASH (base64), ENTRY_FILENAME (leaf_input and
 *                     extra_data as get-entries gives them); WATCH_ITEM when its bytes name a domain
 *   ours              CTVIGIL_ALERT_JSON (file with the object of `ctvigil alert list --json`),
 *                     CTVIGIL_ALERT_ID CTVIGIL_EVENT (new, escalated, seen_again, withdrawn) CTVIGIL_KIND
 *                     CTVIGIL_SEVERITY CTVIGIL_DELIVERY_KEY (the same at every try of a message)
 * CERT_FILENAME is a PEM file with the certificate of CERT_SHA256, without its chain, where it is kept
 * (db.der). SERIAL_PARSE_ERROR is never set, because every serial number is read. The files live as long as
 * the run.
 *
 * Standard input is empty, standard output and error are read and the end of them kept for the delivery's
 * last error. The program runs in a process group of its own; when its time is up the group gets SIGTERM,
 * then SIGKILL. Exit status 0 is success, anything else is tried again later. */
#ifndef CTVIGIL_SEND_EXEC_H
#define CTVIGIL_SEND_EXEC_H

#include "watcher/channel.h"

#define SEND_EXEC_NAME     "hook"
#define SEND_EXEC_NAME_MAX 64

/* `dir`: where the files are made ("" or NULL: $TMPDIR or /tmp). Both texts are copied. ERR_CONFIG: the
 * program can not be run by us. */
MUST_USE enum err_code send_exec_new(const char *program, const char *dir, int64_t timeout_ms,
                                     struct channel **channel, struct err *why);
/* Gives it another name than SEND_EXEC_NAME, shorter than SEND_EXEC_NAME_MAX; copied. */
void send_exec_name(struct channel *channel, const char *name);

#endif
