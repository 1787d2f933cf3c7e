#include "watcher/inetguard.h"

#include <netinet/in.h>

/* IPv4 that is not the internet: network and bits. */
static const struct {
    uint32_t network;
    int bits;
} special[] = {
    {0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},  {0xa9fe0000, 16},
    {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24}, {0xc0586300, 24}, {0xc0a80000, 16},
    {0xc6120000, 15}, {0xc6336400, 24}, {0xcb007100, 24}, {0xe0000000, 4},  {0xf0000000, 4},
};

static bool public4(uint32_t address)
{
    for (size_t i = 0; i < countof(special); i++)
        if ((address ^ special[i].network) >> (32 - special[i].bits) == 0)
            return false;
    return true;
}

static uint32_t word(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};

static bool public6(const uint8_t *at)
{
    if (memcmp(at, mapped, 12) == 0 || memcmp(at, nat64, 12) == 0)
        return public4(word(at + 12));
    if (at[0] == 0x20 && at[1] == 0x02) /* 6to4 */
        return public4(word(at + 2));
    bool protocol = at[0] == 0x20 && at[1] == 0x01 && at[2] < 0x02; /* 2001::/23: Teredo and others */
    bool documents = word(at) == 0x20010db8 || (at[0] == 0x3f && at[1] == 0xff && at[2] < 0x10);
    return (at[0] & 0xe0) == 0x20 && !protocol && !documents;
}

bool inetguard_public(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return public4(ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr));
    if (address->sa_family == AF_INET6)
        return public6(((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr);
    return false;
}

bool inetguard_loopback(const struct sockaddr *address)
{
    static const uint8_t one[16] = {[15] = 1};
    if (address->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 == 127;
    if (address->sa_family != AF_INET6)
        return false;
    const uint8_t *at = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr;
    return memcmp(at, one, 16) == 0 || (memcmp(at, mapped, 12) == 0 && at[12] == 127);
}

bool inetguard_allows(enum inetguard_level level, const struct sockaddr *address)
{
    if (level == INETGUARD_ANY)
        return address->sa_family == AF_INET || address->sa_family == AF_INET6;
    return level == INETGUARD_LOOPBACK ? inetguard_loopback(address) : inetguard_public(address);
}
