/* The JSON texts of an alert row (columns findings and issuance): written in one place, because ingest's
 * commit and the history scan must store the same thing. Hostile bytes are made visible (base/text.h) before
 * they are quoted, so the result is always valid JSON that PostgreSQL takes as jsonb. */
#ifndef CTVIGIL_ALERTJSON_H
#define CTVIGIL_ALERTJSON_H

#include "base/buf.h"
#include "model/alert.h"

#define ALERTJSON_NAMES_MAX 100 /* further names are counted in names_total only */

/* [{"kind","rule","severity","expected","found"}, ...], gravest first. */
void alertjson_findings(struct buf *out, const struct alert *alert);
/* {"serial","issuer","issuer_spki_sha256","issuer_proven","spki_sha256","subject_cn","not_before",
 * "not_after","validity_seconds","is_ca","names":[],"names_total","ips":[],"findings":[],"lint":[],"form",
 * "sha256","domains_concerned"?}: hex lower case, times RFC 3339. What is not known is null, never a default:
 * all of it for an entry that could not be parsed (form "unparsed"), sha256 and lint (what a closer look has
 * against the certificate, parser/lint.h) when the history scan no longer has the bytes. `names` are the DNS
 * names, `ips` the addresses, names_total counts both. */
void alertjson_issuance(struct buf *out, const struct alert *alert);

/* What the alert stands for, the same whoever raises it. Has it a fingerprint that names a certificate? */
bool alertjson_has_fp(const struct alert *alert);
/* Of its sighting: "final", "precert", "poisoned" or "unparsed". */
const char *alertjson_form(const struct alert *alert);
#define ALERTJSON_DEDUP_MAX 512
/* Names an alert that is not about one domain and one issuance (alert.dedup): "malformed:<hash>[:<domain>]"
 * with the fingerprint or the hash of what could not be parsed, or "malformed:<log>:<index>[:<domain>]".
 * "lookalike:<domain>:<registrable domain>" for a look-alike. NULL: domain and tbs_fp name it. */
const char *alertjson_dedup(const struct alert *alert, char out[ALERTJSON_DEDUP_MAX]);

#endif
