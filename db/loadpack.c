#include "db/loadpack.h"

#include <stdlib.h>

#include "base/limits.h"
#include "db/loadrow.h"

#define KEEP_BYTES (16u << 20)
#define COPY_HEAD  19 /* signature, flags, length of the extension */
#define COPY_TAIL  2
#define VALUE_MAX  (LIMIT_COPY_BYTES - (1u << 20)) /* beside what else waits to be sent */
#define RUN_SQL                                                                                              \
    "COPY cert_load_run (slot, kind, bucket, lower, upper, count, rows, log, first_index)"                   \
    " FROM STDIN (FORMAT binary)"
#define RUN_COLUMNS 9
#define FP_AT       6 /* in a row of stage_key or stage_ip: behind the number of fields and a length */
#define ISSUER_AT   42
#define LAST_AT     46 /* the length of the third field */
#define WIDE_FIELDS 5
#define WIDE_MIN    82 /* bytes */
#define TIMES       24 /* bytes of not_after and not_before */
#define KIND_SHIFT  24
#define BUCKET_BITS 4
#define DIGITS      3 /* of a group, least first */
#define DIGIT_BITS  9
#define DIGIT_COUNT (1u << DIGIT_BITS)
#define DAY_US      INT64_C(86400000000)
#define ERA_DAYS    146097 /* 400 years */
#define EPOCH_DAYS                                                                                           \
    INT64_C(730425) /* 2000-01-01, where PostgreSQL's clock starts, since March of the year 0 */

struct loadpack_item {
    uint32_t group; /* kind, month, bucket */
    uint32_t len;
    const uint8_t *at;
    int64_t not_after;
};

void loadpack_init(struct loadpack *pack)
{
    *pack = (struct loadpack){0};
    copy_init(&pack->cert);
    copy_init(&pack->key);
    copy_init(&pack->ip);
    buf_init(&pack->rows, LIMIT_COPY_BYTES);
    buf_init(&pack->value, LIMIT_COPY_BYTES);
}

void loadpack_fini(struct loadpack *pack)
{
    copy_fini(&pack->cert);
    copy_fini(&pack->key);
    copy_fini(&pack->ip);
    buf_fini(&pack->rows);
    buf_fini(&pack->value);
    free(pack->items);
    free(pack->spare);
}

static uint32_t number(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Where the row ends that begins there: its fields have their lengths before them. */
static const uint8_t *row_end(const uint8_t *at)
{
    unsigned fields = (unsigned)at[0] << 8 | at[1];
    at += 2;
    for (unsigned i = 0; i < fields; i++) {
        uint32_t length = number(at);
        at += 4 + (length == UINT32_MAX ? 0 : length);
    }
    return at;
}

/* The rows of a stream that stayed here, one after the other. */
static bool next_row(const struct copy *copy, size_t *at, struct span *row)
{
    if (*at == 0)
        *at = COPY_HEAD;
    if (copy->buf.len < COPY_TAIL || *at >= copy->buf.len - COPY_TAIL)
        return false;
    const uint8_t *begin = copy->buf.at + *at;
    *row = span_of(begin, (size_t)(row_end(begin) - begin));
    *at += row->len;
    return true;
}

/* Months since March of the year 0: so the day that leap years have is the last of a year. From the year 1 on
 * (copy_time). */
static uint32_t month_of(int64_t not_after)
{
    int64_t day = not_after / DAY_US - (not_after % DAY_US < 0) + EPOCH_DAYS;
    must(day >= 0);
    uint32_t of_era = (uint32_t)(day % ERA_DAYS);
    uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t of_year = of_era - (365 * year + year / 4 - year / 100);
    return ((uint32_t)(day / ERA_DAYS) * 400 + year) * 12 + (5 * of_year + 2) / 153;
}

static void add(struct loadpack *pack, enum loadrow_kind kind, struct span bytes)
{
    struct loadrow row;
    must(pack->count < pack->cap && loadrow_read(kind, bytes, &row));
    uint32_t group = (uint32_t)kind << KIND_SHIFT | month_of(row.not_after) << BUCKET_BITS |
                     loadrow_bucket(kind, row.place);
    pack->items[pack->count++] = (struct loadpack_item){group, (uint32_t)bytes.len, bytes.at, row.not_after};
}

static enum err_code make_room(struct loadpack *pack, size_t rows, struct err *why)
{
    pack->count = 0;
    if (rows <= pack->cap)
        return ERR_OK;
    free(pack->items);
    free(pack->spare);
    pack->cap = 0;
    pack->items = malloc(rows * sizeof *pack->items);
    pack->spare = malloc(rows * sizeof *pack->spare);
    if (pack->items == NULL || pack->spare == NULL)
        return err_set(why, ERR_MEMORY, "database: no memory for %zu rows", rows);
    pack->cap = rows;
    return ERR_OK;
}

static bool is_of(struct span cert, const uint8_t *row)
{
    struct loadrow is;
    return cert.len != 0 && loadrow_read(LOADROW_CERT, cert, &is) && memcmp(is.fp, row + FP_AT, 32) == 0 &&
           (uint32_t)is.issuer == number(row + ISSUER_AT);
}

/* Rows of keys or addresses, which are in the order of the certificates, become those of cert_apex or
 * cert_ip: the times come from the certificate. */
static void widen(struct loadpack *pack, enum loadrow_kind kind, const struct copy *copy)
{
    struct buf *out = &pack->rows;
    struct span cert = SPAN_NONE;
    struct span row;
    size_t cert_at = 0;
    for (size_t at = 0; next_row(copy, &at, &row);) {
        const struct span last = span_of(row.at + LAST_AT, row.len - LAST_AT);
        while (!is_of(cert, row.at))
            must(next_row(&pack->cert, &cert_at, &cert));
        buf_u16(out, WIDE_FIELDS);
        buf_put(out, span_of(cert.at + 2, TIMES)); /* with their lengths */
        if (kind == LOADROW_KEY)
            buf_put(out, last);
        buf_put(out, span_of(row.at + ISSUER_AT - 4, 8));
        buf_put(out, span_of(row.at + FP_AT - 4, 36));
        if (kind == LOADROW_IP)
            buf_put(out, last);
    }
}

static void add_wide(struct loadpack *pack, enum loadrow_kind kind, size_t begin, size_t end)
{
    for (const uint8_t *at = pack->rows.at + begin; at != pack->rows.at + end;) {
        const uint8_t *behind = row_end(at);
        add(pack, kind, span_of(at, (size_t)(behind - at)));
        at = behind;
    }
}

static enum err_code gather(struct loadpack *pack, size_t rows, struct err *why)
{
    struct span row;
    buf_clear(&pack->rows);
    widen(pack, LOADROW_KEY, &pack->key);
    size_t ips_at = pack->rows.len;
    widen(pack, LOADROW_IP, &pack->ip);
    if (!buf_ok(&pack->rows))
        return err_set(why, ERR_TOO_BIG, "database: more than %u bytes of keys", LIMIT_COPY_BYTES);
    enum err_code code = make_room(pack, rows + pack->rows.len / WIDE_MIN, why);
    if (code != ERR_OK)
        return code;
    for (size_t at = 0; next_row(&pack->cert, &at, &row);)
        add(pack, LOADROW_CERT, row);
    add_wide(pack, LOADROW_KEY, 0, ips_at);
    add_wide(pack, LOADROW_IP, ips_at, pack->rows.len);
    return ERR_OK;
}

/* By group; those of one group stay in the order in which they came. */
static void order(struct loadpack *pack)
{
    for (unsigned shift = 0; shift < DIGITS * DIGIT_BITS; shift += DIGIT_BITS) {
        size_t begin[DIGIT_COUNT] = {0};
        size_t at = 0;
        for (size_t i = 0; i < pack->count; i++)
            begin[pack->items[i].group >> shift & (DIGIT_COUNT - 1)]++;
        for (size_t i = 0; i < DIGIT_COUNT; i++) {
            size_t here = begin[i];
            begin[i] = at;
            at += here;
        }
        for (size_t i = 0; i < pack->count; i++)
            pack->spare[begin[pack->items[i].group >> shift & (DIGIT_COUNT - 1)]++] = pack->items[i];
        struct loadpack_item *ordered = pack->spare;
        pack->spare = pack->items;
        pack->items = ordered;
    }
}

/* One value, of rows of the same group, which becomes no longer than it should. The result is how many rows.
 */
static size_t put_value(struct loadpack *pack, size_t begin, struct copy *copy, const struct loadpack_of *of)
{
    const struct loadpack_item *items = pack->items + begin;
    int64_t lower = items[0].not_after;
    int64_t upper = lower;
    size_t count = 0;
    buf_clear(&pack->value);
    while (begin + count < pack->count && items[count].group == items[0].group &&
           (count == 0 || pack->value.len + items[count].len < LIMIT_LOAD_VALUE)) {
        lower = items[count].not_after < lower ? items[count].not_after : lower;
        upper = items[count].not_after > upper ? items[count].not_after : upper;
        buf_u32(&pack->value, items[count].len);
        buf_put(&pack->value, span_of(items[count].at, items[count].len));
        count++;
    }
    copy_row(copy, RUN_COLUMNS);
    copy_int8(copy, of->slot);
    copy_int2(copy, (int16_t)(items[0].group >> KIND_SHIFT));
    copy_int2(copy, (int16_t)(items[0].group % LOADROW_BUCKETS));
    copy_int8(copy, lower);
    copy_int8(copy, upper);
    copy_int4(copy, (int32_t)count);
    copy_bytes(copy, buf_span(&pack->value));
    copy_int2(copy, (int16_t)of->log_id);
    copy_int8(copy, (int64_t)of->first_index);
    return count;
}

/* The rows stay here: nothing is sent. */
static enum err_code encode(struct loadpack *pack, struct stage *stage, size_t *down, struct err *why)
{
    const struct stage_sink sink = {&pack->cert, &pack->key, &pack->ip, 0};
    buf_clear(&pack->key.buf);
    buf_clear(&pack->ip.buf);
    enum err_code code = stage_certs(stage, &sink, NULL, down, why);
    return code == ERR_OK && *down != 0 ? gather(pack, *down, why) : code;
}

/* A value that is larger than a number of rows may be has one. */
static bool fits(const struct loadpack *pack)
{
    for (size_t i = 0; i < pack->count; i++)
        if (pack->items[i].len > VALUE_MAX)
            return false;
    return true;
}

/* What was sent can not be taken back, and nothing else can be done in the transaction: it was not too big.
 */
static enum err_code end(const struct loadpack *pack, struct copy *copy, struct err *why)
{
    if (!buf_ok(&pack->value) && copy->code == ERR_OK)
        copy->code = ERR_TOO_BIG;
    enum err_code code = copy_end(copy);
    if (code != ERR_TOO_BIG)
        return code;
    err_clear(why);
    return err_set(why, ERR_MEMORY, "database: no memory for what a backfill puts down");
}

/* One commit with a large row is no reason to keep room for such rows. */
static void let_large(struct loadpack *pack)
{
    struct buf *bufs[] = {&pack->cert.buf, &pack->key.buf, &pack->ip.buf, &pack->rows, &pack->value};
    for (size_t i = 0; i < countof(bufs); i++)
        if (bufs[i]->cap > KEEP_BYTES)
            buf_fini(bufs[i]);
}

static enum err_code send(struct loadpack *pack, struct copy *copy, struct pgconn *conn,
                          const struct loadpack_of *of, struct err *why)
{
    if (!fits(pack))
        return err_set(why, ERR_TOO_BIG, "database: a row is larger than %u bytes", VALUE_MAX);
    order(pack);
    copy_begin(copy, conn, RUN_SQL, why);
    for (size_t at = 0; at < pack->count;)
        at += put_value(pack, at, copy, of);
    return end(pack, copy, why);
}

enum err_code loadpack_put(struct loadpack *pack, struct stage *stage, struct copy *copy, struct pgconn *conn,
                           const struct loadpack_of *of, size_t *down, struct err *why)
{
    enum err_code code = encode(pack, stage, down, why);
    if (code == ERR_OK && *down != 0)
        code = send(pack, copy, conn, of, why);
    let_large(pack);
    return code;
}
