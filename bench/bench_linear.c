/* Certificates as an attacker would make them, at 1, 2, 4 and 8 times the size: reading them and collecting
 * their names may cost 8 times as much at most, and some noise. Prints nanoseconds per octet at each size;
 * exits with 1 when a shape costs more than three times as much per octet at the largest size as at the
 * smallest. */
#include "base/arena.h"
#include "base/suffix.h"
#include "bench/certmill.h"
#include "parser/der.h"
#include "parser/names.h"
#include "parser/tbs.h"

#define ROOM      ((size_t)40 << 20)
#define TOLERANCE 3.0

/* Written from its end to its beginning, because a length is known only when its content is. */
struct writer {
    uint8_t *room;
    size_t at;
};

static void put(struct writer *out, const void *bytes, size_t len)
{
    must(len <= out->at);
    out->at -= len;
    memcpy(out->room + out->at, bytes, len);
}

/* The element around everything written since `end`. */
static void wrap(struct writer *out, uint8_t tag, size_t end)
{
    uint8_t head[6];

    put(out, head, der_header(tag, end - out->at, head));
}

static void put_element(struct writer *out, uint8_t tag, const void *bytes, size_t len)
{
    size_t end = out->at;

    put(out, bytes, len);
    wrap(out, tag, end);
}

static void put_extension(struct writer *out, const uint8_t *oid, size_t len, size_t end)
{
    wrap(out, 0x04, end);
    put_element(out, 0x06, oid, len);
    wrap(out, 0x30, end);
}

static void san_names(struct writer *out, unsigned count)
{
    static const uint8_t oid[3] = {0x55, 0x1d, 0x11};
    char name[64];
    size_t end = out->at;

    for (unsigned i = 0; i < count; i++) {
        int len = snprintf(name, sizeof name, "n%u.example.com", i);
        put_element(out, 0x82, name, (size_t)len);
    }
    wrap(out, 0x30, end);
    put_extension(out, oid, sizeof oid, end);
}

static void same_names(struct writer *out, unsigned count)
{
    static const uint8_t oid[3] = {0x55, 0x1d, 0x11};
    size_t end = out->at;

    for (unsigned i = 0; i < count; i++)
        put_element(out, 0x82, "www.example.com", 15);
    wrap(out, 0x30, end);
    put_extension(out, oid, sizeof oid, end);
}

static void many_sans(struct writer *out, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        san_names(out, 1);
}

static void different_extensions(struct writer *out, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint8_t oid[6] = {0x2a,
                          (uint8_t)(i >> 21 & 0x7f) | 0x80,
                          (uint8_t)(i >> 14 & 0x7f) | 0x80,
                          (uint8_t)(i >> 7 & 0x7f) | 0x80,
                          (uint8_t)(i & 0x7f),
                          1};
        size_t end = out->at;
        put_extension(out, oid, sizeof oid, end);
    }
}

static void same_extensions(struct writer *out, unsigned count)
{
    static const uint8_t oid[6] = {0x2a, 0x03, 0x04, 0x05, 0x06, 0x07};

    for (unsigned i = 0; i < count; i++)
        put_extension(out, oid, sizeof oid, out->at);
}

static void open_lengths(struct writer *out, unsigned count)
{
    static const uint8_t oid[3] = {0x55, 0x1d, 0x11};
    static const uint8_t ends[2] = {0, 0};
    static const uint8_t begin[2] = {0x30, 0x80};
    size_t end = out->at;

    for (unsigned i = 0; i < count; i++)
        put(out, ends, sizeof ends);
    for (unsigned i = 0; i < count; i++)
        put(out, begin, sizeof begin);
    put_extension(out, oid, sizeof oid, end);
}

static void never_closed(struct writer *out, unsigned count)
{
    static const uint8_t oid[3] = {0x55, 0x1d, 0x11};
    static const uint8_t begin[2] = {0x30, 0x80};

    for (unsigned i = 0; i < count / 8; i++) {
        size_t end = out->at;
        for (unsigned k = 0; k < 8; k++)
            put(out, begin, sizeof begin);
        put_extension(out, oid, sizeof oid, end);
    }
}

static void one_huge(struct writer *out, unsigned count)
{
    static const uint8_t oid[3] = {0x55, 0x1d, 0x0e};
    static uint8_t zeros[160];
    size_t end = out->at;

    for (unsigned i = 0; i < count; i++)
        put(out, zeros, sizeof zeros);
    put_extension(out, oid, sizeof oid, end);
}

static void subject_of(struct writer *out, unsigned count)
{
    static const uint8_t cn[3] = {0x55, 0x04, 0x03};
    char name[64];
    size_t all = out->at;

    for (unsigned i = 0; i < count; i++) {
        size_t end = out->at;
        int len = snprintf(name, sizeof name, "c%u.example.com", i);
        put_element(out, 0x0c, name, (size_t)len);
        put_element(out, 0x06, cn, sizeof cn);
        wrap(out, 0x30, end);
        wrap(out, 0x31, end);
    }
    wrap(out, 0x30, all);
}

static const struct {
    const char *name;
    void (*extensions)(struct writer *out, unsigned count);
    bool in_subject;
    unsigned count; /* at the largest size */
} shapes[] = {
    {"names, all different", san_names, false, 100000},
    {"names, all the same", same_names, false, 100000},
    {"SAN extensions", many_sans, false, 100000},
    {"extensions, all different", different_extensions, false, 100000},
    {"extensions, all the same", same_extensions, false, 100000},
    {"common names", NULL, true, 100000},
    {"nested open lengths", open_lengths, false, 100000},
    {"lengths never closed", never_closed, false, 100000},
    {"one extension of 16 MB", one_huge, false, 100000},
};

static struct span make(struct writer *out, size_t shape, unsigned count)
{
    static const uint8_t alg[] = {0x30, 0x0a, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2};
    static const uint8_t key[] = {0x30, 0x0d, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 4, 0, 1, 2, 3};
    static const uint8_t validity[] = "\x30\x1e\x17\x0d"
                                      "250101000000Z\x17\x0d"
                                      "250301000000Z";
    static const uint8_t start[] = {0xa0, 3, 2, 1, 2, 2, 1, 7};
    size_t all = out->at;

    put_element(out, 0x03, "\0sig", 4);
    put(out, alg, sizeof alg);
    size_t tbs = out->at;
    if (shapes[shape].extensions != NULL) {
        shapes[shape].extensions(out, count);
        wrap(out, 0x30, tbs);
        wrap(out, 0xa3, tbs);
    }
    put(out, key, sizeof key);
    subject_of(out, shapes[shape].in_subject ? count : 1);
    put(out, validity, sizeof validity - 1);
    subject_of(out, 1);
    put(out, alg, sizeof alg);
    put(out, start, sizeof start);
    wrap(out, 0x30, tbs);
    wrap(out, 0x30, all);
    return span_of(out->room + out->at, all - out->at);
}

static double cost(struct span der, struct arena *arena)
{
    double best = 1e18;

    for (int round = 0; round < 5; round++) {
        struct cert cert;
        struct name *names;
        size_t count;
        struct finding_set findings = {{0, 0}};
        arena_reset(arena, (size_t)64 << 20);
        int64_t begin = certmill_cpu_ns();
        (void)tbs_read_certificate(der, &cert);
        names_collect(&cert, arena, &names, &count, &findings);
        double ns = (double)(certmill_cpu_ns() - begin) / (double)der.len;
        best = ns < best ? ns : best;
    }
    return best;
}

int main(void)
{
    struct writer out = {malloc(ROOM), 0};
    struct arena arena;
    bool linear = true;

    must(suffix_load(SPAN_LIT("com\n"), NULL) == ERR_OK);
    must(out.room != NULL && arena_init(&arena, (size_t)512 << 20));
    printf("%-26s %12s   ns per octet at 1/8, 1/4, 1/2 and all of it\n", "shape", "octets");
    for (size_t i = 0; i < countof(shapes); i++) {
        double first = 0;
        double last = 0;
        size_t octets = 0;
        char line[128] = "";
        for (unsigned part = 8; part != 0; part /= 2) {
            out.at = ROOM;
            struct span der = make(&out, i, shapes[i].count / part);
            last = cost(der, &arena);
            first = part == 8 ? last : first;
            octets = der.len;
            size_t used = strlen(line);
            (void)snprintf(line + used, sizeof line - used, " %7.2f", last);
        }
        bool good = last <= first * TOLERANCE;
        linear = linear && good;
        printf("%-26s %12zu  %s%s\n", shapes[i].name, octets, line, good ? "" : "   not linear");
    }
    arena_fini(&arena);
    free(out.room);
    return linear ? 0 : 1;
}
