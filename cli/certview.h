/* A parsed certificate as programs see it: the JSON object of `ctvigil cert --json`; people see
 * cli/certhuman.h. The spelling of the fields is a contract (serial: signed hex without leading zeros; times:
 * Unix seconds; names: the raw bytes as Latin-1; ip: hex of the octets; exts: OIDs in order, "!" for
 * critical). What could not be read is null or missing from its list, and a finding says so. */
#ifndef CTVIGIL_CERTVIEW_H
#define CTVIGIL_CERTVIEW_H

#include <jansson.h>

#include "cli/certplace.h"
#include "model/cert.h"
#include "model/entry.h"

struct certview {
    const struct cert *cert;
    const struct issuance *issuance;
    const uint8_t *sha256;         /* of the certificate; NULL when there is none (bare TBS) */
    const struct entry *entry;     /* the log entry it came from; NULL for a file */
    const struct certplace *place; /* where it stood; NULL: not said */
};

/* All findings: those of reading, which `issuance` has, and those of the closer look (parser/lint.h). */
void certview_findings(const struct certview *view, struct finding_set *all);
/* A new object, owned by the caller; "schema" comes first. */
json_t *certview_json(const struct certview *view);

/* Which times of the validity could be read: the extremes that stand for those that could not may also be
 * written in a certificate. */
struct certview_times {
    bool before;
    bool after;
};
struct certview_times certview_times(const struct cert *cert);

#endif
