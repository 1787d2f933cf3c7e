#include "watcher/subtree.h"

#include "base/dns.h"
#include "parser/nc.h"

/* Lower case, without the leading dot that some write. Absent: no name that belongs to somebody. */
static struct span normal(struct span raw, char out[DNS_TEXT_MAX])
{
    size_t skip = raw.len != 0 && raw.at[0] == '.';
    size_t len = raw.len - skip;
    if (len == 0 || len >= DNS_TEXT_MAX)
        return SPAN_NONE;
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = raw.at[skip + i];
        bool upper = byte >= 'A' && byte <= 'Z';
        if (byte <= ' ' || byte >= 0x7f || byte == '*' || byte == '?')
            return SPAN_NONE;
        out[i] = (char)(upper ? byte + 32 : byte);
    }
    struct span name = span_of(out, len);
    return dns_is_public_suffix(name) || dns_apex(name).len == 0 ? SPAN_NONE : name;
}

bool subtree_each(struct span constraints, struct arena *arena, void (*each)(void *arg, struct span base),
                  void *arg)
{
    struct nc nc;
    struct nc_item item;
    nc_init(&nc, constraints);
    while (nc_next(&nc, &item)) {
        char text[DNS_TEXT_MAX];
        if (item.side != NC_PERMITTED || item.base.kind != SAN_DNS)
            continue;
        struct span name = normal(item.base.value, text);
        if (name.at == NULL)
            continue;
        struct span copy = arena_copy(arena, name);
        if (copy.at == NULL)
            return false;
        each(arg, copy);
    }
    return true;
}

void subtree_find(const struct watchset *set, struct span base, watchset_hit *hit, void *arg)
{
    char wild[DNS_TEXT_MAX + 2] = "*.";
    must(base.len < DNS_TEXT_MAX);
    memcpy(wild + 2, base.at, base.len);
    watchset_find(set, base, hit, arg);
    watchset_find(set, span_of(wild, base.len + 2), hit, arg);
}
