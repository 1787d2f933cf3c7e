#include "cli/certview.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "parser/dn.h"
#include "parser/ext.h"
#include "parser/san.h"
#include "parser/sctlist.h"
#include "parser/spki.h"
#include "parser/when.h"

static void set(json_t *object, const char *key, json_t *value)
{
    must(value != NULL && json_object_set_new(object, key, value) == 0);
}

static void append(json_t *array, json_t *value)
{
    must(value != NULL && json_array_append_new(array, value) == 0);
}

static json_t *latin1(struct span bytes)
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

static json_t *hex(struct span bytes)
{
    char *text = malloc(2 * bytes.len + 1);

    must(text != NULL);
    json_t *value = json_string(text_hex(bytes, text));
    free(text);
    return value;
}

static json_t *hex_or_null(struct span bytes)
{
    return bytes.at == NULL ? json_null() : hex(bytes);
}

static json_t *dotted(struct span oid)
{
    char text[OID_TEXT_MAX];

    return oid.at == NULL ? json_null() : json_string(oid_text(oid, text));
}

/* An attribute value as Unicode; octets that are not what their string type promises come out as Latin-1, and
 * values that are no text as hex. */
static json_t *attr_text(const struct dn_attr *attr)
{
    size_t cap = DN_UTF8_ROOM(attr->value.len) + 1;
    uint8_t *utf8;

    if (!dn_is_text(attr->tag))
        return hex(attr->value);
    utf8 = malloc(cap);
    must(utf8 != NULL);
    json_t *text = json_stringn((const char *)utf8, dn_utf8(attr->tag, attr->value, utf8, cap));
    free(utf8);
    return text != NULL ? text : latin1(attr->value);
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

static json_t *name_json(struct span name)
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
                append(rdns, sorted(rdn));
            rdn = json_array();
            at = attr.rdn;
        }
        json_t *pair = json_array();
        append(pair, dotted(attr.oid));
        append(pair, attr_text(&attr));
        append(rdn, pair);
    }
    if (rdn != NULL)
        append(rdns, sorted(rdn));
    return rdns;
}

static json_t *cn_json(struct span name)
{
    json_t *cns = json_array();
    struct dn dn;
    struct dn_attr attr;

    dn_init(&dn, name);
    while (dn_next(&dn, &attr)) {
        if (oid_find(attr.oid) == OID_DN_CN)
            append(cns, attr_text(&attr));
    }
    return cns;
}

/* Signed hex: two's complement becomes a sign and the magnitude. */
static json_t *serial_json(struct span serial)
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

/* The validity once more, because the extremes that stand for an unreadable time may also be written in a
 * certificate. */
struct validity {
    bool before;
    bool after;
};

static struct validity readable_times(const struct cert *cert)
{
    struct validity readable = {false, false};
    struct finding_set ignored = {{0, 0}};
    struct der_item item;
    int64_t unix_s;

    if (cert->issuer.at == NULL || cert->subject.at == NULL)
        return readable;
    const uint8_t *begin = cert->issuer.at + cert->issuer.len;
    struct der in = der_of(span_of(begin, (size_t)(cert->subject.at - begin)), &ignored);
    if (!der_expect(&in, DER_SEQUENCE, &item))
        return readable;
    in = der_of(item.value, &ignored);
    readable.before = der_next(&in, &item) && when_read(item.tag, item.value, &unix_s) != WHEN_UNREADABLE;
    readable.after = der_next(&in, &item) && when_read(item.tag, item.value, &unix_s) != WHEN_UNREADABLE;
    return readable;
}

static json_t *integer_or_null(int64_t value, bool known)
{
    return known ? json_integer(value) : json_null();
}

static void set_san(json_t *object, const struct cert *cert)
{
    json_t *dns = json_array();
    json_t *ip = json_array();
    json_t *email = json_array();
    json_t *uri = json_array();
    struct san san;
    struct san_item item;

    san_init(&san, cert);
    while (san_next(&san, &item)) {
        if (item.kind == SAN_DNS)
            append(dns, latin1(item.value));
        else if (item.kind == SAN_IP)
            append(ip, hex(item.value));
        else if (item.kind == SAN_EMAIL)
            append(email, latin1(item.value));
        else if (item.kind == SAN_URI)
            append(uri, latin1(item.value));
    }
    set(object, "dns", dns);
    set(object, "ip", ip);
    set(object, "email", email);
    set(object, "uri", uri);
}

static json_t *sct_json(const struct sctlist_item *item)
{
    json_t *sct = json_object();

    set(sct, "version", json_integer(item->version));
    if (!item->readable) {
        set(sct, "raw", hex(item->whole));
        return sct;
    }
    set(sct, "log_id", hex(item->log_id));
    set(sct, "timestamp_ms", json_integer((json_int_t)item->timestamp_ms));
    set(sct, "extensions", hex(item->extensions));
    set(sct, "leaf_index", item->leaf_index < 0 ? json_null() : json_integer(item->leaf_index));
    set(sct, "hash_alg", json_integer(item->hash_alg));
    set(sct, "sig_alg", json_integer(item->sig_alg));
    set(sct, "signature", hex(item->signature));
    return sct;
}

static void set_scts(json_t *object, const struct cert *cert)
{
    json_t *scts = json_array();
    struct sctlist list;
    struct sctlist_item item;

    sctlist_init(&list, cert->sct_list);
    while (sctlist_next(&list, &item))
        append(scts, sct_json(&item));
    set(object, "sct_count", json_integer((json_int_t)json_array_size(scts)));
    set(object, "scts", scts);
}

static void set_exts(json_t *object, const struct cert *cert)
{
    json_t *exts = json_array();
    struct finding_set ignored = {{0, 0}};
    char oid[OID_TEXT_MAX];
    struct ext ext;
    struct ext_item item;

    ext_init(&ext, cert->exts, &ignored);
    while (ext_next(&ext, &item)) {
        if (item.oid.at != NULL)
            append(exts, json_sprintf("%s%s", oid_text(item.oid, oid), item.critical ? "!" : ""));
    }
    set(object, "exts", exts);
}

static json_t *findings_json(const struct finding_set *findings)
{
    json_t *array = json_array();

    for (unsigned i = 0; i < FINDING_COUNT; i++) {
        if (finding_has(findings, (enum finding)i))
            append(array, json_string(finding_name((enum finding)i)));
    }
    return array;
}

static const char *kind_name(enum entry_kind kind)
{
    return kind == ENTRY_X509 ? "x509" : kind == ENTRY_PRECERT ? "precert" : "opaque";
}

static json_t *entry_json(const struct entry *entry)
{
    json_t *object = json_object();

    set(object, "kind", json_string(kind_name(entry->kind)));
    set(object, "timestamp_ms", json_integer(entry->timestamp_ms));
    set(object, "leaf_hash", hex(span_of(entry->leaf_hash, 32)));
    set(object, "leaf_index", entry->leaf_index < 0 ? json_null() : json_integer(entry->leaf_index));
    set(object, "issuer_key_hash", hex_or_null(entry->issuer_key_hash));
    set(object, "unverified_chain_length", json_integer(entry->chain_count));
    return object;
}

json_t *certview_json(const struct certview *view)
{
    const struct cert *cert = view->cert;
    const struct issuance *issuance = view->issuance;
    struct validity times = readable_times(cert);
    const char *alg = spki_alg_name(cert);
    json_t *object = json_object();

    set(object, "schema", json_string("ctvigil.cert.1"));
    set(object, "sha256", view->sha256 == NULL ? json_null() : hex(span_of(view->sha256, 32)));
    set(object, "tbs_fp", hex(span_of(issuance->tbs_fp, 32)));
    set(object, "spki_sha256", cert->spki.at == NULL ? json_null() : hex(span_of(issuance->spki_sha256, 32)));
    set(object, "version", cert->tbs.at == NULL ? json_null() : json_integer(cert->version));
    set(object, "serial", serial_json(cert->serial));
    set(object, "issuer", name_json(cert->issuer));
    set(object, "subject", name_json(cert->subject));
    set(object, "not_before", integer_or_null(cert->not_before, times.before));
    set(object, "not_after", integer_or_null(cert->not_after, times.after));
    set(object, "validity_seconds",
        integer_or_null(issuance_validity_s(issuance), times.before && times.after));
    set(object, "cn", cn_json(cert->subject));
    set_san(object, cert);
    set(object, "key_alg", alg == NULL ? json_null() : json_string(alg));
    set(object, "key_bits", cert->key_bits == 0 ? json_null() : json_integer(cert->key_bits));
    set(object, "sig_oid", dotted(cert->sig_oid.at != NULL ? cert->sig_oid : cert->tbs_sig_oid));
    set(object, "is_ca", json_boolean((cert->flags & CERT_IS_CA) != 0));
    set(object, "poison", json_boolean((cert->flags & CERT_POISON) != 0));
    set_scts(object, cert);
    set_exts(object, cert);
    set(object, "findings", findings_json(&issuance->findings));
    if (view->entry != NULL)
        set(object, "entry", entry_json(view->entry));
    return object;
}

static void line(const char *label, struct span bytes)
{
    struct buf visible;

    buf_init(&visible, 1u << 22);
    text_visible(&visible, bytes);
    printf("  %-12s %s\n", label, buf_text(&visible));
    buf_fini(&visible);
}

/* RFC 4514 text, then made visible: it may hold UTF-8 that a terminal should not see. */
static void print_name(const char *label, struct span name)
{
    char text[4096];
    size_t len = dn_text(name, text, sizeof text);

    line(label, span_of(text, len));
}

static void print_time(const char *label, int64_t unix_s, bool readable)
{
    char text[TEXT_TIME_MAX];

    printf("  %-12s %s\n", label, readable ? text_time(unix_s * 1000, false, text) : "unreadable");
}

/* Text of a name for people: addresses as such, directory names as RFC 4514 text, the rest as it is. */
static struct span name_text(const struct name *name, char room[4096])
{
    if (name->kind == NAME_IP &&
        inet_ntop(name->raw.len == 4 ? AF_INET : AF_INET6, name->raw.at, room, 4096) != NULL)
        return span_str(room);
    if (name->kind == NAME_DIRECTORY)
        return span_of(room, dn_text(name->raw, room, 4096));
    return name->text.len != 0 ? name->text : name->raw;
}

static void print_names(const struct issuance *issuance)
{
    char room[4096];
    char label[32];

    for (size_t i = 0; i < issuance->name_count; i++) {
        const struct name *name = &issuance->names[i];
        (void)snprintf(label, sizeof label, "%s%s", name_kind_name(name->kind),
                       (name->flags & NAME_FROM_CN) != 0 ? " (CN)" : "");
        line(label, name_text(name, room));
    }
}

static void print_findings(const struct finding_set *findings)
{
    for (unsigned i = 0; i < FINDING_COUNT; i++) {
        enum finding finding = (enum finding)i;
        if (!finding_has(findings, finding))
            continue;
        printf("  %-12s %s (%s)\n", finding_severity(finding) == FINDING_BROKEN ? "broken" : "peculiar",
               finding_sentence(finding), finding_rule(finding));
    }
}

static void print_hex(const char *label, const uint8_t hash[32])
{
    char text[65];

    printf("  %-12s %s\n", label, text_hex(span_of(hash, 32), text));
}

void certview_print(const struct certview *view, const char *origin)
{
    const struct cert *cert = view->cert;
    const struct issuance *issuance = view->issuance;
    const char *alg = spki_alg_name(cert);
    char oid[OID_TEXT_MAX];
    json_t *serial = serial_json(cert->serial);
    struct validity times = readable_times(cert);

    line("from", span_str(origin));
    if (view->entry != NULL)
        printf("  %-12s %s\n", "log entry", kind_name(view->entry->kind));
    if (view->sha256 != NULL)
        print_hex("sha256", view->sha256);
    print_hex("tbs_fp", issuance->tbs_fp);
    if (cert->spki.at != NULL)
        print_hex("spki_sha256", issuance->spki_sha256);
    printf("  %-12s %s\n", "serial", json_is_string(serial) ? json_string_value(serial) : "unreadable");
    json_decref(serial);
    print_name("issuer", cert->issuer);
    print_name("subject", cert->subject);
    print_time("not before", cert->not_before, times.before);
    print_time("not after", cert->not_after, times.after);
    printf("  %-12s %s %" PRIu32 "%s%s\n", "key", alg != NULL ? alg : oid_text(cert->key_oid, oid),
           cert->key_bits, (cert->flags & CERT_IS_CA) != 0 ? ", CA" : "",
           (cert->flags & CERT_POISON) != 0 ? ", precertificate" : "");
    print_names(issuance);
    print_findings(&issuance->findings);
    printf("\n");
}
