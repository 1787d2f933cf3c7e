#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "parser/crldp.h"

#define DP(text)                                                                                             \
    {                                                                                                        \
        (const uint8_t *)(text), sizeof(text) - 1                                                            \
    }

#define URI(x) "\x86\x02" x

static const struct {
    struct span value;
    const char *want; /* point:kind:name, "r" with reasons, "i" with an issuer, "~" relative name */
    bool damaged;
} rows[] = {
    {DP("\x30\x0a\x30\x08\xa0\x06\xa0\x04" URI("ab")), "0:uri:ab ", false},
    {DP("\x30\x0e\x30\x0c\xa0\x0a\xa0\x08" URI("ab") URI("cd")), "0:uri:ab 0:uri:cd ", false},
    {DP("\x30\x14\x30\x08\xa0\x06\xa0\x04" URI("ab") "\x30\x08\xa0\x06\xa0\x04" URI("cd")),
     "0:uri:ab 1:uri:cd ", false},
    {DP("\x30\x12\x30\x10\xa0\x06\xa0\x04" URI("ab") "\x81\x02\x01\x02\xa2\x02\xa4\x00"), "0:uri:abri ",
     false},
    {DP("\x30\x0a\x30\x08\xa0\x06\xa1\x04\x30\x02\x06\x00"), "0:-:~ ", false},
    {DP("\x30\x06\x30\x04\xa2\x02\xa4\x00"), "0:-:i ", false},
    {DP("\x30\x02\x30\x00"), "0:-: ", false},
    {DP("\x30\x06\x30\x04\xa0\x02\xa0\x00"), "0:-: ", false},
    {DP("\x30\x00"), "", false},
    {{NULL, 0}, "", false},
    {DP(""), "", true},
    {DP("\x30\x04\x30\x02\xa0\x00"), "0:-: ", true},
    {DP("\x30\x0a\x30\x08\xa0\x06\xa2\x04" URI("ab")), "0:-: ", true},
    {DP("\x30\x0c\x05\x00\x30\x08\xa0\x06\xa0\x04" URI("ab")), "", true},
    {DP("\x30\x0c\x30\x0a\xa0\x06\xa0\x04" URI("ab") "\x05\x00"), "0:uri:ab ", true},
    {DP("\x30\x0c\x30\x0a\xa0\x08\xa0\x06" URI("ab") "\x86\x05"), "0:uri:ab 0:-: ", true},
    {DP("\x30\x0a\x30\x08\xa0\x06\xa0\x04\x16\x02"
        "ab"),
     "0:unknown:ab ", true},
    {DP("\x30\x0a\x30\x08\xa0\x06\xa0\x04" URI("ab") "\x00"), "0:uri:ab ", true},
};

static void every_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct buf got;
        struct crldp crldp;
        struct crldp_item item;
        buf_init(&got, 4096);
        crldp_init(&crldp, rows[i].value);
        while (crldp_next(&crldp, &item)) {
            buf_fmt(&got, "%u:%s:", item.point,
                    item.name.whole.at == NULL ? "-" : san_kind_name(item.name.kind));
            buf_put(&got, item.name.value);
            buf_fmt(&got, "%s%s%s ", item.relative.at != NULL ? "~" : "", item.reasons.at != NULL ? "r" : "",
                    item.issuer.at != NULL ? "i" : "");
        }
        if (strcmp(buf_text(&got), rows[i].want) != 0 || crldp.damaged != rows[i].damaged)
            fail_msg("row %zu: %s, damaged %d", i, buf_text(&got), crldp.damaged);
        buf_fini(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
