#include "db/store_rows.h"

#include "base/limits.h"
#include "db/facts.h"

#define OID_INT8_ARRAY 1016

void store_rows_init(struct store_rows *rows)
{
    buf_init(&rows->fp8, LIMIT_COPY_BYTES);
    buf_init(&rows->sha8, LIMIT_COPY_BYTES);
    buf_init(&rows->info, LIMIT_COPY_BYTES);
    copy_init_records(&rows->cert, stage_cert_types);
    copy_init_records(&rows->key, stage_key_types);
    copy_init_records(&rows->ip, stage_ip_types);
}

enum err_code store_rows_session(struct store_rows *rows, struct pgconn *conn, struct err *why)
{
    /* Rows of the staging tables: so the columns are named in one place. */
    static const char sql[] =
        "SELECT 'pg_temp.stage_cert'::regtype::oid::int8, 'pg_temp.stage_cert[]'::regtype::oid::int8,"
        " 'pg_temp.stage_key'::regtype::oid::int8, 'pg_temp.stage_key[]'::regtype::oid::int8,"
        " 'pg_temp.stage_ip'::regtype::oid::int8, 'pg_temp.stage_ip[]'::regtype::oid::int8";
    struct copy *of[] = {&rows->cert, &rows->key, &rows->ip};
    PGresult *res;
    enum err_code code = pgexec_run(conn, sql, &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    for (int i = 0; i < (int)countof(of); i++)
        copy_records_of(of[i], (uint32_t)pgexec_get_int(res, 0, 2 * i),
                        (uint32_t)pgexec_get_int(res, 0, 2 * i + 1));
    PQclear(res);
    return ERR_OK;
}

void store_rows_fini(struct store_rows *rows)
{
    copy_fini(&rows->cert);
    copy_fini(&rows->key);
    copy_fini(&rows->ip);
    buf_fini(&rows->fp8);
    buf_fini(&rows->sha8);
    buf_fini(&rows->info);
}

enum err_code store_rows_certs(struct store_rows *rows, struct stage *stage, struct pgexec_args *args,
                               size_t *staged, struct err *why)
{
    const struct stage_sink sink = {&rows->cert, &rows->key, &rows->ip, 0};
    /* Not all of them get rows, and none may keep those of before. */
    copy_begin(sink.cert, NULL, NULL, why);
    copy_begin(sink.key, NULL, NULL, why);
    copy_begin(sink.ip, NULL, NULL, why);
    enum err_code code = stage_certs(stage, &sink, NULL, staged, why);
    if (code != ERR_OK)
        return code;
    copy_bind(sink.cert, args);
    copy_bind(sink.key, args);
    copy_bind(sink.ip, args);
    return ERR_OK;
}

static void put_place(struct store_rows *rows, const struct entry *entry)
{
    int64_t fp8;
    int64_t sha8;
    uint8_t info[FACTS_INFO_BYTES];
    stage_pack(entry, &fp8, &sha8, info);
    buf_u32(&rows->fp8, 8);
    buf_u64(&rows->fp8, (uint64_t)fp8);
    buf_u32(&rows->sha8, 8);
    buf_u64(&rows->sha8, (uint64_t)sha8);
    buf_put(&rows->info, span_of(info, sizeof info));
}

void store_rows_places(struct store_rows *rows, struct batch *const *batches, size_t count,
                       struct pgexec_args *args)
{
    uint64_t begin = batches[0]->begin;
    uint64_t end = batches[count - 1]->end;
    buf_clear(&rows->fp8);
    buf_clear(&rows->sha8);
    buf_clear(&rows->info);
    copy_put_array(&rows->fp8, COPY_OID_INT8, (size_t)(end - begin));
    copy_put_array(&rows->sha8, COPY_OID_INT8, (size_t)(end - begin));
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < batches[i]->entry_count; k++)
            put_place(rows, &batches[i]->entries[k]);
    must(buf_ok(&rows->fp8) && buf_ok(&rows->sha8) && buf_ok(&rows->info));
    pgexec_int(args, batches[0]->log->id);
    pgexec_int(args, (int64_t)begin);
    pgexec_int(args, (int64_t)end);
    pgexec_binary(args, OID_INT8_ARRAY, buf_span(&rows->fp8));
    pgexec_binary(args, OID_INT8_ARRAY, buf_span(&rows->sha8));
    pgexec_bytes(args, buf_span(&rows->info));
}
