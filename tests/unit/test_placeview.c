/* Levels of places in logs as `db status` shows them. */
#include "cli/placeview.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct db_place_level levels[] = {{0, 0, 1, 1, false},
                                               {0, 3, 16048, 129, true},
                                               {0, 4, DB_PLACE_BLOCKS_MAX, 200, true},
                                               {1, 0, 5, 5, false}};

static void texts(void **state)
{
    char text[PLACEVIEW_TEXT_MAX];
    struct db_place_level all[DB_PLACE_LEVELS_MAX];
    (void)state;
    placeview_text(levels, countof(levels), 0, text);
    assert_string_equal(text, "level 0: 1 block, 1 a bucket; level 3: 16048 blocks, 129 a bucket;"
                              " level 4: at least 20000 blocks, 200 a bucket");
    placeview_text(levels, countof(levels), 1, text);
    assert_string_equal(text, "level 0: 5 blocks, 5 a bucket");
    placeview_text(levels, 0, 1, text);
    assert_string_equal(text, "");
    for (int i = 0; i < DB_PLACE_LEVELS_MAX; i++)
        all[i] = (struct db_place_level){0, i, DB_PLACE_BLOCKS_MAX, DB_PLACE_BLOCKS_MAX, true};
    placeview_text(all, countof(all), 0, text);
    assert_true(strlen(text) < sizeof text);
}

static void the_worst_is_named(void **state)
{
    struct dbill ill;
    (void)state;
    assert_false(placeview_ill(levels, 1, &ill));
    assert_false(placeview_ill(NULL, 0, &ill));
    assert_true(placeview_ill(levels, countof(levels), &ill));
    assert_non_null(strstr(ill.what, "level 4 has 200 in a bucket, of 8 that are usual and 64 beside"));
    assert_int_equal(ill.what[strlen(ill.what) - 1], 'y');
}

static void json(void **state)
{
    (void)state;
    json_t *list = placeview_json(levels, countof(levels));
    assert_int_equal(json_array_size(list), 4);
    const json_t *one = json_array_get(list, 2);
    assert_string_equal(json_string_value(json_object_get(one, "kind")), "tbs_fp");
    assert_int_equal(json_integer_value(json_object_get(one, "level")), 4);
    assert_true(json_is_true(json_object_get(one, "more")));
    assert_true(json_is_true(json_object_get(one, "lags")));
    assert_true(json_is_false(json_object_get(json_array_get(list, 3), "lags")));
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 3), "kind")), "sha256");
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts), cmocka_unit_test(the_worst_is_named),
                                       cmocka_unit_test(json)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
