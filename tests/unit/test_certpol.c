#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "parser/certpol.h"

#define POL(text)                                                                                            \
    {                                                                                                        \
        (const uint8_t *)(text), sizeof(text) - 1                                                            \
    }

#define DV     "\x06\x06\x67\x81\x0c\x01\x02\x01"
#define CPS(x) "\x30\x0e\x06\x08\x2b\x06\x01\x05\x05\x07\x02\x01\x16\x02" x

static const struct {
    struct span value;
    const char *want; /* dotted OID, "q" with qualifiers, the practice statement */
    bool damaged;
} rows[] = {
    {POL("\x30\x0a\x30\x08" DV), "2.23.140.1.2.1 ", false},
    {POL("\x30\x10\x30\x08" DV "\x30\x04\x06\x02\x2a\x03"), "2.23.140.1.2.1 1.2.3 ", false},
    {POL("\x30\x1c\x30\x1a" DV "\x30\x10" CPS("ab")), "2.23.140.1.2.1q=ab ", false},
    {POL("\x30\x1e\x30\x1c" DV "\x30\x12\x30\x10\x06\x08\x2b\x06\x01\x05\x05\x07\x02\x01\x16\x04"
         "abcd"),
     "2.23.140.1.2.1q=abcd ", false},
    /* Another qualifier first. */
    {POL("\x30\x26\x30\x24" DV "\x30\x1a\x30\x06\x06\x02\x2a\x03\x30\x00\x30\x10\x06\x08\x2b\x06\x01\x05\x05"
         "\x07\x02\x01\x16\x04"
         "abcd"),
     "2.23.140.1.2.1q=abcd ", false},
    {POL("\x30\x0c\x30\x0a" DV "\x30\x00"), "2.23.140.1.2.1q ", false},
    {POL("\x30\x00"), "", false},
    {{NULL, 0}, "", false},
    {POL(""), "", true},
    {POL("\x30\x0a\x30\x08" DV "\x05\x00"), "2.23.140.1.2.1 ", true},
    {POL("\x30\x0c\x05\x00\x30\x08" DV), "", true},
    {POL("\x30\x0c\x30\x00\x30\x08" DV), "2.23.140.1.2.1 ", true},
    {POL("\x30\x0c\x30\x0a" DV "\x05\x00"), "2.23.140.1.2.1 ", true},
    {POL("\x30\x0a\x30\x09" DV), "", true},
};

static void every_policy(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct buf got;
        struct certpol pol;
        struct certpol_item item;
        char oid[OID_TEXT_MAX];
        buf_init(&got, 4096);
        certpol_init(&pol, rows[i].value);
        while (certpol_next(&pol, &item)) {
            buf_fmt(&got, "%s%s%s", oid_text(item.oid, oid), item.qualifiers.at != NULL ? "q" : "",
                    item.cps.at != NULL ? "=" : "");
            buf_put(&got, item.cps);
            buf_byte(&got, ' ');
            assert_int_equal(item.id, oid_find(item.oid));
        }
        if (strcmp(buf_text(&got), rows[i].want) != 0 || pol.damaged != rows[i].damaged)
            fail_msg("row %zu: %s, damaged %d", i, buf_text(&got), pol.damaged);
        buf_fini(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_policy)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
