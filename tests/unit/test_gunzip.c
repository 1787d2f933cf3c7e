#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <zlib.h>

#include "ingest/gunzip.h"

#define CEILING ((size_t)1 << 20)

static size_t pack(const void *bytes, size_t len, uint8_t *out, size_t cap)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)len};
    stream.next_out = out;
    stream.avail_out = (uInt)cap;
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t packed = cap - stream.avail_out;
    deflateEnd(&stream);
    return packed;
}

struct rig {
    struct gunzip *gunzip;
    struct arena arena;
    uint8_t *plain;
    uint8_t *packed;
    struct span out;
};

static void rig_init(struct rig *rig, size_t plain)
{
    rig->gunzip = gunzip_new();
    rig->plain = calloc(1, plain + 1);
    rig->packed = malloc(plain + (plain >> 3) + 4096);
    assert_true(rig->gunzip != NULL && rig->plain != NULL && rig->packed != NULL);
    assert_true(arena_init(&rig->arena, CEILING));
}

static void rig_fini(struct rig *rig)
{
    gunzip_free(rig->gunzip);
    arena_fini(&rig->arena);
    free(rig->plain);
    free(rig->packed);
}

static enum err_code run(struct rig *rig, size_t packed, size_t most)
{
    arena_reset(&rig->arena, 0);
    return gunzip_run(rig->gunzip, span_of(rig->packed, packed), &rig->arena, most, &rig->out, NULL);
}

static void test_sizes(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 255, 4096, 262143, 262144, 262145, 700000, CEILING - 4096};
    (void)state;
    for (size_t i = 0; i < countof(sizes); i++) {
        struct rig rig;
        rig_init(&rig, sizes[i]);
        for (size_t k = 0; k < sizes[i]; k++)
            rig.plain[k] = (uint8_t)(k * 2654435761u >> 13);
        size_t packed = pack(rig.plain, sizes[i], rig.packed, sizes[i] + (sizes[i] >> 3) + 4096);
        assert_true(gunzip_is_gzip(span_of(rig.packed, packed)));
        assert_int_equal(run(&rig, packed, CEILING), ERR_OK);
        assert_true(span_eq(rig.out, span_of(rig.plain, sizes[i])));
        rig_fini(&rig);
    }
}

/* What came out before the damage is at hand, wherever it is cut; after a good end, or a bomb, nothing is. */
static void test_salvage(void **state)
{
    enum { SIZE = 3000 };
    struct rig rig;

    (void)state;
    rig_init(&rig, SIZE);
    for (size_t k = 0; k < SIZE; k++)
        rig.plain[k] = (uint8_t)(k * 2654435761u >> 13);
    size_t packed = pack(rig.plain, SIZE, rig.packed, SIZE + 4096);
    for (size_t cut = 0; cut < packed; cut++) {
        assert_int_equal(run(&rig, cut, CEILING), ERR_FORMAT);
        struct span part = gunzip_salvage(rig.gunzip);
        assert_true(part.len <= SIZE && memcmp(part.at, rig.plain, part.len) == 0);
        assert_true(cut < packed - 8 || part.len == SIZE);
    }
    assert_int_equal(run(&rig, packed, SIZE / 2), ERR_TOO_BIG);
    assert_int_equal(gunzip_salvage(rig.gunzip).len, 0);
    assert_int_equal(run(&rig, packed, CEILING), ERR_OK);
    assert_int_equal(gunzip_salvage(rig.gunzip).len, 0);
    rig_fini(&rig);
}

/* A bomb ends at the ceiling, whichever is lower: the arena's or the caller's; the state is usable
 * afterwards. */
static void test_bomb(void **state)
{
    (void)state;
    struct rig rig;
    size_t size = 64 * CEILING;
    rig_init(&rig, size);
    size_t packed = pack(rig.plain, size, rig.packed, size);
    assert_int_equal(run(&rig, packed, SIZE_MAX), ERR_TOO_BIG);
    assert_true(rig.arena.used <= CEILING);
    assert_int_equal(run(&rig, packed, 1000), ERR_TOO_BIG);
    assert_true(rig.arena.used <= 1000);
    packed = pack("small", 5, rig.packed, size);
    assert_int_equal(run(&rig, packed, CEILING), ERR_OK);
    assert_true(span_eq(rig.out, SPAN_LIT("small")));
    rig_fini(&rig);
}

static void test_damage(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 5000);
    for (size_t k = 0; k < 5000; k++)
        rig.plain[k] = (uint8_t)(k * 31 + k / 7);
    size_t packed = pack(rig.plain, 5000, rig.packed, 9000);
    for (size_t cut = 2; cut < packed; cut += 7)
        assert_int_equal(run(&rig, cut, CEILING), ERR_FORMAT);
    uint8_t *last = &rig.packed[packed - 5];
    *last ^= 1; /* the checksum */
    assert_int_equal(run(&rig, packed, CEILING), ERR_FORMAT);
    *last ^= 1;
    /* Two members are one body; garbage behind is an error. */
    size_t second = pack("tail", 4, rig.packed + packed, 1000);
    assert_int_equal(run(&rig, packed + second, CEILING), ERR_OK);
    assert_int_equal(rig.out.len, 5004);
    memcpy(rig.packed + packed, "garbage", 7);
    assert_int_equal(run(&rig, packed + 7, CEILING), ERR_FORMAT);
    rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_salvage),
        cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
