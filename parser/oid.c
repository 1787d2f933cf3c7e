#include "parser/oid.h"

#define ARC_BYTES_MAX 160

struct oid_row {
    struct span bytes;
    const char *dotted;
    const char *short_name;
};

static const struct oid_row rows[OID_COUNT] = {
    {{NULL, 0}, "", NULL},
#define X(name, length, tail, bytes, dotted, short_name)                                                     \
    {{(const uint8_t *)(bytes), sizeof(bytes) - 1}, dotted, short_name},
#include "parser/oid.def"
#undef X
};

#define OID_KEY(length, tail) ((uint64_t)(length) << 32 | (uint64_t)(tail))

enum oid oid_find(struct span oid)
{
    const uint8_t *last = oid.at + oid.len;
    uint32_t tail;
    enum oid found;

    if (oid.len < 3)
        return OID_UNKNOWN;
    tail = (uint32_t)last[-3] << 16 | (uint32_t)last[-2] << 8 | (uint32_t)last[-1];
    if (oid.len > 3)
        tail |= (uint32_t)last[-4] << 24;
    switch (OID_KEY(oid.len, tail)) {
#define X(name, length, tail, bytes, dotted, short_name)                                                     \
    case OID_KEY(length, tail):                                                                              \
        found = OID_##name;                                                                                  \
        break;
#include "parser/oid.def"
#undef X
    default:
        return OID_UNKNOWN;
    }
    return memcmp(rows[found].bytes.at, oid.at, oid.len) == 0 ? found : OID_UNKNOWN;
}

struct span oid_bytes(enum oid oid)
{
    return rows[oid].bytes;
}

const char *oid_dotted(enum oid oid)
{
    return rows[oid].dotted;
}

const char *oid_short(enum oid oid)
{
    return rows[oid].short_name;
}

struct text {
    char *at;
    size_t len;
    bool full;
};

static void put(struct text *text, char c)
{
    if (text->len + 3 >= OID_TEXT_MAX)
        text->full = true;
    else
        text->at[text->len++] = c;
}

/* Decimal digits of the arc (base 128, big-endian) minus `less`. Arcs may be wider than any machine word
 * (2.25.UUID), so the number is kept in base 1000. */
static void put_arc(struct text *text, const uint8_t *arc, size_t len, unsigned less)
{
    uint16_t digit[ARC_BYTES_MAX] = {0};
    size_t count = 1;
    unsigned borrow = less;

    for (size_t i = 0; i < len; i++) {
        uint32_t carry = arc[i] & 0x7fu;
        for (size_t d = 0; d < count; d++) {
            uint32_t value = digit[d] * UINT32_C(128) + carry;
            digit[d] = (uint16_t)(value % 1000);
            carry = value / 1000;
        }
        if (carry != 0)
            digit[count++] = (uint16_t)carry;
    }
    for (size_t d = 0; d < count && borrow != 0; d++) {
        bool under = digit[d] < borrow;
        digit[d] = (uint16_t)(digit[d] + (under ? 1000u : 0u) - borrow);
        borrow = under ? 1 : 0;
    }
    while (count > 1 && digit[count - 1] == 0)
        count--;
    for (size_t d = count; d-- > 0;) {
        bool first = d == count - 1;
        if (!first || digit[d] >= 100)
            put(text, (char)('0' + digit[d] / 100));
        if (!first || digit[d] >= 10)
            put(text, (char)('0' + digit[d] / 10 % 10));
        put(text, (char)('0' + digit[d] % 10));
    }
}

static void put_hex(struct text *text, struct span bytes)
{
    static const char hex[] = "0123456789abcdef";

    put(text, '#');
    for (size_t i = 0; i < bytes.len && !text->full; i++) {
        put(text, hex[bytes.at[i] >> 4]);
        put(text, hex[bytes.at[i] & 15]);
    }
}

/* The first arc and the second share one number: 40 * first + second, where first is at most 2. */
static void put_first(struct text *text, const uint8_t *arc, size_t len)
{
    unsigned first = len > 1 || arc[0] >= 80 ? 2 : arc[0] / 40u;

    put(text, (char)('0' + first));
    put(text, '.');
    put_arc(text, arc, len, first * 40);
}

char *oid_text(struct span oid, char out[OID_TEXT_MAX])
{
    struct text text = {out, 0, false};
    size_t begin = 0;

    if (oid.len == 0 || (oid.at[oid.len - 1] & 0x80u) != 0 || oid.len > ARC_BYTES_MAX) {
        put_hex(&text, oid);
        begin = oid.len;
    }
    while (begin < oid.len && !text.full) {
        size_t end = begin;
        while ((oid.at[end] & 0x80u) != 0)
            end++;
        end++;
        /* A leading 0x80 is padding: it carries no digits, and must not make a small first arc look like a
         * large one. */
        size_t from = begin;
        while (oid.at[from] == 0x80)
            from++;
        if (begin == 0) {
            put_first(&text, oid.at + from, end - from);
        } else {
            put(&text, '.');
            put_arc(&text, oid.at + from, end - from, 0);
        }
        begin = end;
    }
    if (text.full) {
        out[text.len++] = '.';
        out[text.len++] = '.';
    }
    out[text.len] = '\0';
    return out;
}
