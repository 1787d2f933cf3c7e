#include "db/copy.h"

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

void copy_fini(struct copy *copy)
{
    buf_fini(&copy->buf);
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
    if (copy->buf.len >= PIECE_BYTES || !buf_ok(&copy->buf))
        flush(copy);
    buf_u16(&copy->buf, (uint16_t)columns);
}

void copy_null(struct copy *copy)
{
    buf_u32(&copy->buf, UINT32_MAX);
}

void copy_bool(struct copy *copy, bool value)
{
    buf_u32(&copy->buf, 1);
    buf_byte(&copy->buf, value ? 1 : 0);
}

void copy_int2(struct copy *copy, int16_t value)
{
    buf_u32(&copy->buf, 2);
    buf_u16(&copy->buf, (uint16_t)value);
}

void copy_int4(struct copy *copy, int32_t value)
{
    buf_u32(&copy->buf, 4);
    buf_u32(&copy->buf, (uint32_t)value);
}

void copy_int8(struct copy *copy, int64_t value)
{
    buf_u32(&copy->buf, 8);
    buf_u64(&copy->buf, (uint64_t)value);
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
    buf_u32(&copy->buf, (uint32_t)bytes.len);
    buf_put(&copy->buf, bytes);
}

void copy_ascii(struct copy *copy, struct span text)
{
    copy_bytes(copy, text);
}

void copy_text(struct copy *copy, struct span text, size_t max)
{
    struct span part = span_of(text.at, text.len < max ? text.len : max);
    size_t at = copy->buf.len;
    buf_u32(&copy->buf, 0);
    text_visible(&copy->buf, part);
    if (buf_ok(&copy->buf))
        buf_patch_u32(&copy->buf, at, (uint32_t)(copy->buf.len - at - 4));
}

void copy_json(struct copy *copy, struct span json)
{
    buf_u32(&copy->buf, (uint32_t)json.len + 1);
    buf_byte(&copy->buf, JSONB_VERSION);
    buf_put(&copy->buf, json);
}

void copy_inet(struct copy *copy, struct span octets)
{
    must(octets.len == 4 || octets.len == 16);
    buf_u32(&copy->buf, (uint32_t)octets.len + 4);
    buf_byte(&copy->buf, octets.len == 4 ? FAMILY_INET : FAMILY_INET6);
    buf_byte(&copy->buf, (uint8_t)(octets.len * 8));
    buf_byte(&copy->buf, 0); /* not a cidr */
    buf_byte(&copy->buf, (uint8_t)octets.len);
    buf_put(&copy->buf, octets);
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
    buf_u32(&copy->buf, (uint32_t)(count == 0 ? 12 : 20 + 12 * count));
    copy_put_array(&copy->buf, COPY_OID_INT8, count);
    for (size_t i = 0; i < count; i++)
        copy_int8(copy, values[i]);
}
