#include "parser/names.h"

#include <arpa/inet.h>

#include "base/dns.h"
#include "base/hash.h"
#include "parser/dn.h"
#include "parser/hostwords.h"
#include "parser/san.h"

/* Up to this many names are compared one by one; above, through a hash table, because the number is the
 * attacker's. */
#define LINEAR_MAX 16

/* What stands for everything when there is not even room for one name. */
static const struct name unreadable_name = {
    .kind = NAME_DNS,
    .flags = NAME_PLACEHOLDER,
    .raw = {(const uint8_t *)"", 0},
    .text = {(const uint8_t *)"?", 1},
};

struct collect {
    struct arena *arena;
    struct finding_set *findings;
    struct name *names;
    size_t count;
    size_t capacity;
    uint32_t *table;   /* index + 1 of a name, by hash of its key; NULL while few */
    size_t table_size; /* a power of two, at least twice the capacity */
    bool full;
};

/* What makes two names of a kind the same. */
static struct span key_of(const struct name *name)
{
    return name->text.len != 0 ? name->text : name->raw;
}

static bool same(const struct name *a, const struct name *b)
{
    return a->kind == b->kind && span_eq(key_of(a), key_of(b));
}

static size_t slot_of(const struct collect *collect, const struct name *name)
{
    size_t slot = (size_t)hash_keyed(key_of(name)) & (collect->table_size - 1);

    while (collect->table[slot] != 0 && !same(&collect->names[collect->table[slot] - 1], name))
        slot = (slot + 1) & (collect->table_size - 1);
    return slot;
}

static bool is_listed(const struct collect *collect, const struct name *name)
{
    if (collect->table != NULL)
        return collect->table[slot_of(collect, name)] != 0;
    for (size_t i = 0; i < collect->count; i++) {
        if (same(&collect->names[i], name))
            return true;
    }
    return false;
}

/* Twice the room, and from LINEAR_MAX on a table. One place is always kept for the placeholder of a full
 * arena. */
static bool grow(struct collect *collect)
{
    size_t capacity = collect->capacity == 0 ? 8 : collect->capacity * 2;
    size_t table_size = capacity * 2;
    struct name *names;

    if (capacity > UINT32_MAX / 4)
        return false;
    names = arena_take(collect->arena, capacity * sizeof *names, _Alignof(struct name));
    if (names == NULL)
        return false;
    if (collect->count != 0)
        memcpy(names, collect->names, collect->count * sizeof *names);
    uint32_t *table = NULL;
    if (capacity > LINEAR_MAX)
        table = arena_zeroed(collect->arena, table_size, sizeof *table);
    if (capacity > LINEAR_MAX && table == NULL)
        return false;
    collect->names = names;
    collect->capacity = capacity;
    collect->table = table;
    collect->table_size = table_size;
    for (size_t i = 0; table != NULL && i < collect->count; i++)
        table[slot_of(collect, &names[i])] = (uint32_t)i + 1;
    return true;
}

static void append(struct collect *collect, const struct name *name)
{
    if (collect->full || is_listed(collect, name))
        return;
    if (collect->count + 1 >= collect->capacity && !grow(collect)) {
        collect->full = true;
        return;
    }
    if (collect->table != NULL)
        collect->table[slot_of(collect, name)] = (uint32_t)collect->count + 1;
    collect->names[collect->count++] = *name;
}

static void append_placeholder(struct collect *collect, struct span raw)
{
    struct name name = unreadable_name;

    name.raw = raw;
    append(collect, &name);
}

static void append_ip(struct collect *collect, struct span octets, uint32_t flags)
{
    struct name name = {.kind = NAME_IP, .flags = flags, .raw = octets, .text = {NULL, 0}};

    append(collect, &name);
}

/* An IP address in its canonical text form, as its octets. */
static void append_ip_text(struct collect *collect, struct span text, uint32_t flags)
{
    char zero_ended[INET6_ADDRSTRLEN + 1];
    uint8_t octets[16];
    struct span copy;

    if (text.len >= sizeof zero_ended) {
        append_placeholder(collect, text);
        return;
    }
    memcpy(zero_ended, text.at, text.len);
    zero_ended[text.len] = '\0';
    bool six = memchr(text.at, ':', text.len) != NULL;
    if (inet_pton(six ? AF_INET6 : AF_INET, zero_ended, octets) != 1) {
        append_placeholder(collect, text);
        return;
    }
    copy = arena_copy(collect->arena, span_of(octets, six ? 16 : 4));
    if (copy.at == NULL)
        collect->full = true;
    else
        append_ip(collect, copy, flags | NAME_FROM_IP_TEXT);
}

static void note_reading(struct collect *collect, uint32_t flags, bool from_cn)
{
    if ((flags & DNS_HAD_NUL) != 0)
        finding_add(collect->findings, FINDING_NAME_HAS_NUL);
    if ((flags & DNS_PLACEHOLDER) != 0)
        finding_add(collect->findings, FINDING_NAME_LABEL_UNREADABLE);
    if (from_cn)
        return;
    if ((flags & DNS_NON_ASCII) != 0)
        finding_add(collect->findings, FINDING_NAME_NOT_ASCII);
    if ((flags & DNS_CHANGED) != 0)
        finding_add(collect->findings, FINDING_NAME_UNCLEAN);
    if ((flags & DNS_WAS_IP) != 0)
        finding_add(collect->findings, FINDING_SAN_IP_TEXT);
}

/* Says a reading of a word of free text anything? A version number does not, and a word without one readable
 * label would be everybody's name. */
static bool is_telling(const struct dns_reading *reading)
{
    struct span text = reading->text;
    size_t unread = 0;
    size_t digits = 0;

    if ((reading->flags & DNS_WAS_IP) != 0)
        return true;
    for (size_t i = 0; i < text.len; i++) {
        unread += text.at[i] == '?' || text.at[i] == '*' || text.at[i] == '.';
        digits = text.at[i] >= '0' && text.at[i] <= '9' ? digits + 1 : 0;
    }
    bool numeric = digits != 0 && digits < text.len && text.at[text.len - digits - 1] == '.';
    return unread != text.len && !numeric;
}

static void append_reading(struct collect *collect, struct span raw, uint32_t flags,
                           const struct dns_reading *reading)
{
    struct name name = {.kind = NAME_DNS, .flags = flags, .raw = raw, .text = reading->text};

    note_reading(collect, reading->flags, (flags & NAME_FROM_CN) != 0);
    if ((reading->flags & DNS_WAS_IP) != 0) {
        append_ip_text(collect, reading->text, name.flags);
        return;
    }
    name.flags |= (reading->flags & DNS_WILDCARD) != 0 ? NAME_WILDCARD : 0;
    name.flags |= (reading->flags & DNS_PLACEHOLDER) != 0 ? NAME_PLACEHOLDER : 0;
    name.apex = dns_apex(name.text);
    append(collect, &name);
}

/* A word of a text that holds several. A word too long for a name is a placeholder, as it would be alone. */
static void append_word(struct collect *collect, struct span word, uint32_t flags)
{
    struct dns_reading readings[DNS_READINGS_MAX];
    size_t count = dns_read(word, collect->arena, readings);

    for (size_t i = 0; i < count; i++) {
        if (word.len > DNS_TEXT_MAX || is_telling(&readings[i]))
            append_reading(collect, word, flags | (i != 0 ? NAME_READING : 0u), &readings[i]);
    }
}

/* Is the value a list of hosts, each of which can be read, and a name with an unreadable label only when
 * taken for one? Then that name stands in no certificate, and would concern people who have nothing to do
 * with it. A NUL is another matter: somebody else may read less of the value. */
static bool is_list(struct collect *collect, struct span raw, const struct dns_reading *whole)
{
    struct dns_reading readings[DNS_READINGS_MAX];
    struct hostwords words = hostwords_of(raw);
    struct span word;
    size_t mark = arena_mark(collect->arena);
    size_t hosts = 0;
    bool readable =
        (whole->flags & DNS_PLACEHOLDER) != 0 && (whole->flags & DNS_HAD_NUL) == 0 && raw.len <= DNS_TEXT_MAX;

    while (readable && hostwords_next(&words, &word)) {
        size_t count = dns_read(word, collect->arena, readings);
        readable = count == 1 && (readings[0].flags & (DNS_PLACEHOLDER | DNS_WAS_IP | DNS_NON_ASCII)) == 0 &&
                   hostwords_could_be(word) && is_telling(&readings[0]);
        hosts += readable;
    }
    arena_rewind(collect->arena, mark);
    return readable && hosts > 1;
}

/* The first host stands for the value, the others are further readings of it. */
static void append_list(struct collect *collect, struct span raw, uint32_t flags)
{
    struct dns_reading reading[DNS_READINGS_MAX];
    struct hostwords words = hostwords_of(raw);
    struct span word;
    bool first = true;

    while (!collect->full && hostwords_next(&words, &word)) {
        (void)dns_read(word, collect->arena, reading);
        append_reading(collect, first ? raw : word, flags | (first ? 0u : NAME_READING), &reading[0]);
        first = false;
    }
}

static void append_dns(struct collect *collect, struct span raw, uint32_t flags)
{
    struct dns_reading readings[DNS_READINGS_MAX];
    struct hostwords words;
    struct span word;
    size_t count = dns_read(raw, collect->arena, readings);
    bool alone = readings[0].text.at == raw.at || hostwords_alone(raw);

    if (!alone && count == 1 && is_list(collect, raw, &readings[0])) {
        note_reading(collect, readings[0].flags, (flags & NAME_FROM_CN) != 0);
        append_list(collect, raw, flags);
        return;
    }
    for (size_t i = 0; i < count; i++)
        append_reading(collect, raw, flags | (i != 0 ? NAME_READING : 0u), &readings[i]);
    if (alone)
        return;
    words = hostwords_of(raw);
    while (!collect->full && hostwords_next(&words, &word)) {
        if (hostwords_could_be(word))
            append_word(collect, word, flags | NAME_READING);
    }
}

static bool is_plain(uint8_t c)
{
    return c > 0x20 && c < 0x7f && c != '\\';
}

/* As it would come out of dns_read. */
static bool is_plain_domain(struct span domain)
{
    bool dot = true;

    for (size_t i = 0; i < domain.len; i++) {
        uint8_t c = domain.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!plain && (c != '.' || dot))
            return false;
        dot = c == '.';
    }
    return !dot;
}

/* Bytes that are not plain become \xHH; room for four times as many. */
static size_t put_plain(uint8_t *text, struct span bytes, bool lower)
{
    static const char hex[] = "0123456789abcdef";
    size_t len = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.at[i];
        if (is_plain(c)) {
            text[len++] = lower && c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
            continue;
        }
        text[len++] = '\\';
        text[len++] = 'x';
        text[len++] = (uint8_t)hex[c >> 4];
        text[len++] = (uint8_t)hex[c & 15];
    }
    return len;
}

static void append_mail(struct collect *collect, struct name *name, struct span local, struct span domain)
{
    size_t size = local.len + domain.len;
    uint8_t *text = size > SIZE_MAX / 4 ? NULL : arena_take(collect->arena, size * 4, 1);

    if (text == NULL) {
        collect->full = true;
        return;
    }
    size_t len = put_plain(text, local, false);
    name->text = span_of(text, len + put_plain(text + len, domain, true));
    append(collect, name);
}

/* Of "Bob <bob@example.com>" what is between the brackets, without white space around. */
static struct span mail_address(struct span raw)
{
    while (raw.len != 0 && raw.at[0] <= 0x20)
        raw = span_part(raw, 1, raw.len);
    while (raw.len != 0 && raw.at[raw.len - 1] <= 0x20)
        raw.len--;
    const uint8_t *open = raw.len == 0 ? NULL : memrchr(raw.at, '<', raw.len);
    if (open == NULL || raw.at[raw.len - 1] != '>')
        return raw;
    return span_of(open + 1, (size_t)(raw.at + raw.len - 1 - (open + 1)));
}

/* "user@Example.COM." to "user@example.com": the domain in the normal form of names of hosts, in each of its
 * readings. What has no domain, or an address in brackets for one, stays as it is but for upper case. */
static void append_email(struct collect *collect, struct span raw, uint32_t flags)
{
    struct dns_reading readings[DNS_READINGS_MAX];
    struct span address = mail_address(raw);
    struct name name = {.kind = NAME_EMAIL, .flags = flags, .raw = raw, .text = address};
    size_t at = address.len;
    bool clean = true;

    while (at > 0 && address.at[at - 1] != '@')
        at--;
    struct span local = span_part(address, 0, at);
    struct span domain = span_part(address, at, address.len);
    for (size_t i = 0; i < local.len; i++)
        clean = clean && is_plain(local.at[i]);
    if (clean && is_plain_domain(domain)) {
        append(collect, &name);
        return;
    }
    if (at == 0 || domain.len == 0 || domain.at[0] == '[') {
        append_mail(collect, &name, local, domain);
        return;
    }
    size_t count = dns_read(domain, collect->arena, readings);
    for (size_t i = 0; i < count; i++) {
        name.flags = flags | (i != 0 ? NAME_READING : 0u);
        append_mail(collect, &name, local, readings[i].text);
    }
    /* Who stops at a NUL sees another address. */
    const uint8_t *nul = memchr(local.at, 0, local.len);
    if (nul != NULL)
        append_email(collect, span_of(local.at, (size_t)(nul - local.at)), flags | NAME_READING);
}

/* Four or sixteen octets; an address written as text is read all the same, anything else is kept as it is. */
static void append_san_ip(struct collect *collect, struct span value)
{
    struct dns_reading readings[DNS_READINGS_MAX];
    struct name name = {.kind = NAME_OTHER, .flags = 0, .raw = value, .text = {NULL, 0}};

    if (value.len == 4 || value.len == 16) {
        append_ip(collect, value, 0);
        return;
    }
    finding_add(collect->findings, FINDING_SAN_IP_LENGTH);
    if (dns_read(value, collect->arena, readings) == 1 && (readings[0].flags & DNS_WAS_IP) != 0)
        append_ip_text(collect, readings[0].text, 0);
    else
        append(collect, &name);
}

static void append_san(struct collect *collect, const struct san_item *item)
{
    struct name name = {.kind = NAME_OTHER, .flags = 0, .raw = item->whole, .text = {NULL, 0}};

    switch (item->kind) {
    case SAN_DNS:
        append_dns(collect, item->value, 0);
        return;
    case SAN_IP:
        append_san_ip(collect, item->value);
        return;
    case SAN_EMAIL:
        append_email(collect, item->value, 0);
        return;
    case SAN_URI:
        name.kind = NAME_URI;
        name.raw = item->value;
        name.text = item->value;
        break;
    case SAN_DIRECTORY:
        name.kind = NAME_DIRECTORY;
        name.raw = item->value;
        break;
    default:
        break;
    }
    append(collect, &name);
}

static void collect_san(struct collect *collect, const struct cert *cert)
{
    struct san san;
    struct san_item item;

    san_init(&san, cert);
    while (!collect->full && san_next(&san, &item))
        append_san(collect, &item);
    finding_merge(collect->findings, &san.odd);
    if (san.empty)
        finding_add(collect->findings, FINDING_SAN_EMPTY);
    if (!san.damaged)
        return;
    finding_add(collect->findings, FINDING_SAN_UNREADABLE);
    append_placeholder(collect, cert->san.at != NULL ? cert->san : unreadable_name.raw);
}

enum cn_kind { CN_HOST, CN_EMAIL, CN_TEXT };

/* A common name is free text. It counts as a host name when it could be meant as one: otherwise "Example Root
 * CA 3" would be an unreadable name that could concern everybody. A NUL always makes it one, because that is
 * how a reader is led to see less than there is. */
static enum cn_kind cn_kind(struct span cn)
{
    struct hostwords words = hostwords_of(cn);
    struct span word;

    if (cn.len != 0 && memchr(cn.at, 0, cn.len) != NULL)
        return CN_HOST;
    if (!hostwords_alone(cn) || !hostwords_next(&words, &word))
        return CN_TEXT;
    if (memchr(cn.at, '@', cn.len) != NULL)
        return CN_EMAIL;
    if (memchr(cn.at, ':', cn.len) != NULL || hostwords_has_dot(cn))
        return CN_HOST;
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = word.at[i];
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!letter && c != '-' && c != '_' && c != '*' && (c < '0' || c > '9'))
            return CN_TEXT;
    }
    return CN_HOST;
}

/* The words of free text that could be meant as host names or addresses. */
static void append_words(struct collect *collect, struct span cn)
{
    struct hostwords words = hostwords_of(cn);
    struct span word;

    while (!collect->full && hostwords_next(&words, &word)) {
        if (memchr(word.at, '@', word.len) != NULL)
            append_email(collect, word, NAME_FROM_CN);
        else if (hostwords_could_be(word))
            append_word(collect, word, NAME_FROM_CN);
    }
}

/* The bytes of a common name as UTF-8: the value itself unless its string type says otherwise. */
static struct span cn_bytes(struct collect *collect, const struct dn_attr *attr)
{
    uint8_t *text;

    if (attr->tag != DER_BMP_STRING && attr->tag != DER_UNIVERSAL_STRING)
        return attr->value;
    text = arena_take(collect->arena, DN_UTF8_ROOM(attr->value.len), 1);
    if (text == NULL) {
        collect->full = true;
        return unreadable_name.raw;
    }
    return span_of(text, dn_utf8(attr->tag, attr->value, text, DN_UTF8_ROOM(attr->value.len)));
}

static void append_cn(struct collect *collect, const struct cert *cert, const struct dn_attr *attr)
{
    struct span cn = cn_bytes(collect, attr);
    size_t before = collect->count;
    struct name name = {.kind = NAME_OTHER, .flags = NAME_FROM_CN, .raw = cn, .text = {NULL, 0}};

    if (collect->full)
        return;
    switch (cn_kind(cn)) {
    case CN_HOST:
        append_dns(collect, cn, NAME_FROM_CN);
        break;
    case CN_EMAIL:
        append_email(collect, cn, NAME_FROM_CN);
        break;
    case CN_TEXT:
        append(collect, &name);
        if (!hostwords_alone(cn))
            append_words(collect, cn);
        break;
    }
    if (collect->count != before && (cert->flags & CERT_IS_CA) == 0)
        finding_add(collect->findings, FINDING_CN_NOT_IN_SAN);
}

static void collect_cns(struct collect *collect, const struct cert *cert)
{
    bool lost = false;
    struct dn dn;
    struct dn_attr attr;

    dn_init(&dn, cert->subject);
    while (!collect->full && dn_next(&dn, &attr)) {
        if (oid_find(attr.oid) != OID_DN_CN)
            continue;
        if (dn_is_parts(attr.tag))
            lost = true;
        else
            append_cn(collect, cert, &attr);
    }
    finding_merge(collect->findings, &dn.odd);
    if (!dn.damaged && !lost)
        return;
    finding_add(collect->findings, FINDING_NAME_UNREADABLE);
    append_placeholder(collect, cert->subject);
}

void names_collect(const struct cert *cert, struct arena *arena, struct name **names, size_t *count,
                   struct finding_set *findings)
{
    struct collect collect = {.arena = arena, .findings = findings};

    collect_san(&collect, cert);
    collect_cns(&collect, cert);
    if (finding_has(&cert->findings, FINDING_CERTIFICATE_UNREADABLE))
        append_placeholder(&collect, unreadable_name.raw);
    if (collect.full)
        finding_add(findings, FINDING_NAMES_TRUNCATED);
    if (collect.full && collect.capacity != 0) {
        /* grow() keeps one place free for this. */
        must(collect.count < collect.capacity);
        collect.names[collect.count++] = unreadable_name;
    } else if (collect.full) {
        /* Read-only by contract: nobody writes names of a certificate. */
        collect.names = (struct name *)(uintptr_t)&unreadable_name;
        collect.count = 1;
    }
    *names = collect.names;
    *count = collect.count;
}
