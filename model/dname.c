#include "model/dname.h"

#include "base/cur.h"
#include "base/text.h"

#define RDN_MAX   64
#define VALUE_MAX 256
#define OID_MAX   32

enum { TAG_OID = 0x06, TAG_SEQUENCE = 0x30, TAG_SET = 0x31 };

struct element {
    uint8_t tag;
    struct span whole;
    struct span content;
};

struct attribute {
    const char *oid; /* content octets */
    size_t oid_len;
    const char *name;
};

static const struct attribute attributes[] = {
    {"\x55\x04\x03", 3, "CN"},
    {"\x55\x04\x0a", 3, "O"},
    {"\x55\x04\x0b", 3, "OU"},
    {"\x55\x04\x06", 3, "C"},
    {"\x55\x04\x07", 3, "L"},
    {"\x55\x04\x08", 3, "ST"},
    {"\x55\x04\x09", 3, "STREET"},
    {"\x55\x04\x05", 3, "serialNumber"},
    {"\x55\x04\x04", 3, "SN"},
    {"\x55\x04\x2a", 3, "GN"},
    {"\x55\x04\x61", 3, "organizationIdentifier"},
    {"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", 10, "DC"},
    {"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", 10, "UID"},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 9, "emailAddress"},
};

/* Lengths of up to four octets, minimal or not: what real CAs wrote. */
static bool element_next(struct cur *cur, struct element *out)
{
    const uint8_t *begin = cur->at;
    out->tag = (uint8_t)cur_uint(cur, 1);
    uint64_t length = cur_uint(cur, 1);
    if (length > 0x84 || length == 0x80)
        return false;
    if (length > 0x80)
        length = cur_uint(cur, (size_t)(length & 0x7f));
    out->content = cur_bytes(cur, (size_t)length);
    if (cur->failed)
        return false;
    out->whole = span_of(begin, (size_t)(cur->at - begin));
    return true;
}

static void put_hex(struct buf *out, struct span bytes)
{
    buf_byte(out, '#');
    size_t shown = bytes.len < VALUE_MAX ? bytes.len : VALUE_MAX;
    for (size_t i = 0; i < shown; i++)
        buf_fmt(out, "%02x", bytes.at[i]);
    if (shown < bytes.len)
        buf_str(out, "...");
}

static void put_oid(struct buf *out, struct span oid)
{
    for (size_t i = 0; i < countof(attributes); i++) {
        if (span_eq(oid, span_of(attributes[i].oid, attributes[i].oid_len))) {
            buf_str(out, attributes[i].name);
            return;
        }
    }
    if (oid.len == 0 || oid.len > OID_MAX || (oid.at[oid.len - 1] & 0x80) != 0) {
        put_hex(out, oid);
        return;
    }
    uint64_t arc = 0;
    bool first = true;
    for (size_t i = 0; i < oid.len; i++) {
        arc = arc << 7 | (oid.at[i] & 0x7fu);
        if ((oid.at[i] & 0x80) != 0)
            continue;
        uint64_t root = arc < 80 ? arc / 40 : 2;
        if (first)
            buf_fmt(out, "%" PRIu64 ".%" PRIu64, root, arc - root * 40);
        else
            buf_fmt(out, ".%" PRIu64, arc);
        first = false;
        arc = 0;
    }
}

static void put_code_point(struct buf *out, uint32_t point)
{
    if (point < 0x80) {
        buf_byte(out, (uint8_t)point);
    } else if (point < 0x800) {
        buf_byte(out, (uint8_t)(0xc0 | point >> 6));
        buf_byte(out, (uint8_t)(0x80 | (point & 0x3f)));
    } else if (point < 0x10000) {
        buf_byte(out, (uint8_t)(0xe0 | point >> 12));
        buf_byte(out, (uint8_t)(0x80 | (point >> 6 & 0x3f)));
        buf_byte(out, (uint8_t)(0x80 | (point & 0x3f)));
    } else {
        buf_byte(out, (uint8_t)(0xf0 | (point >> 18 & 0x07)));
        buf_byte(out, (uint8_t)(0x80 | (point >> 12 & 0x3f)));
        buf_byte(out, (uint8_t)(0x80 | (point >> 6 & 0x3f)));
        buf_byte(out, (uint8_t)(0x80 | (point & 0x3f)));
    }
}

/* Fixed-width code points to UTF-8; a surrogate pair of BMPString is no character of it and stays visible as
 * two invalid sequences. */
static void put_wide(struct buf *out, struct span bytes, size_t width)
{
    struct cur cur = cur_of(bytes);
    while (cur_left(&cur) >= width)
        put_code_point(out, (uint32_t)cur_uint(&cur, width));
}

/* The value's characters as UTF-8; false for a type that is no string. */
static bool value_utf8(const struct element *value, struct buf *out)
{
    switch (value->tag) {
    case 0x0c: /* UTF8String */
    case 0x12: /* NumericString */
    case 0x13: /* PrintableString */
    case 0x16: /* IA5String */
    case 0x1a: /* VisibleString */
        buf_put(out, value->content);
        return true;
    case 0x14: /* TeletexString, in practice Latin-1 */
        put_wide(out, value->content, 1);
        return true;
    case 0x1c: /* UniversalString */
        put_wide(out, value->content, 4);
        return true;
    case 0x1e: /* BMPString */
        put_wide(out, value->content, 2);
        return true;
    default:
        return false;
    }
}

static void put_value(struct buf *out, const struct element *value)
{
    struct element cut = *value;
    if (cut.content.len > VALUE_MAX)
        cut.content.len = VALUE_MAX;
    struct buf utf8;
    struct buf visible;
    buf_init(&utf8, 4 * VALUE_MAX);
    buf_init(&visible, 32 * VALUE_MAX);
    if (!value_utf8(&cut, &utf8) || !buf_ok(&utf8)) {
        put_hex(out, value->whole);
    } else {
        text_visible(&visible, buf_span(&utf8));
        struct span text = buf_span(&visible);
        for (size_t i = 0; i < text.len; i++) {
            if (memchr(",+\"<>;", text.at[i], 6) != NULL)
                buf_byte(out, '\\');
            buf_byte(out, text.at[i]);
        }
        if (cut.content.len < value->content.len)
            buf_str(out, "...");
    }
    buf_fini(&visible);
    buf_fini(&utf8);
}

static void put_rdn(struct buf *out, struct span rdn)
{
    struct cur set = cur_of(rdn);
    bool first = true;
    while (cur_left(&set) != 0) {
        struct element pair;
        struct element oid;
        struct element value;
        if (!first)
            buf_str(out, " + ");
        first = false;
        if (!element_next(&set, &pair)) {
            put_hex(out, rdn);
            return;
        }
        struct cur inside = cur_of(pair.content);
        if (pair.tag != TAG_SEQUENCE || !element_next(&inside, &oid) || oid.tag != TAG_OID ||
            !element_next(&inside, &value)) {
            put_hex(out, pair.whole);
            continue;
        }
        put_oid(out, oid.content);
        buf_byte(out, '=');
        put_value(out, &value);
    }
}

/* Cuts at a character's border and says so. */
static void put_cut(struct buf *out, struct span text)
{
    if (text.len <= DNAME_TEXT_MAX) {
        buf_put(out, text);
        return;
    }
    size_t len = DNAME_TEXT_MAX - 3;
    while (len > 0 && (text.at[len] & 0xc0) == 0x80)
        len--;
    buf_put(out, span_part(text, 0, len));
    buf_str(out, "...");
}

void dname_text(struct span der, struct buf *out)
{
    struct cur cur = cur_of(der);
    struct element name;
    struct span rdn[RDN_MAX];
    size_t count = 0;
    if (der.len == 0)
        return;
    if (!element_next(&cur, &name) || name.tag != TAG_SEQUENCE) {
        struct span head = der;
        head.len = head.len < VALUE_MAX ? head.len : VALUE_MAX;
        put_hex(out, head);
        return;
    }
    struct cur inside = cur_of(name.content);
    struct element set;
    while (count < RDN_MAX && cur_left(&inside) != 0) {
        const uint8_t *at = inside.at;
        bool fits = element_next(&inside, &set) && set.tag == TAG_SET;
        rdn[count++] = fits ? set.content : span_of(at, (size_t)(inside.end - at));
        if (!fits)
            break;
    }
    struct buf line;
    buf_init(&line, 1u << 20);
    for (size_t i = count; i-- > 0 && line.len <= DNAME_TEXT_MAX;) {
        if (line.len != 0)
            buf_str(&line, ", ");
        put_rdn(&line, rdn[i]);
    }
    if (buf_ok(&line))
        put_cut(out, buf_span(&line));
    else
        put_hex(out, span_of(der.at, der.len < VALUE_MAX ? der.len : VALUE_MAX));
    buf_fini(&line);
}
