/* The coverage ledger as `log status` and `domain list` show it. */
#ifndef CTVIGIL_COVERVIEW_H
#define CTVIGIL_COVERVIEW_H

#include <jansson.h>

#include "db/db_coverage.h"
#include "db/db_log.h"

struct coverview_parts {
    struct db_coverage_part *parts; /* by log, then index */
    size_t count;
};

/* Array of the stretches of one log: {state, begin, end, entries, time_begin, time_end, thin}. */
json_t *coverview_log_json(const struct coverview_parts *parts, int32_t log_id);
/* Of these the ones that were matched and not stored, because the disk was nearly full, or damaged since:
 * {begin, end}. */
json_t *coverview_not_stored_json(const struct coverview_parts *parts, int32_t log_id);
/* Lines for people under a log of `log status`: what of it was not read, beside the backlog, which has a
 * column: what the ranges of `row` that are being read have still to come to. */
void coverview_log(const struct coverview_parts *parts, const struct db_log_status *row);

/* What is promised of all domains, and why not more: made once, shown for each. */
struct coverview {
    struct db_coverage_claim claim;
    json_t *gaps; /* [{reason, operator, log, begin, end, time_begin, time_end, why}] */
};

MUST_USE enum err_code coverview_load(struct pgconn *conn, struct coverview *view, struct err *why);
void coverview_free(struct coverview *view);
/* Adds basis, complete_since, complete_until, their unverified_ twins, left_out and incomplete[] to a domain.
 * `pending`: not all that is stored was matched for this one, so nothing is promised. */
void coverview_domain_json(const struct coverview *view, bool pending, json_t *object);
/* Afterwards, for a domain of whose history `entries` lack, read until thin_until_ms (db.store: watched):
 * what is promised begins there, and incomplete[] says so. Nothing to do when entries is 0. */
void coverview_domain_thin(const struct coverview *view, uint64_t entries, int64_t thin_until_ms,
                           json_t *object);
/* Both of these for a domain that was matched just now, read from the database: `once` (zeroed at first, to
 * be freed) for all domains of one command. What can not be read is left out and said on standard error: the
 * domain is registered all the same. */
void coverview_matched_json(struct pgconn *conn, struct coverview *once, int64_t domain, json_t *object);
/* The lines behind the table of domains, read the same way, with the claim of that domain; 0: with what holds
 * for every registered one. */
void coverview_matched(struct pgconn *conn, int64_t domain);
/* The lines behind the table of domains. */
void coverview_domains(const struct coverview *view);

#endif
