/* Lists of known keys: every form, what is none, and files that change. */
#include "watcher/blocklist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "verify/weakkey.h"

#define HEX_64 "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

static void lines(void **state)
{
    static const struct {
        const char *line;
        int octets;
    } rows[] = {
        {"", 0},
        {"   ", 0},
        {"# a note", 0},
        {"\r", 0},
        {HEX_64, 32},
        {"spki:" HEX_64, 32},
        {"  " HEX_64 "\r", 32},
        {HEX_64 " seen in a firmware image", 32},
        {HEX_64 "\tseen", 32},
        {"0011223344556677889900112233445566778899", 20},
        {"00112233445566778899", 10},
        {"spki:00112233445566778899", -1},
        {"0011223344556677889", -1},
        {"001122334455667788990", -1},
        {"zz112233445566778899", -1},
        {HEX_64 "00", -1},
        {"hello", -1},
        {"spki:", -1},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        uint8_t out[32];
        int octets = blocklist_line(span_str(rows[i].line), out);
        if (octets != rows[i].octets)
            fail_msg("'%s': %d", rows[i].line, octets);
        if (octets > 0)
            assert_int_equal(out[1], 0x11);
    }
}

static void put(const char *folder, const char *name, const char *text)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static void drop(const char *folder, const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    (void)unlink(path);
}

static void files(void **state)
{
    static const uint8_t modulus[] = {0, 0xc0, 0xff, 0xee};
    char folder[] = "/tmp/blocklist.XXXXXX";
    char both[256];
    char text[256];
    char hex[65];
    uint8_t sha1[20];
    uint8_t spki[32];
    struct blocklist *list = NULL;
    struct err why = {0};
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_true(text_unhex(span_str(HEX_64), spki, 32));
    put(folder, "keys.txt", "# of ours\n" HEX_64 "\n");
    weakkey_modulus_line_sha1(span_of(modulus, sizeof modulus), sha1);
    (void)snprintf(text, sizeof text, "# blacklist.RSA\n%s\n", text_hex(span_of(sha1 + 10, 10), hex));
    put(folder, "debian", text);
    put(folder, ".hidden", "this is no list");

    assert_int_equal(blocklist_read(folder, &list, &why), ERR_OK);
    assert_int_equal(blocklist_count(list), 2);
    assert_non_null(strstr(blocklist_find_spki(list, spki), "keys.txt"));
    assert_non_null(strstr(blocklist_find_modulus(list, span_of(modulus, sizeof modulus)), "debian"));
    assert_null(blocklist_find_modulus(list, span_of(modulus + 2, 2)));
    spki[31] ^= 1;
    assert_null(blocklist_find_spki(list, spki));
    assert_null(blocklist_find_spki(NULL, spki));
    assert_false(blocklist_changed(list));
    drop(folder, "debian");
    assert_true(blocklist_changed(list));
    blocklist_unpin(list);

    /* The octets alone, and the whole digest of the line; the same file named twice is no harm. */
    weakkey_modulus_sha1(span_of(modulus, sizeof modulus), sha1);
    (void)snprintf(text, sizeof text, "%s", text_hex(span_of(sha1, 20), hex));
    put(folder, "octets", text);
    (void)snprintf(both, sizeof both, " %s/octets , %s/octets,", folder, folder);
    assert_int_equal(blocklist_read(both, &list, &why), ERR_OK);
    assert_non_null(blocklist_find_modulus(list, span_of(modulus, sizeof modulus)));
    put(folder, "octets", "");
    assert_true(blocklist_changed(list));
    blocklist_unpin(list);
    assert_int_equal(blocklist_read(both, &list, &why), ERR_OK);
    assert_int_equal(blocklist_count(list), 0);
    assert_null(blocklist_find_modulus(list, span_of(modulus, sizeof modulus)));
    blocklist_unpin(list);

    /* Half of a list is none. */
    put(folder, "octets", HEX_64 "\nnonsense\n");
    assert_int_equal(blocklist_read(both, &list, &why), ERR_CONFIG);
    assert_null(list);
    assert_non_null(strstr(why.text, "octets: line 2"));
    drop(folder, "octets");
    assert_int_equal(blocklist_read(both, &list, &why), ERR_CONFIG);
    drop(folder, "keys.txt");
    drop(folder, ".hidden");
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(blocklist_read("/dev/null", &list, &why), ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines), cmocka_unit_test(files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
