/* PRIVATE TO db/: holds libpq types. What statements of db_renewal.c and db_renewal_more.c have in common:
 * the columns that db_renewal_get reads, over a "WITH c AS MATERIALIZED (...)" with the columns key,
 * not_before, not_after, tbs_fp, spki_sha256, issuer and names. */
#ifndef CTVIGIL_RENEWALPAGE_H
#define CTVIGIL_RENEWALPAGE_H

#include "db/db_renewal.h"
#include "db/pgexec.h"

struct db_renewal_page {
    PGresult *res;
};

#define RENEWALPAGE_COLUMNS                                                                                  \
    "SELECT c.key, c.not_before, c.not_after, c.tbs_fp,"                                                     \
    " c.spki_sha256, c.names, (SELECT sha256(convert_to(string_agg(d.n, ' ' ORDER BY d.n), 'UTF8'))"         \
    "  FROM (SELECT DISTINCT u.n COLLATE \"C\" AS n FROM unnest(string_to_array(c.names, ' ')) AS u (n)) "   \
    "AS d),"                                                                                                 \
    " coalesce(substring(i.dn_text FROM '(?:^|, )O=((?:[^,\\\\]|\\\\.)*)'), i.dn_text, '')"
#define RENEWALPAGE_JOIN " LEFT JOIN issuer AS i ON i.id = c.issuer"

/* Certificates, and not those of CAs (CERT_IS_CA is the first flag), with no more than $4 bytes of names. */
#define RENEWALPAGE_OWN " AND c.facts & 1 = 0 AND octet_length(c.names) <= $4"

#endif
