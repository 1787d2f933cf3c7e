#include "parser/dn.h"

#include "base/text.h"
#include "parser/oid.h"

void dn_init(struct dn *dn, struct span name)
{
    struct der outer;
    struct der_item item;

    dn->odd = (struct finding_set){{0, 0}};
    dn->rdn = UINT32_MAX;
    dn->empty_rdn = false;
    dn->damaged = false;
    dn->in_parts = false;
    dn->rdns = der_of(SPAN_NONE, &dn->odd);
    dn->attrs = dn->rdns;
    if (name.at == NULL)
        return;
    outer = der_of(name, &dn->odd);
    if (der_expect(&outer, DER_SEQUENCE, &item) && der_done(&outer))
        dn->rdns = der_of(item.value, &dn->odd);
    else
        dn->damaged = true;
}

/* Moves to the next RDN that has attributes. */
static bool next_rdn(struct dn *dn)
{
    struct der_item item;

    while (!der_more(&dn->attrs)) {
        if (!der_more(&dn->rdns))
            return false;
        if (!der_next(&dn->rdns, &item)) {
            dn->damaged = true;
            return false;
        }
        dn->rdn++;
        if (item.tag != DER_SET) {
            dn->damaged = true;
            continue;
        }
        if (item.value.len == 0)
            dn->empty_rdn = true;
        dn->attrs = der_of(item.value, &dn->odd);
    }
    return true;
}

bool dn_next(struct dn *dn, struct dn_attr *attr)
{
    struct der_item item;
    struct der_item oid;
    struct der_item value;

    while (next_rdn(dn)) {
        if (!der_expect(&dn->attrs, DER_SEQUENCE, &item)) {
            dn->damaged = true;
            continue;
        }
        struct der in = der_of(item.value, &dn->odd);
        if (!der_expect(&in, DER_OID, &oid) || !der_next(&in, &value)) {
            dn->damaged = true;
            continue;
        }
        if (!der_done(&in))
            dn->damaged = true;
        attr->oid = oid.value;
        attr->tag = value.tag;
        attr->value = value.value;
        attr->rdn = dn->rdn;
        dn->in_parts = dn->in_parts || dn_is_parts(value.tag);
        return true;
    }
    return false;
}

static size_t put_utf8(uint32_t code, uint8_t *out, size_t room)
{
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        code = 0xfffd;
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t lead[5] = {0, 0, 0xc0, 0xe0, 0xf0};

    if (len > room)
        return 0;
    for (size_t i = len; i-- > 1;) {
        out[i] = (uint8_t)(0x80u | (code & 0x3fu));
        code >>= 6;
    }
    out[0] = (uint8_t)(lead[len] | code);
    return len;
}

/* The code unit at `at` of `width` octets, joined with its second half where UTF-16 needs one. */
static uint32_t code_at(struct span value, size_t at, size_t width, size_t *used)
{
    uint32_t code = 0;

    *used = width <= value.len - at ? width : value.len - at;
    for (size_t i = 0; i < *used; i++)
        code = code << 8 | value.at[at + i];
    if (*used < width)
        return 0xfffd;
    if (width != 2 || code < 0xd800 || code > 0xdbff || value.len - at < 4)
        return code;
    uint32_t low = (uint32_t)value.at[at + 2] << 8 | value.at[at + 3];
    if (low < 0xdc00 || low > 0xdfff)
        return code;
    *used = 4;
    return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

bool dn_is_text(uint32_t tag)
{
    /* NumericString to IA5String, VisibleString, GeneralString and the three wide ones. */
    return tag == DER_UTF8_STRING || (tag >= 0x12 && tag <= 0x16) || (tag >= 0x1a && tag <= DER_BMP_STRING);
}

bool dn_is_parts(uint32_t tag)
{
    /* Universal and constructed, but not what is always constructed. */
    return (tag & 0xe0u) == 0x20u && tag != DER_SEQUENCE && tag != DER_SET;
}

/* One-byte string types hold UTF-8 more often than what they promise; Latin-1 is what is left. */
static bool is_utf8(uint32_t tag, struct span value)
{
    if (tag == DER_BMP_STRING || tag == DER_UNIVERSAL_STRING)
        return false;
    return tag == DER_UTF8_STRING || text_is_utf8(value);
}

size_t dn_utf8(uint32_t tag, struct span value, uint8_t *out, size_t cap)
{
    size_t width = tag == DER_BMP_STRING ? 2 : tag == DER_UNIVERSAL_STRING ? 4 : 1;
    size_t len = 0;
    size_t used;

    if (is_utf8(tag, value)) {
        len = value.len < cap ? value.len : cap;
        while (len < value.len && len > 0 && (value.at[len] & 0xc0u) == 0x80u)
            len--;
        if (len != 0)
            memcpy(out, value.at, len);
        return len;
    }
    for (size_t at = 0; at < value.len; at += used) {
        size_t put = put_utf8(code_at(value, at, width, &used), out + len, cap - len);
        if (put == 0)
            break;
        len += put;
    }
    return len;
}

struct text {
    char *at;
    size_t len;
    size_t cap; /* without the final NUL and the dots */
    bool full;
};

/* All of `piece`, or nothing and the end. */
static void put(struct text *text, const char *piece, size_t len)
{
    if (text->full || len > text->cap - text->len) {
        text->full = true;
        return;
    }
    memcpy(text->at + text->len, piece, len);
    text->len += len;
}

static void put_byte(struct text *text, uint8_t c, bool escape)
{
    static const char hex[] = "0123456789abcdef";
    char out[3] = {'\\', (char)c, 0};

    if (c < 0x20 || c == 0x7f) {
        out[1] = hex[c >> 4];
        out[2] = hex[c & 15];
        put(text, out, 3);
    } else if (escape) {
        put(text, out, 2);
    } else {
        put(text, out + 1, 1);
    }
}

static void put_string(struct text *text, const struct dn_attr *attr)
{
    uint8_t piece[8];
    size_t step = attr->tag == DER_UNIVERSAL_STRING ? 4 : 2;
    bool utf8 = is_utf8(attr->tag, attr->value);

    if (attr->tag != DER_BMP_STRING && attr->tag != DER_UNIVERSAL_STRING)
        step = 1;
    for (size_t i = 0; i < attr->value.len && !text->full; i += step) {
        size_t used = step;
        uint32_t code = code_at(attr->value, i, step, &used);
        size_t len = utf8 ? 1 : put_utf8(code, piece, sizeof piece);
        if (utf8)
            piece[0] = attr->value.at[i];
        bool edge = (i == 0 && (piece[0] == ' ' || piece[0] == '#')) ||
                    (i + used >= attr->value.len && piece[0] == ' ');
        if (len == 1)
            put_byte(text, piece[0], edge || strchr("\"+,;<>\\", piece[0]) != NULL);
        else
            put(text, (const char *)piece, len);
        i += used - step;
    }
}

static void put_attr(struct text *text, const struct dn_attr *attr)
{
    char oid[OID_TEXT_MAX];
    const char *name = oid_short(oid_find(attr->oid));

    if (name == NULL)
        name = oid_text(attr->oid, oid);
    put(text, name, strlen(name));
    put(text, "=", 1);
    put_string(text, attr);
}

size_t dn_text(struct span name, char *out, size_t cap)
{
    struct span rdn[DN_TEXT_RDNS_MAX];
    size_t count = 0;
    struct dn dn;
    struct dn_attr attr;
    struct der_item item;

    must(cap >= 8);
    struct text text = {out, 0, cap - 4, false};
    dn_init(&dn, name);
    while (count < countof(rdn) && der_more(&dn.rdns) && der_next(&dn.rdns, &item))
        rdn[count++] = item.whole;
    text.full = der_more(&dn.rdns) && count == countof(rdn);
    for (size_t i = count; i-- > 0 && !text.full;) {
        dn.rdns = der_of(rdn[i], &dn.odd);
        for (bool first = true; dn_next(&dn, &attr); first = false) {
            if (text.len != 0)
                put(&text, first ? "," : "+", 1);
            put_attr(&text, &attr);
        }
    }
    if (text.full) {
        memcpy(out + text.len, "...", 3);
        text.len += 3;
    }
    out[text.len] = '\0';
    return text.len;
}
