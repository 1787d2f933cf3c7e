/* base/dns.h: dns_read, dns_apex, dns_reverse, dns_covers, dns_from_user, dns_is_public_suffix.
 * Properties: at least one reading; each is a normal form that reads as itself; spans lie in the input or the
 * arena; nothing is hidden: the flags say what was changed; reversing twice is the identity; the registrable
 * domain ends the name; every reading covers itself; what a user may type is in normal form. */
#include "base/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;

static void check_form(struct span text, uint32_t flags)
{
    bool address = (flags & DNS_WAS_IP) != 0, holder = false;
    must(text.len > 0 && text.len <= DNS_TEXT_MAX);
    must(text.at[text.len - 1] != '.' && text.at[0] != '.');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.at[i];
        bool plain =
            (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
        bool alone = (i == 0 || text.at[i - 1] == '.') && (i + 1 == text.len || text.at[i + 1] == '.');
        must(plain || byte == '.' || (byte == ':' && address) || (byte == '?' && alone) ||
             (byte == '*' && i == 0 && alone));
        must(byte != '.' || text.at[i + 1] != '.');
        holder = holder || byte == '?';
    }
    must(holder == ((flags & DNS_PLACEHOLDER) != 0));
    must((text.at[0] == '*') == ((flags & DNS_WILDCARD) != 0));
}

static void check_again(struct span text, uint32_t flags)
{
    struct dns_reading again[DNS_READINGS_MAX];
    must(dns_read(text, &arena, again) == 1);
    must(span_eq(again[0].text, text) && again[0].text.at == text.at);
    must((again[0].flags & (DNS_CHANGED | DNS_HAD_NUL | DNS_NON_ASCII | DNS_PARTIAL_STAR)) == 0);
    must((again[0].flags & (DNS_WILDCARD | DNS_PLACEHOLDER | DNS_WAS_IP)) ==
         (flags & (DNS_WILDCARD | DNS_PLACEHOLDER | DNS_WAS_IP)));
}

static void check_parts(struct span text, uint32_t flags)
{
    uint8_t once[DNS_TEXT_MAX], twice[DNS_TEXT_MAX];
    dns_reverse(text, once);
    dns_reverse(span_of(once, text.len), twice);
    must(span_eq(span_of(twice, text.len), text));
    must(dns_covers(text, text, true) && dns_covers(text, text, false));
    struct span apex = dns_apex(text);
    if (apex.at == NULL)
        return;
    must((flags & DNS_WAS_IP) == 0 && apex.len > 0 && apex.at + apex.len == text.at + text.len);
    must(apex.len == text.len || apex.at[-1] == '.');
    must(memchr(apex.at, '?', apex.len) == NULL && memchr(apex.at, '*', apex.len) == NULL);
    must(span_eq(dns_apex(apex), apex));
    must(dns_covers(text, apex, true));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dns_reading readings[DNS_READINGS_MAX];
    char typed[2 * DNS_TEXT_MAX], name[DNS_TEXT_MAX];

    if (arena.base == NULL)
        must(arena_init(&arena, 1u << 16) && dns_psl_load(SPAN_NONE, NULL) == ERR_OK);
    arena_reset(&arena, 1u << 16);
    size_t count = dns_read(span_of(data, size), &arena, readings);
    must(count >= 1 && count <= DNS_READINGS_MAX);
    for (size_t i = 0; i < count; i++) {
        check_form(readings[i].text, readings[i].flags);
        check_again(readings[i].text, readings[i].flags);
        check_parts(readings[i].text, readings[i].flags);
        must(((readings[i].flags & DNS_CHANGED) == 0) == span_eq(readings[i].text, span_of(data, size)));
        for (size_t k = 0; k < i; k++)
            must(!span_eq(readings[i].text, readings[k].text));
    }
    if (size >= sizeof typed)
        return 0;
    if (size > 0)
        memcpy(typed, data, size);
    typed[size] = 0;
    if (dns_from_user(typed, name, NULL) == ERR_OK) {
        struct span text = span_str(name);
        check_form(text, text.at[0] == '*' ? DNS_WILDCARD : 0);
        must(dns_labels(text) > 0);
    }
    return 0;
}
