/* PRIVATE TO db/: holds libpq types. One row of cert with what belongs to it, as queries select it and
 * readers want it: an issuance and its sightings. */
#ifndef CTVIGIL_CERTROW_H
#define CTVIGIL_CERTROW_H

#include "base/arena.h"
#include "base/buf.h"
#include "db/pgexec.h"
#include "model/issuance.h"

/* Select list and joins over "cert AS c". */
#define CERTROW_COLUMNS CERTROW_COLUMNS_IN("")
/* `within`: a further condition on not_after, " AND not_after ...", that keeps the leaves few which are
 * opened. */
#define CERTROW_COLUMNS_IN(within)                                                                           \
    CERTROW_COLUMNS_WITH(                                                                                    \
        within,                                                                                              \
        "(SELECT string_agg(k.log || ' ' || k.idx, ' ') FROM cert AS k"                                      \
        " WHERE k.not_after = c.not_after AND k.tbs_fp = c.tbs_fp AND k.issuer <> c.issuer" within ")")
/* Without the twins: for who asks for no sightings, or knows that there are none. */
#define CERTROW_COLUMNS_BRIEF(within) CERTROW_COLUMNS_WITH(within, "NULL::text")
#define CERTROW_COLUMNS_WITH(within, twins)                                                                  \
    CERTROW_COLUMNS_OF(                                                                                      \
        "(SELECT string_agg(host(p.ip), ' ' ORDER BY p.ip) FROM cert_ip AS p"                                \
        "  WHERE p.not_after = c.not_after AND p.tbs_fp = c.tbs_fp AND p.issuer = c.issuer" within ")",      \
        twins)
/* Nothing but the row itself and its issuer: whole where FACTS_NO_IPS is set and there is no twin. */
#define CERTROW_COLUMNS_ROW CERTROW_COLUMNS_OF("NULL::text", "NULL::text")
#define CERTROW_COLUMNS_OF(ips, twins)                                                                       \
    "c.not_after, c.not_before, c.first_seen, c.apex8, c.idx, c.facts, c.issuer, c.log, c.tbs_fp, c.serial," \
    " c.spki_sha256, c.names, c.cn, c.findings, i.spki_sha256, i.dn, i.dn_text, " ips ", " twins             \
    ", c.others"
/* The same of a spread database (db/spread.h), over a "WITH c AS (SELECT " CERTROW_SPREAD("k", "cert") " FROM
 * cert AS k ...)": on the shards what a row and its twins hold, and the rest where issuer is. */
#define CERTROW_SPREAD(k, table)                                                                             \
    k ".not_after, " k ".not_before, " k ".first_seen, " k ".apex8, " k ".idx, " k ".facts, " k              \
      ".issuer, " k ".log, " k ".tbs_fp, " k ".serial, " k ".spki_sha256, " k ".names, " k ".cn, " k         \
      ".findings, " k ".others, " k ".ips, (SELECT string_agg(t.log || ' ' || t.idx, ' ') FROM " table       \
      " AS t WHERE"                                                                                          \
      " t.apex8 = " k ".apex8 AND t.not_after = " k ".not_after AND t.tbs_fp = " k ".tbs_fp"                 \
      " AND t.issuer <> " k ".issuer) AS twins"
#define CERTROW_SPREAD_COLUMNS                                                                               \
    "c.not_after, c.not_before, c.first_seen, c.apex8, c.idx, c.facts, c.issuer, c.log, c.tbs_fp, c.serial," \
    " c.spki_sha256, c.names, c.cn, c.findings, i.spki_sha256, i.dn, i.dn_text, c.ips, c.twins, c.others"
#define CERTROW_COLUMN_COUNT 20
#define CERTROW_COLUMN_FACTS 5
#define CERTROW_COLUMN_FP    8 /* tbs_fp */
#define CERTROW_JOINS        " LEFT JOIN issuer AS i ON i.id = c.issuer"
/* For few rows: a plan that does not know how few reads all issuers. */
#define CERTROW_JOINS_FEW                                                                                    \
    " LEFT JOIN LATERAL (SELECT * FROM issuer AS x WHERE x.id = c.issuer OFFSET 0) AS i ON true"

struct certrow {
    struct issuance issuance; /* spans into the result and the arena */
    int64_t not_before_ms;
    int64_t not_after_ms;
    int64_t first_seen_ms;
    int32_t issuer_id;
    int32_t log_id; /* first sighting that was stored */
    uint64_t index;
    struct span issuer_text;
    struct span twins; /* first places of the same TBS under other issuer keys: "LOG INDEX LOG INDEX" */
};

/* Reads row `row`, whose columns from `col` on are CERTROW_COLUMNS. Names and addresses are made in `arena`;
 * ERR_MEMORY when it is full, ERR_DB when the row is not what we store. */
MUST_USE enum err_code certrow_get(const PGresult *res, int row, int col, struct arena *arena,
                                   struct certrow *out, struct err *why);

/* All sightings of a set of issuances, found by the first 8 bytes of tbs_fp and checked against not_after. */
struct certrow_sightings {
    PGresult *res;
};

#define CERTROW_SET_MAX 512

/* The statement for them; its argument is an array of at most so many keys (pgexec_int_array). */
extern const char certrow_sightings_sql[];
/* The same without sha256, which is all zeros then: for rows that have no twin. Not in a spread database. */
extern const char certrow_forms_sql[];
/* The keys are those that a statement of the same transaction has left: a CERTROW_LEAVE(from) in it, as a
 * column; of `from` the column tbs_fp. None, where it gave no row. */
extern const char certrow_forms_left_sql[];
#define CERTROW_LEFT "ctvigil.fp8"
#define CERTROW_LEAVE(from)                                                                                  \
    "(SELECT set_config('" CERTROW_LEFT "', array_agg(('x' || encode(substring(z.tbs_fp FOR 8),"             \
    " 'hex'))::bit(64)::int8)::text, true) FROM " from " AS z)"
MUST_USE enum err_code certrow_sightings_load(struct pgconn *conn, const int64_t *fp8, size_t count,
                                              struct certrow_sightings *sightings, struct err *why);
struct certrow_seen {
    struct sighting *at; /* by timestamp; only the first 8 bytes of sha256 are known, the others are zero */
    size_t count;
    size_t unassigned; /* of the same TBS, and nobody recorded under which of several issuer keys */
};

/* Those of one issuance, into `arena`; none is possible: a writer stores tiles and rows at once, but
 * retention may have taken the tile. A tile does not say which issuer a place was claimed for. So where the
 * same TBS has rows under several keys, a row has the place where it was first seen and those that show the
 * same bytes, if no other row was first seen with these. */
MUST_USE enum err_code certrow_sightings_of(const struct certrow_sightings *sightings,
                                            const struct certrow *row, struct arena *arena,
                                            struct certrow_seen *seen, struct err *why);
void certrow_sightings_free(struct certrow_sightings *sightings);

#endif
