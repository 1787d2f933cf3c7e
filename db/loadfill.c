#include "db/loadfill.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/limits.h"
#include "db/copy.h"
#include "db/loadsort.h"
#include "db/pgwait.h"

#define COUNTS       4096 /* a power of two */
#define GATHER_BYTES ((size_t)4 << 20)
#define DAY_US       INT64_C(86400000000)

struct loadfill {
    struct pgconn *conn;
    struct loadfill_how how;
    struct err *why;
    enum err_code code;
    struct err first; /* of the rows; what the statement says that was ended for it does not count */
    int64_t lower;    /* microseconds, as the server counts them */
    int64_t upper;
    uint64_t salt; /* by which rows are told off to passes: nobody can have them all in one */
    uint64_t pass;
    uint64_t passes;
    bool old;      /* what is read is in the leaf */
    bool measured; /* how many passes the bucket takes */
    bool over;     /* it is more than is sorted at once: the rest of the bucket is measured and not kept */
    size_t seen;   /* of all passes of the bucket */
    size_t peak;
    char what[64]; /* the leaf, as messages name it */
    enum loadrow_kind kind;
    int64_t bucket;
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
static const char run_sql[] = "SELECT rows, slot, ctid::text FROM cert_load_run WHERE slot <= $1 AND lower < "
                              "$3 AND upper >= $2 AND kind = $4::int2 AND "
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

static const char count_sql[] = "COPY load_count (issuer, day, n) FROM STDIN (FORMAT binary)";
static const char old_sql[] = "COPY load_old (tbs_fp, issuer) FROM STDIN (FORMAT binary)";

static bool is_stopped(const struct loadfill *fill)
{
    return fill->how.stop != NULL && atomic_load(fill->how.stop);
}

static bool is_of_pass(const struct loadfill *fill, const uint8_t *fp)
{
    uint64_t word;
    memcpy(&word, fp, sizeof word);
    return fill->passes == 1 || (word * fill->salt >> 32) % fill->passes == fill->pass;
}

/* The guess of load_sizes was too low: nothing is written yet, and once all is seen it is known how many
 * passes it takes. */
static bool is_too_much(struct loadfill *fill)
{
    fill->peak = fill->sort.bytes > fill->peak ? fill->sort.bytes : fill->peak;
    return fill->pass == 0 && !fill->measured && fill->sort.bytes > fill->how.most;
}

/* False: that is no row, or there is no memory. */
static bool take(struct loadfill *fill, struct span bytes)
{
    struct loadrow row;
    if (!loadrow_read(fill->kind, bytes, &row))
        return false;
    if (row.not_after < fill->lower || row.not_after >= fill->upper)
        return true;
    fill->seen += loadsort_size(bytes.len);
    if (fill->over || !is_of_pass(fill, row.fp))
        return true;
    if (loadsort_add(&fill->sort, bytes, &row, fill->old, &fill->first) != ERR_OK)
        return false;
    fill->over = is_too_much(fill);
    if (fill->over)
        loadsort_begin(&fill->sort, fill->kind);
    return true;
}

static bool take_value(void *arg, const PGresult *res)
{
    struct loadfill *fill = arg;
    struct span rest = pgexec_get_bytes(res, 0, 0);
    struct span row;
    bool good = true;
    while (good && loadrow_next(&rest, &row))
        good = take(fill, row);
    if (good && rest.len == 0)
        return true;
    (void)err_set(&fill->first, ERR_DB,
                  "database: partition %s: what a backfill put down is damaged: cert_load_run, slot %" PRId64
                  ", kind %d, bucket %" PRId64 ", ctid %s",
                  fill->what, pgexec_get_int(res, 0, 1), (int)fill->kind, fill->bucket,
                  pgexec_get_text(res, 0, 2));
    return false;
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
    if (!buf_ok(row)) {
        (void)err_set(&fill->first, ERR_TOO_BIG, "database: partition %s: a row is larger than %u bytes",
                      fill->what, LIMIT_COPY_BYTES);
        return false;
    }
    if (take(fill, buf_span(row)))
        return true;
    (void)err_set(&fill->first, ERR_DB,
                  "database: partition %s: a row of kind %d, bucket %" PRId64 " is none", fill->what,
                  (int)fill->kind, fill->bucket);
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
    pgexec_int(&args, fill->how.closed);
    add_edge(&args, fill->lower, edges[0]);
    add_edge(&args, fill->upper, edges[1]);
    pgexec_int(&args, first);
    pgexec_int(&args, last);
    /* Where the server still sends it is cancelled, and says so. */
    (void)!pgwait_rows(fill->conn, sql, &args, fill->how.stop, each, fill, &answer);
    const struct err *told = fill->first.code != ERR_OK ? &fill->first : &answer;
    if (told->code != ERR_OK)
        fill->code = err_set(fill->why, told->code, "%s", told->text);
}

/* What was gathered without a connection. */
static void send(struct loadfill *fill, struct copy *gathered, const char *sql)
{
    if (fill->code != ERR_OK)
        return;
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

/* So that it never has more than some MB, whatever there is of it. */
static void make_room(struct loadfill *fill, struct copy *gathered, const char *sql)
{
    if (gathered->buf.len < GATHER_BYTES && gathered->buf.len < fill->how.most)
        return;
    send(fill, gathered, sql);
    copy_begin(gathered, NULL, NULL, fill->why);
}

static void put_count(struct loadfill *fill, const struct loadfill_count *count)
{
    if (count->n == 0)
        return;
    make_room(fill, &fill->counts, count_sql);
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
        make_room(fill, &fill->olds, old_sql);
        copy_row(&fill->olds, 2);
        copy_bytes(&fill->olds, span_of(sort->items[i].fp, 32));
        copy_int4(&fill->olds, sort->items[i].issuer);
    }
    for (size_t i = 0; i < COUNTS; i++)
        put_count(fill, &fill->held[i]);
    fill->rows += (int64_t)sort->count;
    send(fill, &fill->counts, count_sql);
    if (olds)
        send(fill, &fill->olds, old_sql);
}

static void write_rows(struct loadfill *fill)
{
    const struct loadsort *sort = &fill->sort;
    if (fill->code != ERR_OK || sort->count == 0)
        return;
    copy_begin(&fill->copy, fill->conn, build_sql[sort->kind], fill->why);
    for (size_t i = 0; i < sort->count && !is_stopped(fill); i++)
        copy_raw(&fill->copy, span_of(sort->items[i].at, sort->items[i].len));
    fill->code = copy_end(&fill->copy);
    if (fill->code == ERR_OK && is_stopped(fill))
        fill->code = err_set(fill->why, ERR_CLOSED, "the program ends");
    if (fill->code == ERR_OK && sort->kind == LOADROW_CERT)
        count_all(fill);
}

/* `res`: load_sizes. */
static void read_bucket(struct loadfill *fill, const PGresult *res, int row)
{
    int64_t first = loadrow_first((unsigned)fill->bucket);
    bool tables = fill->kind != LOADROW_IP || fill->bucket == 0;
    loadsort_begin(&fill->sort, fill->kind);
    fill->over = false;
    fill->seen = 0;
    fill->old = pgexec_get_bool(res, row, 3);
    if (fill->old && tables)
        read_rows(fill, held_sql[fill->kind], first, first + LOADROW_BUCKET_MAX, take_row);
    fill->old = false;
    if (pgexec_get_bool(res, row, 4) && tables)
        read_rows(fill, loose_sql[fill->kind], first, first + LOADROW_BUCKET_MAX, take_row);
    read_rows(fill, run_sql, (int64_t)fill->kind, fill->bucket, take_value);
}

/* A row of a key or an address is not larger than what sorts it. */
static uint64_t sorted_bytes(enum loadrow_kind kind, uint64_t bytes)
{
    return kind == LOADROW_CERT ? bytes + bytes / 3 : 2 * bytes;
}

/* A pass has a share by its hashes: with a quarter to spare it is never much more than is meant. */
static void fill_bucket(struct loadfill *fill, const PGresult *res, int row)
{
    int64_t bytes = pgexec_get_int(res, row, 2);
    fill->kind = (enum loadrow_kind)pgexec_get_int(res, row, 0);
    fill->bucket = pgexec_get_int(res, row, 1);
    fill->passes = 1 + sorted_bytes(fill->kind, (uint64_t)bytes) / fill->how.most;
    fill->measured = false;
    for (fill->pass = 0; bytes != 0 && fill->pass < fill->passes && fill->code == ERR_OK;) {
        read_bucket(fill, res, row);
        if (fill->over) {
            fill->passes = 2 + fill->seen / 3 * 4 / fill->how.most;
            fill->measured = true;
            continue;
        }
        loadsort_order(&fill->sort);
        write_rows(fill);
        fill->pass++;
    }
}

static void fill_all(struct loadfill *fill)
{
    static const char sql[] = "SELECT kind, bucket, bytes, held, loose FROM load_sizes($1, $2, $3)";
    uint8_t edges[2][8];
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    pgexec_int(&args, fill->how.closed);
    add_edge(&args, fill->lower, edges[0]);
    add_edge(&args, fill->upper, edges[1]);
    fill->code = pgwait_run(fill->conn, sql, &args, fill->how.stop, &res, fill->why);
    if (fill->code != ERR_OK)
        return;
    for (int i = 0; i < PQntuples(res); i++)
        fill_bucket(fill, res, i);
    PQclear(res);
}

static enum err_code take_job(struct loadfill *fill)
{
    static const char sql[] =
        "SELECT edges[1], edges[2], targets[1] FROM partition_job WHERE kind = 'load' AND step = 'begun'"
        " FOR UPDATE";
    PGresult *res;
    enum err_code code = pgwait_run(fill->conn, sql, &PGEXEC_NO_ARGS, fill->how.stop, &res, fill->why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) != 1) {
        code = err_set(fill->why, ERR_DB_CONFLICT, "database: somebody ended the job of the partition");
    } else {
        fill->lower = pgexec_get_int(res, 0, 0);
        fill->upper = pgexec_get_int(res, 0, 1);
        (void)snprintf(fill->what, sizeof fill->what, "%s", pgexec_get_text(res, 0, 2));
    }
    PQclear(res);
    return code == ERR_OK
               ? pgwait_do(fill->conn,
                           "TRUNCATE load_count, load_old, cert_build_1, cert_apex_build_1, cert_ip_build_1",
                           &PGEXEC_NO_ARGS, fill->how.stop, fill->why)
               : code;
}

static enum err_code fill_job(struct loadfill *fill)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    /* While rows are sorted here nothing is asked of the server. */
    fill->code = pgexec_begin_as(fill->conn, "BEGIN;" PGEXEC_IDLE_LONG, fill->why);
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

enum err_code loadfill_run(struct pgconn *conn, const struct loadfill_how *how, size_t *peak, struct err *why)
{
    struct loadfill *fill = calloc(1, sizeof *fill);
    if (fill == NULL || getrandom(&fill->salt, sizeof fill->salt, 0) != sizeof fill->salt) {
        free(fill);
        return err_set(why, ERR_MEMORY, "database: no memory for a partition");
    }
    fill->salt |= 1;
    fill->conn = conn;
    fill->how = *how;
    fill->why = why;
    loadsort_init(&fill->sort);
    copy_init(&fill->copy);
    copy_init(&fill->counts);
    copy_init(&fill->olds);
    buf_init(&fill->scratch, LIMIT_COPY_BYTES);
    enum err_code code = fill_job(fill);
    *peak = fill->peak;
    loadsort_fini(&fill->sort);
    copy_fini(&fill->copy);
    copy_fini(&fill->counts);
    copy_fini(&fill->olds);
    buf_fini(&fill->scratch);
    free(fill);
    return code;
}
