#include "watcher/ipnet.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/text.h"

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static uint8_t mask_of(unsigned prefix, unsigned octet)
{
    unsigned bits = prefix > 8 * octet ? prefix - 8 * octet : 0;
    return (uint8_t)(0xff00u >> (bits < 8 ? bits : 8));
}

void ipnet_mask(uint8_t *ip, unsigned ip_len, unsigned prefix)
{
    for (unsigned i = 0; i < ip_len; i++)
        ip[i] = (uint8_t)(ip[i] & mask_of(prefix, i));
}

bool ipnet_inside(const struct watch_item *item, struct span ip)
{
    if (ip.len == 16 && item->ip_len == 4 && memcmp(ip.at, mapped, sizeof mapped) == 0)
        ip = span_part(ip, sizeof mapped, 16);
    if (ip.len != item->ip_len)
        return false;
    for (unsigned i = 0; i < item->ip_len; i++) {
        if (((ip.at[i] ^ item->ip[i]) & mask_of(item->ip_prefix, i)) != 0)
            return false;
    }
    return true;
}

/* ::ffff:192.0.2.0/120 is 192.0.2.0/24: one host has one spelling. */
static void unmap(struct watch_item *item)
{
    unsigned before = 8 * sizeof mapped;
    if (item->ip_len != 16 || item->ip_prefix < before || memcmp(item->ip, mapped, sizeof mapped) != 0)
        return;
    memmove(item->ip, item->ip + sizeof mapped, 4);
    memset(item->ip + 4, 0, 12);
    item->ip_len = 4;
    item->ip_prefix = (uint8_t)(item->ip_prefix - before);
}

bool ipnet_parse(const char *text, struct watch_item *item, char *out)
{
    char address[48];
    const char *slash = strchr(text, '/');
    size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);
    uint64_t prefix = 0;
    if (len >= sizeof address)
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    if (inet_pton(AF_INET, address, item->ip) == 1)
        item->ip_len = 4;
    else if (inet_pton(AF_INET6, address, item->ip) == 1)
        item->ip_len = 16;
    else
        return false;
    unsigned whole = 8u * item->ip_len;
    if (slash == NULL)
        prefix = whole;
    else if (!text_uint(span_str(slash + 1), &prefix) || prefix > whole)
        return false;
    item->ip_prefix = (uint8_t)prefix;
    unmap(item);
    whole = 8u * item->ip_len;
    prefix = item->ip_prefix;
    ipnet_mask(item->ip, item->ip_len, item->ip_prefix);
    if (inet_ntop(item->ip_len == 4 ? AF_INET : AF_INET6, item->ip, address, sizeof address) == NULL)
        return false;
    if (prefix == whole)
        (void)snprintf(out, IPNET_TEXT_MAX, "%s", address);
    else
        (void)snprintf(out, IPNET_TEXT_MAX, "%s/%u", address, item->ip_prefix);
    return true;
}
