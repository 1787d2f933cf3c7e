#include "watcher/namesift.h"

#define SIFT_NAMES 32
#define SIFT_PARTS 256

/* What of a name of a list is looked up: so many bytes at its end. */
struct part {
    uint32_t len;
    uint16_t name;
    uint16_t use;
};

struct sift {
    const struct namesift *by;
    const struct namehash *hashes; /* of some names of the list */
    size_t first;                  /* where they begin in it */
    struct part parts[SIFT_PARTS];
    size_t part_count;
    struct namesift_key *out;
    size_t room;
    size_t count;
};

/* The words of the sieve for all parts are asked for before any of them is looked at. */
static void sift_flush(struct sift *sift)
{
    const struct namesift *by = sift->by;
    uint64_t hashes[SIFT_PARTS];
    for (size_t i = 0; i < sift->part_count; i++) {
        const struct part *part = &sift->parts[i];
        const struct namehash *name = &sift->hashes[part->name];
        uint64_t hash = __builtin_expect(part->len <= NAMEHASH_TAIL, 1)
                            ? namehash_short(&by->secret, name, part->len)
                            : namehash_suffix(&by->secret, name, part->len);
        uint64_t used = namesift_use(by, hash, part->use);
        hashes[i] = part->use == NAMESIFT_NAME ? hash : used;
        sieve_soon(&by->sieve, hashes[i]);
    }
    for (size_t i = 0; i < sift->part_count; i++) {
        const struct part *part = &sift->parts[i];
        if (!sieve_maybe(&by->sieve, hashes[i]))
            continue;
        __builtin_prefetch(&by->lines[part->use][(hashes[i] & by->line_mask) * NAMESIFT_LINE]);
        if (sift->count < sift->room)
            sift->out[sift->count] = (struct namesift_key){hashes[i], (uint32_t)(sift->first + part->name),
                                                           part->len, part->use == NAMESIFT_PARENT};
        sift->count++;
    }
    sift->part_count = 0;
}

static inline void sift_add(struct sift *sift, size_t name, size_t len, enum namesift_use use)
{
    if (sift->part_count == SIFT_PARTS)
        sift_flush(sift);
    sift->parts[sift->part_count++] = (struct part){(uint32_t)len, (uint16_t)name, (uint16_t)use};
}

static void sift_front(struct sift *sift, struct span name, size_t at)
{
    for (size_t i = name.len - NAMEHASH_TAIL; i-- > 0;)
        if (name.at[i] == '.' && name.len - i > sift->by->shortest)
            sift_add(sift, at, name.len - i - 1, NAMESIFT_NAME);
    if (name.len >= sift->by->shortest)
        sift_add(sift, at, name.len, NAMESIFT_NAME);
}

static inline void sift_wildcard(struct sift *sift, struct span name, size_t at)
{
    if (__builtin_expect(name.len < 2, 0)) {
        if (span_eq(name, SPAN_LIT("*")))
            sift_add(sift, at, 0, NAMESIFT_PARENT);
        return;
    }
    if (sift->part_count == SIFT_PARTS)
        sift_flush(sift);
    sift->parts[sift->part_count] = (struct part){(uint32_t)name.len - 2, (uint16_t)at, NAMESIFT_PARENT};
    sift->part_count += (unsigned)(name.at[0] == '*') & (unsigned)(name.at[1] == '.');
}

/* How many parts a name has nobody guesses, so three are always noted,
 * and what is none is noted over. */
static inline void sift_name(struct sift *sift, const struct namehash *hash, size_t at)
{
    const uint32_t all = UINT32_C(1) << 31;
    size_t shortest = sift->by->shortest;
    struct span name = hash->name;
    uint32_t parts = shortest > 31 ? 0 : hash->dots & UINT32_MAX >> shortest;
    if (sift->part_count + NAMEHASH_TAIL + 4 > SIFT_PARTS)
        sift_flush(sift);
    parts |= name.len < NAMEHASH_TAIL && name.len >= shortest ? all >> name.len : 0;
    struct part *out = sift->parts + sift->part_count;
    do {
        for (int i = 0; i < 3; i++) {
            *out = (struct part){31 - (uint32_t)__builtin_ctz(parts | all), (uint16_t)at, NAMESIFT_NAME};
            out += parts != 0;
            parts &= parts - 1;
        }
    } while (parts != 0);
    sift->part_count = (size_t)(out - sift->parts);
    if (name.len >= NAMEHASH_TAIL)
        sift_front(sift, name, at);
    sift_wildcard(sift, name, at);
}

bool namesift_keys(const struct namesift *by, const struct span *names, size_t count,
                   struct namesift_key *keys, size_t room, size_t *key_count)
{
    struct namehash hashes[SIFT_NAMES];
    struct sift sift;
    sift.by = by;
    sift.hashes = hashes;
    sift.part_count = 0;
    sift.out = keys;
    sift.room = room;
    sift.count = 0;
    must(count < UINT32_MAX);
    for (size_t at = 0; at < count; at += SIFT_NAMES) {
        sift.first = at;
        for (size_t i = 0; i < SIFT_NAMES && at + i < count; i++) {
            hashes[i] = namehash_of(names[at + i]);
            sift_name(&sift, &hashes[i], i);
        }
        sift_flush(&sift);
    }
    *key_count = sift.count < room ? sift.count : room;
    return sift.count <= room;
}
