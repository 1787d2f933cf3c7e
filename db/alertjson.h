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
/* {"serial","issuer","issuer_spki_sha256"|null,"issuer_proven","spki_sha256","subject_cn"|null,"not_before",
 * "not_after","validity_seconds","is_ca","names":[],"names_total","ips":[],"findings":[],"form","sha256",
 * "domains_concerned"?}: hex lower case, times RFC 3339. */
void alertjson_issuance(struct buf *out, const struct alert *alert);

#endif
