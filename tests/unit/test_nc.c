#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "parser/nc.h"

#define NC(text)                                                                                             \
    {                                                                                                        \
        (const uint8_t *)(text), sizeof(text) - 1                                                            \
    }

static const struct {
    struct span value;
    const char *want; /* one word per subtree: side, kind, length of the base, "!" when bounded */
    bool damaged;
    bool empty;
} rows[] = {
    {NC("\x30\x08\xa0\x06\x30\x04\x82\x02"
        "ab"),
     "+dns2 ", false, false},
    {NC("\x30\x1a\xa0\x0c\x30\x04\x82\x02"
        "ab\x30\x04\x81\x02"
        "cd\xa1\x0a\x30\x08\x87\x06"
        "123456"),
     "+dns2 +email2 -ip6 ", false, false},
    /* An empty base means everything of its kind. */
    {NC("\x30\x06\xa1\x04\x30\x02\x82\x00"), "-dns0 ", false, false},
    {NC("\x30\x0b\xa0\x09\x30\x07\x82\x02"
        "ab\x80\x01\x00"),
     "+dns2! ", false, false},
    {NC("\x30\x0b\xa0\x09\x30\x07\x82\x02"
        "ab\x81\x01\x05"),
     "+dns2! ", false, false},
    {NC("\x30\x08\xa1\x06\x30\x04\xa4\x02\x30\x00"), "-directory2 ", false, false},
    {NC("\x30\x00"), "", false, true},
    {NC("\x30\x02\xa0\x00"), "", false, true},
    {NC("\x30\x0a\xa0\x00\xa1\x06\x30\x04\x82\x02"
        "ab"),
     "-dns2 ", false, true},
    {{NULL, 0}, "", false, false},
    /* What is readable behind and before damage is kept. */
    {NC(""), "", true, false},
    {NC("\x31\x00"), "", true, false},
    {NC("\x30\x08\xa0\x06\x30\x04\x82\x02"
        "ab\x05\x00"),
     "+dns2 ", true, false},
    {NC("\x30\x0a\xa2\x00\xa0\x06\x30\x04\x82\x02"
        "ab"),
     "+dns2 ", true, false},
    {NC("\x30\x0a\xa0\x08\x05\x00\x30\x04\x82\x02"
        "ab"),
     "", true, false},
    {NC("\x30\x0a\xa0\x08\x30\x00\x30\x04\x82\x02"
        "ab"),
     "+dns2 ", true, false},
    {NC("\x30\x0e\xa0\x02\x05\x00\xa1\x08\x30\x06\x82\x02"
        "ab\x05\x00"),
     "-dns2 ", true, false},
    {NC("\x30\x08\xa0\x06\x30\x04\xa2\x02"
        "ab"),
     "+unknown2 ", true, false},
    {NC("\x30\x08\xa0\x09\x30\x04\x82\x02"
        "ab"),
     "", true, false},
};

static void every_subtree(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct buf got;
        struct nc nc;
        struct nc_item item;
        buf_init(&got, 4096);
        nc_init(&nc, rows[i].value);
        while (nc_next(&nc, &item))
            buf_fmt(&got, "%c%s%zu%s ", item.side == NC_PERMITTED ? '+' : '-', san_kind_name(item.base.kind),
                    item.base.value.len, item.bounded ? "!" : "");
        if (strcmp(buf_text(&got), rows[i].want) != 0 || nc.damaged != rows[i].damaged ||
            nc.empty != rows[i].empty)
            fail_msg("row %zu: %s, damaged %d, empty %d", i, buf_text(&got), nc.damaged, nc.empty);
        buf_fini(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_subtree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
