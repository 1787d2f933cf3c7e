#include "db/loadfill.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/say.h"
#include "base/thread.h"
#include "db/copy.h"
#include "db/loadread.h"
#include "db/pgwait.h"

#define COUNTS       4096 /* a power of two */
#define GATHER_BYTES ((size_t)4 << 20)
#define DAY_US       INT64_C(86400000000)

#define HAND_MS 100
#define PIECES  2 /* one is read, one is written */

/* The reader's piece, on its way to whoever writes it. */
struct loadfill_pass {
    struct lock lock;
    struct signal_cond changed;
    struct loadsort *piece; /* NULL: there is none */
    bool ended;             /* and there will be none */
    atomic_bool halt;       /* nobody wants another */
};

struct loadfill {
    struct pgconn *conn;
    struct loadfill_how how;
    struct err *why;
    enum err_code code;
    int64_t lower; /* microseconds, as the server counts them */
    int64_t upper;
    size_t peak;
    char what[64]; /* the leaf, as messages name it */
    int64_t rows;
    PGresult *sizes;       /* how much there is to be read */
    struct pgconn *reader; /* a connection of its own; NULL: there is none */
    enum err_code read_code;
    struct err read_why;
    struct loadfill_pass pass;
    struct copy copy;
    struct copy counts;
    struct copy olds;
    struct loadfill_count {
        int32_t issuer;
        int32_t day;
        int64_t n;
    } held[COUNTS];
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

static void count_all(struct loadfill *fill, const struct loadsort *sort)
{
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

static void write_rows(struct loadfill *fill, const struct loadsort *sort)
{
    copy_begin(&fill->copy, fill->conn, build_sql[sort->kind], fill->why);
    for (size_t i = 0; i < sort->count && !is_stopped(fill); i++)
        copy_raw(&fill->copy, span_of(sort->items[i].at, sort->items[i].len));
    fill->code = copy_end(&fill->copy);
    if (fill->code == ERR_OK && is_stopped(fill))
        fill->code = err_set(fill->why, ERR_CLOSED, "the program ends");
    if (fill->code == ERR_OK && sort->kind == LOADROW_CERT)
        count_all(fill, sort);
}

/* Of a reader on the same connection: between two of its statements. */
static bool write_piece(void *arg, struct loadsort *piece)
{
    struct loadfill *fill = arg;
    write_rows(fill, piece);
    return fill->code == ERR_OK;
}

/* The reader's side: waits until the piece before is written. Its own next piece is sorted while this one
 * is written: they change places. */
static bool pass_piece(void *arg, struct loadsort *piece)
{
    struct loadfill_pass *pass = &((struct loadfill *)arg)->pass;
    thread_lock(&pass->lock);
    pass->piece = piece;
    thread_cond_signal(&pass->changed);
    while (pass->piece != NULL && !atomic_load(&pass->halt))
        thread_cond_wait(&pass->changed, &pass->lock);
    bool taken = pass->piece == NULL;
    pass->piece = NULL;
    thread_unlock(&pass->lock);
    return taken;
}

static enum err_code read_with(struct loadfill *fill, struct pgconn *conn, loadread_hand *hand,
                               const atomic_bool *stop, struct err *why)
{
    const struct loadread_how how = {.closed = fill->how.closed,
                                     .lower = fill->lower,
                                     .upper = fill->upper,
                                     .sizes = fill->sizes,
                                     .what = fill->what,
                                     .most = fill->how.most / PIECES,
                                     .stop = stop,
                                     .bad = fill->how.bad,
                                     .hand = hand,
                                     .arg = fill};
    enum err_code code = loadread_run(conn, &how, &fill->peak, why);
    fill->peak *= PIECES;
    return code;
}

static void read_apart(void *arg)
{
    struct loadfill *fill = arg;
    struct loadfill_pass *pass = &fill->pass;
    fill->read_code = read_with(fill, fill->reader, pass_piece, &pass->halt, &fill->read_why);
    thread_lock(&pass->lock);
    pass->ended = true;
    thread_cond_signal(&pass->changed);
    thread_unlock(&pass->lock);
}

/* False: there is none any more, or nobody wants it. What `mine` held goes to the reader. */
static bool take_piece(struct loadfill *fill, struct loadsort *mine)
{
    struct loadfill_pass *pass = &fill->pass;
    thread_lock(&pass->lock);
    while (pass->piece == NULL && !pass->ended && !is_stopped(fill))
        (void)thread_cond_wait_ms(&pass->changed, &pass->lock, HAND_MS);
    bool taken = pass->piece != NULL && !is_stopped(fill);
    if (taken) {
        struct loadsort theirs = *pass->piece;
        *pass->piece = *mine;
        *mine = theirs;
        pass->piece = NULL;
        thread_cond_signal(&pass->changed);
    }
    thread_unlock(&pass->lock);
    return taken;
}

/* The next piece is read and sorted while one is written. False: no thread can be had for it. */
static bool fill_beside(struct loadfill *fill)
{
    struct thread thread;
    struct loadsort mine;
    loadsort_init(&mine);
    if (!thread_start(&thread, "loadread", read_apart, fill))
        return false;
    while (fill->code == ERR_OK && take_piece(fill, &mine))
        write_rows(fill, &mine);
    thread_lock(&fill->pass.lock);
    atomic_store(&fill->pass.halt, true);
    thread_cond_signal(&fill->pass.changed);
    thread_unlock(&fill->pass.lock);
    thread_join(&thread);
    loadsort_fini(&mine);
    if (fill->code == ERR_OK && is_stopped(fill))
        fill->code = err_set(fill->why, ERR_CLOSED, "the program ends");
    if (fill->code == ERR_OK && fill->read_code != ERR_OK)
        fill->code = loadfill_second_failed(fill->conn, &fill->read_why, fill->why);
    return true;
}

static void fill_alone(struct loadfill *fill)
{
    enum err_code code = read_with(fill, fill->conn, write_piece, fill->how.stop, &fill->read_why);
    if (fill->code == ERR_OK && code != ERR_OK)
        fill->code = err_set(fill->why, code, "%s", fill->read_why.text);
}

static void fill_all(struct loadfill *fill)
{
    if (fill->reader == NULL || !fill_beside(fill))
        fill_alone(fill);
}

/* The same server sees our session: a standby that is behind, or another one behind the same name, has fewer
 * rows, and what is not read of a slot is dropped with it. */
static bool is_same_server(struct pgconn *conn, struct pgconn *second)
{
    static const char mine_sql[] = "SELECT backend_start::text FROM pg_stat_get_activity(pg_backend_pid())";
    static const char seen_sql[] = "SELECT count(*) FROM pg_stat_get_activity($1::int4)"
                                   " WHERE backend_start = $2::timestamptz";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct err ignored = {0};
    PGresult *res;
    int64_t seen = 0;
    if (pgexec_run(conn, mine_sql, &PGEXEC_NO_ARGS, &res, &ignored) != ERR_OK)
        return false;
    if (PQntuples(res) == 1) {
        pgexec_int(&args, PQbackendPID(conn->pg));
        pgexec_text(&args, pgexec_get_text(res, 0, 0));
        (void)!pgexec_number(second, seen_sql, &args, &seen, &ignored);
    }
    PQclear(res);
    return seen == 1;
}

enum err_code loadfill_second_failed(const struct pgconn *conn, const struct err *second, struct err *why)
{
    if (second->code != ERR_DB_DOWN || PQstatus(conn->pg) != CONNECTION_OK)
        return err_set(why, second->code, "%s", second->text);
    return err_set(why, ERR_DB, "the second connection of a sealing was lost: %s", second->text);
}

/* It stands still while a piece is written. What it waits for the server does not know to be waited for by
 * us: a ring over both connections ends by time alone. */
static bool set_second(struct pgconn *second, int lock_ms)
{
    static const char sql[] =
        "SELECT concat(set_config('statement_timeout', '0', false), set_config('idle_session_timeout', '0',"
        " false), set_config('work_mem', $1::text, false), set_config('lock_timeout', $2::text, false))";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct err ignored = {0};
    char memory[24];
    char wait[24];
    (void)snprintf(memory, sizeof memory, "%dMB", LIMIT_PART_SORT_MB);
    (void)snprintf(wait, sizeof wait, "%dms", lock_ms > 0 ? lock_ms : LIMIT_LOAD_LOCK_MS);
    pgexec_text(&args, memory);
    pgexec_text(&args, wait);
    return pgexec_do(second, sql, &args, NULL, &ignored) == ERR_OK;
}

struct pgconn *loadfill_second(struct pgconn *conn, int lock_ms)
{
    struct pgconn *second = NULL;
    struct err ignored = {0};
    if (pgconn_open(conn->dsn, &second, &ignored) != ERR_OK)
        return NULL;
    if (set_second(second, lock_ms) && is_same_server(conn, second))
        return second;
    say_debug("db", "a sealing does with one connection: the second one is of no use");
    pgconn_free(second);
    return NULL;
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

/* Asked here and not by the reader, so that what it does not see is told; and outside of the transaction,
 * which would keep the tables from everybody else until the leaf is built. */
static enum err_code ask_sizes(struct loadfill *fill)
{
    static const char sql[] =
        "SELECT s.kind, s.bucket, s.bytes, s.held, s.loose, s.rows FROM partition_job AS j CROSS JOIN LATERAL"
        " load_sizes($1, j.edges[1], j.edges[2]) AS s WHERE j.kind = 'load' ORDER BY 1, 2";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, fill->how.closed);
    return pgwait_run(fill->conn, sql, &args, fill->how.stop, &fill->sizes, fill->why);
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
    if (fill == NULL)
        return err_set(why, ERR_MEMORY, "database: no memory for a partition");
    fill->conn = conn;
    fill->how = *how;
    fill->why = why;
    thread_lock_init(&fill->pass.lock);
    thread_cond_init(&fill->pass.changed);
    copy_init(&fill->copy);
    copy_init(&fill->counts);
    copy_init(&fill->olds);
    if (!how->alone)
        fill->reader = loadfill_second(conn, how->lock_ms);
    enum err_code code = ask_sizes(fill);
    if (code == ERR_OK)
        code = fill_job(fill);
    PQclear(fill->sizes);
    *peak = fill->peak;
    pgconn_free(fill->reader);
    copy_fini(&fill->copy);
    copy_fini(&fill->counts);
    copy_fini(&fill->olds);
    thread_cond_fini(&fill->pass.changed);
    thread_lock_fini(&fill->pass.lock);
    free(fill);
    return code;
}
