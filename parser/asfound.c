#include "parser/asfound.h"

#include "base/dns.h"
#include "base/limits.h"
#include "parser/dn.h"
#include "parser/oid.h"
#include "parser/san.h"

/* Room for what is found; first it is only counted. */
struct asfound {
    struct arena *arena;
    struct name *list;
    size_t count;
};

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* Equal but for the case of ASCII letters. */
static bool tells(struct span normal, struct span raw)
{
    if (normal.len != raw.len)
        return false;
    for (size_t i = 0; i < raw.len; i++) {
        if (lower(normal.at[i]) != lower(raw.at[i]))
            return false;
    }
    return true;
}

/* Letters of either case, digits, hyphens, underscores, dots between them; no digit at the end, it may be an
 * address.
 */
static bool is_ordinary(struct span raw)
{
    size_t i = raw.len > 1 && raw.at[0] == '*' && raw.at[1] == '.' ? 2 : 0;
    uint8_t before = '.';
    if (raw.len > DNS_TEXT_MAX)
        return false;
    for (; i < raw.len; i++) {
        uint8_t c = lower(raw.at[i]);
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!plain && (c != '.' || before == '.'))
            return false;
        before = c;
    }
    return before != '.' && (before < '0' || before > '9');
}

static bool is_told_host(struct arena *arena, struct span raw)
{
    if (is_ordinary(raw))
        return true;
    struct dns_reading readings[DNS_READINGS_MAX];
    size_t mark = arena_mark(arena);
    size_t count = dns_read(raw, arena, readings);
    bool told = false;
    for (size_t i = 0; i < count && !told; i++)
        told = tells(readings[i].text, raw) && (readings[i].flags & (DNS_WAS_IP | DNS_PLACEHOLDER)) == 0;
    arena_rewind(arena, mark);
    return told;
}

static bool is_plain(struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.at[i] <= 0x20 || bytes.at[i] >= 0x7f || bytes.at[i] == '\\')
            return false;
    }
    return true;
}

/* What stands behind ">" or between brackets is read without them. */
static bool is_told_mail(struct arena *arena, struct span raw)
{
    size_t at = raw.len;
    while (at > 0 && raw.at[at - 1] != '@')
        at--;
    struct span domain = span_part(raw, at, raw.len);
    if (!is_plain(raw) || (raw.len != 0 && raw.at[raw.len - 1] == '>'))
        return false;
    return at == 0 || domain.len == 0 || domain.at[0] == '[' || is_told_host(arena, domain);
}

static void add(struct asfound *all, enum name_kind kind, uint32_t flags, struct span raw)
{
    if (all->list != NULL)
        all->list[all->count] = (struct name){.kind = kind, .flags = flags, .raw = raw};
    all->count++;
}

static void add_san(struct asfound *all, const struct san_item *item)
{
    if (item->kind == SAN_DNS && !is_told_host(all->arena, item->value))
        add(all, NAME_DNS, 0, item->value);
    if (item->kind == SAN_EMAIL && !is_told_mail(all->arena, item->value))
        add(all, NAME_EMAIL, 0, item->value);
    if (item->kind == SAN_IP && item->value.len != 4 && item->value.len != 16)
        add(all, NAME_IP, 0, item->value);
}

/* The last one is the visible name of the subject, which is kept whole up to LIMIT_CN_BYTES. */
static void add_cns(struct asfound *all, const struct cert *cert)
{
    struct span before = SPAN_NONE;
    struct dn dn;
    struct dn_attr attr;

    dn_init(&dn, cert->subject);
    while (dn_next(&dn, &attr)) {
        if (oid_find(attr.oid) != OID_DN_CN)
            continue;
        if (before.at != NULL && !is_told_host(all->arena, before))
            add(all, NAME_DNS, NAME_FROM_CN, before);
        before = attr.value;
    }
    if (before.len > LIMIT_CN_BYTES)
        add(all, NAME_DNS, NAME_FROM_CN, before);
}

static void add_all(struct asfound *all, const struct cert *cert)
{
    struct san san;
    struct san_item item;

    all->count = 0;
    san_init(&san, cert);
    while (san_next(&san, &item))
        add_san(all, &item);
    add_cns(all, cert);
}

/* A name of which nothing had to be changed is the bytes of the certificate. That one stood there twice, in
 * two forms, is seen by the findings alone. */
static bool is_worth_a_look(const struct name *names, size_t count, const struct finding_set *findings)
{
    static const enum finding odd[] = {FINDING_NAME_UNCLEAN, FINDING_NAME_LABEL_UNREADABLE,
                                       FINDING_NAME_NOT_ASCII, FINDING_SAN_IP_LENGTH, FINDING_SAN_IP_TEXT};
    for (size_t i = 0; i < count; i++) {
        const struct name *name = &names[i];
        bool changed = name->kind == NAME_DNS && name->text.at != name->raw.at;
        if (changed || name->kind == NAME_EMAIL || (name->flags & NAME_FROM_CN) != 0)
            return true;
    }
    for (size_t i = 0; i < countof(odd); i++) {
        if (finding_has(findings, odd[i]))
            return true;
    }
    return false;
}

void asfound_collect(const struct cert *cert, const struct name *names, size_t name_count,
                     struct arena *arena, struct name **found, size_t *count, struct finding_set *findings)
{
    struct asfound all = {.arena = arena};

    *found = NULL;
    *count = 0;
    if (!is_worth_a_look(names, name_count, findings))
        return;
    add_all(&all, cert);
    if (all.count == 0)
        return;
    all.list = arena_take(arena, all.count * sizeof *all.list, _Alignof(struct name));
    if (all.list == NULL) {
        finding_add(findings, FINDING_NAMES_TRUNCATED);
        return;
    }
    add_all(&all, cert);
    *found = all.list;
    *count = all.count;
}
