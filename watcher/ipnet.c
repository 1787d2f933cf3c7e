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

bool ipnet_inside(const struct watch *watch, struct span ip)
{
    if (ip.len == 16 && watch->ip_len == 4 && memcmp(ip.at, mapped, sizeof mapped) == 0)
        ip = span_part(ip, sizeof mapped, 16);
    if (ip.len != watch->ip_len)
        return false;
    for (unsigned i = 0; i < watch->ip_len; i++) {
        if (((ip.at[i] ^ watch->ip[i]) & mask_of(watch->ip_prefix, i)) != 0)
            return false;
    }
    return true;
}

/* ::ffff:192.0.2.0/120 is 192.0.2.0/24: one host has one spelling. */
static void unmap(struct watch *watch)
{
    unsigned before = 8 * sizeof mapped;
    if (watch->ip_len != 16 || watch->ip_prefix < before || memcmp(watch->ip, mapped, sizeof mapped) != 0)
        return;
    memmove(watch->ip, watch->ip + sizeof mapped, 4);
    memset(watch->ip + 4, 0, 12);
    watch->ip_len = 4;
    watch->ip_prefix = (uint8_t)(watch->ip_prefix - before);
}

bool ipnet_parse(const char *text, struct watch *watch, char *out)
{
    char address[48];
    const char *slash = strchr(text, '/');
    size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);
    uint64_t prefix = 0;
    if (len >= sizeof address)
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    if (inet_pton(AF_INET, address, watch->ip) == 1)
        watch->ip_len = 4;
    else if (inet_pton(AF_INET6, address, watch->ip) == 1)
        watch->ip_len = 16;
    else
        return false;
    unsigned whole = 8u * watch->ip_len;
    if (slash == NULL)
        prefix = whole;
    else if (!text_uint(span_str(slash + 1), &prefix) || prefix > whole)
        return false;
    watch->ip_prefix = (uint8_t)prefix;
    unmap(watch);
    whole = 8u * watch->ip_len;
    prefix = watch->ip_prefix;
    ipnet_mask(watch->ip, watch->ip_len, watch->ip_prefix);
    if (inet_ntop(watch->ip_len == 4 ? AF_INET : AF_INET6, watch->ip, address, sizeof address) == NULL)
        return false;
    if (prefix == whole)
        (void)snprintf(out, IPNET_TEXT_MAX, "%s", address);
    else
        (void)snprintf(out, IPNET_TEXT_MAX, "%s/%u", address, watch->ip_prefix);
    return true;
}
