#include "base/buf.h"

#include <stdarg.h>

#define CAP_FIRST 256

void buf_init(struct buf *buf, size_t ceiling)
{
    *buf = (struct buf){.ceiling = ceiling};
}

void buf_fini(struct buf *buf)
{
    free(buf->at);
    *buf = (struct buf){.ceiling = buf->ceiling};
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->overflow = false;
}

/* Room for `count` more bytes and one NUL behind them, which the ceiling does not count. */
static bool buf_reserve(struct buf *buf, size_t count)
{
    if (buf->overflow)
        return false;
    if (count > buf->ceiling || buf->len > buf->ceiling - count || buf->ceiling == SIZE_MAX) {
        buf->overflow = true;
        return false;
    }
    size_t need = buf->len + count + 1;
    if (need <= buf->cap)
        return true;
    size_t cap = buf->cap > SIZE_MAX / 2 ? need : buf->cap * 2;
    if (cap < CAP_FIRST)
        cap = CAP_FIRST;
    if (cap < need)
        cap = need;
    if (cap > buf->ceiling + 1)
        cap = buf->ceiling + 1;
    uint8_t *at = realloc(buf->at, cap);
    if (at == NULL) {
        buf->overflow = true;
        return false;
    }
    buf->at = at;
    buf->cap = cap;
    return true;
}

uint8_t *buf_room(struct buf *buf, size_t count)
{
    if (!buf_reserve(buf, count))
        return NULL;
    uint8_t *room = buf->at + buf->len;
    buf->len += count;
    return room;
}

void buf_put(struct buf *buf, struct span bytes)
{
    uint8_t *room = buf_room(buf, bytes.len);
    if (room != NULL && bytes.len != 0)
        memcpy(room, bytes.at, bytes.len);
}

void buf_str(struct buf *buf, const char *text)
{
    buf_put(buf, span_str(text));
}

void buf_byte(struct buf *buf, uint8_t byte)
{
    buf_put(buf, span_of(&byte, 1));
}

static void buf_uint(struct buf *buf, uint64_t value, size_t width)
{
    uint8_t *room = buf_room(buf, width);
    if (room == NULL)
        return;
    for (size_t i = 0; i < width; i++)
        room[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
}

void buf_u16(struct buf *buf, uint16_t value)
{
    buf_uint(buf, value, 2);
}

void buf_u24(struct buf *buf, uint32_t value)
{
    must(value < (1u << 24));
    buf_uint(buf, value, 3);
}

void buf_u32(struct buf *buf, uint32_t value)
{
    buf_uint(buf, value, 4);
}

void buf_u64(struct buf *buf, uint64_t value)
{
    buf_uint(buf, value, 8);
}

void buf_fmt(struct buf *buf, const char *fmt, ...)
{
    va_list args;

    if (!buf_reserve(buf, 0))
        return;
    va_start(args, fmt);
    int len = vsnprintf((char *)buf->at + buf->len, buf->cap - buf->len, fmt, args);
    va_end(args);
    if (len < 0) {
        buf->overflow = true;
        return;
    }
    if ((size_t)len < buf->cap - buf->len) {
        buf->len += (size_t)len;
        return;
    }
    if (!buf_reserve(buf, (size_t)len))
        return;
    va_start(args, fmt);
    (void)vsnprintf((char *)buf->at + buf->len, (size_t)len + 1, fmt, args);
    va_end(args);
    buf->len += (size_t)len;
}

void buf_patch_u32(struct buf *buf, size_t offset, uint32_t value)
{
    if (buf->overflow)
        return;
    must(buf->len >= 4 && offset <= buf->len - 4);
    for (size_t i = 0; i < 4; i++)
        buf->at[offset + i] = (uint8_t)(value >> (8 * (3 - i)));
}

const char *buf_text(struct buf *buf)
{
    if (buf->overflow || buf->at == NULL)
        return "";
    buf->at[buf->len] = 0;
    return (const char *)buf->at;
}
