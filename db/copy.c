#include "db/copy.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "db/pgexec.h"
#include "model/cert.h"

#define KEEP_BYTES (4u << 20)

#define PIECE_BYTES   (256u << 10)
#define PG_EPOCH_MS   INT64_C(946684800000) /* 2000-01-01, where PostgreSQL's clock starts */
#define FAMILY_INET   2                     /* PGSQL_AF_INET and PGSQL_AF_INET6, the same on every platform */
#define FAMILY_INET6  3
#define JSONB_VERSION 1

void copy_init(struct copy *copy)
{
    *copy = (struct copy){0};
    buf_init(&copy->buf, LIMIT_COPY_BYTES);
}

bool copy_init_columns(struct copy *copy, const uint32_t *types)
{
    copy_init(copy);
    unsigned count = 0;
    while (types[count] != 0)
        count++;
    struct buf *bufs = calloc(count + 1, sizeof *bufs);
    if (bufs == NULL)
        return false;
    for (unsigned i = 0; i < count; i++)
        buf_init(&bufs[i], LIMIT_COPY_BYTES);
    copy->columns = (struct copy_columns){.types = types, .bufs = bufs, .count = count};
    return true;
}

void copy_init_records(struct copy *copy, const uint32_t *types)
{
    copy_init(copy);
    copy->records.types = types;
    while (types[copy->records.count] != 0)
        copy->records.count++;
}

void copy_records_of(struct copy *copy, uint32_t row_oid, uint32_t array_oid)
{
    must(copy->records.count != 0);
    copy->records.row_oid = row_oid;
    copy->records.array_oid = array_oid;
}

void copy_fini(struct copy *copy)
{
    buf_fini(&copy->buf);
    for (unsigned i = 0; i < copy->columns.count; i++)
        buf_fini(&copy->columns.bufs[i]);
    free(copy->columns.bufs);
    copy->columns = (struct copy_columns){0};
}

/* Where the next field goes. */
static struct buf *field(struct copy *copy)
{
    struct copy_records *records = &copy->records;
    if (records->count != 0) {
        must(records->at < records->count);
        buf_u32(&copy->buf, records->types[records->at++]);
        return &copy->buf;
    }
    if (copy->columns.count == 0)
        return &copy->buf;
    must(copy->columns.at < copy->columns.count);
    return &copy->columns.bufs[copy->columns.at++];
}

static void columns_begin(struct copy *copy)
{
    struct copy_columns *columns = &copy->columns;
    columns->rows = 0;
    columns->at = columns->count;
    for (unsigned i = 0; i < columns->count; i++) {
        if (columns->bufs[i].cap > KEEP_BYTES)
            buf_fini(&columns->bufs[i]);
        buf_clear(&columns->bufs[i]);
        copy_put_array(&columns->bufs[i], columns->types[i], 1);
    }
}

static enum err_code columns_end(struct copy *copy)
{
    struct copy_columns *columns = &copy->columns;
    for (unsigned i = 0; i < columns->count; i++) {
        if (!buf_ok(&columns->bufs[i]) && copy->code == ERR_OK)
            copy->code =
                err_set(copy->why, ERR_TOO_BIG, "database: more than %u bytes in a column", LIMIT_COPY_BYTES);
    }
    must(copy->code != ERR_OK || columns->at == columns->count);
    return copy->code;
}

static void records_begin(struct copy *copy)
{
    struct copy_records *records = &copy->records;
    must(records->row_oid != 0);
    records->rows = 0;
    records->at = records->count;
    if (copy->buf.cap > KEEP_BYTES)
        buf_fini(&copy->buf);
    buf_clear(&copy->buf);
    copy_put_array(&copy->buf, records->row_oid, 1);
}

/* Its length stands in front of each element. */
static void record_end(struct copy *copy)
{
    struct copy_records *records = &copy->records;
    must(records->at == records->count);
    if (records->rows != 0 && buf_ok(&copy->buf))
        buf_patch_u32(&copy->buf, records->row_at, (uint32_t)(copy->buf.len - records->row_at - 4));
}

static void record_next(struct copy *copy, unsigned fields)
{
    struct copy_records *records = &copy->records;
    must(fields == records->count);
    record_end(copy);
    records->row_at = copy->buf.len;
    records->rows++;
    records->at = 0;
    buf_u32(&copy->buf, 0);
    buf_u32(&copy->buf, fields);
}

static enum err_code records_end(struct copy *copy)
{
    record_end(copy);
    if (!buf_ok(&copy->buf) && copy->code == ERR_OK)
        copy->code =
            err_set(copy->why, ERR_TOO_BIG, "database: more than %u bytes of rows", LIMIT_COPY_BYTES);
    return copy->code;
}

static void records_bind(struct copy *copy, struct pgexec_args *args)
{
    struct buf *buf = &copy->buf;
    if (copy->records.rows == 0) {
        buf_clear(buf);
        copy_put_array(buf, copy->records.row_oid, 0);
    } else {
        buf_patch_u32(buf, 12, copy->records.rows);
    }
    pgexec_binary(args, copy->records.array_oid, buf_span(buf));
}

/* The array type of an element type; pg_type.dat. */
static Oid array_of(uint32_t element)
{
    switch (element) {
    case COPY_OID_BYTEA:
        return COPY_OID_BYTEA_ARRAY;
    case COPY_OID_INT8:
        return 1016;
    case COPY_OID_INT4:
        return 1007;
    case COPY_OID_INT2:
        return 1005;
    case COPY_OID_INET:
        return 1041;
    case COPY_OID_TIME:
        return 1185;
    default:
        must(element == COPY_OID_TEXT);
        return COPY_OID_TEXT_ARRAY;
    }
}

void copy_bind(struct copy *copy, struct pgexec_args *args)
{
    static const uint8_t none[12] = {0}; /* no dimension: the type stands behind it, and is not looked at */
    struct copy_columns *columns = &copy->columns;
    if (copy->records.count != 0)
        records_bind(copy, args);
    for (unsigned i = 0; i < columns->count; i++) {
        struct buf *buf = &columns->bufs[i];
        if (columns->rows == 0) {
            buf_clear(buf);
            copy_put_array(buf, columns->types[i], 0);
        } else {
            buf_patch_u32(buf, 12, columns->rows);
        }
        pgexec_binary(args, array_of(columns->types[i]),
                      buf_ok(buf) ? buf_span(buf) : span_of(none, sizeof none));
    }
}

static void flush(struct copy *copy)
{
    if (!buf_ok(&copy->buf) && copy->code == ERR_OK)
        copy->code =
            err_set(copy->why, ERR_TOO_BIG, "database: a row is larger than %u bytes", LIMIT_COPY_BYTES);
    if (copy->conn == NULL)
        return;
    if (copy->code == ERR_OK)
        copy->code = pgexec_copy_put(copy->conn, buf_span(&copy->buf), copy->why);
    buf_clear(&copy->buf);
}

void copy_begin(struct copy *copy, struct pgconn *conn, const char *sql, struct err *why)
{
    copy->conn = conn;
    copy->why = why;
    copy->code = ERR_OK;
    if (copy->columns.count != 0) {
        columns_begin(copy);
        return;
    }
    if (copy->records.count != 0) {
        records_begin(copy);
        return;
    }
    buf_clear(&copy->buf);
    if (conn != NULL)
        copy->code = pgexec_copy_begin(conn, sql, why);
    copy->open = copy->code == ERR_OK;
    buf_put(&copy->buf, SPAN_LIT("PGCOPY\n\377\r\n\0"));
    buf_u32(&copy->buf, 0); /* flags */
    buf_u32(&copy->buf, 0); /* length of the header's extension */
}

enum err_code copy_end(struct copy *copy)
{
    if (copy->columns.count != 0)
        return columns_end(copy);
    if (copy->records.count != 0)
        return records_end(copy);
    buf_u16(&copy->buf, 0xffff);
    flush(copy);
    if (copy->open && copy->conn != NULL) {
        enum err_code code = pgexec_copy_end(copy->conn, copy->code == ERR_OK ? NULL : "given up", copy->why);
        if (copy->code == ERR_OK)
            copy->code = code;
    }
    copy->open = false;
    if (copy->buf.cap > KEEP_BYTES && copy->conn != NULL)
        buf_fini(&copy->buf);
    return copy->code;
}

void copy_row(struct copy *copy, unsigned columns)
{
    if (copy->records.count != 0) {
        record_next(copy, columns);
        return;
    }
    if (copy->columns.count != 0) {
        must(columns == copy->columns.count && copy->columns.at == copy->columns.count);
        copy->columns.at = 0;
        copy->columns.rows++;
        return;
    }
    if (copy->buf.len >= PIECE_BYTES || !buf_ok(&copy->buf))
        flush(copy);
    buf_u16(&copy->buf, (uint16_t)columns);
}

void copy_raw(struct copy *copy, struct span row)
{
    must(copy->records.count == 0 && copy->columns.count == 0);
    if (copy->buf.len >= PIECE_BYTES || copy->buf.len + row.len > LIMIT_COPY_BYTES || !buf_ok(&copy->buf))
        flush(copy);
    buf_put(&copy->buf, row);
}

void copy_null(struct copy *copy)
{
    buf_u32(field(copy), UINT32_MAX);
}

void copy_bool(struct copy *copy, bool value)
{
    struct buf *out = field(copy);
    buf_u32(out, 1);
    buf_byte(out, value ? 1 : 0);
}

void copy_int2(struct copy *copy, int16_t value)
{
    struct buf *out = field(copy);
    buf_u32(out, 2);
    buf_u16(out, (uint16_t)value);
}

void copy_int4(struct copy *copy, int32_t value)
{
    struct buf *out = field(copy);
    buf_u32(out, 4);
    buf_u32(out, (uint32_t)value);
}

void copy_int8(struct copy *copy, int64_t value)
{
    struct buf *out = field(copy);
    buf_u32(out, 8);
    buf_u64(out, (uint64_t)value);
}

void copy_time(struct copy *copy, int64_t unix_ms)
{
    const int64_t lowest = CERT_TIME_MIN * INT64_C(1000);
    const int64_t highest = CERT_TIME_MAX * INT64_C(1000);
    int64_t clamped = unix_ms < lowest ? lowest : unix_ms > highest ? highest : unix_ms;
    copy_int8(copy, (clamped - PG_EPOCH_MS) * 1000);
}

void copy_bytes(struct copy *copy, struct span bytes)
{
    struct buf *out = field(copy);
    buf_u32(out, (uint32_t)bytes.len);
    buf_put(out, bytes);
}

void copy_ascii(struct copy *copy, struct span text)
{
    copy_bytes(copy, text);
}

void copy_text(struct copy *copy, struct span text, size_t max)
{
    struct span part = span_of(text.at, text.len < max ? text.len : max);
    struct buf *out = field(copy);
    size_t at = out->len;
    buf_u32(out, 0);
    text_visible(out, part);
    if (buf_ok(out))
        buf_patch_u32(out, at, (uint32_t)(out->len - at - 4));
}

void copy_json(struct copy *copy, struct span json)
{
    struct buf *out = field(copy);
    buf_u32(out, (uint32_t)json.len + 1);
    buf_byte(out, JSONB_VERSION);
    buf_put(out, json);
}

void copy_inet(struct copy *copy, struct span octets)
{
    struct buf *out = field(copy);
    must(octets.len == 4 || octets.len == 16);
    buf_u32(out, (uint32_t)octets.len + 4);
    buf_byte(out, octets.len == 4 ? FAMILY_INET : FAMILY_INET6);
    buf_byte(out, (uint8_t)(octets.len * 8));
    buf_byte(out, 0); /* not a cidr */
    buf_byte(out, (uint8_t)octets.len);
    buf_put(out, octets);
}

void copy_put_array(struct buf *out, uint32_t element_oid, size_t count)
{
    buf_u32(out, count == 0 ? 0 : 1); /* dimensions */
    buf_u32(out, 0);                  /* no NULLs */
    buf_u32(out, element_oid);
    if (count == 0)
        return;
    buf_u32(out, (uint32_t)count);
    buf_u32(out, 1); /* lower bound */
}

void copy_put_element(struct buf *out, struct span bytes)
{
    buf_u32(out, (uint32_t)bytes.len);
    buf_put(out, bytes);
}

void copy_int8s(struct copy *copy, const int64_t *values, size_t count)
{
    must(copy->columns.count == 0 &&
         copy->records.count == 0); /* there are no arrays of arrays of several lengths */
    buf_u32(&copy->buf, (uint32_t)(count == 0 ? 12 : 20 + 12 * count));
    copy_put_array(&copy->buf, COPY_OID_INT8, count);
    for (size_t i = 0; i < count; i++)
        copy_int8(copy, values[i]);
}
