#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/text.h"

/* "max" of version 2 is no number; version 1 has a number beyond all memory. */
static uint64_t number_in(const char *path)
{
    char text[32] = "";
    uint64_t value;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return UINT64_MAX;
    bool got = fgets(text, sizeof text, file) != NULL;
    (void)fclose(file);
    text[strcspn(text, "\n")] = '\0';
    return got && text_uint(span_str(text), &value) ? value : UINT64_MAX;
}

/* A group has its own limit and those of all groups above it. Inside a container the path of a group may be
 * the host's, of which nothing is there but the top. */
static uint64_t least_above(const char *mount, char *group, const char *name)
{
    uint64_t least = UINT64_MAX;
    for (;;) {
        char path[4096];
        if (snprintf(path, sizeof path, "%s%s/%s", mount, group, name) < (int)sizeof path) {
            uint64_t limit = number_in(path);
            least = limit < least ? limit : least;
        }
        char *slash = strrchr(group, '/');
        if (slash == NULL)
            return least;
        *slash = '\0';
    }
}

static bool is_memory(const char *controllers)
{
    const char *at = strstr(controllers, "memory");
    return at != NULL && (at == controllers || at[-1] == ',') && (at[6] == '\0' || at[6] == ',');
}

/* A line is NUMBER:CONTROLLERS:PATH, cgroups(7); version 2 has no controllers there. */
static uint64_t limit_of(const char *root, char *line)
{
    char mount[1024];
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
    if (group == NULL || group[1] != '/')
        return UINT64_MAX;
    *group++ = '\0';
    bool second = *++controllers == '\0';
    if (!second && !is_memory(controllers))
        return UINT64_MAX;
    (void)snprintf(mount, sizeof mount, "%s/sys/fs/cgroup%s", root, second ? "" : "/memory");
    return least_above(mount, group, second ? "memory.max" : "memory.limit_in_bytes");
}

/* A line of /proc/meminfo, which counts in kB. */
static bool is_line(const char *line, const char *name, uint64_t *bytes)
{
    size_t len = strlen(name);
    if (strncmp(line, name, len) != 0)
        return false;
    *bytes = (uint64_t)strtoull(line + len, NULL, 10) << 10;
    return true;
}

/* A system that promises no more than it has refuses what goes beyond, proc(5): overcommit_memory 2. What it
 * promised already is nobody's any more. */
static uint64_t promised(const char *root)
{
    char path[1024];
    char line[128];
    uint64_t limit = 0;
    uint64_t used = 0;
    (void)snprintf(path, sizeof path, "%s/proc/sys/vm/overcommit_memory", root);
    if (number_in(path) != 2)
        return UINT64_MAX;
    (void)snprintf(path, sizeof path, "%s/proc/meminfo", root);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        (void)(is_line(line, "CommitLimit:", &limit) || is_line(line, "Committed_AS:", &used));
    if (file != NULL)
        (void)fclose(file);
    return limit == 0 ? UINT64_MAX : used < limit ? limit - used : 1;
}

/* A service's LimitAS=, a shell's ulimit -v: the server inherits it. */
static uint64_t address_space(void)
{
    struct rlimit limit;
    bool is_set = getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    return is_set ? (uint64_t)limit.rlim_cur : UINT64_MAX;
}

uint64_t memory_limit(const char *root)
{
    char path[1024];
    char *line = NULL;
    size_t cap = 0;
    uint64_t least = promised(root);
    (void)snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return least;
    while (getline(&line, &cap, file) > 0) {
        uint64_t limit = limit_of(root, line);
        least = limit < least ? limit : least;
    }
    free(line);
    (void)fclose(file);
    return least;
}

uint64_t memory_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long page = sysconf(_SC_PAGESIZE);
    uint64_t all = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
    uint64_t limit = memory_limit("");
    uint64_t space = address_space();
    limit = space < limit ? space : limit;
    return all == 0 && limit == UINT64_MAX ? 0 : all != 0 && all < limit ? all : limit;
}
