#include "db/pgexec.h"

#include <stdio.h>

#include "base/text.h"
#include "db/pganswer.h"
#include "db/replica.h"

enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_FLOAT8 = 701,
    OID_INT8_ARRAY = 1016,
    OID_TIMESTAMPTZ = 1184
};

#define PG_EPOCH_MS INT64_C(946684800000) /* 2000-01-01, where PostgreSQL's clock starts */
/* A millisecond before year 1, and the first of year 10000: what lies outside is a claim, not a time, and
 * beyond the year 294276 the server would refuse it. */
#define TIME_LOWEST_MS  INT64_C(-62135596800001)
#define TIME_HIGHEST_MS INT64_C(253402300800000)

static int arg_next(struct pgexec_args *args)
{
    must(args->count < PGEXEC_ARGS_MAX);
    int at = args->count++;
    args->types[at] = 0;
    args->values[at] = NULL;
    args->lengths[at] = 0;
    args->formats[at] = 0;
    return at;
}

static void arg_number(struct pgexec_args *args, Oid type, uint64_t value, int width)
{
    int at = arg_next(args);
    for (int i = 0; i < width; i++)
        args->number[at][i] = (uint8_t)(value >> (8 * (width - 1 - i)));
    args->types[at] = type;
    args->values[at] = (const char *)args->number[at];
    args->lengths[at] = width;
    args->formats[at] = 1;
}

void pgexec_int(struct pgexec_args *args, int64_t value)
{
    arg_number(args, OID_INT8, (uint64_t)value, 8);
}

void pgexec_real(struct pgexec_args *args, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    arg_number(args, OID_FLOAT8, bits, 8);
}

void pgexec_bool(struct pgexec_args *args, bool value)
{
    arg_number(args, OID_BOOL, value ? 1 : 0, 1);
}

void pgexec_time(struct pgexec_args *args, int64_t unix_ms)
{
    int64_t clamped = unix_ms < TIME_LOWEST_MS    ? TIME_LOWEST_MS
                      : unix_ms > TIME_HIGHEST_MS ? TIME_HIGHEST_MS
                                                  : unix_ms;
    arg_number(args, OID_TIMESTAMPTZ, (uint64_t)((clamped - PG_EPOCH_MS) * 1000), 8);
}

void pgexec_text(struct pgexec_args *args, const char *text)
{
    int at = arg_next(args);
    args->values[at] = text;
}

void pgexec_null(struct pgexec_args *args)
{
    (void)arg_next(args);
}

void pgexec_binary(struct pgexec_args *args, Oid type, struct span value)
{
    must(value.len <= INT32_MAX);
    int at = arg_next(args);
    args->types[at] = type;
    args->values[at] = (const char *)value.at;
    args->lengths[at] = (int)value.len;
    args->formats[at] = 1;
}

void pgexec_int_array(struct pgexec_args *args, const int64_t *values, size_t count, struct buf *array)
{
    must(count <= INT32_MAX / 12 - 2);
    buf_init(array, 20 + 12 * count);
    buf_u32(array, count == 0 ? 0 : 1); /* dimensions */
    buf_u32(array, 0);                  /* no NULLs */
    buf_u32(array, OID_INT8);
    if (count != 0) {
        buf_u32(array, (uint32_t)count);
        buf_u32(array, 1);
    }
    for (size_t i = 0; i < count; i++) {
        buf_u32(array, 8);
        buf_u64(array, (uint64_t)values[i]);
    }
    pgexec_binary(args, OID_INT8_ARRAY, buf_span(array));
}

void pgexec_bytes(struct pgexec_args *args, struct span bytes)
{
    pgexec_binary(args, OID_BYTEA, bytes);
}

enum err_code pgexec_code(const char *sqlstate)
{
    static const struct {
        const char *head;
        enum err_code code;
    } rows[] = {
        {"08", ERR_DB_DOWN},        {"57P", ERR_DB_DOWN},       {"53300", ERR_DB_DOWN},
        {"40001", ERR_DB_CONFLICT}, {"40P01", ERR_DB_CONFLICT}, {"55P03", ERR_DB_CONFLICT},
        {"42P01", ERR_DB_SCHEMA},   {"42703", ERR_DB_SCHEMA},   {"42883", ERR_DB_SCHEMA},
        {"3F000", ERR_DB_SCHEMA},   {"22021", ERR_USAGE},
    };
    for (size_t i = 0; i < countof(rows); i++) {
        if (strncmp(sqlstate, rows[i].head, strlen(rows[i].head)) == 0)
            return rows[i].code;
    }
    return ERR_DB;
}

/* "FATAL:  " and the like say the same of every line. */
static size_t severity_len(const char *text)
{
    static const char *const words[] = {"FATAL:", "ERROR:", "PANIC:"};
    for (size_t i = 0; i < countof(words); i++) {
        if (strncmp(text, words[i], strlen(words[i])) == 0)
            return strlen(words[i]);
    }
    return 0;
}

void pgexec_one_line(const char *text, char *out, size_t out_cap)
{
    size_t len = 0;
    bool line = false; /* something stands between what is written and what comes */
    bool gap = false;
    bool severity = false;
    for (; *text != '\0' && len + 3 < out_cap; text++) {
        if (strchr("\n\r\t ", *text) != NULL) {
            gap = len != 0;
            line = len != 0 && (line || *text == '\n');
            continue;
        }
        size_t word = len == 0 || gap ? severity_len(text) : 0;
        if (word != 0 && severity) {
            text += word - 1;
            continue;
        }
        severity = severity || word != 0;
        if (line)
            out[len++] = ';';
        if (gap)
            out[len++] = ' ';
        line = gap = false;
        out[len++] = *text;
    }
    out[len] = '\0';
}

/* What libpq says of a write that failed comes before it has read that the server is gone, as when that says
 * farewell: what is left is read, then the end of the stream. */
static bool is_down(struct pgconn *conn)
{
    for (int i = 0; i < 2 && PQstatus(conn->pg) != CONNECTION_BAD; i++)
        (void)PQconsumeInput(conn->pg);
    return PQstatus(conn->pg) == CONNECTION_BAD;
}

enum err_code pgexec_fail(struct pgconn *conn, const PGresult *res, struct err *why)
{
    const char *state = res != NULL ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
    const char *primary = res != NULL ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    char text[ERR_TEXT_MAX];
    (void)snprintf(conn->sqlstate, sizeof conn->sqlstate, "%s", state != NULL ? state : "");
    enum err_code code = state != NULL ? pgexec_code(state) : ERR_DB;
    pgexec_one_line(primary != NULL ? primary : PQerrorMessage(conn->pg), text, sizeof text);
    /* A failure that has no SQLSTATE is one of libpq itself. */
    if (PQstatus(conn->pg) == CONNECTION_BAD || (state == NULL && is_down(conn)))
        code = ERR_DB_DOWN;
    if (code == ERR_USAGE)
        return err_set(why, code, "a text that is not UTF-8 was given: %s", text);
    if (code == ERR_DB_SCHEMA)
        return err_set(why, code, "database: %s: run `ctvigil db migrate`", text);
    if (state != NULL && strcmp(state, "42501") == 0)
        return err_set(why, code, "database: %s (42501): %s", text,
                       strstr(text, "schema") != NULL && strstr(text, "table") == NULL
                           ? "the role must own the database: ALTER DATABASE name OWNER TO role"
                           : "connect as the role that made the schema with `ctvigil db init`");
    if (state != NULL && strcmp(state, "25006") == 0)
        return err_set(why, code,
                       "database: this server takes no writes, it is a replica or set to read only (25006): "
                       "db.dsn must name the one that it copies, db.read_dsn may name this one");
    return err_set(why, code, "database: %s%s%s%s", text[0] != '\0' ? text : "connection lost",
                   state != NULL ? " (" : "", state != NULL ? state : "", state != NULL ? ")" : "");
}

enum err_code pgexec_result(struct pgconn *conn, PGresult *raw, PGresult **res, struct err *why)
{
    ExecStatusType status = PQresultStatus(raw);
    if (raw != NULL && (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)) {
        *res = raw;
        return ERR_OK;
    }
    enum err_code code = pgexec_fail(conn, raw, why);
    PQclear(raw);
    *res = NULL;
    return code;
}

static enum err_code run_plain(struct pgconn *conn, const char *sql, const struct pgexec_args *args,
                               PGresult **res, struct err *why)
{
    return pgexec_result(conn, pganswer_params(conn, sql, args), res, why);
}

/* Behind a pooler a statement alone would meet the settings of whoever had the session before. */
static enum err_code run_pooled(struct pgconn *conn, const char *sql, const struct pgexec_args *args,
                                PGresult **res, struct err *why)
{
    enum err_code code = pgexec_begin(conn, why);
    if (code == ERR_OK)
        code = run_plain(conn, sql, args, res, why);
    if (code == ERR_OK && (code = pgexec_commit(conn, why)) != ERR_OK) {
        PQclear(*res);
        *res = NULL;
    }
    if (code != ERR_OK)
        pgexec_rollback(conn);
    return code;
}

enum err_code pgexec_run(struct pgconn *conn, const char *sql, const struct pgexec_args *args, PGresult **res,
                         struct err *why)
{
    unsigned tries = 0;
    struct err own = {0};
    enum err_code code = ERR_OK;
    bool alone = conn->reads && PQtransactionStatus(conn->pg) == PQTRANS_IDLE;
    if (!alone)
        return run_plain(conn, sql, args, res, why);
    do {
        err_clear(&own);
        code = conn->pooled ? run_pooled(conn, sql, args, res, &own) : run_plain(conn, sql, args, res, &own);
    } while (code != ERR_OK && replica_again(conn, &tries));
    return code == ERR_OK ? ERR_OK : err_set(why, code, "%s", own.text);
}

enum err_code pgexec_number(struct pgconn *conn, const char *sql, const struct pgexec_args *args,
                            int64_t *value, struct err *why)
{
    PGresult *res;
    enum err_code code = pgexec_run(conn, sql, args, &res, why);
    if (code != ERR_OK)
        return code;
    *value = PQntuples(res) == 0 ? 0 : pgexec_get_int(res, 0, 0);
    PQclear(res);
    return ERR_OK;
}

enum err_code pgexec_do(struct pgconn *conn, const char *sql, const struct pgexec_args *args,
                        uint64_t *changed, struct err *why)
{
    PGresult *res;
    enum err_code code = pgexec_run(conn, sql, args, &res, why);
    if (code != ERR_OK)
        return code;
    if (changed != NULL && !text_uint(span_str(PQcmdTuples(res)), changed))
        *changed = 0;
    PQclear(res);
    return ERR_OK;
}

size_t pgexec_cached_at(const struct pgconn *conn, const char *sql)
{
    size_t at = 0;
    while (at < conn->cached_count && conn->cached[at] != sql)
        at++;
    return at;
}

enum err_code pgexec_cached(struct pgconn *conn, const char *sql, const struct pgexec_args *args,
                            PGresult **res, struct err *why)
{
    char name[16];
    if (conn->pooled || (conn->replica && PQtransactionStatus(conn->pg) == PQTRANS_IDLE))
        return pgexec_run(conn, sql, args, res, why);
    size_t at = pgexec_cached_at(conn, sql);
    must(at < PGEXEC_CACHED_MAX);
    (void)snprintf(name, sizeof name, "s%zu", at);
    if (at == conn->cached_count) {
        PGresult *made;
        enum err_code code = pgexec_result(conn, pganswer_prepare(conn, name, sql, args), &made, why);
        if (code != ERR_OK)
            return code;
        PQclear(made);
        conn->uses[conn->cached_count] = 0;
        conn->cached[conn->cached_count++] = sql;
    }
    conn->uses[at]++;
    return pgexec_result(conn, pganswer_prepared(conn, name, args), res, why);
}

unsigned pgexec_uses(const struct pgconn *conn, const char *sql)
{
    size_t at = pgexec_cached_at(conn, sql);
    return at < conn->cached_count ? conn->uses[at] : 0;
}

enum err_code pgexec_script(struct pgconn *conn, const char *sql, struct err *why)
{
    PGresult *res;
    enum err_code code = pgexec_result(conn, pganswer_script(conn, sql), &res, why);
    PQclear(res);
    return code;
}

enum err_code pgexec_begin(struct pgconn *conn, struct err *why)
{
    return pgexec_begin_as(conn, "BEGIN", why);
}

enum err_code pgexec_begin_as(struct pgconn *conn, const char *begin, struct err *why)
{
    enum err_code code = pgexec_script(conn, begin, why);
    return code == ERR_OK && conn->pooled ? pgexec_script(conn, pgconn_local_setup, why) : code;
}

enum err_code pgexec_commit(struct pgconn *conn, struct err *why)
{
    PGresult *res;
    enum err_code code = pgexec_result(conn, pganswer_script(conn, "COMMIT"), &res, why);
    if (code != ERR_OK)
        return code;
    /* A transaction that failed before answers COMMIT with ROLLBACK and calls that a success. */
    if (strcmp(PQcmdStatus(res), "COMMIT") != 0)
        code = err_set(why, ERR_DB, "database: the transaction was rolled back");
    PQclear(res);
    return code;
}

void pgexec_rollback(struct pgconn *conn)
{
    /* A time-out that was set for the transaction can strike the ROLLBACK itself; not so the second one. */
    for (int i = 0; i < 2 && PQtransactionStatus(conn->pg) != PQTRANS_IDLE; i++)
        PQclear(pganswer_script(conn, "ROLLBACK"));
}

enum err_code pgexec_copy_begin(struct pgconn *conn, const char *sql, struct err *why)
{
    PGresult *res = pganswer_script(conn, sql);
    enum err_code code = PQresultStatus(res) == PGRES_COPY_IN ? ERR_OK : pgexec_fail(conn, res, why);
    PQclear(res);
    return code;
}

enum err_code pgexec_copy_put(struct pgconn *conn, struct span bytes, struct err *why)
{
    const size_t piece_max = 1u << 20;
    for (size_t at = 0; at < bytes.len;) {
        size_t piece = bytes.len - at < piece_max ? bytes.len - at : piece_max;
        if (pganswer_copy_put(conn, (const char *)bytes.at + at, (int)piece) != 1)
            return pgexec_fail(conn, NULL, why);
        at += piece;
    }
    return ERR_OK;
}

enum err_code pgexec_copy_end(struct pgconn *conn, const char *abort_text, struct err *why)
{
    enum err_code code = ERR_OK;
    if (pganswer_copy_end(conn, abort_text) != 1)
        code = pgexec_fail(conn, NULL, why);
    for (PGresult *res = pganswer_next(conn); res != NULL; res = pganswer_next(conn)) {
        if (PQresultStatus(res) != PGRES_COMMAND_OK && code == ERR_OK)
            code = pgexec_fail(conn, res, why);
        PQclear(res);
        if (PQstatus(conn->pg) == CONNECTION_BAD)
            break;
    }
    return code;
}

bool pgexec_is_null(const PGresult *res, int row, int col)
{
    return PQgetisnull(res, row, col) != 0;
}

int64_t pgexec_get_int(const PGresult *res, int row, int col)
{
    int width = PQgetlength(res, row, col);
    if (pgexec_is_null(res, row, col))
        return 0;
    must(width == 2 || width == 4 || width == 8);
    const uint8_t *at = (const uint8_t *)PQgetvalue(res, row, col);
    uint64_t value = (at[0] & 0x80u) != 0 ? UINT64_MAX : 0;
    for (int i = 0; i < width; i++)
        value = value << 8 | at[i];
    return (int64_t)value;
}

double pgexec_get_real(const PGresult *res, int row, int col)
{
    uint64_t bits = (uint64_t)pgexec_get_int(res, row, col);
    double value;
    must(pgexec_is_null(res, row, col) || PQgetlength(res, row, col) == 8);
    memcpy(&value, &bits, sizeof value);
    return value;
}

bool pgexec_get_bool(const PGresult *res, int row, int col)
{
    return PQgetlength(res, row, col) == 1 && PQgetvalue(res, row, col)[0] != 0;
}

int64_t pgexec_get_time(const PGresult *res, int row, int col)
{
    if (pgexec_is_null(res, row, col))
        return 0;
    int64_t micro = pgexec_get_int(res, row, col);
    int64_t milli = micro / 1000 - (micro % 1000 < 0 ? 1 : 0);
    return milli + PG_EPOCH_MS;
}

const char *pgexec_get_text(const PGresult *res, int row, int col)
{
    return PQgetvalue(res, row, col);
}

struct span pgexec_get_bytes(const PGresult *res, int row, int col)
{
    if (pgexec_is_null(res, row, col))
        return SPAN_NONE;
    return span_of(PQgetvalue(res, row, col), (size_t)PQgetlength(res, row, col));
}
