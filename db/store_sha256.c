#include "db/store_sha256.h"

#include "db/spread.h"

bool store_sha256_init(struct copy *hashes)
{
    static const uint32_t types[] = {COPY_OID_BYTEA, COPY_OID_INT4, COPY_OID_TIME,
                                     COPY_OID_BYTEA, COPY_OID_INT8, 0};
    return copy_init_columns(hashes, types);
}

/* What is not changed is left out beforehand: ON CONFLICT would lock it. */
#define WRITE_SQL(given)                                                                                     \
    "INSERT INTO cert_sha256 AS h (tbs_fp, issuer, not_after, sha256, precert)"                              \
    " SELECT DISTINCT ON (s.tbs_fp, s.issuer) s.tbs_fp, s.issuer, s.not_after, s.sha256, s.precert <> 0"     \
    " FROM " given " WHERE NOT EXISTS (SELECT FROM cert_sha256 AS o WHERE o.tbs_fp = s.tbs_fp"               \
    "  AND o.issuer = s.issuer AND (NOT o.precert OR s.precert <> 0))"                                       \
    " ORDER BY s.tbs_fp, s.issuer, s.precert, s.sha256"                                                      \
    " ON CONFLICT (tbs_fp, issuer) DO UPDATE SET sha256 = excluded.sha256, precert = false"                  \
    " WHERE h.precert AND NOT excluded.precert"
#define GIVEN                                                                                                \
    "unnest($1::bytea[], $2::int4[], $3::timestamptz[], $4::bytea[], $5::int8[])"                            \
    " AS s (tbs_fp, issuer, not_after, sha256, precert)"

enum err_code store_sha256_write(struct pgstore *pg, struct err *why)
{
    static const char sql[] = WRITE_SQL(GIVEN);
    static const char stage_sql[] =
        "INSERT INTO stage_sha256 (tbs_fp, issuer, not_after, sha256, precert) SELECT * FROM " GIVEN;
    struct derput *put = &pg->keep.put;
    struct copy *hashes = &pg->keep.hashes;
    struct pgexec_args args = PGEXEC_NO_ARGS;
    if (put->count == 0)
        return ERR_OK;
    copy_begin(hashes, NULL, NULL, why);
    for (size_t i = 0; i < put->count; i++) {
        const struct entry *entry = put->forms[i].of;
        must(entry != NULL);
        int32_t issuer = issuer_ids_find(pg->issuers, &entry->issuance);
        must(issuer != 0); /* stage_collect has seen to it */
        copy_row(hashes, 5);
        copy_bytes(hashes, span_of(entry->issuance.tbs_fp, sizeof entry->issuance.tbs_fp));
        copy_int4(hashes, issuer);
        copy_time(hashes, entry->issuance.not_after * 1000);
        copy_bytes(hashes, span_of(put->forms[i].sha256, 32));
        copy_int8(hashes, entry->sighting.form != ISSUANCE_FINAL);
    }
    enum err_code code = copy_end(hashes);
    if (code != ERR_OK)
        return code;
    copy_bind(hashes, &args);
    return pgexec_do(pg->conn, pg->repair.open ? stage_sql : sql, &args, NULL, why);
}

enum err_code store_sha256_staged(struct pgstore *pg, struct err *why)
{
    static const char sql[] = "DELETE FROM cert_sha256 AS h USING stage_entry AS e WHERE e.old_sha8 <> e.sha8"
                              " AND substring(h.sha256 FOR 8) = int8send(e.old_sha8)"
                              " AND NOT EXISTS (SELECT FROM ct.by_sha8(ARRAY[e.old_sha8]))";
    enum err_code code =
        pgexec_do(pg->conn, pg->conn->spread ? spread_hashes_sql : sql, &PGEXEC_NO_ARGS, NULL, why);
    if (code != ERR_OK)
        return code;
    return pgexec_do(pg->conn, WRITE_SQL("stage_sha256 AS s"), &PGEXEC_NO_ARGS, NULL, why);
}
