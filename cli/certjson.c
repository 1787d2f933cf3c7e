#include "cli/certjson.h"

#include <stdlib.h>

#include "base/text.h"
#include "parser/dn.h"
#include "parser/oid.h"

void certjson_set(json_t *object, const char *key, json_t *value)
{
    must(value != NULL && json_object_set_new(object, key, value) == 0);
}

void certjson_append(json_t *array, json_t *value)
{
    must(value != NULL && json_array_append_new(array, value) == 0);
}

json_t *certjson_latin1(struct span bytes)
{
    uint8_t *utf8 = malloc(2 * bytes.len + 1);
    size_t len = 0;

    must(utf8 != NULL);
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = bytes.at[i];
        if (byte >= 0x80)
            utf8[len++] = (uint8_t)(0xc0 | byte >> 6);
        utf8[len++] = byte < 0x80 ? byte : (uint8_t)(0x80 | (byte & 0x3f));
    }
    json_t *text = json_stringn((const char *)utf8, len);
    free(utf8);
    return text;
}

json_t *certjson_hex(struct span bytes)
{
    char *text = malloc(2 * bytes.len + 1);

    must(text != NULL);
    json_t *value = json_string(text_hex(bytes, text));
    free(text);
    return value;
}

json_t *certjson_hex_or_null(struct span bytes)
{
    return bytes.at == NULL ? json_null() : certjson_hex(bytes);
}

json_t *certjson_dotted(struct span oid)
{
    char text[OID_TEXT_MAX];

    return oid.at == NULL ? json_null() : json_string(oid_text(oid, text));
}

/* An attribute value as Unicode; octets that are not what their string type promises come out as Latin-1, and
 * values that are no text as hex. */
json_t *certjson_attr(const struct dn_attr *attr)
{
    size_t cap = DN_UTF8_ROOM(attr->value.len) + 1;
    uint8_t *utf8;

    if (!dn_is_text(attr->tag))
        return certjson_hex(attr->value);
    utf8 = malloc(cap);
    must(utf8 != NULL);
    json_t *text = json_stringn((const char *)utf8, dn_utf8(attr->tag, attr->value, utf8, cap));
    free(utf8);
    return text != NULL ? text : certjson_latin1(attr->value);
}

static int by_oid_and_value(const void *left, const void *right)
{
    json_t *const *a = left;
    json_t *const *b = right;
    int order = strcmp(json_string_value(json_array_get(*a, 0)), json_string_value(json_array_get(*b, 0)));

    if (order != 0)
        return order;
    return strcmp(json_string_value(json_array_get(*a, 1)), json_string_value(json_array_get(*b, 1)));
}

/* The attributes of an RDN are a set: a fixed order makes two prints comparable. */
static json_t *sorted(json_t *rdn)
{
    size_t count = json_array_size(rdn);
    json_t **items = malloc((count + 1) * sizeof(json_t *));
    json_t *out = json_array();

    must(items != NULL && out != NULL);
    for (size_t i = 0; i < count; i++)
        items[i] = json_array_get(rdn, i);
    qsort(items, count, sizeof(json_t *), by_oid_and_value);
    for (size_t i = 0; i < count; i++)
        must(json_array_append(out, items[i]) == 0);
    free(items);
    json_decref(rdn);
    return out;
}

json_t *certjson_name(struct span name)
{
    json_t *rdns = json_array();
    json_t *rdn = NULL;
    uint32_t at = UINT32_MAX;
    struct dn dn;
    struct dn_attr attr;

    dn_init(&dn, name);
    while (dn_next(&dn, &attr)) {
        if (rdn == NULL || attr.rdn != at) {
            if (rdn != NULL)
                certjson_append(rdns, sorted(rdn));
            rdn = json_array();
            at = attr.rdn;
        }
        json_t *pair = json_array();
        certjson_append(pair, certjson_dotted(attr.oid));
        certjson_append(pair, certjson_attr(&attr));
        certjson_append(rdn, pair);
    }
    if (rdn != NULL)
        certjson_append(rdns, sorted(rdn));
    return rdns;
}

/* Signed hex: two's complement becomes a sign and the magnitude. */
json_t *certjson_integer(struct span serial)
{
    char *text;
    json_t *value;

    if (serial.at == NULL)
        return json_null();
    bool negative = serial.len != 0 && serial.at[0] >= 0x80;
    uint8_t *bytes = malloc(serial.len + 1);
    text = malloc(2 * serial.len + 2);
    must(bytes != NULL && text != NULL);
    unsigned carry = 1;
    for (size_t i = serial.len; i-- > 0;) {
        unsigned byte = negative ? (serial.at[i] ^ 0xffu) + carry : serial.at[i];
        carry = byte >> 8;
        bytes[i] = (uint8_t)byte;
    }
    (void)text_hex(span_of(bytes, serial.len), text);
    const char *digits = text;
    while (digits[0] == '0' && digits[1] != '\0')
        digits++;
    value = json_sprintf("%s%s", negative ? "-" : "", digits[0] == '\0' ? "0" : digits);
    free(text);
    free(bytes);
    return value;
}
