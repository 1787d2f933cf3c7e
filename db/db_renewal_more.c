#include "db/db_renewal_more.h"

#include <stdlib.h>

#include "base/limits.h"
#include "db/copy.h"
#include "db/dbkey.h"
#include "db/renewalpage.h"

#define CERT "0::int8 AS key, c.not_before, c.not_after, c.tbs_fp, c.spki_sha256, c.issuer"
#define HITS(most)                                                                                           \
    "WITH h AS MATERIALIZED (SELECT * FROM (SELECT p.not_after, p.tbs_fp FROM pair_look AS p"                \
    "  WHERE p.domain = $1 AND p.not_after >= $2"                                                            \
    "  UNION SELECT (a.issuance->>'not_after')::timestamptz, a.tbs_fp FROM alert AS a"                       \
    "  WHERE a.domain = $1 AND a.dedup LIKE 'expiry:%' AND a.state <> 'closed' AND a.tbs_fp IS NOT NULL"     \
    "  AND a.issuance->>'not_after' IS NOT NULL) AS u" most "),"                                             \
    " c AS MATERIALIZED (SELECT " CERT ", ltrim(c.names"
#define WORDS                                                                                                \
    " || coalesce((SELECT string_agg(' ' || chr(1) || o.word, '') FROM unnest(string_to_array(c.others, ' "  \
    "'))"                                                                                                    \
    "  AS o (word) WHERE o.word LIKE 'email:%' OR o.word LIKE 'uri:%'), '')) AS names"                       \
    " FROM h JOIN cert AS c ON c.not_after = h.not_after AND c.tbs_fp = h.tbs_fp WHERE true" RENEWALPAGE_OWN
#define IPS                                                                                                  \
    " || coalesce((SELECT string_agg(' ' || chr(1) || 'ip:' || host(p.ip), '' ORDER BY p.ip)"                \
    "  FROM cert_ip AS p WHERE p.not_after = c.not_after AND p.tbs_fp = c.tbs_fp"                            \
    "  AND p.issuer = c.issuer), '')"
#define SPREAD_IPS                                                                                           \
    " || coalesce((SELECT string_agg(' ' || chr(1) || 'ip:' || q.ip, '')"                                    \
    "  FROM unnest(string_to_array(c.ips, ' ')) AS q (ip)), '')"
#define LAST " ORDER BY not_after DESC LIMIT $3::int8"
#define ALL  ") " RENEWALPAGE_COLUMNS " FROM c" RENEWALPAGE_JOIN

static const char *const hits_sql[] = {HITS(LAST) IPS WORDS ALL, HITS(LAST) SPREAD_IPS WORDS ALL};

static enum err_code take(struct pgconn *conn, const char *sql, const struct pgexec_args *args, size_t most,
                          struct db_renewal_page **page, bool *full, struct err *why)
{
    PGresult *res = NULL;
    enum err_code code = pgexec_run(conn, sql, args, &res, why);
    if (code != ERR_OK)
        return code;
    *page = calloc(1, sizeof **page);
    must(*page != NULL);
    (*page)->res = res;
    *full = (size_t)PQntuples(res) >= most;
    return ERR_OK;
}

enum err_code db_renewal_more_hits(struct pgconn *conn, int64_t domain_id, int64_t since, size_t most,
                                   struct db_renewal_page **page, bool *full, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    *page = NULL;
    pgexec_int(&args, domain_id);
    pgexec_time(&args, since * 1000);
    pgexec_int(&args, (int64_t)most);
    pgexec_int(&args, LIMIT_EXPIRY_NAMES);
    return take(conn, hits_sql[conn->spread], &args, most, page, full, why);
}

#define OF_KEY                                                                                               \
    " AS key, c.not_before, c.not_after, c.tbs_fp, c.spki_sha256, c.issuer, c.names FROM cert AS c WHERE"    \
    " c.apex8 = $1 AND c.not_after >= $2" RENEWALPAGE_OWN
#define FURTHER                                                                                              \
    " UNION ALL SELECT $1, c.not_before, c.not_after, c.tbs_fp, c.spki_sha256, c.issuer, c.names"            \
    " FROM cert_apex AS "
#define LAST_ONES    3 /* of a name: the best one, and what a doubt about it leaves */
#define STRINGIFY(x) #x
#define STRING_OF(x) STRINGIFY(x)
/* $5, $6: from when to when; $7: the domain in stored form, or empty: all names count; $8: doubted ones. A
 * name whose last one is safe is passed over; wildcards above the others come along. So does the last one of
 * each further name of those: that name would seem to run out with them. */
#define NARROW                                                                                               \
    "), n AS MATERIALIZED (SELECT u.n, c.not_after, c.tbs_fp, c.issuer, row_number() OVER (PARTITION BY u.n" \
    "  ORDER BY c.tbs_fp = ANY ($8::bytea[]), c.not_after DESC, c.tbs_fp) AS place"                          \
    "  FROM c CROSS JOIN LATERAL unnest(string_to_array(c.names, ' ')) AS u (n)"                             \
    "  WHERE $7::text = '' OR u.n = $7::text OR starts_with(u.n, $7::text || '.')),"                         \
    " open AS MATERIALIZED (SELECT a.tbs_fp FROM alert AS a"                                                 \
    "  WHERE a.dedup LIKE 'expiry:%' AND a.state <> 'closed'),"                                              \
    " risk AS MATERIALIZED (SELECT n.n FROM n WHERE n.place = 1 AND n.not_after BETWEEN $5 AND $6"           \
    "  UNION SELECT n.n FROM n WHERE n.tbs_fp IN (SELECT tbs_fp FROM open)),"                                \
    " due AS MATERIALIZED (SELECT DISTINCT n.not_after, n.tbs_fp, n.issuer FROM n"                           \
    "  WHERE (n.place <= " STRING_OF(                                                                        \
        LAST_ONES) " OR n.tbs_fp IN (SELECT tbs_fp FROM open))"                                              \
                   "  AND (n.n IN (SELECT n FROM risk) OR n.n IN (SELECT regexp_replace(n, '[^.]*$', '*') "  \
                   "FROM risk))"                                                                             \
                   "  ORDER BY n.not_after LIMIT $3::int8),"                                                 \
                   " beside AS MATERIALIZED (SELECT DISTINCT n.n FROM due JOIN n USING (not_after, tbs_fp,"  \
                   "  issuer)),"                                                                             \
                   " kept AS MATERIALIZED (SELECT * FROM due UNION (SELECT n.not_after, n.tbs_fp, n.issuer"  \
                   "  FROM n WHERE n.place = 1 AND (n.n IN (SELECT n FROM beside)"                           \
                   "  OR n.n IN (SELECT regexp_replace(n, '[^.]*$', '*') FROM beside)) LIMIT "               \
                   "$3::int8)) " RENEWALPAGE_COLUMNS                                                         \
                   " FROM kept JOIN c USING (not_after, tbs_fp, issuer)" RENEWALPAGE_JOIN

/* Those of a key. */
#define KEYED                                                                                                \
    "WITH c AS MATERIALIZED (SELECT $1::int8" OF_KEY                                                         \
    " AND c.not_after < (SELECT upper FROM cert_span)" FURTHER                                               \
    "a JOIN cert AS c ON c.not_after = a.not_after AND c.tbs_fp = a.tbs_fp AND c.issuer ="                   \
    " a.issuer WHERE a.apex8 = $1 AND a.not_after >= $2" RENEWALPAGE_OWN
#define SPREAD_KEYED                                                                                         \
    "WITH c AS MATERIALIZED (SELECT $1::int8" OF_KEY FURTHER                                                 \
    "c WHERE c.apex8 = $1 AND c.not_after >= $2" RENEWALPAGE_OWN
#define PAGE                                                                                                 \
    "), p AS MATERIALIZED (SELECT * FROM c WHERE (c.not_after, c.tbs_fp) > ($2, $5::bytea)"                  \
    "  ORDER BY c.not_after, c.tbs_fp LIMIT $3::int8) " RENEWALPAGE_COLUMNS " FROM p AS c" RENEWALPAGE_JOIN  \
    " ORDER BY c.not_after, c.tbs_fp"

static const char *const narrow_sql[] = {KEYED NARROW, SPREAD_KEYED NARROW};
static const char *const narrow_hits_sql[] = {HITS("") IPS WORDS NARROW, HITS("") SPREAD_IPS WORDS NARROW};
static const char *const page_sql[] = {KEYED PAGE, SPREAD_KEYED PAGE};
static const char *const page_hits_sql[] = {HITS("") IPS WORDS PAGE, HITS("") SPREAD_IPS WORDS PAGE};

enum err_code db_renewal_more_narrow(struct pgconn *conn, const struct db_renewal_more_narrow *what,
                                     size_t most, struct db_renewal_page **page, bool *full, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct buf apex;
    struct buf doubts;
    size_t count = what->doubt_count < LIMIT_EXPIRY_ROWS ? what->doubt_count : LIMIT_EXPIRY_ROWS;
    *page = NULL;
    buf_init(&apex, 8 * what->apex.len + 16);
    dbkey_put_name(&apex, what->apex);
    buf_init(&doubts, 20 + 36 * count);
    copy_put_array(&doubts, COPY_OID_BYTEA, count);
    for (size_t i = 0; i < count; i++)
        copy_put_element(&doubts, span_of(what->doubts[i].tbs_fp, 32));
    must(buf_ok(&apex) && buf_ok(&doubts));
    pgexec_int(&args, what->domain_id != 0 ? what->domain_id : what->key);
    pgexec_time(&args, what->since * 1000);
    pgexec_int(&args, (int64_t)most);
    pgexec_int(&args, LIMIT_EXPIRY_NAMES);
    pgexec_time(&args, what->over * 1000);
    pgexec_time(&args, what->until * 1000);
    pgexec_text(&args, buf_text(&apex));
    pgexec_binary(&args, COPY_OID_BYTEA_ARRAY, buf_span(&doubts));
    const char *const *sql = what->domain_id != 0 ? narrow_hits_sql : narrow_sql;
    enum err_code code = take(conn, sql[conn->spread], &args, most, page, full, why);
    buf_fini(&apex);
    buf_fini(&doubts);
    return code;
}

enum err_code db_renewal_more_page(struct pgconn *conn, const struct db_renewal_more_narrow *what,
                                   const struct db_renewal_more_place *after, size_t most,
                                   struct db_renewal_page **page, bool *full, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    const char *const *sql = what->domain_id != 0 ? page_hits_sql : page_sql;
    *page = NULL;
    pgexec_int(&args, what->domain_id != 0 ? what->domain_id : what->key);
    pgexec_time(&args, after->not_after * 1000);
    pgexec_int(&args, (int64_t)most);
    pgexec_int(&args, LIMIT_EXPIRY_NAMES);
    pgexec_bytes(&args, span_of(after->tbs_fp, 32));
    return take(conn, sql[conn->spread], &args, most, page, full, why);
}
