/* One alert as receivers and people get it: a JSON object, a line of text, a page of text. All bytes from
 * outside were made visible when the alert was stored; here they are only quoted. */
#ifndef CTVIGIL_MESSAGE_H
#define CTVIGIL_MESSAGE_H

#include "db/db_alert.h"

/* The object of `ctvigil alert list --json` without line feed: "schema":"ctvigil.alert.1", id, kind,
 * severity, domain, with its owner and tags, log, name, tbs_fp, meaning, why, action (model/advice.h),
 * findings, sightings, first_seen, state, event, reason, history, evidence, accounts, issuance; with
 * `deliveries` when asked for. The caller frees it. */
MUST_USE enum err_code message_json(const struct db_alert_row *row, bool deliveries, char **json,
                                    struct err *why);

/* certspotter's JSON of a discovered certificate: tbs_sha256, pubkey_sha256, dns_names, ip_addresses,
 * not_before, not_after. ERR_NOT_FOUND when the alert is not about a certificate. */
MUST_USE enum err_code message_certspotter(const struct db_alert_row *row, char **json, struct err *why);

/* The entry of an alert about what could not be parsed, as RFC 6962 get-entries gives it: leaf_input and
 * extra_data. ERR_NOT_FOUND when its bytes are not at hand. */
MUST_USE enum err_code message_entry(const struct db_alert_row *row, char **json, struct err *why);

/* The certificate of the alert as PEM (RFC 7468), with its line feeds. ERR_NOT_FOUND when it is not kept. */
MUST_USE enum err_code message_pem(const struct db_alert_row *row, char **text, struct err *why);

/* "[high] unexpected_ca for example.com: www.example.com was issued by CN=..., expected ..."; one line, no
 * line feed. One that was told before begins with what is new: "graver than before: ", "seen again: ",
 * "withdrawn: ". */
MUST_USE enum err_code message_line(const struct db_alert_row *row, char **text, struct err *why);

/* Everything, for a person: the line, each finding with both values, the certificate, where it was seen. */
MUST_USE enum err_code message_page(const struct db_alert_row *row, char **text, struct err *why);

/* Is the finding (model/finding.def, lower case) among those of the stored issuance? */
bool message_has_finding(const struct db_alert_row *row, const char *finding);

/* A member of the stored issuance as text ("" when absent); numbers in decimal. Lives in `out`. */
const char *message_issuance(const struct db_alert_row *row, const char *member, char *out, size_t out_cap);

#endif
