#include "trust/canames.h"

#include <strings.h>

#include "parser/nc.h"

/* The name itself, or something below it. */
static bool at_or_below(struct span name, struct span base)
{
    if (base.len == 0)
        return true;
    if (base.at[0] == '.') /* not in the RFC for DNS names, and common: below, not at */
        return name.len > base.len && strncasecmp((const char *)name.at + (name.len - base.len),
                                                  (const char *)base.at, base.len) == 0;
    if (name.len < base.len ||
        strncasecmp((const char *)name.at + (name.len - base.len), (const char *)base.at, base.len) != 0)
        return false;
    return name.len == base.len || name.at[name.len - base.len - 1] == '.';
}

static bool is_wildcard(const struct name *name)
{
    return (name->flags & NAME_WILDCARD) != 0 && name->text.len > 2;
}

/* All hosts that the name stands for. */
static bool dns_inside(const struct name *name, struct span base)
{
    return (name->flags & NAME_PLACEHOLDER) == 0 && at_or_below(name->text, base);
}

/* Some host that the name stands for. */
static bool dns_touches(const struct name *name, struct span base)
{
    if ((name->flags & NAME_PLACEHOLDER) != 0 || at_or_below(name->text, base))
        return true;
    return is_wildcard(name) && at_or_below(base, span_part(name->text, 2, name->text.len));
}

static bool ip_inside(struct span ip, struct span base)
{
    if (base.len != 2 * ip.len)
        return false;
    for (size_t i = 0; i < ip.len; i++)
        if (((ip.at[i] ^ base.at[i]) & base.at[ip.len + i]) != 0)
            return false;
    return true;
}

static bool name_allowed(struct span constraints, const struct name *name)
{
    enum san_kind kind = name->kind == NAME_DNS ? SAN_DNS : SAN_IP;
    bool listed = false; /* some name of this kind is permitted, so that others are not */
    bool permitted = false;
    struct nc nc;
    struct nc_item item;
    nc_init(&nc, constraints);
    while (nc_next(&nc, &item)) {
        if (item.base.kind != kind)
            continue;
        bool in = kind == SAN_IP              ? ip_inside(name->raw, item.base.value)
                  : item.side == NC_PERMITTED ? dns_inside(name, item.base.value)
                                              : dns_touches(name, item.base.value);
        if (item.side == NC_EXCLUDED && in)
            return false;
        listed = listed || item.side == NC_PERMITTED;
        permitted = permitted || (item.side == NC_PERMITTED && in);
    }
    return !nc.damaged && (!listed || permitted);
}

static bool counts(const struct name *name)
{
    if (name->kind == NAME_IP)
        return true;
    if (name->kind != NAME_DNS)
        return false;
    return (name->flags & NAME_FROM_CN) == 0 ||
           (name->text.len != 0 && memchr(name->text.at, '.', name->text.len) != NULL);
}

bool canames_inside(struct span constraints, const struct name *names, size_t count,
                    const struct name **outside)
{
    for (size_t i = 0; i < count; i++) {
        if (!counts(&names[i]) || name_allowed(constraints, &names[i]))
            continue;
        *outside = &names[i];
        return false;
    }
    return true;
}

static bool below_any(const char *domains, const struct name *name)
{
    for (const char *at = domains; *at != '\0'; at += strspn(at, " ")) {
        size_t len = strcspn(at, " ");
        if (dns_inside(name, span_of(at, len)))
            return true;
        at += len;
    }
    return false;
}

bool canames_below(const char *domains, const struct name *names, size_t count, const struct name **outside)
{
    for (size_t i = 0; i < count; i++) {
        if (!counts(&names[i]) || (names[i].kind == NAME_DNS && below_any(domains, &names[i])))
            continue;
        *outside = &names[i];
        return false;
    }
    return true;
}
