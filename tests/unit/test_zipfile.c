/* Zip files as attackers make them: bounded, and each refusal says what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zip.h>

#include "ingest/gunzip.h"
#include "ingest/zipfile.h"

#define BIG (8u << 20)

static char path[] = "/tmp/ctvigil-test-zipfile.XXXXXX";

static void put(zip_t *zip, const char *name, const void *bytes, size_t len, zip_int32_t method)
{
    zip_source_t *source = zip_source_buffer(zip, bytes, len, 0);
    zip_int64_t at = zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8);
    assert_true(at >= 0);
    assert_int_equal(zip_set_file_compression(zip, (zip_uint64_t)at, method, 9), 0);
}

static void make(const uint8_t *zeros)
{
    int number = 0;
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &number);
    assert_non_null(zip);
    put(zip, "plain", "hello", 5, ZIP_CM_STORE);
    put(zip, "packed", "hello hello hello hello hello", 29, ZIP_CM_DEFLATE);
    put(zip, "zeros", zeros, BIG, ZIP_CM_DEFLATE);
    put(zip, "../../etc/passwd", "out", 3, ZIP_CM_STORE);
    put(zip, "empty", "", 0, ZIP_CM_STORE);
    assert_int_equal(zip_close(zip), 0);
}

static uint8_t *whole(size_t *len)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(1u << 20);
    assert_non_null(file);
    assert_non_null(bytes);
    *len = fread(bytes, 1, 1u << 20, file);
    (void)fclose(file);
    return bytes;
}

static void rewrite(const uint8_t *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static enum err_code get(const char *name, bool gzip, size_t ceiling, struct arena *arena, struct span *body,
                         struct err *why)
{
    struct zipfile *zip = NULL;
    arena_reset(arena, 0);
    enum err_code code = zipfile_open(path, &zip, why);
    if (code == ERR_OK)
        code = zipfile_read(zip, name, gzip, arena, ceiling, body, why);
    zipfile_close(zip);
    return code;
}

static void test_read(void **state)
{
    struct arena *arena = *state;
    struct span body = SPAN_NONE;
    struct err why = {.code = ERR_OK};
    struct gunzip *gunzip = gunzip_new();
    assert_int_equal(get("plain", false, 4096, arena, &body, &why), ERR_OK);
    assert_true(span_eq(body, SPAN_LIT("hello")));
    assert_int_equal(get("plain", true, 4096, arena, &body, &why), ERR_OK);
    assert_true(span_eq(body, SPAN_LIT("hello")));
    assert_int_equal(get("empty", true, 4096, arena, &body, &why), ERR_OK);
    assert_int_equal(body.len, 0);
    assert_int_equal(get("packed", false, 4096, arena, &body, &why), ERR_OK);
    assert_true(span_eq(body, SPAN_LIT("hello hello hello hello hello")));
    /* As gzip, for somebody else to inflate. */
    assert_int_equal(get("packed", true, 4096, arena, &body, &why), ERR_OK);
    assert_true(gunzip_is_gzip(body));
    assert_int_equal(gunzip_run(gunzip, body, arena, 4096, &body, &why), ERR_OK);
    assert_true(span_eq(body, SPAN_LIT("hello hello hello hello hello")));
    gunzip_free(gunzip);
}

static void test_bounds(void **state)
{
    struct arena *arena = *state;
    struct span body = SPAN_NONE;
    struct err why = {.code = ERR_OK};
    assert_int_equal(get("zeros", false, BIG / 2, arena, &body, &why), ERR_TOO_BIG);
    err_clear(&why);
    /* What it takes in the file is little; whoever inflates it has his own ceiling. */
    assert_int_equal(get("zeros", true, BIG / 2, arena, &body, &why), ERR_OK);
    assert_true(body.len < 100000);
    assert_int_equal(get("plain", false, 4, arena, &body, &why), ERR_TOO_BIG);
    err_clear(&why);
    assert_int_equal(get("nothing", false, 4096, arena, &body, &why), ERR_NOT_FOUND);
    err_clear(&why);
    assert_int_equal(get("etc/passwd", false, 4096, arena, &body, &why), ERR_NOT_FOUND);
}

/* Cut off anywhere, and with any byte changed: never more than a refusal. */
static void test_damage(void **state)
{
    struct arena *arena = *state;
    struct span body = SPAN_NONE;
    size_t len = 0;
    uint8_t *bytes = whole(&len);
    for (size_t cut = 0; cut < len; cut += len / 40 + 1) {
        struct err why = {.code = ERR_OK};
        rewrite(bytes, cut);
        assert_int_equal(get("plain", false, 4096, arena, &body, &why), ERR_FORMAT);
        assert_non_null(strstr(why.text, path));
    }
    unsigned whole_still = 0;
    for (size_t at = 0; at < len; at += at + 700 < len && at > 200 ? 97 : 1) {
        struct err why = {.code = ERR_OK};
        bytes[at] ^= 0x41;
        rewrite(bytes, len);
        bytes[at] ^= 0x41;
        if (get("packed", false, 4096, arena, &body, &why) != ERR_OK)
            continue;
        assert_true(span_eq(body, SPAN_LIT("hello hello hello hello hello")));
        whole_still++;
    }
    assert_true(whole_still > 0);
    rewrite(bytes, len);
    free(bytes);
}

static void test_no_file(void **state)
{
    struct zipfile *zip = NULL;
    struct err why = {.code = ERR_OK};
    (void)state;
    assert_int_equal(zipfile_open("/nowhere/at.zip", &zip, &why), ERR_SYSTEM);
    assert_null(zip);
    err_clear(&why);
    assert_int_equal(zipfile_open("/tmp", &zip, &why), ERR_SYSTEM);
    err_clear(&why);
    assert_int_equal(zipfile_open("/dev/zero", &zip, &why), ERR_SYSTEM);
}

/* A directory that claims to be larger than the ceiling is not read at all. */
static void test_directory(void **state)
{
    size_t len = 0;
    uint8_t *bytes = whole(&len);
    struct zipfile *zip = NULL;
    struct err why = {.code = ERR_OK};
    uint8_t *copy = malloc(len);
    (void)state;
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    memset(copy + len - 22 + 12, 0xfe, 4);
    rewrite(copy, len);
    assert_int_equal(zipfile_open(path, &zip, &why), ERR_TOO_BIG);
    rewrite(bytes, len);
    free(copy);
    free(bytes);
}

/* Large archives are zip64: more members than 16 bits count, and further into the file than 32 bits reach.
 * Some writers say so in one field, others in all of them. */
static void test_many(void **state)
{
    enum { MEMBERS = 65600 };
    struct zipfile *zip = NULL;
    struct err why = {.code = ERR_OK};
    struct span body = SPAN_NONE;
    struct arena *arena = *state;
    char name[32];
    int number = 0;
    zip_t *out = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &number);
    assert_non_null(out);
    for (int i = 0; i < MEMBERS; i++) {
        (void)snprintf(name, sizeof name, "m%d", i);
        put(out, name, "hello", 5, ZIP_CM_STORE);
    }
    assert_int_equal(zip_close(out), 0);
    for (int round = 0; round < 2; round++) {
        if (zipfile_open(path, &zip, &why) != ERR_OK)
            fail_msg("%s", why.text);
        assert_int_equal(zipfile_count(zip), MEMBERS);
        assert_true(zipfile_has(zip, "m65599"));
        arena_reset(arena, 0);
        assert_int_equal(zipfile_read(zip, "m65599", false, arena, 4096, &body, &why), ERR_OK);
        assert_true(span_eq(body, SPAN_LIT("hello")));
        zipfile_close(zip);
        FILE *file = fopen(path, "r+b");
        assert_non_null(file);
        assert_int_equal(fseek(file, -22 + 8, SEEK_END), 0);
        assert_int_equal(fwrite("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 1, 12, file), 12);
        assert_int_equal(fclose(file), 0);
    }
    /* Its end is cut off where the old format would still be whole. */
    assert_int_equal(truncate(path, 1000000), 0);
    assert_int_equal(zipfile_open(path, &zip, &why), ERR_FORMAT);
}

/* What the directory says of a size is not believed: one member, and a byte of its size at a time. */
static void test_lies(void **state)
{
    static uint8_t text[3000];
    struct arena *arena = *state;
    int number = 0;
    size_t len = 0;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * i >> 5);
    for (int method = 0; method < 2; method++) {
        zip_t *out = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &number);
        assert_non_null(out);
        put(out, "member", text, sizeof text, method == 0 ? ZIP_CM_STORE : ZIP_CM_DEFLATE);
        assert_int_equal(zip_close(out), 0);
        uint8_t *bytes = whole(&len);
        size_t entry = len - 22 - 46 - 6;
        while (memcmp(bytes + entry, "PK\1\2", 4) != 0)
            entry--;
        for (size_t at = 20; at < 28; at++) {
            for (unsigned bit = 0; bit < 8; bit++) {
                struct span body = SPAN_NONE;
                struct err why = {.code = ERR_OK};
                bytes[entry + at] ^= (uint8_t)(1u << bit);
                rewrite(bytes, len);
                bytes[entry + at] ^= (uint8_t)(1u << bit);
                if (get("member", false, 1u << 20, arena, &body, &why) == ERR_OK)
                    assert_true(span_eq(body, span_of(text, sizeof text)));
                assert_true(body.len <= 1u << 20);
            }
        }
        free(bytes);
    }
}

int main(void)
{
    static uint8_t zeros[BIG];
    struct arena arena;
    int fd = mkstemp(path);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_read, &arena),      cmocka_unit_test_prestate(test_bounds, &arena),
        cmocka_unit_test_prestate(test_damage, &arena),    cmocka_unit_test_prestate(test_no_file, &arena),
        cmocka_unit_test_prestate(test_directory, &arena), cmocka_unit_test_prestate(test_many, &arena),
        cmocka_unit_test_prestate(test_lies, &arena),
    };
    if (fd < 0 || !arena_init(&arena, 4 * BIG))
        return 1;
    close(fd);
    make(zeros);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_fini(&arena);
    unlink(path);
    return failed;
}
