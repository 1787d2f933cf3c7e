/* Which names are of nobody knows whom. */
#include "watcher/vague.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void which_names(void **state)
{
    static const struct {
        struct name name;
        bool vague;
    } rows[] = {
        {{.kind = NAME_DNS, .text = SPAN_LIT("www.bank.example")}, false},
        {{.kind = NAME_DNS, .text = SPAN_LIT("*.bank.example")}, false},
        {{.kind = NAME_DNS, .text = SPAN_LIT("*")}, false},
        {{.kind = NAME_DNS, .text = SPAN_LIT("w*.bank.example")}, true},
        {{.kind = NAME_DNS, .text = SPAN_LIT("**")}, true},
        {{.kind = NAME_DNS, .text = SPAN_LIT("www.*")}, true},
        {{.kind = NAME_DNS, .text = SPAN_NONE}, false},
        {{.kind = NAME_DNS, .text = SPAN_LIT("?.bank.example"), .flags = NAME_PLACEHOLDER}, true},
        {{.kind = NAME_IP, .raw = SPAN_LIT("1234")}, false},
        {{.kind = NAME_IP, .raw = SPAN_LIT("0123456789abcdef")}, false},
        {{.kind = NAME_IP, .raw = SPAN_LIT("123")}, true},
        {{.kind = NAME_IP, .raw = SPAN_LIT("12345678")}, true},
        {{.kind = NAME_IP, .raw = SPAN_LIT("0123456789abcdefg")}, true},
        {{.kind = NAME_IP, .raw = SPAN_NONE}, true},
        {{.kind = NAME_EMAIL, .text = SPAN_LIT("a*b@bank.example"), .raw = SPAN_LIT("123")}, false},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct name names[2] = {rows[0].name, rows[i].name};
        const struct issuance issuance = {.names = names, .name_count = 2};
        if (vague_name(&rows[i].name) != rows[i].vague || vague_any(&issuance) != rows[i].vague)
            fail_msg("name %zu", i);
    }
}

static void names_that_nobody_has_seen(void **state)
{
    struct name name = {.kind = NAME_DNS, .text = SPAN_LIT("?.bank.example")};
    const struct issuance issuance = {.names = &name, .name_count = 1};
    const struct finding_set none = {0};
    (void)state;
    assert_false(vague_lost(&issuance, &none));
    name.text = SPAN_LIT("?");
    assert_true(vague_lost(&issuance, &none));
    name.kind = NAME_EMAIL;
    assert_false(vague_lost(&issuance, &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(which_names),
        cmocka_unit_test(names_that_nobody_has_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
