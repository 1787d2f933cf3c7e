#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/compact.h"

static void stores_and_loads(void **state)
{
    static const uint64_t sizes[] = {0, 1, 2, 3, 255, 256, 1000003, UINT64_MAX};
    uint8_t stored[COMPACT_BYTES_MAX];
    (void)state;
    for (size_t i = 0; i < countof(sizes); i++) {
        struct compact before = {.size = sizes[i]}, after;
        memset(&after, 0xff, sizeof after);
        for (size_t k = 0; k < compact_count(&before); k++)
            memset(before.hash[k], (int)k + 1, 32);
        size_t len = compact_store(&before, stored);
        assert_int_equal(len, 8 + 32 * compact_count(&before));
        assert_true(compact_load(&after, span_of(stored, len)));
        assert_memory_equal(&before, &after, sizeof before);
        assert_false(compact_load(&after, span_of(stored, len - 1)));
    }
}

static void other_bytes_are_refused(void **state)
{
    struct compact compact = {.size = 42};
    uint8_t stored[COMPACT_BYTES_MAX] = {0};
    (void)state;
    assert_false(compact_load(&compact, SPAN_NONE));
    assert_false(compact_load(&compact, span_of(stored, 7)));
    assert_false(compact_load(&compact, span_of(stored, 8 + 32)));
    stored[7] = 3;
    assert_false(compact_load(&compact, span_of(stored, 8 + 32)));
    assert_true(compact_load(&compact, span_of(stored, 8 + 64)));
    assert_int_equal(compact.size, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(stores_and_loads),
                                       cmocka_unit_test(other_bytes_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
