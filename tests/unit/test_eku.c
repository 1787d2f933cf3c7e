#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "parser/eku.h"

#define EKU(text)                                                                                            \
    {                                                                                                        \
        (const uint8_t *)(text), sizeof(text) - 1                                                            \
    }

#define SERVER "\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01"

static const struct {
    struct span value;
    const char *want;
    bool damaged;
} rows[] = {
    {EKU("\x30\x0a" SERVER), "1.3.6.1.5.5.7.3.1 ", false},
    {EKU("\x30\x0e" SERVER "\x06\x02\x2a\x03"), "1.3.6.1.5.5.7.3.1 1.2.3 ", false},
    {EKU("\x30\x16" SERVER "\x06\x0a\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x04"),
     "1.3.6.1.5.5.7.3.1 1.3.6.1.4.1.11129.2.4.4 ", false},
    {EKU("\x30\x00"), "", false},
    {{NULL, 0}, "", false},
    {EKU(""), "", true},
    {EKU("\x30\x0c\x05\x00" SERVER), "1.3.6.1.5.5.7.3.1 ", true},
    {EKU("\x30\x0b" SERVER "\x06"), "1.3.6.1.5.5.7.3.1 ", true},
    {EKU("\x30\x0a" SERVER "\x00"), "1.3.6.1.5.5.7.3.1 ", true},
};

static void every_purpose(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct buf got;
        struct eku eku;
        struct span oid;
        char text[OID_TEXT_MAX];
        buf_init(&got, 4096);
        eku_init(&eku, rows[i].value);
        while (eku_next(&eku, &oid))
            buf_fmt(&got, "%s ", oid_text(oid, text));
        if (strcmp(buf_text(&got), rows[i].want) != 0 || eku.damaged != rows[i].damaged)
            fail_msg("row %zu: %s, damaged %d", i, buf_text(&got), eku.damaged);
        buf_fini(&got);
    }
}

static void usages_by_name(void **state)
{
    (void)state;
    assert_string_equal(eku_usage_name(0), "digitalSignature");
    assert_string_equal(eku_usage_name(5), "keyCertSign");
    assert_string_equal(eku_usage_name(8), "decipherOnly");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_purpose), cmocka_unit_test(usages_by_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
