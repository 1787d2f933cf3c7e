#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"

static void the_first_error_wins(void **state)
{
    struct err why = {0};
    (void)state;
    assert_int_equal(err_set(&why, ERR_FORMAT, "%s: %d", "first", 1), ERR_FORMAT);
    assert_int_equal(err_set(&why, ERR_MEMORY, "second"), ERR_MEMORY);
    assert_int_equal(why.code, ERR_FORMAT);
    assert_string_equal(why.text, "first: 1");
    assert_int_equal(err_prefix(&why, "log %s", "argon"), ERR_FORMAT);
    assert_string_equal(why.text, "log argon: first: 1");
    err_clear(&why);
    assert_int_equal(why.code, ERR_OK);
    assert_int_equal(err_set(NULL, ERR_DB, "nobody listens"), ERR_DB);
    err_clear(NULL);
}

static void hostile_bytes_do_not_break_the_line(void **state)
{
    struct err why = {0};
    (void)state;
    assert_int_equal(err_set(&why, ERR_HTTP, "%s", "a\nlevel=error\x1b[2J\x7f"), ERR_HTTP);
    assert_string_equal(why.text, "a\\x0alevel=error\\x1b[2J\\x7f");
}

static void long_texts_are_cut(void **state)
{
    struct err why = {0};
    char many[2 * ERR_TEXT_MAX];
    (void)state;
    memset(many, '\n', sizeof many);
    many[sizeof many - 1] = 0;
    assert_int_equal(err_set(&why, ERR_HTTP, "%s", many), ERR_HTTP);
    assert_true(strlen(why.text) < ERR_TEXT_MAX);
    assert_int_equal(strlen(why.text) % 4, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(err_prefix(&why, "%s", many), ERR_HTTP);
    assert_true(strlen(why.text) < ERR_TEXT_MAX);
}

static void every_row_has_name_class_and_sentence(void **state)
{
    static const enum err_code codes[] = {
#define X(name, number, class, sentence) ERR_##name,
#include "base/err.def"
#undef X
    };
    (void)state;
    for (size_t i = 0; i < countof(codes); i++) {
        assert_true(strlen(err_name(codes[i])) > 0);
        assert_true(strlen(err_sentence(codes[i])) > 0);
        assert_int_equal(err_class(codes[i]) == ERR_CLASS_NONE, codes[i] == ERR_OK);
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(codes[i], codes[k]);
    }
    assert_string_equal(err_name(ERR_HTTP_BUSY), "HTTP_BUSY");
    assert_int_equal(err_class(ERR_CONFIG), ERR_CLASS_USAGE);
    assert_int_equal(err_class(ERR_PROOF), ERR_CLASS_INPUT);
    assert_int_equal(err_class(ERR_DB_SCHEMA), ERR_CLASS_STATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_error_wins),
        cmocka_unit_test(hostile_bytes_do_not_break_the_line),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(every_row_has_name_class_and_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
