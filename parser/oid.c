#include "parser/oid.h"

#define ARC_BYTES_MAX 160

/* No row is longer: what oid_find compares at once. */
#define OID_BYTES_MAX 16

struct oid_row {
    uint8_t len;
    uint8_t bytes[OID_BYTES_MAX + 1]; /* and the NUL of the literal */
};

struct oid_words {
    const char *dotted;
    const char *short_name;
};

static const struct oid_row rows[OID_COUNT] = {
    {0, ""},
#define X(name, length, tail, bytes, dotted, short_name) {sizeof(bytes) - 1, bytes},
#include "parser/oid.def"
#undef X
};

static const struct oid_words words[OID_COUNT] = {
    {"", NULL},
#define X(name, length, tail, bytes, dotted, short_name) {dotted, short_name},
#include "parser/oid.def"
#undef X
};

/* A perfect hash of all rows: two rows in one slot do not compile (an element is initialised twice). Then
 * another odd factor is needed; of those tried at random, one in some hundred separates 150 rows. */
#define SLOT_FACTOR 0xd5802587u
#define SLOT_BITS   10
#define SLOT(length, tail)                                                                                   \
    ((((uint32_t)(tail) ^ (uint32_t)(length) << 27) * SLOT_FACTOR & 0xffffffffu) >> (32 - SLOT_BITS))

static const uint8_t slots[1u << SLOT_BITS] = {
#define X(name, length, tail, bytes, dotted, short_name) [SLOT(length, tail)] = OID_##name,
#include "parser/oid.def"
#undef X
};

_Static_assert(OID_COUNT <= UINT8_MAX, "a slot is an octet");

/* Whether `len` octets are the same, 3 to OID_BYTES_MAX of them: two loads of fixed size, which may overlap,
 * cover them all. */
static bool same_bytes(const uint8_t *a, const uint8_t *b, size_t len)
{
    if (len >= 8)
        return memcmp(a, b, 8) == 0 && memcmp(a + len - 8, b + len - 8, 8) == 0;
    if (len >= 4)
        return memcmp(a, b, 4) == 0 && memcmp(a + len - 4, b + len - 4, 4) == 0;
    return a[0] == b[0] && a[1] == b[1] && a[2] == b[2];
}

enum oid oid_find(struct span oid)
{
    const uint8_t *last;
    const struct oid_row *row;
    uint32_t tail;

    if (oid.len < 3)
        return OID_UNKNOWN;
    last = oid.at + oid.len;
    tail = (uint32_t)last[-3] << 16 | (uint32_t)last[-2] << 8 | (uint32_t)last[-1];
    if (oid.len > 3)
        tail |= (uint32_t)last[-4] << 24;
    enum oid found = (enum oid)slots[SLOT(oid.len, tail)];
    row = &rows[found];
    return row->len == oid.len && same_bytes(row->bytes, oid.at, oid.len) ? found : OID_UNKNOWN;
}

struct span oid_bytes(enum oid oid)
{
    return oid == OID_UNKNOWN ? SPAN_NONE : span_of(rows[oid].bytes, rows[oid].len);
}

const char *oid_dotted(enum oid oid)
{
    return words[oid].dotted;
}

const char *oid_short(enum oid oid)
{
    return words[oid].short_name;
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
