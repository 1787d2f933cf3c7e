#include "db/loadread.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/limits.h"
#include "db/copy.h"
#include "db/pgwait.h"

struct loadread {
    struct pgconn *conn;
    struct loadread_how how;
    struct err *why;
    enum err_code code;
    struct err first; /* of the rows; what the statement says that was ended for it does not count */
    uint64_t salt;    /* by which rows are told off to passes: nobody can have them all in one */
    uint64_t pass;
    uint64_t passes;
    bool old;       /* what is read is in the leaf */
    bool measured;  /* how many passes the bucket takes */
    bool over;      /* it is more than is sorted at once: the rest of the bucket is measured and not kept */
    size_t seen;    /* of all passes of the bucket */
    int64_t packed; /* rows of the values of the bucket, whether they are of the leaf or not */
    size_t peak;
    enum loadrow_kind kind;
    int64_t bucket;
    struct loadsort sort;
    struct buf scratch;
};

/* What is read of each kind; those of a bucket have $4 and $5, of which the cast tells the type where they
 * are not used. */
static const char run_sql[] =
    "SELECT rows, slot, ctid::text, count, lower, upper FROM cert_load_run WHERE slot <= $1 AND kind = "
    "$4::int2 AND bucket = $5::int2"
    " AND lower < $3 AND lower >= $2 - interval '32 days' AND upper >= $2";
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
static bool is_of_pass(const struct loadread *read, const uint8_t *fp)
{
    uint64_t word;
    memcpy(&word, fp, sizeof word);
    return read->passes == 1 || (word * read->salt >> 32) % read->passes == read->pass;
}

/* The guess of load_sizes was too low: nothing is written yet, and once all is seen it is known how many
 * passes it takes. */
static bool is_too_much(struct loadread *read)
{
    read->peak = read->sort.bytes > read->peak ? read->sort.bytes : read->peak;
    return read->pass == 0 && !read->measured && read->sort.bytes > read->how.most;
}

/* False: that is no row, or none of [first, last], or there is no memory. */
static bool take(struct loadread *read, struct span bytes, int64_t first, int64_t last)
{
    struct loadrow row;
    if (!loadrow_read(read->kind, bytes, &row) || row.not_after < first || row.not_after > last)
        return false;
    if (row.not_after < read->how.lower || row.not_after >= read->how.upper)
        return true;
    read->seen += loadsort_size(bytes.len);
    if (read->over || !is_of_pass(read, row.fp))
        return true;
    if (loadsort_add(&read->sort, bytes, &row, read->old, &read->first) != ERR_OK)
        return false;
    read->over = is_too_much(read);
    if (read->over)
        loadsort_begin(&read->sort, read->kind);
    return true;
}

/* Nobody takes a failure of ours for damage. */
static void note_bad(const struct loadread *read, const PGresult *res)
{
    if (read->how.bad != NULL && read->first.code == ERR_OK)
        loadbad_note(read->how.bad, pgexec_get_int(res, 0, 1), (int)read->kind, read->bucket,
                     pgexec_get_text(res, 0, 2));
}

static bool take_value(void *arg, const PGresult *res)
{
    struct loadread *read = arg;
    struct span rest = pgexec_get_bytes(res, 0, 0);
    struct span row;
    int64_t count = 0;
    bool good = true;
    while (good && loadrow_next(&rest, &row)) {
        good = take(read, row, pgexec_get_int(res, 0, 4), pgexec_get_int(res, 0, 5));
        count++;
    }
    read->packed += count;
    if (good && rest.len == 0 && count == pgexec_get_int(res, 0, 3))
        return true;
    note_bad(read, res);
    (void)err_set(&read->first, ERR_DB,
                  "database: partition %s: what a backfill put down is damaged: cert_load_run, slot %" PRId64
                  ", kind %d, bucket %" PRId64 ", ctid %s",
                  read->how.what, pgexec_get_int(res, 0, 1), (int)read->kind, read->bucket,
                  pgexec_get_text(res, 0, 2));
    return false;
}

/* A result in binary has the bytes of COPY. */
static bool take_row(void *arg, const PGresult *res)
{
    struct loadread *read = arg;
    struct buf *row = &read->scratch;
    buf_clear(row);
    buf_u16(row, (uint16_t)PQnfields(res));
    for (int i = 0; i < PQnfields(res); i++) {
        bool null = PQgetisnull(res, 0, i) != 0;
        buf_u32(row, null ? UINT32_MAX : (uint32_t)PQgetlength(res, 0, i));
        if (!null)
            buf_put(row, span_of((const uint8_t *)PQgetvalue(res, 0, i), (size_t)PQgetlength(res, 0, i)));
    }
    if (!buf_ok(row)) {
        (void)err_set(&read->first, ERR_TOO_BIG, "database: partition %s: a row is larger than %u bytes",
                      read->how.what, LIMIT_COPY_BYTES);
        return false;
    }
    if (take(read, buf_span(row), INT64_MIN, INT64_MAX))
        return true;
    (void)err_set(&read->first, ERR_DB,
                  "database: partition %s: a row of kind %d, bucket %" PRId64 " is none", read->how.what,
                  (int)read->kind, read->bucket);
    return false;
}

static void add_edge(struct pgexec_args *args, int64_t edge, uint8_t room[8])
{
    for (unsigned i = 0; i < 8; i++)
        room[i] = (uint8_t)((uint64_t)edge >> (56 - 8 * i));
    pgexec_binary(args, COPY_OID_TIME, span_of(room, 8));
}

static void read_rows(struct loadread *read, const char *sql, int64_t first, int64_t last, pgwait_each *each)
{
    uint8_t edges[2][8];
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct err answer = {0};
    if (read->code != ERR_OK)
        return;
    pgexec_int(&args, read->how.closed);
    add_edge(&args, read->how.lower, edges[0]);
    add_edge(&args, read->how.upper, edges[1]);
    pgexec_int(&args, first);
    pgexec_int(&args, last);
    /* Where the server still sends it is cancelled, and says so. */
    (void)!pgwait_rows(read->conn, sql, &args, read->how.stop, each, read, &answer);
    const struct err *told = read->first.code != ERR_OK ? &read->first : &answer;
    if (told->code != ERR_OK)
        read->code = err_set(read->why, told->code, "%s", told->text);
}

/* What is not read is dropped with its slot. */
static void check_count(struct loadread *read, int64_t expected)
{
    if (read->code != ERR_OK || read->packed == expected)
        return;
    read->code =
        err_set(read->why, ERR_DB,
                "database: partition %s: a backfill put down %" PRId64 " rows of kind %d, bucket %" PRId64
                ", and %" PRId64 " were read: they stay where they are",
                read->how.what, expected, (int)read->kind, read->bucket, read->packed);
}

static void read_bucket(struct loadread *read, const PGresult *res, int row)
{
    int64_t first = loadrow_first((unsigned)read->bucket);
    bool tables = read->kind != LOADROW_IP || read->bucket == 0;
    loadsort_begin(&read->sort, read->kind);
    read->over = false;
    read->seen = 0;
    read->packed = 0;
    read->old = pgexec_get_bool(res, row, 3);
    if (read->old && tables)
        read_rows(read, held_sql[read->kind], first, first + LOADROW_BUCKET_MAX, take_row);
    read->old = false;
    if (pgexec_get_bool(res, row, 4) && tables)
        read_rows(read, loose_sql[read->kind], first, first + LOADROW_BUCKET_MAX, take_row);
    read_rows(read, run_sql, (int64_t)read->kind, read->bucket, take_value);
    check_count(read, pgexec_get_int(res, row, 5));
}

static void hand_over(struct loadread *read)
{
    loadsort_order(&read->sort);
    if (read->sort.count != 0 && !read->how.hand(read->how.arg, &read->sort))
        read->code = err_set(read->why, ERR_CLOSED, "the program ends");
}

/* A pass has a share by its hashes: with a quarter to spare it is never much more than is meant. */
static void read_passes(struct loadread *read, const PGresult *res, int row)
{
    int64_t bytes = pgexec_get_int(res, row, 2);
    read->kind = (enum loadrow_kind)pgexec_get_int(res, row, 0);
    read->bucket = pgexec_get_int(res, row, 1);
    read->passes = 1 + loadsort_guess(read->kind, (uint64_t)bytes) / read->how.most;
    read->measured = false;
    for (read->pass = 0; bytes != 0 && read->pass < read->passes && read->code == ERR_OK;) {
        read_bucket(read, res, row);
        if (read->over) {
            read->passes = 2 + read->seen / 3 * 4 / read->how.most;
            read->measured = true;
            continue;
        }
        if (read->code == ERR_OK)
            hand_over(read);
        read->pass++;
    }
}

enum err_code loadread_run(struct pgconn *conn, const struct loadread_how *how, size_t *peak, struct err *why)
{
    struct loadread read = {.conn = conn, .how = *how, .why = why};
    *peak = 0;
    if (getrandom(&read.salt, sizeof read.salt, 0) != sizeof read.salt)
        return err_set(why, ERR_MEMORY, "database: no random numbers");
    read.salt |= 1;
    loadsort_init(&read.sort);
    buf_init(&read.scratch, LIMIT_COPY_BYTES);
    for (int i = 0; i < PQntuples(how->sizes) && read.code == ERR_OK; i++)
        read_passes(&read, how->sizes, i);
    loadsort_fini(&read.sort);
    buf_fini(&read.scratch);
    *peak = read.peak;
    return read.code;
}
