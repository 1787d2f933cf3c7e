#include "ingest/archset.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "parser/tile.h"

#define OPEN_MAX_FILES 2 /* at once: the directory of a full one takes tens of megabytes */
#define TRIES_MAX      4 /* what is not in so many files that should have it is in none */
#define PREFIX         "tile/data/"

struct member {
    char *path;
    struct zipfile *zip; /* NULL: closed for now */
    uint64_t used;
    uint64_t first; /* data tiles; none: first > last */
    uint64_t last;
};

struct archset {
    struct member member[LIMIT_ARCHIVE_FILES];
    size_t count;
    uint64_t clock;
    uint64_t *tiles;
    size_t tile_count;
    size_t tile_cap;
    bool sorted;
};

struct archset *archset_new(void)
{
    return calloc(1, sizeof(struct archset));
}

void archset_free(struct archset *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; i < set->count; i++) {
        zipfile_close(set->member[i].zip);
        free(set->member[i].path);
    }
    free(set->tiles);
    free(set);
}

size_t archset_count(const struct archset *set)
{
    return set->count;
}

/* The number in "x001/x234/067"; what is not spelled as it must be has no number. */
static bool tile_number(const char *name, uint64_t size, uint64_t *tile)
{
    char path[TILE_PATH_MAX];
    uint64_t number = 0;
    unsigned digits = 0;
    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
        return false;
    for (const char *at = name + strlen(PREFIX); *at != '\0' && *at != '.' && digits <= 18; at++) {
        if (*at < '0' || *at > '9')
            continue;
        number = 10 * number + (uint64_t)(*at - '0');
        digits++;
    }
    unsigned width = digits > 18 ? 0 : tile_width(0, number, size);
    if (width == 0)
        return false;
    (void)tile_path(-1, number, width, path);
    *tile = number;
    return strcmp(path, name) == 0;
}

static bool tile_put(struct archset *set, uint64_t tile)
{
    if (set->tile_count == set->tile_cap) {
        size_t cap = set->tile_cap == 0 ? ARCHIVE_FILE_TILES : 2 * set->tile_cap;
        uint64_t *more =
            set->tile_count >= LIMIT_ARCHIVE_TILES ? NULL : realloc(set->tiles, cap * sizeof(*more));
        if (more == NULL)
            return false;
        set->tiles = more;
        set->tile_cap = cap;
    }
    set->tiles[set->tile_count++] = tile;
    return true;
}

/* Closes those that were not used for longest. */
static void trim(struct archset *set)
{
    for (;;) {
        struct member *oldest = NULL;
        unsigned open = 0;
        for (size_t i = 0; i < set->count; i++) {
            struct member *member = &set->member[i];
            open += member->zip != NULL;
            if (member->zip != NULL && (oldest == NULL || member->used < oldest->used))
                oldest = member;
        }
        if (open <= OPEN_MAX_FILES)
            return;
        zipfile_close(oldest->zip);
        oldest->zip = NULL;
    }
}

enum err_code archset_add(struct archset *set, const char *path, struct zipfile *zip, uint64_t size,
                          struct err *why)
{
    struct member member = {.zip = zip, .first = UINT64_MAX, .used = ++set->clock};
    size_t before = set->tile_count;
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < set->count && code == ERR_OK; i++)
        if (strcmp(set->member[i].path, path) == 0)
            code = err_set(why, ERR_EXISTS, "%s: named twice", path);
    if (code == ERR_OK && set->count == LIMIT_ARCHIVE_FILES)
        code = err_set(why, ERR_TOO_BIG, "%s: more than %d files", path, LIMIT_ARCHIVE_FILES);
    for (uint64_t i = 0; code == ERR_OK && i < zipfile_count(zip); i++) {
        const char *name = zipfile_name(zip, i);
        uint64_t tile;
        if (name == NULL || !tile_number(name, size, &tile))
            continue;
        member.first = tile < member.first ? tile : member.first;
        member.last = tile > member.last ? tile : member.last;
        if (!tile_put(set, tile))
            code = err_set(why, ERR_MEMORY, "%s: too many tiles", path);
    }
    if (code == ERR_OK && (member.path = strdup(path)) == NULL)
        code = err_set(why, ERR_MEMORY, "%s: out of memory", path);
    if (code != ERR_OK) {
        set->tile_count = before;
        zipfile_close(zip);
        return code;
    }
    set->sorted = false;
    set->member[set->count++] = member;
    trim(set);
    return ERR_OK;
}

static int compare(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;
    return *left < *right ? -1 : *left > *right;
}

const uint64_t *archset_tiles(struct archset *set, size_t *count)
{
    size_t kept = 0;
    if (!set->sorted && set->tile_count != 0)
        qsort(set->tiles, set->tile_count, sizeof(set->tiles[0]), compare);
    for (size_t i = 0; !set->sorted && i < set->tile_count; i++)
        if (kept == 0 || set->tiles[kept - 1] != set->tiles[i])
            set->tiles[kept++] = set->tiles[i];
    if (!set->sorted)
        set->tile_count = kept;
    set->sorted = true;
    *count = set->tile_count;
    return set->tiles;
}

static enum err_code reopen(struct archset *set, struct member *member, struct err *why)
{
    enum err_code code = ERR_OK;
    member->used = ++set->clock;
    if (member->zip == NULL)
        code = zipfile_open(member->path, &member->zip, why);
    trim(set);
    return code;
}

static bool concerns(const struct member *member, uint64_t tile)
{
    if (tile == ARCHSET_ANY)
        return true;
    return member->first <= member->last && tile / ARCHIVE_FILE_TILES >= member->first / ARCHIVE_FILE_TILES &&
           tile / ARCHIVE_FILE_TILES <= member->last / ARCHIVE_FILE_TILES;
}

enum err_code archset_read(struct archset *set, const char *name, uint64_t tile, bool gzip,
                           struct arena *arena, size_t ceiling, struct span *body, struct err *why)
{
    struct err last = {.code = ERR_OK};
    enum err_code code = err_set(&last, ERR_NOT_FOUND, "the archive has no %.100s", name);
    /* First round: those that are open. What every file should have is not looked for in all of a hundred. */
    bool tried[LIMIT_ARCHIVE_FILES] = {false};
    unsigned tries = 0;
    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < set->count && tries < TRIES_MAX; i++) {
            struct member *member = &set->member[i];
            if (!concerns(member, tile) || tried[i] || (round == 0 && member->zip == NULL))
                continue;
            tried[i] = true;
            struct err own = {.code = ERR_OK};
            size_t mark = arena_mark(arena);
            enum err_code one = reopen(set, member, &own);
            tries++;
            if (one == ERR_OK)
                one = zipfile_read(member->zip, name, gzip, arena, ceiling, body, &own);
            if (one == ERR_OK)
                return ERR_OK;
            arena_rewind(arena, mark);
            /* Damage says more than that it is not elsewhere either. */
            if (one == ERR_NOT_FOUND)
                continue;
            last = own;
            code = one;
        }
    }
    return err_set(why, code, "%s", last.text);
}
