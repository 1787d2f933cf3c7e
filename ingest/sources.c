#include "ingest/sources.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEPARATORS ", \t\r\n"

int sources_family(const char *name)
{
    uint8_t bytes[16];
    if (inet_pton(AF_INET, name, bytes) == 1)
        return 4;
    return inet_pton(AF_INET6, name, bytes) == 1 ? 6 : 0;
}

/* Only binding tells: some systems answer for whole networks (127.0.0.0/8) without listing their addresses.
 */
static bool binds(const char *name)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    bool is_v4 = inet_pton(AF_INET, name, &v4.sin_addr) == 1;
    if (!is_v4 && inet_pton(AF_INET6, name, &v6.sin6_addr) != 1)
        return false;
    int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    const struct sockaddr *address =
        is_v4 ? (const struct sockaddr *)(const void *)&v4 : (const struct sockaddr *)(const void *)&v6;
    int bad = bind(fd, address, is_v4 ? sizeof(v4) : sizeof(v6));
    int bad_errno = errno;
    (void)close(fd);
    errno = bad_errno;
    return bad == 0;
}

static enum err_code check(const struct sources *so_far, const char *name, struct err *why)
{
    for (size_t i = 0; i < so_far->count; i++)
        if (strcasecmp(so_far->name[i], name) == 0)
            return err_set(why, ERR_CONFIG, "ingest.source_addresses: %s is named twice", name);
    if (sources_family(name) == 0) {
        if (if_nametoindex(name) != 0)
            return ERR_OK;
        return err_set(why, ERR_CONFIG,
                       "ingest.source_addresses: '%s' is neither an address nor an interface of this machine",
                       name);
    }
    if (binds(name))
        return ERR_OK;
    return err_set(why, ERR_CONFIG, "ingest.source_addresses: %s is not an address of this machine: %s", name,
                   strerror(errno));
}

enum err_code sources_read(const char *list, struct sources *out, struct err *why)
{
    *out = (struct sources){.count = 0};
    for (list += strspn(list, SEPARATORS); *list != '\0'; list += strspn(list, SEPARATORS)) {
        size_t len = strcspn(list, SEPARATORS);
        char *place = out->name[out->count];
        if (out->count == SOURCES_MAX)
            return err_set(why, ERR_CONFIG, "ingest.source_addresses: more than %d", SOURCES_MAX);
        if (len >= PACE_SOURCE_MAX)
            return err_set(why, ERR_CONFIG, "ingest.source_addresses: '%.*s' is no address", (int)len, list);
        memcpy(place, list, len);
        place[len] = '\0';
        enum err_code code = check(out, place, why);
        if (code != ERR_OK)
            return code;
        out->count++;
        list += len;
    }
    if (out->count == 0)
        out->count = 1;
    return ERR_OK;
}
