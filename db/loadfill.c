#include "db/loadfill.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/limits.h"
#include "db/copy.h"
#include "db/loadsort.h"
#include "db/pgwait.h"

#define COUNTS 4096 /* a power of two */
#define DAY_US INT64_C(86400000000)

struct loadfill {
    struct pgconn *conn;
    const atomic_bool *stop;
    struct err *why;
    enum err_code code;
    struct err first; /* of the rows; what the statement says that was ended for it does not count */
    int64_t closed;
    int64_t lower; /* microseconds, as the server counts them */
    int64_t upper;
    uint64_t salt; /* by which rows are told off to passes: nobody can have them all in one */
    uint64_t pass;
    uint64_t passes;
    bool old; /* what is read is in the leaf */
    int64_t rows;
    struct loadsort sort;
    struct copy copy;
    struct copy counts;
    struct copy olds;
    struct buf scratch;
    struct loadfill_count {
        int32_t issuer;
        int32_t day;
        int64_t n;
    } held[COUNTS];
};

/* What is read of each kind; those of a bucket have $4 and $5, of which the cast tells the type where they
 * are not used. */
static const char run_sql[] =
    "SELECT rows FROM cert_load_run WHERE slot <= $1 AND lower < $3 AND upper >= $2 AND kind = $4::int2 AND "
    "bucket = $5::int2";
static const char *const held_sql[LOADROW_KINDS] = {
    [LOADROW_CERT] = "SELECT * FROM load_held_certs($2, $3, $4, $5) WHERE $1::int8 IS NOT NULL",
    [LOADROW_KEY] = "SELECT * FROM load_held_keys($2, $3, $4, $5) WHERE $1::int8 IS NOT NULL",
    [LOADROW_IP] = "SELECT * FROM load_held_ips($2, $3) WHERE ($1::int8, $4::int8, $5::int8) IS NOT NULL",
};
static const char *const loose_sql[LOADROW_KINDS] = {
    [LOADROW_CERT] =
        "SELECT not_after, not_before, first_seen, apex8, idx, facts, issuer, log, tbs_fp, serial, "
        "spki_sha256, names, cn, findings, others FROM cert_load WHERE slot <= $1 AND not_after >= $2 AND "
        "not_after < $3 AND apex8 >= $4 AND apex8 <= $5",
    [LOADROW_KEY] = "SELECT * FROM load_loose_keys($1, $2, $3, $4, $5)",
    [LOADROW_IP] = "SELECT * FROM load_loose_ips($1, $2, $3) WHERE ($4::int8, $5::int8) IS NOT NULL",
};
/* The tables of a job with one target (sql/0019_partition.sql). Written in the transaction that empties them,
 * their rows are frozen from the beginning. */
static const char *const build_sql[LOADROW_KINDS] = {
    [LOADROW_CERT] = "COPY cert_build_1 (not_after, not_before, first_seen, apex8, idx, facts, issuer, log, "
                     "tbs_fp, serial, "
                     "spki_sha256, names, cn, findings, others) FROM STDIN (FORMAT binary, FREEZE)",
    [LOADROW_KEY] = "COPY cert_apex_build_1 (not_after, not_before, apex8, issuer, tbs_fp) FROM STDIN "
                    "(FORMAT binary, FREEZE)",
    [LOADROW_IP] = "COPY cert_ip_build_1 (not_after, not_before, issuer, tbs_fp, ip) FROM STDIN "
                   "(FORMAT binary, FREEZE)",
};

static bool is_of_pass(const struct loadfill *fill, const uint8_t *fp)
{
    uint64_t word;
    memcpy(&word, fp, sizeof word);
    return fill->passes == 1 || (word * fill->salt >> 32) % fill->passes == fill->pass;
}

static bool take(struct loadfill *fill, struct span bytes)
{
    struct loadrow row;
    if (!loadrow_read(fill->sort.kind, bytes, &row)) {
        (void)err_set(&fill->first, ERR_DB, "database: what a backfill put down is damaged");
        return false;
    }
    if (row.not_after < fill->lower || row.not_after >= fill->upper || !is_of_pass(fill, row.fp))
        return true;
    return loadsort_add(&fill->sort, bytes, &row, fill->old, &fill->first) == ERR_OK;
}

static bool take_value(void *arg, const PGresult *res)
{
    struct span rest = pgexec_get_bytes(res, 0, 0);
    struct span row;
    while (loadrow_next(&rest, &row))
        if (!take(arg, row))
            return false;
    return rest.len == 0 || take(arg, rest);
}

/* A result in binary has the bytes of COPY. */
static bool take_row(void *arg, const PGresult *res)
{
    struct loadfill *fill = arg;
    struct buf *row = &fill->scratch;
    buf_clear(row);
    buf_u16(row, (uint16_t)PQnfields(res));
    for (int i = 0; i < PQnfields(res); i++) {
        bool null = PQgetisnull(res, 0, i) != 0;
        buf_u32(row, null ? UINT32_MAX : (uint32_t)PQgetlength(res, 0, i));
        if (!null)
            buf_put(row, span_of((const uint8_t *)PQgetvalue(res, 0, i), (size_t)PQgetlength(res, 0, i)));
    }
    if (buf_ok(row))
        return take(fill, buf_span(row));
    (void)err_set(&fill->first, ERR_TOO_BIG, "database: a row is larger than %u bytes", LIMIT_COPY_BYTES);
    return false;
}

static void add_edge(struct pgexec_args *args, int64_t edge, uint8_t room[8])
{
    for (unsigned i = 0; i < 8; i++)
        room[i] = (uint8_t)((uint64_t)edge >> (56 - 8 * i));
    pgexec_binary(args, COPY_OID_TIME, span_of(room, 8));
}

static void read_rows(struct loadfill *fill, const char *sql, int64_t first, int64_t last, pgwait_each *each)
{
    uint8_t edges[2][8];
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct err answer = {0};
    if (fill->code != ERR_OK)
        return;
    pgexec_int(&args, fill->closed);
    add_edge(&args, fill->lower, edges[0]);
    add_edge(&args, fill->upper, edges[1]);
    pgexec_int(&args, first);
    pgexec_int(&args, last);
    /* Where the server still sends it is cancelled, and says so. */
    (void)!pgwait_rows(fill->conn, sql, &args, fill->stop, each, fill, &answer);
    const struct err *told = fill->first.code != ERR_OK ? &fill->first : &answer;
    if (told->code != ERR_OK)
        fill->code = err_set(fill->why, told->code, "%s", told->text);
}

static void put_count(struct loadfill *fill, const struct loadfill_count *count)
{
    if (count->n == 0)
        return;
    copy_row(&fill->counts, 3);
    copy_int4(&fill->counts, count->issuer);
    copy_int4(&fill->counts, count->day);
    copy_int8(&fill->counts, count->n);
}

/* What has its place taken is written, and begins again. */
static void count(struct loadfill *fill, const struct loadsort_item *item)
{
    int64_t day = item->not_before / DAY_US - (item->not_before % DAY_US < 0);
    uint32_t mixed = ((uint32_t)item->issuer * 2654435761u) ^ ((uint32_t)day * 40503u);
    struct loadfill_count *held = &fill->held[mixed & (COUNTS - 1)];
    if (held->n != 0 && (held->issuer != item->issuer || held->day != (int32_t)day)) {
        put_count(fill, held);
        held->n = 0;
    }
    *held = (struct loadfill_count){item->issuer, (int32_t)day, held->n + 1};
}

/* What was gathered without a connection. */
static void send(struct loadfill *fill, struct copy *gathered, const char *sql)
{
    enum err_code code = copy_end(gathered);
    if (code == ERR_OK && !buf_ok(&gathered->buf))
        code = err_set(fill->why, ERR_TOO_BIG, "database: more than %u bytes of counts", LIMIT_COPY_BYTES);
    if (code == ERR_OK)
        code = pgexec_copy_begin(fill->conn, sql, fill->why);
    if (code == ERR_OK)
        code = pgexec_copy_put(fill->conn, buf_span(&gathered->buf), fill->why);
    if (code == ERR_OK)
        code = pgexec_copy_end(fill->conn, NULL, fill->why);
    fill->code = code;
}

static void count_all(struct loadfill *fill)
{
    const struct loadsort *sort = &fill->sort;
    bool olds = false;
    copy_begin(&fill->counts, NULL, NULL, fill->why);
    copy_begin(&fill->olds, NULL, NULL, fill->why);
    memset(fill->held, 0, sizeof fill->held);
    for (size_t i = 0; i < sort->count; i++) {
        if (!sort->items[i].old) {
            count(fill, &sort->items[i]);
            continue;
        }
        olds = true;
        copy_row(&fill->olds, 2);
        copy_bytes(&fill->olds, span_of(sort->items[i].fp, 32));
        copy_int4(&fill->olds, sort->items[i].issuer);
    }
    for (size_t i = 0; i < COUNTS; i++)
        put_count(fill, &fill->held[i]);
    fill->rows += (int64_t)sort->count;
    send(fill, &fill->counts, "COPY load_count (issuer, day, n) FROM STDIN (FORMAT binary)");
    if (olds && fill->code == ERR_OK)
        send(fill, &fill->olds, "COPY load_old (tbs_fp, issuer) FROM STDIN (FORMAT binary)");
}

static void write_rows(struct loadfill *fill)
{
    const struct loadsort *sort = &fill->sort;
    if (fill->code != ERR_OK || sort->count == 0)
        return;
    copy_begin(&fill->copy, fill->conn, build_sql[sort->kind], fill->why);
    for (size_t i = 0; i < sort->count; i++)
        copy_raw(&fill->copy, span_of(sort->items[i].at, sort->items[i].len));
    fill->code = copy_end(&fill->copy);
    if (fill->code == ERR_OK && sort->kind == LOADROW_CERT)
        count_all(fill);
}

/* `res`: load_sizes. */
static void fill_bucket(struct loadfill *fill, const PGresult *res, int row)
{
    enum loadrow_kind kind = (enum loadrow_kind)pgexec_get_int(res, row, 0);
    int64_t bucket = pgexec_get_int(res, row, 1);
    int64_t first = loadrow_first((unsigned)bucket);
    int64_t bytes = pgexec_get_int(res, row, 2);
    fill->passes = 1 + (uint64_t)bytes / LIMIT_LOAD_SORT;
    for (fill->pass = 0; bytes != 0 && fill->pass < fill->passes && fill->code == ERR_OK; fill->pass++) {
        loadsort_begin(&fill->sort, kind);
        fill->old = pgexec_get_bool(res, row, 3);
        if (fill->old && (kind != LOADROW_IP || bucket == 0))
            read_rows(fill, held_sql[kind], first, first + LOADROW_BUCKET_MAX, take_row);
        fill->old = false;
        if (pgexec_get_bool(res, row, 4) && (kind != LOADROW_IP || bucket == 0))
            read_rows(fill, loose_sql[kind], first, first + LOADROW_BUCKET_MAX, take_row);
        read_rows(fill, run_sql, (int64_t)kind, bucket, take_value);
        loadsort_order(&fill->sort);
        write_rows(fill);
    }
}

static void fill_all(struct loadfill *fill)
{
    static const char sql[] = "SELECT kind, bucket, bytes, held, loose FROM load_sizes($1, $2, $3)";
    uint8_t edges[2][8];
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    pgexec_int(&args, fill->closed);
    add_edge(&args, fill->lower, edges[0]);
    add_edge(&args, fill->upper, edges[1]);
    fill->code = pgwait_run(fill->conn, sql, &args, fill->stop, &res, fill->why);
    if (fill->code != ERR_OK)
        return;
    for (int i = 0; i < PQntuples(res); i++)
        fill_bucket(fill, res, i);
    PQclear(res);
}

static enum err_code take_job(struct loadfill *fill)
{
    static const char sql[] = "SELECT edges[1], edges[2] FROM partition_job WHERE kind = 'load' AND step = "
                              "'begun' FOR UPDATE";
    PGresult *res;
    enum err_code code = pgexec_run(fill->conn, sql, &PGEXEC_NO_ARGS, &res, fill->why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) != 1) {
        code = err_set(fill->why, ERR_DB_CONFLICT, "database: somebody ended the job of the partition");
    } else {
        fill->lower = pgexec_get_int(res, 0, 0);
        fill->upper = pgexec_get_int(res, 0, 1);
    }
    PQclear(res);
    return code == ERR_OK
               ? pgexec_do(fill->conn,
                           "TRUNCATE load_count, load_old, cert_build_1, cert_apex_build_1, cert_ip_build_1",
                           &PGEXEC_NO_ARGS, NULL, fill->why)
               : code;
}

static enum err_code fill_job(struct loadfill *fill)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    fill->code = pgexec_begin(fill->conn, fill->why);
    if (fill->code != ERR_OK)
        return fill->code;
    fill->code = take_job(fill);
    if (fill->code == ERR_OK)
        fill_all(fill);
    pgexec_int(&args, fill->rows);
    if (fill->code == ERR_OK)
        fill->code =
            pgexec_do(fill->conn, "UPDATE partition_job SET step = 'filled', step_at = now(), rows = $1",
                      &args, NULL, fill->why);
    if (fill->code == ERR_OK)
        return pgexec_commit(fill->conn, fill->why);
    pgexec_rollback(fill->conn);
    return fill->code;
}

enum err_code loadfill_run(struct pgconn *conn, int64_t closed, const atomic_bool *stop, struct err *why)
{
    struct loadfill *fill = calloc(1, sizeof *fill);
    if (fill == NULL || getrandom(&fill->salt, sizeof fill->salt, 0) != sizeof fill->salt) {
        free(fill);
        return err_set(why, ERR_MEMORY, "database: no memory for a partition");
    }
    fill->salt |= 1;
    fill->conn = conn;
    fill->stop = stop;
    fill->why = why;
    fill->closed = closed;
    loadsort_init(&fill->sort);
    copy_init(&fill->copy);
    copy_init(&fill->counts);
    copy_init(&fill->olds);
    buf_init(&fill->scratch, LIMIT_COPY_BYTES);
    enum err_code code = fill_job(fill);
    loadsort_fini(&fill->sort);
    copy_fini(&fill->copy);
    copy_fini(&fill->counts);
    copy_fini(&fill->olds);
    buf_fini(&fill->scratch);
    free(fill);
    return code;
}
