/* A stream of log entries for benchmarks of the database: synthetic, everything derived from numbers, the
 * same in every run. Issuance i has 2 to 6 entries (mean 4) in 34 logs; 70 % of the copies come within the
 * next 300 issuances, the others within 60,000. 400 issuers, some of them large; valid for 6, 47, 90 or 100
 * to 199 days; 20 million domains, one of them with about 1 % of all certificates, 8 platforms with 1.5
 * %; 3.2 names, one certificate in three with a second registered domain, one in six with a key that was used
 * before. */
#ifndef CTVIGIL_ISSUANCEMILL_H
#define CTVIGIL_ISSUANCEMILL_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "model/issuance.h"

#define ISSUANCEMILL_LOGS      34
#define ISSUANCEMILL_ISSUERS   400
#define ISSUANCEMILL_DOMAINS   20000000
#define ISSUANCEMILL_NEAR      300
#define ISSUANCEMILL_FAR       60000
#define ISSUANCEMILL_SLOTS     65536 /* more than FAR, a power of two */
#define ISSUANCEMILL_COPIES    5
#define ISSUANCEMILL_NAMES_MAX 8

static inline uint64_t issuancemill_mix(uint64_t value)
{
    value += 0x9e3779b97f4a7c15;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
}

static inline void issuancemill_hash(uint64_t number, uint64_t what, uint8_t out[32])
{
    for (unsigned i = 0; i < 4; i++) {
        uint64_t word = issuancemill_mix(number * 8 + i + (what << 56));
        memcpy(out + 8 * (size_t)i, &word, 8);
    }
}

/* Domain number 0 is a giant, 1 to 8 are platforms, the lower ones of the others are asked for more often. */
static inline uint64_t issuancemill_domain(uint64_t word)
{
    uint64_t kind = word % 1000;
    uint64_t rest = issuancemill_mix(word);

    if (kind < 10)
        return 0;
    if (kind < 25)
        return 1 + rest % 8;
    if (kind < 225) /* as many of each power of two */
        return 9 + (rest >> 32) % (UINT64_C(1) << (4 + rest % 20));
    return rest % ISSUANCEMILL_DOMAINS;
}

static inline uint64_t issuancemill_issuer(uint64_t number)
{
    uint64_t word = issuancemill_mix(number ^ 0x1337);

    return word % 10 < 9 ? word / 10 % 12 : word / 10 % ISSUANCEMILL_ISSUERS;
}

/* The same as printf of "domain-%PRIx64.example", whose time would be taken for that of storing. */
static inline size_t issuancemill_hex(uint64_t value, char *out)
{
    static const char digits[] = "0123456789abcdef";
    size_t len = value == 0 ? 1 : (67 - (size_t)__builtin_clzll(value)) / 4;

    for (size_t i = 0; i < len; i++)
        out[i] = digits[value >> 4 * (len - 1 - i) & 15];
    return len;
}

static inline size_t issuancemill_apex(uint64_t domain, char *out)
{
    memcpy(out, "domain-", 7);
    size_t len = 7 + issuancemill_hex(domain, out + 7);
    memcpy(out + len, ".example", 8);
    return len + 8;
}

static inline struct name *issuancemill_name(struct name *name, struct arena *arena, const char *host,
                                             uint64_t domain)
{
    char text[96];
    size_t host_len = strlen(host);

    must(host_len < 32);
    memcpy(text, host, host_len);
    size_t apex_len = issuancemill_apex(domain, text + host_len);
    struct span copy = arena_copy(arena, span_of(text, host_len + apex_len));
    must(copy.at != NULL);
    *name = (struct name){.kind = NAME_DNS, .raw = copy, .text = copy};
    name->apex = span_part(copy, host_len, copy.len);
    return name + 1;
}

/* `begun`: not_before of issuance 0; 100,000 an hour. */
static inline void issuancemill_make(struct issuance *issuance, uint64_t number, int64_t begun,
                                     struct arena *arena)
{
    static const uint8_t dn[] =
        "\x30\x13\x31\x11\x30\x0f\x06\x03\x55\x04\x03\x0c\x08\x42\x65\x6e\x63\x68\x20\x43\x41";
    static const char *const hosts[] = {"www.", "mail.", "api.", "shop.", "cdn."};
    static const int64_t days[] = {6, 47, 90, 90, 90, 90, 90, 0};
    uint64_t word = issuancemill_mix(number);
    uint64_t domain = issuancemill_domain(word >> 8);
    int64_t valid = days[word >> 20 & 7];
    char host[24] = "";
    struct name *names = arena_take(arena, ISSUANCEMILL_NAMES_MAX * sizeof *names, 8);

    must(names != NULL);
    *issuance = (struct issuance){.issuer_known = true, .issuer_proven = true, .names = names};
    issuancemill_hash(number, 1, issuance->tbs_fp);
    issuancemill_hash(issuancemill_issuer(number), 2, issuance->issuer_spki_sha256);
    issuancemill_hash(word % 6 == 0 ? number / 100 : number, 3, issuance->spki_sha256);
    issuance->issuer = span_of(dn, sizeof dn - 1);
    issuance->serial = arena_copy(arena, span_of(issuance->tbs_fp, 18));
    issuance->not_before = begun + (int64_t)(number / 100000) * 3600 + (int64_t)(word % 86400);
    issuance->not_after =
        issuance->not_before + (valid != 0 ? valid : 100 + (int64_t)(word >> 40) % 100) * 86400;
    if (domain != 0 && domain <= 8) { /* a customer of a platform */
        host[0] = 'u';
        host[1 + issuancemill_hex(word >> 40, host + 1)] = '.';
    }
    struct name *at = issuancemill_name(names, arena, host, domain);
    for (uint64_t i = 0; i < (word >> 24) % 5; i++)
        at = issuancemill_name(at, arena, hosts[i], domain);
    if (word % 3 == 0)
        at = issuancemill_name(at, arena, "www.", issuancemill_domain(issuancemill_mix(word)));
    issuance->name_count = (size_t)(at - names);
}

/* The order of the entries. */
struct issuancemill {
    uint64_t issuances;
    uint64_t next;                    /* issuance whose first entry comes after what is due */
    uint32_t due[ISSUANCEMILL_SLOTS]; /* by the number of the issuance they come behind: a chain of copies */
    struct issuancemill_copy {
        uint64_t number;
        uint32_t next;
    } * copies; /* 0: end of a chain, or of the free ones */
    uint32_t free;
};

struct issuancemill_entry {
    uint64_t number; /* of the issuance */
    unsigned log;
    bool precert;
};

static inline void issuancemill_begin(struct issuancemill *mill, uint64_t issuances)
{
    uint32_t count = ISSUANCEMILL_SLOTS * (ISSUANCEMILL_COPIES + 1);

    *mill = (struct issuancemill){.issuances = issuances, .free = 1};
    mill->copies = calloc(count, sizeof *mill->copies);
    must(mill->copies != NULL);
    for (uint32_t i = 1; i + 1 < count; i++)
        mill->copies[i].next = i + 1;
}

static inline void issuancemill_end(struct issuancemill *mill)
{
    free(mill->copies);
}

static inline void issuancemill_plan(struct issuancemill *mill, uint64_t number)
{
    uint64_t copies = 1 + issuancemill_mix(number ^ 0xc0) % ISSUANCEMILL_COPIES;

    for (uint64_t i = 0; i < copies; i++) {
        uint64_t word = issuancemill_mix(number * 8 + i + 0xcafe);
        uint64_t behind = word % 10 < 7 ? word / 10 % ISSUANCEMILL_NEAR : word / 10 % ISSUANCEMILL_FAR;
        uint32_t *slot = &mill->due[(number + behind) % ISSUANCEMILL_SLOTS];
        uint32_t copy = mill->free;
        must(copy != 0);
        mill->free = mill->copies[copy].next;
        mill->copies[copy] = (struct issuancemill_copy){number, *slot};
        *slot = copy;
    }
}

/* False: that was all of them. */
static inline bool issuancemill_next(struct issuancemill *mill, uint64_t at, struct issuancemill_entry *entry)
{
    uint64_t word = issuancemill_mix(at ^ 0x10657);

    entry->log = (unsigned)(word % ISSUANCEMILL_LOGS);
    entry->precert = word >> 32 & 1;
    while (mill->next == 0 || mill->due[(mill->next - 1) % ISSUANCEMILL_SLOTS] == 0) {
        if (mill->next >= mill->issuances + ISSUANCEMILL_FAR)
            return false;
        if (mill->next++ >= mill->issuances)
            continue;
        entry->number = mill->next - 1;
        entry->precert = (word >> 33) % 5 != 0;
        issuancemill_plan(mill, entry->number);
        return true;
    }
    uint32_t *slot = &mill->due[(mill->next - 1) % ISSUANCEMILL_SLOTS];
    uint32_t copy = *slot;
    *slot = mill->copies[copy].next;
    entry->number = mill->copies[copy].number;
    mill->copies[copy].next = mill->free;
    mill->free = copy;
    return true;
}

#endif
