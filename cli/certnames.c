#include "cli/certnames.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/dns.h"
#include "base/limits.h"
#include "model/cert.h"
#include "parser/der.h"
#include "parser/dn.h"
#include "parser/oid.h"

#define FEW 8 /* names that are listed one below the other */

#define SAN_TAG_OTHER_NAME    0xa0
#define SAN_TAG_REGISTERED_ID 0x88

#define RAW_MOST    60   /* bytes of a name that is not what it should be */
#define DN_TEXT_CAP 4096 /* of a directory name */

/* A name that stands there on purpose: no second reading of other bytes, no common name. */
static bool is_listed(const struct name *name)
{
    return (name->flags & (NAME_FROM_CN | NAME_READING)) == 0;
}

static void ip_text(struct span raw, struct buf *out)
{
    char text[INET6_ADDRSTRLEN];

    if ((raw.len == 4 || raw.len == 16) &&
        inet_ntop(raw.len == 4 ? AF_INET : AF_INET6, raw.at, text, sizeof text) != NULL) {
        buf_str(out, text);
        return;
    }
    buf_str(out, "#");
    for (size_t i = 0; i < raw.len; i++)
        buf_fmt(out, "%02x", raw.at[i]);
}

/* What was found instead of a name may be a whole extension. */
static void quoted(struct span raw, struct buf *out)
{
    bool cut = raw.len > RAW_MOST;

    buf_byte(out, '"');
    buf_put(out, span_part(raw, 0, cut ? RAW_MOST : raw.len));
    buf_str(out, cut ? "...\"" : "\"");
}

/* "xn--bcher-kva.example (bücher.example)", and how it is written when that is something else. */
static void dns_text(const struct name *name, struct buf *out)
{
    char unicode[DNS_UNICODE_MAX];

    if ((name->flags & NAME_PLACEHOLDER) != 0) {
        buf_str(out, "unreadable: ");
        quoted(name->raw, out);
        buf_fmt(out, ", read as %.*s", (int)name->text.len, (const char *)name->text.at);
        return;
    }
    if (name->kind == NAME_IP)
        ip_text(name->raw, out);
    else
        buf_put(out, name->text);
    if (name->kind == NAME_DNS && name->text.len < DNS_TEXT_MAX && dns_unicode(name->text, unicode) != 0 &&
        !span_eq(span_str(unicode), name->text))
        buf_fmt(out, " (%s)", unicode);
    if (name->kind == NAME_DNS && !span_eq(name->raw, name->text) && (name->flags & NAME_READING) == 0) {
        buf_str(out, " (written ");
        quoted(name->raw, out);
        buf_byte(out, ')');
    }
}

/* Type and, where it is text, value of an otherName; of the rarer kinds the kind. */
static void rare_text(struct span raw, struct buf *out)
{
    struct finding_set ignored = {{0, 0}};
    struct der in = der_of(raw, &ignored);
    struct der_item item = {0};
    char oid[OID_TEXT_MAX];

    if (!der_next(&in, &item) || item.tag == SAN_TAG_REGISTERED_ID || item.tag != SAN_TAG_OTHER_NAME) {
        if (item.tag == SAN_TAG_REGISTERED_ID)
            buf_fmt(out, "registered identifier %s", oid_text(item.value, oid));
        else
            buf_fmt(out, "%zu bytes", raw.len);
        return;
    }
    in = der_of(item.value, &ignored);
    if (!der_expect(&in, DER_OID, &item)) {
        buf_fmt(out, "%zu bytes", raw.len);
        return;
    }
    buf_str(out, oid_text(item.value, oid));
    if (!der_next(&in, &item))
        return;
    in = der_of(item.value, &ignored);
    if (der_next(&in, &item) && dn_is_text(item.tag)) {
        buf_str(out, ": ");
        buf_put(out, item.value);
    } else {
        buf_fmt(out, ", %zu bytes", raw.len);
    }
}

/* A common name that is free text, not the bytes of an alternative name; and a mail address as it is written:
 * what its text escapes the sheet escapes, once. */
static bool is_shown_raw(const struct name *name)
{
    return (name->flags & NAME_FROM_CN) != 0 ||
           (name->kind == NAME_EMAIL && (name->flags & NAME_READING) == 0 && name->text.len != name->raw.len);
}

static void other_text(const struct name *name, struct buf *out)
{
    char room[DN_TEXT_CAP];

    if (is_shown_raw(name))
        buf_put(out, name->raw);
    else if (name->kind == NAME_DIRECTORY)
        buf_put(out, span_of(room, dn_text(name->raw, room, sizeof room)));
    else if (name->kind == NAME_OTHER)
        rare_text(name->raw, out);
    else
        buf_put(out, name->text.len != 0 ? name->text : name->raw);
}

static void put_name(struct sheet *sheet, struct buf *room, const struct name *name)
{
    enum sheet_style style = SHEET_PLAIN;

    buf_clear(room);
    if (name->kind == NAME_DNS || name->kind == NAME_IP)
        dns_text(name, room);
    else
        other_text(name, room);
    if ((name->flags & NAME_PLACEHOLDER) != 0)
        style = SHEET_BAD;
    else if (name->kind == NAME_DNS && !span_eq(name->raw, name->text))
        style = SHEET_ODD;
    if (style == SHEET_BAD)
        sheet_words(sheet, style, buf_span(room));
    else
        sheet_item(sheet, style, buf_span(room));
}

struct counts {
    size_t listed;
    size_t kind[NAME_OTHER + 1];
    size_t wildcards;
    size_t common; /* common names that are no alternative names */
    size_t hosts;  /* those of them that could be meant as names of hosts, or mail addresses */
    size_t readings;
};

static struct counts counts_of(const struct issuance *issuance)
{
    struct counts counts = {0};

    for (size_t i = 0; i < issuance->name_count; i++) {
        const struct name *name = &issuance->names[i];
        counts.common += (name->flags & (NAME_FROM_CN | NAME_READING)) == NAME_FROM_CN;
        counts.hosts += (name->flags & NAME_FROM_CN) != 0 && name->kind != NAME_OTHER;
        counts.readings += (name->flags & NAME_READING) != 0;
        if (!is_listed(name))
            continue;
        counts.listed++;
        counts.kind[name->kind]++;
        counts.wildcards += name->kind == NAME_DNS && (name->flags & NAME_WILDCARD) != 0;
    }
    return counts;
}

/* By registrable domain, and in their order inside of it. */
static int by_apex(const void *left, const void *right)
{
    const struct name *a = *(const struct name *const *)left;
    const struct name *b = *(const struct name *const *)right;
    int order = span_cmp(a->apex, b->apex);

    return order != 0 ? order : (a > b) - (a < b);
}

/* The registrable domain is in each of them: a line of its own is heading enough. */
static void put_group(struct sheet *sheet, struct buf *room, const struct name **names, size_t count)
{
    sheet_next(sheet);
    sheet_hang(sheet, 2);
    for (size_t i = 0; i < count; i++) {
        if (!sheet_lists(sheet))
            continue;
        if (names[i]->apex.len == 0)
            sheet_next(sheet);
        put_name(sheet, room, names[i]);
    }
}

static void put_groups(struct sheet *sheet, struct buf *room, const struct issuance *issuance, size_t dns)
{
    const struct name **names = malloc(dns * sizeof *names);
    size_t count = 0;
    size_t end;

    must(names != NULL);
    for (size_t i = 0; i < issuance->name_count; i++) {
        if (issuance->names[i].kind == NAME_DNS && is_listed(&issuance->names[i]))
            names[count++] = &issuance->names[i];
    }
    qsort(names, count, sizeof *names, by_apex);
    sheet_list(sheet);
    for (size_t begin = 0; begin < count; begin = end) {
        for (end = begin + 1; end < count && span_eq(names[begin]->apex, names[end]->apex);)
            end++;
        if (sheet->hidden == 0)
            put_group(sheet, room, names + begin, end - begin);
        else
            sheet->hidden += end - begin;
    }
    sheet_unlist(sheet);
    free(names);
}

static void put_kind(struct sheet *sheet, struct buf *room, const struct issuance *issuance,
                     enum name_kind kind)
{
    sheet_list(sheet);
    for (size_t i = 0; i < issuance->name_count; i++) {
        const struct name *name = &issuance->names[i];
        if (name->kind != kind || !is_listed(name) || !sheet_lists(sheet))
            continue;
        if (kind == NAME_DNS)
            sheet_next(sheet);
        else
            sheet_tag(sheet, name_kind_name(kind), 10);
        put_name(sheet, room, name);
    }
    sheet_unlist(sheet);
}

static void put_flagged(struct sheet *sheet, struct buf *room, const struct issuance *issuance,
                        const char *label, uint32_t flag)
{
    sheet_row(sheet, label);
    sheet_list(sheet);
    for (size_t i = 0; i < issuance->name_count; i++) {
        const struct name *name = &issuance->names[i];
        if ((name->flags & NAME_READING) != (flag & NAME_READING) || (name->flags & flag) == 0 ||
            !sheet_lists(sheet))
            continue;
        sheet_next(sheet);
        put_name(sheet, room, name);
    }
    sheet_unlist(sheet);
}

static void put_summary(struct sheet *sheet, const struct counts *counts)
{
    static const char *const one[] = {
        [NAME_DNS] = "DNS name",
        [NAME_IP] = "IP address",
        [NAME_EMAIL] = "mail address",
        [NAME_URI] = "URI",
        [NAME_DIRECTORY] = "directory name",
        [NAME_OTHER] = "other name",
    };
    static const char *const many[] = {
        [NAME_DNS] = "DNS names", [NAME_IP] = "IP addresses",           [NAME_EMAIL] = "mail addresses",
        [NAME_URI] = "URIs",      [NAME_DIRECTORY] = "directory names", [NAME_OTHER] = "other names",
    };
    char text[64];

    for (unsigned kind = 0; kind <= NAME_OTHER; kind++) {
        size_t count = counts->kind[kind];
        if (count == 0)
            continue;
        (void)snprintf(text, sizeof text, "%zu %s", count, count == 1 ? one[kind] : many[kind]);
        sheet_item(sheet, SHEET_PLAIN, span_str(text));
        if (kind == NAME_DNS && counts->wildcards != 0)
            sheet_fmt(sheet, SHEET_PLAIN, "(%zu wildcard%s)", counts->wildcards,
                      counts->wildcards == 1 ? "" : "s");
    }
}

void certnames_put(struct sheet *sheet, const struct issuance *issuance)
{
    struct counts counts = counts_of(issuance);
    bool is_ca = (issuance->cert_flags & CERT_IS_CA) != 0;
    struct buf room;

    buf_init(&room, LIMIT_BIG_BATCH_BYTES);
    sheet_row(sheet, "names");
    if (counts.listed > 1)
        put_summary(sheet, &counts);
    else if (counts.listed == 0 && !is_ca)
        sheet_fmt(sheet, SHEET_PLAIN, "no alternative names");
    if (counts.kind[NAME_DNS] > FEW)
        put_groups(sheet, &room, issuance, counts.kind[NAME_DNS]);
    else
        put_kind(sheet, &room, issuance, NAME_DNS);
    for (unsigned kind = NAME_IP; kind <= NAME_OTHER; kind++)
        put_kind(sheet, &room, issuance, (enum name_kind)kind);
    sheet_drop(sheet);
    if (counts.readings != 0)
        put_flagged(sheet, &room, issuance, "also read as", NAME_READING);
    /* The name of a CA is no name of a host. */
    if (counts.common != 0 && (!is_ca || counts.hosts != 0))
        put_flagged(sheet, &room, issuance, "only in CN", NAME_FROM_CN);
    buf_fini(&room);
}

bool certnames_first(const struct issuance *issuance, struct buf *out)
{
    size_t at = issuance_cn_name(issuance);

    if (at >= issuance->name_count) {
        for (at = 0; at < issuance->name_count && !is_listed(&issuance->names[at]);)
            at++;
    }
    if (at >= issuance->name_count || (issuance->names[at].flags & NAME_PLACEHOLDER) != 0)
        return false;
    if (issuance->names[at].kind == NAME_DNS || issuance->names[at].kind == NAME_IP)
        dns_text(&issuance->names[at], out);
    else
        other_text(&issuance->names[at], out);
    return true;
}

size_t certnames_count(const struct issuance *issuance)
{
    size_t count = 0;

    for (size_t i = 0; i < issuance->name_count; i++)
        count += (issuance->names[i].flags & NAME_READING) == 0;
    return count;
}
